// How wishes become orders: what each strategy sees, and the difference between what it wishes and what
// works.
#include <algorithm>

#include "lob/cross_market.hpp"
#include "lob/money.hpp"
#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {

void Trader::ask_all(Cadence cadence, Cause cause, TsNs ts_step_ns, const ForecastView* forecast,
                     const MarketView& market, TradingOutputs& out) {
  for (std::size_t strategy = 0; strategy < strategies_.size(); ++strategy) {
    if (strategies_[strategy]->cadence() != cadence) continue;
    ask(static_cast<std::uint8_t>(strategy), cause, ts_step_ns, forecast, market, out);
  }
}

void Trader::look(std::uint8_t strategy, const MarketView& market) {
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    const InFlight in_flight = orders_.in_flight(slot, strategy);
    views_[slot] = {.market = &seen(slot, market),
                    .position = own_position(strategy, slot),
                    .buys_in_flight = in_flight.buys,
                    .sells_in_flight = in_flight.sells,
                    .step_volatility_bps = market.cross_market == nullptr
                                               ? 0.0
                                               : market.cross_market->step_volatility_bps(slot)};
  }
}

void Trader::ask(std::uint8_t strategy, Cause cause, TsNs ts_step_ns, const ForecastView* forecast,
                 const MarketView& market, TradingOutputs& out) {
  look(strategy, market);
  wishes_.clear();
  strategies_[strategy]->decide({.ts_ns = cause.ts_ns,
                                 .ts_step_ns = ts_step_ns,
                                 .terms = terms_,
                                 .slots = views_,
                                 .forecast = forecast,
                                 .cross_market = market.cross_market},
                                wishes_);
  const Act blank{.cause = cause,
                  .ts_step_ns = ts_step_ns,
                  .strategy = strategy,
                  .market = &market,
                  .decision = {},
                  .is_eventful = false};
  // A strategy that follows forecasts tells every decision; one that follows steps only what had an effect.
  const auto tell = [&](const Act& done) {
    if (forecast != nullptr || done.is_eventful) out.decisions.push_back(done.decision);
  };
  auto wish = wishes_.begin();
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    if (is_masked(slot)) continue;
    Act next = blank;
    if (wish == wishes_.end() || wish->slot != slot) {
      withdraw(next, slot, out);
      continue;
    }
    const Wish& now = *wish++;
    if (now.other_leg < slot) continue;  // It went with the other leg.
    if (now.other_leg == no_leg) {
      act(next, now, out);
      tell(next);
      continue;
    }
    Act second = blank;
    const auto is_other = [&](const Wish& other) { return other.slot == now.other_leg; };
    act_legs(next, now, second, *std::find_if(wish, wishes_.end(), is_other), out);
    tell(next);
    tell(second);
  }
}

std::optional<Order> Trader::prepare(Act& act, const Wish& wish, TradingOutputs& out) {
  DecisionRecord& decision = act.decision;
  decision.seq = act.cause.seq;
  decision.ts_ns = act.cause.ts_ns;
  decision.ts_step_ns = act.ts_step_ns;
  decision.expected_bps = wish.expected_bps;
  decision.cost_bps = wish.cost_bps;
  decision.position_units = own_position(act.strategy, wish.slot).value;
  decision.target_units = wish.target.value;
  decision.instrument = terms_[wish.slot].instrument;
  decision.model_id = model_id_;
  decision.action = code(wish.action);
  decision.trading_state = code(state());
  decision.strategy = act.strategy;
  if (wish.action == SignalAction::no_book) decision.rule = code(RiskRule::invalid_book);
  quote(act, wish.slot, Side::bid, wish.bid, out);
  quote(act, wish.slot, Side::ask, wish.ask, out);
  return wanted(act, wish, out);
}

void Trader::act(Act& act, const Wish& wish, TradingOutputs& out) {
  std::optional<Order> order = prepare(act, wish, out);
  if (!order) return;
  act.decision.rule = code(send(act.cause, *order, *act.market, out));
  if (act.decision.rule == 0) act.decision.client_order_id = order->client_order_id;
  act.is_eventful = true;
}

void Trader::act_legs(Act& first, const Wish& first_wish, Act& second, const Wish& second_wish,
                      TradingOutputs& out) {
  std::optional<Order> one = prepare(first, first_wish, out);
  std::optional<Order> other = prepare(second, second_wish, out);
  if (!one || !other) return;
  const Cause cause = first.cause;
  const RiskRule rule_of_one = judge(*one, nullptr, *first.market, cause.ts_ns);
  const bool is_refused = rule_of_one != RiskRule::none;
  const RiskRule rule = is_refused ? rule_of_one : judge(*other, &*one, *first.market, cause.ts_ns);
  first.decision.rule = second.decision.rule = code(rule);
  first.is_eventful = second.is_eventful = true;
  // Only the leg at fault is told as refused.
  if (rule != RiskRule::none) return settle(cause, is_refused ? *one : *other, rule, out);
  settle(cause, *one, rule, out);
  settle(cause, *other, rule, out);
  first.decision.client_order_id = one->client_order_id;
  second.decision.client_order_id = other->client_order_id;
}

OrderIntent Trader::taker(std::size_t slot, const TopOfBook& top, SizeUnits held, SizeUnits target,
                          PriceTicks limit, OrderPurpose purpose) const noexcept {
  const TraderSlot& entry = config_.slots[slot];
  const SizeUnits delta = target - held;
  const bool is_buy = delta.value > 0;
  const bool is_cut = is_opposite(held, delta) && entry.max_order_size < magnitude(delta);
  const PriceTicks cap{purpose == OrderPurpose::flatten ? entry.flatten_cap_ticks : entry.slippage_cap_ticks};
  const PriceTicks lowest{1};
  const PriceTicks touch = is_buy ? top.ask + cap : std::max(lowest, top.bid - cap);
  return {.side = is_buy ? Side::bid : Side::ask,
          .price = limit.value > 0 ? limit : touch,
          .size = round_to_lot(is_cut ? entry.max_order_size : magnitude(delta), entry.terms.lot),
          .purpose = purpose};
}

void Trader::quote(Act& act, std::size_t slot, Side side, const Quote& wanted, TradingOutputs& out) {
  if (const Order* working = orders_.quote(slot, act.strategy, side)) {
    if (is_left_alone(*working, wanted) || amend(act, Order{*working}, wanted, out)) return;
    act.is_eventful = true;
    return cancel(act.cause, Order{*working}, out);
  }
  if (wanted.size.value == 0) return;
  // While nothing new may rest there is no quote to refuse at every step.
  const bool is_at_rest = state() == TradingState::flattening || state() == TradingState::halted;
  if (is_at_rest || closing_[slot].is_due) {
    act.decision.rule = code(is_at_rest ? RiskRule::trading_state : RiskRule::blocked);
    return;
  }
  Order order{};
  order.slot = static_cast<std::uint32_t>(slot);
  order.side = side;
  order.time_in_force = TimeInForce::post_only;
  order.purpose = OrderPurpose::quote;
  order.strategy = act.strategy;
  order.model_id = model_id_;
  order.price = wanted.price;
  order.size = wanted.size;
  order.ts_step_ns = act.ts_step_ns;
  const RiskRule rule = send(act.cause, order, *act.market, out);
  act.is_eventful = true;
  if (act.decision.rule == 0) act.decision.rule = code(rule);
  if (rule == RiskRule::none && act.decision.client_order_id == 0) {
    act.decision.client_order_id = order.client_order_id;
  }
}

bool Trader::is_left_alone(const Order& working, const Quote& wanted) const noexcept {
  const bool is_wished = working.price == wanted.price && working.remaining() <= wanted.size;
  switch (working.state) {
    case OrderState::pending_cancel:
    case OrderState::pending_amend:
      return true;
    case OrderState::unknown:
      return is_wished || config_.execution.is_live;  // a query is under way
    case OrderState::pending_new:
      // Its answer comes sooner than a cancel of what may not be there yet would.
      return is_wished || (config_.execution.has_amend && wanted.size.value > 0);
    default:
      return is_wished || working.is_owed_fills();
  }
}

void Trader::withdraw(Act& act, std::size_t slot, TradingOutputs& out) {
  if (slicing(act.strategy, slot).is_begun) recall_all(act.strategy, slot, act.cause, out);
  slicing(act.strategy, slot) = Slicing{};
  quote(act, slot, Side::bid, Quote{}, out);
  quote(act, slot, Side::ask, Quote{}, out);
}

std::size_t Trader::heir_of(std::size_t slot) const noexcept {
  const auto trades = [&](const StrategyConfig& strategy) {
    const auto& chosen = strategy.slots;
    return chosen.empty() || std::find(chosen.begin(), chosen.end(), slot) != chosen.end();
  };
  const auto found = std::find_if(config_.strategies.begin(), config_.strategies.end(), trades);
  return found == config_.strategies.end() ? 0 : static_cast<std::size_t>(found - config_.strategies.begin());
}

void Trader::own_fill(std::size_t slot, std::uint8_t strategy, SizeUnits signed_size) noexcept {
  const std::size_t slots = terms_.size();
  if (strategy < strategies_.size()) {
    own_[strategy * slots + slot] += signed_size;
    return;
  }
  SizeUnits left = signed_size;  // of a closing order: taken from those that hold the other side
  for (std::size_t index = 0; index < strategies_.size(); ++index) {
    SizeUnits& own = own_[index * slots + slot];
    if (!is_opposite(own, left)) continue;
    const SizeUnits part = std::min(magnitude(own), magnitude(left));
    const SizeUnits signed_part = left.value > 0 ? part : -part;
    own += signed_part;
    left = left - signed_part;
  }
  if (!strategies_.empty()) own_[heir_of(slot) * slots + slot] += left;
  if (positions_.at(slot).units.value != 0) return;
  for (std::size_t index = 0; index < strategies_.size(); ++index) own_[index * slots + slot] = SizeUnits{0};
}

}  // namespace lob
