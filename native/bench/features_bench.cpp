// Time of one feature row, of one closed step of three venues, and of one book event that closes nothing.
//
// Build alone: g++ -std=c++20 -O2 -ffp-contract=off -Iinclude bench/features_bench.cpp src/features.cpp
// src/sampler.cpp src/order_book.cpp. Prints the best of several rounds: the rest is the machine's noise.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <vector>

#include "lob/order_book.hpp"
#include "lob/sampler.hpp"

namespace {

using namespace lob;

constexpr int rounds = 9;
constexpr int repeats = 20'000;
constexpr TsNs step_ns = 100'000'000;

/// Best time of one call over all rounds, in ns.
template <class Body>
double best_ns(Body&& body) {
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < repeats; ++i) body(i);
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count() / repeats);
  }
  return best;
}

OrderBook sample_book() {
  OrderBook book;
  for (std::int64_t k = 0; k < 100; ++k) {
    book.apply(Side::bid, PriceTicks{268'162 - k}, SizeUnits{1000 + 37 * k});
    book.apply(Side::ask, PriceTicks{268'163 + k}, SizeUnits{900 + 53 * k});
  }
  return book;
}

double row_ns(const OrderBook& book) {
  RowInput input{.top = top_of(book),
                 .flow = {.ofi_units = 12, .signed_trade_units = -40, .trade_count = 3, .age_ns = 2e7},
                 .tick = 0.01,
                 .size_unit = 0.001,
                 .reference_mid = 2681.0,
                 .stale_ns = 20 * step_ns};
  const BookTop previous = input.top;
  std::array<float, feature_count> row{};
  volatile float kept = 0.0F;
  return best_ns([&](int i) {
    input.top.size_units[0] = 1 + i;
    compute_features(input, &previous, row);
    kept = row[FeatureIndex::imbalance_l1];
  });
}

Sampler sample_sampler() {
  const GridSlot first{.instrument = 0, .tick = 0.01, .size_unit = 0.001};
  const GridSlot second{.instrument = 1, .tick = 0.01, .size_unit = 1e-8};
  const GridSlot third{.instrument = 2, .tick = 0.1, .size_unit = 1e-6};
  return Sampler({.step_ns = step_ns,
                  .slots = {first, second, third},
                  .reference_slot = 0,
                  .stale_ns = 20 * step_ns,
                  .window_steps = 60,
                  .max_catchup_steps = 600});
}

double step_of_three_venues_ns(const OrderBook& book) {
  Sampler sampler = sample_sampler();
  std::vector<GridRecord> rows;
  TsNs now_ns = 1;
  const auto books = [&](InstrumentId) { return SlotBook{top_of(book), true, now_ns - step_ns}; };
  return best_ns([&](int) {
    rows.clear();
    sampler.close_until(1, now_ns, books, rows);
    now_ns += step_ns;
  });
}

double event_ns(const OrderBook& book) {
  Sampler sampler = sample_sampler();
  std::vector<GridRecord> rows;
  const auto books = [&](InstrumentId) { return SlotBook{top_of(book), true, 1}; };
  return best_ns([&](int) {
    sampler.close_until(1, 2, books, rows);
    sampler.on_book(1, book);
  });
}

}  // namespace

int main() {
  const OrderBook book = sample_book();
  std::printf("one row, compute_features        %8.1f ns\n", row_ns(book));
  std::printf("one step of three venues         %8.1f ns\n", step_of_three_venues_ns(book));
  std::printf("one book event, no step closes   %8.1f ns\n", event_ns(book));
}
