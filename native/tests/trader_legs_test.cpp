// Trades of two legs on the way through the risk rules: both leave, or neither does.
#include <doctest/doctest.h>

#include "strategy_fixture.hpp"

using namespace lob;
using test::code;

namespace {

/// Spot on two venues, the second bid for more than the first asks; whole lots of 10, orders of 100.
struct TwoVenues {
  std::vector<SlotMarket> markets{test::book_of({{9'998, 500}}, {{10'000, 500}}),
                                  test::book_of({{10'020, 500}}, {{10'022, 500}})};
  Trader trader;
  std::string arena;
  TradingOutputs out;
  TsNs ts_ns = 1'000 * test::step_ns;
  std::uint64_t seq = 0;

  explicit TwoVenues(const TraderConfig& config) : trader(config) { out.arena = &arena; }

  static TraderConfig config() {
    TraderConfig config = test::two_slots_and_a_mask();
    StrategyConfig external{
        .name = "hand", .kind = StrategyKind::external, .slots = {}, .settings = {}, .sizing = {}};
    external.settings = ExternalSettings{.max_age_ns = test::step_ns};
    config.strategies = {
        test::config_of(StrategyKind::arbitrage, ArbitrageSettings{.edge_bps = 5.0, .exit_bps = 1.0}),
        external};
    config.slots = {config.slots[0], config.slots[2]};
    config.slots[0].terms = test::spot_terms(4);
    config.slots[1].terms = test::spot_terms(9);
    config.slots[1].terms.venue = Venue::bybit_spot;
    config.risk.net_exposure_e8 = config.risk.gross_exposure_e8 = 10'000'000'000;
    return config;
  }
  [[nodiscard]] MarketView view() const { return {.ts_ns = ts_ns, .slots = markets}; }
  void step() {
    ts_ns += test::step_ns;
    for (SlotMarket& market : markets) market.ts_last_update_ns = ts_ns;
    trader.on_step(++seq, ts_ns, view(), out);
  }
};

}  // namespace

TEST_CASE("two legs leave in one step and name their orders") {
  TwoVenues pair(TwoVenues::config());
  pair.step();

  REQUIRE(pair.out.orders.size() == 2);
  CHECK(pair.out.orders[0].side == code(Side::bid));
  CHECK(pair.out.orders[1].side == code(Side::ask));
  CHECK(pair.out.orders[0].size_units == pair.out.orders[1].size_units);
  REQUIRE(pair.out.decisions.size() == 2);
  CHECK(pair.out.decisions[0].client_order_id == pair.out.orders[0].client_order_id);
  CHECK(pair.out.decisions[1].client_order_id == pair.out.orders[1].client_order_id);
}

TEST_CASE("a leg that another strategy's position leaves no room for keeps the other leg at home") {
  TwoVenues pair(TwoVenues::config());
  const Wish sale{.slot = 1, .action = SignalAction::enter, .target = SizeUnits{-200}};
  REQUIRE(pair.trader.on_wishes(++pair.seq, pair.ts_ns, pair.ts_ns, 1, {sale}, pair.view(), pair.out) ==
          TraderError::none);
  REQUIRE(pair.trader.on_reply(++pair.seq, pair.ts_ns, test::fill_of(pair.out.orders[0], 1, 200, 10'020),
                               pair.out) == TraderError::none);
  Wish more = sale;
  more.target = SizeUnits{-250};
  pair.trader.on_wishes(++pair.seq, pair.ts_ns, pair.ts_ns, 1, {more}, pair.view(), pair.out);
  pair.out.clear();
  pair.step();

  // 100 more would be 350 short of 300.
  CHECK(pair.out.orders.empty());
  REQUIRE(pair.out.order_events.size() == 1);
  CHECK(pair.out.order_events[0].instrument == 9);
  CHECK(pair.out.order_events[0].reason == code(RiskRule::max_position));
  REQUIRE(pair.out.decisions.size() == 2);
  for (const DecisionRecord& decision : pair.out.decisions) {
    CHECK(decision.rule == code(RiskRule::max_position));
    CHECK(decision.client_order_id == 0);
  }
}

TEST_CASE("the second leg is judged with the first under way") {
  TraderConfig config = TwoVenues::config();
  config.risk.gross_exposure_e8 = 1'500'000'000;  // One leg is worth 10 quote, both are 20.
  TwoVenues pair(config);
  pair.step();

  CHECK(pair.out.orders.empty());
  REQUIRE(pair.out.order_events.size() == 1);
  CHECK(pair.out.order_events[0].instrument == 9);
  CHECK(pair.out.order_events[0].reason == code(RiskRule::gross_exposure));
  CHECK(pair.trader.counters().orders_refused == 1);
}

TEST_CASE("an order rate that has room for one leg sends none") {
  TraderConfig config = TwoVenues::config();
  config.slots[1].terms.venue = config.slots[0].terms.venue;
  config.risk.orders_max = 1;
  TwoVenues pair(config);
  pair.step();
  CHECK(pair.out.orders.empty());

  config.risk.orders_max = 2;
  TwoVenues roomier(config);
  roomier.step();
  CHECK(roomier.out.orders.size() == 2);
}
