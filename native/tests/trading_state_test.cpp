#include "lob/trading_state.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string_view>

using namespace lob;

namespace {

constexpr std::array states{TradingState::active, TradingState::reducing, TradingState::flattening,
                            TradingState::halted};
constexpr std::array ops{TradingOp::reduce, TradingOp::halt, TradingOp::flatten, TradingOp::resume,
                         TradingOp::flat_confirmed};

TradingVerdict apply_in(TradingState state, TradingOp op, TradingTrigger trigger, std::string_view reason) {
  TradingStateMachine machine;
  machine.restore(state);
  return machine.apply(op, trigger, reason);
}

}  // namespace

TEST_CASE("every cell of the trading state table is as written here") {
  // Rows as in `states`, columns as in `ops`; '-' is refused.
  constexpr std::array<std::string_view, 4> expected{"rhf--", "rhfa-", "-hf-h", "-hfa-"};
  constexpr std::string_view letters = "arfh";
  for (std::size_t row = 0; row < states.size(); ++row) {
    for (std::size_t column = 0; column < ops.size(); ++column) {
      const TradingVerdict verdict = apply_in(states[row], ops[column], TradingTrigger::operator_, "why");
      const char letter = expected[row][column];
      CAPTURE(row);
      CAPTURE(column);
      CHECK((verdict.error == TradingOpError::not_allowed) == (letter == '-'));
      if (letter != '-')
        CHECK(verdict.to == states[letters.find(letter)]);
      else
        CHECK_FALSE(verdict.is_changed());
    }
  }
}

TEST_CASE("halted is latched: no machine resumes it, and no person without a reason") {
  CHECK(apply_in(TradingState::halted, TradingOp::resume, TradingTrigger::limit, "why").error ==
        TradingOpError::operator_only);
  CHECK(apply_in(TradingState::halted, TradingOp::resume, TradingTrigger::operator_, "").error ==
        TradingOpError::reason_missing);
  CHECK(apply_in(TradingState::halted, TradingOp::resume, TradingTrigger::operator_, "fixed").to ==
        TradingState::active);
}

TEST_CASE("a machine may reduce, halt and flatten without a reason") {
  for (const TradingOp op : {TradingOp::reduce, TradingOp::halt, TradingOp::flatten}) {
    CHECK(apply_in(TradingState::active, op, TradingTrigger::stale_feed, "").error == TradingOpError::none);
  }
}

TEST_CASE("nothing but an operator resumes, from any state") {
  for (const TradingState state : states) {
    for (std::size_t i = 1; i < trading_trigger_count; ++i) {
      const auto trigger = static_cast<TradingTrigger>(i);
      CAPTURE(text_of(trigger));
      const TradingVerdict verdict = apply_in(state, TradingOp::resume, trigger, "why");
      CHECK(verdict.error != TradingOpError::none);
      CHECK_FALSE(verdict.is_changed());
    }
  }
}

TEST_CASE("watchdog and model may reduce, halt and flatten an active trader") {
  for (const TradingTrigger trigger : {TradingTrigger::watchdog, TradingTrigger::model}) {
    CHECK(apply_in(TradingState::active, TradingOp::reduce, trigger, "").to == TradingState::reducing);
    CHECK(apply_in(TradingState::active, TradingOp::halt, trigger, "").to == TradingState::halted);
    CHECK(apply_in(TradingState::active, TradingOp::flatten, trigger, "").to == TradingState::flattening);
  }
}

TEST_CASE("the table that is shown is the table that is obeyed") {
  CHECK(trading_table().size() == states.size() * ops.size());
  for (const TradingCell& cell : trading_table()) {
    CAPTURE(text_of(cell.from));
    CAPTURE(text_of(cell.op));
    const TradingVerdict verdict = apply_in(cell.from, cell.op, TradingTrigger::operator_, "why");
    CHECK((verdict.error == TradingOpError::none) == cell.to.has_value());
    CHECK(verdict.to == cell.to.value_or(cell.from));
  }
}

TEST_CASE("a refused operation changes nothing") {
  TradingStateMachine machine;
  machine.apply(TradingOp::halt, TradingTrigger::limit, "");

  machine.apply(TradingOp::reduce, TradingTrigger::operator_, "why");

  CHECK(machine.state() == TradingState::halted);
}
