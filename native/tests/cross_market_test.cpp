// Moments against a plain reference that keeps every return; a planted lead is found; nothing looks across a
// gap.
#include "lob/cross_market.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "strategy_fixture.hpp"

using namespace lob;
using test::Dice;
using test::spot_terms;

namespace {

using Series = std::vector<std::optional<double>>;  // A step's return in bps, nothing where there is none.

/// Correlation of a[t - lag] and b[t], recomputed from scratch.
double plain_correlation(const Series& a, const Series& b, std::int64_t lag, double half_life) {
  std::vector<std::pair<double, double>> both;
  for (std::int64_t t = 0; t < std::ssize(b); ++t) {
    const std::int64_t at_a = lag >= 0 ? t - lag : t;
    const std::int64_t at_b = lag >= 0 ? t : t + lag;
    if (at_a < 0 || at_b < 0) continue;
    const auto& x = a[static_cast<std::size_t>(at_a)];
    const auto& y = b[static_cast<std::size_t>(at_b)];
    if (x && y) both.emplace_back(*x, *y);
  }
  double weight = 0.0, x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  for (std::size_t i = 0; i < both.size(); ++i) {
    const double w = std::exp2(-static_cast<double>(both.size() - 1 - i) / half_life);
    const auto [left, right] = both[i];
    weight += w;
    x += w * left;
    y += w * right;
    xx += w * left * left;
    yy += w * right * right;
    xy += w * left * right;
  }
  const double covariance = xy / weight - x / weight * (y / weight);
  return covariance /
         std::sqrt((xx / weight - x / weight * (x / weight)) * (yy / weight - y / weight * (y / weight)));
}

/// Two spot slots and a masked one between; keeps beside the machine what a reference needs.
struct Markets {
  CrossMarketConfig config{.half_life_steps = 50.0, .lag_steps_max = 4, .samples_min = 20, .step_ns = 100};
  std::vector<SlotTerms> terms{spot_terms(3), SlotTerms{}, spot_terms(5)};
  std::vector<SlotMarket> books{3};
  CrossMarket machine{config, terms};
  TsNs ts_ns = 1'000;
  Series first, second;

  static SlotMarket at(std::int64_t mid_ticks) {
    return test::book_of({{mid_ticks - 1, 10}}, {{mid_ticks + 1, 10}});
  }
  void step() {
    ts_ns += 100;
    machine.on_step(ts_ns, {.ts_ns = ts_ns, .slots = books});
  }
  void step(std::int64_t mid_a, std::int64_t mid_b) {
    const std::uint64_t gaps_a = books[0].gap_count;
    books[0] = at(mid_a);
    books[0].gap_count = gaps_a;
    books[2] = at(mid_b);
    step();
  }
};

double log_bps(std::int64_t now, std::int64_t before) {
  return 1e4 * std::log(static_cast<double>(now) / static_cast<double>(before));
}

/// A random walk in which the second slot repeats the first one's move `lag` steps later; some books are
/// broken.
void walk(Markets& markets, std::uint64_t seed, std::size_t lag, int steps, bool has_holes = false) {
  Dice dice(seed);
  std::vector<std::int64_t> moves(lag, 0);
  std::int64_t mid_a = 1'000'000, mid_b = 1'000'000, last_a = 0, last_b = 0;
  for (int i = 0; i < steps; ++i) {
    const std::int64_t move = dice.roll(-20, 20);
    moves.push_back(move);
    mid_a += move;
    mid_b += moves[moves.size() - 1 - lag] + dice.roll(-3, 3);
    const bool is_hole = has_holes && dice.roll(0, 9) == 0;
    markets.step(mid_a, mid_b);
    markets.first.push_back(last_a == 0 ? std::nullopt : std::optional(log_bps(mid_a, last_a)));
    markets.second.push_back(last_b == 0 ? std::nullopt : std::optional(log_bps(mid_b, last_b)));
    last_a = mid_a;
    last_b = mid_b;
    if (has_holes && dice.roll(0, 39) == 0) {
      markets.ts_ns += 300;  // Steps that nobody saw: nothing lies a known number of steps apart any more.
      markets.first.insert(markets.first.end(), 5, std::nullopt);
      markets.second.insert(markets.second.end(), 5, std::nullopt);
      last_a = last_b = 0;
    }
    if (!is_hole) continue;
    markets.books[0].top.is_valid = false;
    markets.step();
    markets.first.emplace_back();
    markets.second.push_back(last_b == 0 ? std::nullopt : std::optional(0.0));
    last_b = mid_b;
    last_a = 0;
  }
}

}  // namespace

TEST_CASE("moments of a random walk with holes agree with a plain reference at every lag") {
  Markets markets;
  walk(markets, 7, 2, 400, true);

  for (std::int64_t lag = -4; lag <= 4; ++lag) {
    CAPTURE(lag);
    const double expected =
        plain_correlation(markets.first, markets.second, lag, markets.config.half_life_steps);
    CHECK(markets.machine.correlation(0, 2, lag) == doctest::Approx(expected).epsilon(1e-9));
    CHECK(markets.machine.correlation(2, 0, -lag) == markets.machine.correlation(0, 2, lag));
  }
}

TEST_CASE("volatility is the deviation of one step's return, weighted, and 0 before enough were seen") {
  Markets markets;
  const std::int64_t mids[] = {10'000, 10'010, 10'005, 10'020};
  double weight = 0.0, sum = 0.0, squares = 0.0;
  markets.step(mids[0], mids[0]);
  for (int i = 1; i <= 20; ++i) {
    CHECK(markets.machine.step_volatility_bps(0) == 0.0);
    const double bps = log_bps(mids[i % 4], mids[(i - 1) % 4]);
    const double w = std::exp2(-(20.0 - i) / 50.0);
    weight += w;
    sum += w * bps;
    squares += w * bps * bps;
    markets.step(mids[i % 4], mids[i % 4]);
  }
  const double expected = std::sqrt(squares / weight - sum / weight * (sum / weight));
  CHECK(markets.machine.step_volatility_bps(0) == doctest::Approx(expected).epsilon(1e-9));
  CHECK(markets.machine.step_volatility_bps(1) == 0.0);
}

TEST_CASE("a planted lead is found with its sign, seen from either side") {
  for (const std::size_t lag : {0, 1, 3}) {
    CAPTURE(lag);
    Markets markets;
    walk(markets, 11 + lag, lag, 500);

    const LeadLag found = markets.machine.lead_lag(0, 2);
    CHECK(found.lag_steps == static_cast<std::int64_t>(lag));
    CHECK(found.correlation > 0.9);
    CHECK(markets.machine.lead_lag(2, 0) ==
          LeadLag{.lag_steps = -static_cast<std::int64_t>(lag), .correlation = found.correlation});
  }
}

TEST_CASE("no return is made across an unusable book, a discontinuity, or steps that are missing") {
  Markets markets;
  markets.step(10'000, 10'000);
  markets.step(10'010, 10'000);
  CHECK(markets.machine.samples(0, 2) == 1);

  SUBCASE("unusable") {
    markets.books[0].top.is_valid = false;
    markets.step();
  }
  SUBCASE("a discontinuity within the step") {
    ++markets.books[0].gap_count;
  }
  SUBCASE("missing steps") {
    markets.ts_ns += 100;
  }
  markets.step(20'000, 10'000);
  CHECK(markets.machine.samples(0, 2) == 1);
  markets.step(20'010, 10'000);
  CHECK(markets.machine.samples(0, 2) == 2);
}

TEST_CASE("pairs are unmasked slots of one base asset, and others have neither samples nor correlation") {
  std::vector<SlotTerms> terms{spot_terms(0), spot_terms(1), SlotTerms{}, test::perpetual_terms(2)};
  terms[1].base_group = 1;
  const CrossMarket machine({}, terms);

  REQUIRE(machine.pairs().size() == 1);
  CHECK(machine.pairs()[0] == Pair{.slot_a = 0, .slot_b = 3});
  CHECK(machine.samples(0, 1) == 0);
  CHECK(machine.correlation(0, 1) == 0.0);
  CHECK(machine.lead_lag(0, 1) == LeadLag{});
}

TEST_CASE("a market that never moves has no correlation") {
  Markets markets;
  for (int i = 0; i < 50; ++i) markets.step(10'000, 10'000 + i);
  CHECK(markets.machine.correlation(0, 2) == 0.0);
  CHECK(markets.machine.lead_lag(0, 2) == LeadLag{});
}

TEST_CASE("a restored machine goes on bit for bit, and one of other lags refuses the bytes") {
  Markets markets;
  walk(markets, 3, 1, 100);
  ByteWriter writer;
  markets.machine.save(writer);
  Markets other;
  ByteReader reader(writer.bytes());
  REQUIRE(other.machine.load(reader));
  REQUIRE(reader.is_at_end());

  other.ts_ns = markets.ts_ns;
  other.books = markets.books;
  walk(markets, 4, 1, 50);
  walk(other, 4, 1, 50);
  ByteWriter one, two;
  markets.machine.save(one);
  other.machine.save(two);
  CHECK(one.bytes() == two.bytes());

  CrossMarket shorter({.lag_steps_max = 3}, markets.terms);
  ByteReader again(writer.bytes());
  CHECK_FALSE(shorter.load(again));
  ByteReader cut(std::string_view(writer.bytes()).substr(0, writer.bytes().size() - 1));
  CHECK_FALSE(Markets{}.machine.load(cut));
}
