// Small books and a scene of slots for tests of strategies.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "lob/cross_market.hpp"
#include "lob/strategies.hpp"
#include "trading_fixture.hpp"

namespace lob::test {

using Levels = std::initializer_list<std::pair<std::int64_t, std::int64_t>>;

inline SlotMarket book_of(Levels bids, Levels asks) {
  SlotMarket market;
  for (const auto& [price, size] : bids)
    market.bids[market.bid_count++] = {PriceTicks{price}, SizeUnits{size}};
  for (const auto& [price, size] : asks)
    market.asks[market.ask_count++] = {PriceTicks{price}, SizeUnits{size}};
  market.top = {.bid = market.bids[0].price, .ask = market.asks[0].price, .is_valid = true};
  market.is_synced = true;
  return market;
}

/// Spot of lot 10, orders of 100, limits of 300 either way, tick 0.01 and size unit 0.001, no fees.
inline SlotTerms spot_terms(InstrumentId instrument) {
  SlotTerms terms;
  terms.instrument = instrument;
  terms.venue = Venue::binance_spot;
  terms.lot = SizeUnits{10};
  terms.order_size = SizeUnits{100};
  terms.max_position = SizeUnits{300};
  terms.short_max = SizeUnits{300};
  terms.quote_unit_e18 = 10'000'000'000'000;
  terms.tick = 0.01;
  terms.size_unit = 0.001;
  return terms;
}

inline SlotTerms perpetual_terms(InstrumentId instrument) {
  SlotTerms terms = spot_terms(instrument);
  terms.venue = Venue::binance_usdm;
  terms.market_type = MarketType::perpetual;
  return terms;
}

/// What a strategy is shown, moved by the test.
struct Scene {
  std::vector<SlotTerms> terms;
  std::vector<SlotMarket> markets;
  std::vector<SlotView> slots;
  std::vector<float> values;
  TsNs ts_step_ns = 1'000 * step_ns;

  explicit Scene(std::vector<SlotTerms> slot_terms)
      : terms(std::move(slot_terms)), markets(terms.size()), slots(terms.size()) {
    for (SlotMarket& market : markets) market = book_of({{9'999, 500}}, {{10'001, 500}});
  }
  std::vector<Wish> ask(Strategy& strategy, const std::vector<float>& mid_bps = {}) {
    for (std::size_t slot = 0; slot < terms.size(); ++slot) slots[slot].market = &markets[slot];
    values = forecast_of(mid_bps);
    const ForecastView forecast{
        .values = values, .horizon_steps = horizon_steps, .slot_count = mid_bps.size()};
    std::vector<Wish> wishes;
    strategy.decide({.ts_ns = ts_step_ns,
                     .ts_step_ns = ts_step_ns,
                     .terms = terms,
                     .slots = slots,
                     .forecast = mid_bps.empty() ? nullptr : &forecast},
                    wishes);
    return wishes;
  }
  void hold(std::size_t slot, std::int64_t units) { slots[slot].position = SizeUnits{units}; }
};

inline StrategyConfig config_of(StrategyKind kind, StrategySettings settings, SizingConfig sizing = {}) {
  return {
      .name = std::string(text_of(kind)), .kind = kind, .slots = {}, .settings = settings, .sizing = sizing};
}

inline std::string saved(const Strategy& strategy) {
  ByteWriter writer;
  strategy.save(writer);
  return writer.take();
}

/// Another strategy of the same settings with the saved state of `strategy`.
inline std::unique_ptr<Strategy> restored(const Strategy& strategy, const StrategyConfig& config,
                                          std::span<const SlotTerms> terms) {
  std::unique_ptr<Strategy> copy = make_strategy(config, terms);
  const std::string bytes = saved(strategy);
  ByteReader reader(bytes);
  return copy->load(reader) && reader.is_at_end() ? std::move(copy) : nullptr;
}

}  // namespace lob::test
