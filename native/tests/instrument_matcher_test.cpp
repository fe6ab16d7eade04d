#include "lob/instrument_matcher.hpp"

#include <doctest/doctest.h>

#include "small_venue.hpp"

using namespace lob;
using namespace lob::test;
using Kind = SimReplyKind;

TEST_CASE("a taker walks the levels up to its limit and the remainder expires") {
  SmallVenue venue;

  const auto replies = venue.place(Side::bid, 101, 70, ioc);

  CHECK(kinds(replies) == kinds({Kind::ack, Kind::fill, Kind::expired}));
  CHECK(replies[1].price_ticks == 101);
  CHECK(replies[1].size_units == 50);
  CHECK(replies[2].cumulative_units == 50);
}

TEST_CASE("a taker over two levels gets two fills, each at its level's price, with its own trade id") {
  SmallVenue venue;

  const auto replies = venue.place(Side::ask, 98, 70, ioc);

  CHECK(kinds(replies) == kinds({Kind::ack, Kind::fill, Kind::fill}));
  CHECK(replies[1].price_ticks == 99);
  CHECK(replies[2].price_ticks == 98);
  CHECK(replies[2].size_units == 20);
  CHECK(replies[2].cumulative_units == 70);
  CHECK(replies[1].trade_id != replies[2].trade_id);
  CHECK(replies[1].ts_venue_ns == ts_ns);
}

TEST_CASE("a market order walks whatever is visible") {
  SmallVenue venue;
  OrderRequestRecord order = venue.request(Side::bid, 0, 200, gtc);
  order.type = 1;

  const auto replies = venue.send(order);

  CHECK(filled(replies) == 130);
  CHECK(replies.back().kind == code(Kind::expired));
}

TEST_CASE("a walk over more levels than the first read takes them all") {
  SmallVenue venue;
  for (std::int64_t price = 103; price < 303; ++price) venue.set(Side::ask, price, 10);
  CHECK(filled(venue.place(Side::bid, 302, 10'000, ioc)) == 130 + 2'000);
}

TEST_CASE("what was taken of a level stays taken until the venue reports another size there") {
  SmallVenue venue;
  venue.place(Side::bid, 101, 30, ioc);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 20);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 0);

  venue.set(Side::ask, 102, 70);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 0);
  venue.set(Side::ask, 101, 50);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 0);
  venue.set(Side::ask, 101, 40);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 40);
}

TEST_CASE("fills are whole lots even where the recorded level is finer") {
  SmallVenue venue;
  venue.set(Side::ask, 101, 27);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 20);
  CHECK(filled(venue.place(Side::bid, 101, 50, ioc)) == 0);
}

TEST_CASE("taker and maker fees are rounded against us") {
  SmallVenue venue;
  CHECK(venue.place(Side::bid, 101, 10, ioc)[1].fee_quote_units == 1);  // 1010 x 5 bps = 0.505.
  venue.place(Side::bid, 97, 10, gtc);
  const auto replies = venue.trade(Side::ask, 97, 10);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].fee_quote_units == 1);  // 970 x 2 bps = 0.194.
  CHECK(replies[0].is_maker == 1);
}

TEST_CASE("orders that cannot be are rejected with their reason") {
  SmallVenue venue;
  const auto reason_of = [&](const OrderRequestRecord& order) {
    const auto replies = venue.send(order);
    REQUIRE(kinds(replies) == kinds({Kind::rejected}));
    return static_cast<SimReason>(replies[0].reason);
  };
  CHECK(reason_of(venue.request(Side::bid, 101, 15, ioc)) == SimReason::off_lot);
  CHECK(reason_of(venue.request(Side::bid, 101, 0, ioc)) == SimReason::off_lot);
  CHECK(reason_of(venue.request(Side::bid, 0, 10, ioc)) == SimReason::bad_price);
  CHECK(reason_of(venue.request(Side::bid, 101, 10, 9)) == SimReason::malformed);
  OrderRequestRecord order = venue.request(Side::bid, 101, 10, ioc);
  order.side = 2;
  CHECK(reason_of(order) == SimReason::malformed);

  order = venue.request(Side::bid, 101, 10, ioc);
  venue.send(order);
  CHECK(reason_of(order) == SimReason::duplicate_order);

  order = venue.request(Side::bid, 101, 10, ioc);
  venue.said.clear();
  venue.matcher.on_request(order, nullptr, ts_ns, venue.said);
  CHECK(venue.said[0].reason == code(SimReason::no_book));
}

TEST_CASE("a resting order fills from trades only after the queue ahead of it") {
  SmallVenue venue;
  CHECK(kinds(venue.place(Side::bid, 99, 30, gtc)) == kinds({Kind::ack}));

  CHECK(venue.trade(Side::ask, 99, 40).empty());
  const auto replies = venue.trade(Side::ask, 99, 30);

  REQUIRE(replies.size() == 1);
  CHECK(replies[0].size_units == 20);
  CHECK(replies[0].price_ticks == 99);
  CHECK(filled(venue.trade(Side::ask, 99, 100)) == 10);
  CHECK(venue.matcher.resting_count() == 0);
}

TEST_CASE("a shrinking level does not move the queue: only trades do") {
  SmallVenue venue;
  venue.place(Side::bid, 99, 30, gtc);
  venue.set(Side::bid, 99, 10);
  CHECK(venue.trade(Side::ask, 99, 50).empty());
  CHECK(filled(venue.trade(Side::ask, 99, 50)) == 30);
}

TEST_CASE("trades of the other side or short of the price do not fill") {
  SmallVenue venue;
  venue.place(Side::bid, 97, 30, gtc);
  CHECK(venue.trade(Side::bid, 97, 100).empty());
  CHECK(venue.trade(Side::ask, 98, 100).empty());
}

TEST_CASE("a trade through the price fills at our price whatever stood ahead, never more than it traded") {
  SmallVenue venue;
  venue.place(Side::bid, 99, 30, gtc);
  const auto replies = venue.trade(Side::ask, 98, 20);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].price_ticks == 99);
  CHECK(replies[0].size_units == 20);
}

TEST_CASE("two resting orders share one trade, the better price first") {
  SmallVenue venue;
  venue.place(Side::ask, 103, 30, gtc);
  venue.place(Side::ask, 100, 30, gtc);  // Crosses nothing: the best bid is 99.
  const auto replies = venue.trade(Side::bid, 103, 50);
  REQUIRE(replies.size() == 2);
  CHECK(replies[0].price_ticks == 100);
  CHECK(replies[0].size_units == 30);
  CHECK(replies[1].price_ticks == 103);
  CHECK(replies[1].size_units == 20);
}

TEST_CASE("a book that comes to a resting price fills it at that price, by what it shows there") {
  SmallVenue venue;
  venue.place(Side::bid, 100, 100, gtc);  // inside the spread: nobody ahead
  const auto fills = venue.update(Side::ask, 100, 40);

  REQUIRE(fills.size() == 1);
  CHECK(fills[0].price_ticks == 100);
  CHECK(fills[0].size_units == 40);
  CHECK(fills[0].is_maker == 1);
  CHECK(venue.matcher.resting_count() == 1);
  CHECK(venue.update(Side::ask, 102, 90).empty());  // the 40 at 100 are taken and shown still
  const auto rest = venue.update(Side::ask, 99, 200);
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].price_ticks == 100);  // ours, though the market asks less
  CHECK(rest[0].size_units == 60);
  CHECK(venue.matcher.resting_count() == 0);
}

TEST_CASE("what a book shows beyond two resting orders is theirs once, first come first served") {
  SmallVenue venue;
  venue.place(Side::ask, 100, 50, gtc);
  venue.place(Side::ask, 100, 50, gtc);
  const auto fills = venue.update(Side::bid, 101, 70);

  REQUIRE(fills.size() == 2);
  CHECK(fills[0].size_units == 50);
  CHECK(fills[1].size_units == 20);
  CHECK(fills[1].price_ticks == 100);
}

TEST_CASE("a crossing order that is good till cancelled takes first and rests with the remainder") {
  SmallVenue venue;
  const auto replies = venue.place(Side::bid, 101, 80, gtc);
  CHECK(kinds(replies) == kinds({Kind::ack, Kind::fill}));
  CHECK(venue.matcher.resting_count() == 1);
  CHECK(venue.trade(Side::ask, 101, 100)[0].cumulative_units == 80);
}

TEST_CASE("beyond the book's known depth only a trade through the price fills") {
  SmallVenue venue;
  venue.book.set_horizon(Side::bid, PriceTicks{98});
  venue.place(Side::bid, 97, 10, gtc);
  CHECK(venue.trade(Side::ask, 97, 1'000'000).empty());
  CHECK(filled(venue.trade(Side::ask, 96, 10)) == 10);
}

TEST_CASE("a print told by two streams, or twice, fills once") {
  SmallVenue venue;
  venue.place(Side::bid, 97, 30, gtc);
  TradeEvent trade;
  trade.trade_id = 5;
  trade.price = PriceTicks{97};
  trade.size = SizeUnits{10};
  trade.aggressor_side = Side::ask;
  venue.said.clear();

  PrintFilter prints;
  const auto tell = [&] {
    if (prints.is_news(trade)) venue.matcher.on_trade(trade, ts_ns, venue.said);
  };
  tell();
  tell();
  trade.is_aggregate = true;
  trade.trade_id = 900;
  tell();

  CHECK(filled(venue.said) == 10);
}

TEST_CASE("a cancel removes what rests and is rejected for what does not") {
  SmallVenue venue;
  OrderRequestRecord order = venue.request(Side::bid, 97, 30, gtc);
  venue.send(order);
  venue.trade(Side::ask, 97, 10);
  order.kind = 1;

  const auto first = venue.send(order);
  CHECK(kinds(first) == kinds({Kind::cancelled}));
  CHECK(first[0].cumulative_units == 10);
  const auto second = venue.send(order);
  CHECK(kinds(second) == kinds({Kind::rejected}));
  CHECK(second[0].reason == code(SimReason::unknown_order));
}

TEST_CASE("a matcher continued from a checkpoint answers as one that never stopped") {
  SmallVenue whole;
  whole.place(Side::bid, 99, 30, gtc);
  whole.place(Side::bid, 101, 30, ioc);
  whole.trade(Side::ask, 99, 40);
  ByteWriter writer;
  whole.matcher.save(writer);
  SmallVenue restored;
  ByteReader reader(writer.bytes());
  REQUIRE(restored.matcher.load(reader));
  REQUIRE(reader.is_at_end());
  restored.order_count = whole.order_count;
  restored.trade_count = whole.trade_count;

  CHECK(restored.place(Side::bid, 101, 50, ioc) == whole.place(Side::bid, 101, 50, ioc));
  CHECK(restored.trade(Side::ask, 99, 30) == whole.trade(Side::ask, 99, 30));
}
