// What the trader sees of the market at one moment: per grid slot the touch, the visible levels, the last
// trade and the health of the feed. Built by the engine (and the backtest) before every input that may decide
// something.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "lob/order_book.hpp"
#include "lob/outputs.hpp"
#include "lob/top_of_book.hpp"
#include "lob/types.hpp"

namespace lob {

class CrossMarket;

struct SlotMarket {
  TopOfBook top;
  std::array<Level, book_depth> bids{};  ///< best first; meaningful up to `bid_count`
  std::array<Level, book_depth> asks{};
  std::uint8_t bid_count = 0;
  std::uint8_t ask_count = 0;
  bool is_synced = false;
  TsNs ts_last_update_ns = 0;   ///< receive time of the last applied book message; 0 before the first
  PriceTicks last_trade;        ///< 0 before the first public trade
  std::uint64_t gap_count = 0;  ///< discontinuities of this slot's feed so far

  [[nodiscard]] std::span<const Level> visible_bids() const noexcept {
    return std::span(bids).first(bid_count);
  }
  [[nodiscard]] std::span<const Level> visible_asks() const noexcept {
    return std::span(asks).first(ask_count);
  }
};

struct MarketView {
  TsNs ts_ns = 0;  ///< the moment; books are as of the last input before it
  std::span<const SlotMarket> slots;
  const CrossMarket* cross_market = nullptr;  ///< null before any step closed
};

}  // namespace lob
