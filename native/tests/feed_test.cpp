#include "lob/feed.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace lob;

namespace {

DepthEvent update(std::int64_t first, std::int64_t last, std::int64_t previous = no_id) {
  DepthEvent event;
  event.first_id = first;
  event.last_id = last;
  event.previous_id = previous;
  return event;
}

}  // namespace

TEST_CASE("each pair of state and trigger stands in the table at most once") {
  std::set<std::pair<FeedState, FeedTrigger>> seen;
  for (const FeedTransition& row : feed_transitions) {
    CAPTURE(std::string(text_of(row.from)));
    CAPTURE(std::string(text_of(row.trigger)));
    CHECK(seen.insert({row.from, row.trigger}).second);
    CHECK(find_transition(row.from, row.trigger) == &row);
  }
}

TEST_CASE("only a bridge leads to synced, and only to synced") {
  for (const FeedTransition& row : feed_transitions) {
    if (row.from != FeedState::synced && row.to == FeedState::synced)
      CHECK(row.trigger == FeedTrigger::bridge);
    if (row.trigger == FeedTrigger::bridge) CHECK(row.to == FeedState::synced);
  }
}

TEST_CASE("every way into gap opens a ledger row, unless one is open") {
  for (const FeedTransition& row : feed_transitions) {
    if (row.to == FeedState::gap && row.from != FeedState::gap) CHECK(row.action == FeedAction::open_gap);
  }
}

TEST_CASE("a reset leads from every state to unsynced") {
  for (const FeedState state :
       {FeedState::unsynced, FeedState::buffering, FeedState::synced, FeedState::gap}) {
    REQUIRE(find_transition(state, FeedTrigger::reset) != nullptr);
    CHECK(find_transition(state, FeedTrigger::reset)->to == FeedState::unsynced);
  }
}

TEST_CASE("pairs that must not happen are not listed") {
  CHECK(find_transition(FeedState::unsynced, FeedTrigger::discontinuity) == nullptr);
  CHECK(find_transition(FeedState::buffering, FeedTrigger::first_frame) == nullptr);
  CHECK(find_transition(FeedState::synced, FeedTrigger::buffer_full) == nullptr);
  CHECK(find_transition(FeedState::gap, FeedTrigger::crossed) == nullptr);
}

TEST_CASE("USD-M updates link by pu, whatever U is") {
  CHECK(link_of(Venue::binance_usdm, update(150, 200, 100), 100) == FeedLink::follows);
  CHECK(link_of(Venue::binance_usdm, update(101, 200, 99), 100) == FeedLink::breaks);
  CHECK(link_of(Venue::binance_usdm, update(50, 100, 40), 100) == FeedLink::older);
}

TEST_CASE("spot updates link by U = u + 1; an overlap follows, a hole breaks") {
  CHECK(link_of(Venue::binance_spot, update(101, 105), 100) == FeedLink::follows);
  CHECK(link_of(Venue::binance_spot, update(99, 105), 100) == FeedLink::follows);
  CHECK(link_of(Venue::binance_spot, update(102, 105), 100) == FeedLink::breaks);
  CHECK(link_of(Venue::binance_spot, update(99, 100), 100) == FeedLink::older);
}

TEST_CASE("Bybit updates link by u + 1") {
  CHECK(link_of(Venue::bybit_spot, update(101, 101), 100) == FeedLink::follows);
  CHECK(link_of(Venue::bybit_spot, update(102, 102), 100) == FeedLink::breaks);
  CHECK(link_of(Venue::bybit_spot, update(100, 100), 100) == FeedLink::older);
}

TEST_CASE("a USD-M snapshot is bridged by U <= L <= u or pu <= L <= u") {
  CHECK(bridge_of(Venue::binance_usdm, update(90, 110, 80), 100) == FeedLink::follows);
  CHECK(bridge_of(Venue::binance_usdm, update(105, 110, 100), 100) == FeedLink::follows);
  CHECK(bridge_of(Venue::binance_usdm, update(90, 100, 80), 100) == FeedLink::follows);
  CHECK(bridge_of(Venue::binance_usdm, update(90, 99, 80), 100) == FeedLink::older);
  CHECK(bridge_of(Venue::binance_usdm, update(105, 110, 101), 100) == FeedLink::breaks);
}

TEST_CASE("a spot snapshot is bridged by U <= L + 1 <= u") {
  CHECK(bridge_of(Venue::binance_spot, update(101, 105), 100) == FeedLink::follows);
  CHECK(bridge_of(Venue::binance_spot, update(95, 100), 100) == FeedLink::older);
  CHECK(bridge_of(Venue::binance_spot, update(102, 105), 100) == FeedLink::breaks);
}
