#include "legs.hpp"

#include <cmath>
#include <numeric>
#include <utility>

namespace lob {
namespace {

constexpr double e8 = 1e8;

std::int64_t unit_e9(const SlotTerms& terms) noexcept {
  return std::llround(terms.size_unit * 1e9);
}

BaseE9 lot_e9(const SlotTerms& terms) noexcept {
  return static_cast<BaseE9>(terms.lot.value) * unit_e9(terms);
}

/// Least amount that is whole lots of both.
BaseE9 step_e9(const SlotTerms& a, const SlotTerms& b) noexcept {
  const BaseE9 lot_a = lot_e9(a);
  const BaseE9 lot_b = lot_e9(b);
  BaseE9 left = lot_a;
  BaseE9 right = lot_b;
  while (right != 0) left = std::exchange(right, left % right);
  return lot_a / left * lot_b;
}

double price_of(PriceTicks price, const SlotTerms& terms) noexcept {
  return static_cast<double>(price.value) * terms.tick;
}

double gain_bps(PriceTicks bid, const SlotTerms& sell, PriceTicks ask, const SlotTerms& buy) noexcept {
  return 1e4 * std::log(price_of(bid, sell) / price_of(ask, buy));
}

/// How much may still be bought, and sold, without leaving the limits.
BaseE9 buy_room_e9(std::uint32_t slot, const StrategyView& view) noexcept {
  const SizeUnits room = view.terms[slot].max_position - view.slots[slot].position;
  return static_cast<BaseE9>(std::max<std::int64_t>(0, room.value)) * unit_e9(view.terms[slot]);
}
BaseE9 sell_room_e9(std::uint32_t slot, const StrategyView& view) noexcept {
  const SizeUnits room = short_limit(view.terms[slot]) + view.slots[slot].position;
  return static_cast<BaseE9>(std::max<std::int64_t>(0, room.value)) * unit_e9(view.terms[slot]);
}

SizeUnits units_of(BaseE9 amount_e9, const SlotTerms& terms) noexcept {
  return SizeUnits{static_cast<std::int64_t>(amount_e9 / unit_e9(terms))};
}

BaseE9 order_size_e9(std::uint32_t slot, const LegTerms& legs, double edge_bps, const StrategyView& view,
                     const SizingConfig& sizing) noexcept {
  const SlotTerms& terms = view.terms[slot];
  const SizingInputs inputs{.order_size = terms.order_size,
                            .lot = terms.lot,
                            .edge_bps = edge_bps,
                            .volatility_bps = view.slots[slot].step_volatility_bps,
                            .unit_price_quote = unit_price_quote(terms, view.slots[slot].market->top)};
  const SizeUnits size = legs.is_closing ? terms.order_size : size_of(sizing, inputs);
  return static_cast<BaseE9>(size.value) * unit_e9(terms);
}

/// Levels of both books, each counted once, as deep as each pair of them earns more than the floor.
BaseE9 profitable_depth_e9(const LegPair& pair, const LegTerms& legs, const StrategyView& view) noexcept {
  const SlotTerms& buy = view.terms[pair.buy];
  const SlotTerms& sell = view.terms[pair.sell];
  const std::span<const Level> asks = view.slots[pair.buy].market->visible_asks();
  const std::span<const Level> bids = view.slots[pair.sell].market->visible_bids();
  const auto size_e9 = [](const Level& level, const SlotTerms& terms) {
    return static_cast<BaseE9>(level.size.value) * unit_e9(terms);
  };
  BaseE9 amount = 0;
  BaseE9 left_ask = asks.empty() ? 0 : size_e9(asks[0], buy);
  BaseE9 left_bid = bids.empty() ? 0 : size_e9(bids[0], sell);
  for (std::size_t ask = 0, bid = 0; ask < asks.size() && bid < bids.size();) {
    const double gain = gain_bps(bids[bid].price, sell, asks[ask].price, buy) + legs.offset_bps;
    if (!(gain > legs.floor_bps + legs.fees_bps)) break;
    const BaseE9 part = std::min(left_ask, left_bid);
    amount += part;
    left_ask -= part;
    left_bid -= part;
    if (left_ask == 0 && ++ask < asks.size()) left_ask = size_e9(asks[ask], buy);
    if (left_bid == 0 && ++bid < bids.size()) left_bid = size_e9(bids[bid], sell);
  }
  return amount;
}

/// Price of the level at which `size` is reached; the last one where the levels hold less.
PriceTicks price_reaching(std::span<const Level> levels, SizeUnits size) noexcept {
  for (const Level& level : levels) {
    size -= level.size;
    if (size.value <= 0) return level.price;
  }
  return levels.back().price;
}

Wish leg_wish(std::uint32_t slot, SizeUnits delta, PriceTicks limit, const LegPlan& plan,
              const StrategyView& view) {
  const SizeUnits position = view.slots[slot].position;
  Wish wish{.slot = slot, .target = position + delta, .limit = limit};
  wish.action = action_of(position, wish.target);
  wish.expected_bps = plan.expected_bps;
  wish.cost_bps = plan.cost_bps;
  return wish;
}

/// A slot's offer to close a residual: how much, and at which price after its fee.
struct ClosingOffer {
  std::uint32_t slot = 0;
  SizeUnits size;
  double price = 0.0;
};

std::optional<ClosingOffer> closing_offer(std::uint32_t slot, BaseE9 residual_e9, const StrategyView& view) {
  if (!is_usable(view.slots[slot])) return std::nullopt;
  const SlotTerms& terms = view.terms[slot];
  const TopOfBook& top = view.slots[slot].market->top;
  const bool is_sale = residual_e9 > 0;
  const BaseE9 room = is_sale ? sell_room_e9(slot, view) : buy_room_e9(slot, view);
  const SizeUnits size = std::min(units_of(std::min(magnitude(residual_e9), room), terms), terms.order_size);
  const SizeUnits whole = whole_lots(size, terms.lot);
  if (whole.value == 0) return std::nullopt;
  const double fee = static_cast<double>(terms.taker_fee_e8) / e8;
  const double price =
      is_sale ? price_of(top.bid, terms) * (1.0 - fee) : price_of(top.ask, terms) * (1.0 + fee);
  return ClosingOffer{.slot = slot, .size = whole, .price = price};
}

}  // namespace

std::vector<Slots> leg_groups(const Slots& slots, std::span<const SlotTerms> terms) {
  std::vector<Slots> groups;
  for (const std::uint32_t slot : slots) {
    if (unit_e9(terms[slot]) < 1) continue;
    const auto is_same = [&](const Slots& group) {
      const SlotTerms& first = terms[group.front()];
      return first.base_group == terms[slot].base_group && first.quote_group == terms[slot].quote_group;
    };
    const auto found = std::find_if(groups.begin(), groups.end(), is_same);
    if (found == groups.end())
      groups.push_back({slot});
    else
      found->push_back(slot);
  }
  return groups;
}

double taker_fees_bps(const LegPair& pair, std::span<const SlotTerms> terms) noexcept {
  const double sell_fee = static_cast<double>(terms[pair.sell].taker_fee_e8) / e8;
  const double buy_fee = static_cast<double>(terms[pair.buy].taker_fee_e8) / e8;
  return -1e4 * std::log((1.0 - sell_fee) / (1.0 + buy_fee));
}

bool is_any_in_flight(const Slots& group, const StrategyView& view) noexcept {
  return std::any_of(group.begin(), group.end(),
                     [&](std::uint32_t slot) { return is_in_flight(view.slots[slot]); });
}

BaseE9 position_e9(std::uint32_t slot, const StrategyView& view) noexcept {
  return static_cast<BaseE9>(view.slots[slot].position.value) * unit_e9(view.terms[slot]);
}

Residual close_residual(const Slots& group, const StrategyView& view, std::vector<Wish>& out) {
  BaseE9 residual = 0;
  for (const std::uint32_t slot : group) residual += position_e9(slot, view);
  const bool is_there = std::any_of(group.begin(), group.end(), [&](std::uint32_t slot) {
    return lot_e9(view.terms[slot]) <= magnitude(residual);
  });
  if (!is_there) return Residual::none;
  std::optional<ClosingOffer> best;
  for (const std::uint32_t slot : group) {
    const auto offer = closing_offer(slot, residual, view);
    const bool is_better =
        offer && (!best || (residual > 0 ? offer->price > best->price : offer->price < best->price));
    if (is_better) best = offer;
  }
  if (!best) return Residual::stuck;
  const SizeUnits position = view.slots[best->slot].position;
  Wish wish{.slot = best->slot, .target = position + (residual > 0 ? -best->size : best->size)};
  wish.action = action_of(position, wish.target);
  out.push_back(wish);
  return Residual::closing;
}

std::optional<LegPlan> plan(const LegPair& pair, const LegTerms& legs, const StrategyView& view,
                            const SizingConfig& sizing) {
  if (!is_usable(view.slots[pair.buy]) || !is_usable(view.slots[pair.sell])) return std::nullopt;
  const SlotTerms& buy = view.terms[pair.buy];
  const SlotTerms& sell = view.terms[pair.sell];
  const SlotMarket& asked = *view.slots[pair.buy].market;
  const SlotMarket& bid = *view.slots[pair.sell].market;
  LegPlan out{.pair = pair};
  out.expected_bps = gain_bps(bid.top.bid, sell, asked.top.ask, buy) + legs.offset_bps;
  out.cost_bps = legs.floor_bps + legs.fees_bps;
  if (!(out.surplus_bps() > 0.0)) return std::nullopt;

  const double edge_bps = out.expected_bps - legs.fees_bps;
  const BaseE9 held =
      std::min(magnitude(position_e9(pair.buy, view)), magnitude(position_e9(pair.sell, view)));
  BaseE9 amount = profitable_depth_e9(pair, legs, view);
  amount = std::min(amount, order_size_e9(pair.buy, legs, edge_bps, view, sizing));
  amount = std::min(amount, order_size_e9(pair.sell, legs, edge_bps, view, sizing));
  amount = std::min({amount, buy_room_e9(pair.buy, view), sell_room_e9(pair.sell, view)});
  if (legs.is_closing) amount = std::min(amount, held);
  out.amount_e9 = amount - amount % step_e9(buy, sell);
  if (out.amount_e9 == 0) return std::nullopt;
  out.buy_limit = price_reaching(asked.visible_asks(), units_of(out.amount_e9, buy));
  out.sell_limit = price_reaching(bid.visible_bids(), units_of(out.amount_e9, sell));
  return out;
}

void keep_better(const std::optional<LegPlan>& candidate, std::optional<LegPlan>& best) noexcept {
  if (candidate && (!best || candidate->surplus_bps() > best->surplus_bps())) best = candidate;
}

void wish_both(const LegPlan& plan, const StrategyView& view, std::vector<Wish>& out) {
  const SizeUnits bought = units_of(plan.amount_e9, view.terms[plan.pair.buy]);
  const SizeUnits sold = units_of(plan.amount_e9, view.terms[plan.pair.sell]);
  Wish buy = leg_wish(plan.pair.buy, bought, plan.buy_limit, plan, view);
  Wish sell = leg_wish(plan.pair.sell, -sold, plan.sell_limit, plan, view);
  buy.other_leg = sell.slot;
  sell.other_leg = buy.slot;
  const bool is_buy_first = plan.pair.buy < plan.pair.sell;
  out.push_back(is_buy_first ? buy : sell);
  out.push_back(is_buy_first ? sell : buy);
}

}  // namespace lob
