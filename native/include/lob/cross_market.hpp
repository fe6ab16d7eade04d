// How markets move together: exponentially weighted moments of one-step mid log returns.
//
//   r[t]        = 10^4 x ln(mid[t] / mid[t-1])               one grid step, in bps
//   moment      = sum of w x value / sum of w                w = 2^(-age in samples / half_life_steps)
//   volatility  = sqrt(moment(r^2) - moment(r)^2)            of one step
//   corr(a,b,k) = correlation of r_a[t-k] and r_b[t]         k > 0: what b does, a did k steps earlier
//   lead_lag    = the k in -K..K of the largest |corr|       ties: the smaller |k|, then the negative one
//
// A return needs two usable books one step apart with no discontinuity between them: nothing is compared
// across a gap, and a gap neither adds a sample nor ages the older ones. Sums are kept in one fixed order, so
// equal inputs give equal bits. Pairs are slots of one base asset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/market_view.hpp"
#include "lob/strategy.hpp"
#include "lob/types.hpp"

namespace lob {

struct CrossMarketConfig {
  double half_life_steps = 600.0;  ///< > 0
  std::size_t lag_steps_max = 10;  ///< K, at most `lag_steps_limit`
  std::uint64_t samples_min = 20;  ///< before that many a volatility is 0 and a lag takes no part in lead_lag
  TsNs step_ns = 0;                ///< of the grid; 0: any two steps told in a row are neighbours
  static constexpr std::size_t lag_steps_limit = 100;
};

/// `lag_steps` > 0: the first slot leads the second by as many steps.
struct LeadLag {
  std::int64_t lag_steps = 0;
  double correlation = 0.0;  ///< 0 while no lag has enough samples

  friend bool operator==(const LeadLag&, const LeadLag&) = default;
};

/// Two slots of one base asset, `slot_a` < `slot_b`.
struct Pair {
  std::uint32_t slot_a = 0;
  std::uint32_t slot_b = 0;

  friend bool operator==(const Pair&, const Pair&) = default;
};

class CrossMarket {
 public:
  CrossMarket(const CrossMarketConfig& config, std::span<const SlotTerms> terms);

  /// Takes the books at a closed step; steps ascend and `market` has one slot a term.
  void on_step(TsNs ts_step_ns, const MarketView& market);

  /// Of one step's mid log return; 0 while fewer than `samples_min` returns were seen.
  [[nodiscard]] double step_volatility_bps(std::size_t slot) const noexcept;
  /// Steps at which both slots had a return; 0 where they are no pair.
  [[nodiscard]] std::size_t samples(std::size_t a, std::size_t b) const noexcept;
  /// At lag 0; 0 where they are no pair or one of them never moved.
  [[nodiscard]] double correlation(std::size_t a, std::size_t b) const noexcept;
  /// At `lag_steps` within -K..K, `a` leading where it is positive.
  [[nodiscard]] double correlation(std::size_t a, std::size_t b, std::int64_t lag_steps) const noexcept;
  [[nodiscard]] LeadLag lead_lag(std::size_t a, std::size_t b) const noexcept;
  [[nodiscard]] std::span<const Pair> pairs() const noexcept { return pairs_; }
  [[nodiscard]] const CrossMarketConfig& config() const noexcept { return config_; }

  void save(ByteWriter& writer) const;
  /// False when the bytes are short or of other pairs or lags; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  /// Weighted sums of two series; one series stands in `x` alone.
  struct Moments {
    double weight = 0.0;
    double x = 0.0;
    double y = 0.0;
    double xx = 0.0;
    double yy = 0.0;
    double xy = 0.0;
    std::uint64_t samples = 0;

    void add(double value_x, double value_y, double decay) noexcept;
    [[nodiscard]] double variance_x() const noexcept;
    [[nodiscard]] double correlation() const noexcept;
  };
  struct Return {
    double bps = 0.0;
    bool is_known = false;
  };
  struct LastBook {
    std::int64_t mid_x2_ticks = 0;
    std::uint64_t gap_count = 0;
    bool is_usable = false;
  };
  [[nodiscard]] std::size_t lag_count() const noexcept { return 2 * config_.lag_steps_max + 1; }
  [[nodiscard]] const Moments* find(std::size_t a, std::size_t b, std::int64_t lag_steps) const noexcept;
  [[nodiscard]] const Return& past(std::size_t slot, std::size_t steps_ago) const noexcept;
  void take_returns(TsNs ts_step_ns, const MarketView& market);
  void add_pair(std::size_t pair) noexcept;

  CrossMarketConfig config_;
  double decay_;
  std::size_t slot_count_;
  std::vector<bool> is_masked_;
  std::vector<Pair> pairs_;
  std::vector<std::int32_t> pair_of_;  // [slot_a][slot_b], -1: no pair
  TsNs ts_last_step_ns_ = 0;           // 0: none yet
  std::vector<LastBook> last_;         // a slot
  std::vector<Return> ring_;           // [K + 1][slot], newest at `newest_`
  std::size_t newest_ = 0;
  std::vector<Moments> own_;    // a slot
  std::vector<Moments> joint_;  // [pair][lag -K..K]
};

}  // namespace lob
