// Positions as the sum of unique fills: average-cost book-keeping that loses no quote unit.
//
//   cash + value = realised + unrealised - fees - funding      exactly, always, where
//   cash  = -(sum of signed size x price) - fees - funding     and     value = position at the mid, rounded
//   down
//
// The cost of what is closed is position-proportional, its fraction stays with what is left open, so
// `cost - realised` is the net outlay to the last unit.
//
// A fee of x size units of the base asset on a fill at p is booked as a sale of x at p and a fee of x * p:
// the position is what the venue credits, and the identity stays exact. Fractions of a unit are carried until
// they make a whole one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/money.hpp"
#include "lob/top_of_book.hpp"
#include "lob/types.hpp"

namespace lob {

/// Trade ids remembered an instrument; older ones are forgotten first.
inline constexpr std::size_t trade_ids_max = 1U << 16U;

struct Position {
  SizeUnits units;                        ///< signed
  std::int64_t cost_quote_units = 0;      ///< signed cost of what is open
  std::int64_t realised_quote_units = 0;  ///< before fees
  std::int64_t fees_quote_units = 0;
  std::int64_t funding_quote_units = 0;  ///< paid in all; negative is received
  std::int64_t mid_x2_ticks = 0;         ///< last usable mid, 0 before the first

  friend bool operator==(const Position&, const Position&) = default;
};

/// Position at its last mid less its cost, rounded down; saturates.
[[nodiscard]] std::int64_t unrealised_quote_units(const Position& position) noexcept;

struct PositionFill {
  Side side = Side::bid;
  PriceTicks price;
  SizeUnits size;
  std::int64_t fee_quote_units = 0;
  std::uint64_t trade_id = 0;  ///< unique on its instrument
  Int128 fee_base_e18 = 0;     ///< a fee in the base asset, in 10^-18 of it; negative is a rebate
  Int128 size_unit_e18 = 0;    ///< of the instrument; 0 where `fee_base_e18` is
};

enum class FillOutcome : std::uint8_t {
  applied = 0,
  duplicate = 1,  ///< trade id already booked: nothing changed
  malformed = 2,  ///< price or size not positive: nothing changed
  overflow = 3,   ///< the sums no longer fit int64: nothing changed, trading cannot go on
};

class Positions {
 public:
  explicit Positions(std::size_t slot_count);

  /// Books a fill once, whatever often it is told. `slot` < slot_count.
  FillOutcome apply(std::size_t slot, const PositionFill& fill);
  /// Books a funding payment (negative: received) once, whatever often it is told. `trade_id` is unique on
  /// its instrument, among fills too; `slot` < slot_count.
  FillOutcome apply_funding(std::size_t slot, std::int64_t paid_quote_units, std::uint64_t trade_id);
  /// Fees in the base asset that are not booked yet, in 10^-18 of it: less than a size unit.
  [[nodiscard]] Int128 fee_rest_e18(std::size_t slot) const noexcept { return slots_[slot].fee_rest_e18; }
  /// Remembers the mid of a usable book, ignores any other.
  void mark(std::size_t slot, const TopOfBook& top) noexcept;

  [[nodiscard]] const Position& at(std::size_t slot) const noexcept { return slots_[slot].position; }
  [[nodiscard]] std::size_t slot_count() const noexcept { return slots_.size(); }

  void save(ByteWriter& writer) const;
  /// False when the bytes are short or of another slot count; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Slot {
    Position position;
    Int128 fee_rest_e18 = 0;  // Of fees in the base asset: less than a size unit, not booked yet.
    std::set<std::uint64_t> trade_ids;
    std::deque<std::uint64_t> trade_ids_by_age;  // Oldest first, so that the memory stays bounded.
  };
  static void remember(Slot& slot, std::uint64_t trade_id);

  std::vector<Slot> slots_;
};

}  // namespace lob
