// Orders at a real venue: what is unknown is asked for and never sent again, and counts until it is known.
#include <doctest/doctest.h>

#include "live_fixture.hpp"

using namespace lob;
using test::code;
using test::LiveDesk;
using test::said;
using test::second_ns;
using test::traded;

TEST_CASE("a placement without an answer is unknown and asked for at once, never sent again") {
  LiveDesk desk;
  desk.target(0, 100);
  desk.hear(VenueReplyKind::unanswered);

  CHECK(desk.order().state == OrderState::unknown);
  REQUIRE(desk.out.orders.size() == 2);
  CHECK(desk.out.orders[1].kind == code(RequestKind::query));
  CHECK(desk.out.orders[1].client_order_id == desk.out.orders[0].client_order_id);
  desk.target(0, 100);
  desk.step_after(test::step_ns);
  CHECK(desk.count(RequestKind::place) == 1);
}

TEST_CASE("an unknown order is asked for again after 1, 2, 4, 8, 16, 30 and 30 seconds") {
  LiveDesk desk;
  desk.target(0, 100);
  desk.hear(VenueReplyKind::unanswered);
  for (const TsNs wait_s : {1, 2, 4, 8, 16, 30, 30}) {
    const std::size_t before = desk.count(RequestKind::query);
    desk.step_after(wait_s * second_ns - 1);
    CHECK(desk.count(RequestKind::query) == before);
    desk.step_after(1);
    CHECK(desk.count(RequestKind::query) == before + 1);
  }
}

TEST_CASE("an order that never gets an answer becomes unknown by itself and is asked for") {
  LiveDesk desk;
  desk.target(0, 100);
  desk.step_after(11 * test::step_ns);

  CHECK(desk.order().state == OrderState::unknown);
  CHECK(desk.count(RequestKind::query) == 1);
}

TEST_CASE("a query's answer ends the asking") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::unanswered);
  desk.hear(VenueReplyKind::ack);
  desk.step_after(10 * second_ns);

  CHECK(desk.order().state == OrderState::open);
  CHECK(desk.count(RequestKind::query) == 1);
}

TEST_CASE(
    "proof of absence ends an unknown order as rejected, and as cancelled where it had filled in part") {
  LiveDesk desk;
  desk.target(0, 100);
  desk.hear(VenueReplyKind::unanswered);
  desk.hear(VenueReplyKind::absent);
  CHECK(desk.order().state == OrderState::rejected);
  CHECK(desk.trader.orders().live().empty());

  desk.target(0, 100);
  desk.hear(traded(desk.placed(), 1, 30, 10'001));
  desk.hear(VenueReplyKind::unanswered);
  desk.hear(VenueReplyKind::absent);
  CHECK(desk.order().state == OrderState::cancelled);
}

TEST_CASE("an unknown order counts in full until it is known") {
  LiveDesk desk;
  desk.target(0, 100);
  desk.hear(VenueReplyKind::unanswered);
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{100});
  desk.hear(traded(desk.placed(), 1, 40, 10'001));
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{60});
}

TEST_CASE("while an order of a slot is unknown nothing opens there, and what closes may leave") {
  LiveDesk desk;
  desk.hold_100();
  desk.bid(1, 9'960, 50);
  desk.hear(VenueReplyKind::unanswered);
  const std::size_t placed = desk.count(RequestKind::place);

  desk.target(0, 150);
  CHECK(desk.out.decisions.back().rule == code(RiskRule::unresolved));
  CHECK(desk.count(RequestKind::place) == placed);
  desk.target(0, 0);
  CHECK(desk.count(RequestKind::place) == placed + 1);
  desk.target(0, 50, 2);
  CHECK(desk.placed().instrument == 9);  // another slot is not concerned
}

TEST_CASE("an order that ended with more filled than was told stays until the fills came") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::ack);
  VenueReply ended = said(desk.placed(), VenueReplyKind::cancelled);
  ended.cumulative_units = 70;
  desk.hear(ended);
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{70});

  desk.hear(traded(desk.placed(), 1, 30, 9'998));
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{40});
  CHECK_FALSE(is_ended(desk.order().state));
  desk.hear(traded(desk.placed(), 2, 40, 9'998));
  CHECK(desk.order().state == OrderState::cancelled);
  CHECK(desk.trader.position(0).units == SizeUnits{70});
}

TEST_CASE("an answer that says all has filled keeps the order until the fills came, then it is filled") {
  LiveDesk desk;
  desk.target(0, 100);
  VenueReply ack = said(desk.placed(), VenueReplyKind::ack);
  ack.cumulative_units = 100;
  desk.hear(ack);
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{100});
  desk.hear(traded(desk.placed(), 1, 100, 10'001));
  CHECK(desk.order().state == OrderState::filled);
}

TEST_CASE("fills that stay owed are asked for, and after enough queries the order ends without them") {
  LiveDesk desk;
  desk.target(0, 100);
  VenueReply ended = said(desk.placed(), VenueReplyKind::expired);
  ended.cumulative_units = 40;
  desk.hear(ended);
  desk.step_after(11 * test::step_ns);
  CHECK(desk.order().state == OrderState::unknown);
  for (int query = 0; query < owed_queries_max; ++query) {
    desk.hear(ended);
    CHECK(desk.order().state == OrderState::unknown);
    desk.step_after(30 * second_ns);
  }
  desk.hear(ended);
  CHECK(desk.order().state == OrderState::expired);
  CHECK(desk.hear(traded(desk.placed(), 1, 40, 10'001)) == TraderError::none);
  CHECK(desk.trader.position(0).units == SizeUnits{40});
}

TEST_CASE("a venue may take an order and reject it afterwards") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::ack);
  CHECK(desk.hear(VenueReplyKind::rejected) == TraderError::none);
  CHECK(desk.order().state == OrderState::rejected);
}

TEST_CASE("a refused cancel is followed by a query") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::ack);
  desk.wish(0, {});
  desk.hear(VenueReplyKind::cancel_rejected);

  CHECK(desk.order().state == OrderState::unknown);
  CHECK(desk.count(RequestKind::query) == 1);
}

TEST_CASE("a halted trader cancels again what rests again after its cancel failed") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::ack);
  desk.command(TradingOp::halt);
  desk.hear(VenueReplyKind::unanswered);
  desk.hear(VenueReplyKind::ack);
  CHECK(desk.order().state == OrderState::open);
  desk.step_after(test::step_ns);
  desk.step_after(test::step_ns);

  CHECK(desk.count(RequestKind::cancel) == 2);
  CHECK(desk.order().state == OrderState::pending_cancel);
}

TEST_CASE("no more orders than allowed await an answer of one venue") {
  TraderConfig config = test::live_config();
  config.risk.in_flight_max = 1;
  LiveDesk desk(config);
  desk.target(0, 100);
  desk.bid(1, 9'998, 50);
  CHECK(desk.out.decisions.back().rule == code(RiskRule::in_flight));
  desk.target(1, 50, 2);
  CHECK(desk.out.decisions.back().rule == 0);  // another venue
}

TEST_CASE("no new risk while the venue's private stream is silent") {
  TraderConfig config = test::live_config();
  config.risk.private_age_max_ns = second_ns;
  LiveDesk desk(config);
  desk.target(0, 100);
  CHECK(desk.out.decisions.back().rule == code(RiskRule::private_stream));  // never heard

  desk.trader.on_fact(Fact::private_binance_usdm_ns, desk.ts_ns);
  desk.ts_ns += second_ns;
  desk.target(0, 100);
  CHECK(desk.out.decisions.back().rule == 0);
  desk.ts_ns += 1;
  desk.bid(1, 9'998, 50);
  CHECK(desk.out.decisions.back().rule == code(RiskRule::private_stream));

  VenueReply heard = said(desk.placed(), VenueReplyKind::ack);
  heard.origin = code(ReplyOrigin::stream);
  desk.hear(heard);
  desk.bid(1, 9'998, 50);
  CHECK(desk.out.decisions.back().rule == 0);
}

TEST_CASE("a fill of nobody moves the account and falls to whoever holds the other side, else to the heir") {
  LiveDesk desk;
  desk.hold_100();
  VenueReply stranger = test::traded_by_nobody(Side::ask, 5, 30, 9'999);
  CHECK(desk.hear(stranger) == TraderError::none);
  CHECK(desk.hear(stranger) == TraderError::none);  // told twice, booked once
  CHECK(desk.trader.position(0).units == SizeUnits{70});
  CHECK(desk.trader.own_position(0, 0) == SizeUnits{70});

  stranger.client_order_id = std::uint64_t{99} << 32U | 1;  // of an earlier run
  stranger.trade_id = 6;
  stranger.side = code(Side::bid);
  CHECK(desk.hear(stranger) == TraderError::none);
  CHECK(desk.trader.own_position(0, 0) == SizeUnits{100});
  REQUIRE(desk.out.fills.size() == 2);
  CHECK(desk.out.fills[0].strategy == no_strategy);
  CHECK(desk.out.fills[1].client_order_id == stranger.client_order_id);
}

TEST_CASE("any other reply about an order of another run is refused") {
  LiveDesk desk;
  VenueReply reply = test::traded_by_nobody(Side::bid, 0, 0, 0);
  reply.client_order_id = 5;
  reply.kind = code(VenueReplyKind::ack);
  CHECK(desk.hear(reply) == TraderError::foreign_order);
}

TEST_CASE("a fee in the base asset leaves the position, and its fractions wait until they make a unit") {
  LiveDesk desk;
  desk.target(0, 100, 2);
  desk.hear(VenueReplyKind::ack);
  VenueReply fill = traded(desk.placed(), 1, 50, 10'000);
  fill.fee_asset = code(FeeAsset::base);
  fill.fee_mantissa = 16;  // 0.0016 = 1.6 size units
  fill.fee_decimals = 4;
  fill.fee_quote_units = 16'000;
  desk.hear(fill);
  CHECK(desk.trader.position(2).units == SizeUnits{49});
  CHECK(desk.trader.position(2).fees_quote_units == 10'000);

  fill.trade_id = 2;
  desk.hear(fill);
  CHECK(desk.trader.position(2).units == SizeUnits{97});  // 1.6 + 1.6 = 3.2: two more whole units
  CHECK(desk.trader.position(2).fees_quote_units == 30'000);
  CHECK(desk.trader.own_position(0, 2) == SizeUnits{97});
  REQUIRE(desk.out.fills.size() == 2);
  CHECK(desk.out.fills[1].fee_quote_units == 20'000);
  CHECK(desk.out.fills[1].fee_asset == code(FeeAsset::base));
  CHECK(desk.order().state == OrderState::filled);
}

TEST_CASE("a venue's reasons are marked as its own") {
  LiveDesk desk;
  desk.bid(0, 9'998, 100);
  VenueReply refused = said(desk.placed(), VenueReplyKind::rejected);
  refused.reason = code(VenueReason::balance);
  desk.hear(refused);
  CHECK(desk.out.order_events.back().reason == code(VenueReason::balance));
  CHECK(desk.out.order_events.back().is_venue_reason == 1);
  CHECK(desk.out.order_events.front().is_venue_reason == 0);
}

TEST_CASE("orders that take and only close a perpetual are reduce-only where the settings say so") {
  TraderConfig config = test::live_config();
  config.execution.is_reduce_only = true;
  LiveDesk desk(config);
  desk.hold_100();
  desk.target(0, 0);
  CHECK(desk.placed().is_reduce_only == 1);
  desk.hear(VenueReplyKind::rejected);
  desk.target(0, -50);  // through zero
  CHECK(desk.placed().is_reduce_only == 0);
  desk.target(1, 50, 2);
  CHECK(desk.placed().is_reduce_only == 0);
}

TEST_CASE("a flattening trader closes at market where the settings say so") {
  TraderConfig config = test::live_config();
  config.execution.closes_at_market = true;
  LiveDesk desk(config);
  desk.hold_100();
  desk.command(TradingOp::flatten);
  desk.step_after(test::step_ns);

  CHECK(desk.placed().type == code(OrderType::market));
  CHECK(desk.placed().price_ticks == 0);
  CHECK(desk.placed().size_units == 100);
}

TEST_CASE("a trader restored in the middle of it all goes on as the first one would") {
  TraderConfig config = test::live_config();
  config.execution.has_amend = true;
  LiveDesk desk(config);
  desk.bid(0, 9'998, 100);
  desk.hear(VenueReplyKind::ack);
  desk.bid(0, 9'997, 100);  // an amendment is under way
  desk.target(1, 50, 2);
  desk.hear(VenueReplyKind::unanswered);
  ByteWriter writer;
  desk.trader.save(writer);

  LiveDesk again(config);
  ByteReader reader(writer.bytes());
  REQUIRE(again.trader.load(reader));
  CHECK(reader.is_at_end());
  again.seq = desk.seq;
  again.ts_ns = desk.ts_ns;
  desk.forget_outputs();
  for (LiveDesk* one : {&desk, &again}) {
    one->step_after(2 * second_ns);
    one->step_after(20 * second_ns);
    one->bid(0, 9'990, 60);
  }
  CHECK(test::bytes_of(desk.out) == test::bytes_of(again.out));
  CHECK(desk.out.orders.size() > 2);
}
