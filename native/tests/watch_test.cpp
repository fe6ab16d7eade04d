#include "lob/watch.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>
#include <vector>

#include "watch_scene.hpp"

using namespace lob;
using test::day_ns;
using test::ms;
using test::Scene;

TEST_CASE("the settings choose another action, but a drift of level 3 halts") {
  Scene scene;
  scene.limits.actions[static_cast<std::size_t>(WatchRule::drift)] = WatchAction::flatten;
  scene.limits.actions[static_cast<std::size_t>(WatchRule::clock)] = WatchAction::halt;
  Watch watch{scene.limits};

  scene.health.clock_offset_ns = 60 * ms;
  scene.health.drift_level = 2;
  std::vector<WatchTrip> trips = scene.show(watch);
  REQUIRE(trips.size() == 2);
  CHECK(trips[0].action == WatchAction::flatten);
  CHECK(trips[1].action == WatchAction::halt);

  scene.state = TradingState::halted;
  scene.health.drift_level = 3;
  trips = scene.show(watch);
  REQUIRE(trips.size() == 1);
  CHECK(trips[0].rule == WatchRule::drift);
  CHECK(trips[0].action == WatchAction::halt);
}

TEST_CASE("stop_loss and take_profit also count the amount, and a flat slot has neither") {
  Scene scene;
  scene.limits = {.stop_loss_e8 = 700, .take_profit_e8 = 800};
  Watch watch{scene.limits};
  scene.slots[0].unrealised_e8 = -700;
  CHECK(scene.show(watch).empty());
  scene.slots[0].unrealised_e8 = -701;
  REQUIRE(scene.show(watch).size() == 1);
  scene.slots[0].unrealised_e8 = 801;
  const std::vector<WatchTrip> trips = scene.show(watch);
  REQUIRE(trips.size() == 1);
  CHECK(trips[0].rule == WatchRule::take_profit);
  CHECK(trips[0].value == doctest::Approx(801e-8));

  scene.slots[0].position = SizeUnits{0};
  CHECK(scene.show(watch).empty());
}

TEST_CASE("a short position's loss is judged by the size of its cost") {
  Scene scene;
  Watch watch{scene.limits};
  scene.slots[0].position = SizeUnits{-100};
  scene.slots[0].cost_e8 = -1'000'000;
  scene.slots[0].unrealised_e8 = -5'000;
  CHECK(scene.show(watch).empty());
  scene.slots[0].unrealised_e8 = -5'001;
  CHECK(scene.show(watch).size() == 1);
}

TEST_CASE("drawdown is peak to trough: a new high raises the bar") {
  Scene scene;
  scene.limits = {.drawdown_e8 = 300};
  Watch watch{scene.limits};
  for (const std::int64_t equity_e8 : {10'000, 12'000, 11'700}) {
    scene.groups[0].equity_e8 = equity_e8;
    CHECK(scene.show(watch).empty());
  }
  scene.groups[0].equity_e8 = 11'699;
  CHECK(scene.show(watch).size() == 1);
}

TEST_CASE("daily_loss counts from the first step of each UTC day") {
  Scene scene;
  scene.limits = {.daily_loss_e8 = 400};
  Watch watch{scene.limits};
  scene.show(watch);
  scene.groups[0].equity_e8 = 9'700;
  CHECK(scene.show(watch).empty());

  scene.ts_ns += day_ns;
  CHECK(scene.show(watch).empty());  // The day begins at 9'700.
  scene.groups[0].equity_e8 = 9'300;
  CHECK(scene.show(watch).empty());
  scene.groups[0].equity_e8 = 9'299;
  CHECK(scene.show(watch).size() == 1);
}

TEST_CASE("each quote currency has its own equity") {
  Scene scene;
  scene.limits = {.drawdown_e8 = 300};
  scene.groups.push_back({.quote_group = 9, .equity_e8 = 50'000});
  Watch watch{scene.limits};
  scene.show(watch);

  scene.groups[1].equity_e8 = 49'000;
  CHECK(scene.show(watch).size() == 1);
  scene.state = TradingState::flattening;
  scene.groups[0].equity_e8 = 9'000;
  CHECK(scene.show(watch).size() == 1);
}

TEST_CASE("a pair with too few samples, or a correlation that is no number, tells nothing") {
  Scene scene;
  Watch watch{scene.limits};
  scene.pairs[0] = {.slot_a = 0, .slot_b = 2, .correlation = -1.0, .samples = 99};
  CHECK(scene.show(watch).empty());
  scene.pairs[0] = {
      .slot_a = 0, .slot_b = 2, .correlation = std::numeric_limits<double>::quiet_NaN(), .samples = 1'000};
  CHECK(scene.show(watch).empty());
}

TEST_CASE("a venue that two instruments share trips once, masked slots never") {
  Scene scene;
  Watch watch{scene.limits};
  scene.slots[1].health.venue_silence_ns = 9'000 * ms;
  CHECK(scene.show(watch).empty());

  scene.slots[1] = scene.slots[0];
  scene.slots[1].instrument = 7;
  for (WatchSlot& slot : scene.slots) slot.health.venue_silence_ns = 9'000 * ms;
  const std::vector<WatchTrip> trips = scene.show(watch);
  REQUIRE(trips.size() == 2);
  CHECK(trips[0].slot == 0);
  CHECK(trips[1].slot == 2);
}

TEST_CASE("facts that nobody told trip nothing") {
  Scene scene;
  Watch watch{scene.limits};
  scene.health = SystemHealth{};
  CHECK(scene.show(watch).empty());
}

TEST_CASE("no extreme value wraps into contentment") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Scene scene;
  scene.groups[0].equity_e8 = most;
  Watch watch{scene.limits};
  scene.show(watch);
  scene.slots[0].unrealised_e8 = least;
  scene.groups[0] = {
      .quote_group = 4, .equity_e8 = least, .net_exposure_e8 = least, .gross_exposure_e8 = most};
  scene.health.clock_offset_ns = least;
  scene.health.ts_heartbeat_ns = least;
  scene.health.ts_model_expires_ns = least;

  std::set<WatchRule> tripped;
  for (const WatchTrip& trip : scene.show(watch)) tripped.insert(trip.rule);

  CHECK(tripped == std::set<WatchRule>{WatchRule::stop_loss, WatchRule::net_exposure,
                                       WatchRule::gross_exposure, WatchRule::drawdown, WatchRule::daily_loss,
                                       WatchRule::clock, WatchRule::heartbeat, WatchRule::model_expiry});
}
