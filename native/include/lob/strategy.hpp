// What a strategy is: a machine without I/O that says, for every slot, what it wants to hold and to quote.
//
// Theory of operation
// - Strategies wish, the trader acts. A wish names a target for the strategy's own position (reached by
//   taking) and at most one resting quote a side. The trader compares wishes with the orders of that strategy
//   that work already, and sends or cancels what differs; every order passes the risk rules.
// - Each strategy has a position of its own on each slot: the sum of the fills of its own orders. Positions
//   of all strategies together are the account's.
// - A strategy is asked once a forecast or once a closed step (`cadence`), never in between. What it does not
//   wish for any more is withdrawn: a slot without a wish keeps its position and has no quotes.
// - Same views in the same order, same wishes: no clock, no randomness. State that matters later is saved.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/instrument.hpp"
#include "lob/market_view.hpp"
#include "lob/signal.hpp"
#include "lob/types.hpp"

namespace lob {

class CrossMarket;

enum class StrategyKind : std::uint8_t {
  forecast = 0,
  market_making = 1,
  arbitrage = 2,
  basis = 3,
  external = 4,  ///< wishes come from outside as inputs
};
inline constexpr std::size_t strategy_kind_count = 5;

[[nodiscard]] std::string_view text_of(StrategyKind kind) noexcept;

/// When a strategy is asked.
enum class Cadence : std::uint8_t { forecast = 0, step = 1 };

/// What does not change about a slot. Masked slots have `no_instrument` and are never traded.
struct SlotTerms {
  InstrumentId instrument = no_instrument;
  Venue venue = Venue::other;
  MarketType market_type = MarketType::spot;
  SizeUnits lot;
  SizeUnits order_size;
  SizeUnits max_position;
  SizeUnits short_max;  ///< how far below zero the position may go; 0 where nothing may be sold short
  std::int64_t maker_fee_e8 = 0;
  std::int64_t taker_fee_e8 = 0;
  std::int64_t quote_unit_e18 = 0;  ///< tick x size_unit x 10^18
  double tick = 0.0;                ///< price of a tick, for formulas only
  double size_unit = 0.0;
  std::uint32_t quote_group = 0;  ///< slots of one quote currency share a number
  std::uint32_t base_group = 0;   ///< slots of one base asset share a number
};

/// What a strategy sees of a slot.
struct SlotView {
  const SlotMarket* market = nullptr;
  SizeUnits position;                ///< the strategy's own, signed
  SizeUnits buys_in_flight;          ///< of its own orders, >= 0
  SizeUnits sells_in_flight;         ///< of its own orders, >= 0
  double step_volatility_bps = 0.0;  ///< see cross_market.hpp; 0 while not known
};

struct StrategyView {
  TsNs ts_ns = 0;
  TsNs ts_step_ns = 0;  ///< the step of the forecast, or the step that closed
  std::span<const SlotTerms> terms;
  std::span<const SlotView> slots;
  const ForecastView* forecast = nullptr;     ///< null where the strategy is asked once a step
  const CrossMarket* cross_market = nullptr;  ///< null before any step closed
};

struct Quote {
  PriceTicks price{};
  SizeUnits size{};  ///< 0: no quote

  friend bool operator==(const Quote&, const Quote&) = default;
};

/// Of a wish that stands by itself.
inline constexpr std::uint32_t no_leg = 0xFFFF'FFFF;

/// What one strategy wants of one slot. Sizes are multiples of the lot; a bid lies below the ask beside it.
struct Wish {
  std::uint32_t slot = 0;
  SignalAction action = SignalAction::hold;
  /// Own position wanted, reached by taking; the present position when nothing is to be taken.
  SizeUnits target{};
  PriceTicks limit{};  ///< worst price of a taker; 0: the touch plus the slot's slippage cap
  Quote bid{};         ///< resting, post-only; still wished at its full size after a part of it filled
  Quote ask{};
  double expected_bps = 0.0;  ///< what the strategy expects: a forecast move, or a spread between two markets
  double cost_bps = 0.0;      ///< what it must exceed
  /// Slot of the wish that names this one in turn: the orders of both leave together, or neither does.
  std::uint32_t other_leg = no_leg;

  friend bool operator==(const Wish&, const Wish&) = default;
};

class Strategy {
 public:
  virtual ~Strategy() = default;
  [[nodiscard]] virtual StrategyKind kind() const noexcept = 0;
  [[nodiscard]] virtual Cadence cadence() const noexcept = 0;
  /// Appends at most one wish a slot, slots ascending, none of a masked slot.
  virtual void decide(const StrategyView& view, std::vector<Wish>& out) = 0;
  virtual void save(ByteWriter& writer) const = 0;
  /// False when the bytes are not this strategy's; then discard the object.
  [[nodiscard]] virtual bool load(ByteReader& reader) = 0;
};

}  // namespace lob
