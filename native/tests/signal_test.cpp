#include "lob/signal.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "trading_fixture.hpp"

using namespace lob;

namespace {

constexpr TopOfBook top{.bid = PriceTicks{9'999}, .ask = PriceTicks{10'001}, .is_valid = true};
constexpr SignalTerms terms{.taker_fee_e8 = 10'000, .order_size = SizeUnits{100}, .is_short_allowed = true};
// Half spread 1 bps + fee 1 bps, doubled, + 0.5.
constexpr SignalConfig config{.horizon_step = 2, .cost_multiple = 2.0, .edge_bps = 0.5, .exit_bps = 1.0};

SignalVerdict at(double forecast_bps, std::int64_t position) {
  return decide(forecast_bps, top, SizeUnits{position}, terms, config);
}

}  // namespace

TEST_CASE("cost is the multiple of half spread and taker fee, plus the edge") {
  CHECK(at(0.0, 0).cost_bps == doctest::Approx(4.5));
  CHECK(half_spread_bps(top) == doctest::Approx(1.0));
}

TEST_CASE("a forecast exactly at cost does not enter, one above it does") {
  CHECK(at(4.5, 0).target == SizeUnits{0});
  CHECK(at(4.5, 0).action == SignalAction::hold);
  CHECK(at(4.51, 0).target == SizeUnits{100});
  CHECK(at(4.51, 0).action == SignalAction::enter);
  CHECK(at(-4.51, 0).target == SizeUnits{-100});
}

TEST_CASE("a position is kept while the forecast has not turned beyond exit_bps, and left when it has") {
  CHECK(at(0.0, 100).action == SignalAction::hold);
  CHECK(at(-1.0, 100).action == SignalAction::hold);
  CHECK(at(-1.01, 100).target == SizeUnits{0});
  CHECK(at(-1.01, 100).action == SignalAction::exit);
  CHECK(at(1.0, -100).action == SignalAction::hold);
  CHECK(at(1.01, -100).action == SignalAction::exit);
}

TEST_CASE("a forecast beyond cost against the position reverses it") {
  CHECK(at(-4.51, 100).target == SizeUnits{-100});
  CHECK(at(-4.51, 100).action == SignalAction::reverse);
}

TEST_CASE("a part of a position is completed, too large a one is brought back") {
  CHECK(at(5.0, 40).action == SignalAction::enter);
  CHECK(at(5.0, 140).target == SizeUnits{100});
  CHECK(at(5.0, 140).action == SignalAction::exit);
}

TEST_CASE("where short is not allowed a falling forecast only leaves") {
  SignalTerms spot = terms;
  spot.is_short_allowed = false;

  CHECK(decide(-50.0, top, SizeUnits{0}, spot, config).action == SignalAction::hold);
  CHECK(decide(-50.0, top, SizeUnits{100}, spot, config).target == SizeUnits{0});
}

TEST_CASE("without a usable book nothing is wanted and the position is kept") {
  TopOfBook unusable = top;
  SUBCASE("not valid") {
    unusable.is_valid = false;
  }
  SUBCASE("crossed") {
    unusable.bid = unusable.ask;
  }
  SUBCASE("one side missing") {
    unusable.bid = PriceTicks{0};
  }

  const SignalVerdict verdict = decide(50.0, unusable, SizeUnits{30}, terms, config);

  CHECK(verdict.action == SignalAction::no_book);
  CHECK(verdict.target == SizeUnits{30});
}

TEST_CASE("the forecast view reads the mid of its slot at the horizon asked for") {
  const std::vector<float> values = test::forecast_of({1.5F, -2.5F});
  const ForecastView view{.values = values, .horizon_steps = test::horizon_steps, .slot_count = 2};

  CHECK(view.has_shape());
  CHECK(view.mid_bps(2, 0) == 1.5);
  CHECK(view.mid_bps(2, 1) == -2.5);
  CHECK(view.mid_bps(1, 1) == -99.0);
}

TEST_CASE("a forecast of the wrong size or with a value that is not finite is seen as such") {
  std::vector<float> values = test::forecast_of({1.0F});
  CHECK(ForecastView{.values = values, .horizon_steps = 3, .slot_count = 1}.is_finite());
  CHECK_FALSE(ForecastView{.values = values, .horizon_steps = 2, .slot_count = 1}.has_shape());
  CHECK_FALSE(ForecastView{}.has_shape());

  values.back() = std::numeric_limits<float>::quiet_NaN();
  CHECK_FALSE(ForecastView{.values = values, .horizon_steps = 3, .slot_count = 1}.is_finite());
}
