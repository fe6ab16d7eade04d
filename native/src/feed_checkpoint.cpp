// The checkpoint of one instrument's feed: every member that a later frame can depend on.
#include "instrument_feed.hpp"

namespace lob {
namespace {

constexpr std::size_t level_bytes = 16;

void save_levels(ByteWriter& writer, const std::vector<Level>& levels) {
  writer.put_count(levels.size());
  for (const Level& level : levels) writer.put(level);
}

bool load_levels(ByteReader& reader, std::vector<Level>& levels) {
  std::size_t count = 0;
  if (!reader.get_count(count, level_bytes)) return false;
  levels.resize(count);
  for (Level& level : levels) {
    if (!reader.get(level)) return false;
    if (level.price.value <= 0 || level.size.value < 0) return reader.fail();
  }
  return true;
}

void save_event(ByteWriter& writer, const DepthEvent& event) {
  writer.put(event.instrument);
  writer.put(event.is_snapshot);
  writer.put(event.first_id);
  writer.put(event.last_id);
  writer.put(event.previous_id);
  writer.put(event.ts_event_ns);
  writer.put(event.ts_engine_ns);
  save_levels(writer, event.bids);
  save_levels(writer, event.asks);
}

bool load_event(ByteReader& reader, DepthEvent& event) {
  return reader.get(event.instrument) && reader.get(event.is_snapshot) && reader.get(event.first_id) &&
         reader.get(event.last_id) && reader.get(event.previous_id) && reader.get(event.ts_event_ns) &&
         reader.get(event.ts_engine_ns) && load_levels(reader, event.bids) && load_levels(reader, event.asks);
}

}  // namespace

void InstrumentFeed::save(ByteWriter& writer) const {
  writer.put(state_);
  writer.put(last_id_);
  writer.put(last_sequence_);
  writer.put(ts_last_update_ns_);
  writer.put(is_bridge_due_);
  writer.put(is_request_open_);
  writer.put(requests_left_);
  for (const std::int64_t bound : refresh_below_ticks_) writer.put(bound);
  book_.save(writer);
  waiting_.save(writer);
  writer.put(pending_.is_held);
  if (pending_.is_held) {
    writer.put(pending_.ts_recv_ns);
    save_event(writer, pending_.event);
  }
  writer.put(gap_.has_value());
  if (gap_) save_gap(writer);
}

bool InstrumentFeed::load(ByteReader& reader) {
  bool is_read = reader.get_enum(state_, FeedState::gap) && reader.get(last_id_) &&
                 reader.get(last_sequence_) && reader.get(ts_last_update_ns_) && reader.get(is_bridge_due_) &&
                 reader.get(is_request_open_) && reader.get(requests_left_);
  for (std::int64_t& bound : refresh_below_ticks_) is_read = is_read && reader.get(bound);
  is_read = is_read && book_.load(reader) && waiting_.load(reader) && reader.get(pending_.is_held);
  if (is_read && pending_.is_held)
    is_read = reader.get(pending_.ts_recv_ns) && load_event(reader, pending_.event);
  pending_.event.instrument = instrument_;  // the id of this table, not of the one that was saved
  bool has_gap = false;
  is_read = is_read && reader.get(has_gap);
  gap_.reset();
  if (is_read && has_gap) is_read = load_gap(reader);
  return is_read;
}

void InstrumentFeed::save_gap(ByteWriter& writer) const {
  const GapRecord& record = gap_->record;
  writer.put(record.seq);
  writer.put(record.gap_id);
  writer.put(record.ts_from_ns);
  writer.put(record.sequence_from);
  writer.put(record.sequence_to);
  writer.put(record.cause);
  for (const auto& levels : gap_->doubtful) save_levels(writer, levels);
}

bool InstrumentFeed::load_gap(ByteReader& reader) {
  gap_.emplace();
  GapRecord& record = gap_->record;
  record.instrument = instrument_;
  bool is_read = reader.get(record.seq) && reader.get(record.gap_id) && reader.get(record.ts_from_ns) &&
                 reader.get(record.sequence_from) && reader.get(record.sequence_to) &&
                 reader.get(record.cause);
  for (auto& levels : gap_->doubtful) is_read = is_read && load_levels(reader, levels);
  return is_read;
}

}  // namespace lob
