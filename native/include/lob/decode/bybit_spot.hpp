// Bybit v5 spot frames: orderbook.N (snapshot and delta), orderbook.1 as quotes, publicTrade.
//
// The venue pushes snapshots on the stream, so nothing is asked over REST and depth replies are not read.
// orderbook.full and orderbook.rpi have other rules of continuity and are ignored. One N an instrument: the
// ids of two N are two series.
#pragma once

#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"

namespace lob {

class FrameReader;
class InstrumentTable;

/// Decodes one frame of `source` into `decoded`; on an error `decoded` is half written and must not be read.
[[nodiscard]] DecodeStatus decode_bybit_spot(FrameReader& reader, const InstrumentTable& table,
                                             const SourceSpec& source, Bytes frame, Decoded& decoded);

}  // namespace lob
