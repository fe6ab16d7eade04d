// The simulated venue: a second machine beside the engine. It keeps the venues' true books from the same
// frames, takes order requests after a latency, and answers after another.
//
// Time. A request submitted at t arrives at t + latency and meets the book of all frames received until
// then: `on_frame` first lets arrivals up to its own time happen, then applies the frame. Its replies
// reach us a latency after the venue made them. Nothing here depends on how often `due` is asked.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/instrument_matcher.hpp"
#include "lob/market.hpp"
#include "lob/outputs.hpp"
#include "lob/sim_reply.hpp"
#include "lob/types.hpp"

namespace lob {

struct MatchingConfig {
  TsNs order_latency_ns = 0;  ///< each way: request to venue, reply to us
};

/// A reply and the moment at which it reaches us.
struct TimedReply {
  TsNs ts_ns = 0;
  SimReply reply;
};

/// Owes: times given to on_frame, submit and due never go back (an earlier one counts as the latest).
class SimVenue final : private MarketObserver {
 public:
  /// Throws std::invalid_argument as Market does, and for a negative latency.
  SimVenue(std::span<const InstrumentSpec> instruments, std::span<const SourceSpec> sources,
           FeedLimits limits, MatchingConfig config);

  /// Applies one public frame to the true books; resting orders fill from its trades.
  void on_frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame);
  /// Sends a request (place or cancel) at `ts_ns`.
  void submit(const OrderRequestRecord& request, TsNs ts_ns);
  /// Appends the replies that have reached us by `ts_ns`, oldest first, and forgets them.
  void due(TsNs ts_ns, std::vector<TimedReply>& out);
  /// When the next request arrives or the next reply reaches us; asking `due` then loses no order of events.
  [[nodiscard]] std::optional<TsNs> next_ts_ns() const noexcept;

  [[nodiscard]] const Market& market() const noexcept { return market_; }
  [[nodiscard]] std::size_t resting_count() const noexcept;

  void save(ByteWriter& writer) const;
  /// False when the bytes are no checkpoint of a venue with these instruments; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Arrival {
    TsNs ts_ns = 0;
    OrderRequestRecord request{};
  };

  void on_book(InstrumentId instrument, TsNs ts_recv_ns, const OrderBook& book) override;
  void on_trade(InstrumentId instrument, const TradeEvent& trade) override;
  void on_invalid(InstrumentId instrument) override;

  void arrive_until(TsNs ts_ns);
  void take_request(const Arrival& arrival);
  /// Sends what matchers have just said on its way to us.
  void post(TsNs ts_ns);

  MatchingConfig config_;
  Market market_;
  std::vector<InstrumentMatcher> matchers_;
  TsNs ts_now_ns_ = 0;
  std::deque<Arrival> arrivals_;
  std::deque<TimedReply> replies_;
  MarketOutputs discarded_;      // The engine records the same frames; the venue's own records go nowhere.
  std::vector<SimReply> fresh_;  // Scratch: replies not yet posted.
};

}  // namespace lob
