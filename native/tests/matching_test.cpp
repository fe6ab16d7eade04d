#include "lob/matching.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>

#include "lob/money.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;

namespace {

const std::vector<InstrumentSpec> instruments{{.venue = Venue::bybit_spot,
                                               .symbol = "BTCUSDT",
                                               .market_type = MarketType::spot,
                                               .tick = "0.1",
                                               .size_unit = "0.001",
                                               .lot = "0.001",
                                               .maker_fee_e8 = 20'000,
                                               .taker_fee_e8 = 50'000}};
const std::vector<SourceSpec> sources{{.venue = Venue::bybit_spot}};
constexpr TsNs latency_ns = 1'000;

/// A book frame in the venue's words; levels as `["price","size"],...`.
std::string book_frame(bool is_snapshot, std::int64_t update_id, std::string_view bids,
                       std::string_view asks) {
  std::string text = R"({"topic":"orderbook.50.BTCUSDT","ts":1700000000000,"type":")";
  text.append(is_snapshot ? "snapshot" : "delta").append(R"(","data":{"s":"BTCUSDT","b":[)").append(bids);
  text.append(R"(],"a":[)").append(asks).append(R"(],"u":)").append(std::to_string(update_id));
  return text.append(R"(,"seq":1},"cts":1700000000000})");
}

std::string trade_frame(std::string_view side, std::string_view price, std::string_view size,
                        std::int64_t id) {
  std::string text = R"({"topic":"publicTrade.BTCUSDT","ts":1700000000000,"type":"snapshot","data":[{"i":")";
  text.append(std::to_string(id)).append(R"(","T":1700000000000,"p":")").append(price);
  text.append(R"(","v":")").append(size).append(R"(","S":")").append(side);
  return text.append(R"(","s":"BTCUSDT","BT":false,"RPI":false}]})");
}

std::string level(std::string_view price, std::string_view size) {
  return std::string(R"([")").append(price).append(R"(",")").append(size).append(R"("])");
}

MatchingConfig both_ways(TsNs median_ns) {
  MatchingConfig config;
  config.request_latency.median_ns = config.reply_latency.median_ns = median_ns;
  return config;
}

/// One venue, one instrument: bids 99.9 (0.050), asks 100.1 (0.050) from time 100 on.
struct Stage {
  SimVenue venue{instruments, sources, FeedLimits{}, both_ways(latency_ns)};
  std::uint64_t seq = 0;
  std::uint64_t order_count = 0;
  std::int64_t update_id = 10;

  void frame(TsNs ts_ns, std::string_view text) {
    venue.on_frame(++seq, 0, ts_ns, std::as_bytes(std::span(text.data(), text.size())));
  }
  void open(TsNs ts_ns = 100) {
    frame(ts_ns, book_frame(true, update_id, R"(["99.9","0.050"])", R"(["100.1","0.050"])"));
  }
  void set_ask(TsNs ts_ns, std::string_view size) {
    frame(ts_ns, book_frame(false, ++update_id, "", level("100.1", size)));
  }
  void set_bid(TsNs ts_ns, std::string_view size) {
    frame(ts_ns, book_frame(false, ++update_id, level("99.9", size), ""));
  }
  OrderRequestRecord buy(std::int64_t price_ticks, std::int64_t size_units, std::uint8_t time_in_force = 1) {
    OrderRequestRecord order{};
    order.client_order_id = std::uint64_t{test::run_tag} << 32U | ++order_count;
    order.price_ticks = price_ticks;
    order.size_units = size_units;
    order.time_in_force = time_in_force;
    return order;
  }
  std::vector<TimedReply> due(TsNs ts_ns) {
    std::vector<TimedReply> replies;
    venue.due(ts_ns, replies);
    return replies;
  }
};

}  // namespace

TEST_CASE("an order meets the book of its arrival and its reply comes a latency later") {
  Stage stage;
  stage.open();
  stage.venue.submit(stage.buy(1'001, 30), 200);
  CHECK(stage.venue.next_ts_ns() == 1'200);
  stage.set_ask(1'199, "0.020");
  stage.set_ask(1'201, "0.000");

  CHECK(stage.venue.next_ts_ns() == 2'200);
  CHECK(stage.due(2'199).empty());
  const auto replies = stage.due(2'200);

  REQUIRE(replies.size() == 3);
  CHECK(replies[0].reply.kind == code(SimReplyKind::ack));
  CHECK(replies[1].reply.kind == code(SimReplyKind::fill));
  CHECK(replies[1].reply.size_units == 20);
  CHECK(replies[1].reply.ts_venue_ns == 1'200);
  CHECK(replies[1].ts_ns == 2'200);
  CHECK(replies[2].reply.kind == code(SimReplyKind::expired));
  CHECK_FALSE(stage.venue.next_ts_ns().has_value());
}

TEST_CASE("replies do not depend on how often they are asked for") {
  Stage often;
  Stage seldom;
  std::vector<TimedReply> replies_often;
  for (Stage* stage : {&often, &seldom}) {
    stage->open();
    stage->venue.submit(stage->buy(1'001, 30), 200);
    for (TsNs ts_ns = 300; ts_ns < 5'000; ts_ns += 100) {
      stage->set_ask(ts_ns, ts_ns % 200 == 0 ? "0.010" : "0.040");
      if (stage == &often) stage->venue.due(ts_ns, replies_often);
    }
  }
  const auto replies_seldom = seldom.due(5'000);

  REQUIRE(replies_often.size() == replies_seldom.size());
  for (std::size_t i = 0; i < replies_often.size(); ++i) {
    CHECK(replies_often[i].reply == replies_seldom[i].reply);
    CHECK(replies_often[i].ts_ns == replies_seldom[i].ts_ns);
  }
}

TEST_CASE("a resting order fills from the venue's public trades") {
  Stage stage;
  stage.open();
  stage.venue.submit(stage.buy(999, 30, 0), 200);
  stage.frame(1'300, trade_frame("Sell", "99.9", "0.060", 1));
  CHECK(stage.venue.resting_count() == 1);
  stage.frame(1'400, trade_frame("Sell", "99.8", "0.100", 2));

  const auto replies = stage.due(9'000);

  REQUIRE(replies.size() == 3);
  CHECK(replies[1].reply.size_units == 10);
  CHECK(replies[1].reply.is_maker == 1);
  CHECK(replies[1].ts_ns == 2'300);
  CHECK(replies[2].reply.cumulative_units == 30);
  CHECK(stage.venue.resting_count() == 0);
}

TEST_CASE("without a synchronised book, or for an unknown instrument, orders are rejected") {
  Stage stage;
  stage.venue.submit(stage.buy(1'001, 30), 200);
  OrderRequestRecord elsewhere = stage.buy(1'001, 30);
  elsewhere.instrument = 9;
  stage.venue.submit(elsewhere, 200);

  const auto replies = stage.due(9'000);

  REQUIRE(replies.size() == 2);
  CHECK(replies[0].reply.reason == code(SimReason::no_book));
  CHECK(replies[1].reply.reason == code(SimReason::unknown_instrument));
  CHECK(replies[1].reply.instrument == 9);
}

TEST_CASE("a gap in the venue's stream rejects orders until the next snapshot") {
  Stage stage;
  stage.open();
  stage.update_id += 5;
  stage.set_ask(200, "0.020");
  stage.venue.submit(stage.buy(1'001, 30), 300);
  CHECK(stage.due(9'000)[0].reply.reason == code(SimReason::no_book));

  ++stage.update_id;
  stage.open(9'100);
  stage.venue.submit(stage.buy(1'001, 30), 9'200);
  CHECK(stage.due(20'000)[0].reply.kind == code(SimReplyKind::ack));
}

TEST_CASE("a negative latency is refused") {
  CHECK_THROWS_WITH(SimVenue(instruments, sources, FeedLimits{}, both_ways(-1)),
                    "matching.latency: expected 0 to 3600000000000 ns");
}

TEST_CASE("a reply survives its bytes, and bytes that are no reply are refused") {
  SimReply reply;
  reply.client_order_id = 1;
  reply.trade_id = 2;
  reply.fee_quote_units = -3;
  reply.kind = 5;
  reply.reason = 8;
  SimReplyBytes bytes = encode(reply);
  CHECK(decode_sim_reply(bytes) == reply);

  CHECK_FALSE(decode_sim_reply(Bytes(bytes).first(63)).has_value());
  for (const std::size_t offset : {60U, 61U, 62U, 63U}) {
    SimReplyBytes wrong = bytes;
    wrong[offset] = std::byte{200};
    CHECK_FALSE(decode_sim_reply(wrong).has_value());
  }
}

namespace {

/// Random frames and orders from a seed.
struct RandomMarket {
  test::Dice dice;
  TsNs ts_ns = 200;
  std::int64_t trade_id = 0;

  void turn(Stage& stage, std::vector<TimedReply>& replies) {
    ts_ns += dice.roll(1, 400);
    const std::string size = "0.0" + std::to_string(dice.roll(10, 99));
    switch (dice.roll(0, 3)) {
      case 0:
        stage.set_ask(ts_ns, size);
        break;
      case 1:
        stage.frame(ts_ns, trade_frame(dice.roll(0, 1) == 0 ? "Sell" : "Buy", "99.9", size, ++trade_id));
        break;
      default: {
        OrderRequestRecord order = stage.buy(dice.roll(998, 1'003), dice.roll(1, 60), code(dice.roll(0, 1)));
        if (dice.roll(0, 3) == 0) {
          order.kind = 1;
          order.client_order_id -= 2;
        }
        stage.venue.submit(order, ts_ns);
      }
    }
    stage.venue.due(ts_ns, replies);
  }
};

std::string bytes_of(const std::vector<TimedReply>& replies) {
  std::string bytes;
  for (const TimedReply& reply : replies) {
    const SimReplyBytes raw = encode(reply.reply);
    bytes.append(std::to_string(reply.ts_ns)).append(reinterpret_cast<const char*>(raw.data()), raw.size());
  }
  return bytes;
}

}  // namespace

TEST_CASE("a venue continued from a checkpoint answers with the same bytes as one that never stopped") {
  Stage whole;
  Stage first;
  RandomMarket whole_market{test::Dice(3)};
  RandomMarket market{test::Dice(3)};
  std::vector<TimedReply> told_whole;
  std::vector<TimedReply> told;
  whole.open();
  first.open();
  for (int turn = 0; turn < 400; ++turn) {
    whole_market.turn(whole, told_whole);
    market.turn(first, told);
  }
  ByteWriter writer;
  first.venue.save(writer);

  Stage second;
  ByteReader reader(writer.bytes());
  REQUIRE(second.venue.load(reader));
  REQUIRE(reader.is_at_end());
  second.seq = first.seq;
  second.order_count = first.order_count;
  second.update_id = first.update_id;
  for (int turn = 0; turn < 400; ++turn) {
    whole_market.turn(whole, told_whole);
    market.turn(second, told);
  }

  CHECK(told.size() > 300);
  CHECK(bytes_of(told) == bytes_of(told_whole));
  ByteWriter end_of_whole;
  ByteWriter end_of_second;
  whole.venue.save(end_of_whole);
  second.venue.save(end_of_second);
  CHECK(end_of_second.bytes() == end_of_whole.bytes());
}

TEST_CASE("trader and venue together: fills told equal fills booked and money is conserved exactly") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.slots = {test::slot_of_lot_10(0)};
  config.slots[0].terms.lot = SizeUnits{1};
  config.slots[0].terms.order_size = SizeUnits{30};
  config.risk.price_deviation_e8 = 100'000'000;
  std::get<ForecastSettings>(config.strategies[0].settings).signal.cost_multiple = 0.01;
  test::Desk desk(config);
  Stage stage;
  stage.open();
  test::Dice dice(11);
  Int128 cash = 0;
  Int128 units = 0;
  std::size_t sent = 0;
  for (desk.ts_ns = 1'000; desk.ts_ns < 3'000'000; desk.ts_ns += 1'000) {
    stage.set_ask(desk.ts_ns, "0.0" + std::to_string(dice.roll(10, 99)));
    stage.set_bid(desk.ts_ns, "0.0" + std::to_string(dice.roll(10, 99)));
    for (const TimedReply& timed : stage.due(desk.ts_ns)) {
      REQUIRE(desk.reply(timed.reply) == TraderError::none);
      const Int128 sign = timed.reply.side == 0 ? 1 : -1;
      units += sign * timed.reply.size_units;
      cash -= sign * timed.reply.price_ticks * timed.reply.size_units + timed.reply.fee_quote_units;
    }
    const OrderBook& book = stage.venue.market().book(0);
    const std::vector<TopOfBook> tops{
        {.bid = book.best(Side::bid)->price, .ask = book.best(Side::ask)->price, .is_valid = true}};
    desk.forecast({static_cast<float>(dice.roll(-9, 9))}, tops);
    for (; sent < desk.out.orders.size(); ++sent) stage.venue.submit(desk.out.orders[sent], desk.ts_ns);

    const Position& held = desk.trader.position(0);
    const Int128 told =
        static_cast<Int128>(held.realised_quote_units) + unrealised_quote_units(held) - held.fees_quote_units;
    REQUIRE(held.units.value == units);
    REQUIRE(bool(told == cash + floor_div(units * held.mid_x2_ticks, 2)));
  }
  CHECK(desk.trader.counters().fills > 50);
}
