#include "lob/lane_accounts.hpp"

#include <algorithm>

#include "lob/orders.hpp"

namespace lob {
namespace {

constexpr std::uint8_t kind_place = 0;

}  // namespace

LaneAccounts::LaneAccounts(const TraderConfig& config, std::size_t sample_steps)
    : slots_(config.slots), sample_steps_(sample_steps), before_(config.slots.size()) {
  const auto is_traded = [](const TraderSlot& slot) { return slot.terms.instrument != no_instrument; };
  const auto first = std::find_if(slots_.begin(), slots_.end(), is_traded);
  if (first != slots_.end()) quote_group_ = first->terms.quote_group;
}

std::size_t LaneAccounts::slot_of(InstrumentId instrument) const noexcept {
  const auto is_it = [&](const TraderSlot& slot) { return slot.terms.instrument == instrument; };
  return static_cast<std::size_t>(std::find_if(slots_.begin(), slots_.end(), is_it) - slots_.begin());
}

bool LaneAccounts::is_counted(std::size_t slot) const noexcept {
  return slot < slots_.size() && slots_[slot].terms.instrument != no_instrument &&
         slots_[slot].terms.quote_group == quote_group_;
}

void LaneAccounts::read(const TradingOutputs& out, const Trader& trader) {
  counts_.decisions += out.decisions.size() - seen_.decisions;
  seen_.decisions = out.decisions.size();
  for (; seen_.orders < out.orders.size(); ++seen_.orders) read_order(out.orders[seen_.orders]);
  for (; seen_.order_events < out.order_events.size(); ++seen_.order_events)
    read_order_event(out.order_events[seen_.order_events]);
  for (; seen_.fills < out.fills.size(); ++seen_.fills) read_fill(out.fills[seen_.fills], trader);
}

void LaneAccounts::read_order(const OrderRequestRecord& order) {
  const std::size_t slot = slot_of(order.instrument);
  if (order.kind != kind_place || slot == slots_.size()) return;
  ++counts_.orders;
  counts_.submitted_lots += order.size_units / slots_[slot].terms.lot.value;
}

void LaneAccounts::read_order_event(const OrderEventRecord& event) {
  switch (static_cast<OrderState>(event.state_to)) {
    case OrderState::refused:
      ++counts_.refused;
      break;
    case OrderState::cancelled:
      ++counts_.cancelled;
      break;
    case OrderState::rejected:
      ++counts_.rejected;
      break;
    case OrderState::expired:
      ++counts_.expired;
      break;
    default:
      break;
  }
}

void LaneAccounts::read_fill(const FillRecord& fill, const Trader& trader) {
  const std::size_t slot = slot_of(fill.instrument);
  if (slot == slots_.size()) return;
  ++counts_.fills;
  counts_.maker_fills += fill.is_maker;
  counts_.filled_lots += fill.size_units / slots_[slot].terms.lot.value;

  const Position& position = trader.position(slot);
  const SlotBefore before = before_[slot];
  before_[slot] = {position.units, position.realised_quote_units};
  if (!is_counted(slot)) return;
  const Int128 unit_e18 = slots_[slot].terms.quote_unit_e18;
  const bool is_buy = fill.side == static_cast<std::uint8_t>(Side::bid);
  turnover_e18_ += notional(PriceTicks{fill.price_ticks}, SizeUnits{fill.size_units}) * unit_e18;
  if (position.mid_x2_ticks > 0) {
    const Int128 better_x2 = position.mid_x2_ticks - Int128{2} * fill.price_ticks;
    spread_e18_x2_ += (is_buy ? better_x2 : -better_x2) * fill.size_units * unit_e18;
  }
  const bool is_reducing = is_buy ? before.units.value < 0 : before.units.value > 0;
  if (!is_reducing) return;
  const Int128 won =
      Int128{position.realised_quote_units} - before.realised_quote_units - fill.fee_quote_units;
  (won > 0 ? counts_.winning_closes : counts_.losing_closes) += 1;
  (won > 0 ? profit_e18_ : loss_e18_) += magnitude(won) * unit_e18;
}

void LaneAccounts::on_step(const Trader& trader) {
  ++counts_.steps;
  const std::int64_t equity_e8 = trader.equity_e8(quote_group_);
  peak_e8_ = std::max(peak_e8_, equity_e8);
  counts_.max_drawdown_e8 = std::max(counts_.max_drawdown_e8, peak_e8_ - equity_e8);
  if (counts_.steps % sample_steps_ == 0) equity_samples_.push_back(equity_e8);
}

LaneSummary LaneAccounts::summary(const Trader& trader) const {
  const EquityRecord now = trader.weighed(quote_group_);
  LaneSummary row = counts_;
  row.turnover_e8 = e8_of(turnover_e18_);
  row.gross_profit_e8 = e8_of(profit_e18_);
  row.gross_loss_e8 = e8_of(loss_e18_);
  row.fees_e8 = now.fees_e8;
  row.funding_e8 = now.funding_e8;
  row.spread_earned_e8 = e8_of(floor_div(spread_e18_x2_, 2));
  row.realised_e8 = now.realised_e8;
  row.unrealised_e8 = now.unrealised_e8;
  row.equity_e8 = now.equity_e8;
  row.quote_group = quote_group_;
  return row;
}

}  // namespace lob
