// One lane of a backtest: a trader with its own settings, and the desk at which its orders meet the market.
//
// Theory of operation. A lane is what a live session is, without its sockets: replies of the simulated venue
// are inputs of their own, each at the moment at which it reaches us and before any later input; the desk's
// clock moves from one of its events to the next, never past one that may cause an order. What a lane shares
// with others is the market alone, and nothing of a lane changes that.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <vector>

#include "lob/config.hpp"
#include "lob/lane_accounts.hpp"
#include "lob/market.hpp"
#include "lob/market_side.hpp"
#include "lob/matching_desk.hpp"
#include "lob/outputs.hpp"
#include "lob/step_clock.hpp"
#include "lob/trader.hpp"
#include "lob/trader_inputs.hpp"
#include "lob/types.hpp"

namespace lob {

/// The market that all lanes share, kept by the backtest.
struct LaneMarket {
  const Market& market;
  MarketSide& side;
  TsNs ts_last_ns = 0;  ///< of the last input of all
};

/// What a lane put out and nobody has taken yet.
struct LaneOutputs {
  TradingOutputs trading;
  std::vector<RejectRecord> rejects;
  std::string arena;

  void clear() noexcept;
};

class Lane {
 public:
  static constexpr TsNs never_ns = std::numeric_limits<TsNs>::max();
  static constexpr std::size_t all_replies = std::numeric_limits<std::size_t>::max();

  /// `market` outlives the lane. Throws std::invalid_argument as MatchingDesk does.
  Lane(const EngineConfig& config, const LaneConfig& lane, const LaneMarket& market);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// When the venue has something to do or to say; never_ns when it has not.
  [[nodiscard]] TsNs next_due_ns() const noexcept;
  /// Delivers the replies that have reached us by `until_ns`, at most `replies_max`, as inputs named `seq`.
  void deliver(std::uint64_t seq, TsNs until_ns, std::size_t replies_max = all_replies);
  /// Moves time to an input that all lanes hear. Owes, as the next two: everything due until then was
  /// delivered.
  void move_to(const InputName& input);
  void forecast(const InputName& input, const ForecastInput& forecast);
  void command(const InputName& input, Bytes json);
  void wishes(const InputName& input, Bytes payload);

  [[nodiscard]] MatchingDesk& desk() noexcept { return desk_; }
  [[nodiscard]] const Trader& trader() const noexcept { return trader_; }
  [[nodiscard]] LaneOutputs& outputs() noexcept { return out_; }
  /// To be called when `outputs` were taken.
  void forget_outputs() noexcept;
  [[nodiscard]] LaneSummary summary() const { return accounts_.summary(trader_); }
  [[nodiscard]] const std::vector<std::int64_t>& equity_e8() const noexcept { return accounts_.equity_e8(); }

 private:
  [[nodiscard]] bool has_reply(TsNs until_ns);
  void close_steps(const InputName& input);
  /// Sends what the trader ordered, and counts what it put out.
  void settle(TsNs ts_ns);

  const LaneMarket& market_;
  Trader trader_;
  MatchingDesk desk_;
  StepClock clock_;
  LaneAccounts accounts_;
  LaneOutputs out_;
  bool is_recorded_;
  TsNs ts_last_ns_ = 0;
  std::size_t orders_sent_ = 0;  // of out_.trading.orders
  std::deque<TimedReply> owed_;
  std::vector<TimedReply> due_;  // scratch
};

}  // namespace lob
