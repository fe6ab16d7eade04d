#include <doctest/doctest.h>

#include <limits>

#include "strategy_fixture.hpp"

using namespace lob;
using test::Scene;

namespace {

constexpr TsNs max_age_ns = 500;

struct Outside : Scene {
  StrategyConfig config;
  std::unique_ptr<Strategy> strategy;

  Outside()
      : Scene({test::spot_terms(1), SlotTerms{}, test::spot_terms(2)}),
        config(test::config_of(StrategyKind::external, ExternalSettings{.max_age_ns = max_age_ns})),
        strategy(make_strategy(config, terms)) {}
  ExternalStrategy& external() { return dynamic_cast<ExternalStrategy&>(*strategy); }
};

Wish target(std::uint32_t slot, std::int64_t units) {
  return {.slot = slot, .action = SignalAction::enter, .target = SizeUnits{units}};
}

Wish quotes(std::uint32_t slot, std::int64_t bid, std::int64_t ask, std::int64_t size) {
  return {.slot = slot,
          .action = SignalAction::quote,
          .target = SizeUnits{0},
          .limit = PriceTicks{0},
          .bid = {.price = PriceTicks{bid}, .size = SizeUnits{size}},
          .ask = {.price = PriceTicks{ask}, .size = SizeUnits{size}}};
}

}  // namespace

TEST_CASE("wishes from outside are given back until they are older than max_age_ns") {
  Outside scene;
  CHECK(scene.ask(*scene.strategy).empty());
  REQUIRE(scene.external().set(scene.ts_step_ns, {target(0, 40), target(2, -300)}) == WishFault::none);

  CHECK(scene.ask(*scene.strategy) == std::vector<Wish>{target(0, 40), target(2, -300)});
  scene.ts_step_ns += max_age_ns;
  CHECK(scene.ask(*scene.strategy).size() == 2);
  scene.ts_step_ns += 1;
  CHECK(scene.ask(*scene.strategy).empty());
}

TEST_CASE("a wish that takes nothing follows the position, so that a fill of its quote is not taken back") {
  Outside scene;
  REQUIRE(scene.external().set(scene.ts_step_ns, {quotes(0, 9'990, 10'010, 100)}) == WishFault::none);
  scene.hold(0, 70);
  CHECK(scene.ask(*scene.strategy).at(0).target == SizeUnits{70});
}

TEST_CASE("a quote never carries the position that there is now over a limit") {
  Outside scene;
  scene.terms[0].short_max = SizeUnits{0};
  REQUIRE(scene.external().set(scene.ts_step_ns, {quotes(0, 9'990, 10'010, 100)}) == WishFault::none);
  scene.hold(0, 255);
  CHECK(scene.ask(*scene.strategy).at(0).bid.size == SizeUnits{40});
  scene.hold(0, 30);
  CHECK(scene.ask(*scene.strategy).at(0).ask.size == SizeUnits{30});
}

TEST_CASE("wrong wishes are refused as a whole and what stood before stays") {
  Outside scene;
  REQUIRE(scene.external().set(scene.ts_step_ns, {target(0, 40)}) == WishFault::none);
  const auto refused = [&](std::vector<Wish> wishes) {
    return scene.external().set(scene.ts_step_ns + 1, std::move(wishes));
  };
  Wish unknown_number = target(0, 40);
  unknown_number.expected_bps = std::numeric_limits<double>::quiet_NaN();

  CHECK(refused({target(0, 40), target(3, 40)}) == WishFault::unknown_slot);
  CHECK(refused({target(1, 40)}) == WishFault::unknown_slot);
  CHECK(refused({target(2, 40), target(0, 40)}) == WishFault::not_ascending);
  CHECK(refused({target(0, 40), target(0, 40)}) == WishFault::not_ascending);
  CHECK(refused({target(0, 45)}) == WishFault::not_whole_lots);
  CHECK(refused({quotes(0, 9'990, 10'010, 15)}) == WishFault::not_whole_lots);
  CHECK(refused({target(0, 310)}) == WishFault::over_limit);
  CHECK(refused({target(0, -310)}) == WishFault::over_limit);
  CHECK(refused({quotes(0, 9'990, 10'010, 610)}) == WishFault::over_limit);
  CHECK(refused({quotes(0, 9'990, 10'010, -10)}) == WishFault::negative);
  CHECK(refused({quotes(0, 0, 10'010, 10)}) == WishFault::negative);
  CHECK(refused({quotes(0, 10'000, 10'000, 10)}) == WishFault::crossed_quotes);
  CHECK(refused({unknown_number}) == WishFault::not_finite);
  CHECK(scene.ask(*scene.strategy) == std::vector<Wish>{target(0, 40)});
}

TEST_CASE("wishes at exactly the limits are taken") {
  Outside scene;
  CHECK(scene.external().set(1, {target(0, 300), target(2, -300)}) == WishFault::none);
  CHECK(scene.external().set(1, {quotes(0, 9'999, 10'000, 600)}) == WishFault::none);
}

TEST_CASE("restored wishes stand as before, and another strategy's bytes are refused") {
  Outside scene;
  REQUIRE(scene.external().set(scene.ts_step_ns, {target(0, 40), quotes(2, 9'990, 10'010, 20)}) ==
          WishFault::none);
  const auto copy = test::restored(*scene.strategy, scene.config, scene.terms);
  REQUIRE(copy);
  CHECK(scene.ask(*copy) == scene.ask(*scene.strategy));

  const auto other =
      make_strategy(test::config_of(StrategyKind::arbitrage, ArbitrageSettings{}), scene.terms);
  const std::string bytes = test::saved(*other);
  ByteReader reader(bytes);
  CHECK_FALSE(scene.strategy->load(reader));
}
