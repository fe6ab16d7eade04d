// One instrument's L2 book: absolute sizes by price, best levels cheap, any number of levels readable.
//
// Theory. Nearly all updates fall near the touch, so each side keeps a ring of sizes indexed by tick: the
// window of `ring_ticks` ticks around the best price, one bit a tick saying whether it is occupied. A level
// in the window costs an array write and a bit, and the best is the highest bit. Levels outside stand in a
// hash keyed by price (recorded USD-M streams keep updating bids at 200.00 with the market at 2681.62). The
// window follows the best price: when it moves, only ticks that enter or leave it are touched.
//
// Both sides are the same machine over a `key` that grows towards better prices: key = price for bids,
// -price for asks. Levels worse than the window are always in the far store, and no level is ever better
// than the window, so reading ring first, far second, is best-first order.
//
// Known depth. A venue's snapshot ends somewhere; beyond its last level nothing is known until an update
// touches it, and untouched levels may lie between touched ones. `set_horizon` tells where the book stops
// being complete: best, level, top and known_count never report a level beyond it. `size_at` does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/types.hpp"

namespace lob {

/// Prices and sizes above this are refused where they come in, so that sums and differences of them never
/// overflow.
inline constexpr std::int64_t units_max = std::int64_t{1} << 60;

/// Sizes by price, unordered: open addressing with linear probing and backward-shift deletion.
class FarLevels {
 public:
  using Key = std::int64_t;

  FarLevels();
  /// Sets or, with size 0, removes one level.
  void set(Key key, std::int64_t size);
  [[nodiscard]] std::int64_t size_at(Key key) const noexcept;
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  void clear() noexcept;

  /// Appends all (key, size) in table order.
  struct Entry {
    Key key = 0;
    std::int64_t size = 0;  ///< 0 = empty slot
  };
  [[nodiscard]] std::span<const Entry> slots() const noexcept { return slots_; }

 private:
  [[nodiscard]] std::size_t home(Key key) const noexcept;
  [[nodiscard]] std::size_t find(Key key) const noexcept;
  void erase_slot(std::size_t slot) noexcept;
  void grow();

  std::vector<Entry> slots_;
  std::size_t count_ = 0;
};

/// One side of the book over keys that grow towards better prices.
class BookSide {
 public:
  using Key = std::int64_t;
  struct Entry {
    Key key = 0;
    std::int64_t size = 0;
  };
  static constexpr std::int64_t ring_ticks = 8192;

  BookSide();
  void set(Key key, std::int64_t size);
  void clear() noexcept;
  [[nodiscard]] std::int64_t size_at(Key key) const noexcept;
  [[nodiscard]] std::optional<Key> best() const noexcept;
  /// Levels held, in and beyond the window.
  [[nodiscard]] std::size_t count() const noexcept { return ring_count_ + far_.count(); }
  /// Calls visit(key, size) from the best level down until it returns false.
  template <class Visit>
  void visit_best_first(Visit&& visit) const;

 private:
  static constexpr std::int64_t ring_mask = ring_ticks - 1;
  static constexpr std::size_t word_count = static_cast<std::size_t>(ring_ticks / 64);

  [[nodiscard]] static std::size_t slot(Key key) noexcept {
    return static_cast<std::size_t>(key & ring_mask);
  }
  [[nodiscard]] bool is_in_window(Key key) const noexcept { return key >= low_ && key < low_ + ring_ticks; }
  /// The highest occupied key at or below `from`, or low_ - 1.
  [[nodiscard]] Key highest_at_or_below(Key from) const noexcept;
  void set_in_ring(Key key, std::int64_t size) noexcept;
  void lower_best();
  void move_window(Key best);
  void pull_from_far(Key low, Key high);
  void push_to_far(Key low, Key high);
  [[nodiscard]] std::vector<Entry> far_best_first() const;

  std::vector<std::int64_t> sizes_;                 ///< by slot, 0 = empty
  std::array<std::uint64_t, word_count> occupied_;  ///< one bit a slot
  std::size_t ring_count_ = 0;
  Key low_ = 0;   ///< lowest key of the window
  Key best_ = 0;  ///< meaningful while ring_count_ > 0
  FarLevels far_;
};

/// Both sides with their horizons. Not thread-safe; allocates only when the far store grows.
class OrderBook {
 public:
  /// Sets the absolute size at a price; 0 removes the level, and removing an absent level is normal.
  /// Owes: 0 < price <= units_max, size >= 0.
  void apply(Side side, PriceTicks price, SizeUnits size);
  /// Forgets all levels and horizons.
  void clear() noexcept;

  /// The best known level of a side.
  [[nodiscard]] std::optional<Level> best(Side side) const noexcept { return level(side, 0); }
  /// The n-th known level from the touch (0 = best); n near 0 is cheap.
  [[nodiscard]] std::optional<Level> level(Side side, std::size_t n) const;
  /// Fills `out` with the best known levels and returns how many there were.
  std::size_t top(Side side, std::span<Level> out) const;
  /// The size at one price, 0 when absent; answers beyond the horizon too, where 0 may mean "never touched".
  [[nodiscard]] SizeUnits size_at(Side side, PriceTicks price) const noexcept;
  /// All levels of a side, best first, those beyond the horizon included, appended to `out`.
  void append_levels(Side side, std::vector<Level>& out) const;
  [[nodiscard]] std::size_t level_count(Side side) const noexcept { return sides_[index(side)].count(); }

  /// Says that nothing is known beyond `price`; nullopt says that the side is known to its end.
  void set_horizon(Side side, std::optional<PriceTicks> price) noexcept { horizons_[index(side)] = price; }
  [[nodiscard]] std::optional<PriceTicks> horizon(Side side) const noexcept { return horizons_[index(side)]; }
  [[nodiscard]] bool is_within_horizon(Side side, PriceTicks price) const noexcept;

  /// Best bid at or above best ask, horizons disregarded.
  [[nodiscard]] bool is_crossed() const noexcept;

  void save(ByteWriter& writer) const;
  /// False when the bytes are no book; the book is then to be cleared.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  [[nodiscard]] static constexpr std::int64_t key_of(Side side, PriceTicks price) noexcept {
    return side == Side::bid ? price.value : -price.value;
  }
  [[nodiscard]] static constexpr PriceTicks price_of(Side side, std::int64_t key) noexcept {
    return PriceTicks{side == Side::bid ? key : -key};
  }
  [[nodiscard]] bool load_side(Side side, ByteReader& reader);

  std::array<BookSide, side_count> sides_;
  std::array<std::optional<PriceTicks>, side_count> horizons_;
};

template <class Visit>
void BookSide::visit_best_first(Visit&& visit) const {
  if (ring_count_ != 0) {
    for (Key key = best_; key >= low_; key = highest_at_or_below(key - 1)) {
      if (!visit(key, sizes_[slot(key)])) return;
    }
  }
  if (far_.count() == 0) return;
  for (const Entry& entry : far_best_first()) {
    if (!visit(entry.key, entry.size)) return;
  }
}

}  // namespace lob
