#include "lob/sizing.hpp"

#include <algorithm>
#include <cmath>

namespace lob {
namespace {

// Far above any size that is meant, and far from where a double no longer fits int64.
constexpr double size_ceiling_units = 4e18;

SizeUnits lots_of(double units, SizeUnits lot) noexcept {
  if (!(units > 0.0)) return SizeUnits{0};  // NaN as well.
  return whole_lots(SizeUnits{static_cast<std::int64_t>(std::min(units, size_ceiling_units))}, lot);
}

double kelly_units(const SizingConfig& config, const SizingInputs& inputs) noexcept {
  const double volatility = inputs.volatility_bps / 1e4;
  const double variance = volatility * volatility * inputs.horizon_steps;
  if (!(variance > 0.0) || !(inputs.unit_price_quote > 0.0)) return 0.0;
  const double stake_quote =
      config.kelly_fraction * (inputs.edge_bps / 1e4) / variance * config.capital_quote;
  return stake_quote / inputs.unit_price_quote;
}

}  // namespace

std::string_view text_of(SizingKind kind) noexcept {
  switch (kind) {
    case SizingKind::fixed:
      return "fixed";
    case SizingKind::volatility:
      return "volatility";
    case SizingKind::kelly:
      return "kelly";
  }
  return "unknown";
}

std::optional<SizingKind> sizing_kind_of(std::string_view text) noexcept {
  for (const SizingKind kind : {SizingKind::fixed, SizingKind::volatility, SizingKind::kelly}) {
    if (text_of(kind) == text) return kind;
  }
  return std::nullopt;
}

SizeUnits size_of(const SizingConfig& config, const SizingInputs& inputs) noexcept {
  const auto order_units = static_cast<double>(inputs.order_size.value);
  switch (config.kind) {
    case SizingKind::fixed:
      return whole_lots(inputs.order_size, inputs.lot);
    case SizingKind::volatility: {
      const bool is_known = inputs.volatility_bps > 0.0;
      const double share = is_known ? config.target_volatility_bps / inputs.volatility_bps : 1.0;
      return lots_of(order_units * std::min(config.cap, share), inputs.lot);
    }
    case SizingKind::kelly:
      return lots_of(std::min(config.cap * order_units, kelly_units(config, inputs)), inputs.lot);
  }
  return SizeUnits{0};
}

SizeUnits size_max_of(const SizingConfig& config, SizeUnits order_size, SizeUnits lot) noexcept {
  if (config.kind == SizingKind::fixed) return whole_lots(order_size, lot);
  return lots_of(config.cap * static_cast<double>(order_size.value), lot);
}

}  // namespace lob
