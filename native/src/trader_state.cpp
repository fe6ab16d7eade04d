// The trading state as the trader moves it: commands, trips, and closing what is open.
#include <algorithm>

#include "lob/money.hpp"
#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {
namespace {

TraderError error_of(TradingOpError error) noexcept {
  switch (error) {
    case TradingOpError::none:
      return TraderError::none;
    case TradingOpError::not_allowed:
      return TraderError::not_allowed;
    case TradingOpError::operator_only:
      return TraderError::operator_only;
    case TradingOpError::reason_missing:
      return TraderError::reason_missing;
  }
  return TraderError::not_allowed;
}

}  // namespace

TraderError Trader::move_state(Cause cause, TradingOp op, TradingTrigger trigger, std::string_view reason,
                               TradingOutputs& out) {
  const TradingVerdict verdict = state_.apply(op, trigger, reason);
  if (verdict.error != TradingOpError::none) return error_of(verdict.error);
  if (!verdict.is_changed()) return TraderError::none;
  if (op == TradingOp::flatten) flatten_trigger_ = trigger;
  emit_state_event(cause, verdict.from, trigger, reason, out);
  cancel_orders(cause, verdict.to, out);
  return TraderError::none;
}

void Trader::close_positions(Cause cause, const MarketView& market, TradingOutputs& out) {
  const bool is_flattening = state() == TradingState::flattening;
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    if (!is_masked(slot) && (is_flattening || closing_[slot].is_due)) close_slot(cause, slot, market, out);
  }
  if (is_flattening && is_flat())
    move_state(cause, TradingOp::flat_confirmed, flatten_trigger_, "nothing open, nothing working", out);
}

void Trader::close_slot(Cause cause, std::size_t slot, const MarketView& market, TradingOutputs& out) {
  const SizeUnits held = positions_.at(slot).units;
  const TopOfBook& top = market.slots[slot].top;
  if (orders_.is_working(slot) || state() == TradingState::halted) return;
  if (magnitude(held) < terms_[slot].lot) {
    closing_[slot].is_due = false;
    return;
  }
  if (!top.is_usable()) return;
  const OrderIntent intent = taker(slot, top, held, SizeUnits{0}, PriceTicks{0}, OrderPurpose::flatten);
  if (intent.size.value == 0) return;
  Order order{};
  order.slot = static_cast<std::uint32_t>(slot);
  order.side = intent.side;
  order.purpose = OrderPurpose::flatten;
  order.model_id = model_id_;
  order.price = intent.price;
  order.size = intent.size;
  if (config_.execution.closes_at_market) order.type = OrderType::market;
  send(cause, order, market, out);
}

bool Trader::is_flat() const noexcept {
  if (!orders_.live().empty()) return false;
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    // What is smaller than a lot cannot be sold and does not hold the trader open.
    if (!is_masked(slot) && magnitude(positions_.at(slot).units) >= terms_[slot].lot) return false;
  }
  return true;
}

}  // namespace lob
