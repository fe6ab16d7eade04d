// Inputs that are for the trader, with the words in which they are refused. Shared by the engine and the
// lanes of a backtest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lob/outputs.hpp"
#include "lob/record.hpp"
#include "lob/trader.hpp"
#include "lob/types.hpp"

namespace lob {

/// Why an input was refused; RejectRecord.code carries 1000 + the value. It then did what a timer of its time
/// does and nothing else; where its time is what is wrong, nothing at all.
enum class InputError : std::uint8_t {
  none = 0,
  time_goes_back,      ///< earlier than the input before it, or before 1970
  unknown_connection,  ///< not in the source table
  bad_forecast,        ///< shape or values, see the text
  bad_command,         ///< no JSON, unknown op, or not allowed in the present state
  bad_reply,           ///< a simulated venue's frame that is none, or that the trader refuses
  no_trader,           ///< a forecast, command or reply for an engine without signal and risk
  bad_record,          ///< a record whose payload has no length of its kind
  time_too_late,       ///< after `ts_max_ns`: taken, it would shut out every later input
  bad_wishes,          ///< for no external strategy, or a wish that may not be
};
[[nodiscard]] std::string_view text_of(InputError error) noexcept;

inline constexpr std::uint32_t input_error_code_first = 1000;
inline constexpr ConnectionId no_connection = 0xFFFF'FFFFU;

/// An input, as its refusal names it.
struct InputName {
  std::uint64_t seq = 0;
  TsNs ts_ns = 0;
  ConnectionId connection = no_connection;
};

/// Nothing, or why an input was refused.
struct Refusal {
  InputError error = InputError::none;
  std::string detail;
};

/// Appends a reject record with its text; nothing where the refusal is none.
void append_reject(const InputName& input, const Refusal& refusal, std::vector<RejectRecord>& out,
                   std::string& arena);

/// A forecast of the step `ts_step_ns`; `values` are borrowed for the call.
struct ForecastInput {
  TsNs ts_step_ns = 0;
  std::uint32_t model_id = 0;
  std::size_t horizon_steps = 0;
  std::span<const float> values;
};

/// Reads the payload of a forecast record into `forecast`, whose values lie in `values`; false when it has no
/// such length.
[[nodiscard]] bool read_forecast(Bytes payload, std::vector<float>& values, ForecastInput& forecast);

Refusal apply_forecast(Trader& trader, const InputName& input, const ForecastInput& forecast,
                       const MarketView& market, TradingOutputs& out);
/// The payload of a wishes record.
Refusal apply_wishes(Trader& trader, const InputName& input, Bytes payload, const MarketView& market,
                     TradingOutputs& out);
/// {"op": "reduce" | "halt" | "flatten" | "resume", "reason": "...", "by": "operator" | "watchdog" |
/// "model"}: who gives no name is an operator. Or {"op": "observe", "fact": F, "value": n}, F as in
/// text_of(Fact): taken in every trading state.
Refusal apply_command(Trader& trader, const InputName& input, Bytes json, TradingOutputs& out);
Refusal apply_reply(Trader& trader, const InputName& input, const VenueReply& reply, TradingOutputs& out);

}  // namespace lob
