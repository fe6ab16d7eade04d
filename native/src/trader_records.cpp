// The trader's records and its checkpoint: what leaves it, and what it is made of.
#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {

void Trader::emit_position(Cause cause, std::size_t slot, TradingOutputs& out) const {
  const Position& position = positions_.at(slot);
  out.positions.push_back({.seq = cause.seq,
                           .ts_ns = cause.ts_ns,
                           .position_units = position.units.value,
                           .cost_quote_units = position.cost_quote_units,
                           .realised_quote_units = position.realised_quote_units,
                           .unrealised_quote_units = unrealised_quote_units(position),
                           .fees_quote_units = position.fees_quote_units,
                           .funding_quote_units = position.funding_quote_units,
                           .instrument = terms_[slot].instrument,
                           .reserved = 0});
}

void Trader::emit_order_event(Cause cause, const Order& order, OrderState from, std::uint8_t reason,
                              TradingOutputs& out, bool is_venue_reason) const {
  out.order_events.push_back({.seq = cause.seq,
                              .ts_ns = cause.ts_ns,
                              .client_order_id = order.client_order_id,
                              .price_ticks = order.price.value,
                              .size_units = order.size.value,
                              .filled_units = order.filled.value,
                              .ts_step_ns = order.ts_step_ns,
                              .instrument = terms_[order.slot].instrument,
                              .model_id = order.model_id,
                              .side = code(order.side),
                              .state_from = code(from),
                              .state_to = code(order.state),
                              .reason = reason,
                              .strategy = order.strategy,
                              .purpose = code(order.purpose),
                              .time_in_force = code(order.time_in_force),
                              .is_venue_reason = code(is_venue_reason)});
}

void Trader::emit_request(Cause cause, const Order& order, RequestKind kind, TradingOutputs& out) const {
  const bool is_cancel = kind == RequestKind::cancel;
  const bool has_step = kind == RequestKind::place || kind == RequestKind::amend;
  out.orders.push_back({.seq = cause.seq,
                        .ts_ns = cause.ts_ns,
                        .client_order_id = order.client_order_id,
                        .price_ticks = order.type == OrderType::market ? 0 : order.price.value,
                        .size_units = is_cancel ? order.remaining().value : order.size.value,
                        .ts_step_ns = has_step ? order.ts_step_ns : 0,
                        .instrument = terms_[order.slot].instrument,
                        .model_id = order.model_id,
                        .kind = code(kind),
                        .side = code(order.side),
                        .type = code(order.type),
                        .time_in_force = code(order.time_in_force),
                        .strategy = order.strategy,
                        .purpose = code(order.purpose),
                        .is_reduce_only = code(order.is_reduce_only),
                        .reserved = 0});
}

void Trader::emit_state_event(Cause cause, TradingState from, TradingTrigger trigger, std::string_view reason,
                              TradingOutputs& out) const {
  StateEventRecord event{};
  event.seq = cause.seq;
  event.ts_ns = cause.ts_ns;
  event.text_offset = static_cast<std::uint32_t>(out.arena->size());
  event.text_length = static_cast<std::uint32_t>(reason.size());
  event.state_from = code(from);
  event.state_to = code(state());
  event.trigger = code(trigger);
  out.arena->append(reason);
  out.state_events.push_back(event);
}

void Trader::save(ByteWriter& writer) const {
  writer.put(state_.state());
  writer.put(flatten_trigger_);
  writer.put(is_started_);
  writer.put(is_booked_);
  writer.put(model_id_);
  writer.put(ts_forecast_step_ns_);
  for (const std::int64_t fact : facts_) writer.put(fact);
  writer.put(counters_.orders_sent);
  writer.put(counters_.orders_refused);
  writer.put(counters_.fills);
  writer.put(counters_.duplicate_fills);
  for (const std::uint64_t count : counters_.refused_by_rule) writer.put(count);
  for (const std::uint64_t count : counters_.tripped_by_rule) writer.put(count);
  orders_.save(writer);
  positions_.save(writer);
  history_.save(writer);
  watch_.save(writer);
  writer.put_count(own_.size());
  for (const SizeUnits own : own_) writer.put(own);
  for (const Slicing& plan : slicing_) {
    writer.put(plan.is_begun);
    writer.put(plan.target);
    writer.put(plan.slice);
    writer.put(plan.ts_began_ns);
    writer.put(plan.ts_next_ns);
  }
  for (const Closing& closing : closing_) {
    writer.put(closing.is_due);
    writer.put(closing.ts_blocked_until_ns);
  }
  for (const EquityRecord& row : equity_) {
    writer.put(row.equity_e8);
    writer.put(row.realised_e8);
    writer.put(row.unrealised_e8);
    writer.put(row.fees_e8);
    writer.put(row.funding_e8);
    writer.put(row.net_exposure_e8);
    writer.put(row.gross_exposure_e8);
  }
  for (const auto& strategy : strategies_) strategy->save(writer);
}

bool Trader::load(ByteReader& reader) {
  TradingState state = TradingState::halted;
  if (!reader.get_enum(state, TradingState::halted)) return false;
  if (!reader.get_enum(flatten_trigger_, TradingTrigger::watchdog) || !reader.get(is_started_) ||
      !reader.get(is_booked_))
    return false;
  state_.restore(state);
  if (!reader.get(model_id_) || !reader.get(ts_forecast_step_ns_)) return false;
  for (std::size_t fact = 0; fact < fact_count; ++fact) {
    std::int64_t value = 0;
    if (!reader.get(value)) return false;
    if (on_fact(static_cast<Fact>(fact), value) != TraderError::none) return reader.fail();
  }
  const bool is_counted = reader.get(counters_.orders_sent) && reader.get(counters_.orders_refused) &&
                          reader.get(counters_.fills) && reader.get(counters_.duplicate_fills);
  if (!is_counted) return false;
  for (std::uint64_t& count : counters_.refused_by_rule) {
    if (!reader.get(count)) return false;
  }
  for (std::uint64_t& count : counters_.tripped_by_rule) {
    if (!reader.get(count)) return false;
  }
  return orders_.load(reader) && positions_.load(reader) && history_.load(reader) && watch_.load(reader) &&
         load_own(reader);
}

bool Trader::load_own(ByteReader& reader) {
  std::size_t count = 0;
  if (!reader.get_count(count, sizeof(SizeUnits))) return false;
  if (count != own_.size()) return reader.fail();
  for (SizeUnits& own : own_) {
    if (!reader.get(own)) return false;
  }
  for (Slicing& plan : slicing_) {
    const bool is_read = reader.get(plan.is_begun) && reader.get(plan.target) && reader.get(plan.slice) &&
                         reader.get(plan.ts_began_ns) && reader.get(plan.ts_next_ns);
    if (!is_read) return false;
  }
  for (Closing& closing : closing_) {
    if (!reader.get(closing.is_due) || !reader.get(closing.ts_blocked_until_ns)) return false;
  }
  for (EquityRecord& row : equity_) {
    const bool is_read = reader.get(row.equity_e8) && reader.get(row.realised_e8) &&
                         reader.get(row.unrealised_e8) && reader.get(row.fees_e8) &&
                         reader.get(row.funding_e8) && reader.get(row.net_exposure_e8) &&
                         reader.get(row.gross_exposure_e8);
    if (!is_read) return false;
  }
  for (const auto& strategy : strategies_) {
    if (!strategy->load(reader)) return false;
  }
  return true;
}

}  // namespace lob
