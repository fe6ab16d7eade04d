// Sections "strategies" and "cross_market": what they say becomes settings, what is wrong is refused by key.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "../src/config_section.hpp"
#include "engine_fixture.hpp"
#include "lob/strategies.hpp"

using namespace lob;

namespace {

/// What the two sections become.
struct Parsed : TraderConfig {
  CrossMarketConfig cross_market;
};

Parsed parsed(const std::string& sections) {
  const EngineConfig config = parse_config(engine_test::settings);
  dom::parser parser;
  const std::string text = "{" + sections + "}";
  const dom::object document = parser.parse(simdjson::padded_string(text));
  Parsed trader;
  trader.cross_market = parse_cross_market(Section(document, ""), *config.grid);
  parse_strategies(Section(document, ""), config, trader);
  (void)parse_cross_market(Section(document, ""), *config.grid);
  return trader;
}

CrossMarketConfig parsed_cross_market(const std::string& sections) {
  const EngineConfig config = parse_config(engine_test::settings);
  dom::parser parser;
  const std::string text = "{" + sections + "}";
  const dom::object document = parser.parse(simdjson::padded_string(text));
  return parse_cross_market(Section(document, ""), *config.grid);
}

std::string refusal(const std::string& sections) {
  try {
    (void)parsed(sections);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

std::string strategy(const std::string& kind, const std::string& rest) {
  return R"("strategies": [{"name": "one", "kind": ")" + kind + "\"" + rest + "}]";
}

void check_refused(const std::string& sections, const std::string& key) {
  const std::string text = refusal(sections);
  INFO(text);
  CAPTURE(sections);
  const bool names_key = text.find("engine settings: " + key + ": expected ") == 0;
  CHECK(names_key);
}

const std::string forecast = R"(, "horizon_step": 3, "cost_multiple": 1.5, "edge_bps": 0.5)";
const std::string making =
    R"(, "use_forecast": true, "horizon_step": 2, "forecast_weight": 0.5, "risk_aversion": 2,
       "volatility_weight": 3, "min_half_width_bps": 4, "inventory_share": 0.5, "requote_ticks": 6)";
const std::string basis = R"(, "entry_bps": 5, "exit_bps": -1, "funding_bps": 0.5, "half_life_steps": 60,
                            "samples_min": 7)";

std::string with_sizing(const std::string& sizing) {
  return strategy("arbitrage", R"(, "edge_bps": 1, "exit_bps": 0, "sizing": )" + sizing);
}

}  // namespace

TEST_CASE("without strategies the section signal is one forecast strategy that takes") {
  const Parsed trader =
      parsed(R"("signal": {"horizon_step": 5, "cost_multiple": 1.0, "edge_bps": 0.25, "exit_bps": 0.5})");

  REQUIRE(trader.strategies.size() == 1);
  const StrategyConfig& only = trader.strategies[0];
  CHECK(only.name == "forecast");
  CHECK(only.kind == StrategyKind::forecast);
  CHECK(only.slots.empty());
  CHECK(only.sizing.kind == SizingKind::fixed);
  const auto& settings = std::get<ForecastSettings>(only.settings);
  CHECK(settings.style == OrderStyle::taker);
  CHECK(settings.signal.horizon_step == 5);
  CHECK(settings.signal.edge_bps == 0.25);
  CHECK(settings.signal.exit_bps == 0.5);
  CHECK(parsed_cross_market("").step_ns == parse_config(engine_test::settings).grid->step_ns);
}

TEST_CASE("each kind's keys become its settings") {
  const Parsed trader =
      parsed(R"("strategies": [{"name": "a", "kind": "forecast", "style": "auto", "slots": [0])" + forecast +
             R"(}, {"name": "b", "kind": "market_making")" + making +
             R"(}, {"name": "c", "kind": "arbitrage", "edge_bps": 2, "exit_bps": 1},
                                        {"name": "d", "kind": "basis")" +
             basis + R"(}, {"name": "e", "kind": "external", "max_age_ns": 9}])");

  REQUIRE(trader.strategies.size() == 5);
  CHECK(trader.strategies[0].slots == std::vector<std::uint32_t>{0});
  CHECK(std::get<ForecastSettings>(trader.strategies[0].settings).style == OrderStyle::automatic);
  CHECK(std::get<ForecastSettings>(trader.strategies[0].settings).signal.cost_multiple == 1.5);
  const auto& maker = std::get<MarketMakingSettings>(trader.strategies[1].settings);
  CHECK(maker.use_forecast);
  CHECK(maker.horizon_step == 2);
  CHECK(maker.forecast_weight == 0.5);
  CHECK(maker.risk_aversion == 2.0);
  CHECK(maker.volatility_weight == 3.0);
  CHECK(maker.min_half_width_bps == 4.0);
  CHECK(maker.inventory_share == 0.5);
  CHECK(maker.requote_ticks == 6);
  CHECK(std::get<ArbitrageSettings>(trader.strategies[2].settings).edge_bps == 2.0);
  CHECK(std::get<ArbitrageSettings>(trader.strategies[2].settings).exit_bps == 1.0);
  const auto& spread = std::get<BasisSettings>(trader.strategies[3].settings);
  CHECK(spread.entry_bps == 5.0);
  CHECK(spread.exit_bps == -1.0);
  CHECK(spread.funding_bps == 0.5);
  CHECK(spread.half_life_steps == 60.0);
  CHECK(spread.samples_min == 7);
  CHECK(std::get<ExternalSettings>(trader.strategies[4].settings).max_age_ns == 9);
  const CrossMarketConfig cross_market =
      parsed_cross_market(R"("cross_market": {"half_life_steps": 30, "lag_steps_max": 4, "samples_min": 5})");
  CHECK(cross_market.half_life_steps == 30.0);
  CHECK(cross_market.lag_steps_max == 4);
  CHECK(cross_market.samples_min == 5);
}

TEST_CASE("sizing is fixed unless it says otherwise") {
  CHECK(parsed(with_sizing(R"({"kind": "fixed"})")).strategies[0].sizing.kind == SizingKind::fixed);
  const SizingConfig scaled =
      parsed(with_sizing(R"({"kind": "volatility", "cap": 2, "target_volatility_bps": 1.5})"))
          .strategies[0]
          .sizing;
  CHECK(scaled.kind == SizingKind::volatility);
  CHECK(scaled.cap == 2.0);
  CHECK(scaled.target_volatility_bps == 1.5);
  const SizingConfig kelly =
      parsed(with_sizing(R"({"kind": "kelly", "cap": 2, "kelly_fraction": 0.5, "capital_quote": 1000})"))
          .strategies[0]
          .sizing;
  CHECK(kelly.kind == SizingKind::kelly);
  CHECK(kelly.kelly_fraction == 0.5);
  CHECK(kelly.capital_quote == 1000.0);
}

TEST_CASE("what is wrong in a strategy is refused by the name of its key") {
  check_refused(R"("strategies": [])", "strategies");
  check_refused(R"("strategies": {})", "strategies");
  check_refused(R"("strategies": [7])", "strategies[0]");
  check_refused(R"("strategies": [{"kind": "external", "max_age_ns": 1}])", "strategies[0].name");
  check_refused(R"("strategies": [{"name": "A b", "kind": "external", "max_age_ns": 1}])",
                "strategies[0].name");
  check_refused(R"("strategies": [{"name": "a", "kind": "external", "max_age_ns": 1},
                                  {"name": "a", "kind": "external", "max_age_ns": 1}])",
                "strategies[1].name");
  check_refused(strategy("martingale", ""), "strategies[0].kind");
  check_refused(strategy("forecast", forecast + R"(, "max_age_ns": 1)"), "strategies[0].max_age_ns");
  check_refused(strategy("forecast", forecast + R"(, "style": "hasty")"), "strategies[0].style");
  check_refused(strategy("forecast", R"(, "horizon_step": 0, "cost_multiple": 1, "edge_bps": 0)"),
                "strategies[0].horizon_step");
  check_refused(strategy("forecast", R"(, "horizon_step": 1, "cost_multiple": 1)"), "strategies[0].edge_bps");
  check_refused(strategy("arbitrage", R"(, "edge_bps": -0.1, "exit_bps": 0)"), "strategies[0].edge_bps");
  check_refused(strategy("arbitrage", R"(, "edge_bps": 1e300, "exit_bps": 0)"), "strategies[0].edge_bps");
  check_refused(strategy("external", R"(, "max_age_ns": 0)"), "strategies[0].max_age_ns");
  for (const char* slots : {"[2]", "[-1]", "[0, 0]", "[1, 0]", "[]", "[\"0\"]"}) {
    check_refused(strategy("external", R"(, "max_age_ns": 1, "slots": )" + std::string(slots)),
                  "strategies[0].slots");
  }
}

TEST_CASE("ranges of market making, basis, sizing and cross-market settings are checked") {
  const auto swapped = [](std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  };
  check_refused(
      strategy("market_making", swapped(making, "\"inventory_share\": 0.5", "\"inventory_share\": 0")),
      "strategies[0].inventory_share");
  check_refused(
      strategy("market_making", swapped(making, "\"inventory_share\": 0.5", "\"inventory_share\": 1.1")),
      "strategies[0].inventory_share");
  check_refused(strategy("market_making", swapped(making, "\"requote_ticks\": 6", "\"requote_ticks\": 0")),
                "strategies[0].requote_ticks");
  check_refused(strategy("basis", swapped(basis, "\"half_life_steps\": 60", "\"half_life_steps\": 0")),
                "strategies[0].half_life_steps");
  check_refused(strategy("basis", swapped(basis, "\"samples_min\": 7", "\"samples_min\": 0")),
                "strategies[0].samples_min");
  check_refused(with_sizing(R"({"kind": "half"})"), "strategies[0].sizing.kind");
  check_refused(with_sizing(R"({"kind": "fixed", "size": 1})"), "strategies[0].sizing.size");
  check_refused(with_sizing(R"({"kind": "volatility", "cap": 0, "target_volatility_bps": 1})"),
                "strategies[0].sizing.cap");
  check_refused(with_sizing(R"({"kind": "kelly", "cap": 1, "kelly_fraction": 1.5, "capital_quote": 1})"),
                "strategies[0].sizing.kelly_fraction");
  const std::string cross = strategy("external", R"(, "max_age_ns": 1)") + R"(, "cross_market": )";
  check_refused(cross + R"({"half_life_steps": 0, "lag_steps_max": 4, "samples_min": 5})",
                "cross_market.half_life_steps");
  check_refused(cross + R"({"half_life_steps": 9, "lag_steps_max": 101, "samples_min": 5})",
                "cross_market.lag_steps_max");
  check_refused(cross + R"({"half_life_steps": 9, "lag_steps_max": 4, "samples_min": 1})",
                "cross_market.samples_min");
  check_refused(cross + R"({"half_life": 9})", "cross_market.half_life");
}
