#include "lob/order_book.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace lob {

// ---- FarLevels
// ------------------------------------------------------------------------------------------------

namespace {
constexpr std::size_t far_slots_min = 64;
constexpr std::uint64_t golden_ratio =
    0x9E3779B97F4A7C15ULL;  // Fibonacci hashing: neighbouring ticks spread out
}  // namespace

FarLevels::FarLevels() : slots_(far_slots_min) {}

std::size_t FarLevels::home(Key key) const noexcept {
  const int shift = 64 - std::countr_zero(slots_.size());
  return static_cast<std::size_t>((static_cast<std::uint64_t>(key) * golden_ratio) >> shift);
}

/// The slot of `key`, or the empty slot where it would stand.
std::size_t FarLevels::find(Key key) const noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = home(key);
  while (slots_[slot].size != 0 && slots_[slot].key != key) slot = (slot + 1) & mask;
  return slot;
}

void FarLevels::set(Key key, std::int64_t size) {
  const std::size_t slot = find(key);
  const bool is_present = slots_[slot].size != 0;
  if (size == 0) {
    if (is_present) erase_slot(slot);
    return;
  }
  slots_[slot] = {.key = key, .size = size};
  if (is_present) return;
  ++count_;
  if (count_ * 2 > slots_.size()) grow();
}

std::int64_t FarLevels::size_at(Key key) const noexcept {
  return slots_[find(key)].size;
}

void FarLevels::clear() noexcept {
  std::fill(slots_.begin(), slots_.end(), Entry{});
  count_ = 0;
}

/// Moves later entries of the probe run back, so that no tombstone is needed.
void FarLevels::erase_slot(std::size_t slot) noexcept {
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = slot;
  for (std::size_t next = (hole + 1) & mask; slots_[next].size != 0; next = (next + 1) & mask) {
    const std::size_t distance_home = (next - home(slots_[next].key)) & mask;
    const std::size_t distance_hole = (next - hole) & mask;
    if (distance_home < distance_hole) continue;
    slots_[hole] = slots_[next];
    hole = next;
  }
  slots_[hole] = {};
  --count_;
}

void FarLevels::grow() {
  std::vector<Entry> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Entry& entry : old) {
    if (entry.size != 0) slots_[find(entry.key)] = entry;
  }
}

// ---- BookSide
// -------------------------------------------------------------------------------------------------

namespace {
/// The window reaches this far below the best after a move; the rest is room for better prices.
constexpr std::int64_t below_best = BookSide::ring_ticks / 4 * 3;
/// The window moves down once the best has come this near to its lower end.
constexpr std::int64_t low_water = BookSide::ring_ticks / 4;
}  // namespace

BookSide::BookSide() : sizes_(static_cast<std::size_t>(ring_ticks)), occupied_{} {}

void BookSide::set(Key key, std::int64_t size) {
  if (ring_count_ == 0) {  // then the far store is empty too
    if (size == 0) return;
    low_ = key - below_best;
  } else if (key < low_) {
    far_.set(key, size);
    return;
  } else if (!is_in_window(key)) {
    if (size == 0) return;
    move_window(key);
  }
  set_in_ring(key, size);
  if (size == 0) lower_best();
}

void BookSide::clear() noexcept {
  if (ring_count_ != 0) {
    std::fill(sizes_.begin(), sizes_.end(), 0);
    occupied_.fill(0);
  }
  ring_count_ = 0;
  if (far_.count() != 0) far_.clear();
}

std::int64_t BookSide::size_at(Key key) const noexcept {
  if (is_in_window(key)) return sizes_[slot(key)];
  return key < low_ ? far_.size_at(key) : 0;
}

std::optional<BookSide::Key> BookSide::best() const noexcept {
  if (ring_count_ == 0) return std::nullopt;
  return best_;
}

BookSide::Key BookSide::highest_at_or_below(Key from) const noexcept {
  // A word may hold both ends of the window: bits of the upper end then look like keys under low_.
  for (Key key = from; key >= low_;) {
    const std::size_t at = slot(key);
    const auto bit = static_cast<unsigned>(at & 63);
    const std::uint64_t bits = occupied_[at >> 6] & (~std::uint64_t{0} >> (63 - bit));
    if (bits != 0) {
      const Key found = key - (static_cast<Key>(bit) - (63 - std::countl_zero(bits)));
      return std::max(found, low_ - 1);
    }
    key -= static_cast<Key>(bit) + 1;
  }
  return low_ - 1;
}

/// Owes: key in the window. On removal best_ may be left on the emptied tick: lower_best follows.
void BookSide::set_in_ring(Key key, std::int64_t size) noexcept {
  const std::size_t at = slot(key);
  const std::uint64_t bit = std::uint64_t{1} << (at & 63);
  const bool was_occupied = sizes_[at] != 0;
  sizes_[at] = size;
  if (size == 0) {
    occupied_[at >> 6] &= ~bit;
    ring_count_ -= was_occupied ? 1 : 0;
    return;
  }
  occupied_[at >> 6] |= bit;
  if (was_occupied) return;
  if (ring_count_ == 0 || key > best_) best_ = key;
  ++ring_count_;
}

/// Finds the best again after a removal, and brings far levels in when the window's store runs low.
void BookSide::lower_best() {
  if (ring_count_ == 0) {
    if (far_.count() == 0) return;
    move_window(far_best_first().front().key);
    return;
  }
  if (sizes_[slot(best_)] != 0) return;
  best_ = highest_at_or_below(best_ - 1);
  if (best_ < low_ + low_water && far_.count() != 0) move_window(best_);
}

void BookSide::move_window(Key best) {
  const Key old_low = low_;
  const Key new_low = best - below_best;
  if (new_low > old_low) {
    push_to_far(old_low, std::min(new_low, old_low + ring_ticks));
    low_ = new_low;
  } else {  // the ticks that leave at the upper end are better than the best, so empty
    low_ = new_low;
    pull_from_far(new_low, std::min(old_low, new_low + ring_ticks));
  }
}

void BookSide::pull_from_far(Key low, Key high) {
  std::vector<Entry> entering;
  for (const FarLevels::Entry& entry : far_.slots()) {
    if (entry.size != 0 && entry.key >= low && entry.key < high) entering.push_back({entry.key, entry.size});
  }
  for (const Entry& entry : entering) {
    far_.set(entry.key, 0);
    set_in_ring(entry.key, entry.size);
  }
}

void BookSide::push_to_far(Key low, Key high) {
  for (Key key = highest_at_or_below(high - 1); key >= low; key = highest_at_or_below(key - 1)) {
    far_.set(key, sizes_[slot(key)]);
    set_in_ring(key, 0);
  }
}

std::vector<BookSide::Entry> BookSide::far_best_first() const {
  std::vector<Entry> entries;
  entries.reserve(far_.count());
  for (const FarLevels::Entry& entry : far_.slots()) {
    if (entry.size != 0) entries.push_back({entry.key, entry.size});
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.key > b.key; });
  return entries;
}

namespace {
bool is_stored_level(const Level& level) noexcept {
  return level.price.value > 0 && level.price.value <= units_max && level.size.value > 0;
}
}  // namespace

// ---- OrderBook
// ------------------------------------------------------------------------------------------------

void OrderBook::apply(Side side, PriceTicks price, SizeUnits size) {
  assert(price.value > 0 && price.value <= units_max && size.value >= 0);
  sides_[index(side)].set(key_of(side, price), size.value);
}

void OrderBook::clear() noexcept {
  for (BookSide& side : sides_) side.clear();
  horizons_ = {};
}

std::optional<Level> OrderBook::level(Side side, std::size_t n) const {
  std::optional<Level> found;
  std::size_t left = n;
  sides_[index(side)].visit_best_first([&](std::int64_t key, std::int64_t size) {
    const PriceTicks price = price_of(side, key);
    if (!is_within_horizon(side, price)) return false;
    if (left-- != 0) return true;
    found = Level{price, SizeUnits{size}};
    return false;
  });
  return found;
}

std::size_t OrderBook::top(Side side, std::span<Level> out) const {
  std::size_t count = 0;
  if (out.empty()) return count;
  sides_[index(side)].visit_best_first([&](std::int64_t key, std::int64_t size) {
    const PriceTicks price = price_of(side, key);
    if (!is_within_horizon(side, price)) return false;
    out[count++] = Level{price, SizeUnits{size}};
    return count < out.size();
  });
  return count;
}

SizeUnits OrderBook::size_at(Side side, PriceTicks price) const noexcept {
  return SizeUnits{sides_[index(side)].size_at(key_of(side, price))};
}

void OrderBook::append_levels(Side side, std::vector<Level>& out) const {
  sides_[index(side)].visit_best_first([&](std::int64_t key, std::int64_t size) {
    out.push_back(Level{price_of(side, key), SizeUnits{size}});
    return true;
  });
}

bool OrderBook::is_within_horizon(Side side, PriceTicks price) const noexcept {
  const auto& limit = horizons_[index(side)];
  return !limit || key_of(side, price) >= key_of(side, *limit);
}

bool OrderBook::is_crossed() const noexcept {
  const auto bid = sides_[index(Side::bid)].best();
  const auto ask = sides_[index(Side::ask)].best();
  return bid && ask && price_of(Side::bid, *bid) >= price_of(Side::ask, *ask);
}

void OrderBook::save(ByteWriter& writer) const {
  for (const Side side : {Side::bid, Side::ask}) {
    const auto& limit = horizons_[index(side)];
    writer.put(limit.has_value());
    writer.put(limit.value_or(PriceTicks{}));
    std::vector<Level> levels;
    append_levels(side, levels);
    writer.put_count(levels.size());
    for (const Level& level : levels) writer.put(level);
  }
}

bool OrderBook::load(ByteReader& reader) {
  clear();
  return load_side(Side::bid, reader) && load_side(Side::ask, reader);
}

bool OrderBook::load_side(Side side, ByteReader& reader) {
  bool has_horizon = false;
  PriceTicks limit;
  std::size_t count = 0;
  if (!reader.get(has_horizon) || !reader.get(limit) || !reader.get_count(count, 16)) return false;
  if (has_horizon) set_horizon(side, limit);
  for (; count != 0; --count) {
    Level level;
    if (!reader.get(level)) return false;
    if (!is_stored_level(level)) return reader.fail();
    apply(side, level.price, level.size);
  }
  return true;
}

}  // namespace lob
