#include "lob/venue_reply.hpp"

#include <cstring>

namespace lob {
namespace {

bool is_reason(std::uint8_t reason) noexcept {
  return reason <= static_cast<std::uint8_t>(VenueReason::never_sent) ||
         reason == static_cast<std::uint8_t>(VenueReason::other);
}

bool is_sound(const VenueReply& reply) noexcept {
  return reply.kind < venue_reply_kind_count && reply.side <= 1 && reply.is_maker <= 1 &&
         is_reason(reply.reason) && reply.fee_asset <= static_cast<std::uint8_t>(FeeAsset::other) &&
         reply.fee_decimals <= fee_decimals_max &&
         reply.origin <= static_cast<std::uint8_t>(ReplyOrigin::shell) && reply.reserved == 0;
}

/// A cancel that found nothing is no rejection of the order.
VenueReplyKind kind_of(const SimReply& reply) noexcept {
  const auto kind = static_cast<VenueReplyKind>(reply.kind);
  const bool is_cancel = reply.reason == static_cast<std::uint8_t>(SimReason::unknown_order);
  return kind == VenueReplyKind::rejected && is_cancel ? VenueReplyKind::cancel_rejected : kind;
}

}  // namespace

VenueReplyBytes encode(const VenueReply& reply) noexcept {
  return std::bit_cast<VenueReplyBytes>(reply);
}

std::optional<VenueReply> decode_venue_reply(Bytes bytes) noexcept {
  if (bytes.size() != sizeof(VenueReply)) return std::nullopt;
  VenueReply reply;
  std::memcpy(&reply, bytes.data(), sizeof(VenueReply));
  if (!is_sound(reply)) return std::nullopt;
  return reply;
}

VenueReply venue_reply_of(const SimReply& reply) noexcept {
  VenueReply out;
  out.client_order_id = reply.client_order_id;
  out.ts_venue_ns = reply.ts_venue_ns;
  out.trade_id = reply.trade_id;
  out.price_ticks = reply.price_ticks;
  out.size_units = reply.size_units;
  out.fee_quote_units = reply.fee_quote_units;
  out.cumulative_units = reply.cumulative_units;
  out.instrument = reply.instrument;
  out.kind = static_cast<std::uint8_t>(kind_of(reply));
  out.side = reply.side;
  out.is_maker = reply.is_maker;
  out.reason = reply.reason;
  out.origin = static_cast<std::uint8_t>(ReplyOrigin::simulated);
  return out;
}

}  // namespace lob
