#include "lob/matching.hpp"

#include <algorithm>
#include <stdexcept>

namespace lob {
namespace {

void put(ByteWriter& writer, const OrderRequestRecord& request) {
  writer.put(request.seq);
  writer.put(request.ts_ns);
  writer.put(request.client_order_id);
  writer.put(request.price_ticks);
  writer.put(request.size_units);
  writer.put(request.instrument);
  writer.put(request.kind);
  writer.put(request.side);
  writer.put(request.type);
  writer.put(request.time_in_force);
}

bool get(ByteReader& reader, OrderRequestRecord& request) {
  return reader.get(request.seq) && reader.get(request.ts_ns) && reader.get(request.client_order_id) &&
         reader.get(request.price_ticks) && reader.get(request.size_units) &&
         reader.get(request.instrument) && reader.get(request.kind) && reader.get(request.side) &&
         reader.get(request.type) && reader.get(request.time_in_force);
}

bool get(ByteReader& reader, SimReply& reply) {
  SimReplyBytes raw{};
  for (std::byte& byte : raw) {
    if (!reader.get(byte)) return false;
  }
  const auto decoded = decode_sim_reply(raw);
  if (!decoded) return reader.fail();
  reply = *decoded;
  return true;
}

}  // namespace

SimVenue::SimVenue(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources,
                   FeedLimits limits, MatchingConfig config)
    : config_(config), market_(instruments, sources, limits) {
  if (config.order_latency_ns < 0)
    throw std::invalid_argument("matching.order_latency_ns: expected 0 or more");
  discarded_.emit_book_updates = false;
  discarded_.emit_trades = false;
  discarded_.emit_quotes = false;
  for (InstrumentId id = 0; id < instruments.size(); ++id) {
    matchers_.emplace_back(MatcherTerms{.instrument = id,
                                        .lot = market_.scale(id).lot,
                                        .maker_fee_e8 = instruments[id].maker_fee_e8,
                                        .taker_fee_e8 = instruments[id].taker_fee_e8});
  }
}

void SimVenue::on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame) {
  arrive_until(ts_recv_ns);
  market_.on_frame(seq, connection, ts_recv_ns, frame, discarded_, this);
  discarded_.feed_events.clear();
  discarded_.gaps.clear();
  discarded_.requests.clear();
  discarded_.rejects.clear();
  post(ts_now_ns_);
}

void SimVenue::on_book(InstrumentId instrument, TsNs, const OrderBook& book) {
  matchers_[instrument].on_book(book);
}

void SimVenue::on_trade(InstrumentId instrument, const TradeEvent& trade) {
  matchers_[instrument].on_trade(trade, ts_now_ns_, fresh_);
}

// Nothing to do: what was taken stays taken until the next book says otherwise, and resting orders rest.
void SimVenue::on_invalid(InstrumentId) {}

void SimVenue::submit(const OrderRequestRecord& request, TsNs ts_ns) {
  arrive_until(ts_ns);
  arrivals_.push_back({.ts_ns = ts_now_ns_ + config_.order_latency_ns, .request = request});
}

void SimVenue::due(TsNs ts_ns, std::vector<TimedReply>& out) {
  arrive_until(ts_ns);
  while (!replies_.empty() && replies_.front().ts_ns <= ts_now_ns_) {
    out.push_back(replies_.front());
    replies_.pop_front();
  }
}

std::optional<TsNs> SimVenue::next_ts_ns() const noexcept {
  if (arrivals_.empty() && replies_.empty()) return std::nullopt;
  if (arrivals_.empty()) return replies_.front().ts_ns;
  if (replies_.empty()) return arrivals_.front().ts_ns;
  return std::min(arrivals_.front().ts_ns, replies_.front().ts_ns);
}

std::size_t SimVenue::resting_count() const noexcept {
  std::size_t count = 0;
  for (const InstrumentMatcher& matcher : matchers_) count += matcher.resting_count();
  return count;
}

void SimVenue::arrive_until(TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  while (!arrivals_.empty() && arrivals_.front().ts_ns <= ts_now_ns_) {
    take_request(arrivals_.front());
    arrivals_.pop_front();
  }
}

void SimVenue::take_request(const Arrival& arrival) {
  const InstrumentId instrument = arrival.request.instrument;
  if (instrument >= matchers_.size()) {
    SimReply reply;
    reply.client_order_id = arrival.request.client_order_id;
    reply.ts_venue_ns = arrival.ts_ns;
    reply.instrument = instrument;
    reply.kind = static_cast<std::uint8_t>(SimReplyKind::rejected);
    reply.side = arrival.request.side & 1U;
    reply.reason = static_cast<std::uint8_t>(SimReason::unknown_instrument);
    fresh_.push_back(reply);
  } else {
    const bool is_known = market_.state(instrument) == FeedState::synced;
    const OrderBook* book = is_known ? &market_.book(instrument) : nullptr;
    matchers_[instrument].on_request(arrival.request, book, arrival.ts_ns, fresh_);
  }
  post(arrival.ts_ns);
}

void SimVenue::post(TsNs ts_ns) {
  for (const SimReply& reply : fresh_) {
    replies_.push_back({.ts_ns = ts_ns + config_.order_latency_ns, .reply = reply});
  }
  fresh_.clear();
}

void SimVenue::save(ByteWriter& writer) const {
  market_.save(writer);
  writer.put_count(matchers_.size());
  for (const InstrumentMatcher& matcher : matchers_) matcher.save(writer);
  writer.put(ts_now_ns_);
  writer.put_count(arrivals_.size());
  for (const Arrival& arrival : arrivals_) {
    writer.put(arrival.ts_ns);
    put(writer, arrival.request);
  }
  writer.put_count(replies_.size());
  for (const TimedReply& reply : replies_) {
    writer.put(reply.ts_ns);
    for (const std::byte byte : encode(reply.reply)) writer.put(byte);
  }
}

bool SimVenue::load(ByteReader& reader) {
  constexpr std::size_t arrival_bytes = 56;
  constexpr std::size_t reply_bytes = 72;
  std::size_t count = 0;
  if (!market_.load(reader) || !reader.get_count(count, 1)) return false;
  if (count != matchers_.size()) return reader.fail();
  for (InstrumentMatcher& matcher : matchers_) {
    if (!matcher.load(reader)) return false;
  }
  arrivals_.clear();
  replies_.clear();
  if (!reader.get(ts_now_ns_) || !reader.get_count(count, arrival_bytes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Arrival arrival;
    if (!reader.get(arrival.ts_ns) || !get(reader, arrival.request)) return false;
    arrivals_.push_back(arrival);
  }
  if (!reader.get_count(count, reply_bytes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    TimedReply reply;
    if (!reader.get(reply.ts_ns) || !get(reader, reply.reply)) return false;
    replies_.push_back(reply);
  }
  return true;
}

}  // namespace lob
