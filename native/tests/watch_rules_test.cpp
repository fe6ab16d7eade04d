// Every watch rule by name, from one table: content exactly at its limit, tripping one unit beyond, once
// until clear.
#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lob/watch.hpp"
#include "watch_scene.hpp"

using namespace lob;
using test::ms;
using test::Scene;

namespace {

struct RuleCase {
  WatchRule rule;
  std::uint32_t slot;  ///< named by the trip
  double value;
  double limit;
  void (*at_limit)(Scene&);
  void (*beyond)(Scene&);
};

const std::array cases{
    RuleCase{WatchRule::stop_loss, 0, 50.01, 50.0, [](Scene& s) { s.slots[0].unrealised_e8 = -5'000; },
             [](Scene& s) { s.slots[0].unrealised_e8 = -5'001; }},
    RuleCase{WatchRule::take_profit, 0, 100.01, 100.0, [](Scene& s) { s.slots[0].unrealised_e8 = 10'000; },
             [](Scene& s) { s.slots[0].unrealised_e8 = 10'001; }},
    RuleCase{WatchRule::net_exposure, no_slot, 5'001e-8, 5'000e-8,
             [](Scene& s) { s.groups[0].net_exposure_e8 = -5'000; },
             [](Scene& s) { s.groups[0].net_exposure_e8 = -5'001; }},
    RuleCase{WatchRule::gross_exposure, no_slot, 8'001e-8, 8'000e-8,
             [](Scene& s) { s.groups[0].gross_exposure_e8 = 8'000; },
             [](Scene& s) { s.groups[0].gross_exposure_e8 = 8'001; }},
    RuleCase{WatchRule::drawdown, no_slot, 301e-8, 300e-8, [](Scene& s) { s.groups[0].equity_e8 = 9'700; },
             [](Scene& s) { s.groups[0].equity_e8 = 9'699; }},
    RuleCase{WatchRule::daily_loss, no_slot, 401e-8, 400e-8,
             [](Scene& s) {
               s.limits.drawdown_e8.reset();
               s.groups[0].equity_e8 = 9'600;
             },
             [](Scene& s) {
               s.limits.drawdown_e8.reset();
               s.groups[0].equity_e8 = 9'599;
             }},
    RuleCase{WatchRule::correlation, 0, 0.25, 0.5, [](Scene& s) { s.pairs[0].correlation = 0.5; },
             [](Scene& s) { s.pairs[0].correlation = 0.25; }},
    RuleCase{WatchRule::connectivity, 2, 700.000001, 700.0,
             [](Scene& s) { s.slots[2].health.venue_silence_ns = 700 * ms; },
             [](Scene& s) { s.slots[2].health.venue_silence_ns = 700 * ms + 1; }},
    RuleCase{
        WatchRule::synchronisation, 0, 600.000001, 600.0,
        [](Scene& s) { s.slots[0].health.sync_skew_ns = s.slots[2].health.sync_skew_ns = 600 * ms; },
        [](Scene& s) { s.slots[0].health.sync_skew_ns = s.slots[2].health.sync_skew_ns = 600 * ms + 1; }},
    RuleCase{WatchRule::data_quality, 2, 4.0, 3.0, [](Scene& s) { s.slots[2].health.gaps_in_window = 3; },
             [](Scene& s) { s.slots[2].health.gaps_in_window = 4; }},
    RuleCase{WatchRule::drift, no_slot, 2.0, 1.0, [](Scene& s) { s.health.drift_level = 1; },
             [](Scene& s) { s.health.drift_level = 2; }},
    RuleCase{WatchRule::model_expiry, no_slot, 41.0, 40.0,
             [](Scene& s) { s.health.ts_model_expires_ns = s.ts_ns - 40 * ms; },
             [](Scene& s) { s.health.ts_model_expires_ns = s.ts_ns - 41 * ms; }},
    RuleCase{WatchRule::error_burst, 2, 3.0, 2.0, [](Scene& s) { s.slots[2].health.errors_in_window = 2; },
             [](Scene& s) { s.slots[2].health.errors_in_window = 3; }},
    RuleCase{WatchRule::clock, no_slot, 51.0, 50.0, [](Scene& s) { s.health.clock_offset_ns = -50 * ms; },
             [](Scene& s) { s.health.clock_offset_ns = -51 * ms; }},
    RuleCase{WatchRule::heartbeat, no_slot, 3'001.0, 3'000.0,
             [](Scene& s) { s.health.ts_heartbeat_ns = s.ts_ns - 3'000 * ms; },
             [](Scene& s) { s.health.ts_heartbeat_ns = s.ts_ns - 3'001 * ms; }},
};

/// A scene seen once in order, with its watch.
struct Watched {
  Scene scene;
  Watch watch{scene.limits};
  explicit Watched(const RuleCase& rule_case, bool is_off = false) {
    Scene changed;
    rule_case.at_limit(changed);  // A case may need other limits than the scene's.
    WatchLimits limits = changed.limits;
    if (is_off) limits.off.add(rule_case.rule);
    watch = Watch(limits);
    REQUIRE(scene.show(watch).empty());
  }
  std::vector<WatchTrip> show(void (*change)(Scene&)) {
    Scene changed;
    changed.ts_ns = scene.ts_ns;
    changed.state = scene.state;
    change(changed);
    std::vector<WatchTrip> trips = changed.show(watch);
    scene.ts_ns = changed.ts_ns;
    return trips;
  }
  std::vector<WatchTrip> show_in_order() {
    return show([](Scene&) {});
  }
};

TradingState state_after(WatchAction action) {
  switch (action) {
    case WatchAction::reduce:
      return TradingState::reducing;
    case WatchAction::flatten:
      return TradingState::flattening;
    case WatchAction::halt:
      return TradingState::halted;
    case WatchAction::none:
    case WatchAction::close_slot:
      break;
  }
  return TradingState::active;
}

std::string bytes_of(const Watch& watch) {
  ByteWriter writer;
  watch.save(writer);
  return writer.take();
}

}  // namespace

TEST_CASE("every watch rule has a number, a row in the table and a case here") {
  std::set<WatchRule> in_table;
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < watch_rules().size(); ++i) {
    const WatchRuleEntry& entry = watch_rules()[i];
    CAPTURE(entry.name);
    CHECK_FALSE(entry.formula.empty());
    CHECK_FALSE(entry.limit.empty());
    CHECK(entry.action != WatchAction::none);
    CHECK(&entry_of(entry.rule) == &entry);
    in_table.insert(entry.rule);
    names.insert(entry.name);
  }
  std::set<WatchRule> in_cases;
  for (const RuleCase& rule_case : cases) in_cases.insert(rule_case.rule);
  std::set<WatchRule> numbers;
  for (std::size_t i = 1; i < watch_rule_count; ++i) numbers.insert(static_cast<WatchRule>(i));

  CHECK(in_table == numbers);
  CHECK(in_cases == numbers);
  CHECK(names.size() == watch_rules().size());
  CHECK(cases.size() == watch_rules().size());
}

TEST_CASE("every watch rule is content exactly at its limit") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Watched watched(rule_case);
    CHECK(watched.show(rule_case.at_limit).empty());
  }
}

TEST_CASE(
    "every watch rule trips one unit beyond its limit, once until it is clear, and tells value and limit") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Watched watched(rule_case);

    const std::vector<WatchTrip> trips = watched.show(rule_case.beyond);

    REQUIRE(trips.size() == 1);
    CHECK(trips[0].rule == rule_case.rule);
    CHECK(trips[0].action == entry_of(rule_case.rule).action);
    CHECK(trips[0].slot == rule_case.slot);
    CHECK(trips[0].value == doctest::Approx(rule_case.value).epsilon(1e-12));
    CHECK(trips[0].limit == doctest::Approx(rule_case.limit).epsilon(1e-12));
    watched.scene.state = state_after(trips[0].action);
    CHECK(watched.show(rule_case.beyond).empty());
    CHECK(watched.show_in_order().empty());
    CHECK(watched.show(rule_case.beyond).size() == 1);
  }
}

TEST_CASE("a resume re-arms: what is still beyond its limit trips again, and a drawdown starts anew") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Watched watched(rule_case);
    const std::vector<WatchTrip> trips = watched.show(rule_case.beyond);
    REQUIRE(trips.size() == 1);
    watched.scene.state = state_after(trips[0].action);
    watched.show(rule_case.beyond);

    watched.scene.state = TradingState::active;

    const bool is_silent =
        trips[0].action == WatchAction::close_slot || rule_case.rule == WatchRule::drawdown;
    CHECK(watched.show(rule_case.beyond).size() == (is_silent ? 0 : 1));
  }
}

TEST_CASE("a resume between two steps re-arms as well") {
  for (const RuleCase& rule_case : cases) {
    if (rule_case.rule != WatchRule::clock) continue;
    Watched watched(rule_case);
    REQUIRE(watched.show(rule_case.beyond).size() == 1);
    CHECK(watched.show(rule_case.beyond).size() == 1);  // Active again when next seen.
  }
}

TEST_CASE("a watch rule that is switched off never trips, and neither does one without a limit") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Watched watched(rule_case, true);
    CHECK(watched.show(rule_case.beyond).empty());

    Scene scene;
    Watch without_limits{WatchLimits{}};
    rule_case.beyond(scene);
    CHECK(scene.show(without_limits).empty());
  }
}

TEST_CASE("a watch loaded from its bytes goes on where it was") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Watched watched(rule_case);
    const std::vector<WatchTrip> trips = watched.show(rule_case.beyond);
    watched.scene.state = state_after(trips.at(0).action);
    const std::string bytes = bytes_of(watched.watch);
    Watch loaded{watched.watch.limits()};

    ByteReader reader(bytes);
    REQUIRE(loaded.load(reader));

    CHECK(reader.is_at_end());
    CHECK(bytes_of(loaded) == bytes);
    watched.watch = loaded;
    CHECK(watched.show(rule_case.beyond).empty());
  }
}

TEST_CASE("every shortening of a watch's bytes is refused") {
  Watched watched(cases[0]);
  watched.show(cases[0].beyond);
  const std::string bytes = bytes_of(watched.watch);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Watch loaded{WatchLimits{}};
    ByteReader reader(std::string_view(bytes).substr(0, length));
    CHECK_FALSE(loaded.load(reader));
  }
}
