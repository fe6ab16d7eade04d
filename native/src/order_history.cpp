#include "lob/order_history.hpp"

#include <algorithm>

namespace lob {
namespace {

constexpr std::uint64_t slots_max = 1U << 16U;

template <class Entry>
void push_bounded(std::deque<Entry>& queue, const Entry& entry) {
  queue.push_back(entry);
  if (queue.size() > history_max) queue.pop_front();
}

/// Drops what no window that ends at `ts_ns` or later can hold.
void forget(std::deque<TsNs>& times_ns, TsNs window_ns, TsNs ts_ns) {
  while (!times_ns.empty() && ts_ns - times_ns.front() >= window_ns) times_ns.pop_front();
}

std::uint32_t count_in_window(const std::deque<TsNs>& times_ns, TsNs window_ns, TsNs ts_ns) noexcept {
  const auto first = std::upper_bound(times_ns.begin(), times_ns.end(), ts_ns - window_ns);
  return static_cast<std::uint32_t>(times_ns.end() - first);
}

std::size_t index(Venue venue) noexcept {
  return static_cast<std::size_t>(venue);
}

void put(ByteWriter& writer, const std::deque<TsNs>& times_ns) {
  writer.put_count(times_ns.size());
  for (const TsNs ts_ns : times_ns) writer.put(ts_ns);
}

bool get(ByteReader& reader, std::deque<TsNs>& times_ns) {
  std::size_t count = 0;
  if (!reader.get_count(count, sizeof(TsNs))) return false;
  if (count > history_max) return reader.fail();
  times_ns.resize(count);
  for (TsNs& ts_ns : times_ns) {
    if (!reader.get(ts_ns)) return false;
  }
  return std::is_sorted(times_ns.begin(), times_ns.end()) || reader.fail();
}

}  // namespace

OrderHistory::OrderHistory(const RiskLimits& limits)
    : order_window_ns_(limits.order_rate_window_ns),
      duplicate_window_ns_(limits.duplicate_ns.value_or(0)),
      error_window_ns_(limits.error_window_ns),
      gap_window_ns_(limits.data_quality_window_ns) {}

void OrderHistory::note_sent(std::uint32_t slot, Venue venue, Side side, PriceTicks price, SizeUnits size,
                             TsNs ts_ns) {
  Times& times_ns = sent_by_venue_[index(venue)];
  forget(times_ns, order_window_ns_, ts_ns);
  push_bounded(times_ns, ts_ns);

  while (!sent_.empty() && ts_ns - sent_.front().ts_ns >= duplicate_window_ns_) sent_.pop_front();
  const Sent sent{.ts_ns = ts_ns, .slot = slot, .side = side, .price = price, .size = size};
  if (duplicate_window_ns_ > 0) push_bounded(sent_, sent);
}

std::uint32_t OrderHistory::orders_in_window(Venue venue, TsNs ts_ns) const noexcept {
  return count_in_window(sent_by_venue_[index(venue)], order_window_ns_, ts_ns);
}

TsNs OrderHistory::ts_same_order_ns(std::uint32_t slot, Side side, PriceTicks price, SizeUnits size,
                                    TsNs ts_ns) const noexcept {
  for (auto sent = sent_.rbegin(); sent != sent_.rend(); ++sent) {
    if (ts_ns - sent->ts_ns >= duplicate_window_ns_) break;
    const bool is_same =
        sent->slot == slot && sent->side == side && sent->price == price && sent->size == size;
    if (is_same) return sent->ts_ns;
  }
  return 0;
}

void OrderHistory::note_error(Venue venue, TsNs ts_ns) {
  Times& times_ns = errors_by_venue_[index(venue)];
  forget(times_ns, error_window_ns_, ts_ns);
  push_bounded(times_ns, ts_ns);
}

std::uint32_t OrderHistory::errors_in_window(Venue venue, TsNs ts_ns) const noexcept {
  return count_in_window(errors_by_venue_[index(venue)], error_window_ns_, ts_ns);
}

void OrderHistory::note_gaps(std::uint32_t slot, std::uint64_t gap_count, TsNs ts_ns) {
  if (gaps_.size() <= slot) gaps_.resize(slot + 1);
  Gaps& gaps = gaps_[slot];
  const bool is_counting = gaps.is_begun && gap_count >= gaps.told;
  const std::uint64_t fresh = is_counting ? gap_count - gaps.told : 0;
  gaps.is_begun = true;
  gaps.told = gap_count;
  forget(gaps.times_ns, gap_window_ns_, ts_ns);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(fresh, history_max); ++i)
    push_bounded(gaps.times_ns, ts_ns);
}

std::uint32_t OrderHistory::gaps_in_window(std::uint32_t slot, TsNs ts_ns) const noexcept {
  return slot < gaps_.size() ? count_in_window(gaps_[slot].times_ns, gap_window_ns_, ts_ns) : 0;
}

void OrderHistory::save(ByteWriter& writer) const {
  for (const Times& times_ns : sent_by_venue_) put(writer, times_ns);
  for (const Times& times_ns : errors_by_venue_) put(writer, times_ns);
  writer.put_count(sent_.size());
  for (const Sent& sent : sent_) {
    writer.put(sent.ts_ns);
    writer.put(sent.slot);
    writer.put(sent.side);
    writer.put(sent.price);
    writer.put(sent.size);
  }
  writer.put_count(gaps_.size());
  for (const Gaps& gaps : gaps_) {
    writer.put(gaps.is_begun);
    writer.put(gaps.told);
    put(writer, gaps.times_ns);
  }
}

bool OrderHistory::load(ByteReader& reader) {
  constexpr std::size_t sent_bytes = 29;
  constexpr std::size_t gaps_bytes = 17;
  for (Times& times_ns : sent_by_venue_) {
    if (!get(reader, times_ns)) return false;
  }
  for (Times& times_ns : errors_by_venue_) {
    if (!get(reader, times_ns)) return false;
  }
  std::size_t count = 0;
  if (!reader.get_count(count, sent_bytes)) return false;
  if (count > history_max) return reader.fail();
  sent_.resize(count);
  for (Sent& sent : sent_) {
    const bool is_read = reader.get(sent.ts_ns) && reader.get(sent.slot) &&
                         reader.get_enum(sent.side, Side::ask) && reader.get(sent.price) &&
                         reader.get(sent.size);
    if (!is_read) return false;
  }
  if (!reader.get_count(count, gaps_bytes)) return false;
  if (count > slots_max) return reader.fail();
  gaps_.resize(count);
  for (Gaps& gaps : gaps_) {
    const bool is_read = reader.get(gaps.is_begun) && reader.get(gaps.told) && get(reader, gaps.times_ns);
    if (!is_read) return false;
  }
  return true;
}

}  // namespace lob
