// A restored engine goes on exactly, other tables and sources included, and only from bytes that are its own.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "engine_fixture.hpp"

using namespace lob;
using namespace lob::engine_test;

namespace {

constexpr const char* other_instrument =
    R"({"id": 0, "venue": "bybit_spot", "symbol": "NEW", "market_type": "spot",
  "tick": "0.5", "size_unit": "0.1", "lot": "0.1", "maker_fee_bps": "0", "taker_fee_bps": "1.0"}, {"id": 1,)";

/// NEW stands first, so that every id of the table is another one; its source follows the others.
std::string with_added_instrument() {
  const std::string table = with(settings, R"({"id": 0,)", other_instrument);
  return with(table, "[0, null]", "[1, null]");
}

/// The same, heard through other connections: socket 5, replies 2.
std::string with_other_sources() {
  return with(with(settings, R"({"id": 0, "venue": "bybit_spot", "instrument": null)",
                   R"({"id": 5, "venue": "bybit_spot", "instrument": null)"),
              R"({"id": 1, "venue": "bybit_spot", "instrument": "ABC")",
              R"({"id": 2, "venue": "bybit_spot", "instrument": "ABC")");
}

void go_on(Engine& engine, ConnectionId socket) {
  engine.outputs().clear();
  engine.frame(5, socket, 1550, bytes_of(book_frame(false, 12, 99, 101)));
  engine.forecast(6, 1610, 1600, 1, forecast_of(-50.0F), 2);
  engine.frame(7, socket, 1620, bytes_of(book_frame(false, 20, 99, 101)));  // a gap
  engine.timer(8, 1900);
  engine.frame(9, socket, 2000, bytes_of(book_frame(true, 30, 98, 99)));
  engine.timer(10, 2301);
}

template <class Row>
bool equal(const std::vector<Row>& a, const std::vector<Row>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Row)) == 0);
}

void check_same_outputs(EngineOutputs& a, EngineOutputs& b) {
  CHECK(equal(a.grid, b.grid));
  CHECK(equal(a.market.book_updates, b.market.book_updates));
  CHECK(equal(a.market.feed_events, b.market.feed_events));
  CHECK(equal(a.market.gaps, b.market.gaps));
  CHECK(equal(a.market.requests, b.market.requests));
  CHECK(equal(a.book_snapshots, b.book_snapshots));
  CHECK(equal(a.trading.decisions, b.trading.decisions));
  CHECK(equal(a.trading.orders, b.trading.orders));
  CHECK(equal(a.trading.order_events, b.trading.order_events));
  CHECK(equal(a.trading.state_events, b.trading.state_events));
  CHECK(a.market.rejects.empty());
  CHECK(b.market.rejects.empty());
  CHECK(a.arena == b.arena);
}

std::string session_checkpoint() {
  Engine engine(settings);
  feed_session(engine);
  return engine.checkpoint();
}

bool takes(const std::string& document, std::string_view checkpoint) {
  Engine engine(document);
  return engine.restore(checkpoint);
}

}  // namespace

TEST_CASE("an engine restored from a checkpoint goes on with the same bytes") {
  Engine whole(settings);
  feed_session(whole);
  Engine resumed(settings);
  REQUIRE(resumed.restore(whole.checkpoint()));
  CHECK(resumed.checkpoint() == whole.checkpoint());
  go_on(whole, 0);
  go_on(resumed, 0);

  CHECK(whole.outputs().grid.size() == 9);
  CHECK(whole.outputs().market.gaps.size() == 2);
  CHECK_FALSE(whole.outputs().book_snapshots.empty());
  check_same_outputs(whole.outputs(), resumed.outputs());
  CHECK(whole.checkpoint() == resumed.checkpoint());
}

TEST_CASE("a restored engine goes on exactly through other connections") {
  Engine whole(settings);
  feed_session(whole);
  Engine resumed(with_other_sources());
  REQUIRE(resumed.restore(whole.checkpoint()));
  go_on(whole, 0);
  go_on(resumed, 5);

  check_same_outputs(whole.outputs(), resumed.outputs());
  CHECK(whole.checkpoint() == resumed.checkpoint());
}

TEST_CASE("an instrument added to the table starts unsynced and leaves the others as they were") {
  Engine whole(settings);
  feed_session(whole);
  Engine resumed(with_added_instrument());
  REQUIRE(resumed.restore(whole.checkpoint()));
  CHECK(resumed.market().state(0) == FeedState::unsynced);
  CHECK(resumed.market().state(1) == FeedState::synced);
  CHECK(resumed.market().last_update_id(1) == 11);
  go_on(whole, 0);
  go_on(resumed, 0);

  REQUIRE(whole.outputs().grid.size() == resumed.outputs().grid.size());
  for (std::size_t i = 0; i < whole.outputs().grid.size(); ++i) {
    GridRecord row = resumed.outputs().grid[i];
    CHECK(row.instrument == 1);
    row.instrument = 0;
    CHECK(std::memcmp(&row, &whole.outputs().grid[i], sizeof row) == 0);
  }
  CHECK(resumed.outputs().trading.orders.size() == whole.outputs().trading.orders.size());
}

TEST_CASE("a checkpoint of an instrument that the table lacks, or counts otherwise, is refused") {
  Engine two(with_added_instrument());
  feed_session(two);
  CHECK_FALSE(takes(settings, two.checkpoint()));
  CHECK(takes(with_added_instrument(), two.checkpoint()));

  const std::string checkpoint = session_checkpoint();
  CHECK(takes(settings, checkpoint));
  CHECK_FALSE(takes(with(settings, R"("tick": "0.1")", R"("tick": "0.2")"), checkpoint));
  CHECK_FALSE(takes(with(settings, R"("size_unit": "0.01")", R"("size_unit": "0.001")"), checkpoint));
}

TEST_CASE("a checkpoint under another grid or trader is refused") {
  const std::string checkpoint = session_checkpoint();
  const std::string no_trader = with(with(settings, "\"signal\"", "\"unused\""), "\"risk\"", "\"unread\"");
  CHECK_FALSE(takes(no_trader, checkpoint));
  CHECK_FALSE(takes(with(no_trader, "\"grid\": {", "\"unsampled\": {"), checkpoint));
  CHECK_FALSE(takes(with(settings, R"("step_ns": 100)", R"("step_ns": 200)"), checkpoint));
  CHECK_FALSE(takes(with(settings, R"("window_steps": 4)", R"("window_steps": 5)"), checkpoint));
  CHECK_FALSE(takes(with(settings, R"("run_tag": 7)", R"("run_tag": 8)"), checkpoint));
}

TEST_CASE("a slot that another instrument now holds refuses the checkpoint") {
  const std::string same_units =
      with(with(with(with_added_instrument(), R"("tick": "0.5")", R"("tick": "0.1")"),
                R"("size_unit": "0.1")", R"("size_unit": "0.01")"),
           R"("lot": "0.1")", R"("lot": "0.01")");
  CHECK(takes(same_units, session_checkpoint()));
  CHECK_FALSE(takes(with(same_units, "[1, null]", "[0, null]"), session_checkpoint()));
}

TEST_CASE("a checkpoint with any byte changed, cut off or added is refused") {
  const std::string checkpoint = session_checkpoint();
  for (std::size_t at = 0; at < checkpoint.size(); at += 7) {
    std::string damaged = checkpoint;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK_FALSE(takes(settings, damaged));
    CHECK_FALSE(takes(settings, std::string_view(checkpoint).substr(0, at)));
  }
  CHECK_FALSE(takes(settings, checkpoint + "x"));
}
