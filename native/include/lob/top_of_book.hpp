// Best bid and ask as the trader sees them at one moment.
#pragma once

#include <cstdint>

#include "lob/types.hpp"

namespace lob {

/// Touch of one slot's book. The engine sets `is_valid` when the feed is synchronised and fresh;
/// `is_usable` adds what a price can tell: both sides there and not crossed.
struct TopOfBook {
  /// Prices above it are nonsense, and twice a mid of them would wrap.
  static constexpr std::int64_t price_max_ticks = std::int64_t{1} << 61;

  PriceTicks bid;
  PriceTicks ask;
  bool is_valid = false;

  [[nodiscard]] constexpr bool is_usable() const noexcept {
    return is_valid && bid.value > 0 && bid < ask && ask.value <= price_max_ticks;
  }
  /// Twice the mid, so that half a tick stays an integer.
  [[nodiscard]] constexpr std::int64_t mid_x2_ticks() const noexcept { return bid.value + ask.value; }
};

}  // namespace lob
