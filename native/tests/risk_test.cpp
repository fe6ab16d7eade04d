#include "lob/risk.hpp"

#include <doctest/doctest.h>

using namespace lob;

namespace {

constexpr RiskLimits limits{.price_deviation_e8 = 500'000,
                            .net_exposure_e8 = 2'000'000,
                            .gross_exposure_e8 = 3'000'000,
                            .forecast_age_max_ns = 1'000};

/// An order that every rule lets pass: buys 100 at the mid of 10'000 with 100 allowed.
OrderIntent buy(std::int64_t size = 100) {
  return {.side = Side::bid, .price = PriceTicks{10'000}, .size = SizeUnits{size}, .ts_step_ns = 5'000};
}
OrderIntent sell(std::int64_t size = 100) {
  OrderIntent order = buy(size);
  order.side = Side::ask;
  return order;
}

RiskContext context_with(std::int64_t position = 0) {
  RiskContext context;
  context.state = TradingState::active;
  context.top = {.bid = PriceTicks{9'999}, .ask = PriceTicks{10'001}, .is_valid = true};
  context.position = SizeUnits{position};
  context.lot = SizeUnits{10};
  context.max_position = SizeUnits{100};
  context.max_order_size = SizeUnits{100};
  context.short_max = SizeUnits{1'000};
  context.quote_unit_e18 = 10'000'000'000;  // One quote unit is 10^-8 quote.
  context.ts_ns = 5'500;
  return context;
}

}  // namespace

TEST_CASE("max_position passes at the limit and refuses one lot beyond, on both sides") {
  CHECK(check(buy(100), context_with(0), limits) == RiskRule::none);
  CHECK(check(buy(100), context_with(10), limits) == RiskRule::max_position);
  CHECK(check(sell(100), context_with(0), limits) == RiskRule::none);
  CHECK(check(sell(100), context_with(-10), limits) == RiskRule::max_position);
}

TEST_CASE("what is in flight counts towards max_position as if it were filled") {
  RiskContext context = context_with(0);
  context.buys_in_flight = SizeUnits{50};
  CHECK(check(buy(50), context, limits) == RiskRule::none);
  CHECK(check(buy(60), context, limits) == RiskRule::max_position);
  CHECK(check(sell(100), context, limits) == RiskRule::none);
}

TEST_CASE("an order that lowers a position over its limit is never refused by max_position") {
  RiskContext context = context_with(500);
  CHECK(check(sell(100), context, limits) == RiskRule::none);
}

TEST_CASE("max_order_size passes at the limit and refuses one lot beyond") {
  RiskContext context = context_with(0);
  context.max_position = SizeUnits{1'000};
  CHECK(check(buy(100), context, limits) == RiskRule::none);
  CHECK(check(buy(110), context, limits) == RiskRule::max_order_size);
}

TEST_CASE("price_deviation passes at exactly 50 bps from the mid and refuses one tick beyond") {
  OrderIntent order = buy();
  for (const std::int64_t edge : {10'050, 9'950}) {
    order.price = PriceTicks{edge};
    CHECK(check(order, context_with(), limits) == RiskRule::none);
  }
  for (const std::int64_t beyond : {10'051, 9'949, 0, -1}) {
    order.price = PriceTicks{beyond};
    CHECK(check(order, context_with(), limits) == RiskRule::price_deviation);
  }
}

TEST_CASE("net exposure passes at the limit and refuses one lot beyond") {
  RiskContext context = context_with();
  context.max_position = SizeUnits{1'000};
  context.others = {.long_e8 = 1'000'000, .short_e8 = 1'000'000, .gross_e8 = 1'000'000};
  CHECK(check(buy(100), context, limits) == RiskRule::none);  // 1'000'000 + 100 x 10'000 = the limit.

  context.others.long_e8 += 1;
  CHECK(check(buy(100), context, limits) == RiskRule::net_exposure);
  CHECK(check(buy(90), context, limits) == RiskRule::none);
}

TEST_CASE("net exposure is limited on the short side too") {
  RiskContext context = context_with();
  context.others = {.long_e8 = -1'000'000, .short_e8 = -1'000'000, .gross_e8 = 1'000'000};
  CHECK(check(sell(100), context, limits) == RiskRule::none);

  context.others.short_e8 -= 1;
  CHECK(check(sell(100), context, limits) == RiskRule::net_exposure);
}

TEST_CASE("gross exposure counts both sides and passes at the limit") {
  RiskContext context = context_with();
  context.others = {.long_e8 = 0, .short_e8 = 0, .gross_e8 = 2'000'000};
  CHECK(check(buy(100), context, limits) == RiskRule::none);

  context.others.gross_e8 += 1;
  CHECK(check(buy(100), context, limits) == RiskRule::gross_exposure);
}

TEST_CASE("a closing order is not held back by exposure that stands elsewhere") {
  RiskContext context = context_with(-100);
  context.others = {.long_e8 = 9'000'000, .short_e8 = 9'000'000, .gross_e8 = 9'000'000};
  CHECK(check(buy(100), context, limits) == RiskRule::none);
  CHECK(check(sell(10), context, limits) != RiskRule::none);
}

TEST_CASE("trading_state reducing lets pass what brings the position to zero and nothing that crosses it") {
  RiskContext context = context_with(50);
  context.state = TradingState::reducing;
  CHECK(check(sell(50), context, limits) == RiskRule::none);
  CHECK(check(sell(60), context, limits) == RiskRule::trading_state);
  CHECK(check(buy(10), context, limits) == RiskRule::trading_state);

  context.sells_in_flight = SizeUnits{20};
  CHECK(check(sell(30), context, limits) == RiskRule::none);
  CHECK(check(sell(40), context, limits) == RiskRule::trading_state);
}

TEST_CASE("trading_state flattening lets pass only closing orders of the flattening itself") {
  RiskContext context = context_with(50);
  context.state = TradingState::flattening;
  OrderIntent order = sell(50);
  CHECK(check(order, context, limits) == RiskRule::trading_state);

  order.purpose = OrderPurpose::flatten;
  CHECK(check(order, context, limits) == RiskRule::none);
  order.size = SizeUnits{60};
  CHECK(check(order, context, limits) == RiskRule::trading_state);
}

TEST_CASE("trading_state halted lets nothing pass") {
  RiskContext context = context_with(50);
  context.state = TradingState::halted;
  OrderIntent order = sell(50);
  order.purpose = OrderPurpose::flatten;
  CHECK(check(order, context, limits) == RiskRule::trading_state);
}

TEST_CASE("invalid_book refuses a book that is not valid, crossed or one-sided") {
  RiskContext context = context_with();
  SUBCASE("not valid") {
    context.top.is_valid = false;
  }
  SUBCASE("locked") {
    context.top.bid = context.top.ask;
  }
  SUBCASE("no bid") {
    context.top.bid = PriceTicks{0};
  }
  CHECK(check(buy(), context, limits) == RiskRule::invalid_book);
}

TEST_CASE("stale_forecast passes at the age limit and refuses a nanosecond beyond") {
  RiskContext context = context_with();
  context.ts_ns = 6'000;
  CHECK(check(buy(), context, limits) == RiskRule::none);
  context.ts_ns = 6'001;
  CHECK(check(buy(), context, limits) == RiskRule::stale_forecast);

  OrderIntent order = buy();
  order.purpose = OrderPurpose::flatten;
  CHECK(check(order, context, limits) == RiskRule::none);
}

TEST_CASE("lot refuses sizes that are not a positive multiple") {
  CHECK(check(buy(10), context_with(), limits) == RiskRule::none);
  for (const std::int64_t size : {0, -10, 5, 11})
    CHECK(check(buy(size), context_with(), limits) == RiskRule::lot);
}
