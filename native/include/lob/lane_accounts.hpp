// What one lane of a backtest earned, counted as it goes: no record needs to be kept for it.
//
//   equity       = realised + unrealised - fees - funding, at every closed step, against a start of 0
//   max_drawdown = largest fall of equity from its highest value so far (0 at the start), over all closed
//   steps gross_profit = sum of what was won by fills that reduce a position: their realised pnl less their
//   own fee gross_loss   = the same of those that lost, as a positive number turnover     = sum of price x
//   size over all fills spread_earned = sum over fills of (mid - price) x size for buys, (price - mid) x size
//   for sells, the mid being the
//                  one that the trader marked last; negative is spread paid
//
// Sums are exact (10^-18 of the quote currency in 128 bits) and rounded down to 10^-8 when they are read.
// Money is that of one quote currency, the one of the first slot; counts are of all slots.
#pragma once

#include <cstdint>
#include <vector>

#include "lob/money.hpp"
#include "lob/outputs.hpp"
#include "lob/trader.hpp"
#include "lob/types.hpp"

namespace lob {

/// One row a lane, 8-byte aligned without padding: the bindings hand it out as it is.
struct LaneSummary {
  std::uint64_t steps = 0;      ///< closed
  std::uint64_t decisions = 0;  ///< made, whatever became of them
  std::uint64_t orders = 0;     ///< sent to the simulated venue
  std::uint64_t refused = 0;    ///< by our own risk
  std::uint64_t cancelled = 0;
  std::uint64_t rejected = 0;  ///< by the venue
  std::uint64_t expired = 0;
  std::uint64_t fills = 0;
  std::uint64_t maker_fills = 0;
  std::uint64_t winning_closes = 0;  ///< fills that reduced a position and won
  std::uint64_t losing_closes = 0;
  std::int64_t submitted_lots = 0;
  std::int64_t filled_lots = 0;
  std::int64_t turnover_e8 = 0;
  std::int64_t gross_profit_e8 = 0;
  std::int64_t gross_loss_e8 = 0;
  std::int64_t fees_e8 = 0;     ///< paid in all; negative is received
  std::int64_t funding_e8 = 0;  ///< paid in all; negative is received
  std::int64_t spread_earned_e8 = 0;
  std::int64_t realised_e8 = 0;  ///< before fees and funding
  std::int64_t unrealised_e8 = 0;
  std::int64_t equity_e8 = 0;
  std::int64_t max_drawdown_e8 = 0;
  std::uint32_t lane = 0;
  std::uint32_t quote_group = 0;  ///< id of the first instrument of the quote currency that money counts
};
static_assert(sizeof(LaneSummary) == 192);

class LaneAccounts {
 public:
  /// Equity is kept every `sample_steps` steps, 1 or more.
  LaneAccounts(const TraderConfig& config, std::size_t sample_steps);

  /// Reads what the trader put out since the last time; `out` grows until `forget_outputs`.
  void read(const TradingOutputs& out, const Trader& trader);
  /// The owner has emptied the outputs.
  void forget_outputs() noexcept { seen_ = {}; }
  /// After the trader closed a step.
  void on_step(const Trader& trader);

  [[nodiscard]] LaneSummary summary(const Trader& trader) const;
  /// Equity in 10^-8 quote after every `sample_steps`-th closed step.
  [[nodiscard]] const std::vector<std::int64_t>& equity_e8() const noexcept { return equity_samples_; }

 private:
  struct Seen {  // records that were read already
    std::size_t orders = 0;
    std::size_t order_events = 0;
    std::size_t fills = 0;
    std::size_t decisions = 0;
  };
  struct SlotBefore {
    SizeUnits units;
    std::int64_t realised_quote_units = 0;
  };

  [[nodiscard]] std::size_t slot_of(InstrumentId instrument) const noexcept;
  [[nodiscard]] bool is_counted(std::size_t slot) const noexcept;
  void read_order(const OrderRequestRecord& order);
  void read_order_event(const OrderEventRecord& event);
  void read_fill(const FillRecord& fill, const Trader& trader);

  std::vector<TraderSlot> slots_;
  std::uint32_t quote_group_ = 0;
  std::size_t sample_steps_;
  LaneSummary counts_;
  Int128 turnover_e18_ = 0;
  Int128 profit_e18_ = 0;
  Int128 loss_e18_ = 0;
  Int128 spread_e18_x2_ = 0;
  std::int64_t peak_e8_ = 0;
  Seen seen_;
  std::vector<SlotBefore> before_;
  std::vector<std::int64_t> equity_samples_;
};

}  // namespace lob
