// Sizes worked out by hand.
#include "lob/sizing.hpp"

#include <doctest/doctest.h>

using namespace lob;

namespace {

constexpr SizingInputs inputs{.order_size = SizeUnits{100},
                              .lot = SizeUnits{10},
                              .edge_bps = 2.0,
                              .volatility_bps = 4.0,
                              .horizon_steps = 5.0,
                              .unit_price_quote = 0.5};

SizeUnits volatility_size(double volatility_bps, double cap = 3.0) {
  SizingInputs now = inputs;
  now.volatility_bps = volatility_bps;
  return size_of({.kind = SizingKind::volatility, .cap = cap, .target_volatility_bps = 4.0}, now);
}

SizeUnits kelly_size(const SizingInputs& now, double capital_quote, double cap = 10.0) {
  return size_of(
      {.kind = SizingKind::kelly, .cap = cap, .kelly_fraction = 0.25, .capital_quote = capital_quote}, now);
}

}  // namespace

TEST_CASE("fixed sizing gives the order size in whole lots, whatever the market does") {
  CHECK(size_of({}, inputs) == SizeUnits{100});
  SizingInputs odd = inputs;
  odd.order_size = SizeUnits{109};
  CHECK(size_of({}, odd) == SizeUnits{100});
  CHECK(size_max_of({}, odd.order_size, odd.lot) == SizeUnits{100});
}

TEST_CASE(
    "volatility sizing gives one order size at the target, less above it, and no more than the cap below") {
  CHECK(volatility_size(4.0) == SizeUnits{100});
  CHECK(volatility_size(8.0) == SizeUnits{50});
  CHECK(volatility_size(3.0) == SizeUnits{130});  // 133.3 in lots of 10.
  CHECK(volatility_size(1.0) == SizeUnits{300});
  CHECK(volatility_size(1'000.0) == SizeUnits{0});
}

TEST_CASE("volatility sizing gives one order size, or the cap where that is less, while nothing is known") {
  CHECK(volatility_size(0.0) == SizeUnits{100});
  CHECK(volatility_size(0.0, 0.5) == SizeUnits{50});
}

TEST_CASE("kelly sizing is the fraction of edge over variance of the capital, capped") {
  // Edge 2e-4, variance (4e-4)^2 x 5 = 8e-7, a quarter of 250 is 62.5 times the capital; a unit costs 0.5.
  CHECK(kelly_size(inputs, 1.0) == SizeUnits{120});  // 125 units in lots of 10.
  CHECK(kelly_size(inputs, 4.0) == SizeUnits{500});
  CHECK(kelly_size(inputs, 400.0) == SizeUnits{1'000});
  CHECK(kelly_size(inputs, 4.0, 2.0) == SizeUnits{200});
}

TEST_CASE("kelly sizing takes nothing without an edge, a volatility or a price") {
  SizingInputs now = inputs;
  SUBCASE("no edge") {
    now.edge_bps = 0.0;
  }
  SUBCASE("an edge against us") {
    now.edge_bps = -1.0;
  }
  SUBCASE("volatility not known") {
    now.volatility_bps = 0.0;
  }
  SUBCASE("no price") {
    now.unit_price_quote = 0.0;
  }
  CHECK(kelly_size(now, 1e9) == SizeUnits{0});
}

TEST_CASE("the largest size is the cap for the rules that scale") {
  CHECK(size_max_of({.kind = SizingKind::kelly, .cap = 2.55}, SizeUnits{100}, SizeUnits{10}) ==
        SizeUnits{250});
  CHECK(size_max_of({.kind = SizingKind::volatility, .cap = 0.5}, SizeUnits{100}, SizeUnits{10}) ==
        SizeUnits{50});
}

TEST_CASE("a sizing is known by its word") {
  for (const SizingKind kind : {SizingKind::fixed, SizingKind::volatility, SizingKind::kelly}) {
    CHECK(sizing_kind_of(text_of(kind)) == kind);
  }
  CHECK_FALSE(sizing_kind_of("martingale"));
}
