#include "lob/backtest.hpp"

#include <doctest/doctest.h>

#include "session_fixture.hpp"

using namespace lob;
using namespace lob::session_test;

namespace {

std::string traded(const TradingOutputs& out) {
  return test::bytes_of(out);
}

/// A backtest of `lanes` over the whole journal.
struct Heard {
  Backtest backtest;

  Heard(const std::vector<std::byte>& journal, const std::vector<std::string>& lanes)
      : backtest(engine_test::settings, lanes) {
    const BlockResult result = backtest.process(journal);
    REQUIRE(result.error == RecordError::none);
  }
  std::string traded(std::size_t lane) { return ::traded(backtest.lane(lane).outputs().trading); }
};

}  // namespace

TEST_CASE("a journal heard by a backtest gives the live session's trading byte for byte") {
  for (const TsNs latency_ns : {0, 7, 60, 350}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      CAPTURE(latency_ns);
      CAPTURE(seed);
      const std::string settings = settings_with_latency(latency_ns);
      LiveSession session(settings);
      run_market(session, seed, 2'000);
      Heard heard(session.journal, {lane_of(settings)});

      const TradingOutputs& live = session.engine.outputs().trading;
      const TradingOutputs& again = heard.backtest.lane(0).outputs().trading;
      REQUIRE(live.fills.size() > 10);
      CHECK(test::bytes_of(live.order_events) == test::bytes_of(again.order_events));
      CHECK(test::bytes_of(live.fills) == test::bytes_of(again.fills));
      CHECK(test::bytes_of(live.positions) == test::bytes_of(again.positions));
      CHECK(test::bytes_of(live.decisions) == test::bytes_of(again.decisions));
      CHECK(test::bytes_of(live.orders) == test::bytes_of(again.orders));
      CHECK(live.state_events.size() == again.state_events.size());
      CHECK(heard.backtest.summary()[0].steps == session.engine.steps_closed());
    }
  }
}

TEST_CASE("equal lanes give equal results and a lane's settings do not reach another") {
  const std::string settings = settings_with_latency(60);
  LiveSession session(settings);
  run_market(session, 9, 3'000);
  const std::string usual = lane_of(settings);
  const std::string dear = engine_test::with(usual, "\"cost_multiple\": 0.0", "\"cost_multiple\": 1.5");
  const std::string slow = engine_test::with(usual, "\"order_latency_ns\": 60", "\"order_latency_ns\": 700");

  Heard alone(session.journal, {usual});
  Heard dear_alone(session.journal, {dear});
  Heard slow_alone(session.journal, {slow});
  Heard together(session.journal, {usual, dear, usual, slow});

  CHECK(together.traded(0) == alone.traded(0));
  CHECK(together.traded(2) == alone.traded(0));
  CHECK(together.traded(1) == dear_alone.traded(0));
  CHECK(together.traded(3) == slow_alone.traded(0));
  CHECK(alone.traded(0) != slow_alone.traded(0));
  CHECK(alone.traded(0) != dear_alone.traded(0));
}

TEST_CASE("results do not depend on how the records are cut into blocks, nor on whether records are kept") {
  const std::string settings = settings_with_latency(60);
  LiveSession session(settings);
  run_market(session, 5, 1'500);
  Heard whole(session.journal, {lane_of(settings)});

  Backtest cut(engine_test::settings,
               std::vector<std::string>{lane_of(settings, R"(, "record": "summary")")});
  RecordReader reader(session.journal);
  for (std::size_t begin = 0; reader.next(); begin = reader.offset())
    cut.process(Bytes(session.journal).subspan(begin, reader.offset() - begin));

  const LaneSummary a = whole.backtest.summary()[0];
  const LaneSummary b = cut.summary()[0];
  CHECK(std::memcmp(&a, &b, sizeof a) == 0);
  CHECK(a.fills > 0);
  CHECK(cut.lane(0).outputs().trading.fills.empty());
}

TEST_CASE("queued forecasts and the clock's own timers give what a journal with both gives") {
  const std::string settings = settings_with_latency(60);
  LiveSession session(settings);
  std::vector<std::byte> frames;
  ForecastBatch batch;
  batch.horizon_steps = 2;
  test::Dice dice(3);
  TsNs ts_step_ns = 1'100;
  session.frame(1'050, engine_test::book_frame(true, 10, 100, 101));
  append(frames, RecordKind::frame, market_source, 1, 1'050,
         text_bytes(engine_test::book_frame(true, 10, 100, 101)));
  for (int step = 0; step < 300; ++step, ts_step_ns += 100) {
    session.timer(ts_step_ns + 1);
    const float mid_bps = static_cast<float>(dice.roll(-300, 300));
    session.forecast(ts_step_ns + 20, ts_step_ns, mid_bps);
    batch.ts_ns.push_back(ts_step_ns + 20);
    batch.ts_step_ns.push_back(ts_step_ns);
    batch.model_id.push_back(1);
    const std::vector<float> values = engine_test::forecast_of(mid_bps);
    batch.values.insert(batch.values.end(), values.begin(), values.end());
    const std::string text = engine_test::book_frame(true, 11 + step, 100 + step % 3, 101 + step % 3);
    session.frame(ts_step_ns + 70, text);
    append(frames, RecordKind::frame, market_source, 2, ts_step_ns + 70, text_bytes(text));
  }
  Backtest backtest(engine_test::settings,
                    std::vector<std::string>{lane_of(settings, R"(, "timers": true)")});
  backtest.forecasts(std::move(batch));
  backtest.process(frames);

  const std::vector<FillRecord>& live = session.engine.outputs().trading.fills;
  const std::vector<FillRecord>& again = backtest.lane(0).outputs().trading.fills;
  REQUIRE(live.size() == again.size());
  CHECK(live.size() > 40);
  for (std::size_t i = 0; i < live.size(); ++i) {
    CHECK(live[i].ts_ns == again[i].ts_ns);
    CHECK(live[i].price_ticks == again[i].price_ticks);
  }
}

TEST_CASE("wrong lanes and forecasts are refused by name") {
  const std::string lane = lane_of(engine_test::settings);
  const auto make = [](const std::vector<std::string>& lanes) {
    Backtest backtest(engine_test::settings, lanes);
  };
  CHECK_THROWS_WITH(make({}), "lanes: expected at least one, found none");
  CHECK_THROWS_WITH(make({lane, "{\"run_tag\": 3}"}), doctest::Contains("lane 1: engine settings: signal"));
  CHECK_THROWS_WITH(make({lane, lane_of(engine_test::settings, R"(, "timers": true)")}),
                    doctest::Contains("lane 1: timers: expected the same as in lane 0"));
  CHECK_THROWS_WITH(make({lane_of(engine_test::settings, R"(, "record": "none")")}),
                    doctest::Contains("record: expected all or summary"));

  Backtest backtest(engine_test::settings, std::vector<std::string>{lane});
  ForecastBatch batch{
      .ts_ns = {20, 10}, .ts_step_ns = {0, 0}, .model_id = {1, 1}, .values = {}, .horizon_steps = 0};
  CHECK_THROWS_WITH(backtest.forecasts(batch), "forecasts: expected times ascending from 20, found 10");
  batch.horizon_steps = 1;
  CHECK_THROWS_WITH(backtest.forecasts(batch), doctest::Contains("found sizes that do not fit"));
}
