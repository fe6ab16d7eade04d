#include <doctest/doctest.h>

#include <string>

#include "lob/decode/decoder.hpp"
#include "market_fixture.hpp"

using namespace lob;
using namespace lob::testing;

namespace {

const std::vector<InstrumentSpec> specs{
    {Venue::binance_spot, "ETHUSDT", MarketType::spot, "0.01", "0.00000001", "0.0001", 0, 0},
    {Venue::binance_usdm, "ETHUSDT", MarketType::perpetual, "0.01", "0.001", "0.001", 0, 0}};
constexpr SourceSpec spot{Venue::binance_spot, no_instrument, SourceKind::websocket};
constexpr SourceSpec spot_reply{Venue::binance_spot, 0, SourceKind::rest_depth};
constexpr SourceSpec usdm{Venue::binance_usdm, no_instrument, SourceKind::websocket};

/// The error of one frame, from a fresh decoder.
DecodeError error_of(const SourceSpec& source, std::string_view frame) {
  Decoder decoder(specs);
  const DecodeStatus status = decoder.decode(source, bytes_of(frame));
  if (!status.is_ok()) CHECK(decoder.decoded().kind == DecodedKind::ignored);
  return status.error;
}

DecodedKind kind_of(const SourceSpec& source, std::string_view frame) {
  Decoder decoder(specs);
  REQUIRE(decoder.decode(source, bytes_of(frame)).error == DecodeError::none);
  return decoder.decoded().kind;
}

constexpr std::string_view update =
    R"({"stream":"ethusdt@depth@100ms","data":{"e":"depthUpdate","E":1723161255308,"s":"ETHUSDT","U":35346513499,)"
    R"("u":35346513505,"b":[["2683.80000000","3.02920000"],["2500.00000000","0.00000000"]],"a":[["2733.70000000","0.00000001"]]}})";

}  // namespace

TEST_CASE("a recorded spot update is read whole") {
  Decoder decoder(specs);
  REQUIRE(decoder.decode(spot, bytes_of(update)).is_ok());
  const Decoded& decoded = decoder.decoded();
  REQUIRE(decoded.kind == DecodedKind::depth);
  CHECK(decoded.depth.instrument == 0);
  CHECK_FALSE(decoded.depth.is_snapshot);
  CHECK(decoded.depth.first_id == 35346513499);
  CHECK(decoded.depth.last_id == 35346513505);
  CHECK(decoded.depth.previous_id == no_id);
  CHECK(decoded.depth.ts_event_ns == 1723161255308 * ms);
  REQUIRE(decoded.depth.bids.size() == 2);
  CHECK(decoded.depth.bids[0] == Level{PriceTicks{268380}, SizeUnits{302920000}});
  CHECK(decoded.depth.bids[1].size.value == 0);
  CHECK(decoded.depth.asks.at(0).size.value == 1);
}

TEST_CASE("a USD-M update carries pu and T, in any key order, with unknown keys between") {
  Decoder decoder(specs);
  const std::string_view frame =
      R"( {"a":[], "st":1, "new":{"deep":[1,{"x":null}]}, "b":[["200.00","10.229"]],"pu":4, "u":9,"U":5,"ps":"ETHUSDT","T":2,"s":"ETHUSDT","E":3,"e":"depthUpdate"} )";
  REQUIRE(decoder.decode(usdm, bytes_of(frame)).is_ok());
  const DepthEvent& event = decoder.decoded().depth;
  CHECK(event.instrument == 1);
  CHECK(event.previous_id == 4);
  CHECK(event.ts_engine_ns == 2 * ms);
  CHECK(event.bids.at(0) == Level{PriceTicks{20000}, SizeUnits{10229}});
}

TEST_CASE("trade and aggTrade are read, with the integer keys a and b of 2023 passed over") {
  Decoder decoder(specs);
  REQUIRE(
      decoder
          .decode(
              spot,
              bytes_of(R"({"stream":"ethusdt@trade","data":{"e":"trade","E":6,"s":"ETHUSDT","t":3071245454,)"
                       R"("p":"28165.47000000","q":"0.00056000","b":1,"a":2,"T":5,"m":true,"M":true}})"))
          .is_ok());
  TradeEvent trade = decoder.decoded().trades.at(0);
  CHECK(trade.trade_id == 3071245454);
  CHECK(trade.price.value == 2816547);
  CHECK(trade.size.value == 56000);
  CHECK(trade.aggressor_side == Side::ask);
  CHECK(trade.ts_engine_ns == 5 * ms);
  CHECK_FALSE(trade.is_aggregate);

  REQUIRE(
      decoder
          .decode(usdm, bytes_of(R"({"e":"aggTrade","E":6,"s":"ETHUSDT","a":30,"p":"60000.20","q":"0.504",)"
                                 R"("nq":"0.500","f":50,"l":53,"T":5,"m":false,"st":1})"))
          .is_ok());
  trade = decoder.decoded().trades.at(0);
  CHECK(trade.trade_id == 30);
  CHECK(trade.aggressor_side == Side::bid);
  CHECK(trade.is_aggregate);
}

TEST_CASE("bookTicker is a quote with and without its event name") {
  CHECK(kind_of(spot, R"({"u":1,"s":"ETHUSDT","b":"1.00","B":"1","a":"1.01","A":"2"})") ==
        DecodedKind::quote);
  CHECK(kind_of(
            usdm,
            R"({"e":"bookTicker","u":1,"s":"ETHUSDT","b":"1.00","B":"1","a":"1.01","A":"2","T":1,"E":1})") ==
        DecodedKind::quote);
}

TEST_CASE("a REST reply is a snapshot of its source's instrument") {
  Decoder decoder(specs);
  REQUIRE(decoder.decode(spot_reply, bytes_of(snapshot(7, R"([["1.00","2"]])", "[]"))).is_ok());
  CHECK(decoder.decoded().depth.is_snapshot);
  CHECK(decoder.decoded().depth.instrument == 0);
  CHECK(decoder.decoded().depth.last_id == 7);
  CHECK(error_of(spot_reply, R"({"code":-1121,"msg":"Invalid symbol."})") == DecodeError::missing_field);
}

TEST_CASE("acks, other streams and partial depth are ignored") {
  for (
      const std::string_view frame :
      {R"({"result":null,"id":1})", R"({"error":{"code":2,"msg":"x"},"id":6})", R"({})",
       R"({"stream":"!ticker@arr","data":[{"e":"24hrTicker","s":"ETHUSDT"}]})", R"([1,"x",{"a":[]}])",
       R"({"e":"kline","E":1,"s":"ETHUSDT","k":{"t":1,"b":"x"}})", R"({"e":"serverShutdown","E":1})",
       R"({"lastUpdateId":1,"bids":[],"asks":[]})",
       R"({"stream":"ethusdt@depth20@100ms","data":{"e":"depthUpdate","E":1,"s":"ETHUSDT","U":1,"u":2,"b":[],"a":[]}})",
       R"({"e":"24hrMiniTicker","s":"ETHUSDT","a":[1,[2,"3"]],"b":{"x":1e400}})"}) {
    CAPTURE(frame);
    CHECK(kind_of(spot, frame) == DecodedKind::ignored);
  }
}

TEST_CASE("a USD-M trade of price 0 is no trade") {
  CHECK(kind_of(usdm, R"({"e":"trade","E":1,"T":1,"s":"ETHUSDT","t":1,"p":"0","q":"0","X":"NA","m":true})") ==
        DecodedKind::ignored);
}

TEST_CASE("each kind of wrong frame has its own reason") {
  const auto depth = [](std::string_view members) {
    return R"({"e":"depthUpdate","E":1,"s":"ETHUSDT",)" + std::string(members) + "}";
  };
  CHECK(error_of(spot, "") == DecodeError::empty_frame);
  CHECK(error_of(spot, "   ") == DecodeError::invalid_json);
  CHECK(error_of(spot, "7") == DecodeError::not_an_object);
  CHECK(error_of(spot, R"("text")") == DecodeError::not_an_object);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[])")) == DecodeError::missing_field);
  CHECK(error_of(spot, depth(R"("U":"1","u":2,"b":[],"a":[])")) == DecodeError::wrong_type);
  CHECK(error_of(spot, depth(R"("U":1.5,"u":2,"b":[],"a":[])")) == DecodeError::bad_number);
  CHECK(error_of(spot, depth(R"("U":-1,"u":2,"b":[],"a":[])")) == DecodeError::bad_number);
  CHECK(error_of(spot, depth(R"("U":1,"u":99999999999999999999,"b":[],"a":[])")) == DecodeError::bad_number);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[[1,"2"]],"a":[])")) == DecodeError::wrong_type);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1.00"]],"a":[])")) == DecodeError::wrong_type);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1.00","1","1"]],"a":[])")) == DecodeError::wrong_type);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":{},"a":[])")) == DecodeError::wrong_type);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"u":3,"b":[],"a":[])")) == DecodeError::duplicate_field);
  CHECK(error_of(spot, depth(R"("U":3,"u":2,"b":[],"a":[])")) == DecodeError::bad_sequence);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1.001","1"]],"a":[])")) == DecodeError::bad_price);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["0","1"]],"a":[])")) == DecodeError::bad_price);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["-1","1"]],"a":[])")) == DecodeError::bad_price);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1e2","1"]],"a":[])")) == DecodeError::bad_price);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1","0.000000001"]],"a":[])")) == DecodeError::bad_size);
  CHECK(error_of(spot, depth(R"("U":1,"u":2,"b":[["1","99999999999999"]],"a":[])")) == DecodeError::bad_size);
  CHECK(error_of(spot, R"({"e":5})") == DecodeError::wrong_type);
  CHECK(error_of(spot, R"({"e":"depthUpdate","E":-1,"s":"ETHUSDT","U":1,"u":2,"b":[],"a":[]})") ==
        DecodeError::bad_time);
  CHECK(error_of(usdm, depth(R"("U":1,"u":2,"b":[],"a":[])")) == DecodeError::missing_field);
}

TEST_CASE("what is not strictly JSON is refused, also where nobody reads") {
  for (const std::string_view frame : {R"({"a":})",
                                       R"({"x":tru})",
                                       R"({"x":01})",
                                       R"({"x":1.})",
                                       R"({"x":1e})",
                                       R"({"x":-})",
                                       R"({"x":+1})",
                                       R"({"x":"\q"})",
                                       R"({"x":"\u12"})",
                                       R"({"x":"a"b"c"})",
                                       R"({"x":"a":1})",
                                       R"({"b":[["1":"2"]]})",
                                       R"({"x":[1,]})",
                                       R"({"x":1,})",
                                       R"({,})",
                                       R"({"x" 1})",
                                       R"({"x":1 2})",
                                       R"({"x":nul})",
                                       R"({x:1})",
                                       R"({"x":[1 2]})",
                                       R"({"x":"a)",
                                       R"({"x":1)",
                                       R"({"x":NaN})",
                                       "{\"x\":\"\x01\"}",
                                       "{\"x\":\"\xff\"}",
                                       R"([1,2)",
                                       R"({"b":[["1","2"b]]})",
                                       R"({"b":[["1","\x"]]})"}) {
    CAPTURE(frame);
    CHECK(error_of(spot, frame) == DecodeError::invalid_json);
  }
}

TEST_CASE("bytes after the document are refused") {
  for (const std::string_view frame : {R"({} {})", R"({}x)", R"({},{})", R"([] 1])", R"({"a":1}})"}) {
    CAPTURE(frame);
    const DecodeError error = error_of(spot, frame);
    CHECK((error == DecodeError::trailing_content || error == DecodeError::invalid_json));
  }
  CHECK(error_of(spot, "{} \n") == DecodeError::none);
}

TEST_CASE("nesting without end is refused") {
  std::string frame = R"({"x":)" + std::string(2000, '[') + std::string(2000, ']') + "}";
  const DecodeError error = error_of(spot, frame);
  CHECK((error == DecodeError::too_deep || error == DecodeError::invalid_json));
}

TEST_CASE("every cut of a frame is refused") {
  Decoder decoder(specs);
  for (std::size_t length = 0; length < update.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(decoder.decode(spot, bytes_of(update.substr(0, length))).is_ok());
  }
  CHECK(decoder.decode(spot, bytes_of(update)).is_ok());
}

TEST_CASE("a frame longer than the limit is refused") {
  CHECK(error_of(spot, std::string(frame_bytes_max + 1, ' ')) == DecodeError::too_large);
}

TEST_CASE("every reason has a text") {
  for (std::size_t i = 0; i < decode_error_count; ++i) {
    CHECK(text_of(static_cast<DecodeError>(i)) != "unknown error");
  }
}

TEST_CASE("a mark price is read with its funding, to the nearest tick") {
  Decoder decoder(specs);
  const std::string_view frame =
      R"({"stream":"ethusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1790000001000,"s":"ETHUSDT","p":"2683.80500000","ap":"2683.8","i":"2680.1","P":"2681.0","r":"-0.00012345","T":1790006400000,"st":1}})";
  REQUIRE(decoder.decode(usdm, bytes_of(frame)).is_ok());
  REQUIRE(decoder.decoded().kind == DecodedKind::mark);
  const MarkEvent& mark = decoder.decoded().mark;
  CHECK(mark.instrument == 1);
  CHECK(mark.ts_event_ns == 1790000001000 * ms);
  CHECK(mark.price.value == 268'381);  // 2683.805 lies in the middle and goes up
  CHECK(mark.rate_e8 == -12'345);
  CHECK(mark.ts_next_funding_ns == 1790006400000 * ms);
}

TEST_CASE("a malformed mark price is refused by its field, and what is no perpetual's is passed over") {
  const auto mark = [](std::string_view fields) {
    return R"({"e":"markPriceUpdate","E":1,"s":"ETHUSDT",)" + std::string(fields) + "}";
  };
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":"0.0001")")) == DecodeError::missing_field);
  CHECK(error_of(usdm, mark(R"("p":"1.0","T":5)")) == DecodeError::missing_field);
  CHECK(error_of(usdm, mark(R"("r":"0.0001","T":5)")) == DecodeError::missing_field);
  CHECK(error_of(usdm, mark(R"("p":1.0,"r":"0.0001","T":5)")) == DecodeError::wrong_type);
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":0.0001,"T":5)")) == DecodeError::wrong_type);
  CHECK(error_of(usdm, mark(R"("p":"0.004","r":"0.0001","T":5)")) == DecodeError::bad_price);
  CHECK(error_of(usdm, mark(R"("p":"-1","r":"0.0001","T":5)")) == DecodeError::bad_price);
  CHECK(error_of(usdm, mark(R"("p":"99999999999999999999","r":"0.0001","T":5)")) == DecodeError::bad_price);
  CHECK(error_of(usdm, mark(R"("p":"0.00000000000000000000000000001","r":"0","T":5)")) ==
        DecodeError::bad_price);
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":"0.000000001","T":5)")) == DecodeError::bad_rate);
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":"1.1","T":5)")) == DecodeError::bad_rate);
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":"--1","T":5)")) == DecodeError::bad_rate);
  CHECK(error_of(usdm, mark(R"("p":"1.0","r":"0.1","T":-5)")) == DecodeError::bad_time);
  CHECK(kind_of(usdm, mark(R"("p":"1.0","r":"","T":0)")) == DecodedKind::ignored);
  CHECK(kind_of(spot, mark(R"("p":"1.0","r":"0.1","T":5)")) == DecodedKind::ignored);
}
