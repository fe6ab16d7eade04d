// The envelope that Binance spot and USD-M share: one object of short keys, raw or inside {"stream", "data"}.
#pragma once

#include <array>
#include <string_view>

#include "frame_reader.hpp"
#include "instrument_table.hpp"

namespace lob {

/// Keys that some message type reads. Their JSON types differ by type (`b` is an array in depthUpdate, a
/// string in bookTicker, an integer in spot trades of 2023), so they are captured as they come and judged
/// afterwards.
enum class BinanceKey : std::uint8_t {
  e,
  E,
  T,
  s,
  U,
  u,
  pu,
  b,
  B,
  a,
  A,
  p,
  q,
  r,
  t,
  m,
  last_update_id,
  bids,
  asks,
  stream,
  data,
};
inline constexpr std::size_t binance_key_count = 21;

class BinanceFields {
 public:
  [[nodiscard]] const JsonField& operator[](BinanceKey key) const noexcept {
    return fields_[static_cast<std::size_t>(key)];
  }
  [[nodiscard]] JsonField& operator[](BinanceKey key) noexcept {
    return fields_[static_cast<std::size_t>(key)];
  }
  [[nodiscard]] bool has(BinanceKey key) const noexcept { return (*this)[key].kind != JsonKind::absent; }

 private:
  std::array<JsonField, binance_key_count> fields_;
};

/// What kind of message the payload is.
enum class BinanceMessage : std::uint8_t {
  other,
  depth_update,
  trade,
  aggregate_trade,
  book_ticker,
  mark_price,
  snapshot
};

struct BinanceFrame {
  BinanceFields payload;
  BinanceMessage message = BinanceMessage::other;
};

/// Walks the whole frame and classifies it.
[[nodiscard]] DecodeStatus read_binance(FrameReader& reader, Bytes bytes, BinanceFrame& frame);

/// What differs between the two Binance venues.
struct BinanceRules {
  Venue venue;
  bool has_previous_id;  ///< `pu` links updates
};

/// Payload to events of `source`'s instruments.
[[nodiscard]] DecodeStatus interpret_binance(const BinanceRules& rules, const BinanceFrame& frame,
                                             const SourceSpec& source, const InstrumentTable& table,
                                             const FrameReader& reader, Decoded& decoded);

}  // namespace lob
