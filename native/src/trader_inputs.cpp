#include "lob/trader_inputs.hpp"

#include <simdjson.h>

#include <cstring>
#include <optional>

namespace lob {
namespace {

std::optional<TradingOp> op_of(std::string_view word) noexcept {
  if (word == "reduce") return TradingOp::reduce;
  if (word == "halt") return TradingOp::halt;
  if (word == "flatten") return TradingOp::flatten;
  if (word == "resume") return TradingOp::resume;
  return std::nullopt;
}

/// Who speaks, as the state event names it; nothing for a word that is nobody.
std::optional<TradingTrigger> speaker_of(std::string_view word) noexcept {
  if (word == "operator") return TradingTrigger::operator_;
  if (word == "watchdog") return TradingTrigger::watchdog;
  if (word == "model") return TradingTrigger::model;
  if (word == "venue") return TradingTrigger::venue;
  return std::nullopt;
}

std::optional<Fact> fact_of(std::string_view word) noexcept {
  for (std::size_t fact = 0; fact < fact_count; ++fact) {
    if (text_of(static_cast<Fact>(fact)) == word) return static_cast<Fact>(fact);
  }
  return std::nullopt;
}

std::string fact_words() {
  std::string words(text_of(static_cast<Fact>(0)));
  for (std::size_t fact = 1; fact < fact_count; ++fact) {
    words.append(fact + 1 == fact_count ? " or " : ", ").append(text_of(static_cast<Fact>(fact)));
  }
  return words;
}

struct ParsedCommand {
  std::string op;
  std::string reason;
  std::string by = "operator";
  std::string fact;
  std::optional<std::int64_t> value;
};

ParsedCommand parse_command(Bytes json) {
  ParsedCommand command;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::padded_string text(reinterpret_cast<const char*>(json.data()), json.size());
  if (parser.parse(text).get(document) != simdjson::SUCCESS) return command;
  const auto read = [&](std::string_view key, std::string& out) {
    std::string_view word;
    if (document[key].get(word) == simdjson::SUCCESS) out = word;
  };
  read("op", command.op);
  read("reason", command.reason);
  read("by", command.by);
  read("fact", command.fact);
  std::int64_t value = 0;
  if (document["value"].get(value) == simdjson::SUCCESS) command.value = value;
  return command;
}

WishRow row_at(Bytes rows, std::size_t index) {
  WishRow row{};
  std::memcpy(&row, rows.data() + index * sizeof row, sizeof row);
  return row;
}

Wish wish_of(const WishRow& row) {
  return {.slot = row.slot,
          .action = static_cast<SignalAction>(row.action),
          .target = SizeUnits{row.target_units},
          .limit = PriceTicks{row.limit_ticks},
          .bid = {PriceTicks{row.bid_price_ticks}, SizeUnits{row.bid_size_units}},
          .ask = {PriceTicks{row.ask_price_ticks}, SizeUnits{row.ask_size_units}},
          .expected_bps = row.expected_bps,
          .cost_bps = row.cost_bps};
}

Refusal refusal_of(InputError error, TraderError cause) {
  if (cause == TraderError::none) return {};
  return {error, std::string(text_of(cause))};
}

Refusal apply_fact(Trader& trader, const ParsedCommand& command) {
  const std::optional<Fact> fact = fact_of(command.fact);
  if (!fact) return {InputError::bad_command, "expected fact " + fact_words()};
  if (!command.value) return {InputError::bad_command, "expected a whole number as value"};
  return refusal_of(InputError::bad_command, trader.on_fact(*fact, *command.value));
}

}  // namespace

std::string_view text_of(InputError error) noexcept {
  switch (error) {
    case InputError::none:
      return "no error";
    case InputError::time_goes_back:
      return "time goes back";
    case InputError::unknown_connection:
      return "connection is not in the source table";
    case InputError::bad_forecast:
      return "forecast refused";
    case InputError::bad_command:
      return "command refused";
    case InputError::bad_reply:
      return "reply refused";
    case InputError::no_trader:
      return "this engine has no signal and risk settings";
    case InputError::bad_record:
      return "record payload has the wrong length";
    case InputError::time_too_late:
      return "time is after the year 2099";
    case InputError::bad_wishes:
      return "wishes refused";
  }
  return "unknown error";
}

void append_reject(const InputName& input, const Refusal& refusal, std::vector<RejectRecord>& out,
                   std::string& arena) {
  if (refusal.error == InputError::none) return;
  RejectRecord record{};
  record.seq = input.seq;
  record.ts_ns = input.ts_ns;
  record.connection_id = input.connection;
  record.code = input_error_code_first + static_cast<std::uint32_t>(refusal.error);
  record.text_offset = static_cast<std::uint32_t>(arena.size());
  arena.append(text_of(refusal.error));
  if (!refusal.detail.empty()) arena.append(": ").append(refusal.detail);
  record.text_length = static_cast<std::uint32_t>(arena.size()) - record.text_offset;
  out.push_back(record);
}

bool read_forecast(Bytes payload, std::vector<float>& values, ForecastInput& forecast) {
  ForecastPrefix prefix{};
  if (payload.size() < sizeof prefix || payload.size() % sizeof(float) != 0) return false;
  std::memcpy(&prefix, payload.data(), sizeof prefix);
  const Bytes raw = payload.subspan(sizeof prefix);
  values.resize(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), values.size() * sizeof(float));
  forecast = {prefix.ts_step_ns, prefix.model_id, prefix.horizon_steps, values};
  return true;
}

Refusal apply_forecast(Trader& trader, const InputName& input, const ForecastInput& forecast,
                       const MarketView& market, TradingOutputs& out) {
  if (forecast.ts_step_ns < 0 || forecast.ts_step_ns > input.ts_ns) {
    return {InputError::bad_forecast,
            "of step " + std::to_string(forecast.ts_step_ns) + ", which is not closed yet"};
  }
  const ForecastView view{forecast.values, forecast.horizon_steps, market.slots.size()};
  return refusal_of(InputError::bad_forecast, trader.on_forecast(input.seq, input.ts_ns, forecast.ts_step_ns,
                                                                 forecast.model_id, view, market, out));
}

Refusal apply_command(Trader& trader, const InputName& input, Bytes json, TradingOutputs& out) {
  const ParsedCommand command = parse_command(json);
  if (command.op == "observe") return apply_fact(trader, command);
  const std::optional<TradingOp> op = op_of(command.op);
  if (!op) return {InputError::bad_command, "expected op reduce, halt, flatten, resume or observe"};
  const std::optional<TradingTrigger> by = speaker_of(command.by);
  if (!by) return {InputError::bad_command, "expected by operator, watchdog, model or venue"};
  return refusal_of(InputError::bad_command,
                    trader.on_command(input.seq, input.ts_ns, *op, *by, command.reason, out));
}

Refusal apply_wishes(Trader& trader, const InputName& input, Bytes payload, const MarketView& market,
                     TradingOutputs& out) {
  WishesPrefix prefix{};
  if (payload.size() < sizeof prefix) return {InputError::bad_record, "wishes"};
  std::memcpy(&prefix, payload.data(), sizeof prefix);
  const Bytes rows = payload.subspan(sizeof prefix);
  if (rows.size() != std::size_t{prefix.count} * sizeof(WishRow)) return {InputError::bad_record, "wishes"};
  if (prefix.ts_step_ns < 0 || prefix.ts_step_ns > input.ts_ns) {
    return {InputError::bad_wishes,
            "of step " + std::to_string(prefix.ts_step_ns) + ", which is not closed yet"};
  }
  std::vector<Wish> wishes;
  for (std::size_t index = 0; index < prefix.count; ++index) {
    const WishRow row = row_at(rows, index);
    if (row.action >= signal_action_count) return {InputError::bad_wishes, "an action that is none"};
    wishes.push_back(wish_of(row));
  }
  return refusal_of(InputError::bad_wishes,
                    trader.on_wishes(input.seq, input.ts_ns, prefix.ts_step_ns, prefix.strategy,
                                     std::move(wishes), market, out));
}

Refusal apply_reply(Trader& trader, const InputName& input, const VenueReply& reply, TradingOutputs& out) {
  return refusal_of(InputError::bad_reply, trader.on_reply(input.seq, input.ts_ns, reply, out));
}

}  // namespace lob
