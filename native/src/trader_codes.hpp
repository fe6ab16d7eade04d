// Small words that the trader's files share; not a public header.
#pragma once

#include <cstdint>

#include "lob/trader.hpp"
#include "lob/types.hpp"

namespace lob {

template <class E>
constexpr std::uint8_t code(E value) noexcept {
  return static_cast<std::uint8_t>(value);
}

/// Where the facts say when the private stream of `venue`, which is not `other`, was last heard.
[[nodiscard]] constexpr std::size_t private_fact(Venue venue) noexcept {
  return static_cast<std::size_t>(Fact::private_binance_usdm_ns) + static_cast<std::size_t>(venue);
}

[[nodiscard]] constexpr SizeUnits round_to_lot(SizeUnits size, SizeUnits lot) noexcept {
  return SizeUnits{size.value - size.value % lot.value};
}

/// Does a change of `delta` bring a position nearer to zero, or through it?
[[nodiscard]] constexpr bool is_opposite(SizeUnits position, SizeUnits delta) noexcept {
  return (position.value > 0 && delta.value < 0) || (position.value < 0 && delta.value > 0);
}

}  // namespace lob
