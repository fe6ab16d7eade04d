#include "instrument_feed.hpp"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace lob {

namespace {
/// A new snapshot is wanted once the best level has used up all but this part of the way to the horizon.
constexpr std::int64_t corridor_parts = 16;
}  // namespace

InstrumentFeed::InstrumentFeed(InstrumentId instrument, Venue venue, FeedLimits limits)
    : instrument_(instrument), venue_(venue), limits_(limits), requests_left_(limits.requests_max) {}

// ---- What comes in
// --------------------------------------------------------------------------------------------

void InstrumentFeed::on_depth(const DepthEvent& event, FeedSink& sink) {
  if (event.is_snapshot) {
    pushes_snapshots(venue_) ? on_pushed_snapshot(event, sink) : on_pulled_snapshot(event, sink);
    return;
  }
  switch (state_) {
    case FeedState::unsynced:
      fire(FeedTrigger::first_frame, event, sink);
      return;
    case FeedState::buffering:
    case FeedState::gap:
      on_waiting_update(event, sink);
      return;
    case FeedState::synced:
      on_live_update(event, sink);
      return;
  }
}

/// The venue's snapshot on the stream: whole and current by itself.
void InstrumentFeed::on_pushed_snapshot(const DepthEvent& snapshot, FeedSink& sink) {
  if (state_ != FeedState::synced) return fire(FeedTrigger::bridge, snapshot, sink);
  if (snapshot.last_id == 1) return fire(FeedTrigger::server_restart, snapshot, sink);
  const bool is_next = snapshot.last_id == last_id_ || snapshot.last_id == last_id_ + 1;
  fire(is_next ? FeedTrigger::snapshot : FeedTrigger::bridge, snapshot, sink);
}

/// A REST reply: of use only if it is newer than what the book, or the snapshot held, knows.
void InstrumentFeed::on_pulled_snapshot(const DepthEvent& snapshot, FeedSink& sink) {
  is_request_open_ = false;
  const bool is_old = (state_ == FeedState::synced && snapshot.last_id <= last_id_) ||
                      (pending_.is_held && snapshot.last_id <= pending_.event.last_id);
  if (is_old) {
    ++sink.counters.snapshots_unused;
    return;
  }
  fire(FeedTrigger::snapshot, snapshot, sink);
  if (state_ != FeedState::synced) join_snapshot_and_frames(sink);
}

void InstrumentFeed::on_waiting_update(const DepthEvent& event, FeedSink& sink) {
  if (pushes_snapshots(venue_)) {  // a pushed snapshot will replace whatever this says
    ++sink.counters.depth_older;
    return;
  }
  switch (link_to_waiting(event)) {
    case FeedLink::older:
      ++sink.counters.depth_older;
      return;
    case FeedLink::breaks:
      fire(FeedTrigger::discontinuity, event, sink);
      break;
    case FeedLink::follows:
      if (waiting_.count() >= limits_.buffer_frames_max) {
        fire(FeedTrigger::buffer_full, event, sink);
      } else {
        waiting_.push(event, sink.ts_recv_ns);
      }
      break;
  }
  join_snapshot_and_frames(sink);
}

/// With nothing waiting, a snapshot is held and the join will judge.
FeedLink InstrumentFeed::link_to_waiting(const DepthEvent& event) const noexcept {
  return waiting_.is_empty() ? FeedLink::follows : link_of(venue_, event, waiting_.back().last_id);
}

void InstrumentFeed::on_live_update(const DepthEvent& event, FeedSink& sink) {
  const FeedLink link =
      is_bridge_due_ ? bridge_of(venue_, event, last_id_) : link_of(venue_, event, last_id_);
  switch (link) {
    case FeedLink::older:
      if (counts_anew(event)) return fire(FeedTrigger::discontinuity, event, sink);
      ++sink.counters.depth_older;
      return;
    case FeedLink::breaks:
      fire(FeedTrigger::discontinuity, event, sink);
      return;
    case FeedLink::follows:
      break;
  }
  if (!apply(event, sink.ts_recv_ns, sink)) {
    fire(FeedTrigger::crossed, event, sink);
    if (!pushes_snapshots(venue_))
      waiting_.push(event, sink.ts_recv_ns);  // the stream itself goes on unbroken
    return;
  }
  requests_left_ = limits_.requests_max;
  refresh_before_horizon(sink);
}

/// The server restarted and its snapshot, u = 1, was lost: ids are low again, what they number is new.
bool InstrumentFeed::counts_anew(const DepthEvent& event) const noexcept {
  return last_sequence_ != no_id && event.sequence > last_sequence_;
}

/// Looks for the frame that bridges the snapshot held. Older frames are dropped; a hole between means that
/// the snapshot is too old: another is asked for, the frames are kept.
void InstrumentFeed::join_snapshot_and_frames(FeedSink& sink) {
  if (!pending_.is_held) return;
  while (!waiting_.is_empty()) {
    waiting_.read_front(replayed_);
    switch (bridge_of(venue_, replayed_, pending_.event.last_id)) {
      case FeedLink::older:
        waiting_.pop_front();
        continue;
      case FeedLink::follows:
        fire(FeedTrigger::bridge, replayed_, sink);
        return;
      case FeedLink::breaks:
        pending_.is_held = false;
        ++sink.counters.snapshots_unused;
        request_snapshot(sink);
        return;
    }
  }
}

// ---- The machine
// ----------------------------------------------------------------------------------------------

void InstrumentFeed::fire(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink) {
  const FeedTransition* row = find_transition(state_, trigger);
  if (row == nullptr) {  // a hole in the table is our own bug: say so even in a release build
    assert(false && "unlisted feed transition");
    std::abort();
  }
  sink.out.feed_events.push_back({.seq = sink.seq,
                                  .ts_recv_ns = sink.ts_recv_ns,
                                  .update_id = event.last_id,
                                  .instrument = instrument_,
                                  .state_from = static_cast<std::uint8_t>(row->from),
                                  .state_to = static_cast<std::uint8_t>(row->to),
                                  .trigger = static_cast<std::uint8_t>(trigger),
                                  .reserved = 0});
  state_ = row->to;
  act(row->action, trigger, event, sink);
}

void InstrumentFeed::act(FeedAction action, FeedTrigger trigger, const DepthEvent& event, FeedSink& sink) {
  switch (action) {
    case FeedAction::await_snapshot:
      begin_waiting(trigger, event, sink);
      return;
    case FeedAction::hold_snapshot:
      hold(event, sink.ts_recv_ns);
      return;
    case FeedAction::adopt:
    case FeedAction::adopt_and_close:
      // A pushed snapshot is the event itself; a pulled one was held until `event` bridged it.
      if (pushes_snapshots(venue_)) return adopt(event, sink.ts_recv_ns, sink);
      adopt(pending_.event, pending_.ts_recv_ns, sink);
      return;
    case FeedAction::adopt_newer:
      adopt(event, sink.ts_recv_ns, sink);
      return;
    case FeedAction::adopt_ledgered:
      open_gap(trigger, event, sink);
      drop_book(sink);  // whoever compares with the old book must hear that this one does not continue it
      adopt(event, sink.ts_recv_ns, sink);
      return;
    case FeedAction::open_gap:
      open_gap(trigger, event, sink);
      drop_book(sink);
      begin_waiting(trigger, event, sink);
      return;
    case FeedAction::restart_buffer:
      begin_waiting(trigger, event, sink);
      return;
    case FeedAction::clear:
      clear();
      return;
  }
}

// ---- Actions
// --------------------------------------------------------------------------------------------------

void InstrumentFeed::hold(const DepthEvent& snapshot, TsNs ts_recv_ns) {
  pending_.event = snapshot;
  pending_.ts_recv_ns = ts_recv_ns;
  pending_.is_held = true;
}

/// Replaces the book by `snapshot`, then applies the frames that waited.
void InstrumentFeed::adopt(const DepthEvent& snapshot, TsNs ts_recv_ns, FeedSink& sink) {
  pending_.is_held = false;
  is_request_open_ = false;
  ++sink.counters.snapshots_applied;
  sink.change.book_reset = true;
  book_.clear();
  const bool has_horizon =
      !pushes_snapshots(venue_);  // a pushed window of N levels is kept whole by the venue
  if (has_horizon) set_horizons(snapshot);
  const bool is_applied = apply(snapshot, ts_recv_ns, sink);
  for (const Side side : {Side::bid, Side::ask}) {
    const std::int64_t bound = std::max<std::int64_t>(1, corridor_ticks(side) / corridor_parts);
    refresh_below_ticks_[index(side)] = book_.horizon(side) ? bound : 0;
  }
  is_bridge_due_ = has_horizon;
  if (is_applied) {
    apply_waiting(sink);
  } else {
    fire(FeedTrigger::crossed, snapshot, sink);
  }
}

/// Nothing is known beyond the snapshot's worst level.
void InstrumentFeed::set_horizons(const DepthEvent& snapshot) {
  const auto by_price = [](const Level& a, const Level& b) { return a.price < b.price; };
  const auto lowest_bid = std::min_element(snapshot.bids.begin(), snapshot.bids.end(), by_price);
  if (lowest_bid != snapshot.bids.end()) book_.set_horizon(Side::bid, lowest_bid->price);
  const auto highest_ask = std::max_element(snapshot.asks.begin(), snapshot.asks.end(), by_price);
  if (highest_ask != snapshot.asks.end()) book_.set_horizon(Side::ask, highest_ask->price);
}

void InstrumentFeed::apply_waiting(FeedSink& sink) {
  while (!waiting_.is_empty()) {
    const TsNs ts_recv_ns = waiting_.read_front(replayed_);
    if (!apply(replayed_, ts_recv_ns, sink)) {  // this frame and those behind it stay for the next snapshot
      fire(FeedTrigger::crossed, replayed_, sink);
      return;
    }
    waiting_.pop_front();
  }
  if (gap_) close_gap(repair_kind(), sink);
}

/// Applies levels, emits them, tells the observer; false when the book is crossed by it.
bool InstrumentFeed::apply(const DepthEvent& event, TsNs ts_recv_ns, FeedSink& sink) {
  for (const Level& level : event.bids) book_.apply(Side::bid, level.price, level.size);
  for (const Level& level : event.asks) book_.apply(Side::ask, level.price, level.size);
  last_id_ = event.last_id;
  last_sequence_ = event.sequence;
  ts_last_update_ns_ = std::max(ts_last_update_ns_, ts_recv_ns);
  is_bridge_due_ = false;
  sink.change.book_changed = true;
  sink.counters.depth_applied += event.is_snapshot ? 0 : 1;
  if (sink.out.emit_book_updates) emit_levels(event, sink);
  if (book_.is_crossed()) return false;
  if (sink.observer != nullptr) sink.observer->on_book(instrument_, ts_recv_ns, book_);
  return true;
}

/// Frames begin to wait anew, this one first, and a snapshot is asked for.
void InstrumentFeed::begin_waiting(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink) {
  const bool is_overflow = trigger == FeedTrigger::buffer_full;
  if (is_overflow) {  // the reply, if one was under way, is lost or useless by now
    requests_left_ = limits_.requests_max;
    is_request_open_ = false;
  }
  if (trigger != FeedTrigger::crossed) {  // after a cross the stream is whole: what waits stays, the caller
                                          // adds the rest
    waiting_.clear();
    if (!pushes_snapshots(venue_)) waiting_.push(event, sink.ts_recv_ns);
  }
  if (!is_request_open_) request_snapshot(sink);
}

void InstrumentFeed::drop_book(FeedSink& sink) {
  book_.clear();
  refresh_below_ticks_ = {};
  sink.change.book_changed = true;
  sink.change.book_reset = true;
  if (sink.observer != nullptr) sink.observer->on_invalid(instrument_);
}

void InstrumentFeed::reset(FeedSink& sink) {
  if (gap_) close_gap(GapRepair::none, sink);
  fire(FeedTrigger::reset, DepthEvent{}, sink);
  drop_book(sink);
}

void InstrumentFeed::clear() {
  waiting_.clear();
  pending_.is_held = false;
  is_request_open_ = false;
  is_bridge_due_ = false;
  requests_left_ = limits_.requests_max;
  last_id_ = no_id;
  last_sequence_ = no_id;
  ts_last_update_ns_ = 0;
}

void InstrumentFeed::request_snapshot(FeedSink& sink) {
  if (requests_left_ == 0) return;
  --requests_left_;
  is_request_open_ = true;
  ++sink.counters.requests;
  constexpr std::uint8_t rest_snapshot = 0;
  constexpr std::uint8_t subscribe_anew = 1;
  sink.out.requests.push_back({.seq = sink.seq,
                               .ts_recv_ns = sink.ts_recv_ns,
                               .instrument = instrument_,
                               .kind = pushes_snapshots(venue_) ? subscribe_anew : rest_snapshot,
                               .reserved = {}});
}

/// The market walks towards the end of what the snapshot told. Each request halves the bound, so that a venue
/// whose replies do not help is asked a few times only.
void InstrumentFeed::refresh_before_horizon(FeedSink& sink) {
  if (is_request_open_) return;
  for (const Side side : {Side::bid, Side::ask}) {
    std::int64_t& bound = refresh_below_ticks_[index(side)];
    if (bound == 0 || corridor_ticks(side) >= bound) continue;
    bound /= 2;
    request_snapshot(sink);
    return;
  }
}

// ---- Readings
// -------------------------------------------------------------------------------------------------

/// Ticks from the best level to the horizon; 0 when no known level is left.
std::int64_t InstrumentFeed::corridor_ticks(Side side) const {
  const auto best = book_.best(side);
  const auto horizon = book_.horizon(side);
  if (!best || !horizon) return 0;
  return side == Side::bid ? best->price.value - horizon->value : horizon->value - best->price.value;
}

/// Rows carry the seq and receive time of the input that made them known, also for frames that waited: so the
/// rows of one instrument are ordered, snapshot first, by both.
void InstrumentFeed::emit_levels(const DepthEvent& event, FeedSink& sink) const {
  const auto emit = [&](Side side, const Level& level) {
    sink.out.book_updates.push_back({.seq = sink.seq,
                                     .ts_recv_ns = sink.ts_recv_ns,
                                     .ts_event_ns = event.ts_event_ns,
                                     .ts_engine_ns = event.ts_engine_ns,
                                     .update_id = event.last_id,
                                     .price_ticks = level.price.value,
                                     .size_units = level.size.value,
                                     .instrument = instrument_,
                                     .side = static_cast<std::uint8_t>(side),
                                     .is_snapshot = static_cast<std::uint8_t>(event.is_snapshot ? 1 : 0),
                                     .reserved = 0});
  };
  for (const Level& level : event.bids) emit(Side::bid, level);
  for (const Level& level : event.asks) emit(Side::ask, level);
}

}  // namespace lob
