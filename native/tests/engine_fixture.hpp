// A small engine of one Bybit instrument on a grid of 100 ns, with a trader: settings, frames and forecasts.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lob/engine.hpp"

namespace lob::engine_test {

inline constexpr const char* settings = R"({
  "instruments": [{"id": 0, "venue": "bybit_spot", "symbol": "ABC", "market_type": "spot", "tick": "0.1",
                   "size_unit": "0.01", "lot": "0.01", "maker_fee_bps": "0", "taker_fee_bps": "1.0"}],
  "sources": [{"id": 0, "venue": "bybit_spot", "instrument": null, "kind": "websocket"},
              {"id": 1, "venue": "bybit_spot", "instrument": "ABC", "kind": "sim_private"}],
  "grid": {"step_ns": 100, "slots": [0, null], "reference": 0, "stale_ns": 1000, "window_steps": 4,
           "max_catchup_steps": 10},
  "emit": {"book_updates": true, "trades": true, "quotes": true, "grid": true, "book_snapshot_every_steps": 5},
  "signal": {"horizon_step": 1, "cost_multiple": 0.0, "edge_bps": 0.0, "order_size": ["0.05", "0"]},
  "risk": {"max_position": ["2", "0"], "max_order_size": ["1", "0"], "price_deviation_bps": 500,
           "max_exposure_quote": "100000", "forecast_age_max_ns": 1000},
  "run_tag": 7
})";

/// `text` with its first `from` replaced; a `from` that is not there is a mistake of the test and throws.
inline std::string with(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::invalid_argument("not in the settings: " + from);
  return text.replace(at, from.size(), to);
}

/// Six levels a side, one quote unit apart.
inline std::string book_frame(bool is_snapshot, int update_id, int best_bid, int best_ask,
                              const std::string& symbol = "ABC") {
  std::string bids;
  std::string asks;
  for (int k = 0; k < 6; ++k) {
    const std::string comma = k == 0 ? "" : ",";
    bids += comma + "[\"" + std::to_string(best_bid - k) + ".0\",\"1.5\"]";
    asks += comma + "[\"" + std::to_string(best_ask + k) + ".0\",\"2.5\"]";
  }
  return "{\"topic\":\"orderbook.50." + symbol + R"(","ts":1,"type":")" +
         (is_snapshot ? "snapshot" : "delta") + R"(","data":{"s":")" + symbol + "\",\"b\":[" + bids +
         "],\"a\":[" + asks + "],\"u\":" + std::to_string(update_id) +
         ",\"seq\":" + std::to_string(update_id) + "},\"cts\":1}";
}

inline Bytes bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::vector<float> forecast_of(float mid_bps) {
  std::vector<float> values(2 * 2 * forecast_width, 0.0F);
  for (std::size_t i = 0; i < values.size(); i += forecast_width) values[i] = mid_bps;
  return values;
}

inline void feed_session(Engine& engine) {
  engine.frame(1, 0, 1050, bytes_of(book_frame(true, 10, 100, 101)));
  engine.frame(2, 0, 1150, bytes_of(book_frame(false, 11, 100, 101)));
  engine.forecast(3, 1160, 1100, 1, forecast_of(50.0F), 2);
  engine.timer(4, 1450);
}

}  // namespace lob::engine_test
