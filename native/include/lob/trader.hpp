// The trader: forecasts and replies in, decisions and order requests out. One face over signal, risk,
// orders, positions and trading state.
//
// Theory of operation
// - One slot is one instrument of the grid; a masked slot (no_instrument) is never touched.
// - A forecast gives one decision per slot. At most one order works on an instrument; while it does,
//   the decision is `wait`. Orders are IOC limits at the touch plus a cap of ticks.
// - A closing order (reversals included) is cut to max_order_size; an opening one is not, so that a wrong
//   setting is refused aloud.
// - Fills count once per trade id. Whatever was booked, state or no state, is in the position.
// - `halt` cancels what is ours, `reduce` cancels what would raise a position, `flatten` cancels
//   everything and closes at each step until nothing is open, then halts. `resume` is the operator's.
// - Raised by the trader itself, both with trigger `limit`: halt, when a position no longer fits its
//   integers; reduce, when |position| > max_position after a fill.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/orders.hpp"
#include "lob/outputs.hpp"
#include "lob/positions.hpp"
#include "lob/risk.hpp"
#include "lob/signal.hpp"
#include "lob/sim_reply.hpp"
#include "lob/top_of_book.hpp"
#include "lob/trading_state.hpp"
#include "lob/types.hpp"

namespace lob {

/// One grid slot. Sizes count the instrument's size units.
struct TraderSlot {
  InstrumentId instrument = no_instrument;  ///< no_instrument masks the slot
  SizeUnits lot;
  SizeUnits order_size;                 ///< the target is plus or minus this
  SizeUnits max_position;               ///< no default: zero refuses
  SizeUnits max_order_size;             ///< no default: zero refuses
  std::int64_t slippage_cap_ticks = 0;  ///< a taker's limit lies this far beyond the touch
  std::int64_t flatten_cap_ticks = 0;   ///< the same for closing orders of `flatten`
  std::int64_t taker_fee_e8 = 0;
  std::int64_t quote_unit_e18 = 0;  ///< tick x size_unit x 10^18
  std::uint32_t quote_group = 0;    ///< slots of one quote currency share a number and an exposure limit
  bool is_short_allowed = true;
};

struct TraderConfig {
  std::uint32_t run_tag = 0;  ///< upper half of every client order id
  SignalConfig signal;
  RiskLimits risk;
  TsNs reply_timeout_ns = 10'000'000'000;  ///< an order unanswered for longer becomes `unknown`
  std::vector<TraderSlot> slots;           ///< in grid order
};

/// False with `error` naming the key, what was expected and what was found.
[[nodiscard]] bool check_config(const TraderConfig& config, std::string& error);

/// What the trader appends to; the owner drains and clears. `arena` takes the reasons of state events.
struct TradingOutputs {
  std::vector<DecisionRecord> decisions;
  std::vector<OrderRequestRecord> orders;
  std::vector<OrderEventRecord> order_events;
  std::vector<FillRecord> fills;
  std::vector<PositionRecord> positions;
  std::vector<StateEventRecord> state_events;
  std::string* arena = nullptr;  ///< required
};

/// Why an input was turned down; it then changed nothing unless said otherwise.
enum class TraderError : std::uint8_t {
  none = 0,
  forecast_shape = 1,       ///< not float[H][V][20] of this trader's V, or H below the signal's horizon
  forecast_not_finite = 2,  ///< NaN or infinity anywhere
  unknown_instrument = 3,   ///< a reply about an instrument without slot
  foreign_order = 4,        ///< the client order id carries another run tag
  malformed_reply = 5,      ///< a fill without price or size
  unknown_order = 6,        ///< ours by tag but not remembered; a fill of it was booked all the same
  illegal_transition = 7,   ///< see OrderError; a fill was booked all the same
  mismatch = 8,             ///< reply and order disagree about instrument or side
  overfilled = 9,           ///< booked
  overflow = 10,            ///< position sums left int64: the fill is not booked, the trader has halted
  not_allowed = 11,         ///< see TradingOpError
  operator_only = 12,
  reason_missing = 13,
};

[[nodiscard]] std::string_view text_of(TraderError error) noexcept;

struct TraderCounters {
  std::uint64_t orders_sent = 0;
  std::uint64_t orders_refused = 0;
  std::uint64_t fills = 0;
  std::uint64_t duplicate_fills = 0;

  friend bool operator==(const TraderCounters&, const TraderCounters&) = default;
};

class Trader {
 public:
  /// `config` has passed `check_config`.
  explicit Trader(TraderConfig config);

  /// Emits the state event of trigger `start`, once in a run; a restored trader has had it.
  void on_start(std::uint64_t seq, TsNs ts_ns, TradingOutputs& out);
  /// Decides every slot. `tops` has one entry a slot.
  TraderError on_forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                          const ForecastView& forecast, std::span<const TopOfBook> tops, TradingOutputs& out);
  /// Takes one reply, in any order and any number of times.
  TraderError on_reply(std::uint64_t seq, TsNs ts_ns, const SimReply& reply, TradingOutputs& out);
  /// Moves the trading state; every op but `flat_confirmed`, which is the trader's own.
  TraderError on_command(std::uint64_t seq, TsNs ts_ns, TradingOp op, TradingTrigger trigger,
                         std::string_view reason, TradingOutputs& out);
  /// Once a closed step: marks open positions, finds orders without answer, drives flattening.
  void on_step(std::uint64_t seq, TsNs ts_ns, std::span<const TopOfBook> tops, TradingOutputs& out);

  [[nodiscard]] TradingState state() const noexcept { return state_.state(); }
  [[nodiscard]] const Position& position(std::size_t slot) const noexcept { return positions_.at(slot); }
  [[nodiscard]] const Orders& orders() const noexcept { return orders_; }
  [[nodiscard]] const TraderCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const TraderConfig& config() const noexcept { return config_; }

  void save(ByteWriter& writer) const;
  /// False when the bytes are short or of another run tag or slot count; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  /// The input that caused an output.
  struct Cause {
    std::uint64_t seq;
    TsNs ts_ns;
  };

  [[nodiscard]] bool is_masked(std::size_t slot) const noexcept;
  [[nodiscard]] std::size_t slot_of(InstrumentId instrument) const noexcept;
  [[nodiscard]] SizeUnits order_size(std::size_t slot, SizeUnits target) const noexcept;
  [[nodiscard]] OrderIntent intent(std::size_t slot, const TopOfBook& top, SizeUnits target,
                                   OrderPurpose purpose) const noexcept;
  [[nodiscard]] RiskContext risk_context(std::size_t slot, const TopOfBook& top, TsNs ts_ns) const noexcept;
  [[nodiscard]] WorstExposure other_exposure(std::size_t slot) const noexcept;
  [[nodiscard]] bool is_flat() const noexcept;

  void decide_slot(Cause cause, std::size_t slot, DecisionRecord& decision, const TopOfBook& top,
                   TradingOutputs& out);
  /// Checks and sends; the refusing rule, or none with `client_order_id` set.
  RiskRule send(Cause cause, std::size_t slot, const OrderIntent& order, const TopOfBook& top,
                std::uint64_t& client_order_id, TradingOutputs& out);
  TraderError on_fill(Cause cause, std::size_t slot, const SimReply& reply, TradingOutputs& out);
  TraderError move(Cause cause, OrderTrigger trigger, const SimReply& reply, TradingOutputs& out);
  TraderError move_state(Cause cause, TradingOp op, TradingTrigger trigger, std::string_view reason,
                         TradingOutputs& out);
  void cancel_orders(Cause cause, TradingState state, TradingOutputs& out);
  void close_positions(Cause cause, std::span<const TopOfBook> tops, TradingOutputs& out);
  void give_up_waiting(Cause cause, TradingOutputs& out);
  void emit_position(Cause cause, std::size_t slot, TradingOutputs& out) const;
  void emit_order_event(Cause cause, const Order& order, OrderState from, std::uint8_t reason,
                        TradingOutputs& out) const;
  void emit_state_event(Cause cause, TradingState from, TradingTrigger trigger, std::string_view reason,
                        TradingOutputs& out) const;

  TraderConfig config_;
  TradingStateMachine state_;
  Orders orders_;
  Positions positions_;
  TraderCounters counters_;
  TradingTrigger flatten_trigger_ = TradingTrigger::operator_;  // Told again when flattening ends.
  bool is_started_ = false;
};

}  // namespace lob
