// What the rules know: exposures, health and equity as they stand when an order or a step is judged.
#include <algorithm>
#include <utility>

#include "lob/cross_market.hpp"
#include "lob/money.hpp"
#include "lob/trader.hpp"
#include "trader_codes.hpp"

namespace lob {
namespace {

bool is_same_but_for_time(const EquityRecord& a, const EquityRecord& b) noexcept {
  return a.equity_e8 == b.equity_e8 && a.realised_e8 == b.realised_e8 && a.unrealised_e8 == b.unrealised_e8 &&
         a.fees_e8 == b.fees_e8 && a.funding_e8 == b.funding_e8 && a.net_exposure_e8 == b.net_exposure_e8 &&
         a.gross_exposure_e8 == b.gross_exposure_e8;
}

/// Sums of one quote group before they are rounded once.
struct GroupSums {
  Int128 realised = 0;  // all in 10^-18 of the quote currency
  Int128 unrealised = 0;
  Int128 fees = 0;
  Int128 funding = 0;
  Int128 net_e8 = 0;
  Int128 gross_e8 = 0;

  void add(const Position& held, std::int64_t quote_unit_e18) noexcept {
    const Int128 unit = quote_unit_e18;
    realised += unit * held.realised_quote_units;
    unrealised += unit * unrealised_quote_units(held);
    fees += unit * held.fees_quote_units;
    funding += unit * held.funding_quote_units;
    const WorstExposure now = worst_exposure(held.units, 0, 0, held.mid_x2_ticks, quote_unit_e18);
    net_e8 += now.long_e8;
    gross_e8 += now.gross_e8;
  }
};

EquityRecord row_of(const GroupSums& sums, std::uint32_t quote_group) noexcept {
  EquityRecord row{};
  row.equity_e8 = e8_of(sums.realised + sums.unrealised - sums.fees - sums.funding);
  row.realised_e8 = e8_of(sums.realised);
  row.unrealised_e8 = e8_of(sums.unrealised);
  row.fees_e8 = e8_of(sums.fees);
  row.funding_e8 = e8_of(sums.funding);
  row.net_exposure_e8 = saturate(sums.net_e8);
  row.gross_exposure_e8 = saturate(sums.gross_e8);
  row.quote_group = quote_group;
  return row;
}

}  // namespace

void Trader::weigh_equity(Cause cause, TsNs ts_step_ns, TradingOutputs& out) {
  // What nobody holds is worth at every price what it was worth at the step after the last booking.
  if (!std::exchange(is_booked_, false) && is_nothing_held()) return;
  for (EquityRecord& last : equity_) {
    EquityRecord row = weighed(last.quote_group);
    row.seq = cause.seq;
    row.ts_ns = cause.ts_ns;
    row.ts_step_ns = ts_step_ns;
    if (!is_same_but_for_time(row, last)) out.equity.push_back(row);
    last = row;
  }
}

EquityRecord Trader::weighed(std::uint32_t quote_group) const noexcept {
  GroupSums sums;
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    const bool is_of_group = !is_masked(slot) && terms_[slot].quote_group == quote_group;
    if (is_of_group) sums.add(positions_.at(slot), terms_[slot].quote_unit_e18);
  }
  return row_of(sums, quote_group);
}

std::int64_t Trader::equity_e8(std::uint32_t quote_group) const noexcept {
  const auto is_it = [&](const EquityRecord& row) { return row.quote_group == quote_group; };
  const auto row = std::find_if(equity_.begin(), equity_.end(), is_it);
  return row == equity_.end() ? 0 : row->equity_e8;
}

bool Trader::is_nothing_held() const noexcept {
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    if (positions_.at(slot).units.value != 0) return false;
  }
  return true;
}

void Trader::add_exposures(std::size_t slot, const Order* ahead, RiskContext& context) const noexcept {
  for (std::size_t other = 0; other < terms_.size(); ++other) {
    const SlotTerms& terms = terms_[other];
    if (other == slot || is_masked(other) || terms.quote_group != terms_[slot].quote_group) continue;
    const Position& held = positions_.at(other);
    InFlight in_flight = orders_.in_flight(other);
    if (ahead != nullptr && ahead->slot == other) add_remaining(in_flight, *ahead);
    const WorstExposure worst = worst_exposure(held.units, in_flight.buys.value, in_flight.sells.value,
                                               held.mid_x2_ticks, terms.quote_unit_e18);
    context.others += worst;
    if (terms.venue == terms_[slot].venue) context.others_of_venue += worst;
  }
}

void Trader::add_own_orders(const Order& order, RiskContext& context) const noexcept {
  const Venue venue = terms_[order.slot].venue;
  const ExecutionConfig& execution = config_.execution;
  for (const auto& [id, other] : orders_.live()) {
    if (id == order.client_order_id) continue;
    const bool is_unknown = other.state == OrderState::unknown;
    if (execution.is_live && is_unknown && other.slot == order.slot) context.is_unresolved = true;
    if (terms_[other.slot].venue == venue && (is_unknown || other.is_awaited())) ++context.orders_awaited;
    if (execution.self_trade != SelfTrade::allow && is_met(other, order)) context.is_self_trade = true;
  }
}

double Trader::other_venues_mid_ticks(std::size_t slot, const MarketView& market) const {
  std::vector<double> mids;
  for (std::size_t other = 0; other < terms_.size(); ++other) {
    const SlotTerms& terms = terms_[other];
    const TopOfBook& top = market.slots[other].top;
    const bool is_sibling = !is_masked(other) && terms.venue != terms_[slot].venue &&
                            terms.base_group == terms_[slot].base_group &&
                            terms.quote_group == terms_[slot].quote_group;
    if (is_sibling && top.is_usable())
      mids.push_back(static_cast<double>(top.mid_x2_ticks()) / 2.0 * terms.tick / terms_[slot].tick);
  }
  if (mids.empty()) return 0.0;
  std::sort(mids.begin(), mids.end());
  const std::size_t half = mids.size() / 2;
  return mids.size() % 2 == 1 ? mids[half] : (mids[half - 1] + mids[half]) / 2.0;
}

SystemHealth Trader::health(std::size_t slot, const MarketView& market, TsNs ts_ns) const {
  SystemHealth health = process_health();
  TsNs venue_last_ns = 0;
  TsNs oldest_ns = ts_ns;
  TsNs newest_ns = 0;
  for (std::size_t other = 0; other < terms_.size(); ++other) {
    if (is_masked(other)) continue;
    const TsNs last_ns = market.slots[other].ts_last_update_ns;
    if (last_ns == 0) continue;  // never heard: its book is not usable, and nothing is known of its venue
    if (terms_[other].venue == terms_[slot].venue) venue_last_ns = std::max(venue_last_ns, last_ns);
    if (terms_[other].base_group != terms_[slot].base_group) continue;
    oldest_ns = std::min(oldest_ns, last_ns);
    newest_ns = std::max(newest_ns, last_ns);
  }
  health.venue_silence_ns = venue_last_ns == 0 ? 0 : ts_ns - venue_last_ns;
  health.sync_skew_ns = newest_ns == 0 ? 0 : newest_ns - oldest_ns;
  health.gaps_in_window = history_.gaps_in_window(static_cast<std::uint32_t>(slot), ts_ns);
  health.errors_in_window = history_.errors_in_window(terms_[slot].venue, ts_ns);
  health.private_silence_ns = private_silence_ns(slot, ts_ns);
  return health;
}

TsNs Trader::private_silence_ns(std::size_t slot, TsNs ts_ns) const noexcept {
  const Venue venue = terms_[slot].venue;
  if (!config_.execution.is_live || venue == Venue::other) return 0;
  return ts_ns - facts_[private_fact(venue)];
}

SystemHealth Trader::process_health() const noexcept {
  SystemHealth health;
  health.clock_offset_ns = facts_[static_cast<std::size_t>(Fact::clock_offset_ns)];
  health.drift_level = facts_[static_cast<std::size_t>(Fact::drift_level)];
  health.ts_heartbeat_ns = facts_[static_cast<std::size_t>(Fact::heartbeat_ns)];
  health.ts_model_expires_ns = facts_[static_cast<std::size_t>(Fact::model_expires_ns)];
  return health;
}

RiskContext Trader::risk_context(const Order& order, const Order* ahead, const MarketView& market,
                                 TsNs ts_ns) const {
  const std::size_t slot = order.slot;
  const SlotTerms& terms = terms_[slot];
  InFlight in_flight = orders_.in_flight(slot);
  // An amended order stands for what it is now as well as for what it was, and never for both.
  if (const Order* before = orders_.find(order.client_order_id)) take_remaining(in_flight, *before);
  RiskContext context{};
  context.state = state();
  context.top = market.slots[slot].top;
  context.position = positions_.at(slot).units;
  context.buys_in_flight = in_flight.buys;
  context.sells_in_flight = in_flight.sells;
  context.lot = terms.lot;
  context.max_position = terms.max_position;
  context.max_order_size = config_.slots[slot].max_order_size;
  context.quote_unit_e18 = terms.quote_unit_e18;
  context.ts_ns = ts_ns;
  context.short_max = terms.short_max;
  context.last_trade_ticks = market.slots[slot].last_trade.value;
  context.other_venues_mid_ticks = other_venues_mid_ticks(slot, market);
  const bool is_ahead_there = ahead != nullptr && terms_[ahead->slot].venue == terms.venue;
  context.orders_in_window = history_.orders_in_window(terms.venue, ts_ns) + (is_ahead_there ? 1 : 0);
  context.ts_same_order_ns =
      history_.ts_same_order_ns(order.slot, order.side, order.price, order.size, ts_ns);
  context.ts_blocked_until_ns = closing_[slot].ts_blocked_until_ns;
  context.health = health(slot, market, ts_ns);
  context.orders_awaited = is_ahead_there ? 1 : 0;
  add_own_orders(order, context);
  add_exposures(slot, ahead, context);
  return context;
}

void Trader::watch(Cause cause, const MarketView& market, TradingOutputs& out) {
  look_at_slots(cause.ts_ns, market);
  watch_groups_.clear();
  for (const EquityRecord& row : equity_) {
    watch_groups_.push_back({.quote_group = row.quote_group,
                             .equity_e8 = row.equity_e8,
                             .net_exposure_e8 = row.net_exposure_e8,
                             .gross_exposure_e8 = row.gross_exposure_e8});
  }
  watch_pairs_.clear();
  if (const CrossMarket* cross = market.cross_market) {
    for (const Pair& pair : cross->pairs()) {
      watch_pairs_.push_back({.slot_a = pair.slot_a,
                              .slot_b = pair.slot_b,
                              .correlation = cross->correlation(pair.slot_a, pair.slot_b),
                              .samples = cross->samples(pair.slot_a, pair.slot_b)});
    }
  }
  trips_.clear();
  watch_.check({.ts_ns = cause.ts_ns,
                .state = state(),
                .slots = watch_slots_,
                .groups = watch_groups_,
                .pairs = watch_pairs_,
                .health = process_health()},
               trips_);
  for (const WatchTrip& trip : trips_) apply_trip(cause, trip, out);
}

void Trader::look_at_slots(TsNs ts_ns, const MarketView& market) {
  watch_slots_.resize(terms_.size());
  for (std::size_t slot = 0; slot < terms_.size(); ++slot) {
    WatchSlot& seen = watch_slots_[slot];
    const SlotTerms& terms = terms_[slot];
    seen = WatchSlot{};
    if (is_masked(slot)) continue;
    const Position& held = positions_.at(slot);
    seen.instrument = terms.instrument;
    seen.venue = terms.venue;
    seen.base_group = terms.base_group;
    seen.position = held.units;
    seen.cost_e8 = e8_of(static_cast<Int128>(held.cost_quote_units) * terms.quote_unit_e18);
    seen.unrealised_e8 = e8_of(static_cast<Int128>(unrealised_quote_units(held)) * terms.quote_unit_e18);
    seen.health = health(slot, market, ts_ns);
  }
}

void Trader::apply_trip(Cause cause, const WatchTrip& trip, TradingOutputs& out) {
  ++counters_.tripped_by_rule[static_cast<std::size_t>(trip.rule)];
  const bool is_of_slot = trip.slot != no_slot;
  out.risk_events.push_back({.seq = cause.seq,
                             .ts_ns = cause.ts_ns,
                             .value = trip.value,
                             .threshold = trip.limit,
                             .instrument = is_of_slot ? terms_[trip.slot].instrument : no_instrument,
                             .rule = code(trip.rule),
                             .action = code(trip.action),
                             .reserved = {}});
  const WatchRuleEntry& entry = entry_of(trip.rule);
  switch (trip.action) {
    case WatchAction::none:
      return;
    case WatchAction::close_slot:
      closing_[trip.slot] = {.is_due = true, .ts_blocked_until_ns = cause.ts_ns + config_.watch.cool_down_ns};
      cancel_slot(cause, trip.slot, out);
      return;
    case WatchAction::reduce:
      move_state(cause, TradingOp::reduce, entry.trigger, entry.name, out);
      return;
    case WatchAction::flatten:
      // A person's word alone wakes what is halted: it may be halted because orders fail.
      if (state() == TradingState::halted) return;
      move_state(cause, TradingOp::flatten, entry.trigger, entry.name, out);
      return;
    case WatchAction::halt:
      move_state(cause, TradingOp::halt, entry.trigger, entry.name, out);
      return;
  }
}

}  // namespace lob
