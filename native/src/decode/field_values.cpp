#include "field_values.hpp"

#include <limits>

namespace lob {
namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::int64_t time_ms_max = std::numeric_limits<std::int64_t>::max() / ns_per_ms;

__extension__ using Wide = unsigned __int128;

constexpr Wide power_of_ten(std::uint32_t exponent) noexcept {
  Wide power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

constexpr DecodeStatus refuse(DecodeError error, std::string_view name) noexcept {
  return {.error = error, .field = name};
}

constexpr DecodeStatus need(const JsonField& field, JsonKind kind, std::string_view name) noexcept {
  if (field.kind == kind) return {};
  return refuse(field.kind == JsonKind::absent ? DecodeError::missing_field : DecodeError::wrong_type, name);
}

constexpr bool is_in_range(DecimalResult result, std::int64_t min) noexcept {
  return result.is_ok() && result.units >= min && result.units <= units_max;
}

DecodeStatus read_units(const JsonField& field, std::string_view name, DecimalScale scale, std::int64_t min,
                        DecodeError error, std::int64_t& units) noexcept {
  if (const DecodeStatus status = need(field, JsonKind::text, name); !status.is_ok()) return status;
  const DecimalResult result = parse_decimal(field.text, scale);
  if (!is_in_range(result, min)) return refuse(error, name);
  units = result.units;
  return {};
}

}  // namespace

DecodeStatus read_id(const JsonField& field, std::string_view name, std::int64_t& id) noexcept {
  if (field.kind == JsonKind::number) return refuse(DecodeError::bad_number, name);
  if (const DecodeStatus status = need(field, JsonKind::integer, name); !status.is_ok()) return status;
  if (field.integer < 0) return refuse(DecodeError::bad_number, name);
  id = field.integer;
  return {};
}

DecodeStatus read_text_id(const JsonField& field, std::string_view name, std::int64_t& id) noexcept {
  if (const DecodeStatus status = need(field, JsonKind::text, name); !status.is_ok()) return status;
  const ScannedDecimal scanned = scan_decimal(field.text);
  const bool is_integer =
      scanned.error == DecimalError::none && field.text.find('.') == std::string_view::npos;
  if (!is_integer) return refuse(DecodeError::bad_number, name);
  id = static_cast<std::int64_t>(scanned.mantissa);
  return {};
}

DecodeStatus read_bool(const JsonField& field, std::string_view name, bool& value) noexcept {
  value = field.boolean;
  return need(field, JsonKind::boolean, name);
}

DecodeStatus read_text(const JsonField& field, std::string_view name, std::string_view& text) noexcept {
  text = field.text;
  return need(field, JsonKind::text, name);
}

DecodeStatus read_time_ms(const JsonField& field, std::string_view name, TsNs& ts_ns) noexcept {
  ts_ns = 0;
  if (field.kind == JsonKind::absent) return {};
  if (const DecodeStatus status = need(field, JsonKind::integer, name); !status.is_ok()) return status;
  if (field.integer < 0 || field.integer > time_ms_max) return refuse(DecodeError::bad_time, name);
  ts_ns = field.integer * ns_per_ms;
  return {};
}

DecodeStatus read_price(const JsonField& field, std::string_view name, const InstrumentScale& scale,
                        PriceTicks& price) noexcept {
  return read_units(field, name, scale.price, 1, DecodeError::bad_price, price.value);
}

DecodeStatus read_nearest_price(const JsonField& field, std::string_view name, const InstrumentScale& scale,
                                PriceTicks& price) noexcept {
  if (const DecodeStatus status = need(field, JsonKind::text, name); !status.is_ok()) return status;
  const ScannedDecimal scanned = scan_decimal(field.text);
  constexpr std::uint8_t decimals_max = 19;  // more would not fit below, and no venue prints them
  if (scanned.error != DecimalError::none || scanned.decimals > decimals_max)
    return refuse(DecodeError::bad_price, name);
  // value / tick = mantissa x 10^scale.decimals / (10^scanned.decimals x step), all below 2^127.
  const Wide count = Wide{scanned.mantissa} * power_of_ten(scale.price.decimals);
  const Wide unit = power_of_ten(scanned.decimals) * scale.price.step;
  const Wide nearest = (count + unit / 2) / unit;
  if (nearest < 1 || nearest > Wide{units_max}) return refuse(DecodeError::bad_price, name);
  price.value = static_cast<std::int64_t>(nearest);
  return {};
}

DecodeStatus read_rate_e8(const JsonField& field, std::string_view name, std::int64_t& rate_e8) noexcept {
  constexpr std::int64_t one_e8 = 100'000'000;
  constexpr DecimalScale scale{.decimals = 8, .step = 1};
  if (const DecodeStatus status = need(field, JsonKind::text, name); !status.is_ok()) return status;
  const bool is_negative = field.text.starts_with('-');
  const DecimalResult rate = parse_decimal(field.text.substr(is_negative ? 1 : 0), scale);
  if (!rate.is_ok() || rate.units > one_e8) return refuse(DecodeError::bad_rate, name);
  rate_e8 = is_negative ? -rate.units : rate.units;
  return {};
}

DecodeStatus read_size(const JsonField& field, std::string_view name, const InstrumentScale& scale,
                       SizeUnits& size) noexcept {
  return read_units(field, name, scale.size, 0, DecodeError::bad_size, size.value);
}

DecodeStatus read_quote_level(const JsonField& price, const JsonField& size, const InstrumentScale& scale,
                              Level& level) noexcept {
  const DecodeStatus status =
      read_units(price, "price of a quote", scale.price, 0, DecodeError::bad_price, level.price.value);
  return status.is_ok() ? read_size(size, "size of a quote", scale, level.size) : status;
}

DecodeStatus read_levels(const JsonField& field, std::string_view name, std::span<const ScannedLevel> scanned,
                         const InstrumentScale& scale, std::vector<Level>& levels) {
  levels.clear();
  if (const DecodeStatus status = need(field, JsonKind::levels, name); !status.is_ok()) return status;
  for (const ScannedLevel& level : scanned.subspan(field.level_begin, field.level_end - field.level_begin)) {
    const DecimalResult price = to_units(level.price, scale.price);
    if (!is_in_range(price, 1)) return refuse(DecodeError::bad_price, name);
    const DecimalResult size = to_units(level.size, scale.size);
    if (!is_in_range(size, 0)) return refuse(DecodeError::bad_size, name);
    levels.push_back(Level{PriceTicks{price.units}, SizeUnits{size.units}});
  }
  return {};
}

}  // namespace lob
