#include "lob/instrument_matcher.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "lob/money.hpp"
#include "trading_fixture.hpp"

using namespace lob;

namespace {

constexpr MatcherTerms terms{
    .instrument = 4, .lot = SizeUnits{10}, .maker_fee_e8 = 20'000, .taker_fee_e8 = 50'000};
constexpr TsNs ts_ns = 1'000;
constexpr std::uint8_t gtc = 0;
constexpr std::uint8_t ioc = 1;

constexpr std::uint8_t code(auto value) {
  return static_cast<std::uint8_t>(value);
}

/// A venue of one instrument: bids 99 (50), 98 (80); asks 101 (50), 102 (80).
struct SmallVenue {
  InstrumentMatcher matcher{terms};
  OrderBook book;
  std::vector<SimReply> said;
  std::uint64_t order_count = 0;
  std::int64_t trade_count = 0;

  SmallVenue() {
    set(Side::bid, 99, 50);
    set(Side::bid, 98, 80);
    set(Side::ask, 101, 50);
    set(Side::ask, 102, 80);
  }
  void set(Side side, std::int64_t price, std::int64_t size) {
    book.apply(side, PriceTicks{price}, SizeUnits{size});
    matcher.on_book(book);
  }
  OrderRequestRecord request(Side side, std::int64_t price, std::int64_t size, std::uint8_t time_in_force) {
    OrderRequestRecord order{};
    order.client_order_id = std::uint64_t{test::run_tag} << 32U | ++order_count;
    order.instrument = terms.instrument;
    order.side = code(side);
    order.price_ticks = price;
    order.size_units = size;
    order.time_in_force = time_in_force;
    return order;
  }
  std::vector<SimReply> send(const OrderRequestRecord& order) {
    said.clear();
    matcher.on_request(order, &book, ts_ns, said);
    return said;
  }
  std::vector<SimReply> place(Side side, std::int64_t price, std::int64_t size, std::uint8_t time_in_force) {
    return send(request(side, price, size, time_in_force));
  }
  std::vector<SimReply> trade(Side aggressor_side, std::int64_t price, std::int64_t size) {
    said.clear();
    TradeEvent trade;
    trade.instrument = terms.instrument;
    trade.trade_id = ++trade_count;
    trade.price = PriceTicks{price};
    trade.size = SizeUnits{size};
    trade.aggressor_side = aggressor_side;
    matcher.on_trade(trade, ts_ns, said);
    return said;
  }
};

std::vector<std::uint8_t> kinds(const std::vector<SimReply>& replies) {
  std::vector<std::uint8_t> kinds;
  for (const SimReply& reply : replies) kinds.push_back(reply.kind);
  return kinds;
}

std::vector<std::uint8_t> kinds(std::initializer_list<SimReplyKind> replies) {
  std::vector<std::uint8_t> kinds;
  for (const SimReplyKind kind : replies) kinds.push_back(code(kind));
  return kinds;
}

std::int64_t filled(const std::vector<SimReply>& replies) {
  std::int64_t sum = 0;
  for (const SimReply& reply : replies) sum += reply.size_units;
  return sum;
}

using Kind = SimReplyKind;

}  // namespace

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

  venue.matcher.on_trade(trade, ts_ns, venue.said);
  venue.matcher.on_trade(trade, ts_ns, venue.said);
  trade.is_aggregate = true;
  trade.trade_id = 900;
  venue.matcher.on_trade(trade, ts_ns, venue.said);

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

namespace {

/// The reference: what each level may still give since its size last changed, and what each order may still
/// fill.
class Audit {
 public:
  void on_level(Side side, std::int64_t price, std::int64_t size) {
    std::int64_t& shown = shown_[key(side, price)];
    if (shown != size) taken_[key(side, price)] = 0;
    shown = size;
  }
  void on_order(const OrderRequestRecord& order) { orders_[order.client_order_id] = order; }
  void on_replies(const std::vector<SimReply>& replies, std::int64_t traded) {
    std::int64_t made = 0;
    for (const SimReply& reply : replies) {
      if (reply.kind != code(Kind::fill)) continue;
      const OrderRequestRecord& order = orders_.at(reply.client_order_id);
      const bool is_buy = reply.side == 0;
      REQUIRE((is_buy ? reply.price_ticks <= order.price_ticks : reply.price_ticks >= order.price_ticks));
      REQUIRE(reply.size_units > 0);
      REQUIRE(reply.size_units % terms.lot.value == 0);
      REQUIRE(trade_ids_.insert(reply.trade_id).second);
      REQUIRE((filled_[reply.client_order_id] += reply.size_units) == reply.cumulative_units);
      REQUIRE(reply.cumulative_units <= order.size_units);
      const std::int64_t fee_e8 = reply.is_maker == 1 ? terms.maker_fee_e8 : terms.taker_fee_e8;
      const std::int64_t exact_e8 = reply.price_ticks * reply.size_units * fee_e8;
      REQUIRE(reply.fee_quote_units * 100'000'000 >= exact_e8);
      REQUIRE((reply.fee_quote_units - 1) * 100'000'000 < exact_e8);
      if (reply.is_maker == 1) {
        made += reply.size_units;
        REQUIRE(reply.price_ticks == order.price_ticks);
      } else {
        const auto level = key(is_buy ? Side::ask : Side::bid, reply.price_ticks);
        REQUIRE((taken_[level] += reply.size_units) <= shown_[level]);
      }
    }
    REQUIRE(made <= traded);
  }

 private:
  using LevelKey = std::pair<Side, std::int64_t>;
  static LevelKey key(Side side, std::int64_t price) { return {side, price}; }
  std::map<LevelKey, std::int64_t> shown_;
  std::map<LevelKey, std::int64_t> taken_;
  std::map<std::uint64_t, OrderRequestRecord> orders_;
  std::map<std::uint64_t, std::int64_t> filled_;
  std::set<std::uint64_t> trade_ids_;
};

}  // namespace

TEST_CASE("over random books, orders and trades no lot is consumed twice and every limit and fee holds") {
  std::int64_t replies_seen = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    test::Dice dice(seed);
    SmallVenue venue;
    Audit audit;
    for (const Side side : {Side::bid, Side::ask}) {
      for (std::int64_t n = 0; n < 3; ++n)
        audit.on_level(side, side == Side::bid ? 99 - n : 101 + n, n == 2 ? 0 : 50 + 30 * n);
    }
    for (int turn = 0; turn < 500; ++turn) {
      const Side side = dice.roll(0, 1) == 0 ? Side::bid : Side::ask;
      const std::int64_t depth = dice.roll(0, 5);
      const std::int64_t level = side == Side::bid ? 99 - depth : 101 + depth;
      switch (dice.roll(0, 3)) {
        case 0: {
          const std::int64_t size = dice.roll(0, 12) * 7;
          venue.set(side, level, size);
          audit.on_level(side, level, size);
          break;
        }
        case 1: {
          const std::int64_t traded = dice.roll(1, 150);
          audit.on_replies(venue.trade(opposite(side), level, traded), traded);
          break;
        }
        default: {
          const std::uint8_t time_in_force = dice.roll(0, 1) == 0 ? gtc : ioc;
          const OrderRequestRecord order =
              venue.request(side, 100 + dice.roll(-5, 5), 10 * dice.roll(1, 20), time_in_force);
          audit.on_order(order);
          const auto replies = venue.send(order);
          replies_seen += std::ssize(replies);
          audit.on_replies(replies, 0);
        }
      }
    }
  }
  CHECK(replies_seen > 10'000);
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
