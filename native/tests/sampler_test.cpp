#include "lob/sampler.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "sampled_market.hpp"

using namespace lob;
using namespace lob::sampled;

namespace {

float feature(const GridRecord& row, std::size_t index) {
  return row.features[index];
}

bool is_all_zero(const GridRecord& row) {
  for (const float value : row.features) {
    if (value != 0.0F) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a step closes on the first input later than it, before that input is applied") {
  Grid grid;
  grid.at(250).snapshot(0, 1000, 5);

  grid.at(300).level(0, Side::bid, 999, 8);
  CHECK(grid.rows.empty());
  grid.at(301).level(0, Side::bid, 999, 99);

  REQUIRE(grid.rows.size() == 2);
  CHECK(grid.rows[0].ts_step_ns == 300);
  CHECK(grid.rows[0].seq == 3);
  CHECK(grid.rows[0].instrument == 0);
  CHECK(grid.rows[0].price_ticks[0] == 999);
  CHECK(grid.rows[0].size_units[0] == 8);
  CHECK(grid.rows[1].instrument == 4);
}

TEST_CASE("an input at a boundary closes the steps before it and still belongs to its own") {
  Grid grid;
  grid.at(250).snapshot(0, 1000, 5);

  grid.at(500).level(0, Side::bid, 999, 8);
  REQUIRE(grid.rows.size() == 4);
  CHECK(grid.rows.back().ts_step_ns == 400);
  CHECK(grid.sampler.next_step_ns() == 500);
  grid.at(501);

  CHECK(grid.rows.at(4).ts_step_ns == 500);
  CHECK(grid.rows.at(4).size_units[0] == 8);
}

TEST_CASE("the first step is the first boundary at or after the first input") {
  Grid on_boundary;
  on_boundary.at(300).at(301);
  CHECK(on_boundary.rows.at(0).ts_step_ns == 300);

  Grid between;
  between.at(301).at(400);
  CHECK(between.rows.empty());
  between.at(401);
  CHECK(between.rows.at(0).ts_step_ns == 400);
}

TEST_CASE("a masked slot has no rows and zeros in the window") {
  Grid grid;
  grid.at(50).snapshot(0, 1000, 5).snapshot(4, 10'000, 5).at(150);

  REQUIRE(grid.rows.size() == 2);
  const GridWindow window = grid.sampler.window(1);
  CHECK(window.ts_step_ns == 100);
  CHECK(std::vector<std::uint8_t>(window.valid.begin(), window.valid.end()) ==
        std::vector<std::uint8_t>{1, 0, 1});
  for (const float value : window.features.subspan(feature_count, feature_count)) CHECK(value == 0.0F);
}

TEST_CASE("a row is valid only while synchronised, five deep and fresh") {
  Grid grid;
  grid.at(50).snapshot(0, 1000, 5);
  grid.at(150);
  CHECK(grid.rows[0].is_valid == 1);
  CHECK(grid.rows[1].is_valid == 0);  // instrument 4 was never synchronised
  CHECK(is_all_zero(grid.rows[1]));

  for (std::int64_t price = 995; price >= 993; --price) grid.level(0, Side::bid, price, 0);
  grid.at(250);
  CHECK(grid.rows[2].is_valid == 0);
  CHECK(is_all_zero(grid.rows[2]));
  CHECK(grid.rows[2].price_ticks[3] == 996);
  CHECK(grid.rows[2].price_ticks[4] == 0);

  grid.snapshot(0, 1000, 5).at(1450);
  CHECK(grid.rows[grid.rows.size() - 6].ts_step_ns == 1200);  // 950 ns old
  CHECK(grid.rows[grid.rows.size() - 6].is_valid == 1);
  CHECK(grid.rows[grid.rows.size() - 4].is_valid == 0);  // 1050 ns old
}

TEST_CASE("an update exactly as old as stale is still fresh") {
  Grid grid;
  grid.at(300).snapshot(0, 1000, 5).at(1401);

  REQUIRE(grid.rows.size() == 2 * 12);
  CHECK(grid.rows[20].ts_step_ns == 1300);
  CHECK(grid.rows[20].is_valid == 1);
  CHECK(grid.rows[22].is_valid == 0);
}

TEST_CASE("a valid row is first when the step before it was not valid") {
  Grid grid;
  grid.at(150).snapshot(0, 1000, 5).at(201).snapshot(0, 1010, 5).at(301);

  REQUIRE(grid.rows.size() == 4);
  CHECK(grid.rows[0].is_first == 1);
  CHECK(feature(grid.rows[0], FeatureIndex::mid_return_bps) == 0.0F);
  CHECK(grid.rows[1].is_first == 0);  // not valid
  CHECK(grid.rows[2].is_first == 0);
  CHECK(feature(grid.rows[2], 0) == static_cast<float>(10.0 / 999.0));
}

TEST_CASE("a step in which the feed broke is invalid although the book is back at its close") {
  Grid grid;
  grid.at(50).snapshot(0, 1000, 5).at(110).lost(0).at(120).snapshot(0, 1000, 5).at(201).at(301);

  REQUIRE(grid.rows.size() == 6);
  CHECK(grid.rows[0].is_valid == 1);
  CHECK(grid.rows[2].is_valid == 0);
  CHECK(grid.rows[4].is_valid == 1);
  CHECK(grid.rows[4].is_first == 1);
}

TEST_CASE("flows are those of the step alone") {
  Grid grid;
  grid.at(50).snapshot(0, 1000, 5).at(101);
  grid.at(110).level(0, Side::bid, 999, 9).at(120).level(0, Side::ask, 1001, 11);  // +4, then -6
  grid.trade(0, Side::bid, 30).trade(0, Side::ask, 10).trade(3, Side::ask, 1000);  // 3 is not of this grid
  grid.at(201).at(301);

  const GridRecord& busy = grid.rows[2];
  CHECK(feature(busy, FeatureIndex::ofi_l1) == static_cast<float>(-2.0 / 20.0));
  CHECK(feature(busy, FeatureIndex::trade_flow) == 1.0F);
  CHECK(feature(busy, FeatureIndex::trade_count) == static_cast<float>(std::log(3.0)));
  CHECK(feature(busy, FeatureIndex::age_ms) == static_cast<float>(80 / 1e6));
  const GridRecord& quiet = grid.rows[4];
  CHECK(feature(quiet, FeatureIndex::ofi_l1) == 0.0F);
  CHECK(feature(quiet, FeatureIndex::trade_count) == 0.0F);
}

TEST_CASE("basis is measured in price against the reference and 0 while that is invalid") {
  Grid grid;
  grid.at(50).snapshot(0, 1000, 5).snapshot(4, 10'100, 5).at(150);
  grid.lost(0).at(250);

  CHECK(feature(grid.rows[0], FeatureIndex::basis_bps) == 0.0F);
  CHECK(feature(grid.rows[1], FeatureIndex::basis_bps) == doctest::Approx(1e4 * std::log(1.01)));
  CHECK(grid.rows[3].is_valid == 1);
  CHECK(feature(grid.rows[3], FeatureIndex::basis_bps) == 0.0F);
}

TEST_CASE("a hole within the catch-up closes every step, a longer one jumps without rows") {
  Grid grid;
  grid.at(100).snapshot(0, 1000, 5).at(2001);
  CHECK(grid.rows.size() == 2 * 20);
  CHECK(grid.sampler.known_steps() == 4);

  grid.rows.clear();
  grid.snapshot(0, 1000, 5).at(4150);  // the steps 2100..4100 would be 21
  CHECK(grid.rows.empty());
  CHECK(grid.sampler.known_steps() == 0);
  CHECK(grid.sampler.next_step_ns() == 4200);

  grid.snapshot(0, 1000, 5).at(4201);
  REQUIRE(grid.rows.size() == 2);
  CHECK(grid.rows[0].ts_step_ns == 4200);
  CHECK(grid.rows[0].is_first == 1);
}

TEST_CASE("any window is the last rows, oldest first, without a copy") {
  Grid grid;
  grid.at(50);
  for (TsNs step = 0; step < 11; ++step) {
    grid.snapshot(0, 1000 + step, 5).at(step * step_ns + 101);
    for (std::size_t steps = 1; steps <= grid.sampler.known_steps(); ++steps) {
      const GridWindow window = grid.sampler.window(steps);
      REQUIRE(window.features.size() == steps * 3 * feature_count);
      CHECK(window.ts_step_ns == grid.rows.back().ts_step_ns);
      for (std::size_t back = 0; back < steps; ++back) {
        const GridRecord& row = grid.rows[grid.rows.size() - 2 * (steps - back)];
        CHECK(std::memcmp(&window.features[back * 3 * feature_count], row.features, sizeof(row.features)) ==
              0);
      }
    }
  }
}

TEST_CASE("a window of more steps than are known is empty") {
  Grid grid;
  CHECK(grid.sampler.window(1).features.empty());

  grid.at(50).at(301);

  CHECK(grid.sampler.window(3).features.size() == 3 * 3 * feature_count);
  CHECK(grid.sampler.window(4).features.empty());
  CHECK(grid.sampler.window(5).valid.empty());
  CHECK(grid.sampler.window(0).features.empty());
}

TEST_CASE("a configuration fault names its key") {
  SamplerConfig config = config_of_three_slots();
  CHECK(fault_of(config).empty());

  config.step_ns = 0;
  CHECK(fault_of(config).find("step_ns") == 0);
  config = config_of_three_slots();
  config.reference_slot = 3;
  CHECK(fault_of(config).find("reference") == 0);
  config = config_of_three_slots();
  config.slots[2].instrument = 0;
  CHECK(fault_of(config).find("slots") == 0);
  config = config_of_three_slots();
  config.slots[0].tick = 0.0;
  CHECK(fault_of(config).find("slots") == 0);
}
