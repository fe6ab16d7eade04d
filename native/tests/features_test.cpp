#include "lob/features.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <vector>

using namespace lob;

namespace {

/// Bids 1000, 999, 997, 996, 990; asks 1002, 1003, 1005, 1009, 1010.
BookTop sample_top() {
  return BookTop{{1000, 999, 997, 996, 990, 1002, 1003, 1005, 1009, 1010},
                 {30, 10, 20, 5, 35, 10, 40, 5, 5, 40}};
}

RowInput sample_input() {
  return RowInput{.top = sample_top(),
                  .flow = {.ofi_units = 60, .signed_trade_units = -100, .trade_count = 3, .age_ns = 2.5e7},
                  .tick = 0.5,
                  .size_unit = 0.01,
                  .reference_mid = 500.0,
                  .stale_ns = 2'000'000'000};
}

std::array<float, feature_count> row_of(const RowInput& input, const BookTop* previous) {
  std::array<float, feature_count> row{};
  compute_features(input, previous, row);
  return row;
}

float as_float(double value) {
  return static_cast<float>(value);
}

}  // namespace

TEST_CASE("feature names are 58, unique and in the order of the groups") {
  const std::set<std::string_view> unique(feature_names.begin(), feature_names.end());

  CHECK(unique.size() == feature_count);
  CHECK(feature_names[FeatureIndex::price_pct] == "bid_price_pct_1");
  CHECK(feature_names[FeatureIndex::price_bps + 5] == "ask_price_bps_1");
  CHECK(feature_names[FeatureIndex::size_base + 9] == "ask_size_base_5");
  CHECK(feature_names[FeatureIndex::log_size] == "bid_log_size_1");
  CHECK(feature_names[FeatureIndex::log_gap] == "log_gap_spread");
  CHECK(feature_names[FeatureIndex::mid_return_bps] == "mid_return_bps");
  CHECK(feature_names[FeatureIndex::micro_bps] == "micro_bps");
  CHECK(feature_names[FeatureIndex::age_ms] == "age_ms");
}

TEST_CASE("a row holds the values worked out by hand") {
  BookTop previous = sample_top();
  for (auto& price : previous.price_ticks) price -= 1;

  const auto row = row_of(sample_input(), &previous);

  CHECK(row[0] == as_float(1.0 / 999.0));
  CHECK(row[9] == as_float(1.0 / 1009.0));
  CHECK(row[10] == as_float(1e4 * -1.0 / 1001.0));
  CHECK(row[15] == as_float(1e4 * 1.0 / 1001.0));
  CHECK(row[20] == as_float(0.3));
  CHECK(row[30] == as_float(std::log(31.0)));
  CHECK(row[40] == as_float(std::log(2.0)));
  CHECK(row[42] == as_float(std::log(2.0)));
  CHECK(row[44] == as_float(std::log(6.0)));
  CHECK(row[45] == 0.0F);
  CHECK(row[47] == as_float(std::log(4.0)));
  CHECK(row[FeatureIndex::mid_return_bps] == as_float(1e4 * std::log(1001.0 / 1000.0)));
  CHECK(row[FeatureIndex::ofi_l1] == 1.5F);
  CHECK(row[FeatureIndex::imbalance_l1] == 0.5F);
  CHECK(row[FeatureIndex::imbalance_l5] == 0.0F);
  CHECK(row[FeatureIndex::micro_bps] == as_float(1e4 * 0.5 / 1001.0));
  CHECK(row[FeatureIndex::trade_flow] == -2.5F);
  CHECK(row[FeatureIndex::trade_count] == as_float(std::log(4.0)));
  CHECK(row[FeatureIndex::basis_bps] == as_float(1e4 * std::log(500.5 / 500.0)));
  CHECK(row[FeatureIndex::age_ms] == 25.0F);
}

TEST_CASE("a first row holds 0 in every feature that spans the step") {
  const auto row = row_of(sample_input(), nullptr);

  for (std::size_t i = 0; i < row_levels; ++i) CHECK(row[FeatureIndex::price_pct + i] == 0.0F);
  CHECK(row[FeatureIndex::mid_return_bps] == 0.0F);
  CHECK(row[FeatureIndex::ofi_l1] == 0.0F);
  CHECK(row[FeatureIndex::trade_flow] == 0.0F);
  CHECK(row[FeatureIndex::trade_count] == 0.0F);
  CHECK(row[FeatureIndex::imbalance_l1] == 0.5F);
}

TEST_CASE("flows are clipped to ten times the best sizes and age to stale") {
  RowInput input = sample_input();
  input.flow = {.ofi_units = 1e9, .signed_trade_units = -1e9, .trade_count = 0, .age_ns = 9e18};
  const BookTop previous = sample_top();

  const auto row = row_of(input, &previous);

  CHECK(row[FeatureIndex::ofi_l1] == 10.0F);
  CHECK(row[FeatureIndex::trade_flow] == -10.0F);
  CHECK(row[FeatureIndex::age_ms] == 2000.0F);
}

TEST_CASE("basis is 0 against its own mid and without a reference") {
  RowInput input = sample_input();
  input.reference_mid = mid_price(input.top, input.tick);
  CHECK(row_of(input, nullptr)[FeatureIndex::basis_bps] == 0.0F);

  input.reference_mid = 0.0;
  CHECK(row_of(input, nullptr)[FeatureIndex::basis_bps] == 0.0F);
}

TEST_CASE("order flow follows Cont, Kukanov and Stoikov case by case") {
  const BestQuote before{100, 7, 101, 9};

  CHECK(order_flow_units(before, {100, 12, 101, 9}) == 5);            // size joins the bid
  CHECK(order_flow_units(before, {100, 3, 101, 9}) == -4);            // size leaves the bid
  CHECK(order_flow_units(before, {100, 7, 101, 15}) == -6);           // size joins the ask
  CHECK(order_flow_units(before, {100, 7, 101, 1}) == 8);             // size leaves the ask
  CHECK(order_flow_units(before, {99, 4, 101, 9}) == -7);             // the bid is used up
  CHECK(order_flow_units(before, {100, 7, 102, 4}) == 9);             // the ask is used up
  CHECK(order_flow_units({99, 4, 101, 9}, {100, 6, 101, 9}) == 6);    // a better bid
  CHECK(order_flow_units({100, 7, 103, 9}, {100, 7, 102, 5}) == -5);  // a better ask
  CHECK(order_flow_units(before, before) == 0);
}

TEST_CASE("sums of hostile sizes stop at the limits of int64") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();

  CHECK(saturating_add(most, 1) == most);
  CHECK(saturating_add(least, -1) == least);
  CHECK(saturating_add(-3, 5) == 2);
  CHECK(order_flow_units({100, 1, 101, most}, {101, most, 102, 1}) == most);
}

TEST_CASE("a top is complete only with ten ordered levels of positive size") {
  CHECK(is_complete(sample_top()));

  for (std::size_t i = 0; i < row_levels; ++i) {
    BookTop absent = sample_top();
    absent.price_ticks[i] = 0;
    absent.size_units[i] = 0;
    CHECK_FALSE(is_complete(absent));
    BookTop empty_level = sample_top();
    empty_level.size_units[i] = 0;
    CHECK_FALSE(is_complete(empty_level));
  }
  BookTop locked = sample_top();
  locked.price_ticks[book_depth] = locked.price_ticks[0];
  CHECK_FALSE(is_complete(locked));
  BookTop unordered = sample_top();
  std::swap(unordered.price_ticks[1], unordered.price_ticks[2]);
  CHECK_FALSE(is_complete(unordered));
  CHECK_FALSE(is_complete(BookTop{}));
}

TEST_CASE("a batch compares each row with the one before it and starts anew after an invalid one") {
  const BookTop top = sample_top();
  std::vector<std::int64_t> prices;
  std::vector<std::int64_t> sizes;
  constexpr std::size_t rows = 5;
  for (std::int64_t t = 0; t < static_cast<std::int64_t>(rows); ++t) {
    for (const auto price : top.price_ticks) prices.push_back(price + t);
    sizes.insert(sizes.end(), top.size_units.begin(), top.size_units.end());
  }
  const std::vector<double> flows(rows * 4, 1.0);
  const std::vector<double> reference_mid(rows, 500.0);
  const std::vector<std::uint8_t> state = {1, 1, 0, 1, 2};
  const FeatureBatch batch{prices, sizes, flows, reference_mid, state, 0.5, 0.01, 2'000'000'000};
  std::vector<float> out(rows * feature_count, -1.0F);

  REQUIRE(features_batch(batch, out));

  CHECK(out[0 * feature_count] == 0.0F);
  CHECK(out[1 * feature_count] == as_float(1.0 / 1000.0));
  for (std::size_t i = 0; i < feature_count; ++i) CHECK(out[2 * feature_count + i] == 0.0F);
  CHECK(out[3 * feature_count] == 0.0F);
  CHECK(out[3 * feature_count + FeatureIndex::imbalance_l1] == 0.5F);
  CHECK(out[4 * feature_count] == 0.0F);
}

TEST_CASE("a batch whose lengths do not fit is refused and writes nothing") {
  const std::vector<std::int64_t> levels(20, 1);
  const std::vector<double> flows(8, 0.0);
  const std::vector<double> reference_mid(2, 0.0);
  const std::vector<std::uint8_t> state(2, 1);
  std::vector<float> out(2 * feature_count, -1.0F);
  const FeatureBatch good{levels, levels, flows, reference_mid, state, 1.0, 1.0, 1};
  const std::vector<double> short_flows(7, 0.0);
  FeatureBatch bad = good;
  bad.flows = short_flows;

  CHECK_FALSE(features_batch(bad, out));
  CHECK_FALSE(features_batch(good, std::span(out).first(feature_count)));
  CHECK(out[0] == -1.0F);
  CHECK(features_batch(good, out));
}
