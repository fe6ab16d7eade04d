#include "lob/market_side.hpp"

#include <algorithm>

namespace lob {

SlotBook slot_book(const Market& market, InstrumentId instrument) {
  return {top_of(market.book(instrument)), market.state(instrument) == FeedState::synced,
          market.ts_last_update_ns(instrument)};
}

MarketSide::MarketSide(const SamplerConfig& grid, const CrossMarketConfig& cross_market,
                       std::span<const SlotTerms> terms)
    : stale_ns_(grid.stale_ns),
      slots_(grid.slots.size()),
      is_read_(grid.slots.size(), false),
      cross_market_(cross_market, terms) {
  for (const GridSlot& slot : grid.slots) instruments_.push_back(slot.instrument);
}

std::size_t MarketSide::slot_of(InstrumentId instrument) const noexcept {
  const auto found = std::find(instruments_.begin(), instruments_.end(), instrument);
  const bool is_slot = instrument != no_instrument && found != instruments_.end();
  return is_slot ? static_cast<std::size_t>(found - instruments_.begin()) : no_slot;
}

void MarketSide::touch(InstrumentId instrument) noexcept {
  const std::size_t slot = slot_of(instrument);
  if (slot != no_slot) is_read_[slot] = false;
}

void MarketSide::on_trade(InstrumentId instrument, const TradeEvent& trade) noexcept {
  const std::size_t slot = slot_of(instrument);
  if (slot != no_slot) slots_[slot].last_trade = trade.price;
}

void MarketSide::on_invalid(InstrumentId instrument) noexcept {
  const std::size_t slot = slot_of(instrument);
  if (slot == no_slot) return;
  is_read_[slot] = false;
  slots_[slot].gap_count += 1;
}

void MarketSide::read_book(const Market& market, std::size_t slot) {
  SlotMarket& out = slots_[slot];
  const InstrumentId instrument = instruments_[slot];
  out.is_synced = market.state(instrument) == FeedState::synced;
  out.ts_last_update_ns = market.ts_last_update_ns(instrument);
  out.bid_count = out.ask_count = 0;
  out.top = TopOfBook{};
  is_read_[slot] = true;
  if (!out.is_synced) return;
  const OrderBook& book = market.book(instrument);
  out.bid_count = static_cast<std::uint8_t>(book.top(Side::bid, out.bids));
  out.ask_count = static_cast<std::uint8_t>(book.top(Side::ask, out.asks));
  if (out.bid_count == 0 || out.ask_count == 0) return;
  out.top.bid = out.bids[0].price;
  out.top.ask = out.asks[0].price;
}

const MarketView& MarketSide::at(const Market& market, TsNs ts_ns) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (instruments_[slot] == no_instrument) continue;
    // A message may renew a book's time without a change that observers hear of.
    const bool is_older = slots_[slot].ts_last_update_ns != market.ts_last_update_ns(instruments_[slot]);
    if (!is_read_[slot] || is_older) read_book(market, slot);
    SlotMarket& out = slots_[slot];
    const bool has_touch = out.bid_count > 0 && out.ask_count > 0;
    out.top.is_valid = has_touch && ts_ns - out.ts_last_update_ns <= stale_ns_;
  }
  view_ = {.ts_ns = ts_ns, .slots = slots_, .cross_market = ts_step_ns_ == 0 ? nullptr : &cross_market_};
  return view_;
}

const MarketView& MarketSide::at_step(const Market& market, TsNs ts_step_ns) {
  at(market, ts_step_ns);
  if (ts_step_ns > ts_step_ns_) {
    cross_market_.on_step(ts_step_ns, view_);
    ts_step_ns_ = ts_step_ns;
    past_.emplace_back(ts_step_ns, cross_market_);
  }
  const auto is_it = [&](const auto& entry) { return entry.first == ts_step_ns; };
  const auto found = std::find_if(past_.begin(), past_.end(), is_it);
  view_.cross_market = found == past_.end() ? &cross_market_ : &found->second;
  return view_;
}

void MarketSide::save(ByteWriter& writer) const {
  writer.put_count(slots_.size());
  for (const SlotMarket& slot : slots_) {
    writer.put(slot.last_trade);
    writer.put(slot.gap_count);
  }
  writer.put(ts_step_ns_);
  cross_market_.save(writer);
}

bool MarketSide::load(ByteReader& reader) {
  std::size_t count = 0;
  if (!reader.get_count(count, 1)) return false;
  if (count != slots_.size()) return reader.fail();
  is_read_.assign(slots_.size(), false);
  for (SlotMarket& slot : slots_) {
    if (!reader.get(slot.last_trade) || !reader.get(slot.gap_count)) return false;
  }
  past_.clear();
  return reader.get(ts_step_ns_) && cross_market_.load(reader);
}

}  // namespace lob
