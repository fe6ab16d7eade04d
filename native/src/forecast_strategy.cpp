// The table of signal.hpp, over every slot of a forecast: what is worth taking is taken, what is worth a
// quote rests at the touch.
#include "strategy_makers.hpp"

namespace lob {
namespace {

class ForecastStrategy final : public Strategy {
 public:
  ForecastStrategy(const ForecastSettings& settings, const SizingConfig& sizing, Slots slots)
      : settings_(settings), sizing_(sizing), slots_(std::move(slots)) {}

  [[nodiscard]] StrategyKind kind() const noexcept override { return StrategyKind::forecast; }
  [[nodiscard]] Cadence cadence() const noexcept override { return Cadence::forecast; }

  void decide(const StrategyView& view, std::vector<Wish>& out) override {
    if (view.forecast == nullptr || view.forecast->horizon_steps < settings_.signal.horizon_step) return;
    for (const std::uint32_t slot : slots_) out.push_back(wish_of(view, slot));
  }

  void save(ByteWriter& writer) const override { put_kind(kind(), writer); }
  [[nodiscard]] bool load(ByteReader& reader) override { return get_kind(kind(), reader); }

 private:
  [[nodiscard]] Wish wish_of(const StrategyView& view, std::uint32_t slot) const {
    const SlotView& seen = view.slots[slot];
    const SlotTerms& terms = view.terms[slot];
    Wish wish{.slot = slot, .target = seen.position};
    wish.expected_bps = view.forecast->mid_bps(settings_.signal.horizon_step, slot);
    if (!is_usable(seen)) {
      wish.action = SignalAction::no_book;
      return wish;
    }
    const TopOfBook& top = seen.market->top;
    const double taker_bps = taker_cost_bps(top, terms.taker_fee_e8, settings_.signal);
    const bool is_worth_taking = wish.expected_bps > taker_bps || wish.expected_bps < -taker_bps;
    const bool is_taker =
        settings_.style == OrderStyle::taker || (settings_.style == OrderStyle::automatic && is_worth_taking);
    wish.cost_bps = is_taker ? taker_bps : maker_cost_bps(top, terms.maker_fee_e8, settings_.signal);
    const SizeUnits target = target_of(wish.expected_bps, wish.cost_bps, seen.position,
                                       targets(terms, seen, wish), settings_.signal.exit_bps);
    if (is_taker) {
      wish.target = target;
      wish.action = action_of(seen.position, target);
    } else {
      quote_towards(target, terms, top, wish);
    }
    return wish;
  }

  [[nodiscard]] SignalTargets targets(const SlotTerms& terms, const SlotView& seen, const Wish& wish) const {
    const SizingInputs inputs{.order_size = terms.order_size,
                              .lot = terms.lot,
                              .edge_bps = std::abs(wish.expected_bps) - wish.cost_bps,
                              .volatility_bps = seen.step_volatility_bps,
                              .horizon_steps = static_cast<double>(settings_.signal.horizon_step),
                              .unit_price_quote = unit_price_quote(terms, seen.market->top)};
    const SizeUnits size = size_of(sizing_, inputs);
    const SizeUnits largest = size_max_of(sizing_, terms.order_size, terms.lot);
    // A position on the right side is not cut only because a smaller one would be entered now.
    const SizeUnits keep = std::min(magnitude(seen.position), largest);
    const SizeUnits when_long = seen.position.value > 0 ? std::max(size, keep) : size;
    const SizeUnits when_short = seen.position.value < 0 ? std::max(size, keep) : size;
    // Sizing stays within max_position. An order_size beyond it is a mistake in the settings: it is wished as
    // it stands, and the rule max_position refuses it aloud.
    const SizeUnits limit = std::max(terms.order_size, terms.max_position);
    const bool is_short_limited = terms.short_max < terms.max_position;
    const SizeUnits short_limit = is_short_limited ? whole_lots(terms.short_max, terms.lot) : limit;
    return {.when_long = std::min(when_long, limit), .when_short = -std::min(when_short, short_limit)};
  }

  static void quote_towards(SizeUnits target, const SlotTerms& terms, const TopOfBook& top, Wish& wish) {
    const SizeUnits delta = target - wish.target;
    const Quote quote{.price = delta.value > 0 ? top.bid : top.ask,
                      .size = whole_lots(magnitude(delta), terms.lot)};
    if (quote.size.value == 0) return;
    wish.action = SignalAction::quote;
    (delta.value > 0 ? wish.bid : wish.ask) = quote;
  }

  ForecastSettings settings_;
  SizingConfig sizing_;
  Slots slots_;
};

}  // namespace

std::unique_ptr<Strategy> make_forecast(const ForecastSettings& settings, const SizingConfig& sizing,
                                        Slots slots) {
  return std::make_unique<ForecastStrategy>(settings, sizing, std::move(slots));
}

}  // namespace lob
