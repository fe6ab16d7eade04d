#include "lob/decode/bybit_spot.hpp"

#include "field_values.hpp"
#include "frame_reader.hpp"
#include "instrument_table.hpp"

namespace lob {
namespace {

/// Members of the envelope and of a book's data.
struct BybitBook {
  JsonField topic, type, ts, cts, symbol, bids, asks, update_id, sequence;
};

/// Members of one trade.
struct BybitTrade {
  JsonField id, time, price, size, side, symbol;
};

struct BybitFrame {
  BybitBook book;
  std::vector<BybitTrade> trades;
  bool are_trades_objects = true;
};

enum class BybitTopic : std::uint8_t { other, quote, book, trades };

/// "orderbook.1.S", "orderbook.50.S", "publicTrade.S".
BybitTopic classify(std::string_view topic) noexcept {
  constexpr std::string_view books = "orderbook.";
  if (topic.starts_with("publicTrade.")) return BybitTopic::trades;
  if (!topic.starts_with(books)) return BybitTopic::other;
  const std::string_view depth = topic.substr(books.size(), topic.find('.', books.size()) - books.size());
  if (depth == "1") return BybitTopic::quote;
  const bool is_numeric = !depth.empty() && depth.find_first_not_of("0123456789") == std::string_view::npos;
  return is_numeric ? BybitTopic::book : BybitTopic::other;
}

DecodeError capture_book_member(FrameReader& reader, std::string_view key, FrameReader::Value& value,
                                BybitBook& book) {
  if (key == "s") return FrameReader::capture(value, book.symbol);
  if (key == "b") return reader.capture_levels(value, book.bids);
  if (key == "a") return reader.capture_levels(value, book.asks);
  if (key == "u") return FrameReader::capture(value, book.update_id);
  if (key == "seq") return FrameReader::capture(value, book.sequence);
  return FrameReader::skip(value);
}

DecodeError capture_trade_member(std::string_view key, FrameReader::Value& value, BybitTrade& trade) {
  if (key == "i") return FrameReader::capture(value, trade.id);
  if (key == "T") return FrameReader::capture(value, trade.time);
  if (key == "p") return FrameReader::capture(value, trade.price);
  if (key == "v") return FrameReader::capture(value, trade.size);
  if (key == "S") return FrameReader::capture(value, trade.side);
  if (key == "s") return FrameReader::capture(value, trade.symbol);
  return FrameReader::skip(value);
}

DecodeError capture_trade(FrameReader::Value& value, BybitFrame& frame) {
  if (FrameReader::first_char(value) != '{') {
    frame.are_trades_objects = false;
    return FrameReader::skip(value);
  }
  BybitTrade& trade = frame.trades.emplace_back();
  return FrameReader::read_object(value, [&](std::string_view key, FrameReader::Value member) {
    return capture_trade_member(key, member, trade);
  });
}

DecodeError capture_data(FrameReader& reader, FrameReader::Value& value, BybitFrame& frame) {
  switch (FrameReader::first_char(value)) {
    case '{':
      return FrameReader::read_object(value, [&](std::string_view key, FrameReader::Value member) {
        return capture_book_member(reader, key, member, frame.book);
      });
    case '[':
      return FrameReader::read_array(value,
                                     [&](FrameReader::Value& item) { return capture_trade(item, frame); });
    default:
      return FrameReader::skip(value);
  }
}

DecodeError capture_member(FrameReader& reader, std::string_view key, FrameReader::Value& value,
                           BybitFrame& frame, bool& has_data) {
  if (key == "topic") return FrameReader::capture(value, frame.book.topic);
  if (key == "type") return FrameReader::capture(value, frame.book.type);
  if (key == "ts") return FrameReader::capture(value, frame.book.ts);
  if (key == "cts") return FrameReader::capture(value, frame.book.cts);
  if (key != "data") return FrameReader::skip(value);
  if (has_data) return DecodeError::duplicate_field;
  has_data = true;
  return capture_data(reader, value, frame);
}

DecodeStatus read_type(const JsonField& field, bool& is_snapshot) noexcept {
  std::string_view type;
  if (const DecodeStatus status = read_text(field, "type", type); !status.is_ok()) return status;
  is_snapshot = type == "snapshot";
  const bool is_known = is_snapshot || type == "delta";
  return {.error = is_known ? DecodeError::none : DecodeError::unknown_type, .field = "type"};
}

/// Older recordings may lack it.
DecodeStatus read_sequence(const JsonField& field, std::int64_t& sequence) noexcept {
  sequence = no_id;
  return field.kind == JsonKind::absent ? DecodeStatus{} : read_id(field, "seq", sequence);
}

DecodeStatus read_book(const BybitBook& book, const FrameReader& reader, const InstrumentScale& scale,
                       DepthEvent& event) {
  event.previous_id = no_id;
  const DecodeStatus status =
      read_in_order([&] { return read_type(book.type, event.is_snapshot); },
                    [&] { return read_id(book.update_id, "u", event.last_id); },
                    [&] { return read_sequence(book.sequence, event.sequence); },
                    [&] { return read_time_ms(book.ts, "ts", event.ts_event_ns); },
                    [&] { return read_time_ms(book.cts, "cts", event.ts_engine_ns); },
                    [&] { return read_levels(book.bids, "b", reader.levels(), scale, event.bids); },
                    [&] { return read_levels(book.asks, "a", reader.levels(), scale, event.asks); });
  event.first_id = event.last_id;
  return status;
}

/// orderbook.1 sends whole snapshots of one level a side.
DecodeStatus read_quote(const DepthEvent& top, QuoteEvent& quote) noexcept {
  quote.instrument = top.instrument;
  quote.update_id = top.last_id;
  quote.ts_event_ns = top.ts_event_ns;
  quote.bid = top.bids.empty() ? Level{} : top.bids.front();
  quote.ask = top.asks.empty() ? Level{} : top.asks.front();
  return {};
}

DecodeStatus read_side(const JsonField& field, Side& side) noexcept {
  std::string_view text;
  if (const DecodeStatus status = read_text(field, "S", text); !status.is_ok()) return status;
  side = text == "Buy" ? Side::bid : Side::ask;
  const bool is_known = text == "Buy" || text == "Sell";
  return {.error = is_known ? DecodeError::none : DecodeError::bad_side, .field = "S"};
}

DecodeStatus read_trade(const BybitTrade& trade, const JsonField& ts, const InstrumentScale& scale,
                        TradeEvent& event) noexcept {
  event.is_aggregate = false;
  return read_in_order([&] { return read_text_id(trade.id, "i", event.trade_id); },
                       [&] { return read_time_ms(ts, "ts", event.ts_event_ns); },
                       [&] { return read_time_ms(trade.time, "T", event.ts_engine_ns); },
                       [&] { return read_price(trade.price, "p", scale, event.price); },
                       [&] { return read_size(trade.size, "v", scale, event.size); },
                       [&] { return read_side(trade.side, event.aggressor_side); });
}

DecodeStatus interpret_trades(const BybitFrame& frame, const InstrumentTable& table, Decoded& decoded) {
  if (!frame.are_trades_objects) return {.error = DecodeError::wrong_type, .field = "data"};
  for (const BybitTrade& trade : frame.trades) {
    std::string_view symbol;
    if (const DecodeStatus status = read_text(trade.symbol, "s", symbol); !status.is_ok()) return status;
    const InstrumentId instrument = table.find(Venue::bybit_spot, symbol);
    if (instrument == no_instrument) continue;
    TradeEvent& event = decoded.trades.emplace_back();
    event.instrument = instrument;
    const DecodeStatus status = read_trade(trade, frame.book.ts, table.scale(instrument), event);
    if (!status.is_ok()) return status;
  }
  decoded.is_unknown_symbol = decoded.trades.empty() && !frame.trades.empty();
  if (!decoded.trades.empty()) decoded.kind = DecodedKind::trades;
  return {};
}

DecodeStatus interpret_book(const BybitFrame& frame, BybitTopic topic, const InstrumentTable& table,
                            const FrameReader& reader, Decoded& decoded) {
  std::string_view symbol;
  if (const DecodeStatus status = read_text(frame.book.symbol, "s", symbol); !status.is_ok()) return status;
  decoded.depth.instrument = table.find(Venue::bybit_spot, symbol);
  decoded.is_unknown_symbol = decoded.depth.instrument == no_instrument;
  if (decoded.is_unknown_symbol) return {};
  const DecodeStatus status =
      read_book(frame.book, reader, table.scale(decoded.depth.instrument), decoded.depth);
  if (!status.is_ok()) return status;
  if (topic == BybitTopic::quote) {
    decoded.kind = DecodedKind::quote;
    return read_quote(decoded.depth, decoded.quote);
  }
  decoded.kind = DecodedKind::depth;
  return {};
}

}  // namespace

DecodeStatus decode_bybit_spot(FrameReader& reader, const InstrumentTable& table, const SourceSpec& source,
                               Bytes bytes, Decoded& decoded) {
  BybitFrame frame;
  bool has_data = false;
  const DecodeError error = reader.read_root(bytes, [&](std::string_view key, FrameReader::Value value) {
    return capture_member(reader, key, value, frame, has_data);
  });
  if (error != DecodeError::none) return {.error = error, .field = ""};
  const bool is_stream = source.kind == SourceKind::websocket && frame.book.topic.kind == JsonKind::text;
  if (reader.is_array() || !is_stream) return {};

  const BybitTopic topic = classify(frame.book.topic.text);
  switch (topic) {
    case BybitTopic::other:
      return {};
    case BybitTopic::trades:
      return interpret_trades(frame, table, decoded);
    case BybitTopic::quote:
    case BybitTopic::book:
      break;
  }
  return interpret_book(frame, topic, table, reader, decoded);
}

}  // namespace lob
