#include "lob/trader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "lob/money.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::Desk;

namespace {

constexpr std::uint8_t code(auto value) {
  return static_cast<std::uint8_t>(value);
}

/// A desk that is long 100 on slot 0, with its outputs forgotten.
struct LongDesk : Desk {
  LongDesk() {
    forecast({9.0F, 0.0F, 0.0F});
    const OrderRequestRecord order = out.orders.front();
    reply(test::reply_of(order, SimReplyKind::ack));
    reply(test::fill_of(order, 1, 100, 10'001, 12));
    forget_outputs();
  }
};

}  // namespace

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
  CHECK(decision.forecast_bps == 9.0);
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
    return desk.trader.on_forecast(1, desk.ts_ns, desk.ts_ns, 1, view, test::usual_tops, desk.out);
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
  config.slots[0].max_position = SizeUnits{90};
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

  desk.trader.on_forecast(1, desk.ts_ns, ts_step_ns, 1, view, test::usual_tops, desk.out);

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
  CHECK(desk.out.decisions[1].rule == code(RiskRule::exposure));
}

TEST_CASE("instruments of another quote currency do not count against each other") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.risk.gross_exposure_e8 = 1'999'999;
  config.slots[2].quote_group = 1;
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

TEST_CASE("halt cancels what is ours, refuses what follows, and says so once with its reason") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  desk.forget_outputs();

  CHECK(desk.command(TradingOp::halt, "operator lunch") == TraderError::none);
  CHECK(desk.command(TradingOp::halt, "again") == TraderError::none);
  desk.forecast({0.0F, 0.0F, 9.0F});

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].kind == 1);
  CHECK(desk.out.order_events[0].state_to == code(OrderState::pending_cancel));
  REQUIRE(desk.out.state_events.size() == 1);
  CHECK(desk.arena == "operator lunch");
  CHECK(desk.out.decisions[1].rule == code(RiskRule::trading_state));
}

TEST_CASE("the venue's answer that there was nothing to cancel does not touch an ended order") {
  Desk desk;
  desk.forecast({9.0F, 0.0F, 0.0F});
  const OrderRequestRecord order = desk.out.orders[0];
  desk.command(TradingOp::halt);
  desk.reply(test::fill_of(order, 1, 100, 10'001));
  SimReply nothing = test::reply_of(order, SimReplyKind::rejected);
  nothing.reason = code(SimReason::unknown_order);

  CHECK(desk.reply(nothing) == TraderError::none);
  CHECK(desk.trader.orders().find(order.client_order_id)->state == OrderState::filled);
}

TEST_CASE("reduce keeps a closing order and cancels an opening one") {
  LongDesk desk;
  desk.forecast({-1.0F, 0.0F, 9.0F});  // Leaves slot 0, enters slot 2.
  REQUIRE(desk.out.orders.size() == 2);
  const std::uint64_t opening = desk.out.orders[1].client_order_id;
  desk.forget_outputs();

  desk.command(TradingOp::reduce);

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].client_order_id == opening);
}

TEST_CASE("while reducing, signals close positions and open none") {
  LongDesk desk;
  desk.command(TradingOp::reduce);

  desk.forecast({-1.0F, 0.0F, 9.0F});

  REQUIRE(desk.out.orders.size() == 1);
  CHECK(desk.out.orders[0].side == 1);
  CHECK(desk.out.orders[0].size_units == 100);
  CHECK(desk.out.decisions[1].rule == code(RiskRule::trading_state));
}

TEST_CASE("flatten closes what is open with its own cap, then halts") {
  LongDesk desk;
  desk.command(TradingOp::flatten, "end of day");
  desk.step();
  REQUIRE(desk.out.orders.size() == 1);
  const OrderRequestRecord order = desk.out.orders[0];
  CHECK(order.side == 1);
  CHECK(order.size_units == 100);
  CHECK(order.price_ticks == 9'994);

  desk.step();
  CHECK(desk.out.orders.size() == 1);
  CHECK(desk.trader.state() == TradingState::flattening);
  desk.reply(test::fill_of(order, 2, 100, 9'998));
  desk.step();

  CHECK(desk.trader.state() == TradingState::halted);
  CHECK(desk.out.state_events.back().state_from == code(TradingState::flattening));
  CHECK(desk.out.state_events.back().trigger == code(TradingTrigger::operator_));
}

TEST_CASE("flatten waits for a usable book and for orders whose end is not known") {
  LongDesk desk;
  desk.command(TradingOp::flatten);
  desk.step({TopOfBook{}, TopOfBook{}, TopOfBook{}});
  CHECK(desk.out.orders.empty());
  CHECK(desk.trader.state() == TradingState::flattening);

  desk.step();
  CHECK(desk.out.orders.size() == 1);
}

TEST_CASE("a large position is flattened in slices of max_order_size") {
  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[0].max_order_size = SizeUnits{100};
  config.slots[0].max_position = SizeUnits{1'000};
  Desk desk(config);
  desk.forecast({9.0F, 0.0F, 0.0F});
  desk.reply(test::fill_of(desk.out.orders[0], 1, 100, 10'001));
  OrderRequestRecord forgotten = desk.out.orders[0];
  forgotten.client_order_id += 500;
  desk.reply(test::fill_of(forgotten, 2, 155, 10'001));
  desk.forget_outputs();
  desk.command(TradingOp::flatten);

  std::vector<std::int64_t> sizes;
  for (std::uint64_t turn = 0; turn < 5; ++turn) {
    desk.step();
    if (desk.out.orders.size() == sizes.size()) break;
    sizes.push_back(desk.out.orders.back().size_units);
    desk.reply(test::fill_of(desk.out.orders.back(), 10 + turn, sizes.back(), 9'998));
  }

  CHECK(sizes == std::vector<std::int64_t>{100, 100, 50});  // 5 units are less than a lot.
  CHECK(desk.trader.state() == TradingState::halted);
}

TEST_CASE("resume needs an operator with a reason, and flat_confirmed is nobody's command") {
  Desk desk;
  desk.command(TradingOp::halt);
  CHECK(desk.command(TradingOp::resume, "") == TraderError::reason_missing);
  CHECK(desk.trader.on_command(9, desk.ts_ns, TradingOp::resume, TradingTrigger::model, "x", desk.out) ==
        TraderError::operator_only);
  CHECK(desk.command(TradingOp::flat_confirmed) == TraderError::not_allowed);
  CHECK(desk.command(TradingOp::resume, "checked") == TraderError::none);
  CHECK(desk.trader.state() == TradingState::active);
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

TEST_CASE("start is told once in a run") {
  Desk desk;
  desk.trader.on_start(1, 1, desk.out);
  desk.trader.on_start(2, 2, desk.out);
  REQUIRE(desk.out.state_events.size() == 1);
  CHECK(desk.out.state_events[0].trigger == code(TradingTrigger::start));
}

TEST_CASE("settings that cannot trade are refused with key, expected and found") {
  std::string error;
  CHECK(check_config(test::two_slots_and_a_mask(), error));

  TraderConfig config = test::two_slots_and_a_mask();
  config.slots[2].order_size = SizeUnits{15};
  CHECK_FALSE(check_config(config, error));
  CHECK(error == "slot 2: order_size: expected a positive multiple of the lot of 10 size units, found 15");

  config = test::two_slots_and_a_mask();
  config.risk.forecast_age_max_ns = 0;
  CHECK_FALSE(check_config(config, error));
  CHECK(error == "risk.forecast_age_max_ns: expected more than 0, found 0");

  config = test::two_slots_and_a_mask();
  config.slots[2].instrument = 4;
  CHECK_FALSE(check_config(config, error));

  config.slots.clear();
  CHECK_FALSE(check_config(config, error));
}

namespace {

/// Lives through random forecasts, steps, commands and replies (repeated, late, shuffled) from a seed.
class RandomDay {
 public:
  explicit RandomDay(std::uint64_t seed) : dice_(seed) {}

  void turn(Desk& desk) {
    desk.ts_ns += test::step_ns / 4;
    drift();
    const std::int64_t what = dice_.roll(0, 99);
    if (what < 30)
      desk.forecast({bps(), bps(), bps()}, tops_);
    else if (what < 80)
      answer(desk);
    else if (what < 96)
      desk.step(tops_);
    else
      desk.command(static_cast<TradingOp>(dice_.roll(0, 3)));
    for (; seen_ < desk.out.orders.size(); ++seen_) react(desk.out.orders[seen_]);
  }
  [[nodiscard]] Int128 cash(std::size_t slot) const { return cash_[slot]; }
  [[nodiscard]] std::int64_t units(std::size_t slot) const { return units_[slot]; }

 private:
  float bps() { return static_cast<float>(dice_.roll(-60, 60)) / 8.0F; }
  void drift() {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{2}}) {
      mid_[slot] += dice_.roll(-2, 2);
      tops_[slot] = {.bid = PriceTicks{mid_[slot] - dice_.roll(1, 2)},
                     .ask = PriceTicks{mid_[slot] + 1},
                     .is_valid = dice_.roll(0, 19) != 0};
    }
  }
  /// The venue's side of one request: what it will answer, some day, in some order.
  void react(const OrderRequestRecord& order) {
    if (order.kind == 1) {
      SimReply nothing = test::reply_of(order, SimReplyKind::rejected);
      nothing.reason = code(SimReason::unknown_order);
      waiting_.push_back(nothing);
      return;
    }
    if (dice_.roll(0, 9) == 0) return waiting_.push_back(test::reply_of(order, SimReplyKind::rejected));
    waiting_.push_back(test::reply_of(order, SimReplyKind::ack));
    std::int64_t left = order.size_units;
    while (left > 0 && dice_.roll(0, 3) != 0) {
      const std::int64_t size = std::min<std::int64_t>(left, 10 * dice_.roll(1, 6));
      waiting_.push_back(
          test::fill_of(order, ++trade_id_, size, order.price_ticks - dice_.roll(0, 3), dice_.roll(0, 30)));
      left -= size;
    }
    if (left > 0) waiting_.push_back(test::reply_of(order, SimReplyKind::expired));
  }
  void answer(Desk& desk) {
    if (waiting_.empty()) return;
    const auto at = waiting_.begin() + dice_.roll(0, std::min<std::int64_t>(2, std::ssize(waiting_) - 1));
    const SimReply reply = *at;
    if (dice_.roll(0, 4) != 0) waiting_.erase(at);  // Else it comes again.
    desk.reply(reply);
    if (reply.kind != code(SimReplyKind::fill) || !booked_.insert(reply.trade_id).second) return;
    const std::size_t slot = reply.instrument == 4 ? 0 : 2;
    const std::int64_t sign = reply.side == 0 ? 1 : -1;
    units_[slot] += sign * reply.size_units;
    cash_[slot] -= sign * reply.size_units * reply.price_ticks + reply.fee_quote_units;
  }

  test::Dice dice_;
  std::vector<TopOfBook> tops_ = test::usual_tops;
  std::int64_t mid_[3] = {10'000, 0, 10'000};
  std::vector<SimReply> waiting_;
  std::set<std::uint64_t> booked_;
  std::size_t seen_ = 0;
  std::uint64_t trade_id_ = 0;
  Int128 cash_[3] = {};
  std::int64_t units_[3] = {};
};

}  // namespace

TEST_CASE("over random days positions are the sum of unique fills and money is conserved exactly") {
  std::uint64_t fills = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Desk desk;
    RandomDay day(seed);
    for (int turn = 0; turn < 2'000; ++turn) {
      day.turn(desk);
      for (const std::size_t slot : {std::size_t{0}, std::size_t{2}}) {
        const Position& held = desk.trader.position(slot);
        const Int128 told = static_cast<Int128>(held.realised_quote_units) + unrealised_quote_units(held) -
                            held.fees_quote_units;
        const Int128 value = floor_div(static_cast<Int128>(day.units(slot)) * held.mid_x2_ticks, 2);
        REQUIRE(held.units.value == day.units(slot));
        REQUIRE(bool(told == day.cash(slot) + value));
      }
    }
    fills += desk.trader.counters().fills;
  }
  CHECK(fills > 1'000);  // Else the days were too quiet to prove anything.
}

TEST_CASE("a trader continued from a checkpoint gives the same bytes as one that never stopped") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Desk whole;
    Desk first;
    RandomDay whole_day(seed);
    RandomDay day(seed);
    for (int turn = 0; turn < 700; ++turn) {
      whole_day.turn(whole);
      day.turn(first);
    }
    ByteWriter writer;
    first.trader.save(writer);

    Desk second;
    ByteReader reader(writer.bytes());
    REQUIRE(second.trader.load(reader));
    REQUIRE(reader.is_at_end());
    second.out = first.out;
    second.arena = first.arena;
    second.out.arena = &second.arena;
    second.seq = first.seq;
    second.ts_ns = first.ts_ns;
    for (int turn = 0; turn < 700; ++turn) {
      whole_day.turn(whole);
      day.turn(second);
    }

    CHECK(test::bytes_of(second.out) == test::bytes_of(whole.out));
    ByteWriter end_of_whole;
    ByteWriter end_of_second;
    whole.trader.save(end_of_whole);
    second.trader.save(end_of_second);
    CHECK(end_of_second.bytes() == end_of_whole.bytes());
  }
}

TEST_CASE("a trader's checkpoint cut short is refused") {
  LongDesk desk;
  ByteWriter writer;
  desk.trader.save(writer);
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    Desk other;
    ByteReader reader(std::string_view(writer.bytes()).substr(0, length));
    CHECK_FALSE(other.trader.load(reader));
  }
}
