// Orders on their way out and replies on their way in.
#include <algorithm>

#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {
namespace {

SizeUnits signed_remaining(const Order& order) noexcept {
  return order.side == Side::bid ? order.remaining() : -order.remaining();
}

/// Would a working order leave `position` at zero or nearer to it, if it filled?
bool only_closes(SizeUnits delta, SizeUnits position) noexcept {
  return is_opposite(position, delta) && magnitude(delta) <= magnitude(position);
}

TraderError error_of(OrderError error) noexcept {
  switch (error) {
    case OrderError::none:
      return TraderError::none;
    case OrderError::unknown_order:
      return TraderError::unknown_order;
    case OrderError::illegal_transition:
      return TraderError::illegal_transition;
    case OrderError::mismatch:
      return TraderError::mismatch;
    case OrderError::overfilled:
      return TraderError::overfilled;
  }
  return TraderError::illegal_transition;
}

/// A rejection that is about our timing and not about the venue's health.
bool is_expected(const VenueReply& reply) noexcept {
  if (reply.origin == code(ReplyOrigin::simulated)) return reply.reason == code(SimReason::would_cross);
  return reply.reason == code(VenueReason::would_take);
}

/// A fee in the base asset is booked exactly where the size unit is known, else by its value.
PositionFill position_fill(const VenueReply& reply, Int128 size_unit_e18) noexcept {
  PositionFill fill{.side = static_cast<Side>(reply.side),
                    .price = PriceTicks{reply.price_ticks},
                    .size = SizeUnits{reply.size_units},
                    .fee_quote_units = reply.fee_quote_units,
                    .trade_id = reply.trade_id};
  if (reply.fee_asset != code(FeeAsset::base) || size_unit_e18 == 0) return fill;
  Int128 scale = 1;
  for (std::uint8_t left = reply.fee_decimals; left < fee_decimals_max; ++left) scale *= 10;
  fill.fee_quote_units = 0;
  fill.fee_base_e18 = reply.fee_mantissa * scale;
  fill.size_unit_e18 = size_unit_e18;
  return fill;
}

}  // namespace

RiskRule Trader::judge(const Order& order, const Order* ahead, const MarketView& market, TsNs ts_ns) const {
  const OrderIntent intent{.side = order.side,
                           .price = order.price,
                           .size = order.size,
                           .purpose = order.purpose,
                           .ts_step_ns = order.ts_step_ns};
  return check(intent, risk_context(order, ahead, market, ts_ns), config_.risk);
}

RiskRule Trader::send(Cause cause, Order& order, const MarketView& market, TradingOutputs& out) {
  const RiskRule rule = judge(order, nullptr, market, cause.ts_ns);
  settle(cause, order, rule, out);
  return rule;
}

void Trader::settle(Cause cause, Order& order, RiskRule rule, TradingOutputs& out) {
  order.client_order_id = orders_.next_client_order_id();
  order.state = rule == RiskRule::none ? OrderState::pending_new : OrderState::refused;
  order.ts_asked_ns = cause.ts_ns;
  order.is_reduce_only = rule == RiskRule::none && is_reduce_only(order);
  emit_order_event(cause, order, OrderState::pending_new, code(rule), out);
  if (rule != RiskRule::none) {
    ++counters_.orders_refused;
    ++counters_.refused_by_rule[static_cast<std::size_t>(rule)];
    if (rule == RiskRule::self_trade) cancel_met(cause, order, out);
    return;
  }
  orders_.add(order);
  ++counters_.orders_sent;
  const SlotTerms& terms = terms_[order.slot];
  history_.note_sent(order.slot, terms.venue, order.side, order.price, order.size, cause.ts_ns);
  emit_request(cause, order, RequestKind::place, out);
}

void Trader::cancel(Cause cause, const Order& order, TradingOutputs& out) {
  const OrderChange change = orders_.cancel(order.client_order_id, cause.ts_ns);
  if (change.is_changed) emit_order_event(cause, change.order, change.from, 0, out);
  emit_request(cause, order, RequestKind::cancel, out);
}

std::vector<Order> Trader::unwanted(TradingState state) const {
  std::vector<Order> chosen;
  if (state == TradingState::active) return chosen;
  // What is left of each position once the orders kept so far have filled: two that each close it whole would
  // together go through zero.
  std::vector<SizeUnits> left;
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) left.push_back(positions_.at(slot).units);
  for (const auto& [id, order] : orders_.live()) {
    const SizeUnits delta = signed_remaining(order);
    const bool is_kept = state == TradingState::reducing && only_closes(delta, left[order.slot]);
    if (is_kept) left[order.slot] += delta;
    if (!is_kept && order.state != OrderState::pending_cancel) chosen.push_back(order);
  }
  return chosen;
}

void Trader::cancel_orders(Cause cause, TradingState state, TradingOutputs& out) {
  for (const Order& order : unwanted(state)) cancel(cause, order, out);
}

void Trader::cancel_slot(Cause cause, std::size_t slot, TradingOutputs& out) {
  std::vector<Order> chosen;
  for (const auto& [id, order] : orders_.live()) {
    if (order.slot == slot && order.state != OrderState::pending_cancel) chosen.push_back(order);
  }
  for (const Order& order : chosen) cancel(cause, order, out);
}

void Trader::cancel_stale_quotes(Cause cause, TradingOutputs& out) {
  if (cause.ts_ns - ts_forecast_step_ns_ <= config_.risk.forecast_age_max_ns) return;
  std::vector<Order> chosen;
  for (const auto& [id, order] : orders_.live()) {
    const bool is_quote = order.purpose == OrderPurpose::quote && order.strategy < strategies_.size();
    const bool is_due = order.state != OrderState::pending_cancel && order.state != OrderState::unknown;
    if (is_quote && is_due && strategies_[order.strategy]->cadence() == Cadence::forecast)
      chosen.push_back(order);
  }
  for (const Order& order : chosen) cancel(cause, order, out);
}

void Trader::give_up_waiting(Cause cause, TradingOutputs& out) {
  std::vector<std::uint64_t> overdue;
  for (const auto& [id, order] : orders_.live()) {
    if (order.is_awaited() && cause.ts_ns - order.ts_asked_ns > config_.reply_timeout_ns)
      overdue.push_back(id);
  }
  for (const std::uint64_t id : overdue) {
    const OrderChange change = orders_.apply(id, OrderTrigger::no_answer);
    history_.note_error(terms_[change.order.slot].venue, cause.ts_ns);
    if (change.is_changed) emit_order_event(cause, change.order, change.from, 0, out);
    on_unknown(cause, change, out);
  }
}

TraderError Trader::move(Cause cause, OrderTrigger trigger, const VenueReply& reply, TradingOutputs& out) {
  const bool is_simulated = reply.origin == code(ReplyOrigin::simulated);
  const OrderTold told{.price = PriceTicks{reply.price_ticks},
                       .size = SizeUnits{reply.size_units},
                       .cumulative_units = is_simulated ? unknown_units : reply.cumulative_units,
                       .ts_ns = cause.ts_ns};
  const OrderChange change = orders_.apply(reply.client_order_id, trigger, told);
  if (change.is_changed) emit_order_event(cause, change.order, change.from, reply.reason, out, !is_simulated);
  const bool is_error =
      reply.kind == code(VenueReplyKind::rejected) || reply.kind == code(VenueReplyKind::unanswered);
  if (change.is_changed && is_error && !is_expected(reply)) {
    history_.note_error(terms_[change.order.slot].venue, cause.ts_ns);
  }
  on_unknown(cause, change, out);
  return error_of(change.error);
}

TraderError Trader::not_booked(Cause cause, FillOutcome outcome, TradingOutputs& out) {
  if (outcome == FillOutcome::malformed) return TraderError::malformed_reply;
  if (outcome != FillOutcome::overflow) return TraderError::none;
  move_state(cause, TradingOp::halt, TradingTrigger::limit, "position sums leave int64", out);
  return TraderError::overflow;
}

TraderError Trader::on_fill(Cause cause, std::size_t slot, const VenueReply& reply, TradingOutputs& out) {
  const PositionFill fill = position_fill(reply, config_.slots[slot].size_unit_e18);
  const Position before = positions_.at(slot);
  const FillOutcome outcome = positions_.apply(slot, fill);
  if (outcome == FillOutcome::duplicate) ++counters_.duplicate_fills;
  if (outcome != FillOutcome::applied) return not_booked(cause, outcome, out);
  ++counters_.fills;
  is_booked_ = true;
  const bool is_simulated = reply.origin == code(ReplyOrigin::simulated);
  const Order* order = orders_.find(reply.client_order_id);
  const std::uint8_t strategy = order == nullptr ? no_strategy : order->strategy;
  const Position& after = positions_.at(slot);
  own_fill(slot, strategy, after.units - before.units);
  out.fills.push_back({.seq = cause.seq,
                       .ts_ns = cause.ts_ns,
                       .client_order_id = reply.client_order_id,
                       .trade_id = reply.trade_id,
                       .price_ticks = reply.price_ticks,
                       .size_units = reply.size_units,
                       .fee_quote_units = after.fees_quote_units - before.fees_quote_units,
                       .instrument = reply.instrument,
                       .side = reply.side,
                       .is_maker = reply.is_maker,
                       .strategy = strategy,
                       .fee_asset = reply.fee_asset});
  const OrderChange change = orders_.apply_fill(reply.client_order_id, fill.size);
  if (change.is_changed) emit_order_event(cause, change.order, change.from, reply.reason, out, !is_simulated);
  emit_position(cause, slot, out);
  const bool is_over = terms_[slot].max_position < magnitude(positions_.at(slot).units);
  if (is_over && state() == TradingState::active) {
    move_state(cause, TradingOp::reduce, TradingTrigger::limit, "position over max_position after a fill",
               out);
  }
  return error_of(change.error);
}

TraderError Trader::on_funding(Cause cause, std::size_t slot, const VenueReply& reply, TradingOutputs& out) {
  const FillOutcome outcome = positions_.apply_funding(slot, reply.fee_quote_units, reply.trade_id);
  if (outcome != FillOutcome::applied) return not_booked(cause, outcome, out);
  is_booked_ = true;
  out.funding.push_back({.seq = cause.seq,
                         .ts_ns = cause.ts_ns,
                         .ts_funding_ns = reply.ts_venue_ns,
                         .trade_id = reply.trade_id,
                         .position_units = reply.size_units,
                         .mark_price_ticks = reply.price_ticks,
                         .rate_e8 = reply.cumulative_units,
                         .paid_quote_units = reply.fee_quote_units,
                         .instrument = reply.instrument,
                         .reserved = 0});
  emit_position(cause, slot, out);
  return TraderError::none;
}

}  // namespace lob
