#include "lob/decimal.hpp"

#include <array>
#include <limits>

namespace lob {
namespace {

constexpr std::uint32_t decimals_max = 18;
constexpr std::uint64_t int64_max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

constexpr std::array<std::uint64_t, decimals_max + 1> powers_of_ten = [] {
  std::array<std::uint64_t, decimals_max + 1> powers{};
  std::uint64_t power = 1;
  for (std::uint64_t& entry : powers) {
    entry = power;
    power *= 10;
  }
  return powers;
}();

/// The largest mantissa that may be multiplied by 10^power: a look-up where a division would cost more than
/// the rest.
constexpr auto shift_limits = [] {
  std::array<std::uint64_t, decimals_max + 1> limits{};
  for (std::size_t power = 0; power <= decimals_max; ++power)
    limits[power] = int64_max / powers_of_ten[power];
  return limits;
}();

constexpr bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}
constexpr std::uint64_t digit_of(char c) noexcept {
  return static_cast<std::uint64_t>(c - '0');
}

/// a x 10^power + digit, false when that leaves an int64.
bool shift_in(std::uint64_t& mantissa, std::size_t power, std::uint64_t digit) noexcept {
  if (power > decimals_max || mantissa > shift_limits[power]) return false;
  mantissa = mantissa * powers_of_ten[power] + digit;
  return mantissa <= int64_max;
}

constexpr ScannedDecimal refuse(DecimalError error) noexcept {
  return {.mantissa = 0, .decimals = 0, .error = error};
}

/// Reads the digits after the point, which begin at `text[at]`.
ScannedDecimal scan_fraction(std::string_view text, std::size_t at, std::uint64_t mantissa,
                             bool is_too_large) noexcept {
  if (at == text.size()) return refuse(DecimalError::syntax);
  std::size_t decimals = 0;
  std::size_t zeros = 0;  // zeros seen since the last other digit: shifted in only if one follows
  for (; at < text.size(); ++at) {
    if (!is_digit(text[at])) return refuse(DecimalError::syntax);
    ++zeros;
    if (text[at] == '0') continue;
    is_too_large = is_too_large || !shift_in(mantissa, zeros, digit_of(text[at]));
    decimals += zeros;
    zeros = 0;
  }
  if (is_too_large || decimals > decimals_max) return refuse(DecimalError::overflow);
  return {.mantissa = mantissa, .decimals = static_cast<std::uint8_t>(decimals), .error = DecimalError::none};
}

constexpr std::size_t short_text = 18;  ///< so many characters never leave an int64

/// What venues print: no digit needs a check for overflow, and zeros at the end are never multiplied in.
ScannedDecimal scan_short(std::string_view text) noexcept {
  constexpr std::size_t none = short_text + 1;
  std::size_t end = text.size();
  while (end > 1 && text[end - 1] == '0') --end;
  std::uint64_t mantissa = 0;
  std::size_t point = none;
  for (std::size_t at = 0; at < end; ++at) {
    const std::uint64_t digit = static_cast<unsigned char>(text[at] - '0');
    if (digit < 10) {
      mantissa = mantissa * 10 + digit;
    } else if (text[at] == '.' && point == none) {
      point = at;
    } else {
      return refuse(DecimalError::syntax);
    }
  }
  if (point == none)
    return {
        .mantissa = mantissa * powers_of_ten[text.size() - end], .decimals = 0, .error = DecimalError::none};
  if (point == 0 || point + 1 == text.size()) return refuse(DecimalError::syntax);
  return {.mantissa = mantissa,
          .decimals = static_cast<std::uint8_t>(end - point - 1),
          .error = DecimalError::none};
}

}  // namespace

std::string_view text_of(DecimalError error) noexcept {
  switch (error) {
    case DecimalError::none:
      return "no error";
    case DecimalError::syntax:
      return "not a decimal number";
    case DecimalError::off_tick:
      return "not a multiple of the unit";
    case DecimalError::too_fine:
      return "finer than the unit";
    case DecimalError::overflow:
      return "more digits or units than 63 bits hold";
    case DecimalError::negative:
      return "negative";
  }
  return "unknown";
}

std::optional<DecimalScale> DecimalScale::of(std::string_view unit) noexcept {
  const ScannedDecimal scanned = scan_decimal(unit);
  if (scanned.error != DecimalError::none || scanned.mantissa == 0) return std::nullopt;
  return DecimalScale{.decimals = scanned.decimals, .step = scanned.mantissa};
}

ScannedDecimal scan_decimal(std::string_view text) noexcept {
  if (text.empty()) return refuse(DecimalError::syntax);
  if (text.front() == '-') return refuse(DecimalError::negative);
  if (text.size() <= short_text) return scan_short(text);
  std::uint64_t mantissa = 0;
  bool is_too_large = false;  // told only at the end: a wrong sign further on is the better reason
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    is_too_large = is_too_large || !shift_in(mantissa, 1, digit_of(text[at]));
  }
  if (at == 0) return refuse(DecimalError::syntax);
  if (at < text.size()) {
    if (text[at] != '.') return refuse(DecimalError::syntax);
    return scan_fraction(text, at + 1, mantissa, is_too_large);
  }
  if (is_too_large) return refuse(DecimalError::overflow);
  return {.mantissa = mantissa, .decimals = 0, .error = DecimalError::none};
}

DecimalResult to_units(ScannedDecimal decimal, DecimalScale scale) noexcept {
  if (decimal.error != DecimalError::none) return {.units = 0, .error = decimal.error};
  if (decimal.decimals > scale.decimals) return {.units = 0, .error = DecimalError::too_fine};
  std::uint64_t units = decimal.mantissa;
  if (!shift_in(units, scale.decimals - decimal.decimals, 0))
    return {.units = 0, .error = DecimalError::overflow};
  if (scale.step != 1) {
    if (units % scale.step != 0) return {.units = 0, .error = DecimalError::off_tick};
    units /= scale.step;
  }
  return {.units = static_cast<std::int64_t>(units), .error = DecimalError::none};
}

DecimalResult parse_decimal(std::string_view text, DecimalScale scale) noexcept {
  return to_units(scan_decimal(text), scale);
}

}  // namespace lob
