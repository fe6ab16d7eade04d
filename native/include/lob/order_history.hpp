// What was sent and what went wrong of late: the counts that rate, duplicate, error and data-quality rules
// ask for.
//
// Theory of operation
// - A window of length w at time t holds what happened at s with t - w < s <= t: what is exactly w old has
//   left it.
// - Times never go back. Everything is bounded by `history_max` entries a queue; when one is full the oldest
//   entry goes, so a count says at most `history_max`, and limits are smaller than that.
// - Same calls in the same order, same bytes saved.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/risk.hpp"
#include "lob/types.hpp"

namespace lob {

/// Entries remembered a queue, and so the largest count; the oldest go first.
inline constexpr std::size_t history_max = 4096;
inline constexpr std::size_t venue_count = 4;  ///< as many as enum Venue has

class OrderHistory {
 public:
  /// Reads the windows of `limits`; without `duplicate_ns` no order is remembered as a possible duplicate.
  explicit OrderHistory(const RiskLimits& limits);

  /// An order was placed (not: refused by our own rules).
  void note_sent(std::uint32_t slot, Venue venue, Side side, PriceTicks price, SizeUnits size, TsNs ts_ns);
  [[nodiscard]] std::uint32_t orders_in_window(Venue venue, TsNs ts_ns) const noexcept;
  /// When an order equal in all four was placed last, within `duplicate_ns` before `ts_ns`; 0 when none was.
  [[nodiscard]] TsNs ts_same_order_ns(std::uint32_t slot, Side side, PriceTicks price, SizeUnits size,
                                      TsNs ts_ns) const noexcept;

  /// The venue rejected an order of ours, or left one unanswered.
  void note_error(Venue venue, TsNs ts_ns);
  [[nodiscard]] std::uint32_t errors_in_window(Venue venue, TsNs ts_ns) const noexcept;

  /// Tells the slot's discontinuities since its feed began. The first call is where counting starts, and so
  /// is one with less than before.
  void note_gaps(std::uint32_t slot, std::uint64_t gap_count, TsNs ts_ns);
  [[nodiscard]] std::uint32_t gaps_in_window(std::uint32_t slot, TsNs ts_ns) const noexcept;

  void save(ByteWriter& writer) const;
  /// False when the bytes are not a history's; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Sent {
    TsNs ts_ns = 0;
    std::uint32_t slot = 0;
    Side side = Side::bid;
    PriceTicks price;
    SizeUnits size;
  };
  struct Gaps {
    bool is_begun = false;
    std::uint64_t told = 0;     // The feed's own count.
    std::deque<TsNs> times_ns;  // One entry a gap.
  };
  using Times = std::deque<TsNs>;

  TsNs order_window_ns_;
  TsNs duplicate_window_ns_;
  TsNs error_window_ns_;
  TsNs gap_window_ns_;
  std::array<Times, venue_count> sent_by_venue_;
  std::array<Times, venue_count> errors_by_venue_;
  std::deque<Sent> sent_;   // Of all venues, those that a duplicate could still be compared with.
  std::vector<Gaps> gaps_;  // By slot; grows to the highest slot told.
};

}  // namespace lob
