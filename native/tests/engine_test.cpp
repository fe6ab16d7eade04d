#include "lob/engine.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "lob/sim_reply.hpp"

using namespace lob;

namespace {

constexpr const char* settings = R"({
  "instruments": [{"id": 0, "venue": "bybit_spot", "symbol": "ABC", "market_type": "spot", "tick": "0.1",
                   "size_unit": "0.01", "lot": "0.01", "maker_fee_bps": "0", "taker_fee_bps": "1.0"}],
  "sources": [{"id": 0, "venue": "bybit_spot", "instrument": null, "kind": "websocket"},
              {"id": 1, "venue": "bybit_spot", "instrument": "ABC", "kind": "sim_private"}],
  "grid": {"step_ns": 100, "slots": [0, null], "reference": 0, "stale_ns": 1000, "window_steps": 4,
           "max_catchup_steps": 10},
  "emit": {"book_updates": true, "trades": true, "quotes": true, "grid": true, "book_snapshot_every_steps": 5},
  "signal": {"horizon_step": 1, "cost_multiple": 0.0, "edge_bps": 0.0, "order_size": ["0.05", "0"]},
  "risk": {"max_position": ["1", "0"], "max_order_size": ["1", "0"], "price_deviation_bps": 500,
           "max_exposure_quote": "100000", "forecast_age_max_ns": 1000},
  "run_tag": 7
})";

std::string book_frame(bool is_snapshot, int update_id, int best_bid, int best_ask) {
  std::string bids;
  std::string asks;
  for (int k = 0; k < 6; ++k) {
    const std::string comma = k == 0 ? "" : ",";
    bids += comma + "[\"" + std::to_string(best_bid - k) + ".0\",\"1.5\"]";
    asks += comma + "[\"" + std::to_string(best_ask + k) + ".0\",\"2.5\"]";
  }
  return std::string("{\"topic\":\"orderbook.50.ABC\",\"ts\":1,\"type\":\"") +
         (is_snapshot ? "snapshot" : "delta") + "\",\"data\":{\"s\":\"ABC\",\"b\":[" + bids + "],\"a\":[" +
         asks + "],\"u\":" + std::to_string(update_id) + ",\"seq\":" + std::to_string(update_id) +
         "},\"cts\":1}";
}

Bytes bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::vector<float> forecast_of(float mid_bps) {
  std::vector<float> values(2 * 2 * forecast_width, 0.0F);
  for (std::size_t i = 0; i < values.size(); i += forecast_width) values[i] = mid_bps;
  return values;
}

void feed_session(Engine& engine) {
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.frame(2, 0, 1150, bytes_of(book_frame(false, 11, 100, 101)));
  engine.forecast(3, 1160, 1100, 1, forecast_of(50.0F), 2);
  engine.timer(4, 1450);
}

}  // namespace

TEST_CASE("a step closes on the first input after it, before that input is applied") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.timer(2, 1100);
  CHECK(engine.outputs().grid.empty());

  engine.frame(3, 0, 1101, bytes_of(book_frame(true, 20, 200, 201)));

  REQUIRE(engine.outputs().grid.size() == 1);
  const GridRecord& row = engine.outputs().grid.front();
  CHECK(row.ts_step_ns == 1100);
  CHECK(row.seq == 3);
  CHECK(row.is_valid == 1);
  CHECK(row.price_ticks[0] == 1000);
}

TEST_CASE("time that goes back is refused and changes nothing") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  const std::string before = engine.checkpoint();

  engine.frame(2, 0, 1049, bytes_of(book_frame(false, 11, 100, 101)));

  REQUIRE(engine.outputs().market.rejects.size() == 1);
  CHECK(engine.outputs().market.rejects[0].code ==
        input_error_code_first + static_cast<std::uint32_t>(InputError::time_goes_back));
  CHECK(engine.checkpoint() == before);
}

TEST_CASE("a frame of a connection that is not in the table is refused") {
  Engine engine(settings);
  engine.frame(1, 9, 1050, bytes_of("{}"));
  REQUIRE(engine.outputs().market.rejects.size() == 1);
  CHECK(engine.outputs().market.rejects[0].code ==
        input_error_code_first + static_cast<std::uint32_t>(InputError::unknown_connection));
}

TEST_CASE("a forecast above cost sends one order that names the forecast as its cause") {
  Engine engine(settings);
  feed_session(engine);

  REQUIRE(engine.outputs().trading.orders.size() == 1);
  const OrderRequestRecord& order = engine.outputs().trading.orders[0];
  CHECK(order.seq == 3);
  CHECK(order.client_order_id == (std::uint64_t{7} << 32U | 1U));
  CHECK(order.size_units == 5);
  CHECK(order.price_ticks == 1010);
}

TEST_CASE("a reply of the simulated venue is a frame like any other and moves the position") {
  Engine engine(settings);
  feed_session(engine);
  SimReply fill;
  fill.client_order_id = engine.outputs().trading.orders[0].client_order_id;
  fill.ts_venue_ns = 1500;
  fill.trade_id = 1;
  fill.price_ticks = 1010;
  fill.size_units = 5;
  fill.fee_quote_units = 1;
  fill.cumulative_units = 5;
  fill.kind = static_cast<std::uint8_t>(SimReplyKind::fill);

  engine.frame(5, 1, 1500, encode(fill));

  REQUIRE(engine.outputs().trading.fills.size() == 1);
  CHECK(engine.trader()->position(0).units == SizeUnits{5});
}

TEST_CASE("a forecast that is not a number is refused with its text") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  std::vector<float> values = forecast_of(1.0F);
  values[25] = std::numeric_limits<float>::quiet_NaN();

  engine.forecast(2, 1110, 1100, 1, values, 2);

  REQUIRE(engine.outputs().market.rejects.size() == 1);
  CHECK(engine.outputs().arena.find("forecast refused") != std::string::npos);
  CHECK(engine.outputs().trading.decisions.empty());
}

TEST_CASE("after a halt no order leaves, and a command without a known op is refused") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.command(2, 1060, bytes_of("{\"op\":\"halt\",\"reason\":\"test\"}"));
  engine.command(3, 1070, bytes_of("{\"op\":\"dance\"}"));
  engine.forecast(4, 1110, 1100, 1, forecast_of(50.0F), 2);

  CHECK(engine.outputs().trading.orders.empty());
  CHECK(engine.trader()->state() == TradingState::halted);
  CHECK(engine.outputs().market.rejects.size() == 1);
}

TEST_CASE("an engine restored from a checkpoint goes on with the same bytes") {
  Engine whole(settings);
  feed_session(whole);
  whole.outputs().clear();
  Engine resumed(settings);
  REQUIRE(resumed.restore(whole.checkpoint()));
  for (Engine* engine : {&whole, &resumed}) {
    engine->frame(5, 0, 1550, bytes_of(book_frame(false, 12, 99, 101)));
    engine->forecast(6, 1610, 1600, 1, forecast_of(-50.0F), 2);
    engine->timer(7, 1900);
  }

  CHECK(whole.checkpoint() == resumed.checkpoint());
  REQUIRE(whole.outputs().grid.size() == resumed.outputs().grid.size());
  const std::size_t bytes = whole.outputs().grid.size() * sizeof(GridRecord);
  CHECK(std::memcmp(whole.outputs().grid.data(), resumed.outputs().grid.data(), bytes) == 0);
}

TEST_CASE("a block of records equals the same inputs one by one") {
  Engine one_by_one(settings);
  feed_session(one_by_one);
  std::vector<std::byte> block;
  const auto append = [&block](RecordKind kind, std::uint64_t seq, TsNs ts_ns, Bytes payload) {
    append_record({0, static_cast<std::uint8_t>(kind), record_version, 0, seq, ts_ns}, payload, block);
  };
  const std::string first = book_frame(true, 10, 100, 101);
  const std::string second = book_frame(false, 11, 100, 101);
  const ForecastPrefix prefix{1100, 1, 2};
  const std::vector<float> values = forecast_of(50.0F);
  std::vector<std::byte> forecast(sizeof prefix + values.size() * sizeof(float));
  std::memcpy(forecast.data(), &prefix, sizeof prefix);
  std::memcpy(forecast.data() + sizeof prefix, values.data(), values.size() * sizeof(float));
  append(RecordKind::frame, 1, 1050, bytes_of(first));
  append(RecordKind::frame, 2, 1150, bytes_of(second));
  append(RecordKind::forecast, 3, 1160, forecast);
  append(RecordKind::timer, 4, 1450, {});

  Engine from_block(settings);
  const BlockResult result = from_block.process(block);

  CHECK(result.records == 4);
  CHECK(from_block.checkpoint() == one_by_one.checkpoint());
  CHECK(from_block.outputs().count() == one_by_one.outputs().count());
}

TEST_CASE("periodic snapshots hold the whole book at the boundary") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.timer(2, 1501);

  REQUIRE(engine.outputs().book_snapshots.size() == 12);
  CHECK(engine.outputs().book_snapshots.front().ts_recv_ns == 1500);
  CHECK(engine.outputs().book_snapshots.front().price_ticks == 1000);
}

TEST_CASE("a wrong setting is refused by the name of its key") {
  const auto message = [](std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    try {
      const Engine engine(text);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  CHECK(message(settings, "\"step_ns\": 100", "\"step_ns\": 0").find("grid.step_ns") != std::string::npos);
  CHECK(
      message(settings, "\"bybit_spot\", \"symbol\"", "\"mars\", \"symbol\"").find("instruments[0].venue") !=
      std::string::npos);
  CHECK(message(settings, "[\"0.05\", \"0\"]", "[\"0.055\", \"0\"]").find("signal.order_size[0]") !=
        std::string::npos);
  CHECK(message(settings, "\"max_exposure_quote\": \"100000\",", "").find("risk.max_exposure_quote") !=
        std::string::npos);
}
