#include "lob/decode/binance_spot.hpp"

#include "binance_fields.hpp"

namespace lob {

DecodeStatus decode_binance_spot(FrameReader& reader, const InstrumentTable& table, const SourceSpec& source,
                                 Bytes frame, Decoded& decoded) {
  constexpr BinanceRules rules{.venue = Venue::binance_spot, .has_previous_id = false};
  BinanceFrame read;
  if (const DecodeStatus status = read_binance(reader, frame, read); !status.is_ok()) return status;
  return interpret_binance(rules, read, source, table, reader, decoded);
}

}  // namespace lob
