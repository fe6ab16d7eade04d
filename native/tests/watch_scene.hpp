// A scene that the watch finds in order: every limit set, nothing near one.
#pragma once

#include <vector>

#include "lob/watch.hpp"

namespace lob::test {

inline constexpr TsNs day_ns = 86'400'000'000'000;
inline constexpr std::int64_t ms = 1'000'000;

/// Two venues of one base asset around a masked slot, long on the first, everything in order; every limit is
/// set.
struct Scene {
  WatchLimits limits{.stop_loss_share_e8 = 500'000,
                     .stop_loss_e8 = 9'000'000,
                     .take_profit_share_e8 = 1'000'000,
                     .take_profit_e8 = 9'000'000,
                     .net_exposure_e8 = 5'000,
                     .gross_exposure_e8 = 8'000,
                     .drawdown_e8 = 300,
                     .daily_loss_e8 = 400,
                     .correlation_min = 0.5,
                     .correlation_samples_min = 100,
                     .venue_silence_max_ns = 700 * ms,
                     .sync_skew_max_ns = 600 * ms,
                     .gaps_max = 3,
                     .drift_level_max = 1,
                     .model_expiry_grace_ns = 40 * ms,
                     .errors_max = 2,
                     .clock_offset_max_ns = 50 * ms,
                     .heartbeat_age_max_ns = 3'000 * ms};
  std::vector<WatchSlot> slots;
  std::vector<WatchGroup> groups{{.quote_group = 4, .equity_e8 = 10'000}};
  std::vector<WatchPair> pairs{{.slot_a = 0, .slot_b = 2, .correlation = 0.9, .samples = 100}};
  SystemHealth health;
  TradingState state = TradingState::active;
  TsNs ts_ns = 20'000 * day_ns + day_ns / 2;

  Scene() {
    slots.resize(3);
    slots[0] = {.instrument = 5,
                .venue = Venue::binance_usdm,
                .base_group = 1,
                .position = SizeUnits{100},
                .cost_e8 = 1'000'000};
    slots[2] = {.instrument = 6, .venue = Venue::bybit_spot, .base_group = 1};
  }
  [[nodiscard]] WatchContext context() const {
    return {
        .ts_ns = ts_ns, .state = state, .slots = slots, .groups = groups, .pairs = pairs, .health = health};
  }
  std::vector<WatchTrip> show(Watch& watch) {
    std::vector<WatchTrip> trips;
    watch.check(context(), trips);
    ts_ns += ms;
    return trips;
  }
};

}  // namespace lob::test
