// Binance USD-M perpetual frames: depthUpdate, trade, aggTrade, bookTicker and REST depth replies.
//
// USD-M's own: updates link by pu == last u (ids are shared by all symbols, so never dense) and carry T;
// bookTicker has "e"; st, ps, nq may stand beside and are not read. Trades come as aggTrade; where the
// undocumented trade stream is delivered it is read too, without its entries of price 0.
#pragma once

#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"

namespace lob {

class FrameReader;
class InstrumentTable;

/// Decodes one frame of `source` into `decoded`; on an error `decoded` is half written and must not be read.
[[nodiscard]] DecodeStatus decode_binance_usdm(FrameReader& reader, const InstrumentTable& table,
                                               const SourceSpec& source, Bytes frame, Decoded& decoded);

}  // namespace lob
