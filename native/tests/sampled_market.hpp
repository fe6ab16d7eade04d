// A small market with a sampler beside it, for the sampler's tests: every input goes through `at`, as in the
// engine, and the flows are counted a second time, independently.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "lob/order_book.hpp"
#include "lob/sampler.hpp"

namespace lob::sampled {

inline constexpr TsNs step_ns = 100;

inline SamplerConfig config_of_three_slots() {
  return SamplerConfig{.step_ns = step_ns,
                       .slots = {{.instrument = 0, .tick = 0.1, .size_unit = 0.001},
                                 {},
                                 {.instrument = 4, .tick = 0.01, .size_unit = 0.0001}},
                       .reference_slot = 0,
                       .stale_ns = 1000,
                       .window_steps = 4,
                       .max_catchup_steps = 20};
}

/// A sampler with the books it watches; every input goes through `at`, as in the engine.
class Grid {
 public:
  explicit Grid(SamplerConfig config = config_of_three_slots()) : sampler(std::move(config)) {}

  /// The next input comes at this time: steps before it close.
  Grid& at(TsNs ts_ns) {
    now_ns = ts_ns;
    const auto books_now = [this](InstrumentId instrument) {
      return SlotBook{top_of(books[instrument]), is_synced[instrument], ts_last_update_ns[instrument]};
    };
    const TsNs step_before_ns = sampler.next_step_ns();
    sampler.close_until(++seq, ts_ns, books_now, rows);
    record_flows(step_before_ns);
    return *this;
  }
  /// A snapshot of seven levels around `mid`, one tick apart, all of one size.
  Grid& snapshot(InstrumentId instrument, std::int64_t mid, std::int64_t size) {
    books[instrument].clear();
    for (std::int64_t k = 1; k <= 7; ++k) {
      books[instrument].apply(Side::bid, PriceTicks{mid - k}, SizeUnits{size});
      books[instrument].apply(Side::ask, PriceTicks{mid + k}, SizeUnits{size});
    }
    is_synced[instrument] = true;
    return touched(instrument);
  }
  Grid& level(InstrumentId instrument, Side side, std::int64_t price, std::int64_t size) {
    books[instrument].apply(side, PriceTicks{price}, SizeUnits{size});
    return touched(instrument);
  }
  Grid& touched(InstrumentId instrument) {
    ts_last_update_ns[instrument] = now_ns;
    sampler.on_book(instrument, books[instrument]);
    const auto after = best_quote(instrument);
    if (bests[instrument] && after) {
      pending[instrument].ofi_units += static_cast<double>(order_flow_units(*bests[instrument], *after));
    }
    bests[instrument] = after;
    return *this;
  }
  Grid& trade(InstrumentId instrument, Side aggressor, std::int64_t size) {
    sampler.on_trade(instrument, aggressor, SizeUnits{size});
    pending[instrument].signed_trade_units += static_cast<double>(aggressor == Side::bid ? size : -size);
    pending[instrument].trade_count += 1;
    return *this;
  }
  Grid& lost(InstrumentId instrument) {
    is_synced[instrument] = false;
    bests[instrument].reset();
    sampler.on_invalid(instrument);
    return *this;
  }

  Sampler sampler;
  std::array<OrderBook, 5> books;
  std::array<bool, 5> is_synced{};
  std::array<TsNs, 5> ts_last_update_ns{};
  TsNs now_ns = 0;
  std::uint64_t seq = 0;
  std::vector<GridRecord> rows;
  std::vector<StepFlow> flows;  // beside rows: what the test itself counted

 private:
  std::optional<BestQuote> best_quote(InstrumentId instrument) const {
    const auto bid = books[instrument].best(Side::bid);
    const auto ask = books[instrument].best(Side::ask);
    if (!bid || !ask) return std::nullopt;
    return BestQuote{bid->price.value, bid->size.value, ask->price.value, ask->size.value};
  }
  /// The first step that closed holds all that was counted, the others nothing.
  void record_flows(TsNs step_before_ns) {
    for (std::size_t i = flows.size(); i < rows.size(); ++i) {
      const GridRecord& row = rows[i];
      flows.push_back(row.ts_step_ns == step_before_ns ? pending[row.instrument] : StepFlow{});
      flows.back().age_ns = static_cast<double>(row.ts_step_ns - ts_last_update_ns[row.instrument]);
    }
    if (sampler.next_step_ns() != step_before_ns) pending = {};
  }

  std::array<StepFlow, 5> pending{};
  std::array<std::optional<BestQuote>, 5> bests{};
};

/// One random input of a busy market; `random` alone decides what it is.
inline void random_input(Grid& grid, std::mt19937_64& random) {
  const auto below = [&random](std::uint64_t limit) { return static_cast<std::int64_t>(random() % limit); };
  const InstrumentId instrument = below(2) == 0 ? 0 : 4;
  const auto kind = below(100);
  grid.at(grid.now_ns + (kind == 0 ? below(4000) : below(60)));
  if (kind < 2) {
    grid.lost(instrument);
  } else if (kind < 10 || !grid.is_synced[instrument]) {
    grid.snapshot(instrument, 10'000 + below(20), 1 + below(50));
  } else if (kind < 30) {
    grid.trade(instrument, below(2) == 0 ? Side::bid : Side::ask, 1 + below(9));
  } else {
    const Side side = below(2) == 0 ? Side::bid : Side::ask;
    const auto best = grid.books[instrument].best(side);
    if (!best) return;
    grid.level(instrument, side, best->price.value + (side == Side::bid ? -below(3) : below(3)), below(60));
  }
}

inline void play(Grid& grid, std::mt19937_64& random, int inputs) {
  for (int i = 0; i < inputs; ++i) random_input(grid, random);
}

}  // namespace lob::sampled
