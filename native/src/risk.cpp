#include "lob/risk.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace lob {
namespace {

using Order = OrderIntent;
using Context = RiskContext;
using Limits = RiskLimits;

Int128 wide(SizeUnits size) noexcept {
  return size.value;
}

/// Position if this order and all of ours on its side fill; signed so that the order's side is positive.
Int128 position_after(const Order& order, const Context& context) noexcept {
  const bool is_buy = order.side == Side::bid;
  const Int128 in_flight = wide(is_buy ? context.buys_in_flight : context.sells_in_flight);
  const Int128 position = wide(context.position);
  return (is_buy ? position : -position) + in_flight + wide(order.size);
}

/// The order can only bring the position towards zero, never through it.
bool is_closing(const Order& order, const Context& context) noexcept {
  return position_after(order, context) <= 0;
}

WorstExposure exposure_after(const Order& order, const Context& context) noexcept {
  const Int128 bought = order.side == Side::bid ? wide(order.size) : 0;
  const Int128 sold = order.side == Side::ask ? wide(order.size) : 0;
  return worst_exposure(context.position, wide(context.buys_in_flight) + bought,
                        wide(context.sells_in_flight) + sold, context.top.mid_x2_ticks(),
                        context.quote_unit_e18);
}

/// |price - reference| / reference <= limit, both prices times two so that half a tick stays an integer.
bool is_near(PriceTicks price, Int128 reference_x2, std::int64_t limit_e8) noexcept {
  const Int128 deviation_x2 = magnitude(2 * static_cast<Int128>(price.value) - reference_x2);
  return deviation_x2 * 100'000'000 <= reference_x2 * limit_e8;
}

template <class Value, class Limit>
bool is_within(Value value, const std::optional<Limit>& limit) noexcept {
  return !limit || static_cast<Int128>(value) <= *limit;
}

bool passes_trading_state(const Order& order, const Context& context, const Limits&) noexcept {
  switch (context.state) {
    case TradingState::active:
      return true;
    case TradingState::reducing:
      return is_closing(order, context);
    case TradingState::flattening:
      return order.purpose == OrderPurpose::flatten && is_closing(order, context);
    case TradingState::halted:
      return false;
  }
  return false;
}

bool passes_lot(const Order& order, const Context& context, const Limits&) noexcept {
  return order.size.value > 0 && context.lot.value > 0 && order.size.value % context.lot.value == 0;
}

bool passes_invalid_book(const Order&, const Context& context, const Limits&) noexcept {
  return context.top.is_usable();
}

bool passes_max_order_size(const Order& order, const Context& context, const Limits&) noexcept {
  return order.size <= context.max_order_size;
}

bool passes_price_deviation(const Order& order, const Context& context, const Limits& limits) noexcept {
  return order.price.value > 0 && is_near(order.price, context.top.mid_x2_ticks(), limits.price_deviation_e8);
}

bool passes_price_deviation_venues(const Order& order, const Context& context,
                                   const Limits& limits) noexcept {
  if (!limits.price_deviation_venues_e8 || context.other_venues_mid_ticks == 0.0) return true;
  const double mid_ticks = context.other_venues_mid_ticks;
  const double deviation_ticks = std::abs(static_cast<double>(order.price.value) - mid_ticks);
  // A mid that is not finite compares false, and so refuses.
  return deviation_ticks * 1e8 <= mid_ticks * static_cast<double>(*limits.price_deviation_venues_e8);
}

bool passes_price_deviation_trade(const Order& order, const Context& context, const Limits& limits) noexcept {
  if (!limits.price_deviation_trade_e8 || context.last_trade_ticks == 0) return true;
  return is_near(order.price, 2 * static_cast<Int128>(context.last_trade_ticks),
                 *limits.price_deviation_trade_e8);
}

bool passes_max_position(const Order& order, const Context& context, const Limits&) noexcept {
  return position_after(order, context) <= std::max<Int128>(0, wide(context.max_position));
}

bool passes_short_position(const Order& order, const Context& context, const Limits&) noexcept {
  if (order.side == Side::bid) return true;
  return position_after(order, context) <= std::max<Int128>(0, wide(context.short_max));
}

bool passes_stale_forecast(const Order& order, const Context& context, const Limits& limits) noexcept {
  if (order.purpose == OrderPurpose::flatten) return true;
  return static_cast<Int128>(context.ts_ns) - order.ts_step_ns <= limits.forecast_age_max_ns;
}

bool passes_blocked(const Order&, const Context& context, const Limits&) noexcept {
  return context.ts_ns >= context.ts_blocked_until_ns;
}

bool passes_model_expired(const Order&, const Context& context, const Limits&) noexcept {
  const TsNs ts_expires_ns = context.health.ts_model_expires_ns;
  return ts_expires_ns == 0 || context.ts_ns <= ts_expires_ns;
}

bool passes_drift(const Order& order, const Context& context, const Limits&) noexcept {
  if (context.health.drift_level >= 3) return false;
  return context.health.drift_level < 2 || is_closing(order, context);
}

bool passes_net_exposure(const Order& order, const Context& context, const Limits& limits) noexcept {
  // Only of the order's own side: a sale that hedges must not be held back by what is long elsewhere.
  WorstExposure after = exposure_after(order, context);
  after += context.others;
  return (order.side == Side::bid ? after.long_e8 : -after.short_e8) <= limits.net_exposure_e8;
}

bool passes_gross_exposure(const Order& order, const Context& context, const Limits& limits) noexcept {
  return exposure_after(order, context).gross_e8 + context.others.gross_e8 <= limits.gross_exposure_e8;
}

bool passes_venue_exposure(const Order& order, const Context& context, const Limits& limits) noexcept {
  return is_within(exposure_after(order, context).gross_e8 + context.others_of_venue.gross_e8,
                   limits.venue_exposure_e8);
}

bool passes_max_capital(const Order& order, const Context& context, const Limits& limits) noexcept {
  return is_within(exposure_after(order, context).gross_e8 + context.others.gross_e8, limits.max_capital_e8);
}

bool passes_order_rate(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(Int128{1} + context.orders_in_window, limits.orders_max);
}

bool passes_duplicate(const Order&, const Context& context, const Limits& limits) noexcept {
  if (!limits.duplicate_ns || context.ts_same_order_ns == 0) return true;
  return static_cast<Int128>(context.ts_ns) - context.ts_same_order_ns >= *limits.duplicate_ns;
}

bool passes_connectivity(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(context.health.venue_silence_ns, limits.venue_silence_max_ns);
}

bool passes_synchronisation(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(context.health.sync_skew_ns, limits.sync_skew_max_ns);
}

bool passes_data_quality(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(context.health.gaps_in_window, limits.gaps_max);
}

bool passes_error_burst(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(context.health.errors_in_window, limits.errors_max);
}

bool passes_clock(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(magnitude(static_cast<Int128>(context.health.clock_offset_ns)),
                   limits.clock_offset_max_ns);
}

bool passes_unresolved(const Order&, const Context& context, const Limits&) noexcept {
  return !context.is_unresolved;
}

bool passes_in_flight(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(Int128{1} + context.orders_awaited, limits.in_flight_max);
}

bool passes_self_trade(const Order&, const Context& context, const Limits&) noexcept {
  return !context.is_self_trade;
}

bool passes_private_stream(const Order&, const Context& context, const Limits& limits) noexcept {
  return is_within(context.health.private_silence_ns, limits.private_age_max_ns);
}

using enum AskedOf;

// One row a rule: name, what must hold, unit and settings key of the limit, which orders are asked, the
// predicate. A rule that others compute from stands above them.
constexpr std::array rules{
    RiskRuleEntry{RiskRule::trading_state, "trading_state",
                  "active: any; reducing: the order is closing; flattening: it is closing and a flattening "
                  "one; halted: none",
                  "", "", every_order, passes_trading_state},
    RiskRuleEntry{RiskRule::lot, "lot", "size > 0 and size mod lot = 0", "", "", every_order, passes_lot},
    RiskRuleEntry{RiskRule::invalid_book, "invalid_book",
                  "feed synchronised and fresh, both sides there, best bid < best ask", "", "", every_order,
                  passes_invalid_book},
    RiskRuleEntry{RiskRule::max_order_size, "max_order_size", "size <= max_order_size", "size units",
                  "limits.max_order_size", every_order, passes_max_order_size},
    RiskRuleEntry{RiskRule::price_deviation, "price_deviation",
                  "price > 0 and |price - mid| / mid <= price_deviation", "bps of the own mid",
                  "risk.price_deviation_bps", every_order, passes_price_deviation},
    RiskRuleEntry{
        RiskRule::price_deviation_venues, "price_deviation_venues",
        "|price - median mid of the other venues| / that mid <= price_deviation_venues; passes where no "
        "other venue has a usable book",
        "bps of the other venues' mid", "risk.price_deviation_venues_bps", every_order,
        passes_price_deviation_venues},
    RiskRuleEntry{RiskRule::price_deviation_trade, "price_deviation_trade",
                  "|price - last trade| / last trade <= price_deviation_trade; passes before the first trade",
                  "bps of the last trade", "risk.price_deviation_trade_bps", every_order,
                  passes_price_deviation_trade},
    RiskRuleEntry{RiskRule::max_position, "max_position",
                  "buy: position + buys in flight + size <= max_position; sell: the mirror image",
                  "size units", "limits.max_position", every_order, passes_max_position},
    RiskRuleEntry{
        RiskRule::short_position, "short_position",
        "sell: position - sells in flight - size >= -short_max, which is max_position of a perpetual and "
        "the coins held at the start of a spot market",
        "size units", "limits.inventory", every_order, passes_short_position},
    RiskRuleEntry{RiskRule::stale_forecast, "stale_forecast",
                  "ts - ts_step <= forecast_age_max (a flattening order has no forecast and passes)", "ms",
                  "risk.forecast_age_max_ms", opening_orders, passes_stale_forecast},
    RiskRuleEntry{RiskRule::blocked, "blocked",
                  "ts >= end of the cool-down after a watch rule closed the instrument", "ms",
                  "risk.watch.cool_down_ms", opening_orders, passes_blocked},
    RiskRuleEntry{RiskRule::model_expired, "model_expired",
                  "ts <= the model's expiry as told; passes while none is", "", "", opening_orders,
                  passes_model_expired},
    RiskRuleEntry{RiskRule::drift, "drift", "told drift level < 2; closing orders: < 3", "level", "",
                  unless_flattening, passes_drift},
    RiskRuleEntry{
        RiskRule::net_exposure, "net_exposure",
        "over one quote currency at the mids, in flight filled: buy: sum of signed worst-case long values "
        "<= net_exposure; sell: the mirror image",
        "quote", "risk.max_exposure_quote", opening_orders, passes_net_exposure},
    RiskRuleEntry{
        RiskRule::gross_exposure, "gross_exposure",
        "over one quote currency at the mids, in flight filled: sum of |worst-case position value| <= "
        "gross_exposure",
        "quote", "risk.max_gross_exposure_quote", opening_orders, passes_gross_exposure},
    RiskRuleEntry{RiskRule::venue_exposure, "venue_exposure",
                  "gross exposure over the venue's instruments of one quote currency <= venue_exposure",
                  "quote", "risk.max_venue_exposure_quote", opening_orders, passes_venue_exposure},
    RiskRuleEntry{
        RiskRule::max_capital, "max_capital",
        "capital in use, the gross worst-case exposure of one quote currency with this order, <= max_capital",
        "quote", "risk.max_capital_quote", opening_orders, passes_max_capital},
    RiskRuleEntry{
        RiskRule::order_rate, "order_rate",
        "orders placed at the venue within order_rate_window before now, with this one, <= order_rate_max",
        "orders", "risk.order_rate_max", opening_orders, passes_order_rate},
    RiskRuleEntry{RiskRule::duplicate, "duplicate",
                  "ts - time of the last order of equal instrument, side, price and size >= duplicate", "ms",
                  "risk.duplicate_ms", opening_orders, passes_duplicate},
    RiskRuleEntry{RiskRule::connectivity, "connectivity",
                  "time since the venue's last book message <= venue_silence_max", "ms",
                  "risk.venue_silence_max_ms", opening_orders, passes_connectivity},
    RiskRuleEntry{RiskRule::synchronisation, "synchronisation",
                  "newest less oldest book time over the markets of the base asset <= sync_skew_max", "ms",
                  "risk.sync_skew_max_ms", opening_orders, passes_synchronisation},
    RiskRuleEntry{RiskRule::data_quality, "data_quality",
                  "feed gaps of the instrument within data_quality_window <= gaps_max", "gaps",
                  "risk.gaps_max", opening_orders, passes_data_quality},
    RiskRuleEntry{RiskRule::error_burst, "error_burst",
                  "orders that the venue rejected or left unanswered within error_window <= errors_max",
                  "errors", "risk.errors_max", opening_orders, passes_error_burst},
    RiskRuleEntry{RiskRule::clock, "clock", "|told clock offset| <= clock_offset_max", "ms",
                  "risk.clock_offset_max_ms", opening_orders, passes_clock},
    RiskRuleEntry{RiskRule::unresolved, "unresolved",
                  "live: no order of the instrument whose outcome is unknown", "", "", opening_orders,
                  passes_unresolved},
    RiskRuleEntry{RiskRule::in_flight, "in_flight",
                  "orders at the venue that await an answer or are unknown, with this one, <= in_flight_max",
                  "orders", "risk.in_flight_max", opening_orders, passes_in_flight},
    RiskRuleEntry{RiskRule::self_trade, "self_trade",
                  "no resting order of ours that it would match; passes where execution.self_trade is allow",
                  "", "", every_order, passes_self_trade},
    RiskRuleEntry{RiskRule::private_stream, "private_stream",
                  "live: time since the venue's private stream was last heard <= private_age_max", "ms",
                  "risk.private_age_max_ms", opening_orders, passes_private_stream},
};
static_assert(rules.size() + 1 == risk_rule_count);

bool is_asked(const RiskRuleEntry& entry, const Order& order, const Limits& limits,
              bool is_order_closing) noexcept {
  if (limits.off.has(entry.rule) && !is_always_on(entry.rule)) return false;
  switch (entry.asked_of) {
    case every_order:
      return true;
    case opening_orders:
      return !is_order_closing;
    case unless_flattening:
      return order.purpose != OrderPurpose::flatten;
  }
  return true;
}

}  // namespace

WorstExposure& WorstExposure::operator+=(const WorstExposure& other) noexcept {
  long_e8 += other.long_e8;
  short_e8 += other.short_e8;
  gross_e8 += other.gross_e8;
  return *this;
}

WorstExposure worst_exposure(SizeUnits position, Int128 buys_units, Int128 sells_units,
                             std::int64_t mid_x2_ticks, std::int64_t quote_unit_e18) noexcept {
  const Int128 long_e8 = exposure_e8(wide(position) + buys_units, mid_x2_ticks, quote_unit_e18);
  const Int128 short_e8 = exposure_e8(wide(position) - sells_units, mid_x2_ticks, quote_unit_e18);
  return {.long_e8 = long_e8,
          .short_e8 = short_e8,
          .gross_e8 = std::max(magnitude(long_e8), magnitude(short_e8))};
}

std::span<const RiskRuleEntry> risk_rules() noexcept {
  return rules;
}

std::string_view text_of(AskedOf asked_of) noexcept {
  switch (asked_of) {
    case every_order:
      return "every order";
    case opening_orders:
      return "opening orders";
    case unless_flattening:
      return "all but flattening orders";
  }
  return "unknown";
}

bool is_always_on(RiskRule rule) noexcept {
  return rule == RiskRule::trading_state || rule == RiskRule::lot || rule == RiskRule::invalid_book ||
         rule == RiskRule::unresolved;
}

RiskRule check(const OrderIntent& order, const RiskContext& context, const RiskLimits& limits) noexcept {
  const bool is_order_closing = is_closing(order, context);
  for (const RiskRuleEntry& entry : rules) {
    if (!is_asked(entry, order, limits, is_order_closing)) continue;
    if (!entry.passes(order, context, limits)) return entry.rule;
  }
  return RiskRule::none;
}

}  // namespace lob
