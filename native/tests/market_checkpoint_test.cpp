#include <doctest/doctest.h>

#include "lob/market.hpp"
#include "market_fixture.hpp"

using namespace lob;
using namespace lob::testing;

namespace {

using Frames = std::vector<std::pair<ConnectionId, std::string>>;

/// Stops before every frame in turn, restores, goes on, and compares with the market that never stopped.
void check_restored_at_every_frame(Venue venue, const Frames& frames) {
  Fixture whole(venue);
  for (const auto& [connection, frame] : frames) whole.send(connection, frame);
  REQUIRE(whole.state() == FeedState::synced);

  for (std::size_t cut = 0; cut <= frames.size(); ++cut) {
    Fixture first(venue);
    for (std::size_t i = 0; i < cut; ++i) first.send(frames[i].first, frames[i].second);
    const std::string checkpoint = saved(first.market);
    Fixture second(venue);
    ByteReader reader(checkpoint);
    REQUIRE(second.market.load(reader));
    CHECK(reader.is_at_end());
    CHECK(saved(second.market) == checkpoint);
    second.seq = first.seq;
    for (std::size_t i = cut; i < frames.size(); ++i) second.send(frames[i].first, frames[i].second);
    CHECK(saved(second.market) == saved(whole.market));
    CHECK(first.out.requests.size() + second.out.requests.size() == whole.out.requests.size());
    CHECK(first.out.book_updates.size() + second.out.book_updates.size() == whole.out.book_updates.size());
    CHECK(first.out.gaps.size() + second.out.gaps.size() == whole.out.gaps.size());
  }
}

}  // namespace

TEST_CASE("a spot market restored at any frame goes on exactly like the one that never stopped") {
  check_restored_at_every_frame(Venue::binance_spot, {{socket, spot_update(95, 99, bids_100)},
                                                      {socket, spot_update(100, 102, R"([["100.1","4"]])")},
                                                      {reply, snapshot(90, bids_100, asks_101)},
                                                      {socket, spot_update(200, 201, bids_100)},
                                                      {reply, snapshot(200, bids_100, asks_101)},
                                                      {socket, spot_update(202, 205, bids_100)},
                                                      {socket, spot_update(208, 209, bids_100)},
                                                      {socket, spot_update(210, 211, bids_100)},
                                                      {reply, snapshot(230, bids_100, asks_101)},
                                                      {socket, spot_update(212, 231, bids_100)},
                                                      {socket, spot_update(232, 233, R"([["101.0","4"]])")},
                                                      {socket, "{"},
                                                      {reply, snapshot(233, bids_100, asks_101)},
                                                      {socket, spot_update(234, 235, bids_100)}});
}

TEST_CASE("a USD-M market restored between a newer snapshot and its bridge goes on exactly") {
  check_restored_at_every_frame(Venue::binance_usdm, {{socket, usdm_update(90, 95, 80, bids_100)},
                                                      {socket, usdm_update(97, 110, 95, bids_100)},
                                                      {reply, snapshot(100, bids_100, asks_101)},
                                                      {reply, snapshot(120, bids_100, asks_101)},
                                                      {socket, usdm_update(111, 119, 110, bids_100)},
                                                      {socket, usdm_update(121, 125, 119, bids_100)},
                                                      {socket, usdm_update(126, 130, 125, bids_100)}});
}

TEST_CASE("a Bybit market restored at any frame goes on exactly") {
  check_restored_at_every_frame(Venue::bybit_spot, {{socket, bybit_book("delta", 4, "[]", "[]")},
                                                    {socket, bybit_book("snapshot", 5, bids_100, asks_101)},
                                                    {socket, bybit_book("delta", 6, "[]", bids_100)},
                                                    {socket, bybit_book("snapshot", 7, bids_100, asks_101)},
                                                    {socket, bybit_book("delta", 9, "[]", "[]")},
                                                    {socket, bybit_book("snapshot", 1, bids_100, asks_101)},
                                                    {socket, bybit_book("delta", 2, "[]", "[]")}});
}

TEST_CASE("a cut or foreign checkpoint is refused") {
  const SyncedSpot fixture;
  const std::string checkpoint = saved(fixture.market);
  for (std::size_t length = 0; length < checkpoint.size(); ++length) {
    Fixture fresh(Venue::binance_spot);
    ByteReader reader(std::string_view(checkpoint).substr(0, length));
    CHECK_FALSE(fresh.market.load(reader));
  }
}
