#include "lob/engine.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "engine_fixture.hpp"
#include "lob/sim_reply.hpp"

using namespace lob;
using namespace lob::engine_test;

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

TEST_CASE("a periodic snapshot holds the whole book of all that came up to its boundary, once") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.frame(2, 0, 1500, bytes_of(book_frame(true, 11, 102, 103)));
  CHECK(engine.outputs().book_snapshots.empty());
  engine.frame(3, 0, 1501, bytes_of(book_frame(true, 12, 104, 105)));
  engine.timer(4, 1502);

  REQUIRE(engine.outputs().book_snapshots.size() == 12);
  CHECK(engine.outputs().book_snapshots.front().ts_recv_ns == 1500);
  CHECK(engine.outputs().book_snapshots.front().seq == 3);
  CHECK(engine.outputs().book_snapshots.front().price_ticks == 1020);
  CHECK(engine.outputs().book_snapshots.front().update_id == 11);
  CHECK(engine.outputs().book_snapshots.back().level == 5);
  CHECK(engine.outputs().book_snapshots.back().side == 1);
}

TEST_CASE("after a hole only the newest snapshot boundary is written") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.timer(2, 9001);

  REQUIRE(engine.outputs().book_snapshots.size() == 12);
  CHECK(engine.outputs().book_snapshots.front().ts_recv_ns == 9000);
}

TEST_CASE("an unsynced book gives no periodic snapshot") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.frame(2, 0, 1060, bytes_of(book_frame(false, 20, 100, 101)));
  engine.timer(3, 1501);
  CHECK(engine.outputs().book_snapshots.empty());
}

TEST_CASE(
    "steps are counted where rows are not emitted, where no slot has an instrument, and not in a jump") {
  Engine silent(with(settings, "\"grid\": true", "\"grid\": false"));
  feed_session(silent);
  CHECK(silent.outputs().grid.empty());
  CHECK(silent.steps_closed() == 4);

  const std::string no_trader = with(settings, "\"signal\"", "\"unused\"");
  Engine masked(with(with(no_trader, "\"risk\"", "\"unread\""), "[0, null]", "[null, null]"));
  masked.timer(1, 1050);
  masked.timer(2, 1301);
  CHECK(masked.steps_closed() == 3);

  masked.timer(3, 2301);
  CHECK(masked.steps_closed() == 13);
  masked.timer(4, 3401);
  CHECK(masked.steps_closed() == 13);
  masked.timer(5, 3501);
  CHECK(masked.steps_closed() == 14);
}

TEST_CASE("an open position is marked once a closed step, before the input that closed it") {
  Engine engine(settings);
  feed_session(engine);
  SimReply fill;
  fill.client_order_id = engine.outputs().trading.orders.at(0).client_order_id;
  fill.trade_id = 1;
  fill.price_ticks = 1010;
  fill.size_units = 5;
  fill.cumulative_units = 5;
  fill.kind = static_cast<std::uint8_t>(SimReplyKind::fill);
  engine.frame(5, 1, 1450, encode(fill));
  engine.outputs().clear();

  engine.frame(6, 0, 1650, bytes_of(book_frame(true, 12, 200, 201)));

  REQUIRE(engine.outputs().trading.positions.size() == 2);
  for (const PositionRecord& row : engine.outputs().trading.positions) {
    CHECK(row.seq == 6);
    CHECK(row.ts_ns == 1650);
    CHECK(row.unrealised_quote_units == 5 * 1005 - 5 * 1010);
  }
}

TEST_CASE("a forecast meets the books after the steps before it closed, and names no step to come") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.forecast(2, 1201, 1200, 1, forecast_of(50.0F), 2);
  CHECK(engine.outputs().grid.size() == 2);
  CHECK(engine.outputs().trading.orders.size() == 1);

  engine.forecast(3, 1210, 1211, 1, forecast_of(-50.0F), 2);
  CHECK(engine.outputs().trading.decisions.size() == 1);
  REQUIRE(engine.outputs().market.rejects.size() == 1);
  CHECK(engine.outputs().arena.ends_with("of step 1211, which is not closed yet"));
}

TEST_CASE("flattening closes at the next step and halts when nothing is open") {
  Engine engine(settings);
  feed_session(engine);
  SimReply fill;
  fill.client_order_id = engine.outputs().trading.orders.at(0).client_order_id;
  fill.trade_id = 1;
  fill.price_ticks = 1010;
  fill.size_units = 5;
  fill.cumulative_units = 5;
  fill.kind = static_cast<std::uint8_t>(SimReplyKind::fill);
  engine.frame(5, 1, 1460, encode(fill));
  engine.command(6, 1470, bytes_of(R"({"op":"flatten","reason":"test"})"));
  CHECK(engine.outputs().trading.orders.size() == 1);

  engine.timer(7, 1501);

  REQUIRE(engine.outputs().trading.orders.size() == 2);
  const OrderRequestRecord& closing = engine.outputs().trading.orders[1];
  CHECK(closing.seq == 7);
  CHECK(closing.side == 1);
  fill.client_order_id = closing.client_order_id;
  fill.trade_id = 2;
  fill.side = 1;
  engine.frame(8, 1, 1550, encode(fill));
  engine.timer(9, 1601);
  CHECK(engine.trader()->state() == TradingState::halted);
}

TEST_CASE("no row compares a book with one that it does not continue: the step of the break is invalid") {
  for (const int update_id : {1, 40}) {  // a service restart, and a snapshot that jumps ahead
    Engine engine(settings);
    engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
    engine.frame(2, 0, 1150, bytes_of(book_frame(true, update_id, 200, 201)));
    engine.timer(3, 1301);

    CHECK(engine.outputs().market.gaps.size() == 2);
    const std::vector<GridRecord>& rows = engine.outputs().grid;
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].is_valid == 1);
    CHECK(rows[1].is_valid == 0);
    CHECK(rows[2].is_valid == 1);
    CHECK(rows[2].is_first == 1);
  }
}

TEST_CASE("a forecast is priced on the book of its own moment, not on that of its step") {
  Engine engine(settings);
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.timer(2, 1101);
  engine.frame(3, 0, 1150, bytes_of(book_frame(true, 11, 102, 103)));
  engine.forecast(4, 1160, 1100, 1, forecast_of(50.0F), 2);

  REQUIRE(engine.outputs().trading.orders.size() == 1);
  CHECK(engine.outputs().trading.orders[0].price_ticks == 1030);
}

TEST_CASE("a forecast on a book that is stale or lost trades nothing and says why") {
  for (const bool is_lost : {false, true}) {
    Engine engine(settings);
    engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
    if (is_lost) engine.frame(2, 0, 1500, bytes_of(book_frame(false, 20, 100, 101)));
    engine.forecast(3, is_lost ? 1501 : 2051, 1500, 1, forecast_of(50.0F), 2);

    CHECK(engine.outputs().trading.orders.empty());
    REQUIRE(engine.outputs().trading.decisions.size() == 1);
    CHECK(engine.outputs().trading.decisions[0].rule == static_cast<std::uint8_t>(RiskRule::invalid_book));
  }
}

TEST_CASE("steps that close late are marked on the book as old as it was at the step, not at the input") {
  Engine engine(settings);
  feed_session(engine);
  SimReply fill;
  fill.client_order_id = engine.outputs().trading.orders.at(0).client_order_id;
  fill.trade_id = 1;
  fill.price_ticks = 1010;
  fill.size_units = 5;
  fill.cumulative_units = 5;
  fill.kind = static_cast<std::uint8_t>(SimReplyKind::fill);
  engine.frame(5, 1, 1450, encode(fill));
  engine.frame(6, 0, 1450, bytes_of(book_frame(true, 12, 200, 201)));
  engine.outputs().clear();

  engine.timer(7, 2451);  // by now the book is stale, at the steps until 2400 it was not

  REQUIRE(engine.outputs().trading.positions.size() == 10);
  CHECK(engine.outputs().trading.positions.front().unrealised_quote_units == 5 * 2005 - 5 * 1010);
}
