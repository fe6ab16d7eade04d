#include "lob/instrument.hpp"

#include <array>

namespace lob {
namespace {

constexpr std::array<std::string_view, 4> venue_names{"binance_usdm", "binance_spot", "bybit_spot", "other"};
constexpr std::array<std::string_view, 2> market_type_names{"perpetual", "spot"};
constexpr std::array<std::string_view, 5> source_kind_names{"websocket", "rest_depth", "rest_exchange_info",
                                                            "sim_private", "venue_private"};

template <class E, std::size_t N>
std::optional<E> find_name(const std::array<std::string_view, N>& names, std::string_view text) noexcept {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<E>(i);
  }
  return std::nullopt;
}

template <std::size_t N, class E>
std::string_view name_of(const std::array<std::string_view, N>& names, E value) noexcept {
  const auto at = static_cast<std::size_t>(value);
  return at < N ? names[at] : "unknown";
}

std::string describe(const InstrumentSpec& spec, std::string_view field, std::string_view value,
                     std::string_view expected) {
  std::string text = "instrument ";
  text.append(text_of(spec.venue)).append(":").append(spec.symbol);
  text.append(": ").append(field).append(" is \"").append(value).append("\", expected ").append(expected);
  return text;
}

}  // namespace

std::optional<InstrumentScale> make_scale(const InstrumentSpec& spec, std::string& error) {
  const auto price = DecimalScale::of(spec.tick);
  if (!price) {
    error = describe(spec, "tick", spec.tick, "a positive decimal such as \"0.01\"");
    return std::nullopt;
  }
  const auto size = DecimalScale::of(spec.size_unit);
  if (!size) {
    error = describe(spec, "size_unit", spec.size_unit, "a positive decimal such as \"0.001\"");
    return std::nullopt;
  }
  const DecimalResult lot = parse_decimal(spec.lot, *size);
  if (!lot.is_ok() || lot.units == 0) {
    error = describe(spec, "lot", spec.lot, "a positive multiple of size_unit");
    return std::nullopt;
  }
  return InstrumentScale{.price = *price, .size = *size, .lot = SizeUnits{lot.units}};
}

std::string_view text_of(Venue venue) noexcept {
  return name_of(venue_names, venue);
}
std::string_view text_of(MarketType type) noexcept {
  return name_of(market_type_names, type);
}
std::string_view text_of(SourceKind kind) noexcept {
  return name_of(source_kind_names, kind);
}
std::optional<Venue> venue_of(std::string_view text) noexcept {
  return find_name<Venue>(venue_names, text);
}
std::optional<MarketType> market_type_of(std::string_view text) noexcept {
  return find_name<MarketType>(market_type_names, text);
}
std::optional<SourceKind> source_kind_of(std::string_view text) noexcept {
  return find_name<SourceKind>(source_kind_names, text);
}

}  // namespace lob
