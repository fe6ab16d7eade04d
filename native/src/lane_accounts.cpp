#include "lob/lane_accounts.hpp"

#include <algorithm>
#include <limits>

#include "lob/orders.hpp"

namespace lob {
namespace {

constexpr Int128 e18_in_e8 = 10'000'000'000;
constexpr std::uint8_t kind_place = 0;

/// Rounded down, and held at the ends of int64.
std::int64_t e8_of(Int128 e18) noexcept {
  const Int128 lowest = std::numeric_limits<std::int64_t>::min();
  const Int128 highest = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(floor_div(e18, e18_in_e8), lowest, highest));
}

}  // namespace

LaneAccounts::LaneAccounts(const TraderConfig& config, std::size_t sample_steps)
    : slots_(config.slots), sample_steps_(sample_steps), before_(config.slots.size()) {
  const auto is_traded = [](const TraderSlot& slot) { return slot.terms.instrument != no_instrument; };
  const auto first = std::find_if(slots_.begin(), slots_.end(), is_traded);
  if (first != slots_.end()) quote_group_ = first->terms.quote_group;
}

std::size_t LaneAccounts::slot_of(InstrumentId instrument) const noexcept {
  const auto is_it = [&](const TraderSlot& slot) { return slot.terms.instrument == instrument; };
  return static_cast<std::size_t>(std::find_if(slots_.begin(), slots_.end(), is_it) - slots_.begin());
}

bool LaneAccounts::is_counted(std::size_t slot) const noexcept {
  return slot < slots_.size() && slots_[slot].terms.instrument != no_instrument &&
         slots_[slot].terms.quote_group == quote_group_;
}

void LaneAccounts::read(const TradingOutputs& out, const Trader& trader) {
  counts_.decisions += out.decisions.size() - seen_.decisions;
  seen_.decisions = out.decisions.size();
  for (; seen_.orders < out.orders.size(); ++seen_.orders) read_order(out.orders[seen_.orders]);
  for (; seen_.order_events < out.order_events.size(); ++seen_.order_events)
    read_order_event(out.order_events[seen_.order_events]);
  for (; seen_.fills < out.fills.size(); ++seen_.fills) read_fill(out.fills[seen_.fills], trader);
}

void LaneAccounts::read_order(const OrderRequestRecord& order) {
  const std::size_t slot = slot_of(order.instrument);
  if (order.kind != kind_place || slot == slots_.size()) return;
  ++counts_.orders;
  counts_.submitted_lots += order.size_units / slots_[slot].terms.lot.value;
}

void LaneAccounts::read_order_event(const OrderEventRecord& event) {
  switch (static_cast<OrderState>(event.state_to)) {
    case OrderState::refused:
      ++counts_.refused;
      break;
    case OrderState::cancelled:
      ++counts_.cancelled;
      break;
    case OrderState::rejected:
      ++counts_.rejected;
      break;
    case OrderState::expired:
      ++counts_.expired;
      break;
    default:
      break;
  }
}

void LaneAccounts::read_fill(const FillRecord& fill, const Trader& trader) {
  const std::size_t slot = slot_of(fill.instrument);
  if (slot == slots_.size()) return;
  is_open_ = true;
  ++counts_.fills;
  counts_.maker_fills += fill.is_maker;
  counts_.filled_lots += fill.size_units / slots_[slot].terms.lot.value;

  const Position& position = trader.position(slot);
  const SlotBefore before = before_[slot];
  before_[slot] = {position.units, position.realised_quote_units};
  if (!is_counted(slot)) return;
  const Int128 unit_e18 = slots_[slot].terms.quote_unit_e18;
  const bool is_buy = fill.side == static_cast<std::uint8_t>(Side::bid);
  turnover_e18_ += notional(PriceTicks{fill.price_ticks}, SizeUnits{fill.size_units}) * unit_e18;
  if (position.mid_x2_ticks > 0) {
    const Int128 better_x2 = position.mid_x2_ticks - Int128{2} * fill.price_ticks;
    spread_e18_x2_ += (is_buy ? better_x2 : -better_x2) * fill.size_units * unit_e18;
  }
  const bool is_reducing = is_buy ? before.units.value < 0 : before.units.value > 0;
  if (!is_reducing) return;
  const Int128 won =
      Int128{position.realised_quote_units} - before.realised_quote_units - fill.fee_quote_units;
  (won > 0 ? counts_.winning_closes : counts_.losing_closes) += 1;
  (won > 0 ? profit_e18_ : loss_e18_) += magnitude(won) * unit_e18;
}

LaneAccounts::Money LaneAccounts::money(const Trader& trader) const noexcept {
  Money sum;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (!is_counted(slot)) continue;
    const Position& position = trader.position(slot);
    const Int128 unit_e18 = slots_[slot].terms.quote_unit_e18;
    sum.realised += position.realised_quote_units * unit_e18;
    sum.unrealised += unrealised_quote_units(position) * unit_e18;
    sum.fees += position.fees_quote_units * unit_e18;
    sum.funding += position.funding_quote_units * unit_e18;
  }
  return sum;
}

void LaneAccounts::on_step(const Trader& trader) {
  ++counts_.steps;
  if (is_open_) {
    const Money now = money(trader);
    equity_e8_ = e8_of(now.realised + now.unrealised - now.fees - now.funding);
    peak_e8_ = std::max(peak_e8_, equity_e8_);
    counts_.max_drawdown_e8 = std::max(counts_.max_drawdown_e8, peak_e8_ - equity_e8_);
    const auto is_held = [](const SlotBefore& slot) { return slot.units.value != 0; };
    is_open_ = std::any_of(before_.begin(), before_.end(), is_held);
  }
  if (counts_.steps % sample_steps_ == 0) equity_samples_.push_back(equity_e8_);
}

LaneSummary LaneAccounts::summary(const Trader& trader) const {
  const Money now = money(trader);
  LaneSummary row = counts_;
  row.turnover_e8 = e8_of(turnover_e18_);
  row.gross_profit_e8 = e8_of(profit_e18_);
  row.gross_loss_e8 = e8_of(loss_e18_);
  row.fees_e8 = e8_of(now.fees);
  row.funding_e8 = e8_of(now.funding);
  row.spread_earned_e8 = e8_of(floor_div(spread_e18_x2_, 2));
  row.realised_e8 = e8_of(now.realised);
  row.unrealised_e8 = e8_of(now.unrealised);
  row.equity_e8 = e8_of(now.realised + now.unrealised - now.fees - now.funding);
  row.quote_group = quote_group_;
  return row;
}

}  // namespace lob
