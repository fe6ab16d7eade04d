// From a forecast and a book to the position we want: threshold over cost, hysteresis on the way out.
//
//   cost_bps = cost_multiple x (half_spread_bps + taker_fee_bps) + edge_bps
//   forecast > cost             -> +order_size        (whatever is held now)
//   forecast < -cost            -> -order_size, or 0 where short is not allowed
//   long  and forecast < -exit  -> 0                  (exit_bps <= cost: leaving is cheaper than entering)
//   short and forecast > exit   -> 0
//   otherwise                   -> what is held
//
// A passive order at the touch earns the half spread instead of paying it:
//
//   maker_cost_bps = cost_multiple x max(0, maker_fee_bps - half_spread_bps) + edge_bps
//
// The floor of 0 keeps a wide spread or a rebate from letting in a forecast of the wrong sign.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lob/top_of_book.hpp"
#include "lob/types.hpp"

namespace lob {

inline constexpr std::size_t forecast_width = 20;  ///< values a slot and horizon; [0] is mid_bps

/// What the signal asked for, seen from the position.
enum class SignalAction : std::uint8_t {
  hold = 0,     ///< target equals position
  enter = 1,    ///< from flat, or more of the same side
  exit = 2,     ///< to flat, or less of the same side
  reverse = 3,  ///< to the other side
  wait = 4,     ///< an order of ours is still working on the instrument
  no_book = 5,  ///< no usable book: nothing can be priced
  quote = 6,    ///< takes nothing, rests at least one quote
};
inline constexpr std::size_t signal_action_count = 7;

struct SignalConfig {
  std::size_t horizon_step = 1;  ///< 1-based grid step whose cumulative mid move is traded
  double cost_multiple = 1.0;    ///< >= 0
  double edge_bps = 0.0;         ///< demanded beyond cost
  double exit_bps = 0.0;         ///< how far against us a forecast must turn before we leave, >= 0
};

/// float[H][V][20] as one span, borrowed for the call.
struct ForecastView {
  std::span<const float> values;
  std::size_t horizon_steps = 0;
  std::size_t slot_count = 0;

  /// Sizes agree with the shape stated.
  [[nodiscard]] bool has_shape() const noexcept;
  [[nodiscard]] bool is_finite() const noexcept;
  /// Cumulative mid log return in bps from the step to `horizon_step` (1-based, <= horizon_steps).
  [[nodiscard]] double mid_bps(std::size_t horizon_step, std::size_t slot) const noexcept;
};

/// What one slot's signal may want.
struct SignalTerms {
  std::int64_t taker_fee_e8 = 0;
  SizeUnits order_size;
  bool is_short_allowed = true;
};

struct SignalVerdict {
  double cost_bps = 0.0;
  SizeUnits target;
  SignalAction action = SignalAction::hold;
};

/// Where a forecast beyond cost leads.
struct SignalTargets {
  SizeUnits when_long;   ///< >= 0
  SizeUnits when_short;  ///< <= 0; 0 where nothing may be sold short
};

/// Half the spread against the mid, in bps; `top` must be usable.
[[nodiscard]] double half_spread_bps(const TopOfBook& top) noexcept;

/// What a forecast must exceed to be worth taking, and to be worth a quote at the touch; `top` must be
/// usable.
[[nodiscard]] double taker_cost_bps(const TopOfBook& top, std::int64_t taker_fee_e8,
                                    const SignalConfig& config) noexcept;
[[nodiscard]] double maker_cost_bps(const TopOfBook& top, std::int64_t maker_fee_e8,
                                    const SignalConfig& config) noexcept;

/// The position that the table at the head of this file wants at `cost_bps`.
[[nodiscard]] SizeUnits target_of(double forecast_bps, double cost_bps, SizeUnits position,
                                  const SignalTargets& targets, double exit_bps) noexcept;

/// What going from `position` to `target` by taking is called.
[[nodiscard]] SignalAction action_of(SizeUnits position, SizeUnits target) noexcept;

/// Applies the table at the head of this file. An unusable `top` keeps the position (action no_book).
[[nodiscard]] SignalVerdict decide(double forecast_bps, const TopOfBook& top, SizeUnits position,
                                   const SignalTerms& terms, const SignalConfig& config) noexcept;

}  // namespace lob
