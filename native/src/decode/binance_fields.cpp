#include "binance_fields.hpp"

#include "field_values.hpp"

namespace lob {
namespace {

constexpr std::array<std::string_view, binance_key_count> key_names{
    "e",   "E", "T", "s", "U", "u", "pu",           "b",    "B",    "a",
    "A",   "p", "q", "r", "t", "m", "lastUpdateId", "bids", "asks", "stream",
    "data"};

constexpr std::string_view name_of(BinanceKey key) noexcept {
  return key_names[static_cast<std::size_t>(key)];
}

/// Index of a one-letter key by its character, or -1.
constexpr auto letters = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < binance_key_count; ++i) {
    if (key_names[i].size() == 1)
      table[static_cast<unsigned char>(key_names[i][0])] = static_cast<std::int8_t>(i);
  }
  return table;
}();

int find_key(std::string_view key) noexcept {
  if (key.size() == 1) return letters[static_cast<unsigned char>(key[0])];
  for (std::size_t i = 0; i < binance_key_count; ++i) {
    if (key_names[i] == key) return static_cast<int>(i);
  }
  return -1;
}

constexpr bool may_be_levels(BinanceKey key) noexcept {
  return key == BinanceKey::b || key == BinanceKey::a || key == BinanceKey::bids || key == BinanceKey::asks;
}

/// Captures one member; `field` names the culprit on error.
DecodeError capture_member(FrameReader& reader, std::string_view key, FrameReader::Value& value,
                           BinanceFields& fields, std::string_view& culprit) {
  const int found = find_key(key);
  if (found < 0) return FrameReader::skip(value);
  const auto known = static_cast<BinanceKey>(found);
  culprit = name_of(known);
  return may_be_levels(known) ? reader.capture_levels(value, fields[known])
                              : FrameReader::capture(value, fields[known]);
}

/// "x@depth20", "x@depth5@100ms": whole top levels in the shape of an update, which must never pass for one.
bool is_partial_depth(std::string_view stream) noexcept {
  constexpr std::string_view tag = "@depth";
  const auto at = stream.find(tag);
  return at != std::string_view::npos && at + tag.size() < stream.size() && stream[at + tag.size()] != '@';
}

BinanceMessage classify(const BinanceFields& fields, std::string_view stream) noexcept {
  const JsonField& type = fields[BinanceKey::e];
  if (type.kind == JsonKind::absent) {
    if (fields.has(BinanceKey::last_update_id)) return BinanceMessage::snapshot;
    const bool is_quote = fields.has(BinanceKey::u) && fields.has(BinanceKey::B) && fields.has(BinanceKey::A);
    return is_quote ? BinanceMessage::book_ticker : BinanceMessage::other;
  }
  if (type.text == "depthUpdate")
    return is_partial_depth(stream) ? BinanceMessage::other : BinanceMessage::depth_update;
  if (type.text == "trade") return BinanceMessage::trade;
  if (type.text == "aggTrade") return BinanceMessage::aggregate_trade;
  if (type.text == "bookTicker") return BinanceMessage::book_ticker;
  if (type.text == "markPriceUpdate") return BinanceMessage::mark_price;
  return BinanceMessage::other;
}

/// One payload with the instrument that it is about.
struct Interpretation {
  const BinanceRules& rules;
  const BinanceFields& fields;
  const FrameReader& reader;
  const InstrumentScale& scale;
  InstrumentId instrument;

  [[nodiscard]] DecodeStatus id(BinanceKey key, std::int64_t& target) const noexcept {
    return read_id(fields[key], name_of(key), target);
  }
  [[nodiscard]] DecodeStatus time(BinanceKey key, TsNs& target) const noexcept {
    return read_time_ms(fields[key], name_of(key), target);
  }
  [[nodiscard]] DecodeStatus levels(BinanceKey key, std::vector<Level>& target) const {
    return read_levels(fields[key], name_of(key), reader.levels(), scale, target);
  }

  [[nodiscard]] DecodeStatus update(DepthEvent& event) const {
    event.instrument = instrument;
    event.is_snapshot = false;
    event.previous_id = no_id;
    event.sequence = no_id;
    const DecodeStatus status = read_in_order(
        [&] { return id(BinanceKey::U, event.first_id); }, [&] { return id(BinanceKey::u, event.last_id); },
        [&] { return rules.has_previous_id ? id(BinanceKey::pu, event.previous_id) : DecodeStatus{}; },
        [&] { return time(BinanceKey::E, event.ts_event_ns); },
        [&] { return time(BinanceKey::T, event.ts_engine_ns); },
        [&] { return levels(BinanceKey::b, event.bids); }, [&] { return levels(BinanceKey::a, event.asks); });
    const bool is_reversed = event.first_id > event.last_id || event.previous_id > event.last_id;
    if (status.is_ok() && is_reversed) return {.error = DecodeError::bad_sequence, .field = "u"};
    return status;
  }

  [[nodiscard]] DecodeStatus snapshot(DepthEvent& event) const {
    event.instrument = instrument;
    event.is_snapshot = true;
    event.first_id = no_id;
    event.previous_id = no_id;
    event.sequence = no_id;
    return read_in_order([&] { return id(BinanceKey::last_update_id, event.last_id); },
                         [&] { return time(BinanceKey::E, event.ts_event_ns); },
                         [&] { return time(BinanceKey::T, event.ts_engine_ns); },
                         [&] { return levels(BinanceKey::bids, event.bids); },
                         [&] { return levels(BinanceKey::asks, event.asks); });
  }

  [[nodiscard]] DecodeStatus trade(bool is_aggregate, TradeEvent& event) const noexcept {
    event.instrument = instrument;
    event.is_aggregate = is_aggregate;
    bool is_buyer_maker = false;
    const DecodeStatus status =
        read_in_order([&] { return id(is_aggregate ? BinanceKey::a : BinanceKey::t, event.trade_id); },
                      [&] { return time(BinanceKey::E, event.ts_event_ns); },
                      [&] { return time(BinanceKey::T, event.ts_engine_ns); },
                      [&] { return read_price(fields[BinanceKey::p], "p", scale, event.price); },
                      [&] { return read_size(fields[BinanceKey::q], "q", scale, event.size); },
                      [&] { return read_bool(fields[BinanceKey::m], "m", is_buyer_maker); });
    event.aggressor_side = is_buyer_maker ? Side::ask : Side::bid;
    return status;
  }

  [[nodiscard]] DecodeStatus quote(QuoteEvent& event) const noexcept {
    event.instrument = instrument;
    return read_in_order(
        [&] { return id(BinanceKey::u, event.update_id); },
        [&] { return time(BinanceKey::E, event.ts_event_ns); },
        [&] { return read_quote_level(fields[BinanceKey::b], fields[BinanceKey::B], scale, event.bid); },
        [&] { return read_quote_level(fields[BinanceKey::a], fields[BinanceKey::A], scale, event.ask); });
  }

  [[nodiscard]] DecodeStatus mark(MarkEvent& event) const noexcept {
    event.instrument = instrument;
    const DecodeStatus status =
        read_in_order([&] { return time(BinanceKey::E, event.ts_event_ns); },
                      [&] { return read_nearest_price(fields[BinanceKey::p], "p", scale, event.price); },
                      [&] { return read_rate_e8(fields[BinanceKey::r], "r", event.rate_e8); },
                      [&] { return time(BinanceKey::T, event.ts_next_funding_ns); });
    const bool is_timeless = status.is_ok() && event.ts_next_funding_ns == 0;
    return is_timeless ? DecodeStatus{.error = DecodeError::missing_field, .field = "T"} : status;
  }
};

DecodeStatus interpret_event(const Interpretation& payload, BinanceMessage message, Decoded& decoded) {
  switch (message) {
    case BinanceMessage::depth_update:
      decoded.kind = DecodedKind::depth;
      return payload.update(decoded.depth);
    case BinanceMessage::snapshot:
      decoded.kind = DecodedKind::depth;
      return payload.snapshot(decoded.depth);
    case BinanceMessage::book_ticker:
      decoded.kind = DecodedKind::quote;
      return payload.quote(decoded.quote);
    case BinanceMessage::mark_price:
      decoded.kind = DecodedKind::mark;
      return payload.mark(decoded.mark);
    case BinanceMessage::trade:
    case BinanceMessage::aggregate_trade:
      decoded.kind = DecodedKind::trades;
      return payload.trade(message == BinanceMessage::aggregate_trade, decoded.trades.emplace_back());
    case BinanceMessage::other:
      break;
  }
  return {};
}

/// Delivery contracts have a mark price and no funding.
bool has_no_funding(const BinanceFields& fields) noexcept {
  const JsonField& rate = fields[BinanceKey::r];
  return rate.kind == JsonKind::text && rate.text.empty();
}

/// The undocumented USD-M `trade` stream prints entries of price 0 for what is no market trade.
bool is_empty_trade(const BinanceFields& fields) noexcept {
  const JsonField& price = fields[BinanceKey::p];
  return price.kind == JsonKind::text && scan_decimal(price.text).error == DecimalError::none &&
         scan_decimal(price.text).mantissa == 0;
}

}  // namespace

DecodeStatus read_binance(FrameReader& reader, Bytes bytes, BinanceFrame& frame) {
  BinanceFields outer;
  BinanceFields inner;
  std::string_view culprit;
  bool has_inner = false;
  const DecodeError error = reader.read_root(bytes, [&](std::string_view key, FrameReader::Value value) {
    if (key != "data" || FrameReader::first_char(value) != '{') {
      return capture_member(reader, key, value, outer, culprit);
    }
    if (has_inner) return DecodeError::duplicate_field;
    has_inner = true;
    return FrameReader::read_object(value, [&](std::string_view inner_key, FrameReader::Value inner_value) {
      return capture_member(reader, inner_key, inner_value, inner, culprit);
    });
  });
  if (error != DecodeError::none)
    return {.error = error, .field = error == DecodeError::duplicate_field ? culprit : ""};
  if (reader.is_array()) return {};

  const JsonField& stream = outer[BinanceKey::stream];
  const bool is_wrapped = has_inner && stream.kind == JsonKind::text;
  frame.payload = is_wrapped ? inner : outer;
  const JsonField& type = frame.payload[BinanceKey::e];
  if (type.kind != JsonKind::absent && type.kind != JsonKind::text)
    return {.error = DecodeError::wrong_type, .field = "e"};
  frame.message = classify(frame.payload, is_wrapped ? stream.text : std::string_view{});
  return {};
}

DecodeStatus interpret_binance(const BinanceRules& rules, const BinanceFrame& frame, const SourceSpec& source,
                               const InstrumentTable& table, const FrameReader& reader, Decoded& decoded) {
  const bool is_reply = source.kind == SourceKind::rest_depth;
  const bool is_snapshot = frame.message == BinanceMessage::snapshot;
  if (is_reply && !is_snapshot) return {.error = DecodeError::missing_field, .field = "lastUpdateId"};
  // On a socket this shape is a partial-depth stream of top levels: not for us.
  if (frame.message == BinanceMessage::other || is_reply != is_snapshot) return {};
  const bool is_mark = frame.message == BinanceMessage::mark_price;
  if (is_mark && (rules.venue != Venue::binance_usdm || has_no_funding(frame.payload))) return {};

  InstrumentId instrument = source.instrument;
  if (is_reply && instrument >= table.size()) return {.error = DecodeError::unknown_source, .field = ""};
  if (!is_reply) {
    std::string_view symbol;
    if (const DecodeStatus status = read_text(frame.payload[BinanceKey::s], "s", symbol); !status.is_ok())
      return status;
    instrument = table.find(rules.venue, symbol);
    decoded.is_unknown_symbol = instrument == no_instrument;
    if (decoded.is_unknown_symbol) return {};
  }
  if (frame.message == BinanceMessage::trade && is_empty_trade(frame.payload)) return {};
  const Interpretation payload{rules, frame.payload, reader, table.scale(instrument), instrument};
  return interpret_event(payload, frame.message, decoded);
}

}  // namespace lob
