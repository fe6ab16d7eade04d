#include "lob/trader.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "trading_fixture.hpp"

using namespace lob;
using test::code;
using test::Desk;
using test::LongDesk;

TEST_CASE("a forecast beyond cost sends one IOC order at the touch plus the cap") {
  Desk desk;

  REQUIRE(desk.forecast({9.0F, 0.0F, -9.0F}) == TraderError::none);

  REQUIRE(desk.out.orders.size() == 2);
  const OrderRequestRecord& buy = desk.out.orders[0];
  CHECK(buy.instrument == 4);
  CHECK(buy.side == 0);
  CHECK(buy.price_ticks == 10'003);
  CHECK(buy.size_units == 100);
  CHECK(buy.kind == 0);
  CHECK(buy.time_in_force == 1);
  CHECK(buy.client_order_id == (std::uint64_t{7} << 32U | 1));
  const OrderRequestRecord& sell = desk.out.orders[1];
  CHECK(sell.instrument == 9);
  CHECK(sell.side == 1);
  CHECK(sell.price_ticks == 9'997);
}

TEST_CASE("every slot but a masked one gets a decision that names forecast, cost, model and order") {
  Desk desk;

  desk.forecast({9.0F, 50.0F, 0.25F});

  REQUIRE(desk.out.decisions.size() == 2);
  const DecisionRecord& decision = desk.out.decisions[0];
  CHECK(decision.expected_bps == 9.0);
  CHECK(decision.cost_bps == doctest::Approx(2.5));
  CHECK(decision.target_units == 100);
  CHECK(decision.model_id == 1);
  CHECK(decision.client_order_id == desk.out.orders[0].client_order_id);
  CHECK(decision.action == code(SignalAction::enter));
  CHECK(desk.out.decisions[1].instrument == 9);
  CHECK(desk.out.decisions[1].action == code(SignalAction::hold));
  CHECK(desk.out.decisions[1].client_order_id == 0);
}

TEST_CASE("while an order works on an instrument the decision waits") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  desk.forget_outputs();

  desk.forecast({9.0F, 0.0F, 0.0F});

  CHECK(desk.out.orders.empty());
  CHECK(desk.out.decisions[0].action == code(SignalAction::wait));
}

TEST_CASE("a forecast of another shape or not finite changes nothing") {
  Desk desk;
  std::vector<float> values = test::forecast_of({9.0F, 0.0F, 0.0F});
  const auto offer = [&](std::size_t horizon_steps, std::size_t slots) {
    const ForecastView view{.values = values, .horizon_steps = horizon_steps, .slot_count = slots};
    return desk.trader.on_forecast(1, desk.ts_ns, desk.ts_ns, 1, view,
                                   test::Touches(desk.ts_ns, test::usual_tops).view(), desk.out);
  };
  CHECK(offer(3, 2) == TraderError::forecast_shape);
  CHECK(offer(9, 1) == TraderError::forecast_shape);

  values[7] = std::numeric_limits<float>::infinity();
  CHECK(offer(3, 3) == TraderError::forecast_not_finite);
  CHECK(desk.out.decisions.empty());

  values.resize(1 * 3 * forecast_width);
  values[7] = 0.0F;
  CHECK(offer(1, 3) == TraderError::forecast_shape);  // The signal trades step 2.
}

TEST_CASE("a refusal names its rule in decision and order event and sends nothing") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[0].terms.max_position = SizeUnits{90};
  Desk desk(config);

  desk.forecast({9.0F, 0.0F, 0.0F});

  CHECK(desk.out.orders.empty());
  CHECK(desk.out.decisions[0].rule == code(RiskRule::max_position));
  CHECK(desk.out.decisions[0].client_order_id == 0);
  REQUIRE(desk.out.order_events.size() == 1);
  CHECK(desk.out.order_events[0].state_to == code(OrderState::refused));
  CHECK(desk.out.order_events[0].reason == code(RiskRule::max_position));
  CHECK(desk.trader.counters().orders_refused == 1);
}

TEST_CASE("a stale forecast is refused as such") {
  Desk desk;
  const std::vector<float> values = test::forecast_of({9.0F, 0.0F, 0.0F});
  const ForecastView view{.values = values, .horizon_steps = test::horizon_steps, .slot_count = 3};
  const TsNs ts_step_ns = desk.ts_ns - test::step_ns - 1;

  desk.trader.on_forecast(1, desk.ts_ns, ts_step_ns, 1, view,
                          test::Touches(desk.ts_ns, test::usual_tops).view(), desk.out);

  CHECK(desk.out.decisions[0].rule == code(RiskRule::stale_forecast));
}

TEST_CASE("a slot without a usable book decides no_book and keeps the others trading") {
  Desk desk;
  std::vector<TopOfBook> tops = test::usual_tops;
  tops[0].is_valid = false;

  desk.forecast({9.0F, 0.0F, 9.0F}, tops);

  CHECK(desk.out.decisions[0].action == code(SignalAction::no_book));
  CHECK(desk.out.decisions[0].rule == code(RiskRule::invalid_book));
  CHECK(desk.out.orders.size() == 1);
}

TEST_CASE("what is in flight on one slot counts against the exposure of the next") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.gross_exposure_e8 = 1'999'999;  // Two orders are worth 2'000'000.
  Desk desk(config);

  desk.forecast({9.0F, 0.0F, 9.0F});

  CHECK(desk.out.orders.size() == 1);
  CHECK(desk.out.decisions[1].rule == code(RiskRule::gross_exposure));
}

TEST_CASE("instruments of another quote currency do not count against each other") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.gross_exposure_e8 = 1'999'999;
  config.slots[2].terms.quote_group = 1;
  Desk desk(config);

  desk.forecast({9.0F, 0.0F, 9.0F});

  CHECK(desk.out.orders.size() == 2);
}

TEST_CASE("a fill is booked once however often it is told") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const SimReply fill = test::fill_of(desk.out.orders[0], 5, 60, 10'002, 61);

  CHECK(desk.reply(fill) == TraderError::none);
  CHECK(desk.reply(fill) == TraderError::none);

  CHECK(desk.out.fills.size() == 1);
  CHECK(desk.trader.position(0).units == SizeUnits{60});
  CHECK(desk.trader.position(0).fees_quote_units == 61);
  CHECK(desk.trader.counters().duplicate_fills == 1);
  CHECK(desk.out.positions.back().position_units == 60);
  CHECK(desk.out.positions.back().unrealised_quote_units == -120);
}

TEST_CASE("an expired remainder frees the instrument and keeps what was filled") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const OrderRequestRecord order = desk.out.orders[0];
  desk.reply(test::reply_of(order, SimReplyKind::ack));
  desk.reply(test::fill_of(order, 1, 60, 10'001));
  desk.reply(test::reply_of(order, SimReplyKind::expired));
  desk.forget_outputs();

  desk.forecast({9.0F, 0.0F, 0.0F});

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].size_units == 40);
}

TEST_CASE("a reversal is one order, cut to max_order_size") {
  LongDesk desk;
  desk.forecast({-9.0F, 0.0F, 0.0F});
  CHECK(desk.out.orders[0].size_units == 200);
  CHECK(desk.out.decisions[0].action == code(SignalAction::reverse));
}

TEST_CASE("replies that are not ours, of no slot, or against the order are named and change nothing") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const OrderRequestRecord order = desk.out.orders[0];
  SimReply fill = test::fill_of(order, 1, 10, 10'001);

  SimReply wrong = fill;
  wrong.client_order_id = 1;
  CHECK(desk.reply(wrong) == TraderError::foreign_order);
  wrong = fill;
  wrong.instrument = 5;
  CHECK(desk.reply(wrong) == TraderError::unknown_instrument);
  wrong.instrument = no_instrument;
  CHECK(desk.reply(wrong) == TraderError::unknown_instrument);
  wrong = fill;
  wrong.side = 1;
  CHECK(desk.reply(wrong) == TraderError::mismatch);
  wrong = fill;
  wrong.size_units = 0;
  CHECK(desk.reply(wrong) == TraderError::malformed_reply);
  CHECK(desk.out.fills.empty());
  CHECK(desk.trader.position(0).units == SizeUnits{0});
}

TEST_CASE("a fill of an order of ours that is no longer remembered is booked all the same") {
  Desk desk;
  OrderRequestRecord forgotten{};
  forgotten.client_order_id = std::uint64_t{7} << 32U | 999;
  forgotten.instrument = 4;

  CHECK(desk.reply(test::fill_of(forgotten, 1, 10, 10'001)) == TraderError::unknown_order);
  CHECK(desk.trader.position(0).units == SizeUnits{10});
}

TEST_CASE("a fill beyond max_position reduces, with trigger limit") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});

  CHECK(desk.reply(test::fill_of(desk.out.orders[0], 1, 110, 10'001)) == TraderError::overfilled);

  CHECK(desk.trader.state() == TradingState::reducing);
  CHECK(desk.out.state_events[0].trigger == code(TradingTrigger::limit));
}

TEST_CASE("position sums beyond int64 halt") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const auto largest = std::numeric_limits<std::int64_t>::max();

  CHECK(desk.reply(test::fill_of(desk.out.orders[0], 1, largest, largest)) == TraderError::overflow);

  CHECK(desk.trader.state() == TradingState::halted);
  CHECK(desk.out.fills.empty());
}

TEST_CASE("an order without answer becomes unknown after the timeout and blocks its instrument") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const OrderRequestRecord order = desk.out.orders[0];
  desk.ts_ns += 10 * test::step_ns;
  desk.step();
  CHECK(desk.trader.orders().find(order.client_order_id)->state == OrderState::pending_new);

  desk.ts_ns += 1;
  desk.step();
  CHECK(desk.trader.orders().find(order.client_order_id)->state == OrderState::unknown);
  desk.forget_outputs();
  desk.forecast({9.0F, 0.0F, 0.0F});
  CHECK(desk.out.decisions[0].action == code(SignalAction::wait));

  desk.reply(test::fill_of(order, 1, 100, 10'001));
  CHECK(desk.trader.orders().find(order.client_order_id)->state == OrderState::filled);
}

TEST_CASE("each step marks open positions and only those") {
  LongDesk desk;

  desk.step();

  REQUIRE(desk.out.positions.size() == 1);
  CHECK(desk.out.positions[0].instrument == 4);
  CHECK(desk.out.positions[0].unrealised_quote_units == -100);
}

TEST_CASE("settings that cannot trade are refused with key, expected and found") {
  std::string error;
  CHECK(check_config(test::two_slots_and_a_mask(), error));

  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[2].terms.order_size = SizeUnits{15};
  CHECK_FALSE(check_config(config, error));
  CHECK(error == "slot 2: order_size: expected a positive multiple of the lot of 10 size units, found 15");

  config = test::two_slots_and_a_mask();
  config.risk.forecast_age_max_ns = 0;
  CHECK_FALSE(check_config(config, error));
  CHECK(error == "risk.forecast_age_max_ns: expected more than 0, found 0");

  config = test::two_slots_and_a_mask();
  config.slots[2].terms.instrument = 4;
  CHECK_FALSE(check_config(config, error));

  config.slots.clear();
  CHECK_FALSE(check_config(config, error));
}
