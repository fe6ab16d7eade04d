// A trader whose orders go to a venue, and what the venue says to them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lob/trader.hpp"
#include "trading_fixture.hpp"

namespace lob::test {

inline constexpr TsNs second_ns = 1'000'000'000;

inline StrategyConfig wishing_strategy(const std::string& name) {
  StrategyConfig strategy;
  strategy.name = name;
  strategy.kind = StrategyKind::external;
  strategy.settings = ExternalSettings{.max_age_ns = 3'600 * second_ns};
  return strategy;
}

/// Two strategies that wish what the test says, on a perpetual and a masked slot and a spot market.
inline TraderConfig live_config() {
  TraderConfig config = two_slots_and_a_mask();
  config.strategies = {wishing_strategy("one"), wishing_strategy("other")};
  config.risk.forecast_age_max_ns = 3'600 * second_ns;
  config.execution.is_live = true;
  config.execution.self_trade = SelfTrade::cancel;
  for (const std::size_t slot : {0, 2}) {
    config.slots[slot].terms.max_position = SizeUnits{500};
    config.slots[slot].terms.short_max = SizeUnits{500};
    config.slots[slot].size_unit_e18 = 1'000'000'000'000'000;  // 0.001
  }
  config.slots[0].terms.venue = Venue::binance_usdm;
  config.slots[2].terms.venue = Venue::binance_spot;
  config.slots[2].terms.market_type = MarketType::spot;
  return config;
}

inline VenueReply said(const OrderRequestRecord& order, VenueReplyKind kind) {
  VenueReply reply;
  reply.client_order_id = order.client_order_id;
  reply.instrument = order.instrument;
  reply.side = order.side;
  reply.kind = code(kind);
  return reply;
}

inline VenueReply traded(const OrderRequestRecord& order, std::uint64_t trade_id, std::int64_t size_units,
                         std::int64_t price_ticks) {
  VenueReply reply = said(order, VenueReplyKind::fill);
  reply.trade_id = trade_id;
  reply.size_units = size_units;
  reply.price_ticks = price_ticks;
  return reply;
}

/// On the first slot.
inline VenueReply traded_by_nobody(Side side, std::uint64_t trade_id, std::int64_t size_units,
                                   std::int64_t price_ticks) {
  OrderRequestRecord order{};
  order.instrument = 4;
  order.side = code(side);
  return traded(order, trade_id, size_units, price_ticks);
}

struct LiveDesk : Desk {
  LiveDesk() : LiveDesk(live_config()) {}
  explicit LiveDesk(const TraderConfig& config) : Desk(config) {}

  TraderError wish(std::uint32_t strategy, std::vector<Wish> wishes) {
    return trader.on_wishes(++seq, ts_ns, ts_ns, strategy, std::move(wishes),
                            Touches(ts_ns, usual_tops).view(), out);
  }
  TraderError target(std::uint32_t strategy, std::int64_t units, std::uint32_t slot = 0) {
    return wish(strategy, {{.slot = slot, .action = SignalAction::enter, .target = SizeUnits{units}}});
  }
  TraderError bid(std::uint32_t strategy, std::int64_t price, std::int64_t size, std::uint32_t slot = 0) {
    return wish(strategy,
                {{.slot = slot, .action = SignalAction::quote, .bid = {PriceTicks{price}, SizeUnits{size}}}});
  }
  TraderError ask(std::uint32_t strategy, std::int64_t price, std::int64_t size) {
    return wish(strategy,
                {{.slot = 0, .action = SignalAction::quote, .ask = {PriceTicks{price}, SizeUnits{size}}}});
  }
  TraderError hear(const VenueReply& reply) { return trader.on_reply(++seq, ts_ns, reply, out); }
  TraderError hear(VenueReplyKind kind) { return hear(said(placed(), kind)); }
  void step_after(TsNs after_ns) {
    ts_ns += after_ns;
    step();
  }
  /// The newest request that placed an order.
  [[nodiscard]] const OrderRequestRecord& placed() const {
    std::size_t at = out.orders.size();
    while (out.orders[at - 1].kind != code(RequestKind::place)) --at;
    return out.orders[at - 1];
  }
  [[nodiscard]] const Order& order() const { return *trader.orders().find(placed().client_order_id); }
  [[nodiscard]] std::size_t count(RequestKind kind) const {
    std::size_t found = 0;
    for (const OrderRequestRecord& request : out.orders) found += request.kind == code(kind) ? 1 : 0;
    return found;
  }
  /// Long 100 on the first slot, of the first strategy; outputs forgotten.
  void hold_100() {
    target(0, 100);
    hear(VenueReplyKind::ack);
    hear(traded(placed(), 1'000'000, 100, 10'001));
    forget_outputs();
  }
};

}  // namespace lob::test
