// What a real venue says about one of our orders: 88 bytes, little-endian, the frame of a `venue_private`
// source. Gateways outside make it of the venues' own messages; streaming/venues/venue_reply.py is the other
// side of this layout.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lob/sim_reply.hpp"
#include "lob/types.hpp"

namespace lob {

enum class VenueReplyKind : std::uint8_t {
  ack = 0,   ///< it rests, or is about to match; `size_units`, where not 0, is the total size in force
  fill = 1,  ///< one trade; with client order id 0 of an order of nobody here, booked all the same
  cancelled = 2,
  rejected = 3,  ///< the venue never took it
  expired = 4,   ///< the venue ended it
  funding = 5,
  cancel_rejected = 6,  ///< it may have filled, ended, or still rest; a query says which
  unanswered = 7,       ///< the outcome of the last request about it is not known
  amended = 8,          ///< price and size (the new total) are in force
  amend_rejected = 9,   ///< the order is as it was before
  absent = 10,          ///< proof that the venue does not know it
};
inline constexpr std::size_t venue_reply_kind_count = 11;

enum class FeeAsset : std::uint8_t { quote = 0, base = 1, other = 2 };

/// On which way a reply came to us.
enum class ReplyOrigin : std::uint8_t {
  answer = 0,
  stream = 1,
  query = 2,
  reconciled = 3,
  shell = 4,
  simulated = 255,  ///< of the simulated venue: never in a frame; `reason` is a SimReason
};

/// Why an order, a cancel or an amend was turned down, in words that all venues share.
enum class VenueReason : std::uint8_t {
  none = 0,
  filter = 1,
  would_take = 2,
  balance = 3,
  reduce_only = 4,
  duplicate_id = 5,
  unknown_order = 6,
  rate_limit = 7,
  clock = 8,
  permission = 9,
  market_closed = 10,
  open_orders_max = 11,
  unchanged = 12,
  self_trade = 13,
  busy = 14,
  liquidity = 15,
  never_sent = 16,
  other = 255,
};

inline constexpr std::int64_t unknown_units = -1;
inline constexpr std::uint8_t fee_decimals_max = 18;

struct VenueReply {
  std::uint64_t client_order_id = 0;
  TsNs ts_venue_ns = 0;
  std::uint64_t trade_id = 0;  ///< unique on its instrument; 0 unless a fill or funding
  std::int64_t price_ticks = 0;
  std::int64_t size_units = 0;
  std::int64_t fee_quote_units = 0;               ///< value of the fee, rounded up; negative is a rebate
  std::int64_t fee_mantissa = 0;                  ///< the fee in its own asset: mantissa x 10^-decimals
  std::int64_t cumulative_units = unknown_units;  ///< filled so far, this reply included; -1: not said
  std::uint32_t instrument = 0;
  std::int32_t code = 0;      ///< the venue's own number of the error
  std::uint8_t kind = 0;      ///< VenueReplyKind
  std::uint8_t side = 0;      ///< of the order: 0 buy, 1 sell
  std::uint8_t is_maker = 0;  ///< of the fill
  std::uint8_t reason = 0;    ///< VenueReason; of a simulated reply SimReason
  std::uint8_t fee_asset = 0;
  std::uint8_t fee_decimals = 0;
  std::uint8_t origin = 0;  ///< ReplyOrigin
  std::uint8_t reserved = 0;
  std::array<char, 8> fee_asset_name{};

  friend bool operator==(const VenueReply&, const VenueReply&) = default;
};
static_assert(sizeof(VenueReply) == 88);

using VenueReplyBytes = std::array<std::byte, sizeof(VenueReply)>;

[[nodiscard]] VenueReplyBytes encode(const VenueReply& reply) noexcept;

/// Nothing when the length is not 88 or a closed word (kind, side, is_maker, reason, fee asset, decimals,
/// origin) is out of range.
[[nodiscard]] std::optional<VenueReply> decode_venue_reply(Bytes bytes) noexcept;

/// What the simulated venue says, in the words of a venue's reply.
[[nodiscard]] VenueReply venue_reply_of(const SimReply& reply) noexcept;

}  // namespace lob
