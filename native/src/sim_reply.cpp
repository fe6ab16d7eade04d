#include "lob/sim_reply.hpp"

#include <cstring>

namespace lob {
namespace {

bool is_sim_kind(std::uint8_t kind) noexcept {
  return kind <= static_cast<std::uint8_t>(SimReplyKind::funding) ||
         (kind >= static_cast<std::uint8_t>(SimReplyKind::amended) &&
          kind <= static_cast<std::uint8_t>(SimReplyKind::absent));
}

}  // namespace

SimReplyBytes encode(const SimReply& reply) noexcept {
  return std::bit_cast<SimReplyBytes>(reply);
}

std::optional<SimReply> decode_sim_reply(Bytes bytes) noexcept {
  if (bytes.size() != sizeof(SimReply)) return std::nullopt;
  SimReply reply;
  std::memcpy(&reply, bytes.data(), sizeof(SimReply));
  if (!is_sim_kind(reply.kind)) return std::nullopt;
  if (reply.reason > static_cast<std::uint8_t>(SimReason::cannot_fill)) return std::nullopt;
  if (reply.side > 1 || reply.is_maker > 1) return std::nullopt;
  return reply;
}

}  // namespace lob
