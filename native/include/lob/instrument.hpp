// The tables of one header: what is traded, and where each input comes from.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lob/decimal.hpp"
#include "lob/types.hpp"

namespace lob {

/// One instrument as configured; its position in the table is its InstrumentId. Decimals stay text until
/// `make_scale`.
struct InstrumentSpec {
  Venue venue = Venue::other;
  std::string symbol;  ///< the venue's own string
  MarketType market_type = MarketType::spot;
  std::string tick;               ///< smallest price step, e.g. "0.01"; enforced on public prices
  std::string size_unit;          ///< finest size the venue prints; what SizeUnits count
  std::string lot;                ///< smallest step of our own orders
  std::int64_t maker_fee_e8 = 0;  ///< fraction of notional x 1e8: 2 bps = 20000
  std::int64_t taker_fee_e8 = 0;
  std::string quote = {};  ///< quote currency, "" when unknown; equal texts share an exposure limit
  std::string base = {};   ///< base asset, "" when unknown; markets of one base asset are compared
};

enum class SourceKind : std::uint8_t {
  websocket = 0,
  rest_depth = 1,
  rest_exchange_info = 2,
  sim_private = 3,   ///< replies of the simulated venue: sim_reply.hpp
  venue_private = 4  ///< replies of a venue, made by its gateway: venue_reply.hpp
};

/// Where frames of one connection id come from. REST replies carry no symbol: their source names the
/// instrument.
struct SourceSpec {
  Venue venue = Venue::other;
  InstrumentId instrument = no_instrument;  ///< no_instrument for a shared socket
  SourceKind kind = SourceKind::websocket;
};

/// The parsed units of one instrument.
struct InstrumentScale {
  DecimalScale price;  ///< text to PriceTicks
  DecimalScale size;   ///< text to SizeUnits
  SizeUnits lot;       ///< one lot in size units, at least 1
};

/// The units of `spec`, or nothing with `error` naming the field and what was expected.
[[nodiscard]] std::optional<InstrumentScale> make_scale(const InstrumentSpec& spec, std::string& error);

/// The words of settings and lake: "binance_usdm", "binance_spot", "bybit_spot", "other".
[[nodiscard]] std::string_view text_of(Venue venue) noexcept;
[[nodiscard]] std::string_view text_of(MarketType type) noexcept;
[[nodiscard]] std::string_view text_of(SourceKind kind) noexcept;
[[nodiscard]] std::optional<Venue> venue_of(std::string_view text) noexcept;
[[nodiscard]] std::optional<MarketType> market_type_of(std::string_view text) noexcept;
[[nodiscard]] std::optional<SourceKind> source_kind_of(std::string_view text) noexcept;

}  // namespace lob
