// What the simulated venue says about one of our orders: 64 bytes, little-endian, the frame of a
// `sim_private` source.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lob/types.hpp"

namespace lob {

enum class SimReplyKind : std::uint8_t {
  ack = 0,
  fill = 1,
  cancelled = 2,
  rejected = 3,
  expired = 4,
  funding = 5,         ///< of a perpetual; it is about a position and names no order
  amended = 8,         ///< price and total size now in force; 6 and 7 are words of real venues alone
  amend_rejected = 9,  ///< the order is as it was
  absent = 10,         ///< of a query: nothing of that name rests
};

/// Why an order or a cancel was turned down.
enum class SimReason : std::uint8_t {
  none = 0,
  unknown_instrument = 1,
  off_lot = 2,          ///< size not a positive multiple of the lot
  bad_price = 3,        ///< a limit price that is not positive
  no_book = 4,          ///< the venue's own book is not synchronised, or empty on the side asked of
  duplicate_order = 5,  ///< client order id not above the last one of its run tag
  unknown_order = 6,    ///< a cancel of nothing that rests: filled, ended or never here
  malformed = 7,    ///< kind, side, type or time in force out of range, or a market order that must not take
  would_cross = 8,  ///< post-only, and the other side's touch was within its limit when it came
  unchanged = 9,    ///< an amend to the price and size that are in force
  filled_already = 10,  ///< an amend to a total that is not above what has filled
  cannot_fill = 11,     ///< fill-or-kill, and less was there
};

struct SimReply {
  std::uint64_t client_order_id = 0;
  TsNs ts_venue_ns = 0;
  std::uint64_t trade_id = 0;  ///< unique on its instrument; 0 unless a fill or funding
  std::int64_t price_ticks =
      0;  ///< of the fill; of an amend and a query the order's; of funding the mark price
  std::int64_t size_units =
      0;  ///< of the fill; of an amend and a query the total; of funding our position, signed
  std::int64_t fee_quote_units =
      0;  ///< of the fill, negative is a rebate; of funding what is paid, negative is received
  std::int64_t cumulative_units =
      0;  ///< filled of the order so far, this reply included; of funding the rate x 10^8
  std::uint32_t instrument = 0;
  std::uint8_t kind = 0;      ///< SimReplyKind
  std::uint8_t side = 0;      ///< of the order: 0 buy, 1 sell; of funding 0 for a long position
  std::uint8_t is_maker = 0;  ///< of the fill
  std::uint8_t reason = 0;    ///< SimReason of a rejection

  friend bool operator==(const SimReply&, const SimReply&) = default;
};
static_assert(sizeof(SimReply) == 64);
static_assert(std::endian::native == std::endian::little);

using SimReplyBytes = std::array<std::byte, sizeof(SimReply)>;

[[nodiscard]] SimReplyBytes encode(const SimReply& reply) noexcept;

/// Nothing when the length is not 64 or a closed word (kind, side, reason, is_maker) is out of range.
[[nodiscard]] std::optional<SimReply> decode_sim_reply(Bytes bytes) noexcept;

}  // namespace lob
