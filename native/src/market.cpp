#include "lob/market.hpp"

#include <algorithm>
#include <stdexcept>

#include "instrument_feed.hpp"

namespace lob {
namespace {

constexpr std::uint32_t checkpoint_version = 4;

/// Printable head of a frame, for people.
void append_excerpt(std::string& text, Bytes frame) {
  constexpr std::size_t excerpt_bytes = 80;
  for (const std::byte byte : frame.first(std::min(frame.size(), excerpt_bytes))) {
    const char c = static_cast<char>(byte);
    text.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
}

FeedIdentity identity_of(const InstrumentSpec& spec) {
  return {.name = std::string(text_of(spec.venue)) + ":" + spec.symbol,
          .units = spec.tick + " " + spec.size_unit};
}

void put(ByteWriter& writer, const MarkEvent& mark) {
  writer.put(mark.ts_event_ns);
  writer.put(mark.price);
  writer.put(mark.rate_e8);
  writer.put(mark.ts_next_funding_ns);
}

bool get(ByteReader& reader, MarkEvent& mark) {
  return reader.get(mark.ts_event_ns) && reader.get(mark.price) && reader.get(mark.rate_e8) &&
         reader.get(mark.ts_next_funding_ns);
}

std::string wrong_source(std::size_t at, std::string_view what) {
  return "source " + std::to_string(at) + ": " + std::string(what);
}

void check_sources(std::span<const SourceSpec> sources, std::span<const InstrumentSpec> instruments) {
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const InstrumentId instrument = sources[i].instrument;
    const bool is_named = instrument != no_instrument;
    if (is_named && instrument >= instruments.size()) {
      throw std::invalid_argument(wrong_source(i, "its instrument is not in the table"));
    }
    if (is_named && instruments[instrument].venue != sources[i].venue) {
      throw std::invalid_argument(wrong_source(i, "its instrument is of another venue"));
    }
    if (!is_named && sources[i].kind == SourceKind::rest_depth) {
      throw std::invalid_argument(
          wrong_source(i, "a rest_depth source must name its instrument: replies carry no symbol"));
    }
  }
}

}  // namespace

Market::Market(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources,
               FeedLimits limits)
    : sources_(sources.begin(), sources.end()), decoder_(std::make_unique<Decoder>(instruments)) {
  check_sources(sources, instruments);
  feeds_.reserve(instruments.size());
  identities_.reserve(instruments.size());
  for (std::size_t i = 0; i < instruments.size(); ++i) {
    feeds_.emplace_back(static_cast<InstrumentId>(i), instruments[i].venue, limits);
    identities_.push_back(identity_of(instruments[i]));
    marks_.emplace_back();
  }
}

Market::~Market() = default;
Market::Market(Market&&) noexcept = default;
Market& Market::operator=(Market&&) noexcept = default;

const MarketChange& Market::on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame,
                                     MarketOutputs& out, MarketObserver* observer) {
  change_ = {};
  ++counters_.frames;
  if (connection >= sources_.size()) {
    reject(seq, connection, ts_recv_ns, {.error = DecodeError::unknown_source, .field = ""}, frame, out);
    return change_;
  }
  const DecodeStatus status = decoder_->decode(sources_[connection], frame);
  if (!status.is_ok()) {
    reject(seq, connection, ts_recv_ns, status, frame, out);
    return change_;
  }
  FeedSink sink{seq, ts_recv_ns, out, observer, change_, counters_};
  apply(sink);
  return change_;
}

void Market::apply(FeedSink& sink) {
  const Decoded& decoded = decoder_->decoded();
  switch (decoded.kind) {
    case DecodedKind::ignored:
      ++counters_.ignored;
      counters_.unknown_symbols += decoded.is_unknown_symbol ? 1 : 0;
      return;
    case DecodedKind::depth:
      change_.instrument = decoded.depth.instrument;
      feeds_[decoded.depth.instrument].on_depth(decoded.depth, sink);
      return;
    case DecodedKind::trades:
      apply_trades(decoded.trades, sink);
      return;
    case DecodedKind::quote:
      apply_quote(decoded.quote, sink);
      return;
    case DecodedKind::mark:
      apply_mark(decoded.mark, sink);
      return;
  }
}

void Market::apply_trades(const std::vector<TradeEvent>& trades, FeedSink& sink) {
  change_.instrument = trades.front().instrument;
  change_.trades = trades;
  for (const TradeEvent& trade : trades) {
    if (sink.out.emit_trades) {
      sink.out.trades.push_back({.seq = sink.seq,
                                 .ts_recv_ns = sink.ts_recv_ns,
                                 .ts_event_ns = trade.ts_event_ns,
                                 .ts_engine_ns = trade.ts_engine_ns,
                                 .trade_id = trade.trade_id,
                                 .price_ticks = trade.price.value,
                                 .size_units = trade.size.value,
                                 .instrument = trade.instrument,
                                 .aggressor_side = static_cast<std::uint8_t>(trade.aggressor_side),
                                 .is_aggregate = static_cast<std::uint8_t>(trade.is_aggregate ? 1 : 0),
                                 .reserved = 0});
    }
    if (sink.observer != nullptr) sink.observer->on_trade(trade.instrument, trade);
  }
}

void Market::apply_quote(const QuoteEvent& quote, FeedSink& sink) {
  change_.instrument = quote.instrument;
  if (!sink.out.emit_quotes) return;
  sink.out.quotes.push_back({.seq = sink.seq,
                             .ts_recv_ns = sink.ts_recv_ns,
                             .ts_event_ns = quote.ts_event_ns,
                             .update_id = quote.update_id,
                             .bid_price_ticks = quote.bid.price.value,
                             .bid_size_units = quote.bid.size.value,
                             .ask_price_ticks = quote.ask.price.value,
                             .ask_size_units = quote.ask.size.value,
                             .instrument = quote.instrument,
                             .reserved = 0});
}

void Market::apply_mark(const MarkEvent& mark, FeedSink& sink) {
  change_.instrument = mark.instrument;
  if (sink.observer != nullptr) sink.observer->on_mark(mark.instrument, mark);
  marks_[mark.instrument] = mark;
}

void Market::reject(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, DecodeStatus status,
                    Bytes frame, MarketOutputs& out) {
  ++counters_.rejected;
  RejectRecord record{.seq = seq,
                      .ts_ns = ts_recv_ns,
                      .connection_id = connection,
                      .code = static_cast<std::uint32_t>(status.error),
                      .text_offset = 0,
                      .text_length = 0};
  if (out.arena != nullptr) {
    const std::size_t begin = out.arena->size();
    out.arena->append(text_of(status.error));
    if (!status.field.empty()) out.arena->append(" (").append(status.field).append(")");
    out.arena->append("; the frame begins: ");
    append_excerpt(*out.arena, frame);
    record.text_offset = static_cast<std::uint32_t>(begin);
    record.text_length = static_cast<std::uint32_t>(out.arena->size() - begin);
  }
  out.rejects.push_back(record);
}

void Market::reset(std::uint64_t seq, InstrumentId instrument, TsNs ts_recv_ns, MarketOutputs& out,
                   MarketObserver* observer) {
  change_ = {};
  FeedSink sink{seq, ts_recv_ns, out, observer, change_, counters_};
  feeds_.at(instrument).reset(sink);
}

std::size_t Market::instrument_count() const noexcept {
  return feeds_.size();
}
const OrderBook& Market::book(InstrumentId instrument) const {
  return feeds_.at(instrument).book();
}
FeedState Market::state(InstrumentId instrument) const {
  return feeds_.at(instrument).state();
}
const InstrumentScale& Market::scale(InstrumentId instrument) const {
  return decoder_->scale(instrument);
}
TsNs Market::ts_last_update_ns(InstrumentId instrument) const {
  return feeds_.at(instrument).ts_last_update_ns();
}
std::int64_t Market::last_update_id(InstrumentId instrument) const {
  return feeds_.at(instrument).last_update_id();
}

void Market::save(ByteWriter& writer) const {
  writer.put(checkpoint_version);
  writer.put_count(feeds_.size());
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    writer.put_text(identities_[i].name);
    writer.put_text(identities_[i].units);
    feeds_[i].save(writer);
    put(writer, marks_[i]);
  }
  counters_.for_each([&](std::string_view, const std::uint64_t& count) { writer.put(count); });
}

bool Market::load(ByteReader& reader) {
  std::uint32_t version = 0;
  std::size_t count = 0;
  if (!reader.get(version) || !reader.get_count(count, 1)) return false;
  if (version != checkpoint_version) return reader.fail();
  for (; count != 0; --count) {
    if (!load_feed(reader)) return false;
  }
  counters_.for_each([&](std::string_view, std::uint64_t& counter) { reader.get(counter); });
  return reader.is_ok();
}

bool Market::load_feed(ByteReader& reader) {
  FeedIdentity saved;
  if (!reader.get_text(saved.name) || !reader.get_text(saved.units)) return false;
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    if (identities_[i].name != saved.name) continue;
    if (identities_[i].units != saved.units) return reader.fail();
    marks_[i].instrument = static_cast<InstrumentId>(i);
    return feeds_[i].load(reader) && get(reader, marks_[i]);
  }
  return reader.fail();
}

}  // namespace lob
