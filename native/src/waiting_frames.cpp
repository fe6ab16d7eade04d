#include "instrument_feed.hpp"

namespace lob {
namespace {
constexpr std::size_t header_bytes = 9 * 8;
constexpr std::size_t level_bytes = 2 * 8;
}  // namespace

void WaitingFrames::push(const DepthEvent& event, TsNs ts_recv_ns) {
  headers_.push_back({.first_id = event.first_id,
                      .last_id = event.last_id,
                      .previous_id = event.previous_id,
                      .ts_event_ns = event.ts_event_ns,
                      .ts_engine_ns = event.ts_engine_ns,
                      .ts_recv_ns = ts_recv_ns,
                      .level_begin = levels_.size(),
                      .bid_count = event.bids.size(),
                      .ask_count = event.asks.size()});
  levels_.insert(levels_.end(), event.bids.begin(), event.bids.end());
  levels_.insert(levels_.end(), event.asks.begin(), event.asks.end());
}

TsNs WaitingFrames::read_front(DepthEvent& event) const {
  const Header& header = front();
  event.is_snapshot = false;
  event.first_id = header.first_id;
  event.last_id = header.last_id;
  event.previous_id = header.previous_id;
  event.ts_event_ns = header.ts_event_ns;
  event.ts_engine_ns = header.ts_engine_ns;
  const auto bids = levels_.begin() + static_cast<std::ptrdiff_t>(header.level_begin);
  const auto asks = bids + static_cast<std::ptrdiff_t>(header.bid_count);
  event.bids.assign(bids, asks);
  event.asks.assign(asks, asks + static_cast<std::ptrdiff_t>(header.ask_count));
  return header.ts_recv_ns;
}

void WaitingFrames::pop_front() noexcept {
  ++front_;
  if (is_empty()) clear();
}

void WaitingFrames::clear() noexcept {
  headers_.clear();
  levels_.clear();
  front_ = 0;
}

void WaitingFrames::save(ByteWriter& writer) const {
  writer.put_count(count());
  for (std::size_t i = front_; i < headers_.size(); ++i) {
    const Header& header = headers_[i];
    writer.put(header.first_id);
    writer.put(header.last_id);
    writer.put(header.previous_id);
    writer.put(header.ts_event_ns);
    writer.put(header.ts_engine_ns);
    writer.put(header.ts_recv_ns);
    writer.put(header.bid_count);
    writer.put(header.ask_count);
  }
  const std::size_t begin = is_empty() ? levels_.size() : static_cast<std::size_t>(front().level_begin);
  writer.put_count(levels_.size() - begin);
  for (std::size_t i = begin; i < levels_.size(); ++i) writer.put(levels_[i]);
}

bool WaitingFrames::load(ByteReader& reader) {
  clear();
  std::size_t count = 0;
  if (!reader.get_count(count, header_bytes - 8)) return false;
  std::uint64_t level_total = 0;
  for (; count != 0; --count) {
    Header& header = headers_.emplace_back();
    const bool is_read = reader.get(header.first_id) && reader.get(header.last_id) &&
                         reader.get(header.previous_id) && reader.get(header.ts_event_ns) &&
                         reader.get(header.ts_engine_ns) && reader.get(header.ts_recv_ns) &&
                         reader.get(header.bid_count) && reader.get(header.ask_count);
    constexpr std::uint64_t levels_max = std::uint64_t{1} << 32;
    if (!is_read) return false;
    if (header.bid_count > levels_max || header.ask_count > levels_max) return reader.fail();
    header.level_begin = level_total;
    level_total += header.bid_count + header.ask_count;
  }
  std::size_t level_count = 0;
  if (!reader.get_count(level_count, level_bytes)) return false;
  if (level_count != level_total) return reader.fail();
  levels_.resize(level_count);
  for (Level& level : levels_) {
    if (!reader.get(level)) return false;
    if (level.price.value <= 0 || level.size.value < 0) return reader.fail();
  }
  return true;
}

}  // namespace lob
