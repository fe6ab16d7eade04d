// Where a resting order stands in its queue, by each model; and orders that may only make.
#include <doctest/doctest.h>

#include "small_venue.hpp"

using namespace lob;
using namespace lob::test;
using Kind = SimReplyKind;

namespace {

MatcherTerms terms_with(QueueModel queue) {
  MatcherTerms out = terms;
  out.queue = queue;
  return out;
}

struct QueueVenue : SmallVenue {
  explicit QueueVenue(QueueModel queue) { matcher = InstrumentMatcher(terms_with(queue)); }
};

constexpr std::uint8_t post_only = 2;

}  // namespace

TEST_CASE("at the front nobody is ahead") {
  QueueVenue venue(QueueModel::front);
  venue.place(Side::bid, 99, 30, gtc);
  CHECK(filled(venue.trade(Side::ask, 99, 30)) == 30);
}

TEST_CASE(
    "pessimistically a cancel ahead of us changes nothing, proportionally it moves us up by its share") {
  for (const QueueModel queue : {QueueModel::pessimistic, QueueModel::proportional}) {
    CAPTURE(static_cast<int>(queue));
    QueueVenue venue(queue);
    venue.place(Side::bid, 98, 30, gtc);  // 80 ahead
    venue.set(Side::bid, 98, 160);        // 80 more came behind us
    venue.set(Side::bid, 98, 80);         // 80 of 160 cancelled: 80 x 80 / 160 = 40 of them ahead of us
    const auto replies = venue.trade(Side::ask, 98, 60);
    CHECK(filled(replies) == (queue == QueueModel::proportional ? 20 : 0));
  }
}

TEST_CASE("proportionally a queue is never longer than its level") {
  QueueVenue venue(QueueModel::proportional);
  venue.place(Side::bid, 98, 30, gtc);
  venue.set(Side::bid, 98, 0);
  CHECK(filled(venue.trade(Side::ask, 98, 30)) == 30);
}

TEST_CASE("what trades took of a level was not cancelled") {
  QueueVenue venue(QueueModel::proportional);
  venue.place(Side::bid, 98, 30, gtc);            // 80 ahead
  CHECK(venue.trade(Side::ask, 98, 50).empty());  // 30 ahead
  venue.set(Side::bid, 98, 30);                   // the 50 that traded
  CHECK(filled(venue.trade(Side::ask, 98, 30)) == 0);
  CHECK(filled(venue.trade(Side::ask, 98, 30)) == 30);
}

TEST_CASE("a share is rounded down: the fraction stays ahead of us") {
  QueueVenue venue(QueueModel::proportional);
  venue.place(Side::bid, 98, 30, gtc);  // 80 ahead
  venue.set(Side::bid, 98, 120);
  venue.set(Side::bid, 98, 113);  // 7 x 80 / 120 = 4.67: 4 of them ahead, 76 left
  CHECK(filled(venue.trade(Side::ask, 98, 85)) == 0);
  CHECK(filled(venue.trade(Side::ask, 98, 10)) == 10);
}

TEST_CASE("proportionally a level that comes into the known depth is all ahead of us") {
  QueueVenue venue(QueueModel::proportional);
  venue.book.set_horizon(Side::bid, PriceTicks{98});
  venue.place(Side::bid, 97, 10, gtc);
  CHECK(venue.trade(Side::ask, 97, 1'000).empty());
  venue.book.set_horizon(Side::bid, PriceTicks{97});
  venue.set(Side::bid, 97, 20);
  CHECK(filled(venue.trade(Side::ask, 97, 30)) == 10);
}

TEST_CASE("a post-only order that would take is rejected, one tick away it rests") {
  SmallVenue venue;
  const auto crossing = venue.place(Side::bid, 101, 30, post_only);
  REQUIRE(kinds(crossing) == kinds({Kind::rejected}));
  CHECK(crossing[0].reason == code(SimReason::would_cross));
  CHECK(kinds(venue.place(Side::ask, 99, 30, post_only)) == kinds({Kind::rejected}));

  CHECK(kinds(venue.place(Side::bid, 100, 30, post_only)) == kinds({Kind::ack}));
  const auto replies = venue.trade(Side::ask, 100, 30);
  CHECK(filled(replies) == 30);
  CHECK(replies[0].is_maker == 1);
}

TEST_CASE("a market order cannot be post-only") {
  SmallVenue venue;
  OrderRequestRecord order = venue.request(Side::bid, 0, 10, post_only);
  order.type = 1;
  CHECK(venue.send(order)[0].reason == code(SimReason::malformed));
}

TEST_CASE("our own orders never trade with each other") {
  SmallVenue venue;
  venue.place(Side::ask, 100, 30, gtc);  // our offer, better than the venue's 101
  const auto replies = venue.place(Side::bid, 101, 30, ioc);
  CHECK(filled(replies) == 30);
  CHECK(replies[1].price_ticks == 101);
  CHECK(venue.matcher.resting_count() == 1);
}

TEST_CASE("a matcher of queues continued from a checkpoint answers as one that never stopped") {
  QueueVenue whole(QueueModel::proportional);
  whole.place(Side::bid, 98, 30, gtc);
  whole.trade(Side::ask, 98, 20);
  ByteWriter writer;
  whole.matcher.save(writer);
  const std::string bytes = writer.take();
  QueueVenue other(QueueModel::proportional);
  ByteReader reader(bytes);
  REQUIRE(other.matcher.load(reader));
  for (QueueVenue* venue : {&whole, &other}) venue->set(Side::bid, 98, 40);
  CHECK(whole.trade(Side::ask, 98, 55) == other.trade(Side::ask, 98, 55));
}
