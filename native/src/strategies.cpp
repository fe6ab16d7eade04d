#include "lob/strategies.hpp"

#include "strategy_makers.hpp"

namespace lob {

std::string_view text_of(StrategyKind kind) noexcept {
  switch (kind) {
    case StrategyKind::forecast:
      return "forecast";
    case StrategyKind::market_making:
      return "market_making";
    case StrategyKind::arbitrage:
      return "arbitrage";
    case StrategyKind::basis:
      return "basis";
    case StrategyKind::external:
      return "external";
  }
  return "unknown";
}

std::string_view text_of(OrderStyle style) noexcept {
  switch (style) {
    case OrderStyle::taker:
      return "taker";
    case OrderStyle::maker:
      return "maker";
    case OrderStyle::automatic:
      return "auto";
  }
  return "unknown";
}

std::optional<StrategyKind> strategy_kind_of(std::string_view text) noexcept {
  for (std::size_t code = 0; code < strategy_kind_count; ++code) {
    if (text_of(static_cast<StrategyKind>(code)) == text) return static_cast<StrategyKind>(code);
  }
  return std::nullopt;
}

std::optional<OrderStyle> order_style_of(std::string_view text) noexcept {
  for (const OrderStyle style : {OrderStyle::taker, OrderStyle::maker, OrderStyle::automatic}) {
    if (text_of(style) == text) return style;
  }
  return std::nullopt;
}

Slots traded_slots(const Slots& chosen, std::span<const SlotTerms> terms) {
  Slots out;
  for (std::uint32_t slot = 0; slot < terms.size(); ++slot) {
    const bool is_chosen = chosen.empty() || std::find(chosen.begin(), chosen.end(), slot) != chosen.end();
    if (is_chosen && terms[slot].instrument != no_instrument) out.push_back(slot);
  }
  return out;
}

std::size_t horizon_steps_needed(const StrategyConfig& config) noexcept {
  if (const auto* forecast = std::get_if<ForecastSettings>(&config.settings)) {
    return forecast->signal.horizon_step;
  }
  const auto* making = std::get_if<MarketMakingSettings>(&config.settings);
  return making != nullptr && making->use_forecast ? making->horizon_step : 0;
}

std::unique_ptr<Strategy> make_strategy(const StrategyConfig& config, std::span<const SlotTerms> terms) {
  const Slots slots = traded_slots(config.slots, terms);
  const auto& settings = config.settings;
  switch (config.kind) {
    case StrategyKind::forecast:
      return make_forecast(std::get<ForecastSettings>(settings), config.sizing, slots);
    case StrategyKind::market_making:
      return make_market_making(std::get<MarketMakingSettings>(settings), config.sizing, slots);
    case StrategyKind::arbitrage:
      return make_arbitrage(std::get<ArbitrageSettings>(settings), config.sizing, slots, terms);
    case StrategyKind::basis:
      return make_basis(std::get<BasisSettings>(settings), config.sizing, slots, terms);
    case StrategyKind::external:
      return std::make_unique<ExternalStrategy>(std::get<ExternalSettings>(settings), slots, terms);
  }
  return nullptr;
}

}  // namespace lob
