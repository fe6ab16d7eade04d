// The market as traders on one grid see it: builds the MarketView of a moment from the books.
//
// Shared by the engine (one trader) and the backtest (many): what the view of a moment holds depends on the
// market alone, so it is made once.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/cross_market.hpp"
#include "lob/decode/events.hpp"
#include "lob/market.hpp"
#include "lob/market_view.hpp"
#include "lob/sampler.hpp"
#include "lob/strategy.hpp"
#include "lob/types.hpp"

namespace lob {

/// What the sampler reads of an instrument when a step closes.
[[nodiscard]] SlotBook slot_book(const Market& market, InstrumentId instrument);

class MarketSide {
 public:
  /// `terms` has one entry a slot of the grid.
  MarketSide(const SamplerConfig& grid, const CrossMarketConfig& cross_market,
             std::span<const SlotTerms> terms);

  /// To be told of what happens to books and trades, as MarketObserver is.
  void on_book(InstrumentId instrument) noexcept { touch(instrument); }
  void on_trade(InstrumentId instrument, const TradeEvent& trade) noexcept;
  void on_invalid(InstrumentId instrument) noexcept;

  /// The view at `ts_ns`, of books as they stand. Valid until the next call of any method.
  const MarketView& at(const Market& market, TsNs ts_ns);
  /// The view of a step that closes; each step is told to the cross-market statistics once. Steps may be
  /// asked for again and out of order only as long as no input came in between (`forget_steps`): the books
  /// are then the same.
  const MarketView& at_step(const Market& market, TsNs ts_step_ns);
  /// An input is about to be applied, and every trader has closed the steps before it.
  void forget_steps() noexcept { past_.clear(); }
  [[nodiscard]] const CrossMarket& cross_market() const noexcept { return cross_market_; }

  void save(ByteWriter& writer) const;
  /// False when the bytes are short or of another grid; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  static constexpr std::size_t no_slot = static_cast<std::size_t>(-1);

  [[nodiscard]] std::size_t slot_of(InstrumentId instrument) const noexcept;
  void touch(InstrumentId instrument) noexcept;
  void read_book(const Market& market, std::size_t slot);

  std::vector<InstrumentId> instruments_;  // of the slots
  TsNs stale_ns_;
  std::vector<SlotMarket> slots_;
  std::vector<bool> is_read_;  // false: the book changed since it was read
  CrossMarket cross_market_;   // As of `ts_step_ns_`.
  TsNs ts_step_ns_ = 0;        // The last step told; 0 before the first.
  // What it was after each step since the last input: a trader of several may still have to close an earlier
  // one.
  std::vector<std::pair<TsNs, CrossMarket>> past_;
  MarketView view_;
};

}  // namespace lob
