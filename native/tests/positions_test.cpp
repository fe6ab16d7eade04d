#include "lob/positions.hpp"

#include <doctest/doctest.h>

#include <map>

#include "lob/money.hpp"
#include "trading_fixture.hpp"

using namespace lob;

namespace {

PositionFill fill(Side side, std::int64_t price, std::int64_t size, std::uint64_t trade_id,
                  std::int64_t fee = 0) {
  return {.side = side,
          .price = PriceTicks{price},
          .size = SizeUnits{size},
          .fee_quote_units = fee,
          .trade_id = trade_id};
}

TopOfBook top(std::int64_t bid, std::int64_t ask) {
  return {.bid = PriceTicks{bid}, .ask = PriceTicks{ask}, .is_valid = true};
}

/// The reference: a purse of money and a bag of lots, without any notion of cost.
struct Ledger {
  Int128 cash = 0;
  Int128 units = 0;

  void book(const PositionFill& fill) {
    const Int128 sign = fill.side == Side::bid ? 1 : -1;
    cash -= sign * notional(fill.price, fill.size) + fill.fee_quote_units;
    units += sign * fill.size.value;
  }
  [[nodiscard]] Int128 wealth(std::int64_t mid_x2) const { return cash + floor_div(units * mid_x2, 2); }
};

}  // namespace

TEST_CASE("a long position closed higher realises the difference") {
  Positions positions(1);
  positions.apply(0, fill(Side::bid, 100, 10, 1, 3));
  positions.apply(0, fill(Side::ask, 110, 4, 2, 2));

  CHECK(positions.at(0).units == SizeUnits{6});
  CHECK(positions.at(0).cost_quote_units == 600);
  CHECK(positions.at(0).realised_quote_units == 40);
  CHECK(positions.at(0).fees_quote_units == 5);
}

TEST_CASE("the fraction of a closed part's cost stays with what is left open") {
  Positions positions(1);
  positions.apply(0, fill(Side::bid, 100, 1, 1));
  positions.apply(0, fill(Side::bid, 101, 2, 2));
  positions.apply(0, fill(Side::ask, 103, 2, 3));  // Two thirds of 302 are 201 and a third.

  CHECK(positions.at(0).cost_quote_units == 101);
  CHECK(positions.at(0).realised_quote_units == 5);
}

TEST_CASE("a fill through zero closes the old side and opens the new one at its price") {
  Positions positions(1);
  positions.apply(0, fill(Side::ask, 100, 10, 1));
  positions.apply(0, fill(Side::bid, 90, 25, 2));

  CHECK(positions.at(0).units == SizeUnits{15});
  CHECK(positions.at(0).cost_quote_units == 1'350);
  CHECK(positions.at(0).realised_quote_units == 100);
}

TEST_CASE("unrealised counts the mid to half a tick, rounded against us") {
  Positions positions(1);
  positions.apply(0, fill(Side::bid, 100, 3, 1));
  positions.mark(0, top(100, 101));
  CHECK(unrealised_quote_units(positions.at(0)) == 1);

  positions.apply(0, fill(Side::ask, 100, 6, 2));
  CHECK(unrealised_quote_units(positions.at(0)) == -2);
}

TEST_CASE("an unusable book leaves the last mid") {
  Positions positions(1);
  positions.mark(0, top(100, 102));
  positions.mark(0, TopOfBook{});
  CHECK(positions.at(0).mid_x2_ticks == 202);
}

TEST_CASE("a trade id is booked once on its instrument, and again on another") {
  Positions positions(2);
  CHECK(positions.apply(0, fill(Side::bid, 100, 10, 1)) == FillOutcome::applied);
  CHECK(positions.apply(0, fill(Side::bid, 100, 10, 1)) == FillOutcome::duplicate);
  CHECK(positions.apply(1, fill(Side::bid, 100, 10, 1)) == FillOutcome::applied);
  CHECK(positions.at(0).units == SizeUnits{10});
}

TEST_CASE("trade ids are forgotten oldest first once the memory is full") {
  Positions positions(1);
  for (std::uint64_t id = 1; id <= trade_ids_max + 1; ++id) positions.apply(0, fill(Side::bid, 1, 1, id));

  CHECK(positions.apply(0, fill(Side::bid, 1, 1, 2)) == FillOutcome::duplicate);
  CHECK(positions.apply(0, fill(Side::bid, 1, 1, trade_ids_max + 1)) == FillOutcome::duplicate);
  CHECK(positions.apply(0, fill(Side::bid, 1, 1, 1)) == FillOutcome::applied);
}

TEST_CASE("a fill without price or size changes nothing") {
  Positions positions(1);
  CHECK(positions.apply(0, fill(Side::bid, 0, 10, 1)) == FillOutcome::malformed);
  CHECK(positions.apply(0, fill(Side::bid, 100, 0, 1)) == FillOutcome::malformed);
  CHECK(positions.apply(0, fill(Side::bid, 100, -1, 1)) == FillOutcome::malformed);
  CHECK(positions.at(0) == Position{});
}

TEST_CASE("sums beyond int64 are refused whole") {
  Positions positions(1);
  positions.apply(0, fill(Side::bid, 1'000'000'000, 1'000'000'000, 1));
  const Position before = positions.at(0);

  CHECK(positions.apply(0, fill(Side::bid, INT64_MAX, INT64_MAX, 2)) == FillOutcome::overflow);
  CHECK(positions.at(0) == before);
}

TEST_CASE("fees round against us, rebates too") {
  CHECK(fee_quote_units(1, 1) == 1);
  CHECK(fee_quote_units(100'000'000, 50'000) == 50'000);
  CHECK(fee_quote_units(100'000'001, 50'000) == 50'001);
  CHECK(fee_quote_units(100'000'001, -50'000) == -50'000);
  CHECK(fee_quote_units(0, 50'000) == 0);
  CHECK_FALSE(fee_quote_units(money_ceiling, INT64_MAX).has_value());
}

TEST_CASE("over random fills wealth is conserved to the last quote unit and duplicates change nothing") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    test::Dice dice(seed);
    Positions positions(1);
    Ledger ledger;
    std::map<std::uint64_t, PositionFill> booked;
    for (std::uint64_t turn = 1; turn <= 1'000; ++turn) {
      const std::uint64_t trade_id = static_cast<std::uint64_t>(dice.roll(1, 500));
      const PositionFill next = fill(dice.roll(0, 1) == 0 ? Side::bid : Side::ask, dice.roll(1, 7'000'003),
                                     dice.roll(1, 1'000'003), trade_id, dice.roll(-50, 5'000));
      const FillOutcome outcome = positions.apply(0, next);
      REQUIRE((outcome == FillOutcome::duplicate) == booked.contains(trade_id));
      if (booked.emplace(trade_id, next).second) ledger.book(next);
      const std::int64_t bid = dice.roll(1, 7'000'000);
      positions.mark(0, top(bid, bid + dice.roll(1, 9)));

      const Position& position = positions.at(0);
      const Int128 told = static_cast<Int128>(position.realised_quote_units) +
                          unrealised_quote_units(position) - position.fees_quote_units;
      REQUIRE(position.units.value == ledger.units);
      REQUIRE(bool(told == ledger.wealth(position.mid_x2_ticks)));
      REQUIRE((position.units.value != 0 || position.cost_quote_units == 0));
    }
  }
}

TEST_CASE("a checkpoint restores positions and what was seen") {
  Positions positions(2);
  positions.apply(0, fill(Side::bid, 100, 10, 77, 3));
  positions.mark(1, top(5, 7));
  ByteWriter writer;
  positions.save(writer);

  Positions restored(2);
  ByteReader reader(writer.bytes());

  REQUIRE(restored.load(reader));
  CHECK(reader.is_at_end());
  CHECK(restored.at(0) == positions.at(0));
  CHECK(restored.at(1) == positions.at(1));
  CHECK(restored.apply(0, fill(Side::bid, 100, 10, 77)) == FillOutcome::duplicate);
}

TEST_CASE("a checkpoint that is cut short or of another slot count is refused") {
  Positions positions(2);
  positions.apply(0, fill(Side::bid, 100, 10, 77, 3));
  ByteWriter writer;
  positions.save(writer);

  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    Positions restored(2);
    ByteReader reader(std::string_view(writer.bytes()).substr(0, length));
    CHECK_FALSE(restored.load(reader));
  }
  Positions other(3);
  ByteReader reader(writer.bytes());
  CHECK_FALSE(other.load(reader));
}

TEST_CASE("funding is booked once a trade id, beside the fills, and cannot leave int64") {
  Positions positions(1);
  CHECK(positions.apply_funding(0, 7, 1) == FillOutcome::applied);
  CHECK(positions.apply_funding(0, 7, 1) == FillOutcome::duplicate);
  CHECK(positions.apply_funding(0, -3, 2) == FillOutcome::applied);
  CHECK(positions.at(0).funding_quote_units == 4);
  CHECK(
      positions.apply(0, {.side = Side::bid, .price = PriceTicks{1}, .size = SizeUnits{1}, .trade_id = 2}) ==
      FillOutcome::duplicate);
  CHECK(positions.apply_funding(0, std::numeric_limits<std::int64_t>::max(), 3) == FillOutcome::overflow);
  CHECK(positions.at(0).funding_quote_units == 4);

  ByteWriter writer;
  positions.save(writer);
  const std::string bytes = writer.take();
  ByteReader reader(bytes);
  Positions loaded(1);
  REQUIRE(loaded.load(reader));
  CHECK(loaded.at(0) == positions.at(0));
}

TEST_CASE("a fee in the base asset is sold at the fill's price, and only whole units are booked") {
  Positions positions(1);
  PositionFill bought = fill(Side::bid, 100, 1'000, 1);
  bought.fee_base_e18 = 2'500;
  bought.size_unit_e18 = 1'000;
  positions.apply(0, bought);
  CHECK(positions.at(0).units == SizeUnits{998});
  CHECK(positions.at(0).fees_quote_units == 200);
  CHECK(positions.at(0).realised_quote_units == 0);
  CHECK(positions.fee_rest_e18(0) == 500);

  bought.trade_id = 2;
  positions.apply(0, bought);
  CHECK(positions.at(0).units == SizeUnits{1'995});
  CHECK(positions.fee_rest_e18(0) == 0);
}

TEST_CASE("a rebate in the base asset is bought at the fill's price") {
  Positions positions(1);
  PositionFill bought = fill(Side::bid, 100, 10, 1);
  bought.fee_base_e18 = -2'500;
  bought.size_unit_e18 = 1'000;
  positions.apply(0, bought);
  CHECK(positions.at(0).units == SizeUnits{12});
  CHECK(positions.at(0).fees_quote_units == -200);
  CHECK(positions.fee_rest_e18(0) == -500);
}

TEST_CASE("a fill told twice takes its fee in the base asset once") {
  Positions positions(1);
  PositionFill bought = fill(Side::bid, 100, 10, 1);
  bought.fee_base_e18 = 1'700;
  bought.size_unit_e18 = 1'000;
  CHECK(positions.apply(0, bought) == FillOutcome::applied);
  CHECK(positions.apply(0, bought) == FillOutcome::duplicate);
  CHECK(positions.at(0).units == SizeUnits{9});
  CHECK(positions.fee_rest_e18(0) == 700);
}

TEST_CASE(
    "with fees in either asset wealth and coins balance to the last unit, and a checkpoint keeps them") {
  test::Dice dice(17);
  Positions positions(1);
  Ledger ledger;
  constexpr std::int64_t unit_e18 = 1'000;
  Int128 paid_base_e18 = 0;
  Int128 mid_x2 = 0;
  for (std::uint64_t trade = 1; trade <= 20'000; ++trade) {
    PositionFill made =
        fill(dice.roll(0, 1) == 0 ? Side::bid : Side::ask, dice.roll(900, 1'100), dice.roll(1, 500), trade);
    if (dice.roll(0, 1) == 0) {
      made.fee_base_e18 = dice.roll(-900, 3'000);
      made.size_unit_e18 = unit_e18;
    } else {
      made.fee_quote_units = dice.roll(-3, 40);
    }
    REQUIRE(positions.apply(0, made) == FillOutcome::applied);
    ledger.book(made);
    paid_base_e18 += made.fee_base_e18;
    const std::int64_t bid = dice.roll(900, 1'100);
    positions.mark(0, top(bid, bid + 1));
    mid_x2 = 2 * bid + 1;

    const Position& held = positions.at(0);
    const Int128 rest_e18 = positions.fee_rest_e18(0);
    REQUIRE((ledger.units - held.units.value) * unit_e18 + rest_e18 == paid_base_e18);
    REQUIRE(magnitude(rest_e18) < unit_e18);
    // What left as fees in coins was neither bought nor sold for money.
    const Int128 value = floor_div(static_cast<Int128>(held.units.value) * mid_x2, 2);
    const Int128 told =
        static_cast<Int128>(held.realised_quote_units) + unrealised_quote_units(held) - held.fees_quote_units;
    REQUIRE(ledger.cash + value == told);
    if (trade % 500 != 0) continue;
    ByteWriter writer;
    positions.save(writer);
    Positions again(1);
    ByteReader reader(writer.bytes());
    REQUIRE(again.load(reader));
    CHECK(again.at(0) == held);
    CHECK(again.fee_rest_e18(0) == rest_e18);
  }
}
