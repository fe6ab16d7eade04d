// The trader: forecasts, steps and replies in, decisions and order requests out. One face over strategies,
// risk, orders, positions and trading state.
//
// Theory of operation
// - One slot is one instrument of the grid; a masked slot (no_instrument) is never touched.
// - Strategies are asked in their order, once a forecast or once a closed step, and wish (strategy.hpp). The
// trader
//   compares wishes with that strategy's working orders: it takes towards a target by IOC limits at the touch
//   plus a cap of ticks, and keeps at most one post-only quote a side, cancelled before it is replaced.
// - A strategy takes on a slot only while no order of its own works there; until then the decision is `wait`.
//   Two legs of one trade leave together or not at all: the second is judged as if the first were under way.
// - Quotes asked for by forecasts are cancelled when the last forecast is older than forecast_age_max.
// - Each strategy owns the fills of its own orders. Closing orders belong to none: their fills are taken from
// the
//   strategies that hold that side, in their order. What is left of them, and of orders not remembered any
//   more, falls to the first strategy on that slot: strategies always hold in sum what the account holds.
// - A closing order (reversals included) is cut to max_order_size; an opening one is not, so that a wrong
//   setting is refused aloud. Every order passes the risk rules.
// - Fills and fundings count once per trade id. Whatever was booked, state or no state, is in the position.
// - `halt` cancels what is ours, `reduce` cancels what would raise a position, `flatten` cancels
//   everything and closes at each step until nothing is open, then halts. `resume` is the operator's.
// - Once a closed step the watch rules (watch.hpp) look at positions, equity and health; what trips reduces,
// halts,
//   flattens, or closes one instrument and blocks it for a while. Raised after a fill as well: reduce, when
//   |position| > max_position, and halt, when a position no longer fits its integers.
// - How wishes reach a venue (slices, resting first, amendments, queries) stands in execution.hpp.
// - A fill of nobody here (client order id 0, or of another run) moves the account's position all the same.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/market_view.hpp"
#include "lob/order_history.hpp"
#include "lob/orders.hpp"
#include "lob/outputs.hpp"
#include "lob/positions.hpp"
#include "lob/risk.hpp"
#include "lob/sim_reply.hpp"
#include "lob/strategy.hpp"
#include "lob/trader_config.hpp"
#include "lob/trading_state.hpp"
#include "lob/types.hpp"
#include "lob/venue_reply.hpp"
#include "lob/watch.hpp"

namespace lob {

/// What the trader appends to; the owner drains and clears. `arena` takes the reasons of state events.
struct TradingOutputs {
  std::vector<DecisionRecord> decisions;
  std::vector<OrderRequestRecord> orders;
  std::vector<OrderEventRecord> order_events;
  std::vector<FillRecord> fills;
  std::vector<PositionRecord> positions;
  std::vector<StateEventRecord> state_events;
  std::vector<FundingRecord> funding;
  std::vector<EquityRecord> equity;
  std::vector<RiskEventRecord> risk_events;
  std::string* arena = nullptr;  ///< required

  [[nodiscard]] std::size_t count() const noexcept;
  void clear() noexcept;  ///< all but the arena, which others may use too
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
  unknown_strategy = 14,  ///< wishes for a strategy that is none, or takes none
  bad_wish = 15,          ///< see WishFault
  bad_value = 16,         ///< an observation outside what it can mean
};

[[nodiscard]] std::string_view text_of(TraderError error) noexcept;

struct TraderCounters {
  std::uint64_t orders_sent = 0;
  std::uint64_t orders_refused = 0;
  std::uint64_t fills = 0;
  std::uint64_t duplicate_fills = 0;
  std::array<std::uint64_t, risk_rule_count> refused_by_rule{};
  std::array<std::uint64_t, watch_rule_count> tripped_by_rule{};

  friend bool operator==(const TraderCounters&, const TraderCounters&) = default;
};

/// What the shell knows and the core cannot: told as inputs.
enum class Fact : std::uint8_t {
  clock_offset_ns = 0,   ///< our clock less the venues', signed
  drift_level = 1,       ///< 0 none, 1 halve sizes, 2 reduce, 3 halt
  model_expires_ns = 2,  ///< when the model that forecasts expires; 0: never
  heartbeat_ns = 3,      ///< when an outside watcher was last alive; 0: none is expected
  // When a venue's private stream was last heard, by Venue; a reply that came over it tells it too.
  private_binance_usdm_ns = 4,
  private_binance_spot_ns = 5,
  private_bybit_spot_ns = 6,
};
inline constexpr std::size_t fact_count = 7;

[[nodiscard]] std::string_view text_of(Fact fact) noexcept;

class Trader {
 public:
  /// `config` has passed `check_config`.
  explicit Trader(TraderConfig config);

  /// Emits the state event of trigger `start`, once in a run; a restored trader has had it.
  void on_start(std::uint64_t seq, TsNs ts_ns, TradingOutputs& out);
  /// Asks the strategies that follow forecasts.
  TraderError on_forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                          const ForecastView& forecast, const MarketView& market, TradingOutputs& out);
  /// Gives an external strategy its wishes, and acts on them.
  TraderError on_wishes(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t strategy,
                        std::vector<Wish> wishes, const MarketView& market, TradingOutputs& out);
  /// Takes one reply, in any order and any number of times.
  TraderError on_reply(std::uint64_t seq, TsNs ts_ns, const VenueReply& reply, TradingOutputs& out);
  TraderError on_reply(std::uint64_t seq, TsNs ts_ns, const SimReply& reply, TradingOutputs& out) {
    return on_reply(seq, ts_ns, venue_reply_of(reply), out);
  }
  /// Moves the trading state; every op but `flat_confirmed`, which is the trader's own.
  TraderError on_command(std::uint64_t seq, TsNs ts_ns, TradingOp op, TradingTrigger trigger,
                         std::string_view reason, TradingOutputs& out);
  TraderError on_fact(Fact fact, std::int64_t value) noexcept;
  /// Once a closed step: marks positions, finds orders without answer, lets the watch look, drives closing,
  /// and asks the strategies that follow steps. `market.ts_ns` is the step's time.
  void on_step(std::uint64_t seq, TsNs ts_ns, const MarketView& market, TradingOutputs& out);

  [[nodiscard]] TradingState state() const noexcept { return state_.state(); }
  [[nodiscard]] const Position& position(std::size_t slot) const noexcept { return positions_.at(slot); }
  /// What the fills of one strategy's orders add up to.
  [[nodiscard]] SizeUnits own_position(std::size_t strategy, std::size_t slot) const noexcept {
    return own_[strategy * config_.slots.size() + slot];
  }
  /// Of one quote currency as of the last closed step.
  [[nodiscard]] std::int64_t equity_e8(std::uint32_t quote_group) const noexcept;
  /// What one quote currency's positions are worth now, at the mids marked last; the record's input is left
  /// out.
  [[nodiscard]] EquityRecord weighed(std::uint32_t quote_group) const noexcept;
  [[nodiscard]] const Orders& orders() const noexcept { return orders_; }
  [[nodiscard]] const TraderCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const TraderConfig& config() const noexcept { return config_; }

  void save(ByteWriter& writer) const;
  /// False when the bytes are short or of another run tag, slot count or strategies; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  /// The input that caused an output.
  struct Cause {
    std::uint64_t seq;
    TsNs ts_ns;
  };
  /// A slot that a watch rule closes and keeps closed.
  struct Closing {
    bool is_due = false;
    TsNs ts_blocked_until_ns = 0;
  };
  /// One wish on its way to orders.
  struct Act {
    Cause cause;
    TsNs ts_step_ns;
    std::uint8_t strategy;
    const MarketView* market;
    DecisionRecord decision;
    bool is_eventful;  ///< something was sent, cancelled or refused
  };

  [[nodiscard]] bool is_masked(std::size_t slot) const noexcept;
  [[nodiscard]] std::size_t slot_of(InstrumentId instrument) const noexcept;
  [[nodiscard]] bool is_flat() const noexcept;
  void mark_all(const MarketView& market) noexcept;
  [[nodiscard]] std::size_t horizon_needed() const noexcept;

  // --- strategies: trader_strategies.cpp
  void ask(std::uint8_t strategy, Cause cause, TsNs ts_step_ns, const ForecastView* forecast,
           const MarketView& market, TradingOutputs& out);
  void ask_all(Cadence cadence, Cause cause, TsNs ts_step_ns, const ForecastView* forecast,
               const MarketView& market, TradingOutputs& out);
  void look(std::uint8_t strategy, const MarketView& market);
  void act(Act& act, const Wish& wish, TradingOutputs& out);
  void act_legs(Act& first, const Wish& first_wish, Act& second, const Wish& second_wish,
                TradingOutputs& out);
  /// Decision and quotes of a wish, and the order that would take towards its target, if there is one to
  /// send.
  std::optional<Order> prepare(Act& act, const Wish& wish, TradingOutputs& out);
  std::optional<Order> wanted(Act& act, const Wish& wish, TradingOutputs& out);
  void quote(Act& act, std::size_t slot, Side side, const Quote& wanted, TradingOutputs& out);
  /// A working quote that is as wished, or that nothing can be done about before an answer comes.
  [[nodiscard]] bool is_left_alone(const Order& working, const Quote& wanted) const noexcept;
  void withdraw(Act& act, std::size_t slot, TradingOutputs& out);
  [[nodiscard]] OrderIntent taker(std::size_t slot, const TopOfBook& top, SizeUnits held, SizeUnits target,
                                  PriceTicks limit, OrderPurpose purpose) const noexcept;
  void own_fill(std::size_t slot, std::uint8_t strategy, SizeUnits signed_size) noexcept;
  [[nodiscard]] std::size_t heir_of(std::size_t slot) const noexcept;

  // --- execution: trader_execution.cpp
  [[nodiscard]] Slicing& slicing(std::uint8_t strategy, std::size_t slot) noexcept {
    return slicing_[strategy * terms_.size() + slot];
  }
  /// The plan towards a wish's target, begun anew where the target is another.
  Slicing& planned(const Act& act, const Wish& wish);
  /// Makes an order towards the target what the strategy's style says; nothing while a slice is not due.
  std::optional<Order> styled(const Act& act, const Wish& wish, Order order);
  /// Cancels the resting order of a plan that is over: another target, or patience is at an end.
  void recall(Act& act, const Wish& wish, TradingOutputs& out);
  void recall_all(std::uint8_t strategy, std::size_t slot, Cause cause, TradingOutputs& out);
  void recall_overdue(Cause cause, TradingOutputs& out);
  /// The slot as strategies see it: without our own resting size, where the book holds it.
  const SlotMarket& seen(std::size_t slot, const MarketView& market);
  /// Amends a working quote towards `wanted`; false where it cannot be, and has to be cancelled.
  bool amend(Act& act, const Order& working, const Quote& wanted, TradingOutputs& out);
  [[nodiscard]] bool may_amend(const Order& working, const Quote& wanted) const noexcept;
  /// A resting order of ours that `order` would match.
  [[nodiscard]] bool is_met(const Order& resting, const Order& order) const noexcept;
  void cancel_met(Cause cause, const Order& order, TradingOutputs& out);
  [[nodiscard]] bool is_reduce_only(const Order& order) const noexcept;

  // --- orders whose outcome is unknown: trader_unknown.cpp
  void on_unknown(Cause cause, const OrderChange& change, TradingOutputs& out);
  void ask_again(Cause cause, TradingOutputs& out);
  void query(Cause cause, const Order& order, TradingOutputs& out);
  /// Cancels what ought not to rest and rests again after its cancel failed.
  void cancel_again(Cause cause, TradingOutputs& out);

  // --- orders: trader_orders.cpp
  /// Checks and sends; the refusing rule, or none with `order.client_order_id` set.
  RiskRule send(Cause cause, Order& order, const MarketView& market, TradingOutputs& out);
  /// What the rules say, as if `ahead` (null: none) had left already.
  [[nodiscard]] RiskRule judge(const Order& order, const Order* ahead, const MarketView& market,
                               TsNs ts_ns) const;
  /// Places a judged order, or tells its refusal.
  void settle(Cause cause, Order& order, RiskRule rule, TradingOutputs& out);
  void cancel(Cause cause, const Order& order, TradingOutputs& out);
  void cancel_orders(Cause cause, TradingState state, TradingOutputs& out);
  /// Live orders that the trading state does not let rest.
  [[nodiscard]] std::vector<Order> unwanted(TradingState state) const;
  void cancel_slot(Cause cause, std::size_t slot, TradingOutputs& out);
  void cancel_stale_quotes(Cause cause, TradingOutputs& out);
  void give_up_waiting(Cause cause, TradingOutputs& out);
  /// What a fill or funding is answered with that did not change the position.
  TraderError not_booked(Cause cause, FillOutcome outcome, TradingOutputs& out);
  /// A fill of an order that is none of this run's: the account holds it all the same.
  TraderError on_foreign_fill(Cause cause, std::size_t slot, const VenueReply& reply, TradingOutputs& out);
  void hear_private(Venue venue, TsNs ts_ns) noexcept;
  TraderError on_fill(Cause cause, std::size_t slot, const VenueReply& reply, TradingOutputs& out);
  TraderError on_funding(Cause cause, std::size_t slot, const VenueReply& reply, TradingOutputs& out);
  TraderError move(Cause cause, OrderTrigger trigger, const VenueReply& reply, TradingOutputs& out);

  // --- what the rules know: trader_risk.cpp
  [[nodiscard]] RiskContext risk_context(const Order& order, const Order* ahead, const MarketView& market,
                                         TsNs ts_ns) const;
  void add_exposures(std::size_t slot, const Order* ahead, RiskContext& context) const noexcept;
  void add_own_orders(const Order& order, RiskContext& context) const noexcept;
  [[nodiscard]] TsNs private_silence_ns(std::size_t slot, TsNs ts_ns) const noexcept;
  [[nodiscard]] SystemHealth health(std::size_t slot, const MarketView& market, TsNs ts_ns) const;
  [[nodiscard]] SystemHealth process_health() const noexcept;
  void look_at_slots(TsNs ts_ns, const MarketView& market);
  [[nodiscard]] double other_venues_mid_ticks(std::size_t slot, const MarketView& market) const;
  void watch(Cause cause, const MarketView& market, TradingOutputs& out);
  void apply_trip(Cause cause, const WatchTrip& trip, TradingOutputs& out);
  [[nodiscard]] bool is_nothing_held() const noexcept;
  void weigh_equity(Cause cause, TsNs ts_step_ns, TradingOutputs& out);

  // --- state: trader_state.cpp
  TraderError move_state(Cause cause, TradingOp op, TradingTrigger trigger, std::string_view reason,
                         TradingOutputs& out);
  void close_positions(Cause cause, const MarketView& market, TradingOutputs& out);
  void close_slot(Cause cause, std::size_t slot, const MarketView& market, TradingOutputs& out);

  // --- records: trader_records.cpp
  [[nodiscard]] bool load_own(ByteReader& reader);
  void emit_position(Cause cause, std::size_t slot, TradingOutputs& out) const;
  void emit_order_event(Cause cause, const Order& order, OrderState from, std::uint8_t reason,
                        TradingOutputs& out, bool is_venue_reason = false) const;
  void emit_request(Cause cause, const Order& order, RequestKind kind, TradingOutputs& out) const;
  void emit_state_event(Cause cause, TradingState from, TradingTrigger trigger, std::string_view reason,
                        TradingOutputs& out) const;

  TraderConfig config_;
  std::vector<SlotTerms> terms_;  // As strategies see them: halved while the drift level asks for it.
  std::vector<std::unique_ptr<Strategy>> strategies_;
  TradingStateMachine state_;
  Orders orders_;
  Positions positions_;
  OrderHistory history_;
  Watch watch_;
  std::vector<SizeUnits> own_;    // [strategies][slots]
  std::vector<Slicing> slicing_;  // [strategies][slots]
  std::vector<Closing> closing_;
  std::vector<EquityRecord> equity_;  // The last row of each quote group.
  std::array<std::int64_t, fact_count> facts_{};
  TraderCounters counters_;
  TradingTrigger flatten_trigger_ = TradingTrigger::operator_;  // Told again when flattening ends.
  std::uint32_t model_id_ = 0;                                  // Of the last forecast.
  TsNs ts_forecast_step_ns_ = 0;                                // Newest step of a forecast; 0 before any.
  bool is_started_ = false;
  bool is_booked_ = false;       // A fill or a funding since equity was weighed last.
  std::vector<SlotView> views_;  // Scratch of `ask`, like the next two.
  std::vector<SlotMarket> seen_;
  std::vector<Wish> wishes_;
  std::vector<WatchTrip> trips_;  // Scratch of `watch`, like the next.
  std::vector<WatchSlot> watch_slots_;
  std::vector<WatchGroup> watch_groups_;
  std::vector<WatchPair> watch_pairs_;
};

}  // namespace lob
