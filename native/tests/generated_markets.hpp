// Three generated markets of one coin, two spots and a perpetual with funding, and a trader of every strategy
// that lives on them: for long walks from a seed.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "market_fixture.hpp"
#include "session_fixture.hpp"

namespace lob::walk_test {

/// Slots 0 and 1 are spots, 2 is the perpetual. Sizes: tick 0.1, size unit 0.001. Source 1 brings the
/// replies.
inline constexpr const char* settings = R"({
  "instruments": [
    {"id": 0, "venue": "bybit_spot", "symbol": "XUSDT", "market_type": "spot", "tick": "0.1", "size_unit": "0.001",
     "lot": "0.005", "maker_fee_bps": "1", "taker_fee_bps": "5", "quote": "USDT"},
    {"id": 1, "venue": "binance_spot", "symbol": "XUSDT", "market_type": "spot", "tick": "0.1", "size_unit": "0.001",
     "lot": "0.001", "maker_fee_bps": "-0.5", "taker_fee_bps": "3", "quote": "USDT"},
    {"id": 2, "venue": "binance_usdm", "symbol": "XUSDT", "market_type": "perpetual", "tick": "0.1",
     "size_unit": "0.001", "lot": "0.001", "maker_fee_bps": "2", "taker_fee_bps": "5", "quote": "USDT"}],
  "sources": [{"id": 0, "venue": "bybit_spot", "instrument": null, "kind": "websocket"},
              {"id": 1, "venue": "bybit_spot", "instrument": "XUSDT", "kind": "sim_private"},
              {"id": 2, "venue": "binance_spot", "instrument": null, "kind": "websocket"},
              {"id": 3, "venue": "binance_spot", "instrument": "XUSDT", "kind": "rest_depth"},
              {"id": 4, "venue": "binance_usdm", "instrument": null, "kind": "websocket"},
              {"id": 5, "venue": "binance_usdm", "instrument": "XUSDT", "kind": "rest_depth"}],
  "grid": {"step_ns": 100000000, "slots": [0, 1, 2], "reference": 2, "stale_ns": 1000000000, "window_steps": 4,
           "max_catchup_steps": 10},
  "strategies": [
    {"name": "follow", "kind": "forecast", "horizon_step": 1, "cost_multiple": 0.5, "edge_bps": 0.0},
    {"name": "make", "kind": "market_making", "use_forecast": false, "horizon_step": 1, "forecast_weight": 0.5,
     "risk_aversion": 1, "volatility_weight": 0.1, "min_half_width_bps": 2, "inventory_share": 0.5, "requote_ticks": 1},
    {"name": "cross", "kind": "arbitrage", "slots": [0, 1], "edge_bps": 0, "exit_bps": 0},
    {"name": "basis", "kind": "basis", "entry_bps": 2, "exit_bps": 0, "funding_bps": 0, "half_life_steps": 50,
     "samples_min": 10}],
  "signal": {"horizon_step": 1, "cost_multiple": 1.0, "edge_bps": 0.0, "order_size": ["0.050", "0.050", "0.050"]},
  "risk": {"max_position": ["0.200", "0.150", "0.300"], "max_order_size": ["0.100", "0.060", "0.100"],
           "price_deviation_bps": 500, "max_exposure_quote": "40", "max_gross_exposure_quote": "50",
           "forecast_age_max_ns": 300000000},
  "matching": {"order_latency_ns": 20000000, "queue": "proportional",
               "latency": {"kind": "lognormal", "median_ns": 20000000, "sigma": 0.8, "seed": 11}},
  "run_tag": 9
})";

inline constexpr std::size_t slot_count = 3;

/// Moves the three markets event by event.
class GeneratedMarkets {
 public:
  GeneratedMarkets(session_test::LiveSession& session, std::uint64_t seed) : session_(session), dice_(seed) {
    for (std::size_t slot = 0; slot < slot_count; ++slot) snapshot(slot);
  }

  /// One event: a book, a trade, a mark, a forecast, a step's timer, a command, a hole or a gap.
  void turn() {
    ts_ns_ += dice_.roll(0, 40'000'000);
    const std::int64_t what = dice_.roll(0, 9'999);
    const auto slot = static_cast<std::size_t>(dice_.roll(0, 2));
    if (what < 5'000) return move_book(slot);
    if (what < 7'500) return trade(slot);
    if (what < 7'800) return mark();
    if (what < 8'800) return forecast();
    if (what < 9'960) return session_.timer(ts_ns_);
    if (what < 9'980) return command();
    if (what < 9'990) {
      update_id_[slot] += 7;  // frames were lost
      return snapshot(slot);
    }
    ts_ns_ += dice_.roll(0, 3) == 0 ? 20'000'000'000 : 500'000'000;
  }

 private:
  using Sides = std::array<std::string, 2>;

  static std::string price(std::int64_t ticks) {
    return std::to_string(ticks / 10) + "." + std::to_string(ticks % 10);
  }
  static std::string size(std::int64_t units) {
    const std::string digits = std::to_string(1'000 + units % 1'000);
    return std::to_string(units / 1'000) + "." + digits.substr(1);
  }
  /// Levels as JSON; of the book before, what is no level any more comes with size 0.
  Sides levels(std::size_t slot, bool is_whole) {
    Sides out{"[", "["};
    for (const int side : {0, 1}) {
      const std::int64_t best = side == 0 ? mid_[slot] - half_[slot] : mid_[slot] + half_[slot];
      const auto add = [&](std::int64_t ticks, std::int64_t units) {
        std::string& text = out[static_cast<std::size_t>(side)];
        text += (text.size() > 1 ? ",[\"" : "[\"") + price(ticks) + "\",\"" + size(units) + "\"]";
      };
      const int depth = is_whole ? 60 : 24;
      for (int k = -20; k < depth; ++k) {
        const std::int64_t ticks = side == 0 ? best - k : best + k;
        const bool is_level = k >= 0 && k < 8;
        if (is_level || (!is_whole && k < 8)) add(ticks, is_level ? dice_.roll(0, 3) * 17 + 10 : 0);
        if (is_whole && k >= 8) add(ticks, 40);
      }
      out[static_cast<std::size_t>(side)] += "]";
    }
    return out;
  }
  void send_book(std::size_t slot, bool is_whole) {
    const Sides text = levels(slot, is_whole);
    const std::int64_t id = update_id_[slot];
    if (slot == 0) {
      // A Bybit delta of whole levels would leave old ones behind: each book is a snapshot.
      const Sides whole = is_whole ? text : levels(slot, true);
      session_.frame(ts_ns_, testing::bybit_book("snapshot", id + 1, whole[0], whole[1], id + 1), 0);
    } else if (slot == 1) {
      if (is_whole) session_.frame(ts_ns_, testing::snapshot(id, text[0], text[1]), 3);
      session_.frame(
          ts_ns_, testing::spot_update(id + 1, id + 1, is_whole ? "[]" : text[0], is_whole ? "[]" : text[1]),
          2);
    } else {
      if (is_whole) session_.frame(ts_ns_, testing::snapshot(id, text[0], text[1]), 5);
      session_.frame(
          ts_ns_, testing::usdm_update(id, id + 1, id, is_whole ? "[]" : text[0], is_whole ? "[]" : text[1]),
          4);
    }
    ++update_id_[slot];
  }
  void snapshot(std::size_t slot) { send_book(slot, true); }
  void move_book(std::size_t slot) {
    if (dice_.roll(0, 2) == 0)
      mid_[slot] = std::clamp<std::int64_t>(mid_[slot] + dice_.roll(-2, 2), 985, 1'015);
    half_[slot] = dice_.roll(1, 2);
    send_book(slot, false);
  }
  void trade(std::size_t slot) {
    const bool is_buy = dice_.roll(0, 1) == 0;
    const std::string at = price(mid_[slot] + (is_buy ? 1 : -1) * dice_.roll(0, 4));
    const std::string units = size(dice_.roll(1, 90));
    const std::string id = std::to_string(++trade_id_);
    const std::string maker = is_buy ? "false" : "true";
    if (slot == 0) {
      return session_.frame(ts_ns_,
                            R"({"topic":"publicTrade.XUSDT","ts":1,"type":"snapshot","data":[{"i":")" + id +
                                R"(","T":1,"p":")" + at + R"(","v":")" + units + R"(","S":")" +
                                (is_buy ? "Buy" : "Sell") + R"(","s":"XUSDT","BT":false,"RPI":false}]})");
    }
    const std::string type = slot == 1 ? R"("e":"trade","t":)" : R"("e":"aggTrade","a":)";
    session_.frame(ts_ns_,
                   "{" + type + id + R"(,"E":1,"s":"XUSDT","p":")" + at + R"(","q":")" + units +
                       R"(","T":1,"m":)" + maker + "}",
                   slot == 1 ? 2 : 4);
  }
  void mark() {
    const TsNs every_ns = 30'000'000'000;
    const std::int64_t next_ms = (ts_ns_ / every_ns + 1) * every_ns / 1'000'000;
    const std::int64_t rate = dice_.roll(-300, 300);
    const std::string digits = std::to_string(1'000 + std::abs(rate)).substr(1);
    session_.frame(ts_ns_,
                   R"({"e":"markPriceUpdate","E":1,"s":"XUSDT","p":")" + price(mid_[2]) + "37" +
                       R"(","r":")" + (rate < 0 ? "-" : "") + "0.00" + digits + R"(","T":)" +
                       std::to_string(next_ms) + "}",
                   4);
  }
  void forecast() {
    std::vector<float> values(2 * slot_count * forecast_width, 0.0F);
    for (std::size_t at = 0; at < values.size(); at += forecast_width)
      values[at] = static_cast<float>(dice_.roll(-40, 40));
    const TsNs step_ns = 100'000'000;
    const TsNs ts_step_ns = (ts_ns_ - 1) / step_ns * step_ns;
    session_.forecast(ts_ns_, session_test::forecast_payload(ts_step_ns, 3, 2, values));
  }
  void command() {
    const std::array<const char*, 5> words{
        R"({"op":"reduce","reason":"t"})", R"({"op":"flatten","reason":"t"})",
        R"({"op":"halt","reason":"t"})", R"({"op":"observe","fact":"drift_level","value":1})",
        R"({"op":"observe","fact":"drift_level","value":0})"};
    session_.command(ts_ns_, words[static_cast<std::size_t>(dice_.roll(0, 4))]);
    ts_ns_ += dice_.roll(0, 2'000'000'000);
    session_.command(ts_ns_, R"({"op":"resume","reason":"t"})");
  }

  session_test::LiveSession& session_;
  test::Dice dice_;
  TsNs ts_ns_ = 1'000'000'050;
  std::array<std::int64_t, slot_count> mid_{1'000, 1'000, 1'001};
  std::array<std::int64_t, slot_count> half_{1, 1, 1};
  std::array<std::int64_t, slot_count> update_id_{10, 10, 10};
  std::int64_t trade_id_ = 0;
};

}  // namespace lob::walk_test
