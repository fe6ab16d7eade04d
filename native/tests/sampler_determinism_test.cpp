// The sampler's promises: resumable, equal to the batch, never looking ahead, free of its own past.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "lob/feature_schema.hpp"
#include "lob/sampler.hpp"
#include "sampled_market.hpp"

using namespace lob;
using namespace lob::sampled;

namespace {

/// The rows of one slot, and the batch's answer for them from prices, sizes and the flows counted by the
/// test.
struct BatchOfSlot {
  BatchOfSlot(const Grid& grid, const GridSlot& slot) {
    for (std::size_t i = 0; i < grid.rows.size(); ++i) {
      if (grid.rows[i].instrument == slot.instrument)
        add(grid.rows[i], grid.flows[i], reference_mid(grid, i));
    }
    const FeatureBatch batch{prices, sizes,     flows,          mids,
                             states, slot.tick, slot.size_unit, grid.sampler.config().stale_ns};
    answer.resize(states.size() * feature_count);
    is_accepted = features_batch(batch, answer);
  }

  /// Rows of a step follow slot order, so the reference (slot 0) is this row or the one before it.
  static double reference_mid(const Grid& grid, std::size_t i) {
    const GridRecord& reference = grid.rows[grid.rows[i].instrument == 0 ? i : i - 1];
    if (reference.is_valid == 0) return 0.0;
    const auto bid = static_cast<double>(reference.price_ticks[0]);
    const auto ask = static_cast<double>(reference.price_ticks[book_depth]);
    return 0.5 * (bid + ask) * grid.sampler.config().slots[0].tick;
  }
  void add(const GridRecord& row, const StepFlow& flow, double mid) {
    prices.insert(prices.end(), std::begin(row.price_ticks), std::end(row.price_ticks));
    sizes.insert(sizes.end(), std::begin(row.size_units), std::end(row.size_units));
    for (const double value : {flow.ofi_units, flow.signed_trade_units, flow.trade_count, flow.age_ns}) {
      flows.push_back(value);
    }
    mids.push_back(mid);
    states.push_back(static_cast<std::uint8_t>(row.is_valid + row.is_first));
    expected.insert(expected.end(), std::begin(row.features), std::end(row.features));
  }

  std::vector<std::int64_t> prices, sizes;
  std::vector<double> flows, mids;
  std::vector<std::uint8_t> states;
  std::vector<float> expected, answer;
  bool is_accepted = false;
};

bool same_bytes(std::span<const GridRecord> a, std::span<const GridRecord> b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

}  // namespace

TEST_CASE("a sampler loaded from a checkpoint goes on with identical rows, windows and states") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::mt19937_64 random(seed);
    Grid grid;
    play(grid, random, 200 + static_cast<int>(seed) * 7);
    Grid resumed = grid;
    resumed.sampler = Sampler(config_of_three_slots());
    ByteWriter saved;
    grid.sampler.save(saved);
    ByteReader reader(saved.bytes());
    REQUIRE(resumed.sampler.load(reader));
    REQUIRE(reader.is_at_end());

    std::mt19937_64 same_random = random;
    play(grid, random, 300);
    play(resumed, same_random, 300);

    CHECK(same_bytes(grid.rows, resumed.rows));
    ByteWriter state;
    ByteWriter resumed_state;
    grid.sampler.save(state);
    resumed.sampler.save(resumed_state);
    CHECK(state.bytes() == resumed_state.bytes());
  }
}

TEST_CASE("a state cut short or of another configuration is refused") {
  std::mt19937_64 random(1);
  Grid grid;
  play(grid, random, 300);
  ByteWriter saved;
  grid.sampler.save(saved);

  for (std::size_t length = 0; length < saved.bytes().size(); length += 3) {
    Sampler sampler(config_of_three_slots());
    ByteReader reader(std::string_view(saved.bytes()).substr(0, length));
    CHECK_FALSE(sampler.load(reader));
  }
  SamplerConfig other = config_of_three_slots();
  other.slots[2].tick = 0.02;
  Sampler sampler(other);
  ByteReader reader(saved.bytes());
  CHECK_FALSE(sampler.load(reader));
}

TEST_CASE("the batch gives the sampler's rows bit for bit") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::mt19937_64 random(seed);
    Grid grid;
    play(grid, random, 3000);

    for (const GridSlot& slot : {grid.sampler.config().slots[0], grid.sampler.config().slots[2]}) {
      const BatchOfSlot batch(grid, slot);

      REQUIRE(batch.is_accepted);
      CHECK(std::ranges::count(batch.states, 1) > 100);
      CHECK(std::memcmp(batch.answer.data(), batch.expected.data(), batch.answer.size() * sizeof(float)) ==
            0);
    }
  }
}

TEST_CASE("cutting off later inputs never changes an earlier row") {
  std::mt19937_64 random(7);
  Grid whole;
  play(whole, random, 2000);

  for (const int inputs : {1, 10, 333, 999, 1500}) {
    std::mt19937_64 same_random(7);
    Grid cut;
    play(cut, same_random, inputs);
    REQUIRE(cut.rows.size() <= whole.rows.size());
    CHECK(same_bytes(cut.rows, std::span(whole.rows).first(cut.rows.size())));
  }
}

TEST_CASE("no row depends on when the process began beyond the previous step") {
  std::mt19937_64 random(11);
  Grid grid;
  play(grid, random, 1000);
  Grid late = grid;  // the same books, a sampler that has seen nothing
  late.sampler = Sampler(config_of_three_slots());
  late.rows.clear();
  const std::size_t before = grid.rows.size();

  std::mt19937_64 same_random = random;
  play(grid, random, 500);
  play(late, same_random, 500);

  std::size_t compared = 0;
  for (std::size_t i = before; i < grid.rows.size(); ++i) {
    for (const GridRecord& row : late.rows) {
      const bool is_same_place =
          row.ts_step_ns == grid.rows[i].ts_step_ns && row.instrument == grid.rows[i].instrument;
      if (!is_same_place || row.ts_step_ns < late.rows.front().ts_step_ns + 2 * step_ns) continue;
      CHECK(std::memcmp(&row, &grid.rows[i], sizeof(row)) == 0);
      ++compared;
    }
  }
  CHECK(compared > 100);
}

TEST_CASE(
    "the golden input gives the same bytes every time, rows of every kind, and other bytes for another "
    "step") {
  const auto bytes = golden_feature_bytes(100'000'000);
  constexpr std::size_t row_bytes = 8 + 4 + 1 + 1 + 4 * feature_count;

  CHECK(bytes == golden_feature_bytes(100'000'000));
  CHECK(bytes != golden_feature_bytes(200'000'000));
  REQUIRE(bytes.size() % row_bytes == 0);
  std::array<int, 3> rows_of_state{};
  for (std::size_t at = 0; at < bytes.size(); at += row_bytes) {
    ++rows_of_state[static_cast<std::size_t>(bytes[at + 12]) + static_cast<std::size_t>(bytes[at + 13])];
  }
  CHECK(rows_of_state[0] > 4);
  CHECK(rows_of_state[1] > 20);
  CHECK(rows_of_state[2] >= 6);
}
