#include "lob/market.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "market_fixture.hpp"

using namespace lob;
using namespace lob::testing;

TEST_CASE("the first frame of a stream asks for one snapshot and shows no book") {
  Fixture fixture(Venue::binance_spot);

  fixture.send(socket, spot_update(1, 5, bids_100));
  fixture.send(socket, spot_update(6, 9, bids_100));

  CHECK(fixture.state() == FeedState::buffering);
  CHECK(fixture.out.requests.size() == 1);
  CHECK(fixture.out.book_updates.empty());
  CHECK(fixture.heard.told.empty());
  CHECK(fixture.market.ts_last_update_ns(0) == 0);
}

TEST_CASE("updates older than the snapshot are dropped and the bridging one is applied") {
  SyncedSpot fixture;

  CHECK(fixture.best(Side::bid) == 1001);
  CHECK(fixture.market.book(0).size_at(Side::bid, PriceTicks{990}).value == 3000);
  CHECK(fixture.market.last_update_id(0) == 105);
  CHECK(fixture.out.requests.size() == 1);
  CHECK(fixture.out.gaps.empty());
}

TEST_CASE("frames that waited are told one after another, with their own receive times") {
  Fixture fixture(Venue::binance_usdm);
  fixture.send(socket, usdm_update(90, 95, 89, R"([["100.1","1"]])"));
  fixture.send(socket, usdm_update(97, 110, 95, R"([["100.2","1"]])"));
  fixture.send(socket, usdm_update(115, 120, 110, R"([["100.3","1"]])"));

  fixture.send(reply, snapshot(100, bids_100, asks_101));

  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.heard.told ==
        std::vector<std::string>{"book 4 bid 1000", "book 2 bid 1002", "book 3 bid 1003"});
  CHECK(fixture.out.book_updates.size() == 8);
  CHECK(fixture.out.book_updates.front().is_snapshot == 1);
  CHECK(fixture.out.book_updates.back().is_snapshot == 0);
  CHECK(fixture.out.book_updates.back().ts_engine_ns == 999 * ms);
}

TEST_CASE("a snapshot older than the frames that wait is asked for again, and the frames are kept") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, spot_update(100, 105, bids_100));

  fixture.send(reply, snapshot(90, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::buffering);
  CHECK(fixture.out.requests.size() == 2);

  fixture.send(reply, snapshot(103, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.market.last_update_id(0) == 105);
  CHECK(fixture.out.requests.size() == 2);
}

TEST_CASE("a venue that only has old snapshots is asked a bounded number of times") {
  Fixture fixture(Venue::binance_spot, {.buffer_frames_max = 10000, .requests_max = 3});
  fixture.send(socket, spot_update(1000, 1005, bids_100));

  for (std::int64_t id = 1; id < 50; ++id) fixture.send(reply, snapshot(id, bids_100, asks_101));

  CHECK(fixture.out.requests.size() == 3);
  CHECK(fixture.market.counters().snapshots_unused == 49);
}

TEST_CASE("a snapshot newer than all that waits is held until a frame bridges it") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, spot_update(1, 5, bids_100));
  fixture.send(reply, snapshot(100, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::buffering);

  fixture.send(socket, spot_update(6, 50, bids_100));
  CHECK(fixture.state() == FeedState::buffering);
  fixture.send(socket, spot_update(51, 101, R"([["100.3","1"]])"));

  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.best(Side::bid) == 1003);
  CHECK(fixture.out.requests.size() == 1);
}

TEST_CASE("one missing frame gives one open ledger row, one request, and no book") {
  SyncedSpot fixture;
  fixture.heard.told.clear();

  fixture.send(socket, spot_update(107, 110, bids_100));
  fixture.send(socket, spot_update(111, 112, bids_100));

  CHECK(fixture.state() == FeedState::gap);
  CHECK_FALSE(fixture.market.book(0).best(Side::bid).has_value());
  CHECK(fixture.heard.told == std::vector<std::string>{"invalid"});
  REQUIRE(fixture.out.gaps.size() == 1);
  const GapRecord& gap = fixture.out.gaps[0];
  CHECK(gap.is_closed == 0);
  CHECK(gap.cause == static_cast<std::uint8_t>(GapCause::sequence_break));
  CHECK(gap.sequence_from == 105);
  CHECK(gap.sequence_to == 107);
  CHECK(gap.ts_from_ns == 3 * ms);
  CHECK(gap.gap_id == gap.seq);
  CHECK(fixture.out.requests.size() == 2);
}

TEST_CASE("a snapshot closes the ledger row and counts the levels that were in doubt") {
  SyncedSpot fixture;
  fixture.send(socket, spot_update(107, 110, R"([["100.0","9"]])"));

  fixture.send(reply, snapshot(108, bids_100, R"([["101.0","1"],["101.1","5"],["102.0","3"]])"));

  CHECK(fixture.state() == FeedState::synced);
  REQUIRE(fixture.out.gaps.size() == 2);
  const GapRecord& gap = fixture.out.gaps[1];
  CHECK(gap.is_closed == 1);
  CHECK(gap.gap_id == fixture.out.gaps[0].gap_id);
  CHECK(gap.ts_to_ns == 5 * ms);
  CHECK(gap.repaired_by == static_cast<std::uint8_t>(GapRepair::rest_snapshot));
  CHECK(gap.levels_touched == 3);  // bid 100.1 gone, bid 100.0 now 9, ask 101.1 now 5
}

TEST_CASE("a duplicate or older frame of a synced stream changes nothing") {
  SyncedSpot fixture;
  const std::size_t rows = fixture.out.book_updates.size();

  const MarketChange& change = fixture.send(socket, spot_update(100, 105, R"([["100.9","4"]])"));

  CHECK_FALSE(change.book_changed);
  CHECK(fixture.best(Side::bid) == 1001);
  CHECK(fixture.out.book_updates.size() == rows);
  CHECK(fixture.market.counters().depth_older == 1);
}

TEST_CASE("a newer REST snapshot of a synced stream replaces the book without a ledger row") {
  SyncedSpot fixture;

  fixture.send(reply, snapshot(120, R"([["90.0","1"]])", asks_101));
  CHECK(fixture.best(Side::bid) == 900);
  fixture.send(socket, spot_update(106, 119, R"([["95.0","1"]])"));  // older than the snapshot
  CHECK(fixture.best(Side::bid) == 900);
  fixture.send(socket, spot_update(120, 125, R"([["91.0","1"]])"));

  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.best(Side::bid) == 910);
  CHECK(fixture.out.gaps.empty());
  CHECK(fixture.out.requests.size() == 1);
}

TEST_CASE("an older REST snapshot of a synced stream is not used") {
  SyncedSpot fixture;
  fixture.send(reply, snapshot(104, R"([["90.0","1"]])", asks_101));
  CHECK(fixture.best(Side::bid) == 1001);
  CHECK(fixture.market.counters().snapshots_unused == 1);
}

TEST_CASE("a crossed book is a gap, and the stream goes on waiting for a snapshot") {
  SyncedSpot fixture;

  fixture.send(socket, spot_update(106, 107, R"([["101.0","1"]])"));
  CHECK(fixture.state() == FeedState::gap);
  CHECK(fixture.out.gaps.back().cause == static_cast<std::uint8_t>(GapCause::crossed_book));
  fixture.send(socket, spot_update(108, 109, R"([["100.5","1"]])"));
  fixture.send(reply, snapshot(107, bids_100, asks_101));

  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.best(Side::bid) == 1005);
  CHECK(fixture.out.gaps.size() == 2);
}

TEST_CASE("a snapshot that is itself crossed is no repair") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, spot_update(1, 5, "[]"));
  fixture.send(reply, snapshot(4, R"([["102.0","1"]])", R"([["101.0","1"]])"));
  CHECK(fixture.state() == FeedState::gap);
  CHECK(fixture.out.requests.size() == 2);

  fixture.send(reply, snapshot(5, bids_100, asks_101));
  fixture.send(socket, spot_update(6, 7, "[]"));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.out.gaps.back().is_closed == 1);
}

TEST_CASE("more waiting frames than the limit open a ledger row and begin anew") {
  Fixture fixture(Venue::binance_spot, {.buffer_frames_max = 3, .requests_max = 8});
  for (std::int64_t id = 1; id <= 10; ++id) fixture.send(socket, spot_update(id, id, bids_100));

  CHECK(fixture.state() == FeedState::gap);
  REQUIRE(fixture.out.gaps.size() == 1);
  CHECK(fixture.out.gaps[0].cause == static_cast<std::uint8_t>(GapCause::buffer_overflow));
  CHECK(fixture.out.gaps[0].ts_from_ns == 1 * ms);
  CHECK(fixture.out.requests.size() == 4);
}

TEST_CASE("a break among frames that wait begins the waiting anew without a second request") {
  Fixture fixture(Venue::binance_usdm);
  fixture.send(socket, usdm_update(1, 5, 0, bids_100));
  fixture.send(socket, usdm_update(20, 25, 15, R"([["100.5","1"]])"));
  CHECK(fixture.out.requests.size() == 1);

  fixture.send(reply, snapshot(22, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.best(Side::bid) == 1005);
}

TEST_CASE("the book knows where the snapshot ended") {
  SyncedSpot fixture;
  fixture.send(socket, spot_update(106, 106, R"([["20.0","5"]])"));
  CHECK(fixture.market.book(0).horizon(Side::bid)->value == 990);
  CHECK(fixture.market.book(0).horizon(Side::ask)->value == 1020);
  CHECK_FALSE(fixture.market.book(0).level(Side::bid, 4).has_value());
}

TEST_CASE("a market that walks to the end of what the snapshot told asks for a new one") {
  SyncedSpot fixture;
  fixture.send(socket, spot_update(106, 106, R"([["100.1","0"],["100.0","0"]])"));
  CHECK(fixture.out.requests.size() == 1);

  fixture.send(socket, spot_update(107, 107, R"([["99.9","0"]])"));  // 99.0, the snapshot's last bid, is left
  CHECK(fixture.out.requests.size() == 2);
  fixture.send(socket, spot_update(108, 108, R"([["99.0","0"],["98.0","1"]])"));
  CHECK(fixture.state() == FeedState::synced);
  CHECK_FALSE(fixture.market.book(0).best(Side::bid).has_value());
  CHECK(fixture.out.requests.size() == 2);

  fixture.send(reply, snapshot(109, R"([["98.0","1"]])", asks_101));
  CHECK(fixture.best(Side::bid) == 980);
}

TEST_CASE("a venue whose new snapshots reach no further is not asked for ever") {
  SyncedSpot fixture;
  fixture.send(socket, spot_update(106, 106, R"([["100.1","0"],["100.0","0"],["99.9","0"]])"));
  CHECK(fixture.out.requests.size() == 2);
  for (std::int64_t id = 107; id < 140; ++id) {
    fixture.send(reply, snapshot(100, bids_100, asks_101));
    fixture.send(socket, spot_update(id, id, R"([["99.0","5"]])"));
  }
  CHECK(fixture.out.requests.size() == 2);
}

TEST_CASE("a book is as old as its last message, a frame that waited makes it no older") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, spot_update(101, 105, bids_100));
  fixture.send(reply, snapshot(103, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.market.ts_last_update_ns(0) == 2 * ms);
}

TEST_CASE("Bybit's pushed snapshot syncs at once and a missing delta asks to subscribe anew") {
  Fixture fixture(Venue::bybit_spot);
  fixture.send(socket, bybit_book("snapshot", 50, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.out.requests.empty());
  fixture.send(socket, bybit_book("delta", 51, R"([["100.2","1"]])", "[]"));
  CHECK(fixture.best(Side::bid) == 1002);

  fixture.send(socket, bybit_book("delta", 53, "[]", "[]"));
  fixture.send(socket, bybit_book("delta", 54, "[]", "[]"));
  CHECK(fixture.state() == FeedState::gap);
  REQUIRE(fixture.out.requests.size() == 1);
  CHECK(fixture.out.requests[0].kind == 1);

  fixture.send(socket, bybit_book("snapshot", 60, bids_100, asks_101));
  CHECK(fixture.state() == FeedState::synced);
  REQUIRE(fixture.out.gaps.size() == 2);
  CHECK(fixture.out.gaps[1].repaired_by == static_cast<std::uint8_t>(GapRepair::pushed_snapshot));
}

TEST_CASE("Bybit's service restart is ledgered and the book replaced") {
  Fixture fixture(Venue::bybit_spot);
  fixture.send(socket, bybit_book("snapshot", 50, bids_100, asks_101));
  fixture.send(socket, bybit_book("snapshot", 1, R"([["90.0","1"]])", asks_101));

  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.best(Side::bid) == 900);
  REQUIRE(fixture.out.gaps.size() == 2);
  CHECK(fixture.out.gaps[0].cause == static_cast<std::uint8_t>(GapCause::server_restart));
  CHECK(fixture.heard.told == std::vector<std::string>{"book 1 bid 1000", "invalid", "book 2 bid 900"});
  fixture.send(socket, bybit_book("delta", 2, R"([["91.0","1"]])", "[]"));
  CHECK(fixture.best(Side::bid) == 910);
}

TEST_CASE("Bybit's service restart whose snapshot is lost opens a gap, a late delta does not") {
  Fixture fixture(Venue::bybit_spot);
  fixture.send(socket, bybit_book("snapshot", 50, bids_100, asks_101, 700));
  fixture.send(socket, bybit_book("delta", 49, R"([["100.2","1"]])", "[]", 690));
  CHECK(fixture.state() == FeedState::synced);
  CHECK(fixture.out.gaps.empty());

  fixture.send(socket, bybit_book("delta", 2, R"([["100.2","1"]])", "[]", 702));
  CHECK(fixture.state() == FeedState::gap);
  REQUIRE(fixture.out.gaps.size() == 1);
  CHECK(fixture.out.gaps[0].sequence_from == 50);
  CHECK(fixture.out.gaps[0].sequence_to == 2);
  CHECK(fixture.out.requests.back().kind == 1);

  fixture.send(socket, bybit_book("snapshot", 3, bids_100, asks_101, 703));
  CHECK(fixture.state() == FeedState::synced);
  fixture.send(socket, bybit_book("delta", 4, R"([["100.2","1"]])", "[]", 704));
  CHECK(fixture.state() == FeedState::synced);
}

TEST_CASE("a Bybit snapshot that follows on is no gap, one that jumps is ledgered") {
  Fixture fixture(Venue::bybit_spot);
  fixture.send(socket, bybit_book("snapshot", 50, bids_100, asks_101));
  fixture.send(socket, bybit_book("snapshot", 51, bids_100, asks_101));
  CHECK(fixture.out.gaps.empty());
  CHECK(fixture.heard.told == std::vector<std::string>{"book 1 bid 1000", "book 2 bid 1000"});
  fixture.send(socket, bybit_book("snapshot", 80, bids_100, asks_101));
  CHECK(fixture.out.gaps.size() == 2);
  CHECK(fixture.out.gaps[1].is_closed == 1);
}

TEST_CASE("a malformed frame is told with its reason and changes nothing else") {
  SyncedSpot fixture;
  const std::string before = saved(fixture.market);

  fixture.send(socket, spot_update(106, 107, R"([["100.15","1"]])"));

  CHECK(fixture.out.rejects.size() == 1);
  CHECK(fixture.out.rejects[0].code == static_cast<std::uint32_t>(DecodeError::bad_price));
  CHECK(fixture.reject_text().starts_with(
      "a price is not a positive multiple of the tick (b); the frame begins: {\"stream\""));
  CHECK(fixture.best(Side::bid) == 1001);
  CHECK(fixture.state() == FeedState::synced);
  CHECK(saved(fixture.market).size() == before.size());

  fixture.send(socket, spot_update(108, 109, "[]"));  // what the refused frame held is now missed
  CHECK(fixture.state() == FeedState::gap);
}

TEST_CASE("a connection that the table lacks is refused") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(9, "{}");
  CHECK(fixture.out.rejects.at(0).code == static_cast<std::uint32_t>(DecodeError::unknown_source));
}

TEST_CASE("trades and quotes are recorded whether or not the book is synced") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, R"({"e":"trade","E":5,"s":"XUSDT","t":7,"p":"100.1","q":"0.5","T":4,"m":true})");
  fixture.send(socket, R"({"u":9,"s":"XUSDT","b":"100.0","B":"1","a":"100.1","A":"2"})");

  REQUIRE(fixture.out.trades.size() == 1);
  CHECK(fixture.out.trades[0].aggressor_side == 1);
  REQUIRE(fixture.out.quotes.size() == 1);
  CHECK(fixture.out.quotes[0].ask_size_units == 2000);
  CHECK(fixture.heard.told == std::vector<std::string>{"trade 7"});
}

TEST_CASE("symbols that the table lacks are ignored and counted") {
  Fixture fixture(Venue::binance_spot);
  fixture.send(socket, R"({"u":9,"s":"YUSDT","b":"100.0","B":"1","a":"100.1","A":"2"})");
  CHECK(fixture.out.rejects.empty());
  CHECK(fixture.market.counters().unknown_symbols == 1);
}

TEST_CASE("a reset forgets the book and closes the open row unrepaired") {
  SyncedSpot fixture;
  fixture.send(socket, spot_update(107, 110, bids_100));
  fixture.market.reset(99, 0, 99 * ms, fixture.out, &fixture.heard);

  CHECK(fixture.state() == FeedState::unsynced);
  CHECK(fixture.out.gaps.back().is_closed == 1);
  CHECK(fixture.out.gaps.back().repaired_by == static_cast<std::uint8_t>(GapRepair::none));
  fixture.send(socket, spot_update(1, 2, bids_100));
  CHECK(fixture.state() == FeedState::buffering);
}

TEST_CASE("wrong tables are refused by name when the market is made") {
  std::vector<InstrumentSpec> specs{{Venue::binance_spot, "XUSDT", MarketType::spot, "0", "1", "1", 0, 0}};
  CHECK_THROWS_AS(Market(specs, {}, {}), std::invalid_argument);
  specs[0].tick = "0.1";
  specs.push_back(specs[0]);
  CHECK_THROWS_AS(Market(specs, {}, {}), std::invalid_argument);
  specs.pop_back();
  const std::vector<SourceSpec> unnamed{{Venue::binance_spot, no_instrument, SourceKind::rest_depth}};
  CHECK_THROWS_AS(Market(specs, unnamed, {}), std::invalid_argument);
  const std::vector<SourceSpec> foreign{{Venue::bybit_spot, 0, SourceKind::websocket}};
  CHECK_THROWS_AS(Market(specs, foreign, {}), std::invalid_argument);
}
