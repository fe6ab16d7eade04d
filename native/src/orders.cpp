#include "lob/orders.hpp"

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

using Row = std::array<Cell, order_trigger_count>;

// One row a state (in the order of OrderState), one column a trigger (in the order of OrderTrigger): ack,
// fill_part, fill_all, cancel_sent, cancelled, rejected, expired, cancel_rejected, no_answer. A cell that
// names its own row leaves the state: `stay` for fills, `ignore` for everything else.
constexpr std::array<Row, order_state_count> table{{
    {open, part_filled, filled, pending_cancel, cancelled, rejected, expired, illegal, unknown},
    {open, part_filled, filled, pending_cancel, cancelled, illegal, expired, illegal, unknown},
    {part_filled, part_filled, filled, pending_cancel, cancelled, illegal, expired, illegal, unknown},
    {filled, filled, filled, illegal, filled, illegal, filled, filled, filled},
    {cancelled, cancelled, cancelled, illegal, cancelled, illegal, cancelled, cancelled, cancelled},
    {rejected, rejected, rejected, illegal, rejected, rejected, rejected, rejected, rejected},
    {illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal, illegal},
    // A refused cancel does not prove that the order ended: it may have filled, or still rest.
    {pending_cancel, pending_cancel, filled, pending_cancel, cancelled, rejected, expired, unknown, unknown},
    {open, part_filled, filled, unknown, cancelled, rejected, expired, unknown, unknown},
    {expired, expired, expired, illegal, expired, illegal, expired, expired, expired},
}};

void put(ByteWriter& writer, const Order& order) {
  writer.put(order.client_order_id);
  writer.put(order.slot);
  writer.put(order.side);
  writer.put(order.state);
  writer.put(order.time_in_force);
  writer.put(order.purpose);
  writer.put(order.strategy);
  writer.put(order.model_id);
  writer.put(order.price);
  writer.put(order.size);
  writer.put(order.filled);
  writer.put(order.ts_asked_ns);
  writer.put(order.ts_step_ns);
}

bool get(ByteReader& reader, Order& order) {
  return reader.get(order.client_order_id) && reader.get(order.slot) &&
         reader.get_enum(order.side, Side::ask) && reader.get_enum(order.state, OrderState::expired) &&
         reader.get_enum(order.time_in_force, TimeInForce::post_only) &&
         reader.get_enum(order.purpose, OrderPurpose::quote) && reader.get(order.strategy) &&
         reader.get(order.model_id) && reader.get(order.price) && reader.get(order.size) &&
         reader.get(order.filled) && reader.get(order.ts_asked_ns) && reader.get(order.ts_step_ns);
}

constexpr std::size_t order_bytes = 61;

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

bool Order::is_awaited() const noexcept {
  if (state == OrderState::unknown) return false;  // given up already
  const bool may_rest = time_in_force != TimeInForce::ioc;
  return !may_rest || state == OrderState::pending_new || state == OrderState::pending_cancel;
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

OrderChange Orders::apply(std::uint64_t client_order_id, OrderTrigger trigger) {
  Order* order = find_any(client_order_id);
  if (order == nullptr) return {.error = OrderError::unknown_order, .order = {}};

  const OrderState from = order->state;
  const auto to = next_state(from, trigger);
  if (!to) return {.error = OrderError::illegal_transition, .from = from, .order = *order};

  order->state = *to;
  const OrderChange change{.is_changed = from != *to, .from = from, .order = *order};
  if (!is_ended(from) && is_ended(*to)) retire(client_order_id);
  return change;
}

OrderChange Orders::cancel(std::uint64_t client_order_id, TsNs ts_ns) {
  if (Order* order = find_any(client_order_id)) order->ts_asked_ns = ts_ns;
  return apply(client_order_id, OrderTrigger::cancel_sent);
}

OrderChange Orders::apply_fill(std::uint64_t client_order_id, SizeUnits size) {
  Order* order = find_any(client_order_id);
  if (order == nullptr) return {.error = OrderError::unknown_order, .order = {}};

  const OrderState from = order->state;
  const SizeUnits remaining = order->remaining();
  const auto to = next_state(from, size < remaining ? OrderTrigger::fill_part : OrderTrigger::fill_all);
  if (!to) return {.error = OrderError::illegal_transition, .from = from, .order = *order};

  order->state = *to;
  order->filled += size;
  const OrderError error = remaining < size ? OrderError::overfilled : OrderError::none;
  const OrderChange change{.error = error, .is_changed = true, .from = from, .order = *order};
  if (!is_ended(from) && is_ended(*to)) retire(client_order_id);
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
