// Two spot markets by hand. Prices around 10'000 ticks, so a tick is about 1 bps.
#include <doctest/doctest.h>

#include <cmath>

#include "strategy_fixture.hpp"

using namespace lob;
using test::book_of;
using test::Scene;

namespace {

/// Between prices in ticks of 0.01.
double gap_bps(double bid, double ask) {
  return 1e4 * std::log(bid * 0.01 / (ask * 0.01));
}

struct Arbitrageur : Scene {
  StrategyConfig config;
  std::unique_ptr<Strategy> strategy;

  explicit Arbitrageur(ArbitrageSettings settings = {.edge_bps = 5.0, .exit_bps = 1.0},
                       std::vector<SlotTerms> slot_terms = {test::spot_terms(1), SlotTerms{},
                                                            test::spot_terms(2)})
      : Scene(std::move(slot_terms)),
        config(test::config_of(StrategyKind::arbitrage, settings)),
        strategy(make_strategy(config, terms)) {
    for (SlotMarket& market : markets) market = book_of({{9'999, 500}}, {{10'001, 500}});
  }
  std::vector<Wish> wishes() { return ask(*strategy); }
};

}  // namespace

TEST_CASE("an edge exactly at edge_bps is left, one tick more is traded on both legs at once") {
  const double edge_bps = gap_bps(10'010.0, 10'001.0);
  Arbitrageur scene({.edge_bps = edge_bps, .exit_bps = 0.0});
  scene.markets[2] = book_of({{10'010, 500}}, {{10'012, 500}});
  CHECK(scene.wishes().empty());

  scene.markets[2] = book_of({{10'011, 500}}, {{10'012, 500}});
  const std::vector<Wish> wishes = scene.wishes();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].slot == 0);
  CHECK(wishes[0].target == SizeUnits{100});
  CHECK(wishes[0].limit == PriceTicks{10'001});
  CHECK(wishes[0].action == SignalAction::enter);
  CHECK(wishes[1].slot == 2);
  CHECK(wishes[1].target == SizeUnits{-100});
  CHECK(wishes[1].limit == PriceTicks{10'011});
  CHECK(wishes[0].expected_bps == doctest::Approx(gap_bps(10'011.0, 10'001.0)));
  CHECK(wishes[0].cost_bps == doctest::Approx(edge_bps));
}

TEST_CASE("both taker fees are paid before an edge counts") {
  Arbitrageur scene;
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});  // 19.98 bps over the ask of 10'001.
  for (const std::size_t slot : {0, 2}) scene.terms[slot].taker_fee_e8 = 80'000;
  CHECK(scene.wishes().empty());  // 8 + 8 + 5 is more.
  scene.terms[2].taker_fee_e8 = 60'000;
  const std::vector<Wish> wishes = scene.wishes();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].cost_bps == doctest::Approx(5.0 - 1e4 * std::log((1.0 - 6e-4) / (1.0 + 8e-4))));
}

TEST_CASE("depth counts only as far as each further pair of levels pays") {
  Arbitrageur scene;
  scene.markets[0] = book_of({{9'990, 500}}, {{10'000, 30}, {10'002, 25}, {10'010, 500}});
  scene.markets[2] = book_of({{10'009, 40}, {10'008, 500}}, {{10'020, 500}});
  // 30 at 10'000/10'009, 10 at 10'002/10'009, 15 at 10'002/10'008; 10'010 does not pay: 55, in lots 50.
  const std::vector<Wish> wishes = scene.wishes();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].target == SizeUnits{50});
  CHECK(wishes[0].limit == PriceTicks{10'002});
  CHECK(wishes[1].target == SizeUnits{-50});
  CHECK(wishes[1].limit == PriceTicks{10'008});
}

TEST_CASE("a further level that earns exactly edge_bps is left") {
  Arbitrageur scene({.edge_bps = gap_bps(10'009.0, 10'002.0), .exit_bps = 0.0});
  scene.markets[2] = book_of({{10'009, 500}}, {{10'020, 500}});
  scene.markets[0] = book_of({{9'990, 500}}, {{10'001, 30}, {10'002, 500}});
  CHECK(scene.wishes().at(0).target == SizeUnits{30});
}

TEST_CASE("less than a lot of depth is left") {
  Arbitrageur scene;
  scene.markets[0] = book_of({{9'990, 500}}, {{10'000, 9}, {10'020, 500}});
  scene.markets[2] = book_of({{10'010, 500}}, {{10'025, 500}});
  CHECK(scene.wishes().empty());
  scene.markets[0] = book_of({{9'990, 500}}, {{10'000, 10}, {10'020, 500}});
  CHECK(scene.wishes().size() == 2);
}

TEST_CASE("the room of either leg bounds both") {
  Arbitrageur scene;
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});
  SUBCASE("the buying leg is full") {
    scene.hold(0, 280);
    scene.hold(2, -280);
    CHECK(scene.wishes().at(0).target == SizeUnits{300});
    CHECK(scene.wishes().at(1).target == SizeUnits{-300});
  }
  SUBCASE("the selling leg has only so many coins") {
    scene.terms[2].short_max = SizeUnits{25};
    CHECK(scene.wishes().at(0).target == SizeUnits{20});
    CHECK(scene.wishes().at(1).target == SizeUnits{-20});
  }
  SUBCASE("nothing may be sold") {
    scene.terms[2].short_max = SizeUnits{0};
    CHECK(scene.wishes().empty());
  }
}

TEST_CASE("markets of different size units and lots trade the same amount of the base currency") {
  Arbitrageur scene;
  scene.terms[2].size_unit = 0.0001;  // Ten of its units are one of slot 0's.
  scene.terms[2].lot = SizeUnits{250};
  scene.terms[2].order_size = SizeUnits{1'000};
  scene.terms[2].max_position = scene.terms[2].short_max = SizeUnits{3'000};
  scene.markets[2] = book_of({{10'021, 5'000}}, {{10'023, 5'000}});
  // Lots are 0.010 and 0.025 of the base, so steps of 0.050.
  const std::vector<Wish> wishes = scene.wishes();
  CHECK(wishes.at(0).target == SizeUnits{100});
  CHECK(wishes.at(1).target == SizeUnits{-1'000});
  scene.terms[0].order_size = SizeUnits{90};
  CHECK(scene.wishes().at(0).target == SizeUnits{50});
  CHECK(scene.wishes().at(1).target == SizeUnits{-500});
}

TEST_CASE("a residual is closed first, on the venue where that is cheaper, fees included") {
  Arbitrageur scene;
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});  // A new trade would pay.
  SUBCASE("bought more than sold: sells where the bid is better") {
    scene.hold(0, 100);
    scene.hold(2, -60);
    const std::vector<Wish> wishes = scene.wishes();
    REQUIRE(wishes.size() == 1);
    CHECK(wishes[0].slot == 2);
    CHECK(wishes[0].target == SizeUnits{-100});
    CHECK(wishes[0].limit == PriceTicks{0});
  }
  SUBCASE("a fee turns the choice") {
    scene.hold(0, 100);
    scene.hold(2, -60);
    scene.terms[2].taker_fee_e8 = 300'000;
    CHECK(scene.wishes().at(0).slot == 0);
    CHECK(scene.wishes().at(0).target == SizeUnits{60});
  }
  SUBCASE("sold more than bought: buys where the ask is better") {
    scene.hold(0, 60);
    scene.hold(2, -100);
    CHECK(scene.wishes().at(0).slot == 0);
    CHECK(scene.wishes().at(0).target == SizeUnits{100});
  }
  SUBCASE("no room on the better venue") {
    scene.hold(0, 100);
    scene.hold(2, -60);
    scene.terms[2].short_max = SizeUnits{60};
    CHECK(scene.wishes().at(0).slot == 0);
  }
}

TEST_CASE("while a residual cannot be closed nothing new is begun") {
  Arbitrageur scene({.edge_bps = 5.0, .exit_bps = 1.0},
                    {test::spot_terms(1), test::spot_terms(2), test::spot_terms(3)});
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});
  scene.hold(0, 100);
  scene.hold(1, -60);
  for (const std::size_t slot : {0, 1}) scene.markets[slot].top.is_valid = false;
  scene.terms[2].short_max = SizeUnits{0};
  CHECK(scene.wishes().empty());
}

TEST_CASE("a residual smaller than every lot does not stop trading") {
  Arbitrageur scene;
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});
  scene.hold(0, 9);
  CHECK(scene.wishes().size() == 2);
  scene.hold(0, 10);
  CHECK(scene.wishes().size() == 1);
}

TEST_CASE("while an order is under way in the group nothing is wished") {
  Arbitrageur scene;
  scene.markets[2] = book_of({{10'021, 500}}, {{10'023, 500}});
  scene.slots[0].sells_in_flight = SizeUnits{10};
  CHECK(scene.wishes().empty());
}

TEST_CASE("positions are unwound when that costs less than exit_bps, and never beyond what is held") {
  const double cost_bps = -gap_bps(9'999.0, 10'000.0);
  Arbitrageur scene({.edge_bps = 5.0, .exit_bps = cost_bps});
  scene.hold(0, 60);
  scene.hold(2, -60);
  scene.markets[2] = book_of({{9'998, 500}}, {{10'000, 500}});  // Buying back at 10'000, selling at 9'999.
  CHECK(scene.wishes().empty());

  scene.markets[2] = book_of({{9'997, 500}}, {{9'999, 500}});
  const std::vector<Wish> wishes = scene.wishes();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].target == SizeUnits{0});
  CHECK(wishes[0].action == SignalAction::exit);
  CHECK(wishes[1].target == SizeUnits{0});
}

TEST_CASE("of three venues the pair that earns most is traded") {
  Arbitrageur scene({.edge_bps = 5.0, .exit_bps = 1.0},
                    {test::spot_terms(1), test::spot_terms(2), test::spot_terms(3)});
  scene.markets[1] = book_of({{9'990, 500}}, {{9'992, 500}});
  scene.markets[2] = book_of({{10'010, 500}}, {{10'012, 500}});
  const std::vector<Wish> wishes = scene.wishes();
  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].slot == 1);
  CHECK(wishes[1].slot == 2);
}

TEST_CASE("perpetuals, other bases, other quotes and masked slots are no legs") {
  std::vector<SlotTerms> terms{test::spot_terms(1), test::perpetual_terms(2), test::spot_terms(3),
                               test::spot_terms(4), SlotTerms{}};
  terms[2].base_group = 1;
  terms[3].quote_group = 1;
  Arbitrageur scene({.edge_bps = 0.0, .exit_bps = 0.0}, terms);
  for (std::size_t slot = 1; slot < 5; ++slot)
    scene.markets[slot] = book_of({{11'000, 500}}, {{11'001, 500}});
  CHECK(scene.wishes().empty());
}
