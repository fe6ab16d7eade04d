// What a venue's frame says, in integers, once decoded; and the closed list of reasons for refusing one.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lob/types.hpp"

namespace lob {

/// Why a frame was refused. Nothing is applied of a refused frame. RejectRecord.code carries the value.
enum class DecodeError : std::uint8_t {
  none = 0,
  empty_frame,       ///< no bytes
  too_large,         ///< longer than the decoder's limit
  invalid_json,      ///< not JSON: structure, string, number, literal or UTF-8
  trailing_content,  ///< bytes after the end of the document
  too_deep,          ///< nested deeper than any venue's frame
  not_an_object,     ///< the document is a bare string, number or literal
  duplicate_field,   ///< a field that is read stands twice in one object
  missing_field,     ///< a field that the message type needs is absent
  wrong_type,        ///< a field has another JSON type than documented
  bad_number,        ///< an integer field or numeric id is negative or outside int64
  bad_time,          ///< a time outside 1970..2262
  bad_price,         ///< a price that is no decimal, zero, negative, off the tick or too large
  bad_size,          ///< a size that is no decimal, negative, finer than the size unit or too large
  bad_sequence,      ///< first update id above the last one
  bad_side,          ///< a side that is neither Buy nor Sell
  unknown_type,      ///< a book message that is neither snapshot nor delta
  unknown_source,    ///< a connection id that is not in the source table, or a depth reply of no instrument
  bad_rate,          ///< a funding rate that is no decimal, finer than 10^-8 or beyond 1
};
inline constexpr std::size_t decode_error_count = 19;

/// A half-line meaning, for people.
[[nodiscard]] std::string_view text_of(DecodeError error) noexcept;

inline constexpr std::int64_t no_id = -1;

/// Changed levels, or (is_snapshot) the whole book. Binance ids U, u, pu; Bybit's one id is both first and
/// last.
struct DepthEvent {
  InstrumentId instrument = no_instrument;
  bool is_snapshot = false;
  std::int64_t first_id = no_id;     ///< U
  std::int64_t last_id = no_id;      ///< u, or lastUpdateId of a snapshot
  std::int64_t previous_id = no_id;  ///< pu
  /// Bybit's seq: grows also where a restarted server counts u anew. Elsewhere, and where not sent, no_id.
  std::int64_t sequence = no_id;
  TsNs ts_event_ns = 0;
  TsNs ts_engine_ns = 0;
  std::vector<Level> bids;  ///< in the venue's order, size 0 = removed
  std::vector<Level> asks;
};

/// One public trade.
struct TradeEvent {
  InstrumentId instrument = no_instrument;
  std::int64_t trade_id = no_id;
  TsNs ts_event_ns = 0;
  TsNs ts_engine_ns = 0;
  PriceTicks price;
  SizeUnits size;
  Side aggressor_side = Side::bid;  ///< bid = the buyer took
  bool is_aggregate = false;        ///< one taker's fills at one price merged
};

/// Best bid and ask as the venue itself states them.
struct QuoteEvent {
  InstrumentId instrument = no_instrument;
  std::int64_t update_id = no_id;
  TsNs ts_event_ns = 0;
  Level bid;
  Level ask;
};

/// A perpetual's mark price, and the funding that is to come.
struct MarkEvent {
  InstrumentId instrument = no_instrument;
  TsNs ts_event_ns = 0;
  PriceTicks price;             ///< to the nearest tick (marks are finer), 0 before the first
  std::int64_t rate_e8 = 0;     ///< share of a position's value; longs pay when it is positive
  TsNs ts_next_funding_ns = 0;  ///< when it is charged, 0 before the first
};

/// What a frame was. `ignored`: well-formed and not for us (acks, tickers, klines, other streams).
enum class DecodedKind : std::uint8_t { ignored = 0, depth, trades, quote, mark };

/// The reused result of one decode: only the member that `kind` names is meaningful, and only until the next
/// decode.
struct Decoded {
  DecodedKind kind = DecodedKind::ignored;
  bool is_unknown_symbol = false;  ///< ignored because the instrument table lacks its symbol
  DepthEvent depth;
  std::vector<TradeEvent> trades;
  QuoteEvent quote;
  MarkEvent mark;
};

/// How a decode ended: `error`, and for refusals the field it stumbled on (static text, may be empty).
struct DecodeStatus {
  DecodeError error = DecodeError::none;
  std::string_view field;
  [[nodiscard]] constexpr bool is_ok() const noexcept { return error == DecodeError::none; }
};

}  // namespace lob
