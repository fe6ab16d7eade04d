// The strategies there are, each by its settings and its formula. All prices in bps are against the mid
// unless said otherwise; fees are in bps of the notional; volatility is that of one grid step.
//
//   forecast       take beyond  m x (half_spread + taker_fee) + edge,  quote the touch beyond
//                  m x max(0, maker_fee - half_spread) + edge
//   market_making  reservation = mid x (1 + (a x forecast - g x inventory_share x volatility) / 10^4)
//                  half width  = max(min_half_width, maker_fee + c x volatility)
//                  bid = floor(reservation x (1 - half width / 10^4)), ask = ceil(reservation x (1 + ...)),
//                  neither crossing the touch
//   arbitrage      10^4 x ln(bid x (1 - fee_sell) / (ask x (1 + fee_buy))) > edge, level by level
//   basis          in when s x (10^4 x ln(perp / spot) - mean + funding) - fee_perp - fee_spot > entry,
//                  out when s x (...) < exit, at the prices that would be paid; s = +1 sells the perpetual
//   external       the wishes that an input brought, until they are older than max_age
//
// Sources: Avellaneda and Stoikov, "High-frequency trading in a limit order book", 2008 (market_making, with
// the remaining time of their equation 3.17 folded into g); the others are accounting.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lob/execution.hpp"
#include "lob/sizing.hpp"
#include "lob/strategy.hpp"

namespace lob {

enum class OrderStyle : std::uint8_t {
  taker = 0,
  maker = 1,
  automatic = 2,  ///< takes what is worth taking, quotes what is worth a quote; "auto" in settings
};

[[nodiscard]] std::string_view text_of(OrderStyle style) noexcept;
[[nodiscard]] std::optional<OrderStyle> order_style_of(std::string_view text) noexcept;
[[nodiscard]] std::optional<StrategyKind> strategy_kind_of(std::string_view text) noexcept;

/// Trades the forecast move of each slot by the table in signal.hpp.
struct ForecastSettings {
  SignalConfig signal;
  OrderStyle style = OrderStyle::taker;
};

/// Quotes both sides around a price shifted by forecast and inventory.
struct MarketMakingSettings {
  bool use_forecast = false;        ///< asked once a forecast instead of once a step
  std::size_t horizon_step = 1;     ///< whose forecast, 1-based
  double forecast_weight = 1.0;     ///< a, >= 0
  double risk_aversion = 1.0;       ///< g, >= 0: shift in volatilities at full inventory
  double volatility_weight = 1.0;   ///< c, >= 0
  double min_half_width_bps = 1.0;  ///< >= 0
  double inventory_share = 1.0;     ///< own inventory stays within this share of max_position, in (0, 1]
  std::int64_t requote_ticks = 1;   ///< a quote moves when the wished price is this far off, >= 1
};

/// Buys one spot market and sells another of the same base and quote.
struct ArbitrageSettings {
  double edge_bps = 0.0;  ///< what each level must earn after both taker fees, >= 0
  double exit_bps = 0.0;  ///< what unwinding may cost after its taker fees, >= 0
};

/// Trades a perpetual against a spot market of the same base and quote.
struct BasisSettings {
  double entry_bps = 0.0;  ///< deviation after the fees of entering, >= 0
  double exit_bps = 0.0;   ///< deviation within which both legs are closed
  /// What a short perpetual expects to be paid while the trade is on; negative where it pays.
  double funding_bps = 0.0;
  double half_life_steps = 6'000.0;   ///< of the mean, > 0
  std::uint64_t samples_min = 1'000;  ///< steps with both books before the mean is believed
};

/// Wishes from outside.
struct ExternalSettings {
  TsNs max_age_ns = 0;  ///< wishes of an older step are withdrawn; at exactly this age they stand; > 0
};

using StrategySettings =
    std::variant<ForecastSettings, MarketMakingSettings, ArbitrageSettings, BasisSettings, ExternalSettings>;

struct StrategyConfig {
  std::string name;
  StrategyKind kind = StrategyKind::forecast;
  std::vector<std::uint32_t> slots;  ///< ascending; empty: all
  StrategySettings settings;         ///< of `kind`
  SizingConfig sizing;
  SlicingConfig slicing = {};
};

/// A strategy over the slots of `terms`. Owes: `settings` are of `kind`, `slots` exist.
[[nodiscard]] std::unique_ptr<Strategy> make_strategy(const StrategyConfig& config,
                                                      std::span<const SlotTerms> terms);

/// Horizon that a forecast must reach for this strategy, 0 where it reads none.
[[nodiscard]] std::size_t horizon_steps_needed(const StrategyConfig& config) noexcept;

/// Why wishes from outside were refused; then none of them is taken.
enum class WishFault : std::uint8_t {
  none = 0,
  unknown_slot = 1,  ///< beyond the grid, masked, or not one of the strategy's
  not_ascending = 2,
  not_whole_lots = 3,
  negative = 4,        ///< a price or a quoted size below 0, or a quote of size without price
  over_limit = 5,      ///< a target or a quote beyond max_position or short_max
  crossed_quotes = 6,  ///< own bid at or above own ask
  not_finite = 7,
};

[[nodiscard]] std::string_view text_of(WishFault fault) noexcept;

/// What an input brought, given back once a step until it is too old. A wish that takes nothing (hold, quote,
/// wait, no_book) follows the present position, so that a fill of a quote is not taken back.
class ExternalStrategy final : public Strategy {
 public:
  ExternalStrategy(const ExternalSettings& settings, std::vector<std::uint32_t> slots,
                   std::span<const SlotTerms> terms);

  /// Replaces what was wished before, or names what is wrong and keeps it. `ts_step_ns`: the step they saw.
  WishFault set(TsNs ts_step_ns, std::vector<Wish> wishes);

  [[nodiscard]] StrategyKind kind() const noexcept override { return StrategyKind::external; }
  [[nodiscard]] Cadence cadence() const noexcept override { return Cadence::step; }
  void decide(const StrategyView& view, std::vector<Wish>& out) override;
  void save(ByteWriter& writer) const override;
  [[nodiscard]] bool load(ByteReader& reader) override;

 private:
  [[nodiscard]] WishFault fault_of(const Wish& wish) const noexcept;

  ExternalSettings settings_;
  std::vector<SlotTerms> terms_;
  std::vector<bool> is_traded_;  // a slot
  TsNs ts_step_ns_ = 0;
  std::vector<Wish> wishes_;
};

}  // namespace lob
