#include "lob/instrument_matcher.hpp"

#include <algorithm>
#include <limits>

#include "lob/money.hpp"

namespace lob {
namespace {

constexpr std::uint8_t kind_place = 0;
constexpr std::uint8_t kind_cancel = 1;
constexpr std::uint8_t kind_amend = 2;
constexpr std::uint8_t kind_query = 3;
constexpr std::uint8_t type_limit = 0;
constexpr std::uint8_t type_market = 1;
constexpr std::uint8_t time_in_force_ioc = 1;
constexpr std::uint8_t time_in_force_post_only = 2;
constexpr std::uint8_t time_in_force_fok = 3;
constexpr std::size_t first_levels = 32;
constexpr SizeUnits endless_queue{std::numeric_limits<std::int64_t>::max()};

SimReply reply_to(std::uint64_t client_order_id, InstrumentId instrument, Side side,
                  SimReplyKind kind) noexcept {
  SimReply reply;
  reply.client_order_id = client_order_id;
  reply.instrument = instrument;
  reply.side = static_cast<std::uint8_t>(side);
  reply.kind = static_cast<std::uint8_t>(kind);
  return reply;
}

SimReply rejection(const OrderRequestRecord& request, SimReason reason, TsNs ts_ns) noexcept {
  const auto side = static_cast<Side>(request.side & 1U);
  SimReply reply = reply_to(request.client_order_id, request.instrument, side, SimReplyKind::rejected);
  reply.reason = static_cast<std::uint8_t>(reason);
  reply.ts_venue_ns = ts_ns;
  return reply;
}

/// Is `price` no worse for the taker than `limit`?
bool is_within_limit(Side taker, PriceTicks price, const OrderRequestRecord& request) noexcept {
  if (request.type == type_market) return true;
  return taker == Side::bid ? price.value <= request.price_ticks : price.value >= request.price_ticks;
}

bool may_rest(const OrderRequestRecord& request) noexcept {
  return request.type == type_limit && request.time_in_force != time_in_force_ioc &&
         request.time_in_force != time_in_force_fok;
}

/// Did a trade print at a price worse for the aggressor's other side than ours: beyond our resting price?
bool is_through(Side resting, PriceTicks ours, PriceTicks traded) noexcept {
  return resting == Side::bid ? traded < ours : traded > ours;
}

bool is_better(Side side, PriceTicks a, PriceTicks b) noexcept {
  return side == Side::bid ? a > b : a < b;
}

}  // namespace

SizeUnits InstrumentMatcher::whole_lots(SizeUnits size) const noexcept {
  return SizeUnits{size.value - size.value % terms_.lot.value};
}

void InstrumentMatcher::on_request(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
                                   std::vector<SimReply>& out) {
  if (request.kind == kind_cancel) return cancel(request, ts_ns, out);
  if (request.kind == kind_amend) return amend(request, book, ts_ns, out);
  if (request.kind == kind_query) return query(request, ts_ns, out);
  place(request, book, ts_ns, out);
}

SimReason InstrumentMatcher::refusal(const OrderRequestRecord& request, const OrderBook* book) const {
  const bool is_worded = request.kind == kind_place && request.side <= 1 && request.type <= type_market &&
                         request.time_in_force <= time_in_force_fok;
  const bool is_post_only = request.time_in_force == time_in_force_post_only;
  if (!is_worded || (is_post_only && request.type == type_market)) return SimReason::malformed;
  const auto last = last_counter_by_tag_.find(static_cast<std::uint32_t>(request.client_order_id >> 32U));
  const auto counter = static_cast<std::uint32_t>(request.client_order_id);
  if (last != last_counter_by_tag_.end() && counter <= last->second) return SimReason::duplicate_order;
  return terms_refusal(request, book);
}

SimReason InstrumentMatcher::terms_refusal(const OrderRequestRecord& request, const OrderBook* book) const {
  if (request.size_units <= 0 || request.size_units % terms_.lot.value != 0) return SimReason::off_lot;
  if (request.type == type_limit && request.price_ticks <= 0) return SimReason::bad_price;
  const Side opposite_side = opposite(static_cast<Side>(request.side));
  const std::optional<Level> touch = book == nullptr ? std::nullopt : book->best(opposite_side);
  if (!touch) return SimReason::no_book;
  const bool is_post_only = request.time_in_force == time_in_force_post_only;
  const bool is_taker = is_within_limit(static_cast<Side>(request.side), touch->price, request);
  return is_post_only && is_taker ? SimReason::would_cross : SimReason::none;
}

void InstrumentMatcher::place(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
                              std::vector<SimReply>& out) {
  const SimReason reason = refusal(request, book);
  if (reason != SimReason::none) {
    out.push_back(rejection(request, reason, ts_ns));
    return;
  }
  last_counter_by_tag_[static_cast<std::uint32_t>(request.client_order_id >> 32U)] =
      static_cast<std::uint32_t>(request.client_order_id);
  const auto side = static_cast<Side>(request.side);
  SimReply ack = reply_to(request.client_order_id, terms_.instrument, side, SimReplyKind::ack);
  ack.ts_venue_ns = ts_ns;
  out.push_back(ack);

  const bool is_killed = request.time_in_force == time_in_force_fok && !can_fill(request, *book);
  const SizeUnits filled = is_killed ? SizeUnits{0} : take(request, *book, SizeUnits{0}, ts_ns, out);
  if (filled.value == request.size_units) return;
  if (may_rest(request)) return rest(request, *book, filled);
  SimReply expired = reply_to(request.client_order_id, terms_.instrument, side, SimReplyKind::expired);
  expired.ts_venue_ns = ts_ns;
  expired.cumulative_units = filled.value;
  if (is_killed) expired.reason = static_cast<std::uint8_t>(SimReason::cannot_fill);
  out.push_back(expired);
}

std::vector<InstrumentMatcher::Resting>::iterator InstrumentMatcher::find(
    std::uint64_t client_order_id) noexcept {
  const auto is_it = [&](const Resting& order) { return order.client_order_id == client_order_id; };
  return std::find_if(resting_.begin(), resting_.end(), is_it);
}

SimReason InstrumentMatcher::amend_refusal(const Resting& order, const OrderRequestRecord& request,
                                           const OrderBook* book) const {
  OrderRequestRecord wanted = request;  // which side it is on is the order's affair
  wanted.side = static_cast<std::uint8_t>(order.side);
  wanted.type = type_limit;
  const SimReason reason = terms_refusal(wanted, book);
  if (reason != SimReason::none) return reason;
  if (request.size_units <= order.filled.value) return SimReason::filled_already;
  const bool is_same = request.price_ticks == order.price.value && request.size_units == order.size.value;
  return is_same ? SimReason::unchanged : SimReason::none;
}

void InstrumentMatcher::amend(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
                              std::vector<SimReply>& out) {
  const auto found = find(request.client_order_id);
  const bool is_known = found != resting_.end();
  const SimReason reason = is_known ? amend_refusal(*found, request, book) : SimReason::unknown_order;
  const Side side = is_known ? found->side : static_cast<Side>(request.side & 1U);
  const auto kind = reason == SimReason::none ? SimReplyKind::amended : SimReplyKind::amend_rejected;
  SimReply reply = reply_to(request.client_order_id, terms_.instrument, side, kind);
  reply.ts_venue_ns = ts_ns;
  reply.reason = static_cast<std::uint8_t>(reason);
  if (is_known) {
    reply.price_ticks = reason == SimReason::none ? request.price_ticks : found->price.value;
    reply.size_units = reason == SimReason::none ? request.size_units : found->size.value;
    reply.cumulative_units = found->filled.value;
  }
  out.push_back(reply);
  if (reason != SimReason::none) return;
  if (request.price_ticks == found->price.value && request.size_units < found->size.value) {
    found->size = SizeUnits{request.size_units};
    return;
  }
  const Resting old = *found;
  resting_.erase(found);
  move(old, request, *book, ts_ns, out);
}

void InstrumentMatcher::move(const Resting& old, const OrderRequestRecord& request, const OrderBook& book,
                             TsNs ts_ns, std::vector<SimReply>& out) {
  OrderRequestRecord wanted = request;
  wanted.side = static_cast<std::uint8_t>(old.side);
  wanted.type = type_limit;
  const SizeUnits filled = take(wanted, book, old.filled, ts_ns, out);
  if (filled.value < wanted.size_units) rest(wanted, book, filled);
}

void InstrumentMatcher::query(const OrderRequestRecord& request, TsNs ts_ns,
                              std::vector<SimReply>& out) const {
  const auto is_it = [&](const Resting& order) { return order.client_order_id == request.client_order_id; };
  const auto found = std::find_if(resting_.begin(), resting_.end(), is_it);
  const bool is_known = found != resting_.end();
  const Side side = is_known ? found->side : static_cast<Side>(request.side & 1U);
  SimReply reply = reply_to(request.client_order_id, terms_.instrument, side,
                            is_known ? SimReplyKind::ack : SimReplyKind::absent);
  reply.ts_venue_ns = ts_ns;
  if (is_known) {
    reply.price_ticks = found->price.value;
    reply.size_units = found->size.value;
    reply.cumulative_units = found->filled.value;
  }
  out.push_back(reply);
}

void InstrumentMatcher::rest(const OrderRequestRecord& request, const OrderBook& book, SizeUnits filled) {
  const auto side = static_cast<Side>(request.side);
  const PriceTicks price{request.price_ticks};
  resting_.push_back({.client_order_id = request.client_order_id,
                      .side = side,
                      .price = price,
                      .size = SizeUnits{request.size_units},
                      .filled = filled,
                      .queue_ahead = queue_at_arrival(book, side, price),
                      .level = book.size_at(side, price),
                      .traded = {}});
}

SizeUnits InstrumentMatcher::queue_at_arrival(const OrderBook& book, Side side, PriceTicks price) const {
  if (terms_.queue == QueueModel::front) return SizeUnits{0};
  return book.is_within_horizon(side, price) ? book.size_at(side, price) : endless_queue;
}

SizeUnits InstrumentMatcher::take(const OrderRequestRecord& request, const OrderBook& book, SizeUnits filled,
                                  TsNs ts_ns, std::vector<SimReply>& out) {
  const auto side = static_cast<Side>(request.side);
  std::size_t walked = 0;
  for (std::size_t depth = first_levels;; depth *= 2) {
    levels_.resize(depth);
    const std::size_t count = book.top(opposite(side), levels_);
    for (; walked < count; ++walked) {
      const Level& level = levels_[walked];
      if (filled.value == request.size_units || !is_within_limit(side, level.price, request)) return filled;
      const SizeUnits size = take_level(opposite(side), level, SizeUnits{request.size_units} - filled);
      if (size.value == 0) continue;
      filled += size;
      SimReply reply = fill(request.client_order_id, side, level.price, size, terms_.taker_fee_e8);
      reply.ts_venue_ns = ts_ns;
      reply.cumulative_units = filled.value;
      out.push_back(reply);
    }
    if (count < depth) return filled;
  }
}

bool InstrumentMatcher::can_fill(const OrderRequestRecord& request, const OrderBook& book) {
  const auto side = static_cast<Side>(request.side);
  SizeUnits seen;
  std::size_t walked = 0;
  for (std::size_t depth = first_levels;; depth *= 2) {
    levels_.resize(depth);
    const std::size_t count = book.top(opposite(side), levels_);
    for (; walked < count; ++walked) {
      if (!is_within_limit(side, levels_[walked].price, request)) return false;
      const SizeUnits wanted = SizeUnits{request.size_units} - seen;
      seen += whole_lots(std::min(wanted, left_at(opposite(side), levels_[walked])));
      if (seen.value == request.size_units) return true;
    }
    if (count < depth) return false;
  }
}

SizeUnits InstrumentMatcher::left_at(Side book_side, const Level& level) const {
  const auto& gone = taken_[index(book_side)];
  const auto before = gone.find(level.price);
  return before == gone.end() ? level.size : level.size - before->second.taken;
}

SizeUnits InstrumentMatcher::take_level(Side book_side, const Level& level, SizeUnits wanted) {
  const SizeUnits left = left_at(book_side, level);
  const SizeUnits size = whole_lots(std::min(wanted, left));
  if (size.value <= 0) return SizeUnits{0};
  taken(book_side)[level.price] = {.taken = level.size - left + size, .visible = level.size};
  return size;
}

SimReply InstrumentMatcher::fill(std::uint64_t client_order_id, Side side, PriceTicks price, SizeUnits size,
                                 std::int64_t fee_e8) {
  SimReply reply = reply_to(client_order_id, terms_.instrument, side, SimReplyKind::fill);
  reply.trade_id = ++last_trade_id_;
  reply.price_ticks = price.value;
  reply.size_units = size.value;
  position_ += side == Side::bid ? size : -size;
  // A fee beyond int64 belongs to a notional that no position can hold either; the trader then halts.
  reply.fee_quote_units =
      fee_quote_units(notional(price, size), fee_e8).value_or(std::numeric_limits<std::int64_t>::max());
  return reply;
}

void InstrumentMatcher::cancel(const OrderRequestRecord& request, TsNs ts_ns, std::vector<SimReply>& out) {
  const auto found = find(request.client_order_id);
  if (found == resting_.end()) {
    out.push_back(rejection(request, SimReason::unknown_order, ts_ns));
    return;
  }
  SimReply reply = reply_to(found->client_order_id, terms_.instrument, found->side, SimReplyKind::cancelled);
  reply.ts_venue_ns = ts_ns;
  reply.cumulative_units = found->filled.value;
  out.push_back(reply);
  resting_.erase(found);
}

void InstrumentMatcher::on_book(const OrderBook& book, TsNs ts_ns, std::vector<SimReply>& out) {
  for (const Side side : {Side::bid, Side::ask}) {
    std::erase_if(taken(side),
                  [&](const auto& entry) { return book.size_at(side, entry.first) != entry.second.visible; });
  }
  for (Resting& order : resting_) {
    if (terms_.queue == QueueModel::proportional) shorten_queue(order, book);
    fill_crossed(order, book, ts_ns, out);
  }
  std::erase_if(resting_, [](const Resting& order) { return order.filled == order.size; });
}

/// Resting orders are asked in order of arrival; what one takes of a level the next does not find.
void InstrumentMatcher::fill_crossed(Resting& order, const OrderBook& book, TsNs ts_ns,
                                     std::vector<SimReply>& out) {
  const Side side = opposite(order.side);
  const auto is_reached = [&](PriceTicks price) { return !is_better(order.side, price, order.price); };
  const std::optional<Level> touch = book.best(side);
  if (!touch || !is_reached(touch->price)) return;
  order.queue_ahead = SizeUnits{0};  // all that stood before us at this price is gone
  levels_.resize(first_levels);
  const std::size_t count = book.top(side, levels_);
  for (std::size_t i = 0; i < count && is_reached(levels_[i].price); ++i) {
    const SizeUnits size = take_level(side, levels_[i], order.size - order.filled);
    if (size.value > 0) fill_resting(order, size, ts_ns, out);
  }
}

void InstrumentMatcher::shorten_queue(Resting& order, const OrderBook& book) {
  if (!book.is_within_horizon(order.side, order.price)) return;
  const SizeUnits now = book.size_at(order.side, order.price);
  if (now == order.level && order.queue_ahead != endless_queue) return;
  const SizeUnits before = order.level - std::min(order.level, order.traded);
  if (order.queue_ahead != endless_queue && now < before) {
    const Int128 lost = (before - now).value;
    const Int128 ahead = std::min(order.queue_ahead, before).value;
    order.queue_ahead -= SizeUnits{static_cast<std::int64_t>(lost * ahead / before.value)};
  }
  order.queue_ahead = std::min(order.queue_ahead, now);
  order.level = now;
  order.traded = SizeUnits{0};
}

void InstrumentMatcher::on_trade(const TradeEvent& trade, TsNs ts_ns, std::vector<SimReply>& out) {
  if (resting_.empty()) return;
  const Side side = opposite(trade.aggressor_side);
  std::vector<Resting*> reached;
  for (Resting& order : resting_) {
    if (order.side == side && !is_better(side, trade.price, order.price)) reached.push_back(&order);
  }
  std::stable_sort(reached.begin(), reached.end(),
                   [&](const Resting* a, const Resting* b) { return is_better(side, a->price, b->price); });

  SizeUnits left = trade.size;  // What of the trade is not yet ours.
  for (Resting* order : reached) {
    if (is_through(side, order->price, trade.price)) order->queue_ahead = SizeUnits{0};
    if (order->price == trade.price) order->traded += trade.size;
    const SizeUnits queue_gone = std::min(order->queue_ahead, left);
    if (order->queue_ahead != endless_queue) order->queue_ahead -= queue_gone;
    const SizeUnits size = whole_lots(std::min(order->size - order->filled, left - queue_gone));
    if (size.value == 0) continue;
    fill_resting(*order, size, ts_ns, out);
    left -= size;
  }
  std::erase_if(resting_, [](const Resting& order) { return order.filled == order.size; });
}

void InstrumentMatcher::fill_resting(Resting& order, SizeUnits size, TsNs ts_ns, std::vector<SimReply>& out) {
  order.filled += size;
  SimReply reply = fill(order.client_order_id, order.side, order.price, size, terms_.maker_fee_e8);
  reply.ts_venue_ns = ts_ns;
  reply.cumulative_units = order.filled.value;
  reply.is_maker = 1;
  out.push_back(reply);
}

void InstrumentMatcher::charge_funding(const FundingTerms& funding, TsNs ts_ns, std::vector<SimReply>& out) {
  if (position_.value == 0) return;
  const Side side = position_.value > 0 ? Side::bid : Side::ask;
  SimReply reply = reply_to(0, terms_.instrument, side, SimReplyKind::funding);
  reply.ts_venue_ns = ts_ns;
  reply.trade_id = ++last_trade_id_;
  reply.price_ticks = funding.mark.value;
  reply.size_units = position_.value;
  reply.cumulative_units = funding.rate_e8;
  // As with fees: what no integer holds belongs to a position that none holds either.
  reply.fee_quote_units = fee_quote_units(notional(funding.mark, position_), funding.rate_e8)
                              .value_or(std::numeric_limits<std::int64_t>::max());
  out.push_back(reply);
}

}  // namespace lob
