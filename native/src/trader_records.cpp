// The trader's records and its checkpoint: what leaves it, and what it is made of.
#include "lob/trader.hpp"

namespace lob {
namespace {

template <class E>
constexpr std::uint8_t code(E value) noexcept {
  return static_cast<std::uint8_t>(value);
}

}  // namespace

void Trader::emit_position(Cause cause, std::size_t slot, TradingOutputs& out) const {
  const Position& position = positions_.at(slot);
  out.positions.push_back({.seq = cause.seq,
                           .ts_ns = cause.ts_ns,
                           .position_units = position.units.value,
                           .cost_quote_units = position.cost_quote_units,
                           .realised_quote_units = position.realised_quote_units,
                           .unrealised_quote_units = unrealised_quote_units(position),
                           .fees_quote_units = position.fees_quote_units,
                           .instrument = config_.slots[slot].instrument,
                           .reserved = 0});
}

void Trader::emit_order_event(Cause cause, const Order& order, OrderState from, std::uint8_t reason,
                              TradingOutputs& out) const {
  out.order_events.push_back({.seq = cause.seq,
                              .ts_ns = cause.ts_ns,
                              .client_order_id = order.client_order_id,
                              .price_ticks = order.price.value,
                              .size_units = order.size.value,
                              .filled_units = order.filled.value,
                              .instrument = config_.slots[order.slot].instrument,
                              .side = code(order.side),
                              .state_from = code(from),
                              .state_to = code(order.state),
                              .reason = reason});
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
  writer.put(counters_.orders_sent);
  writer.put(counters_.orders_refused);
  writer.put(counters_.fills);
  writer.put(counters_.duplicate_fills);
  orders_.save(writer);
  positions_.save(writer);
}

bool Trader::load(ByteReader& reader) {
  TradingState state = TradingState::halted;
  if (!reader.get_enum(state, TradingState::halted)) return false;
  if (!reader.get_enum(flatten_trigger_, TradingTrigger::start) || !reader.get(is_started_)) return false;
  state_.restore(state);
  return reader.get(counters_.orders_sent) && reader.get(counters_.orders_refused) &&
         reader.get(counters_.fills) && reader.get(counters_.duplicate_fills) && orders_.load(reader) &&
         positions_.load(reader);
}

}  // namespace lob
