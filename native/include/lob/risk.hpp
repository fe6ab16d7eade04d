// Pre-trade risk: named rules, asked in the order of the table; the first that refuses gives its name.
//
// Every rule is one line of integer arithmetic over the worst case: whatever of ours is still in flight
// counts as if it were filled. At exactly the limit a rule passes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "lob/money.hpp"
#include "lob/top_of_book.hpp"
#include "lob/trading_state.hpp"
#include "lob/types.hpp"

namespace lob {

enum class RiskRule : std::uint8_t {
  none = 0,
  max_position = 1,
  max_order_size = 2,
  price_deviation = 3,
  exposure = 4,
  trading_state = 5,
  invalid_book = 6,
  stale_forecast = 7,
  lot = 8,
};

/// Limits over all instruments. No limit has a default: zero refuses.
struct RiskLimits {
  std::int64_t price_deviation_e8 = 0;  ///< share of the mid: 50 bps = 500'000
  std::int64_t net_exposure_e8 = 0;     ///< 10^-8 quote, over instruments of one quote currency
  std::int64_t gross_exposure_e8 = 0;   ///< 10^-8 quote, over instruments of one quote currency
  TsNs forecast_age_max_ns = 0;
};

/// Why an order is sent. A closing order has no forecast, so none can be stale.
enum class OrderPurpose : std::uint8_t {
  signal = 0,   ///< a strategy's target, by taking
  flatten = 1,  ///< closes: `flatten`, or a watch rule that closes a position
  quote = 2,    ///< a strategy's resting quote
};

struct OrderIntent {
  Side side = Side::bid;  ///< bid buys, ask sells
  PriceTicks price;
  SizeUnits size;
  OrderPurpose purpose = OrderPurpose::signal;
  TsNs ts_step_ns = 0;  ///< step of the forecast that asked for it
};

/// Worst-case exposure in 10^-8 quote: everything bought that may be, everything sold that may be.
struct WorstExposure {
  Int128 long_e8 = 0;
  Int128 short_e8 = 0;  ///< signed: at most `long_e8`
  Int128 gross_e8 = 0;

  WorstExposure& operator+=(const WorstExposure& other) noexcept;
};

/// Exposure of `position` with `buys_units` and `sells_units` (both >= 0) in flight, at `mid_x2_ticks`.
[[nodiscard]] WorstExposure worst_exposure(SizeUnits position, Int128 buys_units, Int128 sells_units,
                                           std::int64_t mid_x2_ticks, std::int64_t quote_unit_e18) noexcept;

/// Health of one venue as far as the core sees it, and of the process around it as far as it was told.
struct SystemHealth {
  TsNs venue_silence_ns = 0;  ///< since the last book message of any of the venue's instruments
  TsNs sync_skew_ns = 0;      ///< oldest less newest book of the slots that share the order's base asset
  std::uint32_t gaps_in_window = 0;  ///< feed gaps of this instrument within `data_quality_window_ns`
  std::uint32_t errors_in_window =
      0;  ///< orders rejected or left unanswered by the venue within `error_window_ns`
  std::int64_t clock_offset_ns = 0;  ///< told by the shell; signed
  std::int64_t drift_level = 0;      ///< told by the shell: 0 none, 1 halve, 2 reduce, 3 halt
  TsNs ts_model_expires_ns = 0;      ///< told by the shell; 0: never
};

/// What the rules know when an order is checked.
struct RiskContext {
  TradingState state = TradingState::halted;
  TopOfBook top;
  SizeUnits position;
  SizeUnits buys_in_flight;   ///< >= 0
  SizeUnits sells_in_flight;  ///< >= 0
  SizeUnits lot;
  SizeUnits max_position;
  SizeUnits max_order_size;
  std::int64_t quote_unit_e18 = 0;
  WorstExposure others;  ///< the other instruments of the same quote currency
  TsNs ts_ns = 0;

  SizeUnits short_max{};                  ///< how far below zero the account's position may go
  WorstExposure others_of_venue{};        ///< of `others`, those of the same venue
  std::int64_t last_trade_ticks = 0;    ///< last public trade of this instrument; 0 before the first
  double other_venues_mid_ticks = 0.0;  ///< median mid of usable books of the same base and quote elsewhere,
                                        ///< in this instrument's ticks; 0 where there is none
  std::uint32_t orders_in_window = 0;  ///< placed at this venue within `order_rate_window_ns` before now
  TsNs ts_same_order_ns = 0;  ///< when an order of equal slot, side, price and size was placed last; 0: never
  TsNs ts_blocked_until_ns = 0;  ///< a watch rule closed this instrument; 0: not blocked
  SystemHealth health{};
};

struct RiskRuleEntry {
  RiskRule rule;
  std::string_view name;
  std::string_view formula;  ///< what must hold, in one line
  bool (*passes)(const OrderIntent&, const RiskContext&, const RiskLimits&) noexcept;
};

/// The rules in the order in which they are asked.
[[nodiscard]] std::span<const RiskRuleEntry> risk_rules() noexcept;

/// First rule that refuses, or RiskRule::none.
[[nodiscard]] RiskRule check(const OrderIntent& order, const RiskContext& context,
                             const RiskLimits& limits) noexcept;

}  // namespace lob
