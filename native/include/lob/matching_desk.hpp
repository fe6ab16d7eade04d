// Where our orders meet the venues: requests on their way, one matcher an instrument, replies on their way
// back, and funding of perpetuals.
//
// A desk owns no book. Whoever keeps the market tells it what happened: one market serves one desk (the
// simulated venue beside a live engine) or many (the lanes of a backtest). A desk with nothing resting and
// nothing taken on an instrument (`is_idle`) need not be told of that instrument's books and trades.
//
// Time. A request submitted at t arrives a latency later and meets the book as it then stands: the owner
// calls `arrive_until(ts)` before it applies what was received at ts. Replies reach us another latency after
// the venue made them. Requests do not overtake each other, nor do replies: one that was drawn faster waits
// for the one before it. Nothing depends on how often `due` is asked.
//
// Funding. A position held at the venue at a funding time T is charged once, before anything that happens
// at T:
//   paid = position x mark x rate, rounded up: longs pay when the rate is positive, the fraction is our loss
// T, mark and rate are those of the last markPriceUpdate heard before T. Where none was heard of a perpetual,
// T is the next multiple of `every_ns` since 1970, the mark is the mid (rounded up to a tick) and the rate is
// the settings'; without these, or without a book, nothing is charged.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/instrument.hpp"
#include "lob/instrument_matcher.hpp"
#include "lob/latency.hpp"
#include "lob/market.hpp"
#include "lob/outputs.hpp"
#include "lob/sim_reply.hpp"
#include "lob/types.hpp"

namespace lob {

/// Funding where no mark price was recorded.
struct FundingFallback {
  InstrumentId instrument = no_instrument;
  std::int64_t rate_e8 = 0;
  TsNs every_ns = 0;
};

struct MatchingConfig {
  LatencyModel request_latency;  ///< from us to the venue
  LatencyModel reply_latency;    ///< from the venue to us
  QueueModel queue = QueueModel::pessimistic;
  std::vector<FundingFallback> funding;
};

/// A reply and the moment at which it reaches us.
struct TimedReply {
  TsNs ts_ns = 0;
  SimReply reply;
};

/// Owes: times given to the desk never go back (an earlier one counts as the latest), and the desk is told of
/// the books and trades of `market`.
class MatchingDesk {
 public:
  /// `market` outlives the desk. Throws std::invalid_argument for a latency out of range.
  MatchingDesk(std::span<const InstrumentSpec> instruments, const Market& market,
               const MatchingConfig& config);

  /// Sends a request (place or cancel) at `ts_ns`; arrivals up to then have happened.
  void submit(const OrderRequestRecord& request, TsNs ts_ns);
  /// Lets requests arrive and funding fall due, each at its own time.
  void arrive_until(TsNs ts_ns);
  /// Appends the replies that have reached us by `ts_ns`, oldest first, and forgets them.
  void due(TsNs ts_ns, std::vector<TimedReply>& out);
  /// When the next request arrives, funding falls due or the next reply reaches us; asking `due` then loses
  /// no order of events.
  [[nodiscard]] std::optional<TsNs> next_ts_ns() const noexcept;

  /// The book after one applied message. Owes: instrument < the count of instruments, as the next two.
  void on_book(InstrumentId instrument, const OrderBook& book, TsNs ts_ns);
  /// A public trade that is news (see PrintFilter), received at `ts_ns`.
  void on_trade(InstrumentId instrument, const TradeEvent& trade, TsNs ts_ns);
  /// Nothing of ours on this instrument depends on what its market does next.
  [[nodiscard]] bool is_idle(InstrumentId instrument) const noexcept {
    return matchers_[instrument].is_idle();
  }

  [[nodiscard]] std::size_t instrument_count() const noexcept { return matchers_.size(); }
  [[nodiscard]] std::size_t resting_count() const noexcept;
  /// Instruments of which we hold something.
  [[nodiscard]] std::size_t open_positions() const noexcept;

  void save(ByteWriter& writer) const;
  /// False when the bytes are no checkpoint of a desk with these instruments; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Arrival {
    TsNs ts_ns = 0;
    OrderRequestRecord request{};
  };

  static constexpr TsNs never_ns = std::numeric_limits<TsNs>::max();

  void take_request(const Arrival& arrival);
  [[nodiscard]] TsNs next_arrival_ns() const noexcept {
    return arrivals_.empty() ? never_ns : arrivals_.front().ts_ns;
  }
  /// The funding time that is to come; never_ns where none is known.
  [[nodiscard]] TsNs next_funding_ns(InstrumentId instrument) const noexcept;
  /// The next funding time at which something is held.
  [[nodiscard]] TsNs next_charge_ns() const noexcept;
  /// Charges what falls due until `ts_ns`; positions have not changed since the last call.
  void charge_until(TsNs ts_ns);
  void charge(InstrumentId instrument, TsNs ts_funding_ns);
  [[nodiscard]] std::optional<FundingTerms> funding_terms(InstrumentId instrument) const;
  /// Sends what matchers have just said on its way to us.
  void post(TsNs ts_ns);

  MatchingConfig config_;
  const Market& market_;
  std::vector<InstrumentMatcher> matchers_;
  std::vector<FundingFallback> fallbacks_;  // by instrument
  std::vector<TsNs> ts_funded_ns_;          // by instrument: funding times up to it are done with
  std::vector<bool> is_perpetual_;          // by instrument
  TsNs ts_now_ns_ = 0;
  std::deque<Arrival> arrivals_;
  std::deque<TimedReply> replies_;
  std::vector<SimReply> fresh_;  // Scratch: replies not yet posted.
};

}  // namespace lob
