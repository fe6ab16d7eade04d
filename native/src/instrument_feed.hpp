// One instrument: its feed machine (the table of feed.hpp put to work), what waits for a snapshot, and its
// book.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/decode/events.hpp"
#include "lob/feed.hpp"
#include "lob/market.hpp"
#include "lob/order_book.hpp"

namespace lob {

/// Everything that an input may write to while it is processed.
struct FeedSink {
  std::uint64_t seq;
  TsNs ts_recv_ns;
  MarketOutputs& out;
  MarketObserver* observer;
  MarketChange& change;
  MarketCounters& counters;
};

/// Updates that wait for a snapshot: headers and all their levels in two growing arrays, read from the front.
class WaitingFrames {
 public:
  struct Header {
    std::int64_t first_id = no_id;
    std::int64_t last_id = no_id;
    std::int64_t previous_id = no_id;
    TsNs ts_event_ns = 0;
    TsNs ts_engine_ns = 0;
    TsNs ts_recv_ns = 0;
    std::uint64_t level_begin = 0;
    std::uint64_t bid_count = 0;
    std::uint64_t ask_count = 0;
  };

  void push(const DepthEvent& event, TsNs ts_recv_ns);
  /// Copies the first frame into `event` (instrument untouched) and returns its receive time. Owes: not
  /// empty.
  TsNs read_front(DepthEvent& event) const;
  void pop_front() noexcept;
  void clear() noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return front_ == headers_.size(); }
  [[nodiscard]] std::size_t count() const noexcept { return headers_.size() - front_; }
  [[nodiscard]] const Header& front() const noexcept { return headers_[front_]; }
  [[nodiscard]] const Header& back() const noexcept { return headers_.back(); }

  void save(ByteWriter& writer) const;
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  std::vector<Header> headers_;
  std::vector<Level> levels_;
  std::size_t front_ = 0;
};

/// A ledger row that is not closed yet, and the levels that the book held when it was lost.
struct OpenGap {
  GapRecord record{};
  std::array<std::vector<Level>, side_count> doubtful;
};

class InstrumentFeed {
 public:
  InstrumentFeed(InstrumentId instrument, Venue venue, FeedLimits limits);

  /// An update or a snapshot of this instrument.
  void on_depth(const DepthEvent& event, FeedSink& sink);
  void reset(FeedSink& sink);

  [[nodiscard]] const OrderBook& book() const noexcept { return book_; }
  [[nodiscard]] FeedState state() const noexcept { return state_; }
  [[nodiscard]] TsNs ts_last_update_ns() const noexcept { return ts_last_update_ns_; }
  [[nodiscard]] std::int64_t last_update_id() const noexcept { return last_id_; }

  void save(ByteWriter& writer) const;
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Snapshot {
    DepthEvent event;
    TsNs ts_recv_ns = 0;
    bool is_held = false;
  };

  // What comes in.
  void on_pushed_snapshot(const DepthEvent& snapshot, FeedSink& sink);
  void on_pulled_snapshot(const DepthEvent& snapshot, FeedSink& sink);
  void on_waiting_update(const DepthEvent& event, FeedSink& sink);
  void on_live_update(const DepthEvent& event, FeedSink& sink);
  void join_snapshot_and_frames(FeedSink& sink);

  // The machine.
  void fire(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink);
  void act(FeedAction action, FeedTrigger trigger, const DepthEvent& event, FeedSink& sink);

  // Actions.
  void hold(const DepthEvent& snapshot, TsNs ts_recv_ns);
  void adopt(const DepthEvent& snapshot, TsNs ts_recv_ns, FeedSink& sink);
  void set_horizons(const DepthEvent& snapshot);
  void apply_waiting(FeedSink& sink);
  [[nodiscard]] bool apply(const DepthEvent& event, TsNs ts_recv_ns, FeedSink& sink);
  void begin_waiting(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink);
  void open_gap(FeedTrigger trigger, const DepthEvent& event, FeedSink& sink);
  void close_gap(GapRepair repair, FeedSink& sink);
  void drop_book(FeedSink& sink);
  void clear();
  void request_snapshot(FeedSink& sink);
  void refresh_before_horizon(FeedSink& sink);

  // Readings and small parts of the above.
  [[nodiscard]] bool counts_anew(const DepthEvent& event) const noexcept;
  [[nodiscard]] FeedLink link_to_waiting(const DepthEvent& event) const noexcept;
  [[nodiscard]] std::uint32_t count_levels_touched() const;
  [[nodiscard]] std::int64_t corridor_ticks(Side side) const;
  void emit_levels(const DepthEvent& event, FeedSink& sink) const;
  [[nodiscard]] GapRepair repair_kind() const noexcept;
  void save_gap(ByteWriter& writer) const;
  [[nodiscard]] bool load_gap(ByteReader& reader);

  InstrumentId instrument_;
  Venue venue_;
  FeedLimits limits_;
  FeedState state_ = FeedState::unsynced;
  std::int64_t last_id_ = no_id;
  std::int64_t last_sequence_ = no_id;
  TsNs ts_last_update_ns_ = 0;
  bool is_bridge_due_ = false;  ///< the book is a bare snapshot: the next update is linked by the bridge rule
  bool is_request_open_ = false;  ///< asked, not answered
  std::uint32_t requests_left_;
  std::array<std::int64_t, side_count>
      refresh_below_ticks_{};  ///< corridor at which a new snapshot is wanted, 0 = never
  OrderBook book_;
  WaitingFrames waiting_;
  Snapshot pending_;
  std::optional<OpenGap> gap_;
  DepthEvent replayed_;  ///< reused by apply_waiting
};

}  // namespace lob
