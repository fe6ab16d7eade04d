// The simulated venue: a second machine beside the engine. It keeps the venues' true books from the same
// frames, takes order requests after a latency, and answers after another.
//
// Time. A request submitted at t arrives at t + latency and meets the book of all frames received until
// then: `on_frame` first lets arrivals up to its own time happen, then applies the frame. Its replies
// reach us a latency after the venue made them. Nothing here depends on how often `due` is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/market.hpp"
#include "lob/matching_desk.hpp"
#include "lob/types.hpp"

namespace lob {

/// Owes: times given to on_frame, submit and due never go back (an earlier one counts as the latest).
class SimVenue final : private MarketObserver {
 public:
  /// Throws std::invalid_argument as Market and MatchingDesk do.
  SimVenue(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources,
           FeedLimits limits, const MatchingConfig& config);

  SimVenue(const SimVenue&) = delete;
  SimVenue& operator=(const SimVenue&) = delete;

  /// Applies one public frame to the true books; resting orders fill from its trades.
  void on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame);
  /// Sends a request (place or cancel) at `ts_ns`.
  void submit(const OrderRequestRecord& request, TsNs ts_ns);
  /// Appends the replies that have reached us by `ts_ns`, oldest first, and forgets them.
  void due(TsNs ts_ns, std::vector<TimedReply>& out);
  /// When the next request arrives or the next reply reaches us; asking `due` then loses no order of events.
  [[nodiscard]] std::optional<TsNs> next_ts_ns() const noexcept { return desk_.next_ts_ns(); }

  [[nodiscard]] const Market& market() const noexcept { return market_; }
  [[nodiscard]] std::size_t resting_count() const noexcept { return desk_.resting_count(); }
  /// Orders that rest and positions that are open: while there are any, a frame may change `next_ts_ns`.
  [[nodiscard]] std::size_t exposed_count() const noexcept {
    return desk_.resting_count() + desk_.open_positions();
  }

  void save(ByteWriter& writer) const;
  /// False when the bytes are no checkpoint of a venue with these instruments; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  void on_book(InstrumentId instrument, TsNs ts_recv_ns, const OrderBook& book) override;
  void on_trade(InstrumentId instrument, const TradeEvent& trade) override;
  void on_invalid(InstrumentId instrument) override;

  Market market_;
  MatchingDesk desk_;
  std::vector<PrintFilter> prints_;  // One an instrument.
  TsNs ts_now_ns_ = 0;
  MarketOutputs discarded_;  // The engine records the same frames; the venue's own records go nowhere.
};

}  // namespace lob
