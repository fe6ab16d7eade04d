// The features of one instrument at one grid step: 58 numbers, one function, the same bits everywhere.
//
// `compute_features` is called by the sampler (live, replay, conversion) and by `features_batch` (arrays from
// Python). Both give the same bits because there is one body, doubles inside, one summation order, no fused
// multiply-add (-ffp-contract=off) and no running state beyond the previous step. Values are un-normalised;
// `normalizer.hpp` applies constants fitted on train.
//
// Notation: b_k, a_k = price in ticks of bid and ask level k, qb_k, qa_k = sizes in `size_units`, k = 1..5;
// "level" runs bid 1..5, then ask 1..5; mid = (b_1 + a_1) / 2; ' marks the previous step; ln is natural.
//
//   index  name                    formula, unit and source
//   0-9    {side}_price_pct_{k}    (p - p') / p', a ratio. Percent change of Jung & Lee (2025), arXiv
//   2409.02277. 10-19  {side}_price_bps_{k}    1e4 (p - mid) / mid. Distance to the venue's own mid. 20-29
//   {side}_size_base_{k}    q * size_unit, base currency. Volume input of Jung & Lee (2025). 30-39
//   {side}_log_size_{k}     ln(1 + q), q in size_units. Log volume for z-scores. 40     log_gap_spread ln(a_1
//   - b_1), ticks. 41-44  bid_log_gap_{k}         ln(b_k - b_k+1), ticks, k = 1..4. 45-48  ask_log_gap_{k}
//   ln(a_k+1 - a_k), ticks, k = 1..4. 49     mid_return_bps          1e4 ln(mid / mid'). 50     ofi_l1 sum of
//   e_n over the step / (qb_1 + qa_1), clipped to +-10. e_n is the order flow
//                                  of one book event: Cont, Kukanov & Stoikov (2014), J. Fin. Econometrics
//                                  12(1).
//   51     imbalance_l1            (qb_1 - qa_1) / (qb_1 + qa_1).
//   52     imbalance_l5            (sum qb - sum qa) / (sum qb + sum qa), levels 1..5.
//   53     micro_bps               1e4 (micro - mid) / mid with micro = (b_1 qa_1 + a_1 qb_1) / (qb_1 +
//   qa_1), the
//                                  size-weighted mid of Gatheral & Oomen (2010); computed as
//                                  1e4 ((a_1 - b_1) / 2 * imbalance_l1) / mid, which does not cancel.
//   54     trade_flow              signed traded size of the step (buyer took: +) / (qb_1 + qa_1), clipped to
//   +-10. 55     trade_count             ln(1 + trades in the step). 56     basis_bps               1e4
//   ln(mid * tick / mid of the reference), both in price units; 0 for the
//                                  reference itself and while it is invalid.
//   57     age_ms                  time since the venue's last book update, ms, clipped to [0, stale].
//
// A first row (no valid previous step) holds 0 in every feature that spans the step: 0-9, 49, 50, 54, 55.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "lob/outputs.hpp"
#include "lob/types.hpp"

namespace lob {

inline constexpr std::size_t feature_count = 58;
inline constexpr std::size_t row_levels = side_count * book_depth;  ///< bid 1..5, then ask 1..5

/// Names in order; also the column names of the lake table `grid`.
extern const std::array<std::string_view, feature_count> feature_names;

/// Where each group begins.
struct FeatureIndex {
  static constexpr std::size_t price_pct = 0, price_bps = 10, size_base = 20, log_size = 30, log_gap = 40,
                               mid_return_bps = 49, ofi_l1 = 50, imbalance_l1 = 51, imbalance_l5 = 52,
                               micro_bps = 53, trade_flow = 54, trade_count = 55, basis_bps = 56, age_ms = 57;
};

/// One row of the lake table `grid`: one instrument at one closed step.
struct GridRecord {
  std::uint64_t seq;  ///< the input that closed the step
  TsNs ts_step_ns;
  std::int64_t price_ticks[row_levels];  ///< bid 1..5, ask 1..5; 0 = absent
  std::int64_t size_units[row_levels];
  float features[feature_count];  ///< all 0 when not valid
  std::uint32_t instrument;
  std::uint8_t is_valid;
  std::uint8_t is_first;  ///< valid, but without a valid previous step to compare with
  std::uint16_t reserved;
};
static_assert(sizeof(GridRecord) == 16 + 2 * 80 + 4 * feature_count + 8,
              "the lake table `grid` copies this layout");
static_assert(sizeof(GridRecord) == 416);

using FeatureRow = std::span<float, feature_count>;

/// Five levels a side at the close of a step: bid 1..5, ask 1..5; 0 = absent.
struct BookTop {
  std::array<std::int64_t, row_levels> price_ticks{};
  std::array<std::int64_t, row_levels> size_units{};
};

/// What happened in one step. Doubles, so that batch callers hand over float64 arrays of the same values.
struct StepFlow {
  double ofi_units = 0.0;           ///< sum of `order_flow_units` over the step's book events
  double signed_trade_units = 0.0;  ///< buyer took: +, seller took: -
  double trade_count = 0.0;
  double age_ns = 0.0;  ///< step time less receive time of the last book update
};

/// All that one row is made of, beside the previous step's top.
struct RowInput {
  BookTop top;
  StepFlow flow;
  double tick = 0.0;           ///< price of one tick, quote currency
  double size_unit = 0.0;      ///< size of one size unit, base currency
  double reference_mid = 0.0;  ///< quote currency; 0 = the reference is invalid
  TsNs stale_ns = 0;
};

/// Best bid and ask; what one book event is compared with.
struct BestQuote {
  std::int64_t bid_price_ticks = 0;
  std::int64_t bid_size_units = 0;
  std::int64_t ask_price_ticks = 0;
  std::int64_t ask_size_units = 0;
};

/// a + b, held at the limits of int64: hostile sizes must not be undefined behaviour.
[[nodiscard]] std::int64_t saturating_add(std::int64_t a, std::int64_t b) noexcept;

/// Order flow e_n of one book event (Cont, Kukanov & Stoikov 2014, eq. 2): size that came to the best bid or
/// left the best ask, less the reverse. Both quotes must have both sides.
[[nodiscard]] std::int64_t order_flow_units(const BestQuote& before, const BestQuote& after) noexcept;

/// True when all ten levels are there, with positive sizes and prices strictly ordered (spread >= 1 tick):
/// what `compute_features` needs.
[[nodiscard]] bool is_complete(const BookTop& top) noexcept;

/// Mid in the quote currency, so that venues of different ticks compare.
[[nodiscard]] double mid_price(const BookTop& top, double tick) noexcept;

/// Writes one row. `now.top` and `*previous` must be complete; `previous` is null for a first row.
void compute_features(const RowInput& now, const BookTop* previous, FeatureRow out) noexcept;

/// How a batch row stands to the one before it; equals `is_valid + is_first` of a GridRecord.
enum class RowState : std::uint8_t { invalid = 0, valid = 1, first = 2 };

/// T rows of one instrument, step after step. A `valid` row whose predecessor is invalid is a first row.
struct FeatureBatch {
  std::span<const std::int64_t> price_ticks;  ///< [T][10]
  std::span<const std::int64_t> size_units;   ///< [T][10]
  std::span<const double> flows;              ///< [T][4]: ofi_units, signed_trade_units, trade_count, age_ns
  std::span<const double> reference_mid;      ///< [T], quote currency, 0 = none
  std::span<const std::uint8_t> row_state;    ///< [T], RowState
  double tick = 0.0;
  double size_unit = 0.0;
  TsNs stale_ns = 0;
};

/// Fills out[T][58] with what the sampler would have given for the same steps; invalid rows and rows with an
/// incomplete top are 0. False, and nothing written, when the lengths do not fit together.
[[nodiscard]] bool features_batch(const FeatureBatch& batch, std::span<float> out) noexcept;

}  // namespace lob
