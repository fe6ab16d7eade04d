// Trades of two legs over slots of one base and quote currency: what arbitrage and basis share. Not public.
//
// Theory
// - A group is the slots of one base and quote. Amounts are counted in 10^-9 of the base currency, exactly,
//   so that markets of different size units and lots compare.
// - Leg risk comes first. While an order of the group is under way nothing new is wished. Then, if the
//   positions of the group do not sum to zero (a leg filled only in part), the residual is closed on the
//   venue where that is cheapest, fees included, and nothing else is wished. A residual smaller than every
//   lot is none.
// - A pair trades the same amount on both legs: as deep as each further pair of levels earns more than its
//   floor, within the order size and the room of both positions, in steps that are whole lots of both. Each
//   leg's limit is the worst level counted, so that nothing is taken beyond it. A leg that a risk rule
//   refuses keeps the other at home (Wish::other_leg).
#pragma once

#include <optional>

#include "lob/money.hpp"
#include "strategy_makers.hpp"

namespace lob {

/// Amount of the base currency in 10^-9.
using BaseE9 = Int128;

/// Buys one slot and sells another.
struct LegPair {
  std::uint32_t buy = 0;
  std::uint32_t sell = 0;
};

/// What a pair of levels must earn: 10^4 ln(bid / ask) + offset_bps - fees_bps > floor_bps.
struct LegTerms {
  double offset_bps = 0.0;
  double fees_bps = 0.0;
  double floor_bps = 0.0;
  bool is_closing = false;  ///< then no more than both legs hold, in plain order sizes
};

/// What a pair would do now.
struct LegPlan {
  LegPair pair{};
  BaseE9 amount_e9 = 0;
  PriceTicks buy_limit{};
  PriceTicks sell_limit{};
  double expected_bps = 0.0;  ///< 10^4 ln(bid / ask) + offset at the touch
  double cost_bps = 0.0;      ///< what that must exceed: floor + fees

  /// What the touch earns beyond its floor.
  [[nodiscard]] double surplus_bps() const noexcept { return expected_bps - cost_bps; }
};

/// Slots of equal base and quote among `slots`, in slot order; a size unit finer than 10^-9 takes no part.
[[nodiscard]] std::vector<Slots> leg_groups(const Slots& slots, std::span<const SlotTerms> terms);

/// Both taker fees as one number of bps: -10^4 ln((1 - fee_sell) / (1 + fee_buy)).
[[nodiscard]] double taker_fees_bps(const LegPair& pair, std::span<const SlotTerms> terms) noexcept;

/// An order of this strategy is under way somewhere in the group.
[[nodiscard]] bool is_any_in_flight(const Slots& group, const StrategyView& view) noexcept;

enum class Residual : std::uint8_t {
  none = 0,     ///< the positions sum to zero, as far as lots tell
  closing = 1,  ///< a wish was appended
  stuck = 2,    ///< there is one, and no usable book or room to close it now
};

/// Wishes the closing of what the group's positions do not sum to zero.
Residual close_residual(const Slots& group, const StrategyView& view, std::vector<Wish>& out);

/// What `pair` would do under `legs`, or nothing when it is not worth a whole step.
[[nodiscard]] std::optional<LegPlan> plan(const LegPair& pair, const LegTerms& legs, const StrategyView& view,
                                          const SizingConfig& sizing);

/// Keeps the plan that earns more beyond its floor; the first of equals.
void keep_better(const std::optional<LegPlan>& candidate, std::optional<LegPlan>& best) noexcept;

/// Appends both legs, the lower slot first.
void wish_both(const LegPlan& plan, const StrategyView& view, std::vector<Wish>& out);

/// Position in 10^-9 of the base currency.
[[nodiscard]] BaseE9 position_e9(std::uint32_t slot, const StrategyView& view) noexcept;

}  // namespace lob
