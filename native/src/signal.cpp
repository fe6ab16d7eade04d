#include "lob/signal.hpp"

#include <algorithm>
#include <cmath>

#include "lob/money.hpp"

namespace lob {

bool ForecastView::has_shape() const noexcept {
  return horizon_steps > 0 && slot_count > 0 && values.size() == horizon_steps * slot_count * forecast_width;
}

bool ForecastView::is_finite() const noexcept {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

double ForecastView::mid_bps(std::size_t horizon_step, std::size_t slot) const noexcept {
  const std::size_t row = (horizon_step - 1) * slot_count;
  return static_cast<double>(values[(row + slot) * forecast_width]);
}

double half_spread_bps(const TopOfBook& top) noexcept {
  const auto spread = static_cast<double>(top.ask.value - top.bid.value);
  return 1e4 * spread / static_cast<double>(top.mid_x2_ticks());
}

namespace {

constexpr double e8_per_bps = 1e4;

}  // namespace

double taker_cost_bps(const TopOfBook& top, std::int64_t taker_fee_e8, const SignalConfig& config) noexcept {
  const double taker_fee_bps = static_cast<double>(taker_fee_e8) / e8_per_bps;
  return config.cost_multiple * (half_spread_bps(top) + taker_fee_bps) + config.edge_bps;
}

double maker_cost_bps(const TopOfBook& top, std::int64_t maker_fee_e8, const SignalConfig& config) noexcept {
  const double maker_fee_bps = static_cast<double>(maker_fee_e8) / e8_per_bps;
  return config.cost_multiple * std::max(0.0, maker_fee_bps - half_spread_bps(top)) + config.edge_bps;
}

SizeUnits target_of(double forecast_bps, double cost_bps, SizeUnits position, const SignalTargets& targets,
                    double exit_bps) noexcept {
  if (forecast_bps > cost_bps) return targets.when_long;
  if (forecast_bps < -cost_bps) return targets.when_short;
  if (position.value > 0 && forecast_bps < -exit_bps) return SizeUnits{0};
  if (position.value < 0 && forecast_bps > exit_bps) return SizeUnits{0};
  return position;
}

SignalAction action_of(SizeUnits position, SizeUnits target) noexcept {
  if (target == position) return SignalAction::hold;
  const bool is_opposite =
      (position.value > 0 && target.value < 0) || (position.value < 0 && target.value > 0);
  if (is_opposite) return SignalAction::reverse;
  return magnitude(target) > magnitude(position) ? SignalAction::enter : SignalAction::exit;
}

SignalVerdict decide(double forecast_bps, const TopOfBook& top, SizeUnits position, const SignalTerms& terms,
                     const SignalConfig& config) noexcept {
  if (!top.is_usable()) return {.cost_bps = 0.0, .target = position, .action = SignalAction::no_book};

  const double cost_bps = taker_cost_bps(top, terms.taker_fee_e8, config);
  const SignalTargets targets{.when_long = terms.order_size,
                              .when_short = terms.is_short_allowed ? -terms.order_size : SizeUnits{0}};
  const SizeUnits target = target_of(forecast_bps, cost_bps, position, targets, config.exit_bps);
  return {.cost_bps = cost_bps, .target = target, .action = action_of(position, target)};
}

}  // namespace lob
