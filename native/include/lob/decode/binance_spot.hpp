// Binance spot frames: depthUpdate, trade, aggTrade, bookTicker and REST depth replies.
//
// Spot's own: updates are dense (U == last u + 1) and carry neither pu nor T; bookTicker has no "e"; a trade
// of 2023 also has integer keys a and b (order ids), which are not read.
#pragma once

#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"

namespace lob {

class FrameReader;
class InstrumentTable;

/// Decodes one frame of `source` into `decoded`; on an error `decoded` is half written and must not be read.
[[nodiscard]] DecodeStatus decode_binance_spot(FrameReader& reader, const InstrumentTable& table,
                                               const SourceSpec& source, Bytes frame, Decoded& decoded);

}  // namespace lob
