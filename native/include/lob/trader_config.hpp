// What the trader is made from: one slot an instrument, strategies, limits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lob/execution.hpp"
#include "lob/money.hpp"
#include "lob/risk.hpp"
#include "lob/strategies.hpp"
#include "lob/strategy.hpp"
#include "lob/types.hpp"
#include "lob/watch.hpp"

namespace lob {

/// One grid slot. Sizes count the instrument's size units.
struct TraderSlot {
  SlotTerms terms;                      ///< what strategies see; `no_instrument` masks the slot
  SizeUnits max_order_size;             ///< no default: zero refuses
  std::int64_t slippage_cap_ticks = 0;  ///< a taker's limit lies this far beyond the touch
  std::int64_t flatten_cap_ticks = 0;   ///< the same for closing orders
  Int128 size_unit_e18 = 0;             ///< in 10^-18 of the base asset; 0: fees in it are not booked exactly
};

struct TraderConfig {
  std::uint32_t run_tag = 0;  ///< upper half of every client order id
  std::vector<StrategyConfig> strategies;
  RiskLimits risk;
  WatchLimits watch;
  ExecutionConfig execution;
  TsNs reply_timeout_ns = 10'000'000'000;  ///< an order unanswered for longer becomes `unknown`
  std::vector<TraderSlot> slots;           ///< in grid order
};

/// False with `error` naming the key, what was expected and what was found.
[[nodiscard]] bool check_config(const TraderConfig& config, std::string& error);

}  // namespace lob
