#include "lob/features.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lob {

const std::array<std::string_view, feature_count> feature_names = {
    "bid_price_pct_1", "bid_price_pct_2", "bid_price_pct_3", "bid_price_pct_4", "bid_price_pct_5",
    "ask_price_pct_1", "ask_price_pct_2", "ask_price_pct_3", "ask_price_pct_4", "ask_price_pct_5",
    "bid_price_bps_1", "bid_price_bps_2", "bid_price_bps_3", "bid_price_bps_4", "bid_price_bps_5",
    "ask_price_bps_1", "ask_price_bps_2", "ask_price_bps_3", "ask_price_bps_4", "ask_price_bps_5",
    "bid_size_base_1", "bid_size_base_2", "bid_size_base_3", "bid_size_base_4", "bid_size_base_5",
    "ask_size_base_1", "ask_size_base_2", "ask_size_base_3", "ask_size_base_4", "ask_size_base_5",
    "bid_log_size_1",  "bid_log_size_2",  "bid_log_size_3",  "bid_log_size_4",  "bid_log_size_5",
    "ask_log_size_1",  "ask_log_size_2",  "ask_log_size_3",  "ask_log_size_4",  "ask_log_size_5",
    "log_gap_spread",  "bid_log_gap_1",   "bid_log_gap_2",   "bid_log_gap_3",   "bid_log_gap_4",
    "ask_log_gap_1",   "ask_log_gap_2",   "ask_log_gap_3",   "ask_log_gap_4",   "mid_return_bps",
    "ofi_l1",          "imbalance_l1",    "imbalance_l5",    "micro_bps",       "trade_flow",
    "trade_count",     "basis_bps",       "age_ms",
};

namespace {

constexpr std::size_t best_bid = 0;
constexpr std::size_t best_ask = book_depth;
constexpr double bps = 1e4;
constexpr double flow_limit = 10.0;  // a step's flow beyond ten times the best sizes is an outlier
constexpr double ns_per_ms = 1e6;
constexpr std::size_t flow_columns = 4;

/// A top as doubles, converted once a row.
struct TopValues {
  std::array<double, row_levels> price_ticks;
  std::array<double, row_levels> size_units;
  double mid_ticks;
};

TopValues values(const BookTop& top) noexcept {
  TopValues v{};
  for (std::size_t i = 0; i < row_levels; ++i) {
    v.price_ticks[i] = static_cast<double>(top.price_ticks[i]);
    v.size_units[i] = static_cast<double>(top.size_units[i]);
  }
  v.mid_ticks = 0.5 * (v.price_ticks[best_bid] + v.price_ticks[best_ask]);
  return v;
}

double imbalance(double bid, double ask) noexcept {
  return (bid - ask) / (bid + ask);
}

double sum_of_side(const TopValues& v, std::size_t first) noexcept {
  double sum = 0.0;
  for (std::size_t i = first; i < first + book_depth; ++i) sum += v.size_units[i];
  return sum;
}

void put(FeatureRow out, std::size_t at, double value) noexcept {
  out[at] = static_cast<float>(value);
}

void put_levels(const TopValues& v, double size_unit, FeatureRow out) noexcept {
  for (std::size_t i = 0; i < row_levels; ++i) {
    put(out, FeatureIndex::price_bps + i, bps * (v.price_ticks[i] - v.mid_ticks) / v.mid_ticks);
    put(out, FeatureIndex::size_base + i, v.size_units[i] * size_unit);
    put(out, FeatureIndex::log_size + i, std::log(1.0 + v.size_units[i]));
  }
}

void put_gaps(const TopValues& v, FeatureRow out) noexcept {
  const auto& p = v.price_ticks;
  put(out, FeatureIndex::log_gap, std::log(p[best_ask] - p[best_bid]));
  for (std::size_t k = 0; k + 1 < book_depth; ++k) {
    put(out, FeatureIndex::log_gap + 1 + k, std::log(p[best_bid + k] - p[best_bid + k + 1]));
    put(out, FeatureIndex::log_gap + book_depth + k, std::log(p[best_ask + k + 1] - p[best_ask + k]));
  }
}

void put_pressure(const TopValues& v, FeatureRow out) noexcept {
  const double imbalance_l1 = imbalance(v.size_units[best_bid], v.size_units[best_ask]);
  const double half_spread_ticks = 0.5 * (v.price_ticks[best_ask] - v.price_ticks[best_bid]);
  put(out, FeatureIndex::imbalance_l1, imbalance_l1);
  put(out, FeatureIndex::imbalance_l5, imbalance(sum_of_side(v, best_bid), sum_of_side(v, best_ask)));
  put(out, FeatureIndex::micro_bps, bps * (half_spread_ticks * imbalance_l1) / v.mid_ticks);
}

void put_place_in_time_and_market(const RowInput& now, const TopValues& v, FeatureRow out) noexcept {
  const double mid = v.mid_ticks * now.tick;
  const bool has_reference = now.reference_mid > 0.0;
  const double age_ns = std::clamp(now.flow.age_ns, 0.0, static_cast<double>(now.stale_ns));
  put(out, FeatureIndex::basis_bps, has_reference ? bps * std::log(mid / now.reference_mid) : 0.0);
  put(out, FeatureIndex::age_ms, age_ns / ns_per_ms);
}

void put_changes(const TopValues& v, const TopValues& before, const StepFlow& flow, FeatureRow out) noexcept {
  for (std::size_t i = 0; i < row_levels; ++i) {
    put(out, FeatureIndex::price_pct + i, (v.price_ticks[i] - before.price_ticks[i]) / before.price_ticks[i]);
  }
  const double best_sizes = v.size_units[best_bid] + v.size_units[best_ask];
  put(out, FeatureIndex::mid_return_bps, bps * std::log(v.mid_ticks / before.mid_ticks));
  put(out, FeatureIndex::ofi_l1, std::clamp(flow.ofi_units / best_sizes, -flow_limit, flow_limit));
  put(out, FeatureIndex::trade_flow,
      std::clamp(flow.signed_trade_units / best_sizes, -flow_limit, flow_limit));
  put(out, FeatureIndex::trade_count, std::log(1.0 + flow.trade_count));
}

bool lengths_fit(const FeatureBatch& batch, std::size_t out_length) noexcept {
  const std::size_t rows = batch.row_state.size();
  return batch.price_ticks.size() == rows * row_levels && batch.size_units.size() == rows * row_levels &&
         batch.flows.size() == rows * flow_columns && batch.reference_mid.size() == rows &&
         out_length == rows * feature_count;
}

RowInput batch_row(const FeatureBatch& batch, std::size_t t) noexcept {
  RowInput row;
  row.tick = batch.tick;
  row.size_unit = batch.size_unit;
  row.stale_ns = batch.stale_ns;
  std::copy_n(batch.price_ticks.begin() + static_cast<std::ptrdiff_t>(t * row_levels), row_levels,
              row.top.price_ticks.begin());
  std::copy_n(batch.size_units.begin() + static_cast<std::ptrdiff_t>(t * row_levels), row_levels,
              row.top.size_units.begin());
  const auto flow = batch.flows.subspan(t * flow_columns, flow_columns);
  row.flow = StepFlow{flow[0], flow[1], flow[2], flow[3]};
  row.reference_mid = batch.reference_mid[t];
  return row;
}

}  // namespace

std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}

std::int64_t order_flow_units(const BestQuote& before, const BestQuote& after) noexcept {
  std::int64_t flow = 0;
  if (after.bid_price_ticks >= before.bid_price_ticks) flow = saturating_add(flow, after.bid_size_units);
  if (after.bid_price_ticks <= before.bid_price_ticks) flow = saturating_add(flow, -before.bid_size_units);
  if (after.ask_price_ticks <= before.ask_price_ticks) flow = saturating_add(flow, -after.ask_size_units);
  if (after.ask_price_ticks >= before.ask_price_ticks) flow = saturating_add(flow, before.ask_size_units);
  return flow;
}

bool is_complete(const BookTop& top) noexcept {
  const auto& p = top.price_ticks;
  bool complete = p[book_depth - 1] > 0 && p[best_ask] > p[best_bid];
  for (std::size_t k = 0; k + 1 < book_depth; ++k) {
    complete = complete && p[best_bid + k] > p[best_bid + k + 1] && p[best_ask + k + 1] > p[best_ask + k];
  }
  return complete && std::ranges::all_of(top.size_units, [](std::int64_t size) { return size > 0; });
}

double mid_price(const BookTop& top, double tick) noexcept {
  const auto bid = static_cast<double>(top.price_ticks[best_bid]);
  const auto ask = static_cast<double>(top.price_ticks[best_ask]);
  return 0.5 * (bid + ask) * tick;
}

void compute_features(const RowInput& now, const BookTop* previous, FeatureRow out) noexcept {
  const TopValues v = values(now.top);
  std::ranges::fill(out, 0.0F);
  put_levels(v, now.size_unit, out);
  put_gaps(v, out);
  put_pressure(v, out);
  put_place_in_time_and_market(now, v, out);
  if (previous != nullptr) put_changes(v, values(*previous), now.flow, out);
}

bool features_batch(const FeatureBatch& batch, std::span<float> out) noexcept {
  if (!lengths_fit(batch, out.size())) return false;
  BookTop previous;
  bool has_previous = false;
  for (std::size_t t = 0; t < batch.row_state.size(); ++t) {
    const FeatureRow row_out = out.subspan(t * feature_count).first<feature_count>();
    const RowInput row = batch_row(batch, t);
    const auto state = static_cast<RowState>(batch.row_state[t]);
    if (state == RowState::invalid || !is_complete(row.top)) {
      std::ranges::fill(row_out, 0.0F);
      has_previous = false;
      continue;
    }
    const bool continues = has_previous && state != RowState::first;
    compute_features(row, continues ? &previous : nullptr, row_out);
    previous = row.top;
    has_previous = true;
  }
  return true;
}

}  // namespace lob
