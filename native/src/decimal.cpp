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

constexpr bool is_digit(char c) noexcept { return static_cast<unsigned char>(c - '0') < 10; }
constexpr std::uint64_t digit_of(char c) noexcept { return static_cast<std::uint64_t>(c - '0'); }

/// a x 10^power + digit, false when that leaves an int64.
bool shift_in(std::uint64_t& mantissa, std::size_t power, std::uint64_t digit) noexcept {
  if (power > decimals_max || mantissa > (int64_max - digit) / powers_of_ten[power]) return false;
  mantissa = mantissa * powers_of_ten[power] + digit;
  return true;
}

constexpr ScannedDecimal refuse(DecimalError error) noexcept { return {.mantissa = 0, .decimals = 0, .error = error}; }

/// Reads the digits after the point, which begin at `text[at]`.
ScannedDecimal scan_fraction(std::string_view text, std::size_t at, std::uint64_t mantissa, bool is_too_large) noexcept {
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

}  // namespace

std::string_view text_of(DecimalError error) noexcept {
  switch (error) {
    case DecimalError::none: return "no error";
    case DecimalError::syntax: return "not a decimal number";
    case DecimalError::off_tick: return "not a multiple of the unit";
    case DecimalError::too_fine: return "finer than the unit";
    case DecimalError::overflow: return "more digits or units than 63 bits hold";
    case DecimalError::negative: return "negative";
  }
  return "unknown";
}

std::optional<DecimalScale> DecimalScale::of(std::string_view unit) noexcept {
  const ScannedDecimal scanned = scan_decimal(unit);
  if (scanned.error != DecimalError::none || scanned.mantissa == 0) return std::nullopt;
  return DecimalScale{.decimals = scanned.decimals, .step = scanned.mantissa};
}

ScannedDecimal scan_decimal(std::string_view text) noexcept {
  if (text.starts_with('-')) return refuse(DecimalError::negative);
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
  if (!shift_in(units, scale.decimals - decimal.decimals, 0)) return {.units = 0, .error = DecimalError::overflow};
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
