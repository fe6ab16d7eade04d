// Buys one spot market and sells another of the same base and quote while the books pay for it.
//
// Theory. Selling a spot market needs the coins there: `short_max` says how far the position of this strategy
// may go below zero, that is, how much of the base currency is kept at that venue for it. A position so
// opened is unwound when the prices have come back so far that selling what was bought and buying back what
// was sold costs less than `exit_bps` after its fees; a round trip therefore earns at least edge_bps -
// exit_bps where both legs fill.
#include "legs.hpp"

namespace lob {
namespace {

class Arbitrage final : public Strategy {
 public:
  Arbitrage(const ArbitrageSettings& settings, const SizingConfig& sizing, std::vector<Slots> groups)
      : settings_(settings), sizing_(sizing), groups_(std::move(groups)) {}

  [[nodiscard]] StrategyKind kind() const noexcept override { return StrategyKind::arbitrage; }
  [[nodiscard]] Cadence cadence() const noexcept override { return Cadence::step; }

  void decide(const StrategyView& view, std::vector<Wish>& out) override {
    const auto first = std::ssize(out);
    for (const Slots& group : groups_) decide_group(group, view, out);
    std::sort(out.begin() + first, out.end(), [](const Wish& a, const Wish& b) { return a.slot < b.slot; });
  }

  void save(ByteWriter& writer) const override { put_kind(kind(), writer); }
  [[nodiscard]] bool load(ByteReader& reader) override { return get_kind(kind(), reader); }

 private:
  void decide_group(const Slots& group, const StrategyView& view, std::vector<Wish>& out) const {
    if (is_any_in_flight(group, view)) return;
    if (close_residual(group, view, out) != Residual::none) return;
    std::optional<LegPlan> best;
    for (const bool is_closing : {false, true}) {
      if (best) break;
      for (const std::uint32_t buy : group) {
        for (const std::uint32_t sell : group) {
          if (buy != sell) keep_better(offer({.buy = buy, .sell = sell}, is_closing, view), best);
        }
      }
    }
    if (best) wish_both(*best, view, out);
  }

  [[nodiscard]] std::optional<LegPlan> offer(const LegPair& pair, bool is_closing,
                                             const StrategyView& view) const {
    const bool is_held = view.slots[pair.buy].position.value < 0 && view.slots[pair.sell].position.value > 0;
    if (is_closing && !is_held) return std::nullopt;
    const LegTerms legs{.fees_bps = taker_fees_bps(pair, view.terms),
                        .floor_bps = is_closing ? -settings_.exit_bps : settings_.edge_bps,
                        .is_closing = is_closing};
    return plan(pair, legs, view, sizing_);
  }

  ArbitrageSettings settings_;
  SizingConfig sizing_;
  std::vector<Slots> groups_;
};

}  // namespace

std::unique_ptr<Strategy> make_arbitrage(const ArbitrageSettings& settings, const SizingConfig& sizing,
                                         const Slots& slots, std::span<const SlotTerms> terms) {
  Slots spots = slots;
  std::erase_if(spots, [&](std::uint32_t slot) { return terms[slot].market_type != MarketType::spot; });
  std::vector<Slots> groups = leg_groups(spots, terms);
  std::erase_if(groups, [](const Slots& group) { return group.size() < 2; });
  return std::make_unique<Arbitrage>(settings, sizing, std::move(groups));
}

}  // namespace lob
