#include "lob/trader.hpp"

#include <algorithm>
#include <utility>

#include "trader_codes.hpp"

namespace lob {
namespace {

/// Of a reply that is neither fill nor funding.
OrderTrigger trigger_of(const VenueReply& reply) noexcept {
  switch (static_cast<VenueReplyKind>(reply.kind)) {
    case VenueReplyKind::ack:
      return OrderTrigger::ack;
    case VenueReplyKind::cancelled:
      return OrderTrigger::cancelled;
    case VenueReplyKind::expired:
      return OrderTrigger::expired;
    case VenueReplyKind::cancel_rejected:
      return OrderTrigger::cancel_rejected;
    case VenueReplyKind::unanswered:
      return OrderTrigger::no_answer;
    case VenueReplyKind::amended:
      return OrderTrigger::amended;
    case VenueReplyKind::amend_rejected: {
      // The venue does not know the order: as with a cancel, it may have filled or ended.
      const bool is_lost = reply.reason == code(VenueReason::unknown_order);
      return is_lost ? OrderTrigger::cancel_rejected : OrderTrigger::amend_rejected;
    }
    case VenueReplyKind::absent:
      return OrderTrigger::absent;
    case VenueReplyKind::rejected:
    case VenueReplyKind::fill:
    case VenueReplyKind::funding:
      break;
  }
  return OrderTrigger::rejected;
}
static_assert(code(VenueReason::unknown_order) == code(SimReason::unknown_order));

/// Does the reply fit the order? Only of fills the side is asked: what else a venue says names the order
/// alone.
bool fits(const VenueReply& reply, const Order& order, std::size_t slot) noexcept {
  const bool has_side =
      reply.kind == code(VenueReplyKind::fill) || reply.origin == code(ReplyOrigin::simulated);
  return order.slot == slot && (!has_side || code(order.side) == reply.side);
}

std::vector<SlotTerms> terms_of(const std::vector<TraderSlot>& slots) {
  std::vector<SlotTerms> terms;
  for (const TraderSlot& slot : slots) terms.push_back(slot.terms);
  return terms;
}

/// An empty row a quote currency, in the order of the slots.
std::vector<EquityRecord> no_equity(const std::vector<SlotTerms>& terms) {
  std::vector<EquityRecord> rows;
  for (const SlotTerms& slot : terms) {
    const auto is_it = [&](const EquityRecord& row) { return row.quote_group == slot.quote_group; };
    if (slot.instrument == no_instrument || std::any_of(rows.begin(), rows.end(), is_it)) continue;
    rows.push_back(EquityRecord{});
    rows.back().quote_group = slot.quote_group;
  }
  return rows;
}

}  // namespace

std::size_t TradingOutputs::count() const noexcept {
  return decisions.size() + orders.size() + order_events.size() + fills.size() + positions.size() +
         state_events.size() + funding.size() + equity.size() + risk_events.size();
}

void TradingOutputs::clear() noexcept {
  decisions.clear();
  orders.clear();
  order_events.clear();
  fills.clear();
  positions.clear();
  state_events.clear();
  funding.clear();
  equity.clear();
  risk_events.clear();
}

Trader::Trader(TraderConfig config)
    : config_(std::move(config)),
      terms_(terms_of(config_.slots)),
      orders_(config_.run_tag),
      positions_(config_.slots.size()),
      history_(config_.risk),
      watch_(config_.watch),
      own_(config_.strategies.size() * config_.slots.size()),
      slicing_(own_.size()),
      closing_(config_.slots.size()),
      equity_(no_equity(terms_)),
      views_(config_.slots.size()),
      seen_(config_.slots.size()) {
  for (const StrategyConfig& strategy : config_.strategies) {
    strategies_.push_back(make_strategy(strategy, terms_));
  }
}

bool Trader::is_masked(std::size_t slot) const noexcept {
  return terms_[slot].instrument == no_instrument;
}

std::size_t Trader::slot_of(InstrumentId instrument) const noexcept {
  std::size_t slot = 0;
  while (slot < terms_.size() && terms_[slot].instrument != instrument) ++slot;
  return slot;
}

void Trader::on_start(std::uint64_t seq, TsNs ts_ns, TradingOutputs& out) {
  if (std::exchange(is_started_, true)) return;
  emit_state_event({seq, ts_ns}, state(), TradingTrigger::start, "start", out);
}

std::size_t Trader::horizon_needed() const noexcept {
  std::size_t needed = 1;
  for (const StrategyConfig& strategy : config_.strategies) {
    needed = std::max(needed, horizon_steps_needed(strategy));
  }
  return needed;
}

/// Before anything is asked for: one slot's exposure limit needs the other slots' mids of this moment.
void Trader::mark_all(const MarketView& market) noexcept {
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) positions_.mark(slot, market.slots[slot].top);
}

TraderError Trader::on_forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                                const ForecastView& forecast, const MarketView& market, TradingOutputs& out) {
  const bool is_ours = forecast.has_shape() && forecast.slot_count == config_.slots.size();
  if (!is_ours || forecast.horizon_steps < horizon_needed()) return TraderError::forecast_shape;
  if (!forecast.is_finite()) return TraderError::forecast_not_finite;

  model_id_ = model_id;
  ts_forecast_step_ns_ = std::max(ts_forecast_step_ns_, ts_step_ns);
  mark_all(market);
  ask_all(Cadence::forecast, {seq, ts_ns}, ts_step_ns, &forecast, market, out);
  return TraderError::none;
}

TraderError Trader::on_wishes(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t strategy,
                              std::vector<Wish> wishes, const MarketView& market, TradingOutputs& out) {
  auto* external =
      strategy < strategies_.size() ? dynamic_cast<ExternalStrategy*>(strategies_[strategy].get()) : nullptr;
  if (external == nullptr) return TraderError::unknown_strategy;
  if (external->set(ts_step_ns, std::move(wishes)) != WishFault::none) return TraderError::bad_wish;
  mark_all(market);
  ask(static_cast<std::uint8_t>(strategy), {seq, ts_ns}, ts_step_ns, nullptr, market, out);
  return TraderError::none;
}

TraderError Trader::on_reply(std::uint64_t seq, TsNs ts_ns, const VenueReply& reply, TradingOutputs& out) {
  const std::size_t slot = reply.instrument == no_instrument ? terms_.size() : slot_of(reply.instrument);
  if (slot == terms_.size()) return TraderError::unknown_instrument;
  const bool is_fill = reply.kind == code(VenueReplyKind::fill);
  const bool is_simulated = reply.origin == code(ReplyOrigin::simulated);
  if (reply.origin == code(ReplyOrigin::stream)) hear_private(terms_[slot].venue, ts_ns);
  if (reply.kind == code(VenueReplyKind::funding)) return on_funding({seq, ts_ns}, slot, reply, out);
  if (!orders_.is_ours(reply.client_order_id)) {
    return is_fill && !is_simulated ? on_foreign_fill({seq, ts_ns}, slot, reply, out)
                                    : TraderError::foreign_order;
  }
  const Order* order = orders_.find(reply.client_order_id);
  if (order != nullptr && !fits(reply, *order, slot)) return TraderError::mismatch;
  if (is_fill) return on_fill({seq, ts_ns}, slot, reply, out);
  return move({seq, ts_ns}, trigger_of(reply), reply, out);
}

TraderError Trader::on_foreign_fill(Cause cause, std::size_t slot, const VenueReply& reply,
                                    TradingOutputs& out) {
  const TraderError error = on_fill(cause, slot, reply, out);
  return error == TraderError::unknown_order ? TraderError::none : error;
}

void Trader::hear_private(Venue venue, TsNs ts_ns) noexcept {
  if (venue == Venue::other) return;
  std::int64_t& heard_ns = facts_[private_fact(venue)];
  heard_ns = std::max(heard_ns, ts_ns);
}

TraderError Trader::on_command(std::uint64_t seq, TsNs ts_ns, TradingOp op, TradingTrigger trigger,
                               std::string_view reason, TradingOutputs& out) {
  if (op == TradingOp::flat_confirmed) return TraderError::not_allowed;
  return move_state({seq, ts_ns}, op, trigger, reason, out);
}

TraderError Trader::on_fact(Fact fact, std::int64_t value) noexcept {
  const bool is_level = fact != Fact::drift_level || (value >= 0 && value <= 3);
  const bool is_time = fact == Fact::clock_offset_ns || value >= 0;
  if (!is_level || !is_time) return TraderError::bad_value;
  facts_[static_cast<std::size_t>(fact)] = value;
  if (fact != Fact::drift_level) return TraderError::none;
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    const SlotTerms& full = config_.slots[slot].terms;
    if (full.instrument == no_instrument) continue;
    // Never less than a lot: the strategy then goes on small rather than not at all.
    const SizeUnits half = std::max(full.lot, round_to_lot(SizeUnits{full.order_size.value / 2}, full.lot));
    terms_[slot].order_size = value > 0 ? half : full.order_size;
  }
  return TraderError::none;
}

void Trader::on_step(std::uint64_t seq, TsNs ts_ns, const MarketView& market, TradingOutputs& out) {
  const Cause cause{seq, ts_ns};
  give_up_waiting(cause, out);
  if (config_.execution.is_live) ask_again(cause, out);
  if (config_.execution.is_live) cancel_again(cause, out);
  cancel_stale_quotes(cause, out);
  recall_overdue(cause, out);
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    positions_.mark(slot, market.slots[slot].top);
    history_.note_gaps(static_cast<std::uint32_t>(slot), market.slots[slot].gap_count, ts_ns);
    if (positions_.at(slot).units.value != 0) emit_position(cause, slot, out);
  }
  weigh_equity(cause, market.ts_ns, out);
  watch(cause, market, out);
  close_positions(cause, market, out);
  ask_all(Cadence::step, cause, market.ts_ns, nullptr, market, out);
}

}  // namespace lob
