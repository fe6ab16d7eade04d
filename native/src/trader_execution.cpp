// How wishes reach a venue: slices, resting first, amendments, and orders that keep out of our own way.
#include <algorithm>

#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {
namespace {

bool is_resting(OrderState state) noexcept {
  return state == OrderState::open || state == OrderState::partially_filled;
}

/// An order that a plan left to rest.
bool is_passive(const Order& order) noexcept {
  return order.purpose == OrderPurpose::signal && order.may_rest();
}

/// May the venue's book hold it?
bool may_be_in_book(const Order& order) noexcept {
  return order.may_rest() && order.state != OrderState::pending_new && !order.is_owed_fills();
}

std::uint8_t take_off(std::span<Level> levels, std::uint8_t count, const Order& order) noexcept {
  const auto end = levels.begin() + count;
  const auto is_it = [&](const Level& level) { return level.price == order.price; };
  const auto found = std::find_if(levels.begin(), end, is_it);
  if (found == end) return count;
  if (order.remaining() < found->size) {
    found->size -= order.remaining();
    return count;
  }
  std::move(found + 1, end, found);
  return static_cast<std::uint8_t>(count - 1);
}

void take_off(SlotMarket& slot, const Order& order) noexcept {
  if (order.side == Side::bid)
    slot.bid_count = take_off(slot.bids, slot.bid_count, order);
  else
    slot.ask_count = take_off(slot.asks, slot.ask_count, order);
}

/// `size` in `parts` equal slices, as whole lots and at least one.
SizeUnits slice_of(SizeUnits size, std::int64_t parts, SizeUnits lot) noexcept {
  const std::int64_t lots = size.value / lot.value;
  return SizeUnits{std::max<std::int64_t>(1, (lots + parts - 1) / parts) * lot.value};
}

/// Does the venue amend an order under its own id? Binance spot does where only the size falls; its other
/// way, cancel and replace, makes another order.
bool keeps_id(Venue venue, const Order& working, const Order& wanted) noexcept {
  return venue != Venue::binance_spot || (wanted.price == working.price && wanted.size < working.size);
}

}  // namespace

// --- targets -----------------------------------------------------------------------------------------------

std::optional<Order> Trader::wanted(Act& act, const Wish& wish, TradingOutputs& out) {
  const SizeUnits held = own_position(act.strategy, wish.slot);
  recall(act, wish, out);
  if (wish.target == held) return std::nullopt;
  DecisionRecord& decision = act.decision;
  if (orders_.is_working(wish.slot, act.strategy) || closing_[wish.slot].is_due) {
    decision.action = code(SignalAction::wait);
    return std::nullopt;
  }
  const TopOfBook& top = act.market->slots[wish.slot].top;
  const OrderIntent intent = taker(wish.slot, top, held, wish.target, wish.limit, OrderPurpose::signal);
  if (intent.size.value == 0) {  // less than one lot away is there
    decision.action = code(SignalAction::hold);
    return std::nullopt;
  }
  Order order{};
  order.slot = wish.slot;
  order.side = intent.side;
  order.strategy = act.strategy;
  order.model_id = model_id_;
  order.price = intent.price;
  order.size = intent.size;
  order.ts_step_ns = act.ts_step_ns;
  const bool is_fill_or_kill = config_.strategies[act.strategy].slicing.is_fill_or_kill;
  if (is_fill_or_kill) order.time_in_force = TimeInForce::fok;
  if (wish.other_leg != no_leg) return order;
  const std::optional<Order> styled_order = styled(act, wish, order);
  if (!styled_order) decision.action = code(SignalAction::wait);
  return styled_order;
}

Slicing& Trader::planned(const Act& act, const Wish& wish) {
  Slicing& plan = slicing(act.strategy, wish.slot);
  if (plan.is_begun && plan.target == wish.target) return plan;
  const SizeUnits delta = magnitude(wish.target - own_position(act.strategy, wish.slot));
  const SlicingConfig& config = config_.strategies[act.strategy].slicing;
  plan = {.is_begun = true,
          .target = wish.target,
          .slice = slice_of(delta, config.slices, terms_[wish.slot].lot),
          .ts_began_ns = act.cause.ts_ns,
          .ts_next_ns = act.cause.ts_ns};
  return plan;
}

std::optional<Order> Trader::styled(const Act& act, const Wish& wish, Order order) {
  const SlicingConfig& config = config_.strategies[act.strategy].slicing;
  if (config.style == ExecutionStyle::take) return order;
  Slicing& plan = planned(act, wish);
  const TsNs ts_ns = act.cause.ts_ns;
  if (config.style == ExecutionStyle::twap) {
    if (ts_ns < plan.ts_next_ns) return std::nullopt;
    plan.ts_next_ns = ts_ns + config.interval_ns;
    order.size = std::min(order.size, plan.slice);
    return order;
  }
  if (ts_ns - plan.ts_began_ns >= config.patience_ns) return order;
  const TopOfBook& top = act.market->slots[wish.slot].top;
  const bool is_buy = order.side == Side::bid;
  const PriceTicks touch = is_buy ? top.bid : top.ask;
  const bool is_limited = wish.limit.value > 0;
  const PriceTicks within = is_buy ? std::min(touch, wish.limit) : std::max(touch, wish.limit);
  order.price = is_limited ? within : touch;
  order.time_in_force = TimeInForce::post_only;
  return order;
}

void Trader::recall(Act& act, const Wish& wish, TradingOutputs& out) {
  Slicing& plan = slicing(act.strategy, wish.slot);
  if (!plan.is_begun) return;
  const TsNs patience_ns = config_.strategies[act.strategy].slicing.patience_ns;
  const bool is_over = act.cause.ts_ns - plan.ts_began_ns >= patience_ns;
  if (plan.target != wish.target || is_over) recall_all(act.strategy, wish.slot, act.cause, out);
  if (wish.target == own_position(act.strategy, wish.slot)) plan = Slicing{};
}

void Trader::recall_all(std::uint8_t strategy, std::size_t slot, Cause cause, TradingOutputs& out) {
  std::vector<Order> chosen;
  for (const auto& [id, order] : orders_.live()) {
    const bool is_of_plan = order.strategy == strategy && order.slot == slot && is_passive(order);
    if (is_of_plan && is_resting(order.state)) chosen.push_back(order);
  }
  for (const Order& order : chosen) cancel(cause, order, out);
}

void Trader::recall_overdue(Cause cause, TradingOutputs& out) {
  std::vector<Order> chosen;
  for (const auto& [id, order] : orders_.live()) {
    if (!is_passive(order) || !is_resting(order.state) || order.strategy >= strategies_.size()) continue;
    const TsNs patience_ns = config_.strategies[order.strategy].slicing.patience_ns;
    const Slicing& plan = slicing(order.strategy, order.slot);
    if (cause.ts_ns - plan.ts_began_ns >= patience_ns) chosen.push_back(order);
  }
  for (const Order& order : chosen) cancel(cause, order, out);
}

// --- amendments --------------------------------------------------------------------------------------------

bool Trader::may_amend(const Order& working, const Quote& wanted) const noexcept {
  const bool is_at_rest = state() == TradingState::flattening || state() == TradingState::halted;
  return config_.execution.has_amend && wanted.size.value > 0 && is_resting(working.state) &&
         !working.is_owed_fills() && !is_at_rest && !closing_[working.slot].is_due;
}

bool Trader::amend(Act& act, const Order& working, const Quote& wanted, TradingOutputs& out) {
  if (!may_amend(working, wanted)) return false;
  Order moved = working;
  moved.price = wanted.price;
  moved.size = working.filled + wanted.size;
  moved.model_id = model_id_;
  moved.ts_step_ns = act.ts_step_ns;
  if (!keeps_id(terms_[working.slot].venue, working, moved)) return false;
  Order asked = moved;  // the rules are asked about what would rest
  asked.size = wanted.size;
  if (judge(asked, nullptr, *act.market, act.cause.ts_ns) != RiskRule::none) return false;

  const OrderChange change = orders_.amend(moved, act.cause.ts_ns);
  if (!change.is_changed) return false;
  emit_order_event(act.cause, change.order, change.from, 0, out);
  history_.note_sent(moved.slot, terms_[moved.slot].venue, moved.side, moved.price, wanted.size,
                     act.cause.ts_ns);
  emit_request(act.cause, moved, RequestKind::amend, out);
  act.is_eventful = true;
  if (act.decision.client_order_id == 0) act.decision.client_order_id = moved.client_order_id;
  return true;
}

// --- our own orders in the market --------------------------------------------------------------------------

const SlotMarket& Trader::seen(std::size_t slot, const MarketView& market) {
  if (!config_.execution.own_size_in_book) return market.slots[slot];
  SlotMarket& out = seen_[slot];
  out = market.slots[slot];
  for (const auto& [id, order] : orders_.live()) {
    if (order.slot == slot && may_be_in_book(order)) take_off(out, order);
  }
  const bool has_touch = out.bid_count > 0 && out.ask_count > 0;
  if (has_touch) {
    out.top.bid = out.bids[0].price;
    out.top.ask = out.asks[0].price;
  } else if (market.slots[slot].bid_count > 0 && market.slots[slot].ask_count > 0) {
    out.top.is_valid = false;  // nobody but us is there
  }
  return out;
}

bool Trader::is_met(const Order& resting, const Order& order) const noexcept {
  if (resting.slot != order.slot || resting.side == order.side || !resting.may_rest()) return false;
  if (order.type == OrderType::market) return true;
  const bool is_buy = order.side == Side::bid;
  const auto meets = [&](PriceTicks price) { return is_buy ? price <= order.price : price >= order.price; };
  return meets(resting.price) || (resting.amend_size.value > 0 && meets(resting.amend_price));
}

void Trader::cancel_met(Cause cause, const Order& order, TradingOutputs& out) {
  if (config_.execution.self_trade != SelfTrade::cancel) return;
  std::vector<Order> chosen;
  for (const auto& [id, other] : orders_.live()) {
    const bool is_due = other.state != OrderState::pending_cancel && other.state != OrderState::unknown;
    if (is_due && is_met(other, order)) chosen.push_back(other);
  }
  for (const Order& other : chosen) cancel(cause, other, out);
}

bool Trader::is_reduce_only(const Order& order) const noexcept {
  const bool is_asked = config_.execution.is_reduce_only && !order.may_rest() &&
                        terms_[order.slot].market_type == MarketType::perpetual;
  if (!is_asked) return false;
  const SizeUnits held = positions_.at(order.slot).units;
  const InFlight in_flight = orders_.in_flight(order.slot);
  const bool is_buy = order.side == Side::bid;
  const SizeUnits size = order.size + (is_buy ? in_flight.buys : in_flight.sells);
  return is_opposite(held, is_buy ? size : -size) && size <= magnitude(held);
}

}  // namespace lob
