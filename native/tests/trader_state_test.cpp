// How commands and triggers move the trader: reduce, halt, flatten, resume.
#include <doctest/doctest.h>

#include "lob/trader.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;
using test::Desk;
using test::LongDesk;

TEST_CASE("halt cancels what is ours, refuses what follows, and says so once with its reason") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  desk.forget_outputs();

  CHECK(desk.command(TradingOp::halt, "operator lunch") == TraderError::none);
  CHECK(desk.command(TradingOp::halt, "again") == TraderError::none);
  desk.forecast({0.0F, 0.0F, 9.0F});

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].kind == 1);
  CHECK(desk.out.order_events[0].state_to == code(OrderState::pending_cancel));
  REQUIRE(desk.out.state_events.size() == 1);
  CHECK(desk.arena == "operator lunch");
  CHECK(desk.out.decisions[1].rule == code(RiskRule::trading_state));
}

TEST_CASE("the venue's answer that there was nothing to cancel does not touch an ended order") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const OrderRequestRecord order = desk.out.orders[0];
  desk.command(TradingOp::halt);
  desk.reply(test::fill_of(order, 1, 100, 10'001));
  SimReply nothing = test::reply_of(order, SimReplyKind::rejected);
  nothing.reason = code(SimReason::unknown_order);

  CHECK(desk.reply(nothing) == TraderError::none);
  CHECK(desk.trader.orders().find(order.client_order_id)->state == OrderState::filled);
}

TEST_CASE("reduce keeps a closing order and cancels an opening one") {
  LongDesk desk;
  desk.forecast({-1.0F, 0.0F, 9.0F});  // Leaves slot 0, enters slot 2.
  REQUIRE(desk.out.orders.size() == 2);
  const std::uint64_t opening = desk.out.orders[1].client_order_id;
  desk.forget_outputs();

  desk.command(TradingOp::reduce);

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].client_order_id == opening);
}

TEST_CASE("while reducing, signals close positions and open none") {
  LongDesk desk;
  desk.command(TradingOp::reduce);

  desk.forecast({-1.0F, 0.0F, 9.0F});

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].side == 1);
  CHECK(desk.out.orders[0].size_units == 100);
  CHECK(desk.out.decisions[1].rule == code(RiskRule::trading_state));
}

TEST_CASE("flatten closes what is open with its own cap, then halts") {
  LongDesk desk;
  desk.command(TradingOp::flatten, "end of day");
  desk.step();
  REQUIRE(desk.out.orders.size() == 1);
  const OrderRequestRecord order = desk.out.orders[0];
  CHECK(order.side == 1);
  CHECK(order.size_units == 100);
  CHECK(order.price_ticks == 9'994);

  desk.step();
  CHECK(desk.out.orders.size() == 1);
  CHECK(desk.trader.state() == TradingState::flattening);
  desk.reply(test::fill_of(order, 2, 100, 9'998));
  desk.step();

  CHECK(desk.trader.state() == TradingState::halted);
  CHECK(desk.out.state_events.back().state_from == code(TradingState::flattening));
  CHECK(desk.out.state_events.back().trigger == code(TradingTrigger::operator_));
}

TEST_CASE("flatten waits for a usable book and for orders whose end is not known") {
  LongDesk desk;
  desk.command(TradingOp::flatten);
  desk.step({TopOfBook{}, TopOfBook{}, TopOfBook{}});
  CHECK(desk.out.orders.empty());

  desk.step();
  REQUIRE(desk.out.orders.size() == 1);
  desk.ts_ns += 11 * test::step_ns;
  desk.step();
  CHECK(desk.out.orders.size() == 1);
  CHECK(desk.trader.state() == TradingState::flattening);

  desk.reply(test::fill_of(desk.out.orders[0], 2, 100, 9'998));
  desk.step();
  CHECK(desk.trader.state() == TradingState::halted);
}

TEST_CASE("the end of flattening names the trigger that began it, across a checkpoint too") {
  LongDesk desk;
  desk.trader.on_command(9, desk.ts_ns, TradingOp::flatten, TradingTrigger::stale_feed, "feed silent",
                         desk.out);
  ByteWriter writer;
  desk.trader.save(writer);
  Desk restored;
  ByteReader reader(writer.bytes());
  REQUIRE(restored.trader.load(reader));
  restored.step();
  restored.reply(test::fill_of(restored.out.orders[0], 2, 100, 9'998));
  restored.step();

  REQUIRE(restored.out.state_events.size() == 1);
  CHECK(restored.out.state_events[0].trigger == code(TradingTrigger::stale_feed));
}

TEST_CASE("a large position is flattened in slices of max_order_size") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[0].max_order_size = SizeUnits{100};
  config.slots[0].terms.max_position = SizeUnits{1'000};
  Desk desk(config);
  desk.forecast({9.0F, 0.0F, 0.0F});
  desk.reply(test::fill_of(desk.out.orders[0], 1, 100, 10'001));
  OrderRequestRecord forgotten = desk.out.orders[0];
  forgotten.client_order_id += 500;
  desk.reply(test::fill_of(forgotten, 2, 155, 10'001));
  desk.forget_outputs();
  desk.command(TradingOp::flatten);

  std::vector<std::int64_t> sizes;
  for (std::uint64_t turn = 0; turn < 5; ++turn) {
    desk.step();
    if (desk.out.orders.size() == sizes.size()) break;
    sizes.push_back(desk.out.orders.back().size_units);
    desk.reply(test::fill_of(desk.out.orders.back(), 10 + turn, sizes.back(), 9'998));
  }

  CHECK(sizes == std::vector<std::int64_t>{100, 100, 50});  // 5 units are less than a lot.
  CHECK(desk.trader.state() == TradingState::halted);
}

TEST_CASE("resume needs an operator with a reason, and flat_confirmed is nobody's command") {
  Desk desk;
  desk.command(TradingOp::halt);
  CHECK(desk.command(TradingOp::resume, "") == TraderError::reason_missing);
  CHECK(desk.trader.on_command(9, desk.ts_ns, TradingOp::resume, TradingTrigger::model, "x", desk.out) ==
        TraderError::operator_only);
  CHECK(desk.command(TradingOp::flat_confirmed) == TraderError::not_allowed);
  CHECK(desk.command(TradingOp::resume, "checked") == TraderError::none);
  CHECK(desk.trader.state() == TradingState::active);
}

TEST_CASE("start is told once in a run, and not again by a restored trader") {
  Desk desk;
  desk.trader.on_start(1, 1, desk.out);
  desk.trader.on_start(2, 2, desk.out);
  REQUIRE(desk.out.state_events.size() == 1);
  CHECK(desk.out.state_events[0].trigger == code(TradingTrigger::start));

  ByteWriter writer;
  desk.trader.save(writer);
  Desk restored;
  ByteReader reader(writer.bytes());
  REQUIRE(restored.trader.load(reader));
  restored.trader.on_start(3, 3, restored.out);
  CHECK(restored.out.state_events.empty());
}
