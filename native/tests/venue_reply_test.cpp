#include "lob/venue_reply.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace lob;

namespace {

/// The same reply as in tests/native/test_venue_reply.py, which the other side of the layout is held against.
VenueReply golden() {
  VenueReply reply;
  reply.client_order_id = 0x0102030405060708;
  reply.ts_venue_ns = 1'700'000'000'123'456'789;
  reply.trade_id = 0xFFFFFFFFFFFFFFFF;
  reply.price_ticks = 5'000'012;
  reply.size_units = 345;
  reply.fee_quote_units = -7;
  reply.fee_mantissa = -123'456;
  reply.cumulative_units = 1'000;
  reply.instrument = 3;
  reply.code = -2011;
  reply.kind = 1;
  reply.side = 1;
  reply.is_maker = 1;
  reply.reason = 255;
  reply.fee_asset = 2;
  reply.fee_decimals = 8;
  reply.origin = 3;
  reply.fee_asset_name = {'B', 'N', 'B'};
  return reply;
}

constexpr std::string_view golden_hex =
    "080706050403020115cd853dfe9c9717ffffffffffffffff4c4b4c00000000005901000000000000f9ffffff"
    "ffffffffc01dfeffffffffffe8030000000000000300000025f8ffff010101ff02080300424e420000000000";

std::string hex(const VenueReplyBytes& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text.push_back(digits[static_cast<std::size_t>(byte) >> 4U]);
    text.push_back(digits[static_cast<std::size_t>(byte) & 15U]);
  }
  return text;
}

}  // namespace

TEST_CASE("a venue's reply has the bytes that the gateways write") {
  CHECK(hex(encode(golden())) == golden_hex);
}

TEST_CASE("a reply is read as it was written") {
  const VenueReplyBytes bytes = encode(golden());
  CHECK(decode_venue_reply(bytes) == golden());
}

TEST_CASE("a reply of another length or with a word out of range is none") {
  const VenueReplyBytes bytes = encode(golden());
  CHECK_FALSE(decode_venue_reply(Bytes(bytes).first(87)));
  const auto is_refused = [](auto change) {
    VenueReply reply = golden();
    change(reply);
    return !decode_venue_reply(encode(reply));
  };
  CHECK(is_refused([](VenueReply& reply) { reply.kind = venue_reply_kind_count; }));
  CHECK(is_refused([](VenueReply& reply) { reply.side = 2; }));
  CHECK(is_refused([](VenueReply& reply) { reply.is_maker = 2; }));
  CHECK(is_refused([](VenueReply& reply) { reply.reason = 17; }));
  CHECK(is_refused([](VenueReply& reply) { reply.fee_asset = 3; }));
  CHECK(is_refused([](VenueReply& reply) { reply.fee_decimals = 19; }));
  CHECK(is_refused([](VenueReply& reply) { reply.origin = 5; }));
  CHECK(is_refused([](VenueReply& reply) { reply.origin = 255; }));
}

TEST_CASE("a simulated refusal of a cancel is told in a venue's words") {
  SimReply reply;
  reply.kind = static_cast<std::uint8_t>(SimReplyKind::rejected);
  reply.reason = static_cast<std::uint8_t>(SimReason::unknown_order);
  CHECK(venue_reply_of(reply).kind == static_cast<std::uint8_t>(VenueReplyKind::cancel_rejected));
  reply.reason = static_cast<std::uint8_t>(SimReason::would_cross);
  CHECK(venue_reply_of(reply).kind == static_cast<std::uint8_t>(VenueReplyKind::rejected));
}
