// All instruments' feeds and books: one frame in, records out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/decode/decoder.hpp"
#include "lob/decode/events.hpp"
#include "lob/feed.hpp"
#include "lob/instrument.hpp"
#include "lob/order_book.hpp"
#include "lob/outputs.hpp"
#include "lob/types.hpp"

namespace lob {

/// Where Market appends. The owner empties the vectors when it likes; `arena` holds the texts of rejects and
/// may be null.
struct MarketOutputs {
  std::vector<BookUpdateRecord> book_updates;
  std::vector<TradeRecord> trades;
  std::vector<QuoteRecord> quotes;
  std::vector<FeedEventRecord> feed_events;
  std::vector<GapRecord> gaps;
  std::vector<FeedRequestRecord> requests;
  std::vector<RejectRecord> rejects;
  bool emit_book_updates = true;
  bool emit_trades = true;
  bool emit_quotes = true;
  std::string* arena = nullptr;
};

/// Hears what happens to books and trades, in order, while on_frame runs.
struct MarketObserver {
  virtual ~MarketObserver() = default;
  /// The book after one applied message (frames that waited for a snapshot come one by one). Not called for a
  /// book that this message left crossed: on_invalid is.
  virtual void on_book(InstrumentId instrument, TsNs ts_recv_ns, const OrderBook& book) = 0;
  /// Trades come whether or not the book is synced.
  virtual void on_trade(InstrumentId instrument, const TradeEvent& trade) = 0;
  /// The book is no longer the venue's: state() is gap or unsynced, or synced when another book, which does
  /// not continue the old one, follows within the same input.
  virtual void on_invalid(InstrumentId instrument) = 0;
  /// A perpetual's mark price and funding, before Market::mark tells of it.
  virtual void on_mark(InstrumentId, const MarkEvent&) {}
};

/// What one frame changed. Valid until the next on_frame.
struct MarketChange {
  InstrumentId instrument = no_instrument;  ///< no_instrument when the frame was ignored or refused
  bool book_changed = false;
  bool book_reset = false;  ///< the book was replaced or dropped
  std::span<const TradeEvent> trades;
};

/// What became of the frames, for metrics. A part of the checkpoint.
struct MarketCounters {
  std::uint64_t frames = 0;
  std::uint64_t ignored = 0;          ///< well-formed, not for us
  std::uint64_t unknown_symbols = 0;  ///< of these: an instrument that the table lacks
  std::uint64_t rejected = 0;
  std::uint64_t depth_applied = 0;
  std::uint64_t depth_older = 0;  ///< duplicates and late frames, dropped by rule
  std::uint64_t snapshots_applied = 0;
  std::uint64_t snapshots_unused = 0;  ///< too old to help
  std::uint64_t gaps = 0;
  std::uint64_t requests = 0;

  /// visit(name, counter) in a fixed order.
  template <class Visit>
  void for_each(Visit&& visit) {
    for_each_of(*this, visit);
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_of(*this, visit);
  }

 private:
  template <class Self, class Visit>
  static void for_each_of(Self& self, Visit& visit) {
    visit(std::string_view("frames"), self.frames);
    visit(std::string_view("frames_ignored"), self.ignored);
    visit(std::string_view("unknown_symbols"), self.unknown_symbols);
    visit(std::string_view("frames_rejected"), self.rejected);
    visit(std::string_view("depth_applied"), self.depth_applied);
    visit(std::string_view("depth_older"), self.depth_older);
    visit(std::string_view("snapshots_applied"), self.snapshots_applied);
    visit(std::string_view("snapshots_unused"), self.snapshots_unused);
    visit(std::string_view("gaps"), self.gaps);
    visit(std::string_view("requests"), self.requests);
  }
};

class InstrumentFeed;
struct FeedSink;

/// What a book's integers mean: a saved state goes only to the same instrument, counted in the same units.
struct FeedIdentity {
  std::string name;   ///< venue:SYMBOL
  std::string units;  ///< tick and size unit
};

class Market {
 public:
  /// Throws std::invalid_argument naming the instrument and field that is wrong, or the source whose
  /// instrument is.
  Market(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources, FeedLimits limits);
  ~Market();
  Market(Market&&) noexcept;
  Market& operator=(Market&&) noexcept;
  Market(const Market&) = delete;
  Market& operator=(const Market&) = delete;

  /// Decodes one frame, moves its instrument's feed machine, applies levels, appends records to `out`.
  /// `frame` is borrowed and needs no padding. A malformed frame changes nothing but `out.rejects` and the
  /// counters. Frames of rest_exchange_info, sim_private and venue_private sources are ignored.
  const MarketChange& on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame,
                               MarketOutputs& out, MarketObserver* observer = nullptr);

  /// Forgets one instrument's book (a hole between runs, another tick); its feed starts as unsynced.
  void reset(std::uint64_t seq, InstrumentId instrument, TsNs ts_recv_ns, MarketOutputs& out,
             MarketObserver* observer = nullptr);

  [[nodiscard]] std::size_t instrument_count() const noexcept;
  /// Empty unless state() is synced. Owes, as the next six: instrument < instrument_count().
  [[nodiscard]] const OrderBook& book(InstrumentId instrument) const;
  [[nodiscard]] FeedState state(InstrumentId instrument) const;
  [[nodiscard]] const InstrumentScale& scale(InstrumentId instrument) const;
  /// Receive time of the last message applied to the book; 0 before the first.
  [[nodiscard]] TsNs ts_last_update_ns(InstrumentId instrument) const;
  /// Last update id applied; no_id before the first.
  [[nodiscard]] std::int64_t last_update_id(InstrumentId instrument) const;
  [[nodiscard]] const MarketCounters& counters() const noexcept { return counters_; }

  /// The last mark price heard; all 0 before the first.
  [[nodiscard]] const MarkEvent& mark(InstrumentId instrument) const { return marks_.at(instrument); }

  void save(ByteWriter& writer) const;
  /// Instruments are matched by venue and symbol; one that the checkpoint lacks stays unsynced. False when it
  /// holds one that this market lacks or counts in other units, or is cut short; the market is then to be
  /// discarded.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  void apply(FeedSink& sink);
  void apply_trades(const std::vector<TradeEvent>& trades, FeedSink& sink);
  void apply_quote(const QuoteEvent& quote, FeedSink& sink);
  void apply_mark(const MarkEvent& mark, FeedSink& sink);
  void reject(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, DecodeStatus status, Bytes frame,
              MarketOutputs& out);
  [[nodiscard]] bool load_feed(ByteReader& reader);

  std::vector<SourceSpec> sources_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<InstrumentFeed> feeds_;
  std::vector<FeedIdentity> identities_;  // beside feeds_
  std::vector<MarkEvent> marks_;          // beside feeds_
  MarketChange change_;
  MarketCounters counters_;
};

}  // namespace lob
