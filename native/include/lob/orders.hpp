// The life of our orders: one transition table, idempotent against repeated and late replies.
//
// A reply may come twice, late, or before the acknowledgement it follows. So every cell of the table is
// one of: a move; `stay` (the filled size may change, the state does not); `ignore` (known, tells nothing
// new); or illegal, which is an error value and changes nothing. An ended order keeps its state for ever,
// but a fill of it with a new trade id is still counted. `unknown` (no answer in time) is never failed:
// it is live until a reply says what became of it.
//
// A venue may say that an order ended with more filled than we were told: the fills are on their way. Such an
// order stays live, with no more in flight than what is owed, until they came (`ends_as`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/types.hpp"

namespace lob {

enum class OrderState : std::uint8_t {
  pending_new = 0,
  open = 1,
  partially_filled = 2,
  filled = 3,
  cancelled = 4,
  rejected = 5,
  refused = 6,  ///< by our own risk; it never left
  pending_cancel = 7,
  unknown = 8,
  expired = 9,
  pending_amend = 10,
};
inline constexpr std::size_t order_state_count = 11;

[[nodiscard]] std::string_view text_of(OrderState state) noexcept;

enum class OrderTrigger : std::uint8_t {
  ack = 0,
  fill_part = 1,
  fill_all = 2,
  cancel_sent = 3,
  cancelled = 4,
  rejected = 5,
  expired = 6,
  cancel_rejected = 7,  ///< does not prove that the order has ended
  no_answer = 8,
  amend_sent = 9,
  amended = 10,
  amend_rejected = 11,
  absent = 12,  ///< the venue proved that it does not know the order
};
inline constexpr std::size_t order_trigger_count = 13;

[[nodiscard]] std::string_view text_of(OrderTrigger trigger) noexcept;

enum class OrderError : std::uint8_t {
  none = 0,
  unknown_order = 1,       ///< never sent, or ended and forgotten
  illegal_transition = 2,  ///< the table has no such cell
  mismatch = 3,            ///< the reply names another instrument or side
  overfilled = 4,          ///< counted, but more was filled than ordered
};

[[nodiscard]] std::string_view text_of(OrderError error) noexcept;

/// No reply is awaited any more and nothing of it can rest at the venue.
[[nodiscard]] constexpr bool is_ended(OrderState state) noexcept {
  return state == OrderState::filled || state == OrderState::cancelled || state == OrderState::rejected ||
         state == OrderState::refused || state == OrderState::expired;
}

/// The table itself: where `trigger` leads from `state`; nothing where it is illegal. `state` itself
/// comes back for `stay` and `ignore`.
[[nodiscard]] std::optional<OrderState> next_state(OrderState state, OrderTrigger trigger) noexcept;

/// How long an order may rest.
enum class TimeInForce : std::uint8_t {
  gtc = 0,
  ioc = 1,        ///< what does not fill at once expires
  post_only = 2,  ///< rests, and is rejected where it would take
  fok = 3,        ///< fills whole and at once, or expires
};

enum class OrderType : std::uint8_t { limit = 0, market = 1 };

/// Why an order is sent. A closing order has no forecast, so none can be stale.
enum class OrderPurpose : std::uint8_t {
  signal = 0,   ///< a strategy's target, by taking
  flatten = 1,  ///< closes: `flatten`, or a watch rule that closes a position
  quote = 2,    ///< a strategy's resting quote
};

/// Of an order that no strategy asked for.
inline constexpr std::uint8_t no_strategy = 255;

struct Order {
  std::uint64_t client_order_id = 0;
  std::uint32_t slot = 0;
  Side side = Side::bid;
  OrderState state = OrderState::pending_new;
  TimeInForce time_in_force = TimeInForce::ioc;
  OrderPurpose purpose = OrderPurpose::signal;
  std::uint8_t strategy = no_strategy;
  OrderType type = OrderType::limit;
  bool is_reduce_only = false;
  std::uint32_t model_id = 0;  ///< first 32 bits of the hash of the bundle in force; 0 before any forecast
  PriceTicks price;            ///< of a market order the worst that the rules were asked about
  SizeUnits size;
  SizeUnits filled;
  PriceTicks amend_price;  ///< asked for and not answered yet; meaningful with `amend_size`
  SizeUnits amend_size;    ///< the new total; 0: no amendment is under way
  SizeUnits ends_at;       ///< what the venue says has filled in all; meaningful with `ends_as`
  OrderState ends_as =
      OrderState::pending_new;  ///< how it ended, while fills are owed; pending_new: it has not
  std::uint8_t queries = 0;     ///< sent since its outcome became unknown
  TsNs ts_query_ns = 0;         ///< when the next one is due
  TsNs ts_asked_ns = 0;         ///< when the last request about it (place, amend or cancel) left
  TsNs ts_step_ns = 0;          ///< of the forecast or step that asked for it; 0 for closing orders

  [[nodiscard]] bool may_rest() const noexcept {
    return time_in_force == TimeInForce::gtc || time_in_force == TimeInForce::post_only;
  }
  /// It ended at the venue, and fills of it have not come yet.
  [[nodiscard]] bool is_owed_fills() const noexcept { return ends_as != OrderState::pending_new; }
  /// We are owed an answer: to a placement, an amendment, a cancel, or the end of what may not rest.
  [[nodiscard]] bool is_awaited() const noexcept;
  /// What may still fill: while an amendment is under way, of the larger size.
  [[nodiscard]] SizeUnits remaining() const noexcept;
};

/// What a reply says beside its trigger; zeros and -1 where it does not.
struct OrderTold {
  PriceTicks price{};  ///< in force
  SizeUnits size{};    ///< the total in force
  std::int64_t cumulative_units = -1;
  TsNs ts_ns = 0;  ///< when it was heard
};

struct OrderChange {
  OrderError error = OrderError::none;
  bool is_changed = false;  ///< state or filled size moved: an order event is due
  OrderState from = OrderState::pending_new;
  Order order;  ///< after the change
};

/// What of ours may still fill on one slot.
struct InFlight {
  SizeUnits buys;
  SizeUnits sells;
};
void add_remaining(InFlight& sum, const Order& order) noexcept;
/// Of an order that is counted in `sum`.
void take_remaining(InFlight& sum, const Order& order) noexcept;

class Orders {
 public:
  /// Client order ids are `run_tag << 32 | counter`, counter from 1.
  explicit Orders(std::uint32_t run_tag) noexcept : run_tag_(run_tag) {}

  [[nodiscard]] std::uint64_t next_client_order_id() noexcept;
  [[nodiscard]] bool is_ours(std::uint64_t client_order_id) const noexcept {
    return client_order_id >> 32U == run_tag_;
  }

  /// Registers an order before its request leaves. The caller took its id from `next_client_order_id`.
  void add(const Order& order);
  /// Moves an order by the table; not for fills.
  OrderChange apply(std::uint64_t client_order_id, OrderTrigger trigger, const OrderTold& told = {});
  /// Moves an order to pending_amend before the amendment of price, size and step in `wanted` leaves at
  /// `ts_ns`.
  OrderChange amend(const Order& wanted, TsNs ts_ns);
  /// Counts a query about an order that left, the next one being due at `ts_next_ns`.
  void note_query(std::uint64_t client_order_id, TsNs ts_next_ns) noexcept;
  /// Moves an order to pending_cancel before its cancel leaves at `ts_ns`.
  OrderChange cancel(std::uint64_t client_order_id, TsNs ts_ns);
  /// Counts a unique fill (the caller has dropped duplicates by trade id), of a live or an ended order.
  OrderChange apply_fill(std::uint64_t client_order_id, SizeUnits size);

  [[nodiscard]] const Order* find(std::uint64_t client_order_id) const noexcept;
  [[nodiscard]] bool is_working(std::size_t slot) const noexcept;
  /// Of one strategy alone.
  [[nodiscard]] bool is_working(std::size_t slot, std::uint8_t strategy) const noexcept;
  /// The live quote of a strategy on one side; null where none is.
  [[nodiscard]] const Order* quote(std::size_t slot, std::uint8_t strategy, Side side) const noexcept;
  [[nodiscard]] InFlight in_flight(std::size_t slot) const noexcept;
  [[nodiscard]] InFlight in_flight(std::size_t slot, std::uint8_t strategy) const noexcept;
  /// Orders that have not ended, by client order id.
  [[nodiscard]] const std::map<std::uint64_t, Order>& live() const noexcept { return live_; }

  void save(ByteWriter& writer) const;
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  [[nodiscard]] Order* find_any(std::uint64_t client_order_id) noexcept;
  OrderChange finish(Order& order, OrderState from);
  void retire(std::uint64_t client_order_id);

  std::uint32_t run_tag_;
  std::uint32_t counter_ = 0;
  std::map<std::uint64_t, Order> live_;
  // Ended orders are kept for late replies; the oldest go first.
  std::unordered_map<std::uint64_t, Order> ended_;
  std::deque<std::uint64_t> ended_by_age_;
};

/// After so many queries an order whose fills are owed ends all the same: they were booked under another
/// name, or are left to whoever compares positions with the venue. Late fills of it still count.
inline constexpr std::uint8_t owed_queries_max = 6;

/// Ended orders remembered; the oldest are forgotten first.
inline constexpr std::size_t ended_orders_max = 4096;

}  // namespace lob
