#include <doctest/doctest.h>

#include "small_venue.hpp"

using namespace lob;
using namespace lob::test;
using Kind = SimReplyKind;

namespace {

constexpr std::uint8_t post_only = 2;
constexpr std::uint8_t fok = 3;

struct AmendedVenue : SmallVenue {
  std::vector<SimReply> amend(std::int64_t price, std::int64_t size, std::uint8_t time_in_force = gtc) {
    OrderRequestRecord order = request(Side::bid, price, size, time_in_force);
    order.client_order_id = std::uint64_t{run_tag} << 32U | --order_count;
    order.kind = 2;
    return send(order);
  }
  std::vector<SimReply> query() {
    OrderRequestRecord order{};
    order.client_order_id = std::uint64_t{run_tag} << 32U | order_count;
    order.instrument = terms.instrument;
    order.kind = 3;
    return send(order);
  }
};

SimReason reason(const std::vector<SimReply>& replies) {
  return static_cast<SimReason>(replies.back().reason);
}

}  // namespace

TEST_CASE("an amend to a lesser total at the same price keeps the place in the queue") {
  AmendedVenue venue;
  venue.place(Side::bid, 99, 40, gtc);
  venue.trade(Side::ask, 99, 30);

  const auto replies = venue.amend(99, 20);

  CHECK(kinds(replies) == kinds({Kind::amended}));
  CHECK(replies[0].size_units == 20);
  CHECK(filled(venue.trade(Side::ask, 99, 40)) == 20);
  CHECK(venue.matcher.resting_count() == 0);
}

TEST_CASE("an amend to a greater total or another price goes to the end of the queue") {
  AmendedVenue venue;
  venue.place(Side::bid, 99, 40, gtc);
  venue.trade(Side::ask, 99, 30);

  CHECK(kinds(venue.amend(99, 60)) == kinds({Kind::amended}));
  CHECK(filled(venue.trade(Side::ask, 99, 40)) == 0);
  venue.amend(98, 60);
  CHECK(filled(venue.trade(Side::ask, 98, 80)) == 0);
  CHECK(filled(venue.trade(Side::ask, 98, 20)) == 20);
}

TEST_CASE("an amend that reaches the other side takes there, and its fills count on") {
  AmendedVenue venue;
  venue.place(Side::bid, 97, 80, gtc);
  venue.trade(Side::ask, 97, 10);

  const auto replies = venue.amend(101, 80);

  CHECK(kinds(replies) == kinds({Kind::amended, Kind::fill}));
  CHECK(replies[0].cumulative_units == 10);
  CHECK(replies[1].size_units == 50);
  CHECK(replies[1].cumulative_units == 60);
  CHECK(venue.query().back().cumulative_units == 60);
}

TEST_CASE("an amend that is refused leaves the order as it was, and says why") {
  AmendedVenue venue;
  venue.place(Side::bid, 97, 40, gtc);
  venue.trade(Side::ask, 97, 20);

  CHECK(reason(venue.amend(97, 40)) == SimReason::unchanged);
  CHECK(reason(venue.amend(97, 20)) == SimReason::filled_already);
  CHECK(reason(venue.amend(97, 35)) == SimReason::off_lot);
  CHECK(reason(venue.amend(0, 30)) == SimReason::bad_price);
  CHECK(reason(venue.amend(101, 40, post_only)) == SimReason::would_cross);
  const auto replies = venue.query();
  CHECK(kinds(replies) == kinds({Kind::ack}));
  CHECK(replies[0].price_ticks == 97);
  CHECK(replies[0].size_units == 40);
  CHECK(replies[0].cumulative_units == 20);
}

TEST_CASE("an amend of what does not rest is refused") {
  AmendedVenue venue;
  venue.place(Side::bid, 101, 10, ioc);
  const auto replies = venue.amend(100, 10);
  CHECK(kinds(replies) == kinds({Kind::amend_rejected}));
  CHECK(reason(replies) == SimReason::unknown_order);
  CHECK(kinds(venue.query()) == kinds({Kind::absent}));
}

TEST_CASE("fill-or-kill takes all at once, or nothing") {
  SmallVenue venue;

  const auto killed = venue.place(Side::bid, 101, 60, fok);
  const auto whole = venue.place(Side::bid, 102, 60, fok);

  CHECK(kinds(killed) == kinds({Kind::ack, Kind::expired}));
  CHECK(reason(killed) == SimReason::cannot_fill);
  CHECK(kinds(whole) == kinds({Kind::ack, Kind::fill, Kind::fill}));
  CHECK(filled(whole) == 60);
}

TEST_CASE("fill-or-kill does not count on what was taken already") {
  SmallVenue venue;
  venue.place(Side::bid, 101, 30, ioc);
  CHECK(filled(venue.place(Side::bid, 101, 30, fok)) == 0);
  CHECK(filled(venue.place(Side::bid, 101, 20, fok)) == 20);
}

TEST_CASE("replies to amends and queries cross the border unchanged") {
  for (const Kind kind : {Kind::amended, Kind::amend_rejected, Kind::absent}) {
    SimReply reply;
    reply.kind = code(kind);
    CHECK(decode_sim_reply(encode(reply)) == reply);
  }
  SimReply reply;
  reply.kind = 6;
  CHECK_FALSE(decode_sim_reply(encode(reply)));
}
