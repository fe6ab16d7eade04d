// The gap ledger as one instrument's feed writes it: a row when the book is lost, the same row when it is
// repaired.
#include <algorithm>

#include "instrument_feed.hpp"

namespace lob {
namespace {

/// Owes: `levels` best first.
bool holds_price(const std::vector<Level>& levels, Side side, PriceTicks price) {
  const auto is_better = [side](const Level& level, PriceTicks than) {
    return side == Side::bid ? level.price > than : level.price < than;
  };
  const auto found = std::lower_bound(levels.begin(), levels.end(), price, is_better);
  return found != levels.end() && found->price == price;
}

}  // namespace

void InstrumentFeed::open_gap(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink) {
  const auto cause = [trigger] {
    switch (trigger) {
      case FeedTrigger::server_restart:
        return GapCause::server_restart;
      case FeedTrigger::crossed:
        return GapCause::crossed_book;
      case FeedTrigger::buffer_full:
        return GapCause::buffer_overflow;
      default:
        return GapCause::sequence_break;
    }
  }();
  // Bridged and crossed at once: the first row ends where the second begins.
  if (gap_) close_gap(GapRepair::none, sink);
  const bool never_synced = last_id_ == no_id;
  gap_.emplace();
  gap_->record = {
      .seq = sink.seq,
      .gap_id = sink.seq,
      .ts_from_ns = never_synced && !waiting_.is_empty() ? waiting_.front().ts_recv_ns : ts_last_update_ns_,
      .ts_to_ns = 0,
      .sequence_from = last_id_,
      .sequence_to = event.first_id == no_id ? event.last_id : event.first_id,
      .instrument = instrument_,
      .levels_touched = 0,
      .cause = static_cast<std::uint8_t>(cause),
      .repaired_by = static_cast<std::uint8_t>(GapRepair::none),
      .is_closed = 0,
      .reserved = {}};
  for (const Side side : {Side::bid, Side::ask}) book_.append_levels(side, gap_->doubtful[index(side)]);
  sink.out.gaps.push_back(gap_->record);
  ++sink.counters.gaps;
}

void InstrumentFeed::close_gap(GapRepair repair, FeedSink& sink) {
  GapRecord& record = gap_->record;
  record.seq = sink.seq;
  record.ts_to_ns = sink.ts_recv_ns;
  record.levels_touched = repair == GapRepair::none ? 0 : count_levels_touched();
  record.repaired_by = static_cast<std::uint8_t>(repair);
  record.is_closed = 1;
  sink.out.gaps.push_back(record);
  gap_.reset();
}

GapRepair InstrumentFeed::repair_kind() const noexcept {
  return pushes_snapshots(venue_) ? GapRepair::pushed_snapshot : GapRepair::rest_snapshot;
}

/// Levels that differ between the book as it was lost and as it is, where both know.
std::uint32_t InstrumentFeed::count_levels_touched() const {
  std::uint32_t touched = 0;
  for (const Side side : {Side::bid, Side::ask}) {
    const auto& before = gap_->doubtful[index(side)];
    if (before.empty()) continue;
    for (const Level& level : before) {  // changed or gone since
      const bool is_known = book_.is_within_horizon(side, level.price);
      touched += is_known && book_.size_at(side, level.price) != level.size ? 1 : 0;
    }
    std::vector<Level> now;
    book_.append_levels(side, now);
    for (const Level& level : now) {  // come since; both lists are best first
      const bool is_known = book_.is_within_horizon(side, level.price);
      touched += is_known && !holds_price(before, side, level.price) ? 1 : 0;
    }
  }
  return touched;
}

}  // namespace lob
