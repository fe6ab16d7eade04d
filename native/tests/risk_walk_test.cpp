// Whatever is known, an order that the rules let pass breaks no limit when it and all of ours in flight fill
// in full.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>

#include "lob/risk.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::Dice;

namespace {

struct Drawn {
  OrderIntent order;
  RiskContext context;
  RiskLimits limits;
};

WorstExposure drawn_exposure(Dice& dice) {
  const std::int64_t long_e8 = dice.roll(-4'000'000, 4'000'000);
  const std::int64_t short_e8 = long_e8 - dice.roll(0, 2'000'000);
  const Int128 gross_e8 = std::max(magnitude(Int128{long_e8}), magnitude(Int128{short_e8}));
  return {.long_e8 = long_e8, .short_e8 = short_e8, .gross_e8 = gross_e8 + dice.roll(0, 1'000'000)};
}

Drawn draw(Dice& dice) {
  Drawn drawn;
  const std::int64_t bid = dice.roll(9'900, 10'100);
  drawn.order = {.side = dice.roll(0, 1) == 0 ? Side::bid : Side::ask,
                 .price = PriceTicks{bid + dice.roll(-80, 80)},
                 .size = SizeUnits{dice.roll(-1, 30) * 5},
                 .purpose = static_cast<OrderPurpose>(dice.roll(0, 2)),
                 .ts_step_ns = dice.roll(4'000, 5'000)};
  RiskContext& context = drawn.context;
  context.state = static_cast<TradingState>(dice.roll(0, 9) < 8 ? 0 : dice.roll(1, 3));
  context.top = {.bid = PriceTicks{bid}, .ask = PriceTicks{bid + dice.roll(0, 9)}, .is_valid = true};
  context.position = SizeUnits{dice.roll(-400, 400)};
  context.buys_in_flight = SizeUnits{dice.roll(0, 10) * 10};
  context.sells_in_flight = SizeUnits{dice.roll(0, 10) * 10};
  context.lot = SizeUnits{5};
  context.max_position = SizeUnits{dice.roll(0, 300)};
  context.max_order_size = SizeUnits{dice.roll(5, 200)};
  context.short_max = SizeUnits{dice.roll(0, 300)};
  context.quote_unit_e18 = 10'000'000'000;
  context.others = drawn_exposure(dice);
  context.others_of_venue = drawn_exposure(dice);
  context.last_trade_ticks = dice.roll(0, 3) == 0 ? 0 : bid + dice.roll(-20, 20);
  context.ts_ns = 5'000;
  context.orders_in_window = static_cast<std::uint32_t>(dice.roll(0, 9));
  drawn.limits = {.price_deviation_e8 = dice.roll(1, 1'000'000),
                  .net_exposure_e8 = dice.roll(1, 8'000'000),
                  .gross_exposure_e8 = dice.roll(1, 9'000'000),
                  .forecast_age_max_ns = dice.roll(1, 1'500),
                  .price_deviation_trade_e8 = dice.roll(1, 1'000'000),
                  .venue_exposure_e8 = dice.roll(1, 9'000'000),
                  .max_capital_e8 = dice.roll(1, 9'000'000),
                  .orders_max = dice.roll(1, 12)};
  return drawn;
}

/// Value of `units` at the mid in 10^-8 quote, rounded up: a quote unit is 10^-8 quote here.
std::int64_t value_e8(std::int64_t units, const TopOfBook& top) {
  const std::int64_t twice = std::abs(units) * (top.bid.value + top.ask.value);
  return (twice + 1) / 2;
}

/// The limits said a second time, without the code under test.
void check_after_fill(const Drawn& drawn) {
  const OrderIntent& order = drawn.order;
  const RiskContext& context = drawn.context;
  const RiskLimits& limits = drawn.limits;
  const bool is_buy = order.side == Side::bid;
  const std::int64_t position = context.position.value;
  const std::int64_t most = position + context.buys_in_flight.value + (is_buy ? order.size.value : 0);
  const std::int64_t fewest = position - context.sells_in_flight.value - (is_buy ? 0 : order.size.value);
  REQUIRE(order.size.value > 0);
  REQUIRE(order.size.value % context.lot.value == 0);
  REQUIRE(order.size <= context.max_order_size);
  const std::int64_t reached = is_buy ? most : -fewest;
  const std::int64_t mid_x2 = context.top.bid.value + context.top.ask.value;
  REQUIRE(std::abs(2 * order.price.value - mid_x2) * 100'000'000 <= mid_x2 * limits.price_deviation_e8);
  if (reached <= 0) return;  // It closes: no limit holds a position open.

  REQUIRE(reached <= context.max_position.value);
  if (!is_buy) REQUIRE(-fewest <= context.short_max.value);
  const std::int64_t gross_e8 = std::max(value_e8(most, context.top), value_e8(fewest, context.top));
  const Int128 side_e8 = value_e8(reached, context.top);
  const Int128 net_e8 = side_e8 + (is_buy ? context.others.long_e8 : -context.others.short_e8);
  REQUIRE(net_e8 <= limits.net_exposure_e8);
  REQUIRE(gross_e8 + context.others.gross_e8 <= limits.gross_exposure_e8);
  REQUIRE(gross_e8 + context.others.gross_e8 <= *limits.max_capital_e8);
  REQUIRE(gross_e8 + context.others_of_venue.gross_e8 <= *limits.venue_exposure_e8);
  REQUIRE(context.orders_in_window + 1 <= *limits.orders_max);
  REQUIRE(context.state == TradingState::active);
}

}  // namespace

TEST_CASE("an accepted order breaks no limit when everything fills") {
  Dice dice(20'260'301);
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    const Drawn drawn = draw(dice);
    if (check(drawn.order, drawn.context, drawn.limits) != RiskRule::none) continue;
    ++accepted;
    check_after_fill(drawn);
  }
  CHECK(accepted > 1'000);
}
