// What the engine refuses, and that a refused input does nothing but move time.
#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "engine_fixture.hpp"
#include "lob/sim_reply.hpp"

using namespace lob;
using namespace lob::engine_test;

namespace {

using Input = std::function<void(Engine&, TsNs)>;

std::uint32_t code(InputError error) {
  return input_error_code_first + static_cast<std::uint32_t>(error);
}

/// Feeds `input` after a session and compares with an engine that heard a timer instead.
void check_only_moves_time(const Input& input, InputError error) {
  for (const TsNs ts_ns : {1450, 1460, 1650}) {
    Engine refused(settings);
    Engine timed(settings);
    for (Engine* engine : {&refused, &timed}) {
      feed_session(*engine);
      engine->outputs().clear();
    }
    input(refused, ts_ns);
    timed.timer(5, ts_ns);

    REQUIRE(refused.outputs().market.rejects.size() == 1);
    CHECK(refused.outputs().market.rejects[0].code == code(error));
    CHECK(refused.outputs().market.rejects[0].text_length == refused.outputs().arena.size());
    CHECK(refused.outputs().count() == timed.outputs().count() + 1);
    CHECK(refused.checkpoint() == timed.checkpoint());
  }
}

void feed_record(Engine& engine, RecordKind kind, TsNs ts_ns, Bytes payload) {
  std::vector<std::byte> block;
  append_record({0, static_cast<std::uint8_t>(kind), record_version, 0, 5, ts_ns}, payload, block);
  CHECK(engine.process(block).error == RecordError::none);
}

}  // namespace

TEST_CASE("a refused input does what a timer does and nothing else") {
  check_only_moves_time([](Engine& e, TsNs t) { e.frame(5, 9, t, bytes_of("{}")); },
                        InputError::unknown_connection);
  check_only_moves_time([](Engine& e, TsNs t) { e.forecast(5, t, 1400, 1, forecast_of(1.0F), 3); },
                        InputError::bad_forecast);
  check_only_moves_time([](Engine& e, TsNs t) { e.forecast(5, t, t + 1, 1, forecast_of(1.0F), 2); },
                        InputError::bad_forecast);
  check_only_moves_time(
      [](Engine& e, TsNs t) { e.forecast(5, t, std::numeric_limits<TsNs>::min(), 1, forecast_of(1.0F), 2); },
      InputError::bad_forecast);
  check_only_moves_time(
      [](Engine& e, TsNs t) {
        e.forecast(5, t, 1400, 1, forecast_of(std::numeric_limits<float>::infinity()), 2);
      },
      InputError::bad_forecast);
  for (const char* command : {"", "{", "[]", R"({"op":"dance"})", R"({"op":7})", R"({"op":"resume"})"}) {
    check_only_moves_time([=](Engine& e, TsNs t) { e.command(5, t, bytes_of(command)); },
                          InputError::bad_command);
  }
  check_only_moves_time([](Engine& e, TsNs t) { e.frame(5, 1, t, bytes_of("short")); },
                        InputError::bad_reply);
  check_only_moves_time([](Engine& e, TsNs t) { e.frame(5, 1, t, encode(SimReply{})); },
                        InputError::bad_reply);
}

TEST_CASE("a forecast record of the wrong length is refused, whole floats or not") {
  const std::vector<std::byte> payload(sizeof(ForecastPrefix) + 2 * 2 * forecast_width * sizeof(float) + 2);
  for (const std::size_t length : {std::size_t{0}, sizeof(ForecastPrefix) - 1, payload.size()}) {
    check_only_moves_time(
        [&](Engine& e, TsNs t) { feed_record(e, RecordKind::forecast, t, Bytes(payload).first(length)); },
        InputError::bad_record);
  }
}

TEST_CASE("a time that goes back, is before 1970 or beyond 2099 is refused and changes nothing") {
  Engine engine(settings);
  feed_session(engine);
  const std::string before = engine.checkpoint();
  engine.outputs().clear();

  for (const TsNs ts_ns : {TsNs{1449}, TsNs{-1}, std::numeric_limits<TsNs>::min()}) {
    engine.frame(5, 0, ts_ns, bytes_of(book_frame(false, 12, 100, 101)));
    engine.timer(6, ts_ns);
    engine.forecast(7, ts_ns, 1400, 1, forecast_of(1.0F), 2);
    engine.command(8, ts_ns, bytes_of(R"({"op":"halt","reason":"x"})"));
    feed_record(engine, RecordKind::forecast, ts_ns, {});
  }
  CHECK(engine.outputs().market.rejects.size() == 15);
  for (const RejectRecord& reject : engine.outputs().market.rejects) {
    CHECK(reject.code == code(InputError::time_goes_back));
  }
  engine.timer(9, ts_max_ns + 1);
  engine.timer(10, std::numeric_limits<TsNs>::max());
  CHECK(engine.outputs().market.rejects.back().code == code(InputError::time_too_late));

  CHECK(engine.outputs().count() == 17);
  CHECK(engine.checkpoint() == before);
  engine.timer(11, ts_max_ns);
  CHECK(engine.outputs().market.rejects.size() == 17);
}

TEST_CASE("a connection id that no source names is refused though a higher one is named") {
  Engine engine(with(settings, R"({"id": 1,)", R"({"id": 3,)"));
  engine.frame(1, 2, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  REQUIRE(engine.outputs().market.rejects.size() == 1);
  CHECK(engine.outputs().market.rejects[0].code == code(InputError::unknown_connection));
}

TEST_CASE("forecasts, commands and replies to an engine without trader are refused") {
  Engine engine(with(with(settings, "\"signal\"", "\"unused\""), "\"risk\"", "\"unread\""));
  engine.forecast(1, 1050, 1000, 1, forecast_of(1.0F), 2);
  engine.command(2, 1060, bytes_of(R"({"op":"halt","reason":"x"})"));
  engine.frame(3, 1, 1070, encode(SimReply{}));
  REQUIRE(engine.outputs().market.rejects.size() == 3);
  for (const RejectRecord& reject : engine.outputs().market.rejects) {
    CHECK(reject.code == code(InputError::no_trader));
  }
}

TEST_CASE("a damaged block is taken up to its damage, and the damage is placed") {
  std::vector<std::byte> block;
  append_record({0, static_cast<std::uint8_t>(RecordKind::timer), record_version, 0, 1, 1050}, {}, block);
  const std::size_t first = block.size();
  append_record({0, static_cast<std::uint8_t>(RecordKind::timer), record_version, 0, 2, 1250}, {}, block);
  block[first + 9] ^= std::byte{1};

  Engine engine(settings);
  const BlockResult result = engine.process(block);

  CHECK(result.records == 1);
  CHECK(result.offset == first);
  CHECK(result.error == RecordError::bad_crc);
  CHECK(engine.steps_closed() == 0);
}
