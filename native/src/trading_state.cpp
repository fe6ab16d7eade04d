#include "lob/trading_state.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace lob {
namespace {

using Cell = std::optional<TradingState>;
constexpr Cell refused = std::nullopt;
constexpr Cell active = TradingState::active;
constexpr Cell reducing = TradingState::reducing;
constexpr Cell flattening = TradingState::flattening;
constexpr Cell halted = TradingState::halted;

// Rows and columns as in the header's table.
constexpr std::array<std::array<Cell, trading_op_count>, trading_state_count> table{{
    {reducing, halted, flattening, refused, refused},
    {reducing, halted, flattening, active, refused},
    {refused, halted, flattening, refused, halted},
    {refused, halted, flattening, active, refused},
}};

constexpr auto cells = [] {
  std::array<TradingCell, trading_state_count * trading_op_count> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t row = i / trading_op_count;
    const std::size_t column = i % trading_op_count;
    out[i] = {static_cast<TradingState>(row), static_cast<TradingOp>(column), table[row][column]};
  }
  return out;
}();

constexpr std::array<std::string_view, trading_state_count> state_words{"active", "reducing", "flattening",
                                                                        "halted"};
constexpr std::array<std::string_view, trading_trigger_count> trigger_words{
    "operator", "limit", "stale_feed", "model", "start", "data", "clock", "venue", "watchdog"};
constexpr std::array<std::string_view, trading_op_count> op_words{"reduce", "halt", "flatten", "resume",
                                                                  "flat_confirmed"};

TradingOpError permission(TradingOp op, TradingTrigger trigger, std::string_view reason) noexcept {
  if (op != TradingOp::resume) return TradingOpError::none;
  if (trigger != TradingTrigger::operator_) return TradingOpError::operator_only;
  return reason.empty() ? TradingOpError::reason_missing : TradingOpError::none;
}

}  // namespace

std::string_view text_of(TradingState state) noexcept {
  return state_words[static_cast<std::size_t>(state)];
}

std::string_view text_of(TradingTrigger trigger) noexcept {
  return trigger_words[static_cast<std::size_t>(trigger)];
}

std::string_view text_of(TradingOp op) noexcept {
  return op_words[static_cast<std::size_t>(op)];
}

std::span<const TradingCell> trading_table() noexcept {
  return cells;
}

std::string_view text_of(TradingOpError error) noexcept {
  switch (error) {
    case TradingOpError::none:
      return "accepted";
    case TradingOpError::not_allowed:
      return "not allowed in this trading state";
    case TradingOpError::operator_only:
      return "only an operator may resume";
    case TradingOpError::reason_missing:
      return "resume needs a reason";
  }
  return "unknown";
}

TradingVerdict TradingStateMachine::apply(TradingOp op, TradingTrigger trigger,
                                          std::string_view reason) noexcept {
  const TradingState from = state_;
  const Cell to = table[static_cast<std::size_t>(from)][static_cast<std::size_t>(op)];
  if (!to) return {.error = TradingOpError::not_allowed, .from = from, .to = from};

  const TradingOpError error = permission(op, trigger, reason);
  if (error != TradingOpError::none) return {.error = error, .from = from, .to = from};

  state_ = *to;
  return {.error = TradingOpError::none, .from = from, .to = state_};
}

}  // namespace lob
