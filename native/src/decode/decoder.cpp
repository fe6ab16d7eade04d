#include "lob/decode/decoder.hpp"

#include <array>

#include "frame_reader.hpp"
#include "instrument_table.hpp"
#include "lob/decode/binance_spot.hpp"
#include "lob/decode/binance_usdm.hpp"
#include "lob/decode/bybit_spot.hpp"

namespace lob {

std::string_view text_of(DecodeError error) noexcept {
  constexpr std::array<std::string_view, decode_error_count> texts{
      "no error",
      "the frame is empty",
      "the frame is longer than the limit",
      "the frame is not JSON",
      "bytes follow the end of the JSON document",
      "the JSON is nested too deep",
      "the JSON document is not an object",
      "a field stands twice in one object",
      "a needed field is missing",
      "a field has another JSON type than documented",
      "an id is negative or does not fit 63 bits",
      "a time is outside 1970..2262",
      "a price is not a positive multiple of the tick",
      "a size is not a multiple of the size unit",
      "the first update id is above the last",
      "a side is neither Buy nor Sell",
      "a book message is neither snapshot nor delta",
      "the source is not in the table or names no instrument",
      "a funding rate is no multiple of 0.00000001 within 1",
  };
  const auto at = static_cast<std::size_t>(error);
  return at < texts.size() ? texts[at] : "unknown error";
}

struct Decoder::State {
  explicit State(std::span<const InstrumentSpec> instruments) : table(instruments) {}

  InstrumentTable table;
  FrameReader reader;
  Decoded decoded;
};

Decoder::Decoder(std::span<const InstrumentSpec> instruments)
    : state_(std::make_unique<State>(instruments)) {}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

namespace {

DecodeStatus decode_by_venue(FrameReader& reader, const InstrumentTable& table, const SourceSpec& source,
                             Bytes frame, Decoded& decoded) {
  switch (source.venue) {
    case Venue::binance_usdm:
      return decode_binance_usdm(reader, table, source, frame, decoded);
    case Venue::binance_spot:
      return decode_binance_spot(reader, table, source, frame, decoded);
    case Venue::bybit_spot:
      return decode_bybit_spot(reader, table, source, frame, decoded);
    case Venue::other:
      break;
  }
  return {};
}

}  // namespace

DecodeStatus Decoder::decode(const SourceSpec& source, Bytes frame) {
  Decoded& decoded = state_->decoded;
  decoded.kind = DecodedKind::ignored;
  decoded.is_unknown_symbol = false;
  decoded.trades.clear();
  const bool is_market_data = source.kind == SourceKind::websocket || source.kind == SourceKind::rest_depth;
  if (!is_market_data) return {};
  const DecodeStatus status = decode_by_venue(state_->reader, state_->table, source, frame, decoded);
  if (!status.is_ok()) decoded.kind = DecodedKind::ignored;
  return status;
}

const Decoded& Decoder::decoded() const noexcept {
  return state_->decoded;
}
const InstrumentScale& Decoder::scale(InstrumentId instrument) const {
  return state_->table.scale(instrument);
}

}  // namespace lob
