#include "lob/orders.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

#include "trading_fixture.hpp"

using namespace lob;

namespace {

Order order_of(std::uint64_t client_order_id, std::int64_t size, Side side = Side::bid,
               std::uint32_t slot = 0) {
  Order order;
  order.client_order_id = client_order_id;
  order.slot = slot;
  order.side = side;
  order.price = PriceTicks{100};
  order.size = SizeUnits{size};
  return order;
}

/// Orders with one order of 10 in it, and its id.
struct Placed {
  Orders orders{test::run_tag};
  std::uint64_t id = orders.next_client_order_id();
  Placed() { orders.add(order_of(id, 10)); }
};

}  // namespace

TEST_CASE("every cell of the order table is as written here") {
  // Columns: ack, fill_part, fill_all, cancel_sent, cancelled, rejected, expired, cancel_rejected, no_answer,
  // amend_sent, amended, amend_rejected, absent.
  // Letters: n pending_new, o open, p partially_filled, f filled, c cancelled, r rejected, x refused,
  // w pending_cancel, u unknown, e expired, a pending_amend; '-' illegal.
  constexpr std::string_view letters = "nopfcrxwuea";
  constexpr std::array<std::string_view, order_state_count> expected{
      "opfwcre-u-o-r",  // pending_new
      "opfwcreouaooc",  // open
      "ppfwc-epuappc",  // partially_filled
      "fff-f-fff-fff",  // filled
      "ccc-c-ccc-ccc",  // cancelled
      "rrr-rrrrr-rrr",  // rejected
      "-------------",  // refused
      "wwfwcreuu-wwr",  // pending_cancel
      "oufucreuu-our",  // unknown
      "eee-e-eee-eee",  // expired
      "aafwcreuu-ooc",  // pending_amend
  };
  for (std::size_t row = 0; row < order_state_count; ++row) {
    for (std::size_t column = 0; column < order_trigger_count; ++column) {
      const auto to = next_state(static_cast<OrderState>(row), static_cast<OrderTrigger>(column));
      const char letter = to ? letters[static_cast<std::size_t>(*to)] : '-';
      CAPTURE(row);
      CAPTURE(column);
      CHECK(letter == expected[row][column]);
    }
  }
}

TEST_CASE("an ended state is never left") {
  for (std::size_t row = 0; row < order_state_count; ++row) {
    const auto state = static_cast<OrderState>(row);
    if (!is_ended(state)) continue;
    for (std::size_t column = 0; column < order_trigger_count; ++column) {
      CHECK(next_state(state, static_cast<OrderTrigger>(column)).value_or(state) == state);
    }
  }
}

TEST_CASE("client order ids carry the run tag above a counter") {
  Orders orders(test::run_tag);
  CHECK(orders.next_client_order_id() == (std::uint64_t{7} << 32U | 1));
  CHECK(orders.next_client_order_id() == (std::uint64_t{7} << 32U | 2));
  CHECK(orders.is_ours(std::uint64_t{7} << 32U | 9));
  CHECK_FALSE(orders.is_ours(9));
}

TEST_CASE("an order goes from sent over open and part to filled") {
  Placed p;
  CHECK(p.orders.apply(p.id, OrderTrigger::ack).order.state == OrderState::open);
  CHECK(p.orders.apply_fill(p.id, SizeUnits{4}).order.state == OrderState::partially_filled);
  CHECK(p.orders.in_flight(0).buys == SizeUnits{6});
  CHECK(p.orders.apply_fill(p.id, SizeUnits{6}).order.state == OrderState::filled);
  CHECK(p.orders.live().empty());
  CHECK(p.orders.find(p.id)->filled == SizeUnits{10});
}

TEST_CASE("a fill before its acknowledgement counts, and the late acknowledgement tells nothing") {
  Placed p;
  p.orders.apply_fill(p.id, SizeUnits{4});
  const OrderChange late = p.orders.apply(p.id, OrderTrigger::ack);

  CHECK(late.error == OrderError::none);
  CHECK_FALSE(late.is_changed);
  CHECK(late.order.state == OrderState::partially_filled);
}

TEST_CASE("a repeated reply changes nothing") {
  Placed p;
  p.orders.apply(p.id, OrderTrigger::expired);
  const OrderChange again = p.orders.apply(p.id, OrderTrigger::expired);

  CHECK(again.error == OrderError::none);
  CHECK_FALSE(again.is_changed);
}

TEST_CASE("a fill of an ended order is counted and its state kept") {
  Placed p;
  p.orders.apply(p.id, OrderTrigger::cancelled);
  const OrderChange late = p.orders.apply_fill(p.id, SizeUnits{10});

  CHECK(late.is_changed);
  CHECK(late.order.state == OrderState::cancelled);
  CHECK(late.order.filled == SizeUnits{10});
}

TEST_CASE("a refused cancel leaves the outcome unknown, and unknown is still in flight") {
  Placed p;
  p.orders.apply(p.id, OrderTrigger::cancel_sent);
  CHECK(p.orders.apply(p.id, OrderTrigger::cancel_rejected).order.state == OrderState::unknown);
  CHECK(p.orders.is_working(0));
  CHECK(p.orders.in_flight(0).buys == SizeUnits{10});
}

TEST_CASE("an illegal transition is an error that names itself and changes nothing") {
  Placed p;
  p.orders.apply(p.id, OrderTrigger::ack);
  p.orders.apply_fill(p.id, SizeUnits{4});
  const OrderChange change = p.orders.apply(p.id, OrderTrigger::rejected);

  CHECK(change.error == OrderError::illegal_transition);
  CHECK(p.orders.find(p.id)->state == OrderState::partially_filled);
  CHECK(text_of(change.error) == "reply does not fit the order's state");
}

TEST_CASE("more filled than ordered is counted and reported") {
  Placed p;
  const OrderChange change = p.orders.apply_fill(p.id, SizeUnits{11});
  CHECK(change.error == OrderError::overfilled);
  CHECK(change.order.filled == SizeUnits{11});
  CHECK(change.order.remaining() == SizeUnits{0});
}

TEST_CASE("an order never sent is unknown") {
  Orders orders(test::run_tag);
  CHECK(orders.apply(1, OrderTrigger::ack).error == OrderError::unknown_order);
  CHECK(orders.apply_fill(1, SizeUnits{1}).error == OrderError::unknown_order);
}

TEST_CASE("ended orders are forgotten oldest first, live ones never") {
  Orders orders(test::run_tag);
  const std::uint64_t kept = orders.next_client_order_id();
  orders.add(order_of(kept, 10));
  std::uint64_t first = 0;
  for (std::size_t i = 0; i <= ended_orders_max; ++i) {
    const std::uint64_t id = orders.next_client_order_id();
    if (i == 0) first = id;
    orders.add(order_of(id, 10));
    orders.apply(id, OrderTrigger::rejected);
  }
  CHECK(orders.find(first) == nullptr);
  CHECK(orders.find(first + 1) != nullptr);
  CHECK(orders.find(kept) != nullptr);
}

TEST_CASE("random replies never lose a fill, revive an ended order or miscount what is in flight") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    test::Dice dice(seed);
    Orders orders(test::run_tag);
    std::map<std::uint64_t, std::int64_t> filled_by_id;  // The reference: a sum for each order.
    std::map<std::uint64_t, bool> ended_by_id;
    for (int turn = 0; turn < 500; ++turn) {
      if (dice.roll(0, 3) == 0) {
        const std::uint64_t fresh = orders.next_client_order_id();
        orders.add(order_of(fresh, dice.roll(1, 20), dice.roll(0, 1) == 0 ? Side::bid : Side::ask));
        filled_by_id[fresh] = 0;
      }
      if (filled_by_id.empty()) continue;
      const std::uint64_t id =
          (std::uint64_t{7} << 32U) +
          static_cast<std::uint64_t>(dice.roll(1, static_cast<std::int64_t>(filled_by_id.size())));
      const auto trigger = static_cast<OrderTrigger>(dice.roll(0, order_trigger_count - 1));
      const bool is_fill = trigger == OrderTrigger::fill_part || trigger == OrderTrigger::fill_all;
      const std::int64_t size = dice.roll(1, 7);
      const OrderChange change = is_fill ? orders.apply_fill(id, SizeUnits{size}) : orders.apply(id, trigger);
      const bool is_booked = change.error == OrderError::none || change.error == OrderError::overfilled;
      if (is_fill && is_booked) filled_by_id[id] += size;

      const Order& order = *orders.find(id);
      REQUIRE(order.filled.value == filled_by_id[id]);
      if (ended_by_id[id]) REQUIRE(is_ended(order.state));
      ended_by_id[id] = is_ended(order.state);
      REQUIRE(orders.live().contains(id) == !is_ended(order.state));
      InFlight expected;
      for (const auto& [other, sum] : filled_by_id) {
        const Order& it = *orders.find(other);
        if (!is_ended(it.state)) (it.side == Side::bid ? expected.buys : expected.sells) += it.remaining();
      }
      REQUIRE(orders.in_flight(0).buys == expected.buys);
      REQUIRE(orders.in_flight(0).sells == expected.sells);
    }
  }
}

TEST_CASE("a checkpoint restores live and ended orders and the counter") {
  Placed p;
  const std::uint64_t second = p.orders.next_client_order_id();
  p.orders.add(order_of(second, 5, Side::ask, 1));
  p.orders.apply(p.id, OrderTrigger::expired);
  ByteWriter writer;
  p.orders.save(writer);

  Orders restored(test::run_tag);
  ByteReader reader(writer.bytes());

  REQUIRE(restored.load(reader));
  CHECK(reader.is_at_end());
  CHECK(restored.find(p.id)->state == OrderState::expired);
  CHECK(restored.in_flight(1).sells == SizeUnits{5});
  CHECK(restored.next_client_order_id() == p.orders.next_client_order_id());
}

TEST_CASE("a checkpoint of another run tag or cut short is refused") {
  Placed p;
  ByteWriter writer;
  p.orders.save(writer);

  Orders other(test::run_tag + 1);
  ByteReader reader(writer.bytes());
  CHECK_FALSE(other.load(reader));
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    Orders restored(test::run_tag);
    ByteReader cut(std::string_view(writer.bytes()).substr(0, length));
    CHECK_FALSE(restored.load(cut));
  }
}
