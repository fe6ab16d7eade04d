// A small trader and a small book for tests of the trading rooms.
#pragma once

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "lob/trader.hpp"

namespace lob::test {

inline constexpr std::uint32_t run_tag = 7;
inline constexpr TsNs step_ns = 100'000'000;
inline constexpr std::size_t horizon_steps = 3;

/// An enumerator as a record carries it.
constexpr std::uint8_t code(auto value) {
  return static_cast<std::uint8_t>(value);
}

/// One slot of lot 10, orders of 100, mid around 10'000 ticks; a quote unit is 10^-8 quote.
inline TraderSlot slot_of_lot_10(InstrumentId instrument) {
  TraderSlot slot;
  slot.terms.instrument = instrument;
  slot.terms.market_type = MarketType::perpetual;
  slot.terms.lot = SizeUnits{10};
  slot.terms.order_size = SizeUnits{100};
  slot.terms.max_position = SizeUnits{100};
  slot.terms.short_max = SizeUnits{100};
  slot.terms.taker_fee_e8 = 10'000;  // 1 bps
  slot.terms.quote_unit_e18 = 10'000'000'000;
  slot.terms.tick = 1.0;
  slot.terms.size_unit = 1.0;
  slot.max_order_size = SizeUnits{200};
  slot.slippage_cap_ticks = 2;
  slot.flatten_cap_ticks = 5;
  return slot;
}

/// Takes where the forecast two steps ahead exceeds cost plus half a bps.
inline StrategyConfig forecast_strategy() {
  StrategyConfig strategy;
  strategy.name = "forecast";
  strategy.settings =
      ForecastSettings{.signal = {.horizon_step = 2, .cost_multiple = 1.0, .edge_bps = 0.5, .exit_bps = 0.0}};
  return strategy;
}

inline TraderConfig two_slots_and_a_mask() {
  TraderConfig config;
  config.run_tag = run_tag;
  config.strategies = {forecast_strategy()};
  config.risk.price_deviation_e8 = 500'000;  // 50 bps
  config.risk.net_exposure_e8 = 10'000'000;
  config.risk.gross_exposure_e8 = 10'000'000;
  config.risk.forecast_age_max_ns = step_ns;
  config.reply_timeout_ns = 10 * step_ns;
  config.slots = {slot_of_lot_10(4), TraderSlot{}, slot_of_lot_10(9)};
  return config;
}

/// Bid 9'999, ask 10'001: half spread 1 bps, so cost is 1 + 1 + 0.5 bps.
inline constexpr TopOfBook usual_top{.bid = PriceTicks{9'999}, .ask = PriceTicks{10'001}, .is_valid = true};
inline const std::vector<TopOfBook> usual_tops{usual_top, TopOfBook{}, usual_top};

/// The market with these touches and nothing else.
class Touches {
 public:
  Touches(TsNs ts_ns, const std::vector<TopOfBook>& tops) : slots_(tops.size()) {
    for (std::size_t slot = 0; slot < tops.size(); ++slot) {
      slots_[slot].top = tops[slot];
      slots_[slot].is_synced = tops[slot].is_valid;
      slots_[slot].ts_last_update_ns = ts_ns;
    }
    view_.ts_ns = ts_ns;
    view_.slots = slots_;
  }
  Touches(const Touches&) = delete;
  Touches& operator=(const Touches&) = delete;
  [[nodiscard]] const MarketView& view() const noexcept { return view_; }

 private:
  std::vector<SlotMarket> slots_;
  MarketView view_;
};

/// Forecasts of `mid_bps` for each slot at the signal's horizon, something else at every other place.
inline std::vector<float> forecast_of(const std::vector<float>& mid_bps) {
  const std::size_t slots = mid_bps.size();
  std::vector<float> values(horizon_steps * slots * forecast_width, -99.0F);
  for (std::size_t slot = 0; slot < slots; ++slot) values[(slots + slot) * forecast_width] = mid_bps[slot];
  return values;
}

/// A trader with its outputs and a clock that the test moves.
struct Desk {
  Trader trader{two_slots_and_a_mask()};
  std::string arena;
  TradingOutputs out;
  std::uint64_t seq = 0;
  TsNs ts_ns = 1'000 * step_ns;

  Desk() { out.arena = &arena; }
  explicit Desk(const TraderConfig& config) : trader(config) { out.arena = &arena; }

  TraderError forecast(const std::vector<float>& mid_bps, const std::vector<TopOfBook>& tops = usual_tops) {
    const std::vector<float> values = forecast_of(mid_bps);
    const ForecastView view{.values = values, .horizon_steps = horizon_steps, .slot_count = mid_bps.size()};
    return trader.on_forecast(++seq, ts_ns, ts_ns, 1, view, Touches(ts_ns, tops).view(), out);
  }
  TraderError reply(const SimReply& reply) { return trader.on_reply(++seq, ts_ns, reply, out); }
  TraderError command(TradingOp op, std::string_view reason = "test") {
    return trader.on_command(++seq, ts_ns, op, TradingTrigger::operator_, reason, out);
  }
  void step(const std::vector<TopOfBook>& tops = usual_tops) {
    trader.on_step(++seq, ts_ns, Touches(ts_ns, tops).view(), out);
  }
  void forget_outputs() {
    out.clear();
    arena.clear();
  }
};

inline SimReply reply_of(const OrderRequestRecord& order, SimReplyKind kind) {
  SimReply reply;
  reply.client_order_id = order.client_order_id;
  reply.instrument = order.instrument;
  reply.side = order.side;
  reply.kind = static_cast<std::uint8_t>(kind);
  return reply;
}

inline SimReply fill_of(const OrderRequestRecord& order, std::uint64_t trade_id, std::int64_t size_units,
                        std::int64_t price_ticks, std::int64_t fee_quote_units = 0) {
  SimReply reply = reply_of(order, SimReplyKind::fill);
  reply.trade_id = trade_id;
  reply.price_ticks = price_ticks;
  reply.size_units = size_units;
  reply.fee_quote_units = fee_quote_units;
  return reply;
}

/// A desk that is long 100 on slot 0, with its outputs forgotten.
struct LongDesk : Desk {
  LongDesk() {
    forecast({9.0F, 0.0F, 0.0F});
    const OrderRequestRecord order = out.orders.front();
    reply(reply_of(order, SimReplyKind::ack));
    reply(fill_of(order, 1, 100, 10'001, 12));
    forget_outputs();
  }
};

/// Bytes of records without padding, to be compared whole.
template <class Record>
std::string bytes_of(const std::vector<Record>& records) {
  return {reinterpret_cast<const char*>(records.data()), records.size() * sizeof(Record)};
}

inline std::string bytes_of(const TradingOutputs& out) {
  return bytes_of(out.decisions) + bytes_of(out.orders) + bytes_of(out.order_events) + bytes_of(out.fills) +
         bytes_of(out.positions) + bytes_of(out.state_events) + bytes_of(out.funding) + bytes_of(out.equity) +
         bytes_of(out.risk_events) + *out.arena;
}

/// Uniform in [low, high], the same on every platform.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t roll(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace lob::test
