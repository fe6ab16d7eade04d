// Exact money: 128-bit products of integers, narrowed with a check, rounded against us.
//
// A quote unit is tick x size_unit of one instrument, so `price_ticks * size_units` is exact money.
// Units of different instruments differ; what is summed over instruments counts 10^-8 of the quote
// currency (`_e8`), reached through `quote_unit_e18` = tick x size_unit x 10^18.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "lob/types.hpp"

namespace lob {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

/// Larger than any sane money and small enough that a few of them add up without overflow.
inline constexpr Int128 money_ceiling = static_cast<Int128>(1) << 120;

[[nodiscard]] constexpr Int128 magnitude(Int128 value) noexcept {
  return value < 0 ? -value : value;
}

[[nodiscard]] constexpr SizeUnits magnitude(SizeUnits size) noexcept {
  return size.value < 0 ? -size : size;
}

/// Quotient rounded up; `divisor` > 0.
[[nodiscard]] constexpr Int128 ceil_div(Int128 value, Int128 divisor) noexcept {
  const Int128 quotient = value / divisor;
  return value % divisor > 0 ? quotient + 1 : quotient;
}

/// Quotient rounded down; `divisor` > 0.
[[nodiscard]] constexpr Int128 floor_div(Int128 value, Int128 divisor) noexcept {
  return -ceil_div(-value, divisor);
}

/// The value held at the ends of int64.
[[nodiscard]] constexpr std::int64_t saturate(Int128 value) noexcept {
  constexpr Int128 lowest = std::numeric_limits<std::int64_t>::min();
  constexpr Int128 highest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(value < lowest ? lowest : value > highest ? highest : value);
}

/// Money in 10^-18 of a quote currency as 10^-8 of it: rounded down, and held at the ends of int64.
[[nodiscard]] constexpr std::int64_t e8_of(Int128 e18) noexcept {
  return saturate(floor_div(e18, 10'000'000'000));
}

/// The value as int64, or nothing where it does not fit.
[[nodiscard]] constexpr std::optional<std::int64_t> narrow(Int128 value) noexcept {
  if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  if (value < std::numeric_limits<std::int64_t>::min()) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

/// price x size in quote units; carries the sign of `size`.
[[nodiscard]] constexpr Int128 notional(PriceTicks price, SizeUnits size) noexcept {
  return static_cast<Int128>(price.value) * size.value;
}

/// Fee on a notional >= 0, rounded up: a fee costs us the fraction, a rebate (fee_e8 < 0) loses it.
[[nodiscard]] constexpr std::optional<std::int64_t> fee_quote_units(Int128 notional_quote_units,
                                                                    std::int64_t fee_e8) noexcept {
  Int128 product = 0;
  if (__builtin_mul_overflow(notional_quote_units, static_cast<Int128>(fee_e8), &product))
    return std::nullopt;
  return narrow(ceil_div(product, 100'000'000));
}

/// Signed value of `size_units` at half of `mid_x2_ticks`, in 10^-8 quote, its magnitude rounded up and
/// capped at `money_ceiling` so that a nonsense product can only look too large to a limit.
[[nodiscard]] constexpr Int128 exposure_e8(Int128 size_units, std::int64_t mid_x2_ticks,
                                           std::int64_t quote_unit_e18) noexcept {
  Int128 product = magnitude(size_units);
  const bool is_over = __builtin_mul_overflow(product, static_cast<Int128>(mid_x2_ticks), &product) ||
                       __builtin_mul_overflow(product, static_cast<Int128>(quote_unit_e18), &product);
  const Int128 rounded = is_over ? money_ceiling : ceil_div(product, 20'000'000'000);
  const Int128 capped = rounded < money_ceiling ? rounded : money_ceiling;
  return size_units < 0 ? -capped : capped;
}

}  // namespace lob
