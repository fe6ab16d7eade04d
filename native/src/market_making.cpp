// Two quotes around a reservation price: the mid, shifted by what is forecast and by what is held already.
//
// Theory. Avellaneda and Stoikov (2008) quote around r = s - q x gamma x sigma^2 x (T - t): a maker that
// holds q would rather sell, so both its quotes move down. Without an end of day, gamma x sigma x (T - t) is
// one number g, the inventory q a share of its limit and sigma the volatility of one step; a forecast moves
// the price that is expected. Their optimal spread grows with volatility; here it is a linear rule with a
// floor and the fee under it.
#include <cmath>

#include "strategy_makers.hpp"

namespace lob {
namespace {

constexpr double e8_per_bps = 1e4;

/// The prices quoted last, 0 where none.
struct LastQuotes {
  PriceTicks bid;
  PriceTicks ask;
};

/// Whole ticks of a price, 0 where it is no price.
PriceTicks ticks_of(double price_ticks) noexcept {
  const bool is_price = price_ticks >= 1.0 && price_ticks <= static_cast<double>(TopOfBook::price_max_ticks);
  return PriceTicks{is_price ? static_cast<std::int64_t>(price_ticks) : 0};
}

class MarketMaking final : public Strategy {
 public:
  MarketMaking(const MarketMakingSettings& settings, const SizingConfig& sizing, Slots slots)
      : settings_(settings), sizing_(sizing), slots_(std::move(slots)), last_(slots_.size()) {}

  [[nodiscard]] StrategyKind kind() const noexcept override { return StrategyKind::market_making; }
  [[nodiscard]] Cadence cadence() const noexcept override {
    return settings_.use_forecast ? Cadence::forecast : Cadence::step;
  }

  void decide(const StrategyView& view, std::vector<Wish>& out) override {
    const bool is_blind = settings_.use_forecast &&
                          (view.forecast == nullptr || view.forecast->horizon_steps < settings_.horizon_step);
    if (is_blind) return;
    for (std::size_t i = 0; i < slots_.size(); ++i) out.push_back(wish_of(view, slots_[i], last_[i]));
  }

  void save(ByteWriter& writer) const override {
    put_kind(kind(), writer);
    writer.put_count(last_.size());
    for (const LastQuotes& last : last_) {
      writer.put(last.bid);
      writer.put(last.ask);
    }
  }
  [[nodiscard]] bool load(ByteReader& reader) override {
    std::size_t count = 0;
    if (!get_kind(kind(), reader) || !reader.get_count(count, 2 * sizeof(std::int64_t))) return false;
    if (count != last_.size()) return reader.fail();
    for (LastQuotes& last : last_) {
      reader.get(last.bid);
      reader.get(last.ask);
    }
    return reader.is_ok();
  }

 private:
  [[nodiscard]] Wish wish_of(const StrategyView& view, std::uint32_t slot, LastQuotes& last) const {
    const SlotView& seen = view.slots[slot];
    const SlotTerms& terms = view.terms[slot];
    Wish wish{.slot = slot, .target = seen.position};
    if (!is_usable(seen)) {
      wish.action = SignalAction::no_book;
      last = {};
      return wish;
    }
    const SizeUnits limit = inventory_limit(terms);
    const double volatility_bps = seen.step_volatility_bps;
    const double forecast_bps =
        settings_.use_forecast ? view.forecast->mid_bps(settings_.horizon_step, slot) : 0.0;
    wish.expected_bps = settings_.forecast_weight * forecast_bps -
                        settings_.risk_aversion * share_of(seen.position, limit) * volatility_bps;
    const double maker_fee_bps = static_cast<double>(terms.maker_fee_e8) / e8_per_bps;
    wish.cost_bps =
        std::max(settings_.min_half_width_bps, maker_fee_bps + settings_.volatility_weight * volatility_bps);
    last = prices(wish, seen.market->top, last);
    const SizeUnits size = order_size(terms, seen, wish.cost_bps - maker_fee_bps);
    const SizeUnits buy_room = limit - seen.position;
    const SizeUnits sell_room = std::min(limit, terms.short_max) + seen.position;
    wish.bid = quote_of(last.bid, std::min(size, buy_room), terms.lot);
    wish.ask = quote_of(last.ask, std::min(size, sell_room), terms.lot);
    const bool is_quoting = wish.bid.size.value > 0 || wish.ask.size.value > 0;
    wish.action = is_quoting ? SignalAction::quote : SignalAction::hold;
    return wish;
  }

  [[nodiscard]] SizeUnits inventory_limit(const SlotTerms& terms) const noexcept {
    const double units = settings_.inventory_share * static_cast<double>(terms.max_position.value);
    return whole_lots(std::min(SizeUnits{static_cast<std::int64_t>(units)}, terms.max_position), terms.lot);
  }
  static double share_of(SizeUnits position, SizeUnits limit) noexcept {
    return limit.value == 0 ? 0.0 : static_cast<double>(position.value) / static_cast<double>(limit.value);
  }

  /// The formula, rounded outward, behind the touch, and held where it moved by less than `requote_ticks`.
  [[nodiscard]] LastQuotes prices(const Wish& wish, const TopOfBook& top,
                                  const LastQuotes& last) const noexcept {
    const double mid_ticks = 0.5 * static_cast<double>(top.mid_x2_ticks());
    const double reservation = mid_ticks * (1.0 + wish.expected_bps / 1e4);
    const double half_width = wish.cost_bps / 1e4;
    const PriceTicks one{1};
    LastQuotes fresh{.bid = ticks_of(std::floor(reservation * (1.0 - half_width))),
                     .ask = ticks_of(std::ceil(reservation * (1.0 + half_width)))};
    fresh.bid = std::min(fresh.bid, top.ask - one);
    if (fresh.ask.value > 0) fresh.ask = std::max(fresh.ask, top.bid + one);
    // Of no width at all, on a whole tick.
    if (fresh.ask.value > 0 && fresh.ask <= fresh.bid) fresh.bid = fresh.ask - one;
    const LastQuotes held{.bid = kept(last.bid, fresh.bid), .ask = kept(last.ask, fresh.ask)};
    const bool is_behind_touch = held.bid < top.ask && (held.ask.value == 0 || held.ask > top.bid);
    const bool is_crossed = held.ask.value > 0 && held.ask <= held.bid;
    return is_behind_touch && !is_crossed ? held : fresh;
  }
  [[nodiscard]] PriceTicks kept(PriceTicks last, PriceTicks fresh) const noexcept {
    const bool is_near =
        last.value > 0 && fresh.value > 0 && std::abs(fresh.value - last.value) < settings_.requote_ticks;
    return is_near ? last : fresh;
  }

  [[nodiscard]] SizeUnits order_size(const SlotTerms& terms, const SlotView& seen, double edge_bps) const {
    return size_of(sizing_, {.order_size = terms.order_size,
                             .lot = terms.lot,
                             .edge_bps = edge_bps,
                             .volatility_bps = seen.step_volatility_bps,
                             .horizon_steps = static_cast<double>(settings_.horizon_step),
                             .unit_price_quote = unit_price_quote(terms, seen.market->top)});
  }
  static Quote quote_of(PriceTicks price, SizeUnits size, SizeUnits lot) noexcept {
    if (price.value <= 0 || size.value <= 0) return {};
    const SizeUnits whole = whole_lots(size, lot);
    return whole.value == 0 ? Quote{} : Quote{.price = price, .size = whole};
  }

  MarketMakingSettings settings_;
  SizingConfig sizing_;
  Slots slots_;
  std::vector<LastQuotes> last_;  // beside slots_
};

}  // namespace

std::unique_ptr<Strategy> make_market_making(const MarketMakingSettings& settings, const SizingConfig& sizing,
                                             Slots slots) {
  return std::make_unique<MarketMaking>(settings, sizing, std::move(slots));
}

}  // namespace lob
