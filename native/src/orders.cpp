#include "lob/orders.hpp"

#include <algorithm>
#include <array>

namespace lob {
namespace {

using Cell = std::optional<OrderState>;
constexpr Cell illegal = std::nullopt;
constexpr Cell pending_new = OrderState::pending_new;
constexpr Cell open = OrderState::open;
constexpr Cell part_filled = OrderState::partially_filled;
constexpr Cell filled = OrderState::filled;
constexpr Cell cancelled = OrderState::cancelled;
constexpr Cell rejected = OrderState::rejected;
constexpr Cell pending_cancel = OrderState::pending_cancel;
constexpr Cell unknown = OrderState::unknown;
constexpr Cell expired = OrderState::expired;
constexpr Cell pending_amend = OrderState::pending_amend;

using Row = std::array<Cell, order_trigger_count>;

// One row a state (in the order of OrderState), one column a trigger (in the order of OrderTrigger): ack,
// fill_part, fill_all, cancel_sent, cancelled, rejected, expired, cancel_rejected, no_answer, amend_sent,
// amended, amend_rejected, absent. A cell that names its own row leaves the state: `stay` for fills, `ignore`
// for everything else. What a cell calls open is partially_filled where something has filled.
constexpr std::array<Row, order_state_count> table{{
    {open, part_filled, filled, pending_cancel, cancelled, rejected, expired, illegal, unknown, illegal, open,
     illegal, rejected},
    // A venue may take an order and reject it afterwards; a refused cancel may be older than the proof that
    // it rests.
    {open, part_filled, filled, pending_cancel, cancelled, rejected, expired, open, unknown, pending_amend,
     open, open, cancelled},
    {part_filled, part_filled, filled, pending_cancel, cancelled, illegal, expired, part_filled, unknown,
     pending_amend, part_filled, part_filled, cancelled},
    {filled, filled, filled, illegal, filled, illegal, filled, filled, filled, illegal, filled, filled,
     filled},
    {cancelled, cancelled, cancelled, illegal, cancelled, illegal, cancelled, cancelled, cancelled, illegal,
     cancelled, cancelled, cancelled},
    {rejected, rejected, rejected, illegal, rejected, rejected, rejected, rejected, rejected, illegal,
     rejected, rejected, rejected},
    {illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal,
     illegal, illegal},
    // A refused cancel does not prove that the order ended: it may have filled, or still rest.
    {pending_cancel, pending_cancel, filled, pending_cancel, cancelled, rejected, expired, unknown, unknown,
     illegal, pending_cancel, pending_cancel, rejected},
    // Neither a fill nor a refused amendment proves that the order rests.
    {open, unknown, filled, unknown, cancelled, rejected, expired, unknown, unknown, illegal, open, unknown,
     rejected},
    {expired, expired, expired, illegal, expired, illegal, expired, expired, expired, illegal, expired,
     expired, expired},
    {pending_amend, pending_amend, filled, pending_cancel, cancelled, rejected, expired, unknown, unknown,
     illegal, open, open, cancelled},
}};

constexpr std::array<std::string_view, order_state_count> state_words{
    "pending_new", "open",           "partially_filled", "filled",  "cancelled",    "rejected",
    "refused",     "pending_cancel", "unknown",          "expired", "pending_amend"};
constexpr std::array<std::string_view, order_trigger_count> trigger_words{
    "ack",      "fill_part",      "fill_all",        "cancel_sent", "cancelled",
    "rejected", "expired",        "cancel_rejected", "no_answer",   "amend_sent",
    "amended",  "amend_rejected", "absent"};

/// What an answered amendment left in force. Whatever settles the order tells it as well, where the answer
/// itself never came.
void take_terms(Order& order, OrderTrigger trigger, OrderState to, const OrderTold& told) noexcept {
  const bool is_made = trigger == OrderTrigger::amended;
  const bool is_found = trigger == OrderTrigger::ack && order.state == OrderState::unknown;
  const bool is_resolved = is_found || is_ended(to);
  if (is_made && order.amend_size.value > 0) {
    order.price = order.amend_price;
    order.size = order.amend_size;
  }
  const bool is_told = is_made || (is_resolved && order.amend_size.value > 0);
  if (is_told && told.price.value > 0) order.price = told.price;
  if (is_told && told.size.value > 0) order.size = told.size;
  if (is_made || is_resolved || trigger == OrderTrigger::amend_rejected) order.amend_size = SizeUnits{0};
}

/// Where the table's word has to be made finer by what has filled.
OrderState refined(const Order& order, OrderTrigger trigger, OrderState to) noexcept {
  const bool has_filled = order.filled.value > 0;
  if (trigger == OrderTrigger::absent && to == OrderState::rejected && has_filled)
    return OrderState::cancelled;
  const bool is_resting = to == OrderState::open || to == OrderState::partially_filled;
  if (!is_resting || !has_filled) return to;
  const bool is_whole = order.size <= order.filled && order.amend_size.value == 0;
  return is_whole ? OrderState::filled : OrderState::partially_filled;
}

/// The total that the venue counts as filled when it says that the order ended; nothing while it may rest.
std::optional<OrderState> end_of(const Order& order, OrderTrigger trigger, OrderState to,
                                 const OrderTold& told) noexcept {
  if (is_ended(to)) return to;
  const bool is_ack = trigger == OrderTrigger::ack || trigger == OrderTrigger::amended;
  const bool is_whole = is_ack && order.size.value <= told.cumulative_units;
  return is_whole && order.amend_size.value == 0 ? std::optional(OrderState::filled) : std::nullopt;
}

void put(ByteWriter& writer, const Order& order) {
  writer.put(order.client_order_id);
  writer.put(order.slot);
  writer.put(order.side);
  writer.put(order.state);
  writer.put(order.time_in_force);
  writer.put(order.purpose);
  writer.put(order.strategy);
  writer.put(order.type);
  writer.put(order.is_reduce_only);
  writer.put(order.model_id);
  writer.put(order.price);
  writer.put(order.size);
  writer.put(order.filled);
  writer.put(order.amend_price);
  writer.put(order.amend_size);
  writer.put(order.ends_at);
  writer.put(order.ends_as);
  writer.put(order.queries);
  writer.put(order.ts_query_ns);
  writer.put(order.ts_asked_ns);
  writer.put(order.ts_step_ns);
}

bool get(ByteReader& reader, Order& order) {
  return reader.get(order.client_order_id) && reader.get(order.slot) &&
         reader.get_enum(order.side, Side::ask) && reader.get_enum(order.state, OrderState::pending_amend) &&
         reader.get_enum(order.time_in_force, TimeInForce::fok) &&
         reader.get_enum(order.purpose, OrderPurpose::quote) && reader.get(order.strategy) &&
         reader.get_enum(order.type, OrderType::market) && reader.get(order.is_reduce_only) &&
         reader.get(order.model_id) && reader.get(order.price) && reader.get(order.size) &&
         reader.get(order.filled) && reader.get(order.amend_price) && reader.get(order.amend_size) &&
         reader.get(order.ends_at) && reader.get_enum(order.ends_as, OrderState::pending_amend) &&
         reader.get(order.queries) && reader.get(order.ts_query_ns) && reader.get(order.ts_asked_ns) &&
         reader.get(order.ts_step_ns);
}

constexpr std::size_t order_bytes = 97;

}  // namespace

std::string_view text_of(OrderError error) noexcept {
  switch (error) {
    case OrderError::none:
      return "applied";
    case OrderError::unknown_order:
      return "no such order of ours";
    case OrderError::illegal_transition:
      return "reply does not fit the order's state";
    case OrderError::mismatch:
      return "reply names another instrument or side than the order";
    case OrderError::overfilled:
      return "more filled than ordered";
  }
  return "unknown";
}

std::string_view text_of(OrderState state) noexcept {
  return state_words[static_cast<std::size_t>(state)];
}

std::string_view text_of(OrderTrigger trigger) noexcept {
  return trigger_words[static_cast<std::size_t>(trigger)];
}

bool Order::is_awaited() const noexcept {
  if (state == OrderState::unknown) return false;  // given up already
  const bool is_asked = state == OrderState::pending_new || state == OrderState::pending_cancel ||
                        state == OrderState::pending_amend;
  return is_asked || is_owed_fills() || !may_rest();
}

SizeUnits Order::remaining() const noexcept {
  const SizeUnits total = is_owed_fills() ? ends_at : std::max(size, amend_size);
  return filled < total ? total - filled : SizeUnits{0};
}

std::optional<OrderState> next_state(OrderState state, OrderTrigger trigger) noexcept {
  return table[static_cast<std::size_t>(state)][static_cast<std::size_t>(trigger)];
}

std::uint64_t Orders::next_client_order_id() noexcept {
  ++counter_;
  return static_cast<std::uint64_t>(run_tag_) << 32U | counter_;
}

void Orders::add(const Order& order) {
  live_.emplace(order.client_order_id, order);
}

OrderChange Orders::finish(Order& order, OrderState from) {
  if (from == OrderState::unknown && order.state != from) order.queries = 0;
  const OrderChange change{.is_changed = from != order.state, .from = from, .order = order};
  if (!is_ended(from) && is_ended(order.state)) retire(order.client_order_id);
  return change;
}

OrderChange Orders::apply(std::uint64_t client_order_id, OrderTrigger trigger, const OrderTold& told) {
  Order* order = find_any(client_order_id);
  if (order == nullptr) return {.error = OrderError::unknown_order, .order = {}};

  const OrderState from = order->state;
  const auto to = next_state(from, trigger);
  if (!to) return {.error = OrderError::illegal_transition, .from = from, .order = *order};
  if (is_ended(from)) return {.from = from, .order = *order};

  // Said before fills that we know of: it is older than what we want to know.
  const bool is_stale = trigger == OrderTrigger::ack && from == OrderState::unknown &&
                        told.cumulative_units >= 0 && told.cumulative_units < order->filled.value;
  if (is_stale) return {.from = from, .order = *order};
  take_terms(*order, trigger, *to, told);
  const std::optional<OrderState> end = end_of(*order, trigger, *to, told);
  const bool is_given_up = from == OrderState::unknown && order->queries > owed_queries_max;
  if (end && order->filled.value < told.cumulative_units && !is_given_up) {
    order->ends_as = *end;
    order->ends_at = std::max(order->ends_at, SizeUnits{told.cumulative_units});
    order->ts_asked_ns = std::max(order->ts_asked_ns, told.ts_ns);
    if (is_ended(*to)) return {.from = from, .order = *order};
  }
  order->state = refined(*order, trigger, *to);
  return finish(*order, from);
}

OrderChange Orders::cancel(std::uint64_t client_order_id, TsNs ts_ns) {
  if (Order* order = find_any(client_order_id)) order->ts_asked_ns = ts_ns;
  return apply(client_order_id, OrderTrigger::cancel_sent);
}

OrderChange Orders::amend(const Order& wanted, TsNs ts_ns) {
  const OrderChange change = apply(wanted.client_order_id, OrderTrigger::amend_sent);
  if (!change.is_changed) return change;
  Order& order = *find_any(wanted.client_order_id);
  order.amend_price = wanted.price;
  order.amend_size = wanted.size;
  order.model_id = wanted.model_id;
  order.ts_step_ns = wanted.ts_step_ns;
  order.ts_asked_ns = ts_ns;
  return {.is_changed = true, .from = change.from, .order = order};
}

void Orders::note_query(std::uint64_t client_order_id, TsNs ts_next_ns) noexcept {
  Order* order = find_any(client_order_id);
  if (order == nullptr) return;
  order->queries = static_cast<std::uint8_t>(std::min(255, order->queries + 1));
  order->ts_query_ns = ts_next_ns;
}

OrderChange Orders::apply_fill(std::uint64_t client_order_id, SizeUnits size) {
  Order* order = find_any(client_order_id);
  if (order == nullptr) return {.error = OrderError::unknown_order, .order = {}};

  const OrderState from = order->state;
  const SizeUnits remaining = order->remaining();
  const bool is_part = size < remaining;
  const auto to = next_state(from, is_part ? OrderTrigger::fill_part : OrderTrigger::fill_all);
  if (!to) return {.error = OrderError::illegal_transition, .from = from, .order = *order};

  order->filled += size;
  const bool is_last_owed = !is_part && order->is_owed_fills();
  order->state = is_last_owed && !is_ended(from) ? order->ends_as : *to;
  OrderChange change = finish(*order, from);
  change.error = remaining < size ? OrderError::overfilled : OrderError::none;
  change.is_changed = true;
  return change;
}

const Order* Orders::find(std::uint64_t client_order_id) const noexcept {
  const auto live = live_.find(client_order_id);
  if (live != live_.end()) return &live->second;
  const auto ended = ended_.find(client_order_id);
  return ended == ended_.end() ? nullptr : &ended->second;
}

Order* Orders::find_any(std::uint64_t client_order_id) noexcept {
  return const_cast<Order*>(static_cast<const Orders*>(this)->find(client_order_id));
}

bool Orders::is_working(std::size_t slot) const noexcept {
  for (const auto& [id, order] : live_) {
    if (order.slot == slot) return true;
  }
  return false;
}

bool Orders::is_working(std::size_t slot, std::uint8_t strategy) const noexcept {
  for (const auto& [id, order] : live_) {
    if (order.slot == slot && order.strategy == strategy) return true;
  }
  return false;
}

const Order* Orders::quote(std::size_t slot, std::uint8_t strategy, Side side) const noexcept {
  for (const auto& [id, order] : live_) {
    const bool is_it = order.slot == slot && order.strategy == strategy && order.side == side;
    if (is_it && order.purpose == OrderPurpose::quote) return &order;
  }
  return nullptr;
}

void add_remaining(InFlight& sum, const Order& order) noexcept {
  (order.side == Side::bid ? sum.buys : sum.sells) += order.remaining();
}

void take_remaining(InFlight& sum, const Order& order) noexcept {
  (order.side == Side::bid ? sum.buys : sum.sells) -= order.remaining();
}

InFlight Orders::in_flight(std::size_t slot) const noexcept {
  InFlight sum;
  for (const auto& [id, order] : live_) {
    if (order.slot == slot) add_remaining(sum, order);
  }
  return sum;
}

InFlight Orders::in_flight(std::size_t slot, std::uint8_t strategy) const noexcept {
  InFlight sum;
  for (const auto& [id, order] : live_) {
    if (order.slot == slot && order.strategy == strategy) add_remaining(sum, order);
  }
  return sum;
}

void Orders::retire(std::uint64_t client_order_id) {
  const auto order = live_.find(client_order_id);
  ended_.emplace(*order);
  live_.erase(order);
  ended_by_age_.push_back(client_order_id);
  if (ended_by_age_.size() <= ended_orders_max) return;
  ended_.erase(ended_by_age_.front());
  ended_by_age_.pop_front();
}

void Orders::save(ByteWriter& writer) const {
  writer.put(run_tag_);
  writer.put(counter_);
  writer.put_count(live_.size());
  for (const auto& [id, order] : live_) put(writer, order);
  writer.put_count(ended_by_age_.size());
  for (const std::uint64_t id : ended_by_age_) put(writer, ended_.at(id));
}

bool Orders::load(ByteReader& reader) {
  std::uint32_t run_tag = 0;
  if (!reader.get(run_tag) || !reader.get(counter_)) return false;
  if (run_tag != run_tag_) return reader.fail();
  live_.clear();
  ended_.clear();
  ended_by_age_.clear();

  std::size_t count = 0;
  if (!reader.get_count(count, order_bytes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Order order;
    if (!get(reader, order)) return false;
    if (is_ended(order.state)) return reader.fail();
    live_.emplace(order.client_order_id, order);
  }
  if (!reader.get_count(count, order_bytes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Order order;
    if (!get(reader, order)) return false;
    if (!is_ended(order.state)) return reader.fail();
    ended_.emplace(order.client_order_id, order);
    ended_by_age_.push_back(order.client_order_id);
  }
  return ended_.size() == ended_by_age_.size() || reader.fail();
}

}  // namespace lob
