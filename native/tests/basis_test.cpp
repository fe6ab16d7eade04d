// A perpetual (slot 0) against a spot market (slot 1) by hand; the mean is learned at a basis of 0.
#include <doctest/doctest.h>

#include <cmath>

#include "strategy_fixture.hpp"

using namespace lob;
using test::book_of;
using test::Scene;

namespace {

/// Between prices in ticks of 0.01.
double gap_bps(double perpetual, double spot) {
  return 1e4 * std::log(perpetual * 0.01 / (spot * 0.01));
}

constexpr BasisSettings plain{
    .entry_bps = 4.0, .exit_bps = 1.0, .funding_bps = 0.0, .half_life_steps = 1e9, .samples_min = 3};

struct BasisTrader : Scene {
  StrategyConfig config;
  std::unique_ptr<Strategy> strategy;

  explicit BasisTrader(BasisSettings settings = plain, std::size_t steps = 3)
      : Scene({test::perpetual_terms(1), test::spot_terms(2)}),
        config(test::config_of(StrategyKind::basis, settings)),
        strategy(make_strategy(config, terms)) {
    for (std::size_t i = 0; i < steps; ++i) ask(*strategy);
  }
  /// Moves the perpetual's book and asks a copy, so that asking does not move the mean.
  std::vector<Wish> at(std::int64_t bid, std::int64_t ask_price) {
    markets[0] = book_of({{bid, 500}}, {{ask_price, 500}});
    return ask(*test::restored(*strategy, config, terms));
  }
};

}  // namespace

TEST_CASE("a perpetual exactly entry_bps above its mean is left, one tick more is sold against spot") {
  BasisSettings settings = plain;
  settings.entry_bps = gap_bps(10'006.0, 10'001.0);
  BasisTrader scene(settings);
  CHECK(scene.at(10'006, 10'008).empty());

  const std::vector<Wish> wishes = scene.at(10'007, 10'009);
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].slot == 0);
  CHECK(wishes[0].target == SizeUnits{-100});
  CHECK(wishes[0].limit == PriceTicks{10'007});
  CHECK(wishes[1].target == SizeUnits{100});
  CHECK(wishes[1].limit == PriceTicks{10'001});
  CHECK(wishes[0].expected_bps == doctest::Approx(gap_bps(10'007.0, 10'001.0)));
}

TEST_CASE("a perpetual below its mean is bought against spot that may be sold") {
  BasisTrader scene;
  const std::vector<Wish> wishes = scene.at(9'992, 9'994);  // 5 bps below the spot bid of 9'999.
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].target == SizeUnits{100});
  CHECK(wishes[1].target == SizeUnits{-100});

  scene.terms[1].short_max = SizeUnits{0};
  CHECK(scene.at(9'992, 9'994).empty());
}

TEST_CASE("half of the four taker fees is paid before a deviation counts") {
  BasisTrader scene;
  for (SlotTerms& terms : scene.terms) terms.taker_fee_e8 = 20'000;  // 2 + 2 + 4 = 8 bps.
  CHECK(scene.at(10'009, 10'011).empty());
  REQUIRE(scene.at(10'010, 10'012).size() == 2);
  CHECK(scene.at(10'010, 10'012)[0].cost_bps == doctest::Approx(8.0));
}

TEST_CASE("expected funding is added to what a short perpetual earns") {
  BasisSettings settings = plain;
  settings.funding_bps = 3.0;
  BasisTrader scene(settings);
  CHECK(scene.at(10'003, 10'005).size() == 2);  // 2 + 3 bps.
  CHECK(scene.at(9'992, 9'994).empty());        // 5 - 3 bps the other way.
}

TEST_CASE("the deviation is from the mean that was learned, and the mean forgets by its half-life") {
  BasisSettings settings = plain;
  settings.half_life_steps = 1.0;
  BasisTrader scene(settings, 0);
  // Bases of 0, 0 and 20 bps weigh 1, 2 and 4: the mean is 80/7 = 11.4 bps.
  scene.ask(*scene.strategy);
  scene.ask(*scene.strategy);
  scene.markets[0] = book_of({{10'019, 500}}, {{10'021, 500}});
  CHECK(scene.ask(*scene.strategy).empty());

  CHECK(scene.at(10'016, 10'018).empty());  // 15.0 - 11.4 at the touch.
  CHECK(scene.at(10'017, 10'019).size() == 2);
  CHECK(scene.at(10'005, 10'007).empty());  // 9'999 over 10'007: 8.0 bps, 3.4 below the mean.
  CHECK(scene.at(10'004, 10'006).size() == 2);
}

TEST_CASE(
    "before samples_min steps with both books nothing is entered, and a step without one does not count") {
  BasisTrader scene(plain, 2);
  CHECK(scene.at(10'020, 10'022).empty());
  scene.markets[1].top.is_valid = false;
  scene.ask(*scene.strategy);
  scene.markets[1].top.is_valid = true;
  CHECK(scene.at(10'020, 10'022).empty());
  scene.markets[0] = book_of({{9'999, 500}}, {{10'001, 500}});
  scene.ask(*scene.strategy);
  CHECK(scene.at(10'020, 10'022).size() == 2);
}

TEST_CASE("both legs are closed once the deviation, at the prices paid, is inside exit_bps") {
  BasisSettings settings = plain;
  settings.exit_bps = -gap_bps(9'999.0, 10'001.0);
  BasisTrader scene(settings);
  scene.hold(0, -60);
  scene.hold(1, 60);
  CHECK(scene.at(9'999, 10'001).empty());  // Buying back at 10'001, selling spot at 9'999: exactly exit_bps.
  const std::vector<Wish> wishes = scene.at(9'998, 10'000);
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].target == SizeUnits{0});
  CHECK(wishes[1].target == SizeUnits{0});
  CHECK(wishes[0].action == SignalAction::exit);

  scene.hold(0, 60);
  scene.hold(1, -60);
  CHECK(scene.at(9'999, 10'001).empty());  // Selling at 9'999, buying spot back at 10'001: exactly exit_bps.
  CHECK(scene.at(10'000, 10'002).size() == 2);
}

TEST_CASE("a leg filled only in part is closed first where that is cheaper") {
  BasisTrader scene;
  scene.hold(0, -100);
  scene.hold(1, 40);
  const std::vector<Wish> wishes = scene.at(10'020, 10'022);
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].slot == 1);
  CHECK(wishes[0].target == SizeUnits{100});
}

TEST_CASE("while an order is under way nothing is wished and the mean goes on learning") {
  BasisTrader scene;
  const std::string before = test::saved(*scene.strategy);
  scene.slots[1].buys_in_flight = SizeUnits{10};
  CHECK(scene.at(10'020, 10'022).empty());
  CHECK(scene.ask(*scene.strategy).empty());
  CHECK(test::saved(*scene.strategy) != before);
}

TEST_CASE("depth, order size and limits bound a basis trade like any other of two legs") {
  BasisTrader scene;
  scene.markets[1] = book_of({{9'999, 500}}, {{10'001, 30}, {10'002, 40}, {10'010, 500}});
  CHECK(scene.at(10'007, 10'009).at(1).target == SizeUnits{70});
  CHECK(scene.at(10'007, 10'009).at(1).limit == PriceTicks{10'002});
  scene.hold(0, -260);
  scene.hold(1, 260);
  CHECK(scene.at(10'007, 10'009).at(0).target == SizeUnits{-300});
}
