#include "lob/feature_schema.hpp"

#include <array>
#include <cassert>
#include <cstdint>
#include <utility>

#include "lob/features.hpp"
#include "lob/order_book.hpp"
#include "lob/sampler.hpp"

namespace lob {

namespace {

constexpr std::size_t instrument_count = 2;
constexpr std::uint64_t busy_steps = 24;

/// A few pseudo-random integers, the same everywhere: Knuth's MMIX generator, high bits only.
class GoldenNumbers {
 public:
  std::int64_t below(std::int64_t limit) noexcept {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::int64_t>(state_ >> 33U) % limit;
  }

 private:
  std::uint64_t state_ = 20240902;
};

/// Two instruments of unlike ticks around a masked slot; their feeds break, fall silent and come back.
class GoldenMarket {
 public:
  explicit GoldenMarket(TsNs step_ns)
      : step_ns_(step_ns),
        sampler_(SamplerConfig{.step_ns = step_ns,
                               .slots = {{.instrument = 0, .tick = 0.1, .size_unit = 0.001},
                                         {},
                                         {.instrument = 1, .tick = 0.01, .size_unit = 1e-8}},
                               .reference_slot = 0,
                               .stale_ns = 5 * step_ns,
                               .window_steps = 4,
                               .max_catchup_steps = 16}) {}

  std::vector<GridRecord> play() {
    for (std::uint64_t step = 0; step < busy_steps; ++step) play_step(step);
    ts_ns_ += 9 * step_ns_;  // stale, yet within the catch-up
    play_step(busy_steps);
    ts_ns_ += 40 * step_ns_;  // beyond the catch-up: a jump
    for (std::uint64_t step = 0; step < 4; ++step) play_step(busy_steps + 1 + step);
    return std::move(rows_);
  }

 private:
  void play_step(std::uint64_t step) {
    for (InstrumentId instrument = 0; instrument < instrument_count; ++instrument) {
      const bool breaks = step == 10 + instrument;
      if (breaks) lose_book(instrument);
      if (!breaks) move_book(instrument);
      trade(instrument);
    }
    ts_ns_ += step_ns_ / 8 * 4;
    close();
  }

  void lose_book(InstrumentId instrument) {
    advance();
    books_[instrument].clear();
    is_synced_[instrument] = false;
    sampler_.on_invalid(instrument);
  }

  void move_book(InstrumentId instrument) {
    advance();
    OrderBook& book = books_[instrument];
    book.clear();
    mid_ticks_[instrument] += numbers_.below(7) - 3;
    fill_side(book, Side::bid, mid_ticks_[instrument], -1);
    fill_side(book, Side::ask, mid_ticks_[instrument], 1);
    is_synced_[instrument] = true;
    ts_last_update_ns_[instrument] = ts_ns_;
    sampler_.on_book(instrument, book);
  }

  void fill_side(OrderBook& book, Side side, std::int64_t mid_ticks, std::int64_t direction) {
    std::int64_t price = mid_ticks;
    for (std::size_t level = 0; level < book_depth + 2; ++level) {
      price += direction * (1 + numbers_.below(4));
      book.apply(side, PriceTicks{price}, SizeUnits{1 + numbers_.below(2'000'000)});
    }
  }

  void trade(InstrumentId instrument) {
    advance();
    for (std::int64_t left = numbers_.below(3); left > 0; --left) {
      const Side aggressor = numbers_.below(2) == 0 ? Side::bid : Side::ask;
      sampler_.on_trade(instrument, aggressor, SizeUnits{1 + numbers_.below(3'000'000)});
    }
  }

  void advance() {
    ts_ns_ += step_ns_ / 8;
    close();
  }

  void close() {
    const auto books = [this](InstrumentId instrument) {
      return SlotBook{top_of(books_[instrument]), is_synced_[instrument], ts_last_update_ns_[instrument]};
    };
    sampler_.close_until(++seq_, ts_ns_, books, rows_);
  }

  TsNs step_ns_;
  Sampler sampler_;
  GoldenNumbers numbers_;
  std::array<OrderBook, instrument_count> books_;
  std::array<bool, instrument_count> is_synced_{};
  std::array<TsNs, instrument_count> ts_last_update_ns_{};
  std::array<std::int64_t, instrument_count> mid_ticks_{26'000, 260'150};
  TsNs ts_ns_ = 0;
  std::uint64_t seq_ = 0;
  std::vector<GridRecord> rows_;
};

void append(const void* data, std::size_t size, std::vector<std::byte>& out) {
  const auto* first = static_cast<const std::byte*>(data);
  out.insert(out.end(), first, first + size);
}

}  // namespace

std::vector<std::byte> golden_feature_bytes(TsNs step_ns) {
  assert(step_ns >= step_ns_min);
  std::vector<std::byte> bytes;
  for (const GridRecord& row : GoldenMarket(step_ns).play()) {
    append(&row.ts_step_ns, sizeof(row.ts_step_ns), bytes);
    append(&row.instrument, sizeof(row.instrument), bytes);
    append(&row.is_valid, sizeof(row.is_valid), bytes);
    append(&row.is_first, sizeof(row.is_first), bytes);
    append(row.features, sizeof(row.features), bytes);
  }
  return bytes;
}

}  // namespace lob
