#include "lob/risk.hpp"

#include <algorithm>
#include <array>

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

bool passes_stale_forecast(const Order& order, const Context& context, const Limits& limits) noexcept {
  if (order.purpose == OrderPurpose::flatten) return true;
  return context.ts_ns - order.ts_step_ns <= limits.forecast_age_max_ns;
}

bool passes_max_order_size(const Order& order, const Context& context, const Limits&) noexcept {
  return order.size <= context.max_order_size;
}

bool passes_price_deviation(const Order& order, const Context& context, const Limits& limits) noexcept {
  const Int128 mid_x2 = context.top.mid_x2_ticks();
  const Int128 deviation_x2 = magnitude(2 * static_cast<Int128>(order.price.value) - mid_x2);
  return order.price.value > 0 && deviation_x2 * 100'000'000 <= mid_x2 * limits.price_deviation_e8;
}

bool passes_max_position(const Order& order, const Context& context, const Limits&) noexcept {
  return position_after(order, context) <= std::max<Int128>(0, wide(context.max_position));
}

bool passes_exposure(const Order& order, const Context& context, const Limits& limits) noexcept {
  // A closing order is never refused: a limit must not hold a position open.
  if (is_closing(order, context)) return true;
  const Int128 bought = order.side == Side::bid ? wide(order.size) : 0;
  const Int128 sold = order.side == Side::ask ? wide(order.size) : 0;
  const Int128 buys = wide(context.buys_in_flight) + bought;
  const Int128 sells = wide(context.sells_in_flight) + sold;
  WorstExposure after =
      worst_exposure(context.position, buys, sells, context.top.mid_x2_ticks(), context.quote_unit_e18);
  after += context.others;
  const bool is_net_within =
      after.long_e8 <= limits.net_exposure_e8 && -after.short_e8 <= limits.net_exposure_e8;
  return is_net_within && after.gross_e8 <= limits.gross_exposure_e8;
}

constexpr std::array rules{
    RiskRuleEntry{
        RiskRule::trading_state, "trading_state",
        "active: any; reducing: |position| falls, no crossing of zero; flattening: the same, and the "
        "order is a flattening one; halted: none",
        passes_trading_state},
    RiskRuleEntry{RiskRule::lot, "lot", "size > 0 and size mod lot = 0", passes_lot},
    RiskRuleEntry{RiskRule::invalid_book, "invalid_book",
                  "feed synchronised and fresh, both sides there, best bid < best ask", passes_invalid_book},
    RiskRuleEntry{RiskRule::stale_forecast, "stale_forecast",
                  "ts - ts_step <= forecast_age_max (not asked of flattening orders)", passes_stale_forecast},
    RiskRuleEntry{RiskRule::max_order_size, "max_order_size", "size <= max_order_size",
                  passes_max_order_size},
    RiskRuleEntry{RiskRule::price_deviation, "price_deviation",
                  "price > 0 and |price - mid| / mid <= price_deviation", passes_price_deviation},
    RiskRuleEntry{RiskRule::max_position, "max_position",
                  "buy: position + buys in flight + size <= max_position; sell: the mirror image",
                  passes_max_position},
    RiskRuleEntry{
        RiskRule::exposure, "exposure",
        "over one quote currency at the mids, in flight counted as filled: |net| <= net_exposure and "
        "sum of |position value| <= gross_exposure (not asked of closing orders)",
        passes_exposure},
};

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

RiskRule check(const OrderIntent& order, const RiskContext& context, const RiskLimits& limits) noexcept {
  for (const RiskRuleEntry& entry : rules) {
    if (!entry.passes(order, context, limits)) return entry.rule;
  }
  return RiskRule::none;
}

}  // namespace lob
