// Small words that the trader's files share; not a public header.
#pragma once

#include <cstdint>

#include "lob/types.hpp"

namespace lob {

inline constexpr std::uint8_t type_limit = 0;
inline constexpr std::uint8_t kind_place = 0;
inline constexpr std::uint8_t kind_cancel = 1;

template <class E>
constexpr std::uint8_t code(E value) noexcept {
  return static_cast<std::uint8_t>(value);
}

[[nodiscard]] constexpr SizeUnits round_to_lot(SizeUnits size, SizeUnits lot) noexcept {
  return SizeUnits{size.value - size.value % lot.value};
}

/// Does a change of `delta` bring a position nearer to zero, or through it?
[[nodiscard]] constexpr bool is_opposite(SizeUnits position, SizeUnits delta) noexcept {
  return (position.value > 0 && delta.value < 0) || (position.value < 0 && delta.value > 0);
}

}  // namespace lob
