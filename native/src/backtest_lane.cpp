#include "lob/backtest_lane.hpp"

#include <algorithm>

namespace lob {

void LaneOutputs::clear() noexcept {
  trading.clear();
  rejects.clear();
  arena.clear();
}

Lane::Lane(const EngineConfig& config, const LaneConfig& lane, const LaneMarket& market)
    : market_(market),
      trader_(lane.trader),
      desk_(config.instruments, market.market, lane.matching),
      clock_(config.grid->step_ns, config.grid->max_catchup_steps),
      accounts_(lane.trader, lane.sample_steps),
      is_recorded_(lane.is_recorded) {
  out_.trading.arena = &out_.arena;
}

TsNs Lane::next_due_ns() const noexcept {
  if (!owed_.empty()) return owed_.front().ts_ns;
  return desk_.next_ts_ns().value_or(never_ns);
}

bool Lane::has_reply(TsNs until_ns) {
  while (owed_.empty()) {
    const TsNs next_ns = next_due_ns();
    if (next_ns > until_ns) return false;
    due_.clear();
    desk_.due(next_ns, due_);
    owed_.insert(owed_.end(), due_.begin(), due_.end());
  }
  return true;
}

void Lane::deliver(std::uint64_t seq, TsNs until_ns, std::size_t replies_max) {
  for (std::size_t left = replies_max; left > 0 && has_reply(until_ns); --left) {
    const TimedReply due = owed_.front();
    owed_.pop_front();
    const InputName input{.seq = seq, .ts_ns = std::max({due.ts_ns, ts_last_ns_, market_.ts_last_ns})};
    close_steps(input);
    append_reject(input, apply_reply(trader_, input, venue_reply_of(due.reply), out_.trading), out_.rejects,
                  out_.arena);
    settle(input.ts_ns);
  }
}

void Lane::move_to(const InputName& input) {
  close_steps(input);
  settle(input.ts_ns);
}

void Lane::forecast(const InputName& input, const ForecastInput& forecast) {
  close_steps(input);
  const MarketView& market = market_.side.at(market_.market, input.ts_ns);
  const Refusal refusal = apply_forecast(trader_, input, forecast, market, out_.trading);
  append_reject(input, refusal, out_.rejects, out_.arena);
  settle(input.ts_ns);
}

void Lane::wishes(const InputName& input, Bytes payload) {
  close_steps(input);
  const MarketView& market = market_.side.at(market_.market, input.ts_ns);
  append_reject(input, apply_wishes(trader_, input, payload, market, out_.trading), out_.rejects, out_.arena);
  settle(input.ts_ns);
}

void Lane::command(const InputName& input, Bytes json) {
  close_steps(input);
  append_reject(input, apply_command(trader_, input, json, out_.trading), out_.rejects, out_.arena);
  settle(input.ts_ns);
}

void Lane::close_steps(const InputName& input) {
  ts_last_ns_ = input.ts_ns;
  trader_.on_start(input.seq, input.ts_ns, out_.trading);
  if (!clock_.has_steps_before(input.ts_ns)) return;
  if (clock_.is_jump(input.ts_ns)) return clock_.jump(input.ts_ns);
  for (; clock_.next_step_ns() < input.ts_ns; clock_.close_one()) {
    const MarketView& market = market_.side.at_step(market_.market, clock_.next_step_ns());
    trader_.on_step(input.seq, input.ts_ns, market, out_.trading);
    accounts_.read(out_.trading, trader_);
    accounts_.on_step(trader_);
  }
}

void Lane::settle(TsNs ts_ns) {
  for (; orders_sent_ < out_.trading.orders.size(); ++orders_sent_)
    desk_.submit(out_.trading.orders[orders_sent_], ts_ns);
  accounts_.read(out_.trading, trader_);
  if (!is_recorded_) forget_outputs();
}

void Lane::forget_outputs() noexcept {
  out_.clear();
  orders_sent_ = 0;
  accounts_.forget_outputs();
}

}  // namespace lob
