// Frames of the three venues in a line each, and a market with everything recorded: for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lob/market.hpp"

namespace lob::testing {

inline constexpr ConnectionId socket = 0;
inline constexpr ConnectionId reply = 1;
inline constexpr TsNs ms = 1'000'000;

inline Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// `levels` is JSON, e.g. [["100.0","1"]].
inline std::string spot_update(std::int64_t first, std::int64_t last, std::string_view bids,
                               std::string_view asks = "[]") {
  return R"({"stream":"x@depth@100ms","data":{"e":"depthUpdate","E":1000,"s":"XUSDT","U":)" +
         std::to_string(first) + R"(,"u":)" + std::to_string(last) + R"(,"b":)" + std::string(bids) +
         R"(,"a":)" + std::string(asks) + "}}";
}

inline std::string usdm_update(std::int64_t first, std::int64_t last, std::int64_t previous,
                               std::string_view bids, std::string_view asks = "[]") {
  return R"({"e":"depthUpdate","E":1000,"T":999,"s":"XUSDT","U":)" + std::to_string(first) + R"(,"u":)" +
         std::to_string(last) + R"(,"pu":)" + std::to_string(previous) + R"(,"b":)" + std::string(bids) +
         R"(,"a":)" + std::string(asks) + "}";
}

inline std::string snapshot(std::int64_t id, std::string_view bids, std::string_view asks) {
  return R"({"lastUpdateId":)" + std::to_string(id) + R"(,"bids":)" + std::string(bids) + R"(,"asks":)" +
         std::string(asks) + "}";
}

inline std::string bybit_book(std::string_view type, std::int64_t id, std::string_view bids,
                              std::string_view asks, std::int64_t sequence = 5) {
  return R"({"topic":"orderbook.50.XUSDT","ts":1000,"type":")" + std::string(type) +
         R"(","data":{"s":"XUSDT","b":)" + std::string(bids) + R"(,"a":)" + std::string(asks) + R"(,"u":)" +
         std::to_string(id) + R"(,"seq":)" + std::to_string(sequence) + R"(},"cts":998})";
}

inline constexpr std::string_view bids_100 = R"([["100.0","1"],["99.9","2"],["99.0","3"]])";
inline constexpr std::string_view asks_101 = R"([["101.0","1"],["101.1","2"],["102.0","3"]])";

/// Notes the order in which it is told things.
struct Heard : MarketObserver {
  std::vector<std::string> told;
  void on_book(InstrumentId, TsNs ts_recv_ns, const OrderBook& book) override {
    told.push_back("book " + std::to_string(ts_recv_ns / ms) + " bid " +
                   std::to_string(book.best(Side::bid).value_or(Level{}).price.value));
  }
  void on_trade(InstrumentId, const TradeEvent& trade) override {
    told.push_back("trade " + std::to_string(trade.trade_id));
  }
  void on_invalid(InstrumentId) override { told.push_back("invalid"); }
};

/// One instrument XUSDT with tick 0.1 and size unit 0.001 on a socket and a REST source.
struct Fixture {
  explicit Fixture(Venue venue, FeedLimits limits = {})
      : specs{InstrumentSpec{venue, "XUSDT", MarketType::spot, "0.1", "0.001", "0.001", 0, 0}},
        sources{SourceSpec{venue, no_instrument, SourceKind::websocket},
                SourceSpec{venue, 0, SourceKind::rest_depth}},
        market(specs, sources, limits) {
    out.arena = &arena;
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  /// Sends one frame; each comes a millisecond after the one before.
  const MarketChange& send(ConnectionId connection, std::string_view frame) {
    ++seq;
    return market.on_frame(seq, connection, static_cast<TsNs>(seq) * ms, bytes_of(frame), out, &heard);
  }
  [[nodiscard]] FeedState state() const { return market.state(0); }
  [[nodiscard]] std::int64_t best(Side side) const {
    return market.book(0).best(side).value_or(Level{}).price.value;
  }
  [[nodiscard]] std::string reject_text() const {
    return arena.substr(out.rejects.back().text_offset, out.rejects.back().text_length);
  }

  std::vector<InstrumentSpec> specs;
  std::vector<SourceSpec> sources;
  Market market;
  MarketOutputs out;
  std::string arena;
  Heard heard;
  std::uint64_t seq = 0;
};

/// A spot feed synced at u = 105.
struct SyncedSpot : Fixture {
  SyncedSpot() : Fixture(Venue::binance_spot) {
    send(socket, spot_update(95, 99, R"([["99.0","7"]])"));
    send(reply, snapshot(100, bids_100, asks_101));
    send(socket, spot_update(100, 105, R"([["100.1","4"]])"));
  }
};

inline std::string saved(const Market& market) {
  ByteWriter writer;
  market.save(writer);
  return writer.take();
}

}  // namespace lob::testing
