// What the strategies share: which slots they trade, and how each is made. Not a public header.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "lob/money.hpp"
#include "lob/strategies.hpp"

namespace lob {

using Slots = std::vector<std::uint32_t>;

/// The unmasked slots among `chosen`, or all unmasked ones when none is chosen.
[[nodiscard]] Slots traded_slots(const Slots& chosen, std::span<const SlotTerms> terms);

/// Whether the slot's book can be priced now.
[[nodiscard]] inline bool is_usable(const SlotView& slot) noexcept {
  return slot.market != nullptr && slot.market->top.is_usable();
}

[[nodiscard]] inline bool is_in_flight(const SlotView& slot) noexcept {
  return slot.buys_in_flight.value != 0 || slot.sells_in_flight.value != 0;
}

/// How far below zero a position may go, as the two limits together say.
[[nodiscard]] inline SizeUnits short_limit(const SlotTerms& terms) noexcept {
  return std::min(terms.short_max, terms.max_position);
}

/// What one size unit costs at the mid, in the quote currency.
[[nodiscard]] inline double unit_price_quote(const SlotTerms& terms, const TopOfBook& top) noexcept {
  return 0.5 * static_cast<double>(top.mid_x2_ticks()) * terms.tick * terms.size_unit;
}

/// The first byte a strategy saves, so that another's bytes are refused.
inline void put_kind(StrategyKind kind, ByteWriter& writer) {
  writer.put(kind);
}
[[nodiscard]] inline bool get_kind(StrategyKind kind, ByteReader& reader) {
  StrategyKind found{};
  return reader.get_enum(found, StrategyKind::external) && (found == kind || reader.fail());
}

[[nodiscard]] std::unique_ptr<Strategy> make_forecast(const ForecastSettings& settings,
                                                      const SizingConfig& sizing, Slots slots);
[[nodiscard]] std::unique_ptr<Strategy> make_market_making(const MarketMakingSettings& settings,
                                                           const SizingConfig& sizing, Slots slots);
[[nodiscard]] std::unique_ptr<Strategy> make_arbitrage(const ArbitrageSettings& settings,
                                                       const SizingConfig& sizing, const Slots& slots,
                                                       std::span<const SlotTerms> terms);
[[nodiscard]] std::unique_ptr<Strategy> make_basis(const BasisSettings& settings, const SizingConfig& sizing,
                                                   const Slots& slots, std::span<const SlotTerms> terms);

}  // namespace lob
