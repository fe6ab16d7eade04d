// Every pre-trade rule by name, from one table: it lets pass exactly at its limit, and refuses one unit
// beyond.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <set>

#include "lob/risk.hpp"

using namespace lob;

namespace {

constexpr std::int64_t generous_e8 = 1'000'000'000;

/// An order, what is known and the limits. As made: buys 100 at the mid of 10'000, far within every limit.
struct Situation {
  OrderIntent order{
      .side = Side::bid, .price = PriceTicks{10'000}, .size = SizeUnits{100}, .ts_step_ns = 5'000};
  RiskContext context;
  RiskLimits limits{.price_deviation_e8 = 500'000,
                    .net_exposure_e8 = generous_e8,
                    .gross_exposure_e8 = generous_e8,
                    .forecast_age_max_ns = 1'000,
                    .price_deviation_venues_e8 = 400'000,
                    .price_deviation_trade_e8 = 300'000,
                    .venue_exposure_e8 = generous_e8,
                    .max_capital_e8 = generous_e8,
                    .orders_max = 5,
                    .duplicate_ns = 300,
                    .venue_silence_max_ns = 700,
                    .sync_skew_max_ns = 600,
                    .gaps_max = 3,
                    .errors_max = 2,
                    .clock_offset_max_ns = 50,
                    .in_flight_max = 8,
                    .private_age_max_ns = 900};

  Situation() {
    context.state = TradingState::active;
    context.top = {.bid = PriceTicks{9'999}, .ask = PriceTicks{10'001}, .is_valid = true};
    context.lot = SizeUnits{10};
    context.max_position = SizeUnits{1'000};
    context.max_order_size = SizeUnits{1'000};
    context.short_max = SizeUnits{1'000};
    context.quote_unit_e18 = 10'000'000'000;  // One quote unit is 10^-8 quote: the order is worth 1'000'000.
    context.ts_ns = 5'500;
  }
  [[nodiscard]] RiskRule verdict() const { return check(order, context, limits); }
};

constexpr std::int64_t order_e8 = 1'000'000;

struct RuleCase {
  RiskRule rule;
  void (*at_limit)(Situation&);
  void (*beyond)(Situation&);
};

const std::array cases{
    RuleCase{RiskRule::trading_state,
             [](Situation& s) {
               s.context.state = TradingState::reducing;
               s.context.position = SizeUnits{-100};
             },
             [](Situation& s) {
               s.context.state = TradingState::reducing;
               s.context.position = SizeUnits{-90};
             }},
    RuleCase{RiskRule::lot, [](Situation& s) { s.order.size = SizeUnits{10}; },
             [](Situation& s) { s.order.size = SizeUnits{11}; }},
    RuleCase{RiskRule::invalid_book, [](Situation& s) { s.context.top.ask = PriceTicks{10'000}; },
             [](Situation& s) { s.context.top.ask = PriceTicks{9'999}; }},
    RuleCase{RiskRule::max_order_size, [](Situation& s) { s.order.size = SizeUnits{1'000}; },
             [](Situation& s) {
               s.order.size = SizeUnits{1'010};
               s.context.max_position = SizeUnits{2'000};
             }},
    RuleCase{RiskRule::price_deviation, [](Situation& s) { s.order.price = PriceTicks{10'050}; },
             [](Situation& s) { s.order.price = PriceTicks{9'949}; }},
    RuleCase{RiskRule::price_deviation_venues,
             [](Situation& s) {
               s.context.other_venues_mid_ticks = 10'000.0;
               s.order.price = PriceTicks{10'040};
             },
             [](Situation& s) {
               s.context.other_venues_mid_ticks = 10'000.0;
               s.order.price = PriceTicks{10'041};
             }},
    RuleCase{RiskRule::price_deviation_trade,
             [](Situation& s) {
               s.context.last_trade_ticks = 10'000;
               s.order.price = PriceTicks{9'970};
             },
             [](Situation& s) {
               s.context.last_trade_ticks = 10'000;
               s.order.price = PriceTicks{9'969};
             }},
    RuleCase{RiskRule::max_position, [](Situation& s) { s.context.position = SizeUnits{900}; },
             [](Situation& s) { s.context.position = SizeUnits{901}; }},
    RuleCase{RiskRule::short_position,
             [](Situation& s) {
               s.order.side = Side::ask;
               s.context.position = SizeUnits{60};
               s.context.short_max = SizeUnits{40};
             },
             [](Situation& s) {
               s.order.side = Side::ask;
               s.context.position = SizeUnits{60};
               s.context.short_max = SizeUnits{39};
             }},
    RuleCase{RiskRule::stale_forecast, [](Situation& s) { s.context.ts_ns = 6'000; },
             [](Situation& s) { s.context.ts_ns = 6'001; }},
    RuleCase{RiskRule::blocked, [](Situation& s) { s.context.ts_blocked_until_ns = 5'500; },
             [](Situation& s) { s.context.ts_blocked_until_ns = 5'501; }},
    RuleCase{RiskRule::model_expired, [](Situation& s) { s.context.health.ts_model_expires_ns = 5'500; },
             [](Situation& s) { s.context.health.ts_model_expires_ns = 5'499; }},
    RuleCase{RiskRule::drift, [](Situation& s) { s.context.health.drift_level = 1; },
             [](Situation& s) { s.context.health.drift_level = 2; }},
    RuleCase{RiskRule::net_exposure, [](Situation& s) { s.context.others.long_e8 = generous_e8 - order_e8; },
             [](Situation& s) { s.context.others.long_e8 = generous_e8 - order_e8 + 1; }},
    RuleCase{RiskRule::gross_exposure,
             [](Situation& s) {
               s.context.others.gross_e8 = generous_e8 - order_e8;
               s.limits.max_capital_e8.reset();
             },
             [](Situation& s) {
               s.context.others.gross_e8 = generous_e8 - order_e8 + 1;
               s.limits.max_capital_e8.reset();
             }},
    RuleCase{RiskRule::venue_exposure,
             [](Situation& s) { s.context.others_of_venue.gross_e8 = generous_e8 - order_e8; },
             [](Situation& s) { s.context.others_of_venue.gross_e8 = generous_e8 - order_e8 + 1; }},
    RuleCase{RiskRule::max_capital,
             [](Situation& s) {
               s.context.others.gross_e8 = 2 * generous_e8 - order_e8;
               s.limits.gross_exposure_e8 = 3 * generous_e8;
               s.limits.max_capital_e8 = 2 * generous_e8;
             },
             [](Situation& s) {
               s.context.others.gross_e8 = 2 * generous_e8 - order_e8 + 1;
               s.limits.gross_exposure_e8 = 3 * generous_e8;
               s.limits.max_capital_e8 = 2 * generous_e8;
             }},
    RuleCase{RiskRule::order_rate, [](Situation& s) { s.context.orders_in_window = 4; },
             [](Situation& s) { s.context.orders_in_window = 5; }},
    RuleCase{RiskRule::duplicate, [](Situation& s) { s.context.ts_same_order_ns = 5'200; },
             [](Situation& s) { s.context.ts_same_order_ns = 5'201; }},
    RuleCase{RiskRule::connectivity, [](Situation& s) { s.context.health.venue_silence_ns = 700; },
             [](Situation& s) { s.context.health.venue_silence_ns = 701; }},
    RuleCase{RiskRule::synchronisation, [](Situation& s) { s.context.health.sync_skew_ns = 600; },
             [](Situation& s) { s.context.health.sync_skew_ns = 601; }},
    RuleCase{RiskRule::data_quality, [](Situation& s) { s.context.health.gaps_in_window = 3; },
             [](Situation& s) { s.context.health.gaps_in_window = 4; }},
    RuleCase{RiskRule::error_burst, [](Situation& s) { s.context.health.errors_in_window = 2; },
             [](Situation& s) { s.context.health.errors_in_window = 3; }},
    RuleCase{RiskRule::clock, [](Situation& s) { s.context.health.clock_offset_ns = -50; },
             [](Situation& s) { s.context.health.clock_offset_ns = -51; }},
    RuleCase{RiskRule::unresolved, [](Situation&) {}, [](Situation& s) { s.context.is_unresolved = true; }},
    RuleCase{RiskRule::in_flight, [](Situation& s) { s.context.orders_awaited = 7; },
             [](Situation& s) { s.context.orders_awaited = 8; }},
    RuleCase{RiskRule::self_trade, [](Situation&) {}, [](Situation& s) { s.context.is_self_trade = true; }},
    RuleCase{RiskRule::private_stream, [](Situation& s) { s.context.health.private_silence_ns = 900; },
             [](Situation& s) { s.context.health.private_silence_ns = 901; }},
};

const RiskRuleEntry& entry_of(RiskRule rule) {
  for (const RiskRuleEntry& entry : risk_rules()) {
    if (entry.rule == rule) return entry;
  }
  FAIL("no entry for rule " << static_cast<int>(rule));
  return risk_rules().front();
}

}  // namespace

TEST_CASE("every risk rule has a number, a row in the table and a case here") {
  std::set<RiskRule> in_table;
  std::set<std::string_view> names;
  for (const RiskRuleEntry& entry : risk_rules()) {
    CAPTURE(entry.name);
    CHECK_FALSE(entry.formula.empty());
    in_table.insert(entry.rule);
    names.insert(entry.name);
  }
  std::set<RiskRule> in_cases;
  for (const RuleCase& rule_case : cases) in_cases.insert(rule_case.rule);
  std::set<RiskRule> numbers;
  for (std::size_t i = 1; i < risk_rule_count; ++i) numbers.insert(static_cast<RiskRule>(i));

  CHECK(in_table == numbers);
  CHECK(in_cases == numbers);
  CHECK(names.size() == risk_rules().size());
  CHECK(risk_rules().size() == cases.size());
}

TEST_CASE("an order within all limits passes") {
  CHECK(Situation{}.verdict() == RiskRule::none);
}

TEST_CASE("every risk rule lets pass exactly at its limit") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Situation situation;
    rule_case.at_limit(situation);
    CHECK(situation.verdict() == RiskRule::none);
  }
}

TEST_CASE("every risk rule refuses one unit beyond its limit, by its own name") {
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Situation situation;
    rule_case.beyond(situation);
    CHECK(situation.verdict() == rule_case.rule);
  }
}

TEST_CASE("a rule that is switched off refuses nothing, and four rules cannot be switched off") {
  std::size_t always_on = 0;
  for (const RuleCase& rule_case : cases) {
    CAPTURE(entry_of(rule_case.rule).name);
    Situation situation;
    rule_case.beyond(situation);
    situation.limits.off.add(rule_case.rule);
    const bool is_kept = is_always_on(rule_case.rule);
    CHECK(situation.verdict() == (is_kept ? rule_case.rule : RiskRule::none));
    if (is_kept) ++always_on;
  }
  CHECK(always_on == 4);
}

TEST_CASE("a closing order is asked only what guards against a wrong order") {
  for (const RuleCase& rule_case : cases) {
    const RiskRuleEntry& entry = entry_of(rule_case.rule);
    if (entry.asked_of != AskedOf::opening_orders) continue;
    CAPTURE(entry.name);
    Situation situation;
    rule_case.beyond(situation);
    situation.context.position = SizeUnits{-100};
    CHECK(situation.verdict() == RiskRule::none);
    // One that would cross zero is asked; of exposure it may then be within the limit, being worth less.
    if (entry.unit == "quote") continue;
    situation.context.position = SizeUnits{-90};
    CHECK(situation.verdict() == rule_case.rule);
  }
}

TEST_CASE("wrong orders are refused even when they close") {
  const std::set<RiskRule> expected{RiskRule::lot,
                                    RiskRule::invalid_book,
                                    RiskRule::max_order_size,
                                    RiskRule::price_deviation,
                                    RiskRule::price_deviation_venues,
                                    RiskRule::price_deviation_trade,
                                    RiskRule::self_trade};
  std::set<RiskRule> refusing;
  for (const RuleCase& rule_case : cases) {
    Situation situation;
    rule_case.beyond(situation);
    situation.order.side = Side::bid;
    situation.context.position = SizeUnits{-2'000};
    if (situation.verdict() == rule_case.rule) refusing.insert(rule_case.rule);
  }
  CHECK(refusing == expected);
}

TEST_CASE("drift of level 2 lets closing orders pass, of level 3 only those that flatten") {
  Situation situation;
  situation.context.position = SizeUnits{-100};
  situation.context.health.drift_level = 2;
  CHECK(situation.verdict() == RiskRule::none);

  situation.context.health.drift_level = 3;
  CHECK(situation.verdict() == RiskRule::drift);
  situation.order.purpose = OrderPurpose::flatten;
  CHECK(situation.verdict() == RiskRule::none);
}

TEST_CASE("a rule without a limit is off") {
  for (const RuleCase& rule_case : cases) {
    const std::set<RiskRule> without_limit{RiskRule::gross_exposure, RiskRule::blocked,
                                           RiskRule::model_expired,  RiskRule::drift,
                                           RiskRule::unresolved,     RiskRule::self_trade};
    const bool is_first = rule_case.rule < RiskRule::price_deviation_venues;
    if (is_first || without_limit.contains(rule_case.rule)) continue;
    CAPTURE(entry_of(rule_case.rule).name);
    Situation situation;
    rule_case.beyond(situation);
    const RiskLimits given = situation.limits;
    situation.limits = {.price_deviation_e8 = given.price_deviation_e8,
                        .net_exposure_e8 = given.net_exposure_e8,
                        .gross_exposure_e8 = given.gross_exposure_e8,
                        .forecast_age_max_ns = given.forecast_age_max_ns};
    CHECK(situation.verdict() == RiskRule::none);
  }
}

TEST_CASE("required limits that were never set refuse") {
  Situation situation;
  situation.limits = RiskLimits{};
  CHECK(situation.verdict() != RiskRule::none);

  situation = Situation{};
  situation.context.max_position = SizeUnits{0};
  CHECK(situation.verdict() == RiskRule::max_position);

  situation = Situation{};
  situation.order.side = Side::ask;
  situation.context.short_max = SizeUnits{0};
  CHECK(situation.verdict() == RiskRule::short_position);
}

TEST_CASE("no value of any field wraps into a pass") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  Situation situation;
  situation.context.others = {
      .long_e8 = money_ceiling * 60, .short_e8 = -money_ceiling, .gross_e8 = money_ceiling * 60};
  CHECK(situation.verdict() == RiskRule::net_exposure);

  situation = Situation{};
  situation.context.quote_unit_e18 = most;
  situation.context.max_order_size = SizeUnits{most};
  situation.context.max_position = SizeUnits{most};
  situation.order.size = SizeUnits{most - most % 10};
  CHECK(situation.verdict() == RiskRule::net_exposure);

  situation = Situation{};
  situation.context.position = SizeUnits{most};
  situation.context.buys_in_flight = SizeUnits{most};
  CHECK(situation.verdict() == RiskRule::max_position);

  situation = Situation{};
  situation.context.health.clock_offset_ns = least;
  CHECK(situation.verdict() == RiskRule::clock);

  situation = Situation{};
  situation.order.ts_step_ns = least;
  CHECK(situation.verdict() == RiskRule::stale_forecast);

  for (const std::int64_t price : {least, std::int64_t{0}, most}) {
    situation = Situation{};
    situation.order.price = PriceTicks{price};
    CHECK(situation.verdict() == RiskRule::price_deviation);
  }

  situation = Situation{};
  situation.context.other_venues_mid_ticks = std::numeric_limits<double>::quiet_NaN();
  CHECK(situation.verdict() == RiskRule::price_deviation_venues);
}

TEST_CASE("net exposure asks only the side that the order adds to") {
  Situation situation;
  situation.context.others = {.long_e8 = 2 * generous_e8, .short_e8 = 0, .gross_e8 = 0};
  CHECK(situation.verdict() == RiskRule::net_exposure);
  situation.order.side = Side::ask;
  CHECK(situation.verdict() == RiskRule::none);

  situation.context.others = {.long_e8 = 0, .short_e8 = -generous_e8 + order_e8, .gross_e8 = 0};
  CHECK(situation.verdict() == RiskRule::none);
  situation.context.others.short_e8 -= 1;
  CHECK(situation.verdict() == RiskRule::net_exposure);
}
