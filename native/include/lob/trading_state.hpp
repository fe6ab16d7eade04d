// What the trader may do at all: one table, latched at halted until a person resumes with a reason.
//
//              reduce      halt     flatten      resume     flat_confirmed
// active       reducing    halted   flattening   -          -
// reducing     (stays)     halted   flattening   active     -
// flattening   -           halted   (stays)      -          halted
// halted       -           (stays)  flattening   active     -
//
// "-" is refused: `reduce` would loosen flattening and halted, an active trader has nothing to resume,
// and a flattening one is halted first. `resume` is the operator's alone and needs a reason: whatever else
// moves the state (a rule, the model's guard, the watchdog) can never bring it back to where positions open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lob {

enum class TradingState : std::uint8_t { active = 0, reducing = 1, flattening = 2, halted = 3 };
inline constexpr std::size_t trading_state_count = 4;

/// Why the state moved; each is defined where it is raised.
enum class TradingTrigger : std::uint8_t {
  operator_ = 0,
  limit = 1,       ///< money: position, exposure, loss
  stale_feed = 2,  ///< a book went silent
  model = 3,       ///< drift, expiry, probation
  start = 4,
  data = 5,   ///< gaps, books that do not go together
  clock = 6,  ///< our clock against the venues'
  venue = 7,  ///< a venue silent, or rejecting
  watchdog = 8,
};
inline constexpr std::size_t trading_trigger_count = 9;

enum class TradingOp : std::uint8_t { reduce = 0, halt = 1, flatten = 2, resume = 3, flat_confirmed = 4 };
inline constexpr std::size_t trading_op_count = 5;

enum class TradingOpError : std::uint8_t {
  none = 0,
  not_allowed = 1,     ///< the table has no such transition
  operator_only = 2,   ///< resume came from a machine
  reason_missing = 3,  ///< resume came without a reason
};

[[nodiscard]] std::string_view text_of(TradingState state) noexcept;
[[nodiscard]] std::string_view text_of(TradingTrigger trigger) noexcept;
[[nodiscard]] std::string_view text_of(TradingOp op) noexcept;
[[nodiscard]] std::string_view text_of(TradingOpError error) noexcept;

/// One cell of the table.
struct TradingCell {
  TradingState from;
  TradingOp op;
  std::optional<TradingState> to;  ///< nothing where the operation is refused
};

/// The whole table, state by state, operations in their order.
[[nodiscard]] std::span<const TradingCell> trading_table() noexcept;

struct TradingVerdict {
  TradingOpError error = TradingOpError::none;
  TradingState from = TradingState::active;
  TradingState to = TradingState::active;

  [[nodiscard]] bool is_changed() const noexcept { return from != to; }
};

class TradingStateMachine {
 public:
  [[nodiscard]] TradingState state() const noexcept { return state_; }
  /// Moves by the table, or names why not (then nothing changed).
  TradingVerdict apply(TradingOp op, TradingTrigger trigger, std::string_view reason) noexcept;
  /// Takes a checkpointed state over.
  void restore(TradingState state) noexcept { state_ = state; }

 private:
  TradingState state_ = TradingState::active;
};

}  // namespace lob
