// A perpetual against a spot market of the same base and quote, around the mean of their distance.
//
//   basis     = 10^4 ln(perpetual mid / spot mid)
//   mean      = sum of w x basis / sum of w, over earlier steps;  w = 2^(-age in samples / half_life_steps)
//   deviation = 10^4 ln(perpetual / spot) - mean + funding_bps, at the prices that would be paid
//
//   in   when s x deviation - fee_perpetual - fee_spot > entry_bps    half of a round trip's four taker fees
//   out  when s x deviation < exit_bps                                s = +1 sells the perpetual, -1 buys it
//
// A round trip where both legs fill and the mean stays earns at least entry_bps - exit_bps, less the fees of
// leaving.
#include <cmath>

#include "legs.hpp"

namespace lob {
namespace {

struct BasisPair {
  std::uint32_t perpetual = 0;
  std::uint32_t spot = 0;
  double weight = 0.0;
  double sum_bps = 0.0;  // Weighted as `weight`.
  std::uint64_t samples = 0;

  [[nodiscard]] double mean_bps() const noexcept { return sum_bps / weight; }
};

struct BasisGroup {
  Slots slots;
  std::vector<BasisPair> pairs;
};

class Basis final : public Strategy {
 public:
  Basis(const BasisSettings& settings, const SizingConfig& sizing, std::vector<BasisGroup> groups)
      : settings_(settings),
        sizing_(sizing),
        decay_(std::exp2(-1.0 / settings.half_life_steps)),
        groups_(std::move(groups)) {}

  [[nodiscard]] StrategyKind kind() const noexcept override { return StrategyKind::basis; }
  [[nodiscard]] Cadence cadence() const noexcept override { return Cadence::step; }

  void decide(const StrategyView& view, std::vector<Wish>& out) override {
    const auto first = std::ssize(out);
    for (BasisGroup& group : groups_) {
      decide_group(group, view, out);
      for (BasisPair& pair : group.pairs) learn(pair, view);
    }
    std::sort(out.begin() + first, out.end(), [](const Wish& a, const Wish& b) { return a.slot < b.slot; });
  }

  void save(ByteWriter& writer) const override {
    put_kind(kind(), writer);
    writer.put_count(pair_count());
    for (const BasisGroup& group : groups_) {
      for (const BasisPair& pair : group.pairs) {
        writer.put(pair.weight);
        writer.put(pair.sum_bps);
        writer.put(pair.samples);
      }
    }
  }
  [[nodiscard]] bool load(ByteReader& reader) override {
    std::size_t count = 0;
    if (!get_kind(kind(), reader) || !reader.get_count(count, 3 * sizeof(double))) return false;
    if (count != pair_count()) return reader.fail();
    for (BasisGroup& group : groups_) {
      for (BasisPair& pair : group.pairs) {
        reader.get(pair.weight);
        reader.get(pair.sum_bps);
        reader.get(pair.samples);
      }
    }
    return reader.is_ok();
  }

 private:
  [[nodiscard]] std::size_t pair_count() const noexcept {
    std::size_t count = 0;
    for (const BasisGroup& group : groups_) count += group.pairs.size();
    return count;
  }

  void decide_group(const BasisGroup& group, const StrategyView& view, std::vector<Wish>& out) const {
    if (is_any_in_flight(group.slots, view)) return;
    if (close_residual(group.slots, view, out) != Residual::none) return;
    std::optional<LegPlan> best;
    for (const BasisPair& pair : group.pairs) {
      keep_better(entry(pair, true, view), best);
      keep_better(entry(pair, false, view), best);
    }
    if (!best) {
      for (const BasisPair& pair : group.pairs) keep_better(exit(pair, view), best);
    }
    if (best) wish_both(*best, view, out);
  }

  /// 10^4 ln(bid / ask) + this is the deviation, signed so that more is better for the trade.
  [[nodiscard]] double offset_bps(const BasisPair& pair, bool sells_perpetual) const noexcept {
    const double shift_bps = settings_.funding_bps - pair.mean_bps();
    return sells_perpetual ? shift_bps : -shift_bps;
  }
  static LegPair legs_of(const BasisPair& pair, bool sells_perpetual) noexcept {
    return sells_perpetual ? LegPair{.buy = pair.spot, .sell = pair.perpetual}
                           : LegPair{.buy = pair.perpetual, .sell = pair.spot};
  }

  [[nodiscard]] std::optional<LegPlan> entry(const BasisPair& pair, bool sells_perpetual,
                                             const StrategyView& view) const {
    if (pair.samples == 0 || pair.samples < settings_.samples_min) return std::nullopt;
    const LegPair legs = legs_of(pair, sells_perpetual);
    const LegTerms terms{.offset_bps = offset_bps(pair, sells_perpetual),
                         .fees_bps = taker_fees_bps(legs, view.terms),
                         .floor_bps = settings_.entry_bps};
    return plan(legs, terms, view, sizing_);
  }

  [[nodiscard]] std::optional<LegPlan> exit(const BasisPair& pair, const StrategyView& view) const {
    const std::int64_t perpetual = view.slots[pair.perpetual].position.value;
    const std::int64_t spot = view.slots[pair.spot].position.value;
    const bool is_held = (perpetual < 0 && spot > 0) || (perpetual > 0 && spot < 0);
    if (!is_held || pair.samples == 0) return std::nullopt;
    const bool sells_perpetual = perpetual > 0;
    const LegTerms terms{.offset_bps = offset_bps(pair, sells_perpetual),
                         .floor_bps = -settings_.exit_bps,
                         .is_closing = true};
    return plan(legs_of(pair, sells_perpetual), terms, view, sizing_);
  }

  void learn(BasisPair& pair, const StrategyView& view) const noexcept {
    const SlotView& perpetual = view.slots[pair.perpetual];
    const SlotView& spot = view.slots[pair.spot];
    if (!is_usable(perpetual) || !is_usable(spot)) return;
    const auto mid = [&](std::uint32_t slot) {
      return static_cast<double>(view.slots[slot].market->top.mid_x2_ticks()) * view.terms[slot].tick;
    };
    pair.weight = decay_ * pair.weight + 1.0;
    pair.sum_bps = decay_ * pair.sum_bps + 1e4 * std::log(mid(pair.perpetual) / mid(pair.spot));
    ++pair.samples;
  }

  BasisSettings settings_;
  SizingConfig sizing_;
  double decay_;
  std::vector<BasisGroup> groups_;
};

}  // namespace

std::unique_ptr<Strategy> make_basis(const BasisSettings& settings, const SizingConfig& sizing,
                                     const Slots& slots, std::span<const SlotTerms> terms) {
  std::vector<BasisGroup> groups;
  for (Slots& slots_of_group : leg_groups(slots, terms)) {
    BasisGroup group;
    for (const std::uint32_t perpetual : slots_of_group) {
      for (const std::uint32_t spot : slots_of_group) {
        const bool is_pair = terms[perpetual].market_type == MarketType::perpetual &&
                             terms[spot].market_type == MarketType::spot;
        if (is_pair) group.pairs.push_back({.perpetual = perpetual, .spot = spot});
      }
    }
    if (group.pairs.empty()) continue;
    group.slots = std::move(slots_of_group);
    groups.push_back(std::move(group));
  }
  return std::make_unique<Basis>(settings, sizing, std::move(groups));
}

}  // namespace lob
