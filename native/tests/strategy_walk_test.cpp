// Random days of every strategy against a venue that fills what it likes: limits, whole lots, own quotes and
// the order in which legs are closed hold at every step, and a restored twin wishes the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "lob/sizing.hpp"
#include "strategy_fixture.hpp"

using namespace lob;
using test::Dice;
using test::Scene;

namespace {

constexpr std::size_t masked_slot = 2;

std::vector<SlotTerms> market_terms() {
  std::vector<SlotTerms> terms{test::perpetual_terms(0), test::spot_terms(1), SlotTerms{},
                               test::spot_terms(3)};
  for (const std::size_t slot : {0, 1, 3}) {
    terms[slot].taker_fee_e8 = 5'000;
    terms[slot].maker_fee_e8 = 1'000;
  }
  terms[1].short_max = SizeUnits{120};
  terms[3].lot = SizeUnits{20};
  return terms;
}

std::vector<StrategyConfig> all_configs() {
  const SignalConfig signal{.horizon_step = 2, .cost_multiple = 1.0, .edge_bps = 0.2, .exit_bps = 0.1};
  const SizingConfig scaled{.kind = SizingKind::volatility, .cap = 4.0, .target_volatility_bps = 2.0};
  const SizingConfig kelly{
      .kind = SizingKind::kelly, .cap = 2.0, .kelly_fraction = 0.5, .capital_quote = 100.0};
  const auto kind = StrategyKind::forecast;
  return {test::config_of(kind, ForecastSettings{.signal = signal, .style = OrderStyle::taker}, scaled),
          test::config_of(kind, ForecastSettings{.signal = signal, .style = OrderStyle::maker}, kelly),
          test::config_of(kind, ForecastSettings{.signal = signal, .style = OrderStyle::automatic}),
          test::config_of(StrategyKind::market_making,
                          MarketMakingSettings{.use_forecast = true, .horizon_step = 1, .requote_ticks = 2},
                          scaled),
          test::config_of(StrategyKind::arbitrage, ArbitrageSettings{.edge_bps = 1.0, .exit_bps = 2.0}),
          test::config_of(
              StrategyKind::basis,
              BasisSettings{.entry_bps = 1.0, .exit_bps = 1.0, .half_life_steps = 50.0, .samples_min = 10},
              kelly)};
}

/// Books wander apart and together; the venue fills orders whole, in part, or not at all, sometimes a step
/// later.
struct Day : Scene {
  Dice dice;
  std::vector<std::int64_t> mids;
  std::vector<std::int64_t> due;  // Signed units on their way, a slot.
  std::size_t trades = 0;

  explicit Day(std::uint64_t seed) : Scene(market_terms()), dice(seed), mids(4, 10'000), due(4, 0) {}

  void drift() {
    ts_step_ns += test::step_ns;
    for (std::size_t slot = 0; slot < 4; ++slot) {
      mids[slot] += dice.roll(-4, 4) + (mids[slot] > 10'010 ? -2 : 0) + (mids[slot] < 9'990 ? 2 : 0);
      const std::int64_t bid = mids[slot] - dice.roll(1, 2);
      const std::int64_t ask = mids[slot] + 1;
      markets[slot] = test::book_of({{bid, dice.roll(1, 80)}, {bid - 1, dice.roll(1, 80)}, {bid - 3, 400}},
                                    {{ask, dice.roll(1, 80)}, {ask + 2, dice.roll(1, 80)}, {ask + 3, 400}});
      markets[slot].top.is_valid = dice.roll(0, 15) != 0;
      slots[slot].step_volatility_bps = static_cast<double>(dice.roll(0, 12)) / 2.0;
    }
  }
  std::vector<float> forecast() {
    std::vector<float> out;
    for (std::size_t slot = 0; slot < 4; ++slot) out.push_back(static_cast<float>(dice.roll(-60, 60)) / 8.0F);
    return out;
  }
  void arrive() {
    for (std::size_t slot = 0; slot < 4; ++slot) {
      slots[slot].position.value += due[slot];
      slots[slot].buys_in_flight = slots[slot].sells_in_flight = SizeUnits{0};
      due[slot] = 0;
    }
  }
  /// Takes and quotes fill in multiples of ten units, some of them only at the next step.
  void fill(const Wish& wish) {
    std::int64_t units = wish.target.value - slots[wish.slot].position.value;
    if (units == 0 && wish.bid.size.value > 0 && dice.roll(0, 2) == 0) units = wish.bid.size.value;
    if (units == 0 && wish.ask.size.value > 0 && dice.roll(0, 2) == 0) units = -wish.ask.size.value;
    units = units / 10 * dice.roll(0, 3) / 3 * 10;
    if (units == 0) return;
    ++trades;
    if (dice.roll(0, 4) == 0) {
      due[wish.slot] = units;
      slots[wish.slot].buys_in_flight = SizeUnits{std::max<std::int64_t>(units, 0)};
      slots[wish.slot].sells_in_flight = SizeUnits{std::max<std::int64_t>(-units, 0)};
      return;
    }
    slots[wish.slot].position.value += units;
  }
};

void check_wish(const Wish& wish, const Day& day) {
  const SlotTerms& terms = day.terms[wish.slot];
  const std::int64_t position = day.slots[wish.slot].position.value;
  const std::int64_t lot = terms.lot.value;
  const std::int64_t low = -std::min(terms.short_max, terms.max_position).value;
  REQUIRE(wish.slot != masked_slot);
  REQUIRE((wish.target.value - position) % 10 == 0);
  if (wish.target.value != position) {
    REQUIRE(wish.target.value <= std::max(position, terms.max_position.value));
    REQUIRE(wish.target.value >= std::min(position, low));
  }
  REQUIRE(wish.bid.size.value % lot == 0);
  REQUIRE(wish.ask.size.value % lot == 0);
  if (wish.bid.size.value > 0) {
    REQUIRE(position + wish.bid.size.value <= terms.max_position.value);
    REQUIRE(wish.bid.price < day.markets[wish.slot].top.ask);
  }
  if (wish.ask.size.value > 0) {
    REQUIRE(position - wish.ask.size.value >= low);
    REQUIRE(wish.ask.price > day.markets[wish.slot].top.bid);
  }
  if (wish.bid.size.value > 0 && wish.ask.size.value > 0) REQUIRE(wish.bid.price < wish.ask.price);
}

/// Sum of the legs' positions; both have one size unit.
std::int64_t residual(const Day& day, StrategyKind kind) {
  std::int64_t sum = day.slots[1].position.value + day.slots[3].position.value;
  if (kind == StrategyKind::basis) sum += day.slots[0].position.value;
  return sum;
}

void check_legs(const std::vector<Wish>& wishes, const Day& day, StrategyKind kind) {
  if (wishes.empty()) return;
  std::int64_t in_flight = 0;
  for (const SlotView& slot : day.slots) in_flight += slot.buys_in_flight.value + slot.sells_in_flight.value;
  REQUIRE(in_flight == 0);
  const std::int64_t before = residual(day, kind);
  std::int64_t change = 0;
  for (const Wish& wish : wishes) change += wish.target.value - day.slots[wish.slot].position.value;
  if (std::abs(before) >= 10) {
    REQUIRE(wishes.size() == 1);
    REQUIRE(std::abs(before + change) < std::abs(before));
  } else {
    REQUIRE(wishes.size() == 2);
    REQUIRE(change == 0);
  }
}

}  // namespace

TEST_CASE("over random days every wish keeps the limits, whole lots and the order of legs") {
  for (const StrategyConfig& config : all_configs()) {
    std::size_t trades = 0;
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(config.name);
      CAPTURE(seed);
      Day day(seed);
      const auto strategy = make_strategy(config, day.terms);
      for (int step = 0; step < 1'500; ++step) {
        day.drift();
        day.arrive();
        const auto twin = step % 100 == 0 ? test::restored(*strategy, config, day.terms) : nullptr;
        const std::vector<float> forecast = day.forecast();
        const std::vector<Wish> wishes = day.ask(*strategy, forecast);
        if (twin) REQUIRE(day.ask(*twin, forecast) == wishes);
        for (std::size_t i = 1; i < wishes.size(); ++i) REQUIRE(wishes[i - 1].slot < wishes[i].slot);
        for (const Wish& wish : wishes) check_wish(wish, day);
        const bool has_legs = config.kind == StrategyKind::arbitrage || config.kind == StrategyKind::basis;
        if (has_legs) check_legs(wishes, day, config.kind);
        for (const Wish& wish : wishes) day.fill(wish);
      }
      trades += day.trades;
    }
    CHECK(trades > 100);
  }
}

TEST_CASE("every kind and style is known by its word, and its bytes by no other kind") {
  for (std::size_t code = 0; code < strategy_kind_count; ++code) {
    const auto kind = static_cast<StrategyKind>(code);
    CHECK(strategy_kind_of(text_of(kind)) == kind);
  }
  for (const OrderStyle style : {OrderStyle::taker, OrderStyle::maker, OrderStyle::automatic}) {
    CHECK(order_style_of(text_of(style)) == style);
  }
  const std::vector<SlotTerms> terms = market_terms();
  for (const StrategyConfig& one : all_configs()) {
    for (const StrategyConfig& other : all_configs()) {
      if (one.kind == other.kind) continue;
      const std::string bytes = test::saved(*make_strategy(one, terms));
      ByteReader reader(bytes);
      CHECK_FALSE(make_strategy(other, terms)->load(reader));
    }
  }
}
