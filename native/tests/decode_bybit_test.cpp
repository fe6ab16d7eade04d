#include <doctest/doctest.h>

#include <string>

#include "lob/decode/decoder.hpp"
#include "market_fixture.hpp"

using namespace lob;
using namespace lob::testing;

namespace {

const std::vector<InstrumentSpec> specs{
    {Venue::bybit_spot, "XUSDT", MarketType::spot, "0.1", "0.001", "0.001", 0, 0}};
constexpr SourceSpec source{Venue::bybit_spot, no_instrument, SourceKind::websocket};

DecodeStatus decode(Decoder& decoder, std::string_view frame) {
  return decoder.decode(source, bytes_of(frame));
}

std::string trade(std::string_view id, std::string_view side, std::string_view price,
                  std::string_view symbol = "XUSDT") {
  return R"({"i":)" + std::string(id) + R"(,"T":5,"p":)" + std::string(price) + R"(,"v":"0.004","S":")" +
         std::string(side) + R"(","s":")" + std::string(symbol) + R"(","BT":false,"RPI":false,"seq":7})";
}

std::string trades(std::string_view items) {
  return R"({"topic":"publicTrade.XUSDT","ts":6,"type":"snapshot","data":[)" + std::string(items) + "]}";
}

}  // namespace

TEST_CASE("a Bybit snapshot and a delta are read whole") {
  Decoder decoder(specs);
  REQUIRE(decode(decoder, bybit_book("snapshot", 18521288, bids_100, asks_101)).is_ok());
  CHECK(decoder.decoded().depth.is_snapshot);
  CHECK(decoder.decoded().depth.bids.size() == 3);
  REQUIRE(decode(decoder, bybit_book("delta", 18521289, R"([["100.0","0"]])", "[]")).is_ok());
  const DepthEvent& event = decoder.decoded().depth;
  CHECK_FALSE(event.is_snapshot);
  CHECK(event.last_id == 18521289);
  CHECK(event.ts_event_ns == 1000 * ms);
  CHECK(event.ts_engine_ns == 998 * ms);
  CHECK(event.bids.at(0) == Level{PriceTicks{1000}, SizeUnits{0}});
}

TEST_CASE("the order of a Bybit book's keys does not matter") {
  Decoder decoder(specs);
  REQUIRE(
      decode(
          decoder,
          R"({"data":{"u":3,"a":[],"b":[["1.0","1"]],"s":"XUSDT"},"type":"delta","cts":1,"topic":"orderbook.200.XUSDT"})")
          .is_ok());
  CHECK(decoder.decoded().kind == DecodedKind::depth);
  CHECK(decoder.decoded().depth.last_id == 3);
}

TEST_CASE("one Bybit frame holds many trades, with ids as strings and the taker's side") {
  Decoder decoder(specs);
  REQUIRE(decode(decoder, trades(trade(R"("2290000000112345678")", "Buy", R"("60000.2")") + "," +
                                 trade(R"("5")", "Sell", R"("1.0")")))
              .is_ok());
  REQUIRE(decoder.decoded().trades.size() == 2);
  CHECK(decoder.decoded().trades[0].trade_id == 2290000000112345678);
  CHECK(decoder.decoded().trades[0].aggressor_side == Side::bid);
  CHECK(decoder.decoded().trades[0].ts_event_ns == 6 * ms);
  CHECK(decoder.decoded().trades[1].aggressor_side == Side::ask);
}

TEST_CASE("one wrong trade refuses the whole frame") {
  Decoder decoder(specs);
  const std::string good = trade(R"("1")", "Buy", R"("1.0")");
  CHECK(decode(decoder, trades(good + "," + trade(R"("2")", "Hold", R"("1.0")"))).error ==
        DecodeError::bad_side);
  CHECK(decode(decoder, trades(good + "," + trade("2", "Buy", R"("1.0")"))).error == DecodeError::wrong_type);
  CHECK(decode(decoder, trades(good + "," + trade(R"("a-b")", "Buy", R"("1.0")"))).error ==
        DecodeError::bad_number);
  CHECK(decode(decoder, trades(good + "," + trade(R"("2")", "Buy", "1.0"))).error == DecodeError::wrong_type);
  CHECK(decode(decoder, trades(good + ",7")).error == DecodeError::wrong_type);
  CHECK(decoder.decoded().kind == DecodedKind::ignored);
}

TEST_CASE("trades of unknown symbols are ignored") {
  Decoder decoder(specs);
  REQUIRE(decode(decoder, trades(trade(R"("1")", "Buy", R"("1.0")", "YUSDT"))).is_ok());
  CHECK(decoder.decoded().kind == DecodedKind::ignored);
  CHECK(decoder.decoded().is_unknown_symbol);
}

TEST_CASE("orderbook.1 is a quote, never a book") {
  Decoder decoder(specs);
  REQUIRE(
      decode(
          decoder,
          R"({"topic":"orderbook.1.XUSDT","ts":1,"type":"snapshot","data":{"s":"XUSDT","b":[["1.0","2"]],"a":[["1.1","3"]],"u":4,"seq":1},"cts":1})")
          .is_ok());
  REQUIRE(decoder.decoded().kind == DecodedKind::quote);
  CHECK(decoder.decoded().quote.ask == Level{PriceTicks{11}, SizeUnits{3000}});
}

TEST_CASE("Bybit acks, tickers and books of other rules are ignored") {
  Decoder decoder(specs);
  for (
      const std::string_view frame :
      {R"({"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"})",
       R"({"success":true,"ret_msg":"pong","op":"ping"})",
       R"({"topic":"tickers.XUSDT","ts":1,"type":"snapshot","cs":1,"data":{"symbol":"XUSDT","lastPrice":"1"}})",
       R"({"topic":"orderbook.full.XUSDT","type":"delta","data":{"s":"XUSDT","b":[],"a":[],"u":1}})",
       R"({"topic":"orderbook.rpi.XUSDT","type":"delta","data":{"s":"XUSDT","b":[],"a":[],"u":1}})"}) {
    CAPTURE(frame);
    REQUIRE(decode(decoder, frame).is_ok());
    CHECK(decoder.decoded().kind == DecodedKind::ignored);
  }
}

TEST_CASE("a Bybit book that lacks what it needs is refused") {
  Decoder decoder(specs);
  CHECK(decode(decoder, bybit_book("full", 1, "[]", "[]")).error == DecodeError::unknown_type);
  CHECK(decode(decoder, bybit_book("delta", 1, R"([["1.05","1"]])", "[]")).error == DecodeError::bad_price);
  CHECK(decode(decoder, bybit_book("delta", 1, R"([["1.0",1]])", "[]")).error == DecodeError::wrong_type);
  CHECK(decode(decoder, R"({"topic":"orderbook.50.XUSDT","type":"delta","data":{"s":"XUSDT"}})").error ==
        DecodeError::missing_field);
  CHECK(decode(decoder, R"({"topic":"orderbook.50.XUSDT","type":"delta"})").error ==
        DecodeError::missing_field);
}
