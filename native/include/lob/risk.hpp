// Pre-trade risk: named rules, asked in the order of the table; the first that refuses gives its name.
//
// Theory of operation
// - Every rule is one line of arithmetic over the worst case: whatever of ours is still in flight counts as
//   if it were filled. Money is integers. At exactly its limit a rule passes.
// - A limit never holds a position open. An order is closing when it brings the position towards zero, with
//   all of ours on its side filled and nothing beyond zero; of such an order only `AskedOf::every_order`
//   rules are asked. These are the ones that guard against a wrong order (state, lot, book, size, price), and
//   the two position limits, which an order towards zero cannot break. `drift` alone is stricter: at level 3
//   it lets nothing pass but orders of purpose `flatten`.
// - A rule whose limit is absent is off; a rule named in `RiskLimits::off` is off. trading_state, lot and
//   invalid_book have no limit and cannot be switched off: the others compute from what they vouch for. Nor
//   can unresolved: an order whose outcome is unknown may be doing already what another would do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "lob/money.hpp"
#include "lob/orders.hpp"
#include "lob/top_of_book.hpp"
#include "lob/trading_state.hpp"
#include "lob/types.hpp"

namespace lob {

/// The numbers stand in records: they are never given to another rule.
enum class RiskRule : std::uint8_t {
  none = 0,
  max_position = 1,
  max_order_size = 2,
  price_deviation = 3,
  net_exposure = 4,
  trading_state = 5,
  invalid_book = 6,
  stale_forecast = 7,
  lot = 8,
  short_position = 9,
  price_deviation_venues = 10,
  price_deviation_trade = 11,
  gross_exposure = 12,
  venue_exposure = 13,
  max_capital = 14,
  order_rate = 15,
  duplicate = 16,
  blocked = 17,
  model_expired = 18,
  drift = 19,
  connectivity = 20,
  synchronisation = 21,
  data_quality = 22,
  error_burst = 23,
  clock = 24,
  unresolved = 25,
  in_flight = 26,
  self_trade = 27,
  private_stream = 28,
};
inline constexpr std::size_t risk_rule_count = 29;  ///< `none` included

/// Rules by number, as many as fit 64 bits.
template <class Rule>
class RuleSet {
 public:
  constexpr void add(Rule rule) noexcept { bits_ |= bit(rule); }
  [[nodiscard]] constexpr bool has(Rule rule) const noexcept { return (bits_ & bit(rule)) != 0; }

 private:
  static constexpr std::uint64_t bit(Rule rule) noexcept {
    return std::uint64_t{1} << static_cast<unsigned>(rule);
  }
  std::uint64_t bits_ = 0;
};

/// Limits over all instruments. The first four have no default (zero refuses); any other rule is off without
/// a limit.
struct RiskLimits {
  std::int64_t price_deviation_e8 = 0;  ///< share of the mid: 50 bps = 500'000
  std::int64_t net_exposure_e8 = 0;     ///< 10^-8 quote, over instruments of one quote currency
  std::int64_t gross_exposure_e8 = 0;   ///< 10^-8 quote, over instruments of one quote currency
  TsNs forecast_age_max_ns = 0;

  std::optional<std::int64_t> price_deviation_venues_e8{};  ///< share of the other venues' median mid
  std::optional<std::int64_t> price_deviation_trade_e8{};   ///< share of the last trade's price
  std::optional<std::int64_t> venue_exposure_e8{};          ///< 10^-8 quote, one venue and quote currency
  std::optional<std::int64_t> max_capital_e8{};             ///< 10^-8 quote, one quote currency
  std::optional<std::int64_t> orders_max{};                 ///< a venue within `order_rate_window_ns`
  std::optional<TsNs> duplicate_ns{};
  std::optional<TsNs> venue_silence_max_ns{};
  std::optional<TsNs> sync_skew_max_ns{};
  std::optional<std::int64_t> gaps_max{};    ///< an instrument within `data_quality_window_ns`
  std::optional<std::int64_t> errors_max{};  ///< a venue within `error_window_ns`
  std::optional<std::int64_t> clock_offset_max_ns{};
  std::optional<std::int64_t> in_flight_max{};  ///< orders that await an answer, a venue
  std::optional<TsNs> private_age_max_ns{};

  TsNs order_rate_window_ns = 1'000'000'000;
  TsNs data_quality_window_ns = 60'000'000'000;
  TsNs error_window_ns = 60'000'000'000;
  RuleSet<RiskRule> off{};
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
  TsNs sync_skew_ns = 0;      ///< newest less oldest book of the slots that share the order's base asset
  std::uint32_t gaps_in_window = 0;  ///< feed gaps of this instrument within `data_quality_window_ns`
  std::uint32_t errors_in_window =
      0;  ///< orders rejected or left unanswered by the venue within `error_window_ns`
  std::int64_t clock_offset_ns = 0;  ///< told by the shell; signed
  std::int64_t drift_level = 0;      ///< told by the shell: 0 none, 1 halve, 2 reduce, 3 halt
  TsNs ts_model_expires_ns = 0;      ///< told by the shell; 0: never
  TsNs ts_heartbeat_ns = 0;          ///< told: when an outside watcher was last alive; 0: none is expected
  TsNs private_silence_ns = 0;  ///< since the venue's private stream was last heard; 0 where none is expected
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

  SizeUnits short_max{};                ///< how far below zero the account's position may go
  WorstExposure others_of_venue{};      ///< of `others`, those of the same venue
  std::int64_t last_trade_ticks = 0;    ///< last public trade of this instrument; 0 before the first
  double other_venues_mid_ticks = 0.0;  ///< median mid of usable books of the same base and quote elsewhere,
                                        ///< in this instrument's ticks; 0 where there is none
  std::uint32_t orders_in_window = 0;   ///< placed at this venue within `order_rate_window_ns` before now
  TsNs ts_same_order_ns = 0;  ///< when an order of equal slot, side, price and size was placed last; 0: never
  TsNs ts_blocked_until_ns = 0;      ///< a watch rule closed this instrument; 0: not blocked
  bool is_unresolved = false;        ///< the outcome of an order of this instrument is unknown
  bool is_self_trade = false;        ///< it would match a resting order of ours, and that is not wanted
  std::uint32_t orders_awaited = 0;  ///< at this venue, without an answer; unknown ones among them
  SystemHealth health{};
};

/// Which orders a rule is asked of.
enum class AskedOf : std::uint8_t {
  every_order = 0,
  opening_orders = 1,     ///< not of closing ones
  unless_flattening = 2,  ///< not of those of purpose `flatten`
};

[[nodiscard]] std::string_view text_of(AskedOf asked_of) noexcept;

struct RiskRuleEntry {
  RiskRule rule;
  std::string_view name;
  std::string_view formula;  ///< what must hold, in one line
  std::string_view unit;     ///< of the limit as the settings give it
  std::string_view limit;    ///< its key in the settings; empty where there is none
  AskedOf asked_of;
  bool (*passes)(const OrderIntent&, const RiskContext&, const RiskLimits&) noexcept;
};

/// The rules in the order in which they are asked.
[[nodiscard]] std::span<const RiskRuleEntry> risk_rules() noexcept;

/// Has no limit and cannot be switched off.
[[nodiscard]] bool is_always_on(RiskRule rule) noexcept;

/// First rule that refuses, or RiskRule::none.
[[nodiscard]] RiskRule check(const OrderIntent& order, const RiskContext& context,
                             const RiskLimits& limits) noexcept;

}  // namespace lob
