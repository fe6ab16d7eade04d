#include "lob/matching.hpp"

#include <algorithm>

namespace lob {

SimVenue::SimVenue(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources,
                   FeedLimits limits, const MatchingConfig& config)
    : market_(instruments, sources, limits),
      desk_(instruments, market_, config),
      prints_(instruments.size()) {
  discarded_.emit_book_updates = false;
  discarded_.emit_trades = false;
  discarded_.emit_quotes = false;
}

void SimVenue::on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_recv_ns);
  desk_.arrive_until(ts_now_ns_);
  market_.on_frame(seq, connection, ts_recv_ns, frame, discarded_, this);
  discarded_.feed_events.clear();
  discarded_.gaps.clear();
  discarded_.requests.clear();
  discarded_.rejects.clear();
}

void SimVenue::on_book(InstrumentId instrument, TsNs, const OrderBook& book) {
  desk_.on_book(instrument, book, ts_now_ns_);
}

void SimVenue::on_trade(InstrumentId instrument, const TradeEvent& trade) {
  if (prints_[instrument].is_news(trade)) desk_.on_trade(instrument, trade, ts_now_ns_);
}

// Nothing to do: what was taken stays taken until the next book says otherwise, and resting orders rest.
void SimVenue::on_invalid(InstrumentId) {}

void SimVenue::submit(const OrderRequestRecord& request, TsNs ts_ns) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  desk_.arrive_until(ts_now_ns_);
  desk_.submit(request, ts_now_ns_);
}

void SimVenue::due(TsNs ts_ns, std::vector<TimedReply>& out) {
  ts_now_ns_ = std::max(ts_now_ns_, ts_ns);
  desk_.due(ts_now_ns_, out);
}

void SimVenue::save(ByteWriter& writer) const {
  market_.save(writer);
  desk_.save(writer);
  for (const PrintFilter& prints : prints_) prints.save(writer);
  writer.put(ts_now_ns_);
}

bool SimVenue::load(ByteReader& reader) {
  if (!market_.load(reader) || !desk_.load(reader)) return false;
  for (PrintFilter& prints : prints_) {
    if (!prints.load(reader)) return false;
  }
  return reader.get(ts_now_ns_);
}

}  // namespace lob
