// Exact decimal text to integers: "2683.80" with unit "0.01" is 268380, and nothing is ever rounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lob {

/// Why a decimal was refused.
enum class DecimalError : std::uint8_t {
  none = 0,
  syntax,    ///< not digits, optionally followed by a point and digits
  off_tick,  ///< not a multiple of the unit
  too_fine,  ///< digits other than 0 below the unit's last decimal
  overflow,  ///< more units than an int64 holds
  negative,  ///< begins with a minus sign
};
[[nodiscard]] std::string_view text_of(DecimalError error) noexcept;

/// A count of units, or why there is none (`units` is then 0).
struct DecimalResult {
  std::int64_t units = 0;
  DecimalError error = DecimalError::none;
  [[nodiscard]] constexpr bool is_ok() const noexcept { return error == DecimalError::none; }
};

/// A unit prepared once, so that parsing needs no division for units of the form 10^-n.
struct DecimalScale {
  std::uint32_t decimals = 0;  ///< decimals of the unit, 0 for whole units
  std::uint64_t step = 1;      ///< the unit in 10^-decimals: 1 for "0.01", 5 for "0.5", 10 for "10"

  /// The scale of a positive unit such as "0.01", "0.5" or "10"; at most 18 decimals. Nothing when it is not
  /// one.
  [[nodiscard]] static std::optional<DecimalScale> of(std::string_view unit) noexcept;
  friend constexpr bool operator==(const DecimalScale&, const DecimalScale&) = default;
};

/// A decimal read but not yet counted in units: value = mantissa x 10^-decimals, trailing zeros dropped. Lets
/// a decoder read numbers before it knows whose they are.
struct ScannedDecimal {
  std::uint64_t mantissa = 0;
  std::uint8_t decimals = 0;
  DecimalError error = DecimalError::none;
};

/// Reads the whole of `text`; errors: syntax, negative, overflow.
[[nodiscard]] ScannedDecimal scan_decimal(std::string_view text) noexcept;
/// Counts a scanned decimal in units, passing on its error.
[[nodiscard]] DecimalResult to_units(ScannedDecimal decimal, DecimalScale scale) noexcept;
/// Both at once.
[[nodiscard]] DecimalResult parse_decimal(std::string_view text, DecimalScale scale) noexcept;

}  // namespace lob
