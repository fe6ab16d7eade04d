// That the trader asks its rules: with any of the calls gone, what is tested alone elsewhere guards nothing.
// `apply_rule_removals.py` takes the calls out one at a time and compiles this file against what is left.
#include <doctest/doctest.h>

#include "lob/trader.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;
using test::Desk;

namespace {

const std::vector<float> buys_first_slot{9.0F, 0.0F, 0.0F};
const std::vector<float> buys_last_slot{0.0F, 0.0F, 9.0F};

TopOfBook touch_around(std::int64_t mid) {
  return {.bid = PriceTicks{mid - 1}, .ask = PriceTicks{mid + 1}, .is_valid = true};
}

std::uint8_t last_refusal(const Desk& desk) {
  const OrderEventRecord& event = desk.out.order_events.back();
  return event.state_to == code(OrderState::refused) ? event.reason : code(RiskRule::none);
}

/// Long 100 bought at 10'001, with a limit on the drawdown that a mid of 9'990 breaks.
struct Drawdown : Desk {
  Drawdown() : Desk(limited()) {
    forecast(buys_first_slot);
    const OrderRequestRecord order = out.orders.front();
    reply(test::reply_of(order, SimReplyKind::ack));
    reply(test::fill_of(order, 1, 100, 10'001));
    next_step(10'000);
    forget_outputs();
  }
  static TraderConfig limited() {
    TraderConfig config = test::two_slots_and_a_mask();
    config.watch.drawdown_e8 = 1'000;  // ten ticks x 100 units, a quote unit is 10^-8
    return config;
  }
  void next_step(std::int64_t mid) {
    ts_ns += test::step_ns;
    step({touch_around(mid), TopOfBook{}, test::usual_top});
  }
};

}  // namespace

TEST_CASE("the trader asks the rules before every order and counts the refusal by rule") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[0].max_order_size = SizeUnits{90};
  Desk desk(config);
  desk.forecast(buys_first_slot);

  CHECK(desk.out.orders.empty());
  REQUIRE(desk.out.order_events.size() == 1);
  CHECK(last_refusal(desk) == code(RiskRule::max_order_size));
  CHECK(desk.trader.counters().refused_by_rule[code(RiskRule::max_order_size)] == 1);
}

TEST_CASE("what was sent counts against the venue's rate, and the last order within it is let pass") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.orders_max = 1;
  Desk desk(config);
  desk.forecast(buys_first_slot);
  CHECK(desk.out.orders.size() == 1);
  desk.forecast(buys_last_slot);

  CHECK(desk.out.orders.size() == 1);
  CHECK(last_refusal(desk) == code(RiskRule::order_rate));
}

TEST_CASE("a rejected order counts against its venue") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.errors_max = 0;
  Desk desk(config);
  desk.forecast(buys_first_slot);
  SimReply rejected = test::reply_of(desk.out.orders.front(), SimReplyKind::rejected);
  rejected.reason = code(SimReason::no_book);
  desk.reply(rejected);
  desk.forecast(buys_last_slot);

  CHECK(last_refusal(desk) == code(RiskRule::error_burst));
}

TEST_CASE("an unanswered order counts against its venue") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.errors_max = 0;
  Desk desk(config);
  desk.forecast(buys_first_slot);
  desk.ts_ns += config.reply_timeout_ns + 1;
  desk.step();
  desk.forecast(buys_last_slot);

  CHECK(last_refusal(desk) == code(RiskRule::error_burst));
}

TEST_CASE("gaps of the feed count against their instrument") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.gaps_max = 1;
  Desk desk(config);
  std::vector<SlotMarket> slots(3);
  for (const std::uint64_t gap_count : {0, 2}) {
    for (SlotMarket& slot : slots) slot.gap_count = gap_count;
    desk.trader.on_step(++desk.seq, desk.ts_ns, {.ts_ns = desk.ts_ns, .slots = slots}, desk.out);
  }
  desk.forecast(buys_first_slot);

  CHECK(last_refusal(desk) == code(RiskRule::data_quality));
}

TEST_CASE("a drawdown exactly at its limit is borne, one tick more is flattened, told and counted") {
  Drawdown desk;
  desk.next_step(9'991);  // The peak stood a tick lower than what was paid: nine ticks under it.
  desk.next_step(9'990);
  CHECK(desk.trader.state() == TradingState::active);
  CHECK(desk.out.risk_events.empty());

  desk.next_step(9'989);

  REQUIRE(desk.out.risk_events.size() == 1);
  CHECK(desk.out.risk_events[0].rule == code(WatchRule::drawdown));
  CHECK(desk.out.risk_events[0].action == code(WatchAction::flatten));
  CHECK(desk.out.risk_events[0].value > desk.out.risk_events[0].threshold);
  CHECK(desk.trader.counters().tripped_by_rule[code(WatchRule::drawdown)] == 1);
  CHECK(desk.trader.state() == TradingState::flattening);
  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].side == code(Side::ask));
  CHECK(desk.out.orders[0].size_units == 100);

  desk.reply(test::fill_of(desk.out.orders[0], 2, 100, 9'988));
  desk.next_step(9'989);
  CHECK(desk.trader.state() == TradingState::halted);
}

TEST_CASE("a trip does not wake what is halted: it is told, and nothing is sent") {
  Drawdown desk;
  desk.command(TradingOp::halt, "venue sick");
  desk.forget_outputs();
  desk.next_step(9'900);
  desk.next_step(9'900);

  CHECK(desk.trader.state() == TradingState::halted);
  CHECK(desk.out.orders.empty());
  REQUIRE(desk.out.risk_events.size() == 1);
  CHECK(desk.out.risk_events[0].rule == code(WatchRule::drawdown));

  desk.command(TradingOp::resume, "well again");
  desk.next_step(9'900);
  desk.next_step(9'880);
  CHECK(desk.trader.state() == TradingState::flattening);
}
