// Sections "strategies" and "cross_market" of the engine's document.
#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>

#include "config_section.hpp"
#include "lob/strategies.hpp"

namespace lob {
namespace {

constexpr std::size_t strategies_max = 64;  // Records name a strategy by one byte.
constexpr std::int64_t steps_max = 1'000'000;
constexpr std::int64_t ticks_max = 1'000'000;
constexpr TsNs hour_ns = 3'600'000'000'000;
constexpr double number_max = 1e12;
constexpr const char* kind_words = "forecast, market_making, arbitrage, basis or external";

using Keys = std::span<const std::string_view>;

/// Throws when a number lies outside; `least` itself is allowed unless it is 0 and `is_open`.
double checked(const Section& section, std::string_view key, double least, double most, const char* expected,
               bool is_open = false) {
  const double value = section.number(key);
  const bool is_sound = is_open ? value > least && value <= most : value >= least && value <= most;
  if (!is_sound) refuse(section.path(key), expected, section.found(key));
  return value;
}
double amount(const Section& section, std::string_view key) {
  return checked(section, key, 0.0, number_max, "0 or more");
}
double positive(const Section& section, std::string_view key) {
  return checked(section, key, 0.0, number_max, "more than 0", true);
}

dom::object object_of(dom::element element, const std::string& path) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) refuse(path, "an object", simdjson::minify(element));
  return object;
}

/// Throws for a key that is in none of the lists.
void allow_only(dom::object object, const std::string& path, std::initializer_list<Keys> lists) {
  for (const dom::key_value_pair entry : object) {
    const bool is_known = std::any_of(lists.begin(), lists.end(), [&](const Keys& keys) {
      return std::find(keys.begin(), keys.end(), entry.key) != keys.end();
    });
    if (is_known) continue;
    std::string known;
    for (const Keys& keys : lists) {
      for (const std::string_view key : keys) known.append(known.empty() ? "" : ", ").append(key);
    }
    refuse(path + "." + std::string(entry.key), "one of the keys " + known, "a key that is not known");
  }
}

constexpr auto common_keys = std::to_array<std::string_view>({"name", "kind", "slots", "sizing"});
constexpr auto sizing_keys = std::to_array<std::string_view>(
    {"kind", "cap", "target_volatility_bps", "kelly_fraction", "capital_quote"});
constexpr auto forecast_keys =
    std::to_array<std::string_view>({"horizon_step", "cost_multiple", "edge_bps", "exit_bps", "style"});
constexpr auto market_making_keys = std::to_array<std::string_view>(
    {"use_forecast", "horizon_step", "forecast_weight", "risk_aversion", "volatility_weight",
     "min_half_width_bps", "inventory_share", "requote_ticks"});
constexpr auto arbitrage_keys = std::to_array<std::string_view>({"edge_bps", "exit_bps"});
constexpr auto basis_keys = std::to_array<std::string_view>(
    {"entry_bps", "exit_bps", "funding_bps", "half_life_steps", "samples_min"});
constexpr auto external_keys = std::to_array<std::string_view>({"max_age_ns"});
constexpr auto cross_market_keys =
    std::to_array<std::string_view>({"half_life_steps", "lag_steps_max", "samples_min"});

ForecastSettings parse_forecast(const Section& section) {
  ForecastSettings out;
  out.signal.horizon_step = static_cast<std::size_t>(section.within("horizon_step", 1, steps_max));
  out.signal.cost_multiple = amount(section, "cost_multiple");
  out.signal.edge_bps = amount(section, "edge_bps");
  out.signal.exit_bps = section.has("exit_bps") ? amount(section, "exit_bps") : 0.0;
  if (section.has("style")) out.style = word(section, "style", &order_style_of, "taker, maker or auto");
  return out;
}

MarketMakingSettings parse_market_making(const Section& section) {
  MarketMakingSettings out;
  out.use_forecast = section.flag_or("use_forecast", false);
  out.horizon_step = static_cast<std::size_t>(section.within("horizon_step", 1, steps_max));
  out.forecast_weight = amount(section, "forecast_weight");
  out.risk_aversion = amount(section, "risk_aversion");
  out.volatility_weight = amount(section, "volatility_weight");
  out.min_half_width_bps = amount(section, "min_half_width_bps");
  out.inventory_share = checked(section, "inventory_share", 0.0, 1.0, "more than 0, at most 1", true);
  out.requote_ticks = section.within("requote_ticks", 1, ticks_max);
  return out;
}

ArbitrageSettings parse_arbitrage(const Section& section) {
  return {.edge_bps = amount(section, "edge_bps"), .exit_bps = amount(section, "exit_bps")};
}

BasisSettings parse_basis(const Section& section) {
  BasisSettings out;
  out.entry_bps = amount(section, "entry_bps");
  out.exit_bps = checked(section, "exit_bps", -number_max, number_max, "a number");
  out.funding_bps = checked(section, "funding_bps", -number_max, number_max, "a number");
  out.half_life_steps = positive(section, "half_life_steps");
  out.samples_min = static_cast<std::uint64_t>(section.within("samples_min", 1, steps_max));
  return out;
}

StrategySettings parse_settings(StrategyKind kind, const Section& section) {
  switch (kind) {
    case StrategyKind::forecast:
      return parse_forecast(section);
    case StrategyKind::market_making:
      return parse_market_making(section);
    case StrategyKind::arbitrage:
      return parse_arbitrage(section);
    case StrategyKind::basis:
      return parse_basis(section);
    case StrategyKind::external:
      return ExternalSettings{.max_age_ns = section.within("max_age_ns", 1, hour_ns)};
  }
  refuse(section.path("kind"), kind_words, section.found("kind"));
}

Keys keys_of(StrategyKind kind) {
  switch (kind) {
    case StrategyKind::forecast:
      return forecast_keys;
    case StrategyKind::market_making:
      return market_making_keys;
    case StrategyKind::arbitrage:
      return arbitrage_keys;
    case StrategyKind::basis:
      return basis_keys;
    case StrategyKind::external:
      return external_keys;
  }
  return {};
}

SizingConfig parse_sizing(const Section& owner) {
  SizingConfig out;
  if (!owner.has("sizing")) return out;
  const Section section = owner.section("sizing");
  allow_only(object_of(owner.element("sizing"), owner.path("sizing")), owner.path("sizing"), {sizing_keys});
  out.kind = word(section, "kind", &sizing_kind_of, "fixed, volatility or kelly");
  if (out.kind == SizingKind::fixed) return out;
  out.cap = positive(section, "cap");
  if (out.kind == SizingKind::volatility) {
    out.target_volatility_bps = positive(section, "target_volatility_bps");
  } else {
    out.kelly_fraction = checked(section, "kelly_fraction", 0.0, 1.0, "more than 0, at most 1", true);
    out.capital_quote = positive(section, "capital_quote");
  }
  return out;
}

std::vector<std::uint32_t> parse_slots(const Section& section, std::size_t slot_count) {
  std::vector<std::uint32_t> out;
  if (!section.has("slots")) return out;
  for (const dom::element item : section.array("slots")) {
    std::int64_t slot = -1;
    const bool is_slot =
        item.get(slot) == simdjson::SUCCESS && slot >= 0 && slot < static_cast<std::int64_t>(slot_count);
    if (!is_slot || (!out.empty() && slot <= static_cast<std::int64_t>(out.back()))) {
      refuse(section.path("slots"), "slots of the grid below " + std::to_string(slot_count) + ", ascending",
             section.found("slots"));
    }
    out.push_back(static_cast<std::uint32_t>(slot));
  }
  if (out.empty()) refuse(section.path("slots"), "at least one slot, or no such key for all", "none");
  return out;
}

bool is_name(const std::string& text) {
  const auto is_sign = [](char sign) {
    return (sign >= 'a' && sign <= 'z') || (sign >= '0' && sign <= '9') || sign == '_';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), is_sign);
}

StrategyConfig parse_strategy(dom::element element, const std::string& path, std::size_t slot_count) {
  const dom::object object = object_of(element, path);
  const Section section(object, path + ".");
  StrategyConfig out;
  out.name = section.text("name");
  if (!is_name(out.name)) refuse(section.path("name"), "1 to 64 of a-z, 0-9 and _", section.found("name"));
  out.kind = word(section, "kind", &strategy_kind_of, kind_words);
  allow_only(object, path, {common_keys, keys_of(out.kind)});
  out.slots = parse_slots(section, slot_count);
  out.settings = parse_settings(out.kind, section);
  out.sizing = parse_sizing(section);
  return out;
}

}  // namespace

CrossMarketConfig parse_cross_market(const Section& root, const SamplerConfig& grid) {
  CrossMarketConfig out;
  out.step_ns = grid.step_ns;
  if (!root.has("cross_market")) return out;
  const Section section = root.section("cross_market");
  allow_only(object_of(root.element("cross_market"), "cross_market"), "cross_market", {cross_market_keys});
  out.half_life_steps = positive(section, "half_life_steps");
  const auto lags_most = static_cast<std::int64_t>(CrossMarketConfig::lag_steps_limit);
  out.lag_steps_max = static_cast<std::size_t>(section.within("lag_steps_max", 0, lags_most));
  out.samples_min = static_cast<std::uint64_t>(section.within("samples_min", 2, steps_max));
  return out;
}

void parse_strategies(const Section& root, const EngineConfig& config, TraderConfig& trader) {
  if (!config.grid) refuse("grid", "a grid, since strategies are given", "none");
  trader.strategies.clear();
  if (!root.has("strategies")) {
    trader.strategies.push_back({.name = "forecast",
                                 .kind = StrategyKind::forecast,
                                 .slots = {},
                                 .settings = parse_forecast(root.section("signal")),
                                 .sizing = {}});
    return;
  }
  for (const dom::element element : root.array("strategies")) {
    const std::string path = "strategies[" + std::to_string(trader.strategies.size()) + "]";
    StrategyConfig strategy = parse_strategy(element, path, config.grid->slots.size());
    const bool is_taken =
        std::any_of(trader.strategies.begin(), trader.strategies.end(),
                    [&](const StrategyConfig& other) { return other.name == strategy.name; });
    if (is_taken) refuse(path + ".name", "a name of its own", strategy.name + " a second time");
    trader.strategies.push_back(std::move(strategy));
  }
  const std::size_t count = trader.strategies.size();
  if (count == 0 || count > strategies_max)
    refuse("strategies", "1 to " + std::to_string(strategies_max) + " strategies", std::to_string(count));
}

}  // namespace lob
