// How wishes reach a venue: amendments, slices, resting first, and keeping out of our own way.
#include "lob/execution.hpp"

#include <doctest/doctest.h>

#include "live_fixture.hpp"

using namespace lob;
using test::code;
using test::LiveDesk;
using test::said;
using test::second_ns;
using test::traded;

namespace {

TraderConfig amending() {
  TraderConfig config = test::live_config();
  config.execution.has_amend = true;
  return config;
}

TraderConfig styled(ExecutionStyle style) {
  TraderConfig config = test::live_config();
  for (StrategyConfig& strategy : config.strategies)
    strategy.slicing = {.style = style, .patience_ns = 3 * second_ns, .interval_ns = second_ns, .slices = 4};
  return config;
}

/// A desk with an open bid of 100 at 9'998, outputs kept.
struct QuotingDesk : LiveDesk {
  explicit QuotingDesk(const TraderConfig& config = amending()) : LiveDesk(config) {
    bid(0, 9'998, 100);
    hear(VenueReplyKind::ack);
  }
};

}  // namespace

// --- amendments --------------------------------------------------------------------------------------------

TEST_CASE("a quote that moves is amended, and the new terms are in force when the venue says so") {
  QuotingDesk desk;
  desk.bid(0, 9'997, 80);
  REQUIRE(desk.out.orders.size() == 2);
  CHECK(desk.out.orders[1].kind == code(RequestKind::amend));
  CHECK(desk.out.orders[1].price_ticks == 9'997);
  CHECK(desk.out.orders[1].size_units == 80);
  CHECK(desk.order().state == OrderState::pending_amend);
  CHECK(desk.order().price == PriceTicks{9'998});

  desk.hear(VenueReplyKind::amended);
  CHECK(desk.order().state == OrderState::open);
  CHECK(desk.order().price == PriceTicks{9'997});
  CHECK(desk.order().size == SizeUnits{80});
  desk.bid(0, 9'997, 80);
  CHECK(desk.out.orders.size() == 2);
}

TEST_CASE("an amendment states totals: what has filled stays in them") {
  QuotingDesk desk;
  desk.hear(traded(desk.placed(), 1, 30, 9'998));
  desk.bid(0, 9'997, 100);
  CHECK(desk.out.orders.back().size_units == 130);
  desk.hear(VenueReplyKind::amended);
  CHECK(desk.order().state == OrderState::partially_filled);
  CHECK(desk.order().remaining() == SizeUnits{100});
}

TEST_CASE("while an amendment is under way the larger size counts, and nothing else is sent") {
  QuotingDesk desk;
  desk.bid(0, 9'998, 100);
  desk.bid(0, 9'997, 150);
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{150});
  desk.bid(0, 9'996, 40);
  desk.wish(0, {});
  CHECK(desk.out.orders.size() == 2);
}

TEST_CASE("a refused amendment leaves the order as it was") {
  QuotingDesk desk;
  desk.bid(0, 9'997, 150);
  VenueReply refused = said(desk.placed(), VenueReplyKind::amend_rejected);
  refused.reason = code(VenueReason::filter);
  desk.hear(refused);
  CHECK(desk.order().state == OrderState::open);
  CHECK(desk.order().price == PriceTicks{9'998});
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{100});
}

TEST_CASE("an amendment of an order that the venue does not know leads to a query") {
  QuotingDesk desk;
  desk.bid(0, 9'997, 150);
  VenueReply refused = said(desk.placed(), VenueReplyKind::amend_rejected);
  refused.reason = code(VenueReason::unknown_order);
  desk.hear(refused);
  CHECK(desk.order().state == OrderState::unknown);
  CHECK(desk.out.orders.back().kind == code(RequestKind::query));
}

TEST_CASE("what a query says is in force settles an amendment without an answer") {
  QuotingDesk desk;
  desk.bid(0, 9'997, 150);
  desk.hear(VenueReplyKind::unanswered);
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{150});
  VenueReply found = said(desk.placed(), VenueReplyKind::ack);
  found.price_ticks = 9'998;
  found.size_units = 100;  // it was not made
  found.cumulative_units = 0;
  desk.hear(found);
  CHECK(desk.order().state == OrderState::open);
  CHECK(desk.order().price == PriceTicks{9'998});
  CHECK(desk.trader.orders().in_flight(0).buys == SizeUnits{100});
}

TEST_CASE("an order that filled whole before its amendment was refused is filled") {
  QuotingDesk desk;
  desk.bid(0, 9'997, 150);
  desk.hear(traded(desk.placed(), 1, 100, 9'998));
  CHECK(desk.order().state == OrderState::pending_amend);
  desk.hear(VenueReplyKind::amend_rejected);
  CHECK(desk.order().state == OrderState::filled);
}

TEST_CASE("an amendment that a rule refuses becomes a cancel") {
  QuotingDesk desk;
  desk.bid(0, 9'900, 100);  // further from the mid than allowed
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
}

TEST_CASE("Binance spot amends where only the size falls, and cancels otherwise") {
  LiveDesk desk(amending());
  desk.bid(0, 9'998, 100, 2);
  desk.hear(VenueReplyKind::ack);
  desk.bid(0, 9'998, 60, 2);
  CHECK(desk.out.orders.back().kind == code(RequestKind::amend));
  desk.hear(VenueReplyKind::amended);
  desk.bid(0, 9'997, 60, 2);
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
}

TEST_CASE("without the setting a quote that moves is cancelled") {
  QuotingDesk desk(test::live_config());
  desk.bid(0, 9'997, 100);
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
}

// --- styles ------------------------------------------------------------------------------------------------

TEST_CASE("passive then aggressive rests at the own touch, then takes what is left") {
  LiveDesk desk(styled(ExecutionStyle::passive_then_aggressive));
  desk.target(0, 100);
  CHECK(desk.placed().time_in_force == code(TimeInForce::post_only));
  CHECK(desk.placed().purpose == code(OrderPurpose::signal));
  CHECK(desk.placed().price_ticks == 9'999);
  desk.hear(VenueReplyKind::ack);
  desk.hear(traded(desk.placed(), 1, 40, 9'999));
  desk.ts_ns += 2 * second_ns;
  desk.target(0, 100);
  CHECK(desk.out.orders.size() == 1);

  desk.ts_ns += second_ns;
  desk.target(0, 100);
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
  desk.hear(VenueReplyKind::cancelled);
  desk.target(0, 100);
  CHECK(desk.placed().time_in_force == code(TimeInForce::ioc));
  CHECK(desk.placed().price_ticks == 10'003);
  CHECK(desk.placed().size_units == 60);
}

TEST_CASE("a resting order is recalled when its patience ends, though nobody wishes any more") {
  LiveDesk desk(styled(ExecutionStyle::passive_then_aggressive));
  desk.target(0, 100);
  desk.hear(VenueReplyKind::ack);
  desk.trader.on_step(++desk.seq, desk.ts_ns + 3 * second_ns,
                      test::Touches(desk.ts_ns, test::usual_tops).view(), desk.out);
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
}

TEST_CASE("another target recalls what rests towards the first") {
  for (const std::int64_t other : {0, 200}) {
    LiveDesk desk(styled(ExecutionStyle::passive_then_aggressive));
    desk.target(0, 100);
    desk.hear(VenueReplyKind::ack);
    desk.target(0, other);
    CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
  }
}

TEST_CASE("a wish that is gone takes its resting order along") {
  LiveDesk desk(styled(ExecutionStyle::passive_then_aggressive));
  desk.target(0, 100);
  desk.hear(VenueReplyKind::ack);
  desk.wish(0, {});
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
}

TEST_CASE("twap sends equal slices of whole lots, one an interval, until the target is held") {
  LiveDesk desk(styled(ExecutionStyle::twap));
  std::vector<std::int64_t> sizes;
  for (int tick = 0; tick < 12; ++tick) {
    const std::size_t before = desk.out.orders.size();
    desk.target(0, 100);
    if (desk.out.orders.size() > before) {
      sizes.push_back(desk.placed().size_units);
      desk.hear(traded(desk.placed(), static_cast<std::uint64_t>(tick) + 1, sizes.back(), 10'001));
    }
    desk.ts_ns += second_ns / 2;
  }
  CHECK(sizes == std::vector<std::int64_t>{30, 30, 30, 10});
  CHECK(desk.trader.position(0).units == SizeUnits{100});
}

TEST_CASE("what takes is fill-or-kill where the settings say so") {
  TraderConfig config = test::live_config();
  config.strategies[0].slicing.is_fill_or_kill = true;
  LiveDesk desk(config);
  desk.target(0, 100);
  CHECK(desk.placed().time_in_force == code(TimeInForce::fok));
  desk.hear(VenueReplyKind::expired);
  CHECK(desk.order().state == OrderState::expired);
}

TEST_CASE("a query is repeated after doubling waits of at most 30 seconds") {
  const std::vector<TsNs> expected_s{1, 2, 4, 8, 16, 30, 30, 30};
  for (unsigned query = 1; query <= expected_s.size(); ++query)
    CHECK(query_wait_ns(query) == expected_s[query - 1] * second_ns);
  CHECK(query_wait_ns(255) == 30 * second_ns);
}

// --- our own orders in the market --------------------------------------------------------------------------

TEST_CASE("an order that would match a resting one of ours stays home, and that one is cancelled") {
  LiveDesk desk;
  desk.ask(0, 10'002, 100);
  desk.hear(VenueReplyKind::ack);
  desk.target(1, 50);  // would take up to 10'003
  CHECK(desk.out.decisions.back().rule == code(RiskRule::self_trade));
  CHECK(desk.out.orders.back().kind == code(RequestKind::cancel));
  desk.target(1, 50);
  CHECK(desk.count(RequestKind::cancel) == 1);  // it is on its way
  desk.hear(said(desk.out.orders[0], VenueReplyKind::cancelled));
  desk.target(1, 50);
  CHECK(desk.count(RequestKind::place) == 2);
}

TEST_CASE("self-trades are refused without a cancel, or let pass, where the settings say so") {
  TraderConfig config = test::live_config();
  config.execution.self_trade = SelfTrade::refuse;
  LiveDesk refusing(config);
  refusing.ask(0, 10'002, 100);
  refusing.target(1, 50);
  CHECK(refusing.out.orders.size() == 1);

  config.execution.self_trade = SelfTrade::allow;
  LiveDesk allowing(config);
  allowing.ask(0, 10'002, 100);
  allowing.target(1, 50);
  CHECK(allowing.out.orders.size() == 2);
}

TEST_CASE("an order that does not reach ours leaves") {
  LiveDesk desk;
  desk.ask(0, 10'004, 100);
  desk.target(1, 50);  // up to 10'003
  CHECK(desk.count(RequestKind::place) == 2);
}

namespace {

/// A maker that quotes the touch it sees, with its bid of 100 resting at the best level.
struct TouchDesk : LiveDesk {
  static TraderConfig config_of(bool own_size_in_book) {
    TraderConfig config = test::live_config();
    config.strategies = {test::forecast_strategy()};
    std::get<ForecastSettings>(config.strategies[0].settings).style = OrderStyle::maker;
    config.execution.own_size_in_book = own_size_in_book;
    return config;
  }

  explicit TouchDesk(bool own_size_in_book, std::int64_t touch_size) : LiveDesk(config_of(own_size_in_book)) {
    slots[0].top = test::usual_top;
    slots[0].is_synced = true;
    slots[0].bids = {Level{PriceTicks{9'999}, SizeUnits{touch_size}},
                     Level{PriceTicks{9'997}, SizeUnits{50}}};
    slots[0].asks = {Level{PriceTicks{10'001}, SizeUnits{500}}};
    slots[0].bid_count = 2;
    slots[0].ask_count = 1;
    quote();
    hear(VenueReplyKind::ack);
    quote();
  }

  void quote() {
    const std::vector<float> values = test::forecast_of({9.0F, 0.0F, 0.0F});
    const ForecastView view{.values = values, .horizon_steps = test::horizon_steps, .slot_count = 3};
    const MarketView market{.ts_ns = ts_ns, .slots = slots};
    REQUIRE(trader.on_forecast(++seq, ts_ns, ts_ns, 1, view, market, out) == TraderError::none);
  }

  std::vector<SlotMarket> slots{3};
};

}  // namespace

TEST_CASE("a strategy that follows the touch does not follow its own order") {
  TouchDesk alone(true, 100);
  CHECK(alone.out.orders.back().kind == code(RequestKind::cancel));  // the others' touch is 9'997
  TouchDesk among_others(true, 130);
  CHECK(among_others.out.orders.size() == 1);
  TouchDesk unfiltered(false, 100);
  CHECK(unfiltered.out.orders.size() == 1);
}
