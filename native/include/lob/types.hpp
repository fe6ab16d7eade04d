// Strong integers, identifiers and time: the words that every other header speaks.
//
// Prices and sizes are exact integers: a price counts ticks of its instrument, a size counts
// `size_units` (the finest decimal the venue prints). Times are int64 UTC nanoseconds.
#pragma once

#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>

namespace lob {

/// UTC nanoseconds since 1970; 0 means "the venue did not say".
using TsNs = std::int64_t;

/// A signed count that does not mix with another kind of count.
template <class Tag>
struct Count {
  std::int64_t value = 0;
  friend constexpr auto operator<=>(Count, Count) = default;
  constexpr Count& operator+=(Count other) noexcept {
    value += other.value;
    return *this;
  }
  constexpr Count& operator-=(Count other) noexcept {
    value -= other.value;
    return *this;
  }
  friend constexpr Count operator+(Count a, Count b) noexcept { return Count{a.value + b.value}; }
  friend constexpr Count operator-(Count a, Count b) noexcept { return Count{a.value - b.value}; }
  friend constexpr Count operator-(Count a) noexcept { return Count{-a.value}; }
};

/// Price in ticks of its instrument.
using PriceTicks = Count<struct PriceTag>;
/// Size in `size_units` of its instrument.
using SizeUnits = Count<struct SizeTag>;

/// Index of an instrument in the engine's table; means nothing outside one header.
using InstrumentId = std::uint32_t;
/// Identifier of a source (a connection, or one kind of REST reply) in the engine's table.
using ConnectionId = std::uint32_t;

inline constexpr InstrumentId no_instrument = std::numeric_limits<InstrumentId>::max();

enum class Venue : std::uint8_t { binance_usdm = 0, binance_spot = 1, bybit_spot = 2, other = 3 };
enum class MarketType : std::uint8_t { perpetual = 0, spot = 1 };

/// Side of a book, and (bid = buyer, ask = seller) of the aggressor of a trade.
enum class Side : std::uint8_t { bid = 0, ask = 1 };
inline constexpr std::size_t side_count = 2;
[[nodiscard]] constexpr std::size_t index(Side side) noexcept {
  return static_cast<std::size_t>(side);
}
[[nodiscard]] constexpr Side opposite(Side side) noexcept {
  return side == Side::bid ? Side::ask : Side::bid;
}

/// One price with its summed resting size.
struct Level {
  PriceTicks price;
  SizeUnits size;
  friend constexpr bool operator==(const Level&, const Level&) = default;
};

using Bytes = std::span<const std::byte>;

}  // namespace lob
