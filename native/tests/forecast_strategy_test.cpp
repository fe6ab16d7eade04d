// The forecast strategy by hand: half spread 1 bps, taker fee 1 bps, maker fee 2 bps.
#include <doctest/doctest.h>

#include "strategy_fixture.hpp"

using namespace lob;
using test::Scene;

namespace {

// Taker: (1 + 1) x 1 + 0.5 = 2.5. Maker: (2 - 1) x 1 + 0.5 = 1.5.
constexpr SignalConfig signal_config{
    .horizon_step = 2, .cost_multiple = 1.0, .edge_bps = 0.5, .exit_bps = 1.0};

std::vector<SlotTerms> terms_with_fees() {
  SlotTerms terms = test::spot_terms(4);
  terms.taker_fee_e8 = 10'000;
  terms.maker_fee_e8 = 20'000;
  return {terms, SlotTerms{}, terms};
}

struct Forecaster : Scene {
  StrategyConfig config;
  std::unique_ptr<Strategy> strategy;

  explicit Forecaster(OrderStyle style, SizingConfig sizing = {})
      : Scene(terms_with_fees()),
        config(test::config_of(StrategyKind::forecast,
                               ForecastSettings{.signal = signal_config, .style = style}, sizing)),
        strategy(make_strategy(config, terms)) {}
  Wish at(float bps, std::int64_t position = 0) {
    hold(0, position);
    return ask(*strategy, {bps, 0.0F, 0.0F}).at(0);
  }
};

Quote quote(std::int64_t price, std::int64_t size) {
  return {.price = PriceTicks{price}, .size = SizeUnits{size}};
}

}  // namespace

TEST_CASE("a taker wishes what the table of the signal says, over forecasts and positions alike") {
  Forecaster scene(OrderStyle::taker);
  const SignalTerms terms{.taker_fee_e8 = 10'000, .order_size = SizeUnits{100}, .is_short_allowed = true};
  for (float bps = -4.0F; bps <= 4.0F; bps += 0.25F) {
    for (const std::int64_t position : {-140, -100, -40, 0, 40, 100, 140}) {
      CAPTURE(bps);
      CAPTURE(position);
      const SignalVerdict verdict = decide(bps, test::usual_top, SizeUnits{position}, terms, signal_config);
      const Wish wish = scene.at(bps, position);
      CHECK(wish.target == verdict.target);
      CHECK(wish.action == verdict.action);
      CHECK(wish.cost_bps == verdict.cost_bps);
      CHECK(wish.bid == Quote{});
      CHECK(wish.ask == Quote{});
    }
  }
}

TEST_CASE("a masked slot gets no wish, and a slot without a usable book keeps its position without quotes") {
  Forecaster scene(OrderStyle::maker);
  scene.hold(0, 30);
  scene.markets[0].top.is_valid = false;

  const std::vector<Wish> wishes = scene.ask(*scene.strategy, {50.0F, 50.0F, 50.0F});

  REQUIRE(wishes.size() == 2);
  CHECK(wishes[0].action == SignalAction::no_book);
  CHECK(wishes[0].target == SizeUnits{30});
  CHECK(wishes[0].bid == Quote{});
  CHECK(wishes[1].slot == 2);
}

TEST_CASE("only the slots chosen get wishes") {
  Forecaster scene(OrderStyle::taker);
  scene.config.slots = {2};
  const auto chosen = make_strategy(scene.config, scene.terms);

  const std::vector<Wish> wishes = scene.ask(*chosen, {9.0F, 9.0F, 9.0F});

  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].slot == 2);
}

TEST_CASE("a maker rests nothing exactly at its cost and quotes the touch beyond it") {
  Forecaster scene(OrderStyle::maker);

  CHECK(scene.at(1.5F).action == SignalAction::hold);
  CHECK(scene.at(1.5F).bid == Quote{});
  const Wish up = scene.at(1.51F);
  CHECK(up.action == SignalAction::quote);
  CHECK(up.bid == quote(9'999, 100));
  CHECK(up.ask == Quote{});
  CHECK(up.target == SizeUnits{0});
  CHECK(up.cost_bps == doctest::Approx(1.5));
  CHECK(scene.at(-1.51F).ask == quote(10'001, 100));
  CHECK(scene.at(50.0F).target == SizeUnits{0});  // However good, it is not taken.
}

TEST_CASE("a maker quotes only what is missing, and leaves through a quote on the other side") {
  Forecaster scene(OrderStyle::maker);

  CHECK(scene.at(2.0F, 40).bid == quote(9'999, 60));
  CHECK(scene.at(2.0F, 100).action == SignalAction::hold);
  CHECK(scene.at(-1.0F, 100).ask == Quote{});  // exit_bps is 1: at it the position stays.
  CHECK(scene.at(-1.01F, 100).ask == quote(10'001, 100));
  CHECK(scene.at(-2.0F, 100).ask == quote(10'001, 200));  // Beyond cost: to the other side.
}

TEST_CASE("a cost of resting is never below 0, however wide the spread or large the rebate") {
  Forecaster scene(OrderStyle::maker);
  scene.terms[0].maker_fee_e8 = -50'000;

  CHECK(scene.at(0.5F).action == SignalAction::hold);  // edge_bps alone is left.
  CHECK(scene.at(0.51F).bid == quote(9'999, 100));
  CHECK(scene.at(-0.25F).ask == Quote{});
}

TEST_CASE("auto takes beyond the taker's cost, quotes beyond the maker's, and withdraws below both") {
  Forecaster scene(OrderStyle::automatic);

  CHECK(scene.at(2.51F).target == SizeUnits{100});
  CHECK(scene.at(2.51F).bid == Quote{});
  CHECK(scene.at(2.51F).cost_bps == doctest::Approx(2.5));
  CHECK(scene.at(2.5F).target == SizeUnits{0});
  CHECK(scene.at(2.5F).bid == quote(9'999, 100));
  CHECK(scene.at(1.5F).bid == Quote{});
  CHECK(scene.at(-1.2F, 100).ask == quote(10'001, 100));
  CHECK(scene.at(-2.51F, 100).target == SizeUnits{-100});
}

TEST_CASE("nothing is sold short beyond short_max, in either style") {
  Forecaster taker(OrderStyle::taker);
  Forecaster maker(OrderStyle::maker);
  for (Forecaster* scene : {&taker, &maker}) scene->terms[0].short_max = SizeUnits{0};
  CHECK(taker.at(-9.0F).action == SignalAction::hold);
  CHECK(taker.at(-9.0F, 100).target == SizeUnits{0});
  CHECK(maker.at(-9.0F).ask == Quote{});
  CHECK(maker.at(-9.0F, 100).ask == quote(10'001, 100));

  for (Forecaster* scene : {&taker, &maker}) scene->terms[0].short_max = SizeUnits{45};
  CHECK(taker.at(-9.0F).target == SizeUnits{-40});
  CHECK(maker.at(-9.0F, 100).ask == quote(10'001, 140));
}

TEST_CASE("scaled sizes stay within max_position, and a position is not cut because sizes shrank") {
  const SizingConfig sizing{.kind = SizingKind::volatility, .cap = 5.0, .target_volatility_bps = 4.0};
  Forecaster scene(OrderStyle::taker, sizing);

  scene.slots[0].step_volatility_bps = 8.0;
  CHECK(scene.at(9.0F).target == SizeUnits{50});
  CHECK(scene.at(9.0F, 80).target == SizeUnits{80});
  CHECK(scene.at(-9.0F, 80).target == SizeUnits{-50});
  scene.slots[0].step_volatility_bps = 1.0;
  CHECK(scene.at(9.0F).target == SizeUnits{300});  // 400 by the rule.
}

TEST_CASE(
    "an order size beyond max_position is wished as it stands, so that the risk rule refuses it aloud") {
  Forecaster scene(OrderStyle::taker);
  scene.terms[0].max_position = SizeUnits{90};
  scene.terms[0].short_max = SizeUnits{90};
  CHECK(scene.at(9.0F).target == SizeUnits{100});
}

TEST_CASE("a forecast too short for the horizon gives no wish at all") {
  Forecaster scene(OrderStyle::taker);
  ForecastSettings far{.signal = signal_config, .style = OrderStyle::taker};
  far.signal.horizon_step = test::horizon_steps + 1;
  const StrategyConfig config = test::config_of(StrategyKind::forecast, far);

  CHECK(scene.ask(*make_strategy(config, scene.terms), {9.0F, 9.0F, 9.0F}).empty());
  CHECK(horizon_steps_needed(config) == test::horizon_steps + 1);
}
