#include "lob/matching_desk.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

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

void check(const LatencyModel& model, const std::string& key) {
  if (model.median_ns < 0 || model.median_ns > latency_max_ns)
    throw std::invalid_argument(key + ": expected 0 to " + std::to_string(latency_max_ns) + " ns");
}

}  // namespace

MatchingDesk::MatchingDesk(std::span<const InstrumentSpec> instruments, const Market& market,
                           const MatchingConfig& config)
    : config_(config), market_(market), fallbacks_(instruments.size()), ts_funded_ns_(instruments.size()) {
  check(config.request_latency, "matching.latency");
  check(config.reply_latency, "matching.reply_latency");
  for (InstrumentId id = 0; id < instruments.size(); ++id) {
    matchers_.emplace_back(MatcherTerms{.instrument = id,
                                        .lot = market.scale(id).lot,
                                        .maker_fee_e8 = instruments[id].maker_fee_e8,
                                        .taker_fee_e8 = instruments[id].taker_fee_e8,
                                        .queue = config.queue});
    is_perpetual_.push_back(instruments[id].market_type == MarketType::perpetual);
  }
  for (const FundingFallback& fallback : config.funding) fallbacks_.at(fallback.instrument) = fallback;
}

void MatchingDesk::on_book(InstrumentId instrument, const OrderBook& book, TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  charge_until(ts_now_ns_);
  matchers_[instrument].on_book(book, ts_now_ns_, fresh_);
  post(ts_now_ns_);
}

void MatchingDesk::on_trade(InstrumentId instrument, const TradeEvent& trade, TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  charge_until(ts_now_ns_);
  matchers_[instrument].on_trade(trade, ts_now_ns_, fresh_);
  post(ts_now_ns_);
}

void MatchingDesk::submit(const OrderRequestRecord& request, TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  const MessageName name{.client_order_id = request.client_order_id, .kind = request.kind};
  const TsNs drawn_ns = ts_now_ns_ + latency_ns(config_.request_latency, name);
  const TsNs before_ns = arrivals_.empty() ? 0 : arrivals_.back().ts_ns;
  arrivals_.push_back({.ts_ns = std::max(before_ns, drawn_ns), .request = request});
}

void MatchingDesk::due(TsNs ts_ns, std::vector<TimedReply>& out) {
  arrive_until(ts_ns);
  while (!replies_.empty() && replies_.front().ts_ns <= ts_now_ns_) {
    out.push_back(replies_.front());
    replies_.pop_front();
  }
}

std::optional<TsNs> MatchingDesk::next_ts_ns() const noexcept {
  const TsNs reply_ns = replies_.empty() ? never_ns : replies_.front().ts_ns;
  const TsNs next_ns = std::min({next_arrival_ns(), next_charge_ns(), reply_ns});
  return next_ns == never_ns ? std::nullopt : std::optional(next_ns);
}

std::size_t MatchingDesk::resting_count() const noexcept {
  std::size_t count = 0;
  for (const InstrumentMatcher& matcher : matchers_) count += matcher.resting_count();
  return count;
}

std::size_t MatchingDesk::open_positions() const noexcept {
  const auto is_open = [](const InstrumentMatcher& matcher) { return matcher.position().value != 0; };
  return static_cast<std::size_t>(std::count_if(matchers_.begin(), matchers_.end(), is_open));
}

void MatchingDesk::arrive_until(TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  while (next_arrival_ns() <= ts_now_ns_) {
    charge_until(next_arrival_ns());
    take_request(arrivals_.front());
    arrivals_.pop_front();
  }
  charge_until(ts_now_ns_);
}

TsNs MatchingDesk::next_funding_ns(InstrumentId instrument) const noexcept {
  if (!is_perpetual_[instrument]) return never_ns;
  const TsNs done_ns = ts_funded_ns_[instrument];
  const TsNs told_ns = market_.mark(instrument).ts_next_funding_ns;
  if (told_ns > 0) return told_ns > done_ns ? told_ns : never_ns;
  const TsNs every_ns = fallbacks_[instrument].every_ns;
  return every_ns > 0 ? (done_ns / every_ns + 1) * every_ns : never_ns;
}

TsNs MatchingDesk::next_charge_ns() const noexcept {
  TsNs next_ns = never_ns;
  for (InstrumentId id = 0; id < matchers_.size(); ++id) {
    if (matchers_[id].position().value != 0) next_ns = std::min(next_ns, next_funding_ns(id));
  }
  return next_ns;
}

void MatchingDesk::charge_until(TsNs ts_ns) {
  for (TsNs ts_funding_ns = next_charge_ns(); ts_funding_ns <= ts_ns; ts_funding_ns = next_charge_ns()) {
    for (InstrumentId id = 0; id < matchers_.size(); ++id) {
      if (next_funding_ns(id) == ts_funding_ns) charge(id, ts_funding_ns);
    }
  }
  // Where nothing was held until now, no earlier funding time is of any concern later.
  for (InstrumentId id = 0; id < matchers_.size(); ++id) {
    if (is_perpetual_[id] && matchers_[id].position().value == 0) ts_funded_ns_[id] = ts_ns;
  }
}

void MatchingDesk::charge(InstrumentId instrument, TsNs ts_funding_ns) {
  ts_funded_ns_[instrument] = ts_funding_ns;
  const std::optional<FundingTerms> terms = funding_terms(instrument);
  if (!terms) return;
  matchers_[instrument].charge_funding(*terms, ts_funding_ns, fresh_);
  post(ts_funding_ns);
}

std::optional<FundingTerms> MatchingDesk::funding_terms(InstrumentId instrument) const {
  const MarkEvent& told = market_.mark(instrument);
  if (told.ts_next_funding_ns > 0) return FundingTerms{.mark = told.price, .rate_e8 = told.rate_e8};
  const OrderBook& book = market_.book(instrument);
  const std::optional<Level> bid = book.best(Side::bid);
  const std::optional<Level> ask = book.best(Side::ask);
  if (!bid || !ask) return std::nullopt;
  const PriceTicks mid{bid->price.value + (ask->price.value - bid->price.value + 1) / 2};
  return FundingTerms{.mark = mid, .rate_e8 = fallbacks_[instrument].rate_e8};
}

void MatchingDesk::take_request(const Arrival& arrival) {
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

void MatchingDesk::post(TsNs ts_ns) {
  for (const SimReply& reply : fresh_) {
    // Two replies of one kind about one order differ in what was filled, two fundings in their time.
    const bool is_funding = reply.kind == static_cast<std::uint8_t>(SimReplyKind::funding);
    const MessageName name{
        .client_order_id = reply.client_order_id,
        .way = MessageWay::reply,
        .kind = reply.kind,
        .detail = static_cast<std::uint64_t>(is_funding ? reply.ts_venue_ns : reply.cumulative_units)};
    const TsNs drawn_ns = ts_ns + latency_ns(config_.reply_latency, name);
    const TsNs before_ns = replies_.empty() ? 0 : replies_.back().ts_ns;
    replies_.push_back({.ts_ns = std::max(before_ns, drawn_ns), .reply = reply});
  }
  fresh_.clear();
}

void MatchingDesk::save(ByteWriter& writer) const {
  writer.put_count(matchers_.size());
  for (const InstrumentMatcher& matcher : matchers_) matcher.save(writer);
  writer.put(ts_now_ns_);
  writer.put_all<TsNs>(ts_funded_ns_);
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

bool MatchingDesk::load(ByteReader& reader) {
  constexpr std::size_t arrival_bytes = 56;
  constexpr std::size_t reply_bytes = 72;
  std::size_t count = 0;
  if (!reader.get_count(count, 1)) return false;
  if (count != matchers_.size()) return reader.fail();
  for (InstrumentMatcher& matcher : matchers_) {
    if (!matcher.load(reader)) return false;
  }
  arrivals_.clear();
  replies_.clear();
  if (!reader.get(ts_now_ns_) || !reader.get_all<TsNs>(ts_funded_ns_)) return false;
  if (!reader.get_count(count, arrival_bytes)) return false;
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
