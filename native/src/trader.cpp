#include "lob/trader.hpp"

#include <algorithm>
#include <utility>

namespace lob {
namespace {

constexpr std::uint8_t type_limit = 0;
constexpr std::uint8_t time_in_force_ioc = 1;
constexpr std::uint8_t kind_place = 0;
constexpr std::uint8_t kind_cancel = 1;

template <class E>
constexpr std::uint8_t code(E value) noexcept {
  return static_cast<std::uint8_t>(value);
}

SizeUnits round_to_lot(SizeUnits size, SizeUnits lot) noexcept {
  return SizeUnits{size.value - size.value % lot.value};
}

bool is_closing(SizeUnits position, SizeUnits delta) noexcept {
  return (position.value > 0 && delta.value < 0) || (position.value < 0 && delta.value > 0);
}

/// Would this working order leave the position at zero or nearer to it, if it filled?
bool only_closes(const Order& order, SizeUnits position) noexcept {
  const SizeUnits delta = order.side == Side::bid ? order.remaining() : -order.remaining();
  return is_closing(position, delta) && magnitude(delta) <= magnitude(position);
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

OrderTrigger trigger_of(const SimReply& reply) noexcept {
  switch (static_cast<SimReplyKind>(reply.kind)) {
    case SimReplyKind::ack:
      return OrderTrigger::ack;
    case SimReplyKind::cancelled:
      return OrderTrigger::cancelled;
    case SimReplyKind::expired:
      return OrderTrigger::expired;
    case SimReplyKind::rejected:
    case SimReplyKind::fill:
      break;
  }
  // A cancel that found nothing is not a rejection of the order.
  const bool is_cancel = reply.reason == code(SimReason::unknown_order);
  return is_cancel ? OrderTrigger::cancel_rejected : OrderTrigger::rejected;
}

}  // namespace

Trader::Trader(TraderConfig config)
    : config_(std::move(config)), orders_(config_.run_tag), positions_(config_.slots.size()) {}

bool Trader::is_masked(std::size_t slot) const noexcept {
  return config_.slots[slot].instrument == no_instrument;
}

std::size_t Trader::slot_of(InstrumentId instrument) const noexcept {
  std::size_t slot = 0;
  while (slot < config_.slots.size() && config_.slots[slot].instrument != instrument) ++slot;
  return slot;
}

void Trader::on_start(std::uint64_t seq, TsNs ts_ns, TradingOutputs& out) {
  if (std::exchange(is_started_, true)) return;
  emit_state_event({seq, ts_ns}, state(), TradingTrigger::start, "start", out);
}

TraderError Trader::on_forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                                const ForecastView& forecast, std::span<const TopOfBook> tops,
                                TradingOutputs& out) {
  const bool is_ours = forecast.has_shape() && forecast.slot_count == config_.slots.size();
  if (!is_ours || forecast.horizon_steps < config_.signal.horizon_step) return TraderError::forecast_shape;
  if (!forecast.is_finite()) return TraderError::forecast_not_finite;

  // Marks first: one slot's exposure limit needs the other slots' mids of this moment.
  for (std::size_t slot = 0; slot < config_.slots.size(); ++slot) positions_.mark(slot, tops[slot]);
  for (std::size_t slot = 0; slot < config_.slots.size(); ++slot) {
    if (is_masked(slot)) continue;
    DecisionRecord decision{};
    decision.ts_step_ns = ts_step_ns;
    decision.forecast_bps = forecast.mid_bps(config_.signal.horizon_step, slot);
    decision.model_id = model_id;
    decide_slot({seq, ts_ns}, slot, decision, tops[slot], out);
    out.decisions.push_back(decision);
  }
  return TraderError::none;
}

void Trader::decide_slot(Cause cause, std::size_t slot, DecisionRecord& decision, const TopOfBook& top,
                         TradingOutputs& out) {
  const TraderSlot& terms = config_.slots[slot];
  const SizeUnits position = positions_.at(slot).units;
  const SignalTerms signal_terms{.taker_fee_e8 = terms.taker_fee_e8,
                                 .order_size = terms.order_size,
                                 .is_short_allowed = terms.is_short_allowed};
  const SignalVerdict wanted = decide(decision.forecast_bps, top, position, signal_terms, config_.signal);
  decision.seq = cause.seq;
  decision.ts_ns = cause.ts_ns;
  decision.instrument = terms.instrument;
  decision.cost_bps = wanted.cost_bps;
  decision.position_units = position.value;
  decision.target_units = wanted.target.value;
  decision.action = code(wanted.action);
  decision.trading_state = code(state());
  if (wanted.action == SignalAction::no_book) decision.rule = code(RiskRule::invalid_book);
  if (wanted.action == SignalAction::no_book || wanted.action == SignalAction::hold) return;
  if (orders_.is_working(slot)) {
    decision.action = code(SignalAction::wait);
    return;
  }
  OrderIntent order = intent(slot, top, wanted.target, OrderPurpose::signal);
  order.ts_step_ns = decision.ts_step_ns;
  // Less than one lot away is there.
  if (order.size.value == 0)
    decision.action = code(SignalAction::hold);
  else
    decision.rule = code(send(cause, slot, order, top, decision.client_order_id, out));
}

SizeUnits Trader::order_size(std::size_t slot, SizeUnits target) const noexcept {
  const TraderSlot& terms = config_.slots[slot];
  const SizeUnits position = positions_.at(slot).units;
  const SizeUnits delta = target - position;
  const bool is_cut = is_closing(position, delta) && terms.max_order_size < magnitude(delta);
  return round_to_lot(is_cut ? terms.max_order_size : magnitude(delta), terms.lot);
}

OrderIntent Trader::intent(std::size_t slot, const TopOfBook& top, SizeUnits target,
                           OrderPurpose purpose) const noexcept {
  const TraderSlot& terms = config_.slots[slot];
  const bool is_buy = positions_.at(slot).units < target;
  const PriceTicks cap{purpose == OrderPurpose::flatten ? terms.flatten_cap_ticks : terms.slippage_cap_ticks};
  const PriceTicks lowest{1};
  return {.side = is_buy ? Side::bid : Side::ask,
          .price = is_buy ? top.ask + cap : std::max(lowest, top.bid - cap),
          .size = order_size(slot, target),
          .purpose = purpose};
}

WorstExposure Trader::other_exposure(std::size_t slot) const noexcept {
  WorstExposure sum;
  for (std::size_t other = 0; other < config_.slots.size(); ++other) {
    const TraderSlot& terms = config_.slots[other];
    if (other == slot || is_masked(other) || terms.quote_group != config_.slots[slot].quote_group) continue;
    const Position& held = positions_.at(other);
    const InFlight in_flight = orders_.in_flight(other);
    sum += worst_exposure(held.units, in_flight.buys.value, in_flight.sells.value, held.mid_x2_ticks,
                          terms.quote_unit_e18);
  }
  return sum;
}

RiskContext Trader::risk_context(std::size_t slot, const TopOfBook& top, TsNs ts_ns) const noexcept {
  const TraderSlot& terms = config_.slots[slot];
  const InFlight in_flight = orders_.in_flight(slot);
  return {.state = state(),
          .top = top,
          .position = positions_.at(slot).units,
          .buys_in_flight = in_flight.buys,
          .sells_in_flight = in_flight.sells,
          .lot = terms.lot,
          .max_position = terms.max_position,
          .max_order_size = terms.max_order_size,
          .quote_unit_e18 = terms.quote_unit_e18,
          .others = other_exposure(slot),
          .ts_ns = ts_ns};
}

RiskRule Trader::send(Cause cause, std::size_t slot, const OrderIntent& wanted, const TopOfBook& top,
                      std::uint64_t& client_order_id, TradingOutputs& out) {
  const RiskRule rule = check(wanted, risk_context(slot, top, cause.ts_ns), config_.risk);
  Order order{.client_order_id = orders_.next_client_order_id(),
              .slot = static_cast<std::uint32_t>(slot),
              .side = wanted.side,
              .state = rule == RiskRule::none ? OrderState::pending_new : OrderState::refused,
              .price = wanted.price,
              .size = wanted.size,
              .filled = {},
              .ts_sent_ns = cause.ts_ns};
  emit_order_event(cause, order, OrderState::pending_new, code(rule), out);
  if (rule != RiskRule::none) {
    ++counters_.orders_refused;
    return rule;
  }
  orders_.add(order);
  ++counters_.orders_sent;
  client_order_id = order.client_order_id;
  out.orders.push_back({.seq = cause.seq,
                        .ts_ns = cause.ts_ns,
                        .client_order_id = order.client_order_id,
                        .price_ticks = order.price.value,
                        .size_units = order.size.value,
                        .instrument = config_.slots[slot].instrument,
                        .kind = kind_place,
                        .side = code(order.side),
                        .type = type_limit,
                        .time_in_force = time_in_force_ioc});
  return rule;
}

TraderError Trader::on_reply(std::uint64_t seq, TsNs ts_ns, const SimReply& reply, TradingOutputs& out) {
  const std::size_t slot =
      reply.instrument == no_instrument ? config_.slots.size() : slot_of(reply.instrument);
  if (slot == config_.slots.size()) return TraderError::unknown_instrument;
  if (!orders_.is_ours(reply.client_order_id)) return TraderError::foreign_order;

  const Order* order = orders_.find(reply.client_order_id);
  if (order != nullptr && (order->slot != slot || code(order->side) != reply.side))
    return TraderError::mismatch;
  if (reply.kind == code(SimReplyKind::fill)) return on_fill({seq, ts_ns}, slot, reply, out);
  return move({seq, ts_ns}, trigger_of(reply), reply, out);
}

TraderError Trader::move(Cause cause, OrderTrigger trigger, const SimReply& reply, TradingOutputs& out) {
  const OrderChange change = orders_.apply(reply.client_order_id, trigger);
  if (change.is_changed) emit_order_event(cause, change.order, change.from, reply.reason, out);
  return error_of(change.error);
}

TraderError Trader::on_fill(Cause cause, std::size_t slot, const SimReply& reply, TradingOutputs& out) {
  const PositionFill fill{.side = static_cast<Side>(reply.side),
                          .price = PriceTicks{reply.price_ticks},
                          .size = SizeUnits{reply.size_units},
                          .fee_quote_units = reply.fee_quote_units,
                          .trade_id = reply.trade_id};
  switch (positions_.apply(slot, fill)) {
    case FillOutcome::applied:
      break;
    case FillOutcome::duplicate:
      ++counters_.duplicate_fills;
      return TraderError::none;
    case FillOutcome::malformed:
      return TraderError::malformed_reply;
    case FillOutcome::overflow:
      move_state(cause, TradingOp::halt, TradingTrigger::limit, "position sums leave int64", out);
      return TraderError::overflow;
  }
  ++counters_.fills;
  out.fills.push_back({.seq = cause.seq,
                       .ts_ns = cause.ts_ns,
                       .client_order_id = reply.client_order_id,
                       .trade_id = reply.trade_id,
                       .price_ticks = reply.price_ticks,
                       .size_units = reply.size_units,
                       .fee_quote_units = reply.fee_quote_units,
                       .instrument = reply.instrument,
                       .side = reply.side,
                       .is_maker = reply.is_maker,
                       .reserved = 0});
  const OrderChange change = orders_.apply_fill(reply.client_order_id, fill.size);
  if (change.is_changed) emit_order_event(cause, change.order, change.from, reply.reason, out);
  emit_position(cause, slot, out);
  const bool is_over = config_.slots[slot].max_position < magnitude(positions_.at(slot).units);
  if (is_over && state() == TradingState::active) {
    move_state(cause, TradingOp::reduce, TradingTrigger::limit, "position over max_position after a fill",
               out);
  }
  return error_of(change.error);
}

TraderError Trader::on_command(std::uint64_t seq, TsNs ts_ns, TradingOp op, TradingTrigger trigger,
                               std::string_view reason, TradingOutputs& out) {
  if (op == TradingOp::flat_confirmed) return TraderError::not_allowed;
  return move_state({seq, ts_ns}, op, trigger, reason, out);
}

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

void Trader::cancel_orders(Cause cause, TradingState state, TradingOutputs& out) {
  if (state == TradingState::active) return;
  std::vector<Order> chosen;
  for (const auto& [id, order] : orders_.live()) {
    const bool is_kept =
        state == TradingState::reducing && only_closes(order, positions_.at(order.slot).units);
    if (!is_kept && order.state != OrderState::pending_cancel) chosen.push_back(order);
  }
  for (const Order& order : chosen) {
    const OrderChange change = orders_.apply(order.client_order_id, OrderTrigger::cancel_sent);
    if (change.is_changed) emit_order_event(cause, change.order, change.from, 0, out);
    out.orders.push_back({.seq = cause.seq,
                          .ts_ns = cause.ts_ns,
                          .client_order_id = order.client_order_id,
                          .price_ticks = order.price.value,
                          .size_units = order.remaining().value,
                          .instrument = config_.slots[order.slot].instrument,
                          .kind = kind_cancel,
                          .side = code(order.side),
                          .type = type_limit,
                          .time_in_force = time_in_force_ioc});
  }
}

void Trader::on_step(std::uint64_t seq, TsNs ts_ns, std::span<const TopOfBook> tops, TradingOutputs& out) {
  const Cause cause{seq, ts_ns};
  give_up_waiting(cause, out);
  for (std::size_t slot = 0; slot < config_.slots.size(); ++slot) {
    positions_.mark(slot, tops[slot]);
    if (positions_.at(slot).units.value != 0) emit_position(cause, slot, out);
  }
  if (state() == TradingState::flattening) close_positions(cause, tops, out);
}

void Trader::give_up_waiting(Cause cause, TradingOutputs& out) {
  std::vector<std::uint64_t> overdue;
  for (const auto& [id, order] : orders_.live()) {
    // Every order here is IOC: an acknowledged one owes us its end as much as a sent one its answer.
    const bool is_awaited = order.state != OrderState::unknown;
    if (is_awaited && cause.ts_ns - order.ts_sent_ns > config_.reply_timeout_ns) overdue.push_back(id);
  }
  for (const std::uint64_t id : overdue) {
    const OrderChange change = orders_.apply(id, OrderTrigger::no_answer);
    if (change.is_changed) emit_order_event(cause, change.order, change.from, 0, out);
  }
}

void Trader::close_positions(Cause cause, std::span<const TopOfBook> tops, TradingOutputs& out) {
  for (std::size_t slot = 0; slot < config_.slots.size(); ++slot) {
    if (is_masked(slot) || orders_.is_working(slot) || !tops[slot].is_usable()) continue;
    const OrderIntent order = intent(slot, tops[slot], SizeUnits{0}, OrderPurpose::flatten);
    std::uint64_t client_order_id = 0;
    if (order.size.value > 0) send(cause, slot, order, tops[slot], client_order_id, out);
  }
  if (is_flat())
    move_state(cause, TradingOp::flat_confirmed, flatten_trigger_, "nothing open, nothing working", out);
}

bool Trader::is_flat() const noexcept {
  if (!orders_.live().empty()) return false;
  for (std::size_t slot = 0; slot < config_.slots.size(); ++slot) {
    // What is smaller than a lot cannot be sold and does not hold the trader open.
    if (!is_masked(slot) && magnitude(positions_.at(slot).units) >= config_.slots[slot].lot) return false;
  }
  return true;
}

}  // namespace lob
