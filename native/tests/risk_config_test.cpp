// Section "risk": limits, windows, switches and actions become exact integers; what is wrong is refused by
// key.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "engine_fixture.hpp"
#include "lob/config.hpp"

using namespace lob;
using namespace lob::engine_test;

namespace {

const std::string last_key = "\"price_deviation_bps\": 500";

/// The settings with `keys` added to the section.
TraderConfig parse(const std::string& keys) {
  return *parse_config(with(settings, last_key, last_key + ", " + keys)).trader;
}

bool refuses(const std::string& keys, const std::string& key) {
  try {
    parse(keys);
  } catch (const std::invalid_argument& error) {
    const std::string text = error.what();
    INFO(text);
    const bool names_key = text.find("risk." + key + ": expected ") != std::string::npos;
    CHECK(names_key);
    return names_key;
  }
  return false;
}

}  // namespace

TEST_CASE("rules without a limit in the document are off") {
  const TraderConfig trader = parse("\"watch\": {}");
  CHECK_FALSE(trader.risk.price_deviation_venues_e8);
  CHECK_FALSE(trader.risk.orders_max);
  CHECK_FALSE(trader.watch.drawdown_e8);
  CHECK_FALSE(trader.watch.drift_level_max);
}

TEST_CASE("every optional limit of an order is read") {
  const RiskLimits risk =
      parse(
          R"("price_deviation_venues_bps": 40, "price_deviation_trade_bps": 30.5, "max_venue_exposure_quote": "5",
               "max_capital_quote": "6.5", "order_rate_max": 7, "order_rate_window_ns": 8, "duplicate_ns": 9,
               "venue_silence_max_ns": 10, "sync_skew_max_ns": 11, "gaps_max": 12, "data_quality_window_ns": 13,
               "errors_max": 14, "error_window_ns": 15, "clock_offset_max_ns": 16, "off": ["order_rate", "clock"])")
          .risk;
  CHECK(risk.price_deviation_venues_e8 == 400'000);
  CHECK(risk.price_deviation_trade_e8 == 305'000);
  CHECK(risk.venue_exposure_e8 == 500'000'000);
  CHECK(risk.max_capital_e8 == 650'000'000);
  CHECK(risk.orders_max == 7);
  CHECK(risk.order_rate_window_ns == 8);
  CHECK(risk.duplicate_ns == 9);
  CHECK(risk.venue_silence_max_ns == 10);
  CHECK(risk.sync_skew_max_ns == 11);
  CHECK(risk.gaps_max == 12);
  CHECK(risk.data_quality_window_ns == 13);
  CHECK(risk.errors_max == 14);
  CHECK(risk.error_window_ns == 15);
  CHECK(risk.clock_offset_max_ns == 16);
  CHECK(risk.off.has(RiskRule::order_rate));
  CHECK(risk.off.has(RiskRule::clock));
  CHECK_FALSE(risk.off.has(RiskRule::drift));
}

TEST_CASE("every limit of the watch is read, and actions and switches by the rules' names") {
  const WatchLimits watch =
      parse(
          R"("watch": {"stop_loss_bps": 50, "stop_loss_quote": "1", "take_profit_bps": 60, "take_profit_quote": "2",
               "max_net_exposure_quote": "3", "max_gross_exposure_quote": "4", "max_drawdown_quote": "5",
               "max_daily_loss_quote": "6", "min_correlation": 0.25, "correlation_samples_min": 50,
               "venue_silence_max_ns": 7, "sync_skew_max_ns": 8, "gaps_max": 9, "drift_level_max": 1,
               "model_expiry_grace_ns": 10, "errors_max": 11, "clock_offset_max_ns": 12, "heartbeat_age_max_ns": 13,
               "cool_down_ns": 14, "actions": {"data_quality": "close_slot", "clock": "halt"}, "off": ["drawdown"]})")
          .watch;
  CHECK(watch.stop_loss_share_e8 == 500'000);
  CHECK(watch.stop_loss_e8 == 100'000'000);
  CHECK(watch.take_profit_share_e8 == 600'000);
  CHECK(watch.take_profit_e8 == 200'000'000);
  CHECK(watch.net_exposure_e8 == 300'000'000);
  CHECK(watch.gross_exposure_e8 == 400'000'000);
  CHECK(watch.drawdown_e8 == 500'000'000);
  CHECK(watch.daily_loss_e8 == 600'000'000);
  CHECK(watch.correlation_min == 0.25);
  CHECK(watch.correlation_samples_min == 50);
  CHECK(watch.venue_silence_max_ns == 7);
  CHECK(watch.sync_skew_max_ns == 8);
  CHECK(watch.gaps_max == 9);
  CHECK(watch.drift_level_max == 1);
  CHECK(watch.model_expiry_grace_ns == 10);
  CHECK(watch.errors_max == 11);
  CHECK(watch.clock_offset_max_ns == 12);
  CHECK(watch.heartbeat_age_max_ns == 13);
  CHECK(watch.cool_down_ns == 14);
  CHECK(watch.actions[static_cast<std::size_t>(WatchRule::data_quality)] == WatchAction::close_slot);
  CHECK(watch.actions[static_cast<std::size_t>(WatchRule::clock)] == WatchAction::halt);
  CHECK(watch.actions[static_cast<std::size_t>(WatchRule::drift)] == WatchAction::none);
  CHECK(watch.off.has(WatchRule::drawdown));
}

TEST_CASE("what is wrong in the section is refused by key") {
  CHECK(refuses(R"("price_deviation_venues_bps": -1)", "price_deviation_venues_bps"));
  CHECK(refuses(R"("price_deviation_trade_bps": 10001)", "price_deviation_trade_bps"));
  CHECK(refuses(R"("max_capital_quote": "-1")", "max_capital_quote"));
  CHECK(refuses(R"("order_rate_max": 4096)", "order_rate_max"));
  CHECK(refuses(R"("errors_max": -1)", "errors_max"));
  CHECK(refuses(R"("error_window_ns": 0)", "error_window_ns"));
  CHECK(refuses(R"("off": ["no_such_rule"])", "off"));
  CHECK(refuses(R"("off": [3])", "off"));
  CHECK(refuses(R"("watch": {"min_correlation": 1.5})", "watch.min_correlation"));
  CHECK(refuses(R"("watch": {"off": ["order_rate"]})", "watch.off"));
  CHECK(refuses(R"("watch": {"actions": {"clock": "close_slot"}})", "watch.actions.clock"));
  CHECK(refuses(R"("watch": {"actions": {"clock": "none"}})", "watch.actions.clock"));
  CHECK(refuses(R"("watch": {"actions": {"clocks": "halt"}})", "watch.actions.clocks"));
  CHECK(refuses(R"("inventory": ["1"])", "inventory"));
}

TEST_CASE("what the other rules compute from cannot be switched off") {
  for (const std::string name : {"trading_state", "lot", "invalid_book"})
    CHECK(refuses("\"off\": [\"" + name + "\"]", "off"));
}
