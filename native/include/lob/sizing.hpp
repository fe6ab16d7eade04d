// How large one order of a strategy is. Three rules, each rounded down to whole lots:
//
//   fixed        size = order_size
//   volatility   size = order_size x min(cap, target_volatility / volatility)
//   kelly        size = min(cap x order_size,
//                           kelly_fraction x edge / variance x capital / price of a size unit)
//
// with edge = edge_bps / 10^4 and variance = (volatility_bps / 10^4)^2 x horizon_steps, both over the horizon
// that is traded (Kelly's growth-optimal share of capital for a small normal return is mean over variance;
// see Thorp, "The Kelly criterion in blackjack, sports betting, and the stock market", 2006). While the
// volatility is not known, `volatility` takes min(1, cap) of the order size and `kelly` takes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lob/types.hpp"

namespace lob {

enum class SizingKind : std::uint8_t { fixed = 0, volatility = 1, kelly = 2 };

[[nodiscard]] std::string_view text_of(SizingKind kind) noexcept;
[[nodiscard]] std::optional<SizingKind> sizing_kind_of(std::string_view text) noexcept;

struct SizingConfig {
  SizingKind kind = SizingKind::fixed;
  double cap = 1.0;  ///< largest multiple of the order size, > 0
  double target_volatility_bps =
      1.0;                       ///< one-step volatility at which `volatility` gives one order size, > 0
  double kelly_fraction = 0.25;  ///< share of full Kelly, > 0
  double capital_quote = 0.0;    ///< what `kelly` may put at stake, in the quote currency, > 0
};

/// What the rule looks at.
struct SizingInputs {
  SizeUnits order_size;
  SizeUnits lot;
  double edge_bps = 0.0;        ///< expected gain after cost, over the horizon
  double volatility_bps = 0.0;  ///< of one step; 0 while not known
  double horizon_steps = 1.0;
  double unit_price_quote = 0.0;  ///< what one size unit costs, in the quote currency
};

/// Size of the next order, >= 0.
[[nodiscard]] SizeUnits size_of(const SizingConfig& config, const SizingInputs& inputs) noexcept;
/// The largest size that the rule can give.
[[nodiscard]] SizeUnits size_max_of(const SizingConfig& config, SizeUnits order_size, SizeUnits lot) noexcept;

/// `size` >= 0 rounded down to whole lots.
[[nodiscard]] constexpr SizeUnits whole_lots(SizeUnits size, SizeUnits lot) noexcept {
  return SizeUnits{size.value - size.value % lot.value};
}

}  // namespace lob
