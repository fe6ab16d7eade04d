// Quotes by hand: mid 10'000 ticks, so 1 bps is one tick.
#include <doctest/doctest.h>

#include "strategy_fixture.hpp"

using namespace lob;
using test::Scene;

namespace {

constexpr MarketMakingSettings plain{.use_forecast = false,
                                     .horizon_step = 2,
                                     .forecast_weight = 0.5,
                                     .risk_aversion = 2.0,
                                     .volatility_weight = 1.5,
                                     .min_half_width_bps = 3.5,
                                     .inventory_share = 1.0,
                                     .requote_ticks = 1};

struct Maker : Scene {
  StrategyConfig config;
  std::unique_ptr<Strategy> strategy;

  explicit Maker(MarketMakingSettings settings = plain)
      : Scene({test::spot_terms(4)}),
        config(test::config_of(StrategyKind::market_making, settings)),
        strategy(make_strategy(config, terms)) {}
  Wish quotes(std::int64_t position = 0, const std::vector<float>& mid_bps = {}) {
    hold(0, position);
    return ask(*strategy, mid_bps).at(0);
  }
};

MarketMakingSettings with_forecast() {
  MarketMakingSettings settings = plain;
  settings.use_forecast = true;
  return settings;
}

void check_prices(const Wish& wish, std::int64_t bid, std::int64_t ask) {
  CHECK(wish.bid.price == PriceTicks{bid});
  CHECK(wish.ask.price == PriceTicks{ask});
}

}  // namespace

TEST_CASE("quotes stand half a width from the mid, rounded outward, and take nothing") {
  Maker scene;
  const Wish wish = scene.quotes();

  check_prices(wish, 9'996, 10'004);  // 9'996.5 and 10'003.5.
  CHECK(wish.bid.size == SizeUnits{100});
  CHECK(wish.ask.size == SizeUnits{100});
  CHECK(wish.action == SignalAction::quote);
  CHECK(wish.target == SizeUnits{0});
  CHECK(wish.cost_bps == 3.5);
}

TEST_CASE("the half width is the floor until fee and volatility exceed it") {
  Maker scene;
  scene.terms[0].maker_fee_e8 = 5'000;  // 0.5 bps
  scene.slots[0].step_volatility_bps = 2.0;
  CHECK(scene.quotes().cost_bps == 3.5);  // 0.5 + 1.5 x 2 = 3.5 is not more.
  scene.slots[0].step_volatility_bps = 4.0;
  CHECK(scene.quotes().cost_bps == 6.5);
  check_prices(scene.quotes(), 9'993, 10'007);
}

TEST_CASE("inventory moves both quotes against it, in volatilities") {
  Maker scene;
  scene.slots[0].step_volatility_bps = 1.0;
  // Half of the limit of 300: 2 x 0.5 x 1 bps down.
  const Wish wish = scene.quotes(150);
  CHECK(wish.expected_bps == doctest::Approx(-1.0));
  check_prices(wish, 9'995, 10'003);  // 9'999 -+ 3.49965, outward.
  check_prices(scene.quotes(-150), 9'997, 10'005);
}

TEST_CASE("a forecast moves both quotes with it, by its weight") {
  Maker scene(with_forecast());
  CHECK(scene.strategy->cadence() == Cadence::forecast);
  CHECK(Maker{}.strategy->cadence() == Cadence::step);

  check_prices(scene.quotes(0, {4.0F}), 9'998, 10'006);  // 10'002 -+ 3.5007, outward.
  CHECK(scene.ask(*scene.strategy).empty());  // Without the forecast it waits for there is none to trust.
}

TEST_CASE("a quote never crosses the touch") {
  Maker scene(with_forecast());
  check_prices(scene.quotes(0, {40.0F}), 10'000, 10'024);
  Maker below(with_forecast());
  check_prices(below.quotes(0, {-40.0F}), 9'976, 10'000);
}

TEST_CASE("own quotes never cross, even without any width on a whole tick") {
  MarketMakingSettings narrow = plain;
  narrow.min_half_width_bps = 0.0;
  narrow.volatility_weight = 0.0;
  Maker scene(narrow);
  check_prices(scene.quotes(), 9'999, 10'000);
}

TEST_CASE("a side stops at the inventory limit, and the lots left before it are all that is quoted") {
  Maker scene;
  CHECK(scene.quotes(300).bid == Quote{});
  CHECK(scene.quotes(300).ask.size == SizeUnits{100});
  CHECK(scene.quotes(255).bid.size == SizeUnits{40});
  scene.terms[0].short_max = SizeUnits{50};
  CHECK(scene.quotes(-20).ask.size == SizeUnits{30});
  CHECK(scene.quotes(-50).ask == Quote{});
  scene.terms[0].short_max = SizeUnits{0};
  CHECK(scene.quotes(0).ask == Quote{});
}

TEST_CASE("the inventory limit is a share of max_position in whole lots") {
  MarketMakingSettings half = plain;
  half.inventory_share = 0.55;  // 165 of 300.
  Maker scene(half);
  CHECK(scene.quotes(150).bid.size == SizeUnits{10});
  CHECK(scene.quotes(160).bid == Quote{});
}

TEST_CASE("a quote stays until the wished price is requote_ticks away") {
  MarketMakingSettings patient = plain;
  patient.requote_ticks = 3;
  Maker scene(patient);
  check_prices(scene.quotes(), 9'996, 10'004);

  scene.markets[0] = test::book_of({{10'001, 500}}, {{10'003, 500}});
  check_prices(scene.quotes(), 9'996, 10'004);
  scene.markets[0] = test::book_of({{10'002, 500}}, {{10'004, 500}});
  check_prices(scene.quotes(), 9'999, 10'007);
}

TEST_CASE("a quote that would now cross the touch is not kept, however little its wish moved") {
  MarketMakingSettings patient = plain;
  patient.requote_ticks = 100;
  Maker scene(patient);
  check_prices(scene.quotes(), 9'996, 10'004);
  scene.markets[0] = test::book_of({{10'004, 500}}, {{10'006, 500}});
  check_prices(scene.quotes(), 10'001, 10'009);
}

TEST_CASE("without a usable book quotes are withdrawn and forgotten") {
  MarketMakingSettings patient = plain;
  patient.requote_ticks = 3;
  Maker scene(patient);
  scene.quotes();
  scene.markets[0].top.is_valid = false;
  const Wish blind = scene.quotes(20);
  CHECK(blind.action == SignalAction::no_book);
  CHECK(blind.bid == Quote{});
  CHECK(blind.target == SizeUnits{20});

  scene.markets[0] = test::book_of({{10'000, 500}}, {{10'002, 500}});
  check_prices(scene.quotes(), 9'997, 10'005);
}

TEST_CASE("a restored maker remembers its quotes") {
  MarketMakingSettings patient = plain;
  patient.requote_ticks = 3;
  Maker scene(patient);
  scene.quotes();
  const auto copy = test::restored(*scene.strategy, scene.config, scene.terms);
  REQUIRE(copy);

  scene.markets[0] = test::book_of({{10'001, 500}}, {{10'003, 500}});
  CHECK(scene.ask(*copy) == scene.ask(*scene.strategy));
  check_prices(scene.ask(*copy).at(0), 9'996, 10'004);
}
