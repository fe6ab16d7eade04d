// Several strategies on one trader: who owns what, how quotes follow wishes, what facts and watch rules do.
#include <doctest/doctest.h>

#include "lob/trader.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;
using test::Desk;

namespace {

constexpr TsNs max_age_ns = 10 * test::step_ns;

StrategyConfig external(const std::string& name) {
  StrategyConfig strategy;
  strategy.name = name;
  strategy.kind = StrategyKind::external;
  strategy.settings = ExternalSettings{.max_age_ns = max_age_ns};
  return strategy;
}

TraderConfig two_externals() {
  TraderConfig config = test::two_slots_and_a_mask();
  config.strategies = {external("one"), external("other")};
  for (const std::size_t slot : {0, 2}) {
    config.slots[slot].terms.max_position = SizeUnits{500};
    config.slots[slot].terms.short_max = SizeUnits{500};
  }
  return config;
}

/// A desk whose strategies wish what the test says.
struct Wishing : Desk {
  Wishing() : Desk(two_externals()) {}
  explicit Wishing(const TraderConfig& config) : Desk(config) {}

  TraderError wish(std::uint32_t strategy, std::vector<Wish> wishes) {
    return trader.on_wishes(++seq, ts_ns, ts_ns, strategy, std::move(wishes),
                            test::Touches(ts_ns, test::usual_tops).view(), out);
  }
  TraderError target(std::uint32_t strategy, std::int64_t units) {
    return wish(strategy, {{.slot = 0, .action = SignalAction::enter, .target = SizeUnits{units}}});
  }
  TraderError bid(std::uint32_t strategy, std::int64_t price, std::int64_t size) {
    return wish(strategy,
                {{.slot = 0, .action = SignalAction::quote, .bid = {PriceTicks{price}, SizeUnits{size}}}});
  }
  /// Acknowledges the newest request and fills it.
  void fill(std::int64_t size, std::int64_t price) {
    const OrderRequestRecord order = out.orders.back();
    reply(test::reply_of(order, SimReplyKind::ack));
    REQUIRE(reply(test::fill_of(order, ++trade_id, size, price)) == TraderError::none);
  }
  void next_step() {
    ts_ns += test::step_ns;
    step();
  }
  std::uint64_t trade_id = 0;
};

}  // namespace

TEST_CASE("each strategy owns the fills of its own orders, and the account is their sum") {
  Wishing desk;
  desk.target(0, 100);
  desk.fill(100, 10'001);
  desk.target(1, -50);
  desk.fill(50, 9'999);

  CHECK(desk.trader.own_position(0, 0) == SizeUnits{100});
  CHECK(desk.trader.own_position(1, 0) == SizeUnits{-50});
  CHECK(desk.trader.position(0).units == SizeUnits{50});
  REQUIRE(desk.out.fills.size() == 2);
  CHECK(desk.out.fills[0].strategy == 0);
  CHECK(desk.out.fills[1].strategy == 1);
}

TEST_CASE("one strategy's working order does not hold up another's") {
  Wishing desk;
  desk.target(0, 100);
  desk.target(1, -50);

  CHECK(desk.out.orders.size() == 2);
  CHECK(desk.out.decisions.back().strategy == 1);
}

TEST_CASE("a strategy waits while an order of its own works on the slot") {
  Wishing desk;
  desk.target(0, 100);
  desk.target(0, 200);

  CHECK(desk.out.orders.size() == 1);
}

TEST_CASE("a quote rests post-only, is kept while the wish stands and cancelled before it is replaced") {
  Wishing desk;
  desk.bid(0, 9'998, 100);
  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].time_in_force == code(TimeInForce::post_only));
  CHECK(desk.out.orders[0].purpose == code(OrderPurpose::quote));
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::ack));

  desk.bid(0, 9'998, 100);
  CHECK(desk.out.orders.size() == 1);

  desk.bid(0, 9'997, 100);
  REQUIRE(desk.out.orders.size() == 2);
  CHECK(desk.out.orders[1].kind == 1);
  desk.bid(0, 9'997, 100);
  CHECK(desk.out.orders.size() == 2);  // The old one is still on its way out.
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::cancelled));
  desk.bid(0, 9'997, 100);
  REQUIRE(desk.out.orders.size() == 3);
  CHECK(desk.out.orders[2].price_ticks == 9'997);
}

TEST_CASE("a quote that rests is owed no answer, a cancel of it is") {
  Wishing desk;
  desk.bid(0, 9'998, 100);
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::ack));
  desk.ts_ns += 2 * max_age_ns;
  desk.bid(0, 9'998, 100);
  desk.step();
  CHECK(desk.trader.orders().live().begin()->second.state == OrderState::open);

  desk.wish(0, {});
  desk.ts_ns += 2 * max_age_ns;
  desk.step();
  CHECK(desk.trader.orders().live().begin()->second.state == OrderState::unknown);
}

TEST_CASE("wishes that grew too old are withdrawn with their quotes") {
  Wishing desk;
  desk.bid(0, 9'998, 100);
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::ack));
  desk.ts_ns += max_age_ns + 1;
  desk.step();

  CHECK(desk.out.orders.size() == 2);
  CHECK(desk.out.orders.back().kind == 1);
}

TEST_CASE("wishes for no external strategy, of a masked slot or off the lot are refused") {
  Wishing desk;
  CHECK(desk.target(2, 100) == TraderError::unknown_strategy);
  CHECK(desk.wish(0, {{.slot = 1, .target = SizeUnits{10}}}) == TraderError::bad_wish);
  CHECK(desk.target(0, 15) == TraderError::bad_wish);
  CHECK(desk.out.orders.empty());
  Desk forecasting;
  CHECK(forecasting.trader.on_wishes(1, forecasting.ts_ns, forecasting.ts_ns, 0, {},
                                     test::Touches(forecasting.ts_ns, test::usual_tops).view(),
                                     forecasting.out) == TraderError::unknown_strategy);
}

TEST_CASE("a flattening fill is taken from those who hold that side, and flat means flat for all") {
  Wishing desk;
  desk.target(0, 100);
  desk.fill(100, 10'001);
  desk.target(1, -40);
  desk.fill(40, 9'999);
  desk.command(TradingOp::flatten);
  desk.next_step();
  REQUIRE(desk.out.orders.back().purpose == code(OrderPurpose::flatten));
  CHECK(desk.out.orders.back().size_units == 60);
  desk.fill(60, 9'990);

  CHECK(desk.trader.position(0).units == SizeUnits{0});
  CHECK(desk.trader.own_position(0, 0) == SizeUnits{0});
  CHECK(desk.trader.own_position(1, 0) == SizeUnits{0});
  CHECK(desk.out.fills.back().strategy == no_strategy);
}

TEST_CASE("every order names the bundle in force, closing ones too") {
  Desk desk;
  const std::vector<float> values = test::forecast_of({9.0F, 0.0F, 0.0F});
  const ForecastView view{.values = values, .horizon_steps = test::horizon_steps, .slot_count = 3};
  desk.trader.on_forecast(++desk.seq, desk.ts_ns, desk.ts_ns, 0xABCD, view,
                          test::Touches(desk.ts_ns, test::usual_tops).view(), desk.out);
  desk.reply(test::fill_of(desk.out.orders[0], 1, 100, 10'001));
  desk.command(TradingOp::flatten);
  desk.ts_ns += test::step_ns;
  desk.step();

  REQUIRE(desk.out.orders.size() == 2);
  for (const OrderRequestRecord& order : desk.out.orders) CHECK(order.model_id == 0xABCD);
  for (const OrderEventRecord& event : desk.out.order_events) CHECK(event.model_id == 0xABCD);
  CHECK(desk.out.orders[0].ts_step_ns == desk.ts_ns - test::step_ns);
  CHECK(desk.out.orders[1].ts_step_ns == 0);
}

TEST_CASE("a drift level halves what strategies order, and no level gives it back") {
  Desk desk;
  REQUIRE(desk.trader.on_fact(Fact::drift_level, 1) == TraderError::none);
  desk.forecast({9.0F, 0.0F, 0.0F});
  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].size_units == 50);
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::rejected));
  REQUIRE(desk.trader.on_fact(Fact::drift_level, 0) == TraderError::none);
  desk.forecast({9.0F, 0.0F, 0.0F});
  CHECK(desk.out.orders.back().size_units == 100);
}

TEST_CASE("a fact outside what it can mean changes nothing") {
  Desk desk;
  CHECK(desk.trader.on_fact(Fact::drift_level, 4) == TraderError::bad_value);
  CHECK(desk.trader.on_fact(Fact::drift_level, -1) == TraderError::bad_value);
  CHECK(desk.trader.on_fact(Fact::model_expires_ns, -1) == TraderError::bad_value);
  CHECK(desk.trader.on_fact(Fact::clock_offset_ns, -5) == TraderError::none);
}

TEST_CASE("a stop-loss closes its instrument, blocks it for the cool-down and tells why") {
  TraderConfig config = two_externals();
  config.watch.stop_loss_share_e8 = 100'000;  // 10 bps
  config.watch.cool_down_ns = 5 * test::step_ns;
  Wishing desk(config);
  desk.target(0, 100);
  desk.fill(100, 10'050);  // The mid is 10'000: 50 bps under water.
  desk.next_step();

  REQUIRE(desk.out.risk_events.size() == 1);
  CHECK(desk.out.risk_events[0].rule == code(WatchRule::stop_loss));
  CHECK(desk.trader.counters().tripped_by_rule[code(WatchRule::stop_loss)] == 1);
  REQUIRE(desk.out.orders.back().purpose == code(OrderPurpose::flatten));
  desk.fill(100, 9'999);
  CHECK(desk.trader.state() == TradingState::active);

  desk.next_step();
  desk.target(0, 100);
  CHECK(desk.out.order_events.back().reason == code(RiskRule::blocked));
  CHECK(desk.trader.counters().refused_by_rule[code(RiskRule::blocked)] > 0);
  desk.ts_ns += 5 * test::step_ns;
  desk.step();
  desk.target(0, 100);
  CHECK(desk.out.order_events.back().state_to == code(OrderState::pending_new));
}

TEST_CASE("a watch rule about money moves the trading state and names itself") {
  TraderConfig config = two_externals();
  config.watch.drawdown_e8 = 1'000;
  Wishing desk(config);
  desk.next_step();
  desk.target(0, 100);
  desk.fill(100, 10'050);
  desk.next_step();

  CHECK(desk.trader.state() == TradingState::flattening);
  CHECK(desk.out.state_events.back().trigger == code(TradingTrigger::limit));
  CHECK(desk.arena.find("drawdown") != std::string::npos);
}

TEST_CASE("equity tells a row a step where something changed, and adds up") {
  Wishing desk;
  desk.next_step();
  CHECK(desk.out.equity.empty());
  desk.target(0, 100);
  desk.fill(100, 10'001);
  desk.next_step();
  REQUIRE(desk.out.equity.size() == 1);
  const EquityRecord& row = desk.out.equity[0];
  CHECK(row.unrealised_e8 == -100);  // one tick x 100 units, a quote unit is 10^-8
  CHECK(row.equity_e8 == row.realised_e8 + row.unrealised_e8 - row.fees_e8 - row.funding_e8);
  CHECK(row.gross_exposure_e8 == 1'000'000);
  desk.next_step();
  CHECK(desk.out.equity.size() == 1);
}

TEST_CASE("while halted quotes are not even tried, and resume brings them back") {
  Wishing desk;
  desk.command(TradingOp::halt);
  desk.bid(0, 9'998, 100);
  CHECK(desk.out.orders.empty());
  CHECK(desk.out.order_events.empty());
  desk.command(TradingOp::resume);
  desk.bid(0, 9'998, 100);
  CHECK(desk.out.orders.size() == 1);
}

TEST_CASE("a post-only rejection is no error of the venue, another rejection is") {
  TraderConfig config = two_externals();
  config.risk.errors_max = 0;
  Wishing desk(config);
  desk.bid(0, 9'998, 100);
  SimReply crossed = test::reply_of(desk.out.orders.back(), SimReplyKind::rejected);
  crossed.reason = code(SimReason::would_cross);
  desk.reply(crossed);
  desk.bid(0, 9'998, 100);
  CHECK(desk.out.orders.size() == 2);
  SimReply refused = test::reply_of(desk.out.orders.back(), SimReplyKind::rejected);
  refused.reason = code(SimReason::no_book);
  desk.reply(refused);
  desk.bid(0, 9'998, 100);
  CHECK(desk.out.orders.size() == 2);
  CHECK(desk.out.order_events.back().reason == code(RiskRule::error_burst));
}

TEST_CASE("funding is booked once and told") {
  Wishing desk;
  desk.target(0, 100);
  desk.fill(100, 10'001);
  SimReply funding;
  funding.instrument = 4;
  funding.kind = code(SimReplyKind::funding);
  funding.trade_id = 77;
  funding.fee_quote_units = 12;
  funding.size_units = 100;
  funding.price_ticks = 10'000;
  CHECK(desk.reply(funding) == TraderError::none);
  CHECK(desk.reply(funding) == TraderError::none);

  CHECK(desk.trader.position(0).funding_quote_units == 12);
  CHECK(desk.out.funding.size() == 1);
}

TEST_CASE("quotes that a forecast asked for are cancelled when no newer one comes, and a step's are not") {
  TraderConfig config = two_externals();
  StrategyConfig making;
  making.name = "making";
  making.kind = StrategyKind::market_making;
  making.settings = MarketMakingSettings{.use_forecast = true, .horizon_step = 2};
  config.strategies.push_back(making);
  Wishing desk(config);
  desk.bid(0, 9'998, 100);
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::ack));
  desk.forecast({0.0F, 0.0F, 0.0F});
  REQUIRE(desk.out.orders.size() == 5);  // Both sides of both slots.
  for (std::size_t i = 1; i < 5; ++i) desk.reply(test::reply_of(desk.out.orders[i], SimReplyKind::ack));

  desk.ts_ns += test::step_ns;  // Exactly forecast_age_max.
  desk.step();
  CHECK(desk.out.orders.size() == 5);
  desk.ts_ns += 1;
  desk.step();
  REQUIRE(desk.out.orders.size() == 9);
  for (std::size_t i = 5; i < 9; ++i) {
    CHECK(desk.out.orders[i].kind == 1);
    CHECK(desk.out.orders[i].strategy == 2);
  }
  desk.step();
  CHECK(desk.out.orders.size() == 9);
}

TEST_CASE("a fill of an order that nobody remembers falls to the first strategy on the slot") {
  TraderConfig config = two_externals();
  config.strategies[0].slots = {2};
  Wishing desk(config);
  desk.target(1, 100);
  OrderRequestRecord forgotten = desk.out.orders[0];
  forgotten.client_order_id += 500;
  CHECK(desk.reply(test::fill_of(forgotten, 1, 30, 10'001)) == TraderError::unknown_order);

  CHECK(desk.trader.own_position(0, 0) == SizeUnits{0});
  CHECK(desk.trader.own_position(1, 0) == SizeUnits{30});
  CHECK(desk.trader.position(0).units == SizeUnits{30});
}

TEST_CASE("a late fill of a cancelled order is its strategy's own") {
  Wishing desk;
  desk.bid(1, 9'998, 100);
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::ack));
  desk.wish(1, {});
  desk.reply(test::reply_of(desk.out.orders[0], SimReplyKind::cancelled));
  desk.reply(test::fill_of(desk.out.orders[0], 1, 40, 9'998));

  CHECK(desk.trader.own_position(1, 0) == SizeUnits{40});
  CHECK(desk.out.fills.back().strategy == 1);
}

TEST_CASE("reduce keeps no more closing orders than the position has room for") {
  Wishing desk;
  desk.target(0, 100);
  desk.fill(100, 10'001);
  desk.target(0, 0);
  desk.target(1, -100);
  REQUIRE(desk.out.orders.size() == 3);
  desk.command(TradingOp::reduce);

  REQUIRE(desk.out.orders.size() == 4);
  CHECK(desk.out.orders[3].kind == 1);
  CHECK(desk.out.orders[3].client_order_id == desk.out.orders[2].client_order_id);
}

TEST_CASE("the first wishes of all are judged by the mids of their moment") {
  TraderConfig config = two_externals();
  config.risk.gross_exposure_e8 = 1'500'000;  // 100 units are worth 1'000'000.
  Wishing desk(config);
  desk.wish(0, {{.slot = 0, .action = SignalAction::enter, .target = SizeUnits{100}},
                {.slot = 2, .action = SignalAction::enter, .target = SizeUnits{100}}});

  CHECK(desk.out.orders.size() == 1);
  CHECK(desk.out.order_events.back().reason == code(RiskRule::gross_exposure));
}
