#include "lob/engine.hpp"

#include <simdjson.h>

#include <cstring>

#include "lob/sim_reply.hpp"

namespace lob {
namespace {

constexpr std::uint32_t checkpoint_magic = 0x3245424CU;  // "LBE2", version in the last sign
constexpr ConnectionId no_connection = std::numeric_limits<ConnectionId>::max();

std::optional<TradingOp> op_of(std::string_view word) noexcept {
  if (word == "reduce") return TradingOp::reduce;
  if (word == "halt") return TradingOp::halt;
  if (word == "flatten") return TradingOp::flatten;
  if (word == "resume") return TradingOp::resume;
  return std::nullopt;
}

Bytes bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

struct ParsedCommand {
  std::optional<TradingOp> op;
  std::string reason;
};

ParsedCommand parse_command(Bytes json) {
  ParsedCommand command;
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::padded_string text(reinterpret_cast<const char*>(json.data()), json.size());
  if (parser.parse(text).get(document) != simdjson::SUCCESS) return command;
  std::string_view word;
  if (document["op"].get(word) == simdjson::SUCCESS) command.op = op_of(word);
  if (document["reason"].get(word) == simdjson::SUCCESS) command.reason = word;
  return command;
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
  }
  return "unknown error";
}

std::size_t EngineOutputs::count() const noexcept {
  return market.book_updates.size() + market.trades.size() + market.quotes.size() +
         market.feed_events.size() + market.gaps.size() + market.requests.size() + market.rejects.size() +
         trading.decisions.size() + trading.orders.size() + trading.order_events.size() +
         trading.fills.size() + trading.positions.size() + trading.state_events.size() +
         book_snapshots.size() + grid.size();
}

void EngineOutputs::clear() noexcept {
  market.book_updates.clear();
  market.trades.clear();
  market.quotes.clear();
  market.feed_events.clear();
  market.gaps.clear();
  market.requests.clear();
  market.rejects.clear();
  trading.decisions.clear();
  trading.orders.clear();
  trading.order_events.clear();
  trading.fills.clear();
  trading.positions.clear();
  trading.state_events.clear();
  book_snapshots.clear();
  grid.clear();
  arena.clear();
}

Engine::Engine(std::string_view config_json)
    : config_(parse_config(config_json)), market_(config_.instruments, config_.sources, config_.feed) {
  if (config_.grid) sampler_.emplace(*config_.grid);
  if (config_.trader) trader_.emplace(*config_.trader);
  if (config_.grid) tops_.resize(config_.grid->slots.size());
  outputs_.market.emit_book_updates = config_.emit.book_updates;
  outputs_.market.emit_trades = config_.emit.trades;
  outputs_.market.emit_quotes = config_.emit.quotes;
  outputs_.market.arena = &outputs_.arena;
  outputs_.trading.arena = &outputs_.arena;
}

// --- inputs ------------------------------------------------------------------------------------------------

void Engine::frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame) {
  if (!advance(seq, connection, ts_recv_ns)) return;
  if (connection >= config_.sources.size() || !config_.is_source_named[connection]) {
    return reject(seq, connection, ts_recv_ns, InputError::unknown_connection, "");
  }
  if (config_.sources[connection].kind == SourceKind::sim_private) {
    return apply_reply(seq, connection, ts_recv_ns, frame);
  }
  market_.on_frame(seq, connection, ts_recv_ns, frame, outputs_.market, this);
}

void Engine::timer(std::uint64_t seq, TsNs ts_ns) {
  advance(seq, no_connection, ts_ns);
}

void Engine::forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                      std::span<const float> values, std::size_t horizon_steps) {
  if (!advance(seq, no_connection, ts_ns)) return;
  if (!trader_) return reject(seq, no_connection, ts_ns, InputError::no_trader, "");
  if (ts_step_ns < 0 || ts_step_ns > ts_ns) {
    return reject(seq, no_connection, ts_ns, InputError::bad_forecast,
                  "of step " + std::to_string(ts_step_ns) + ", which is not closed yet");
  }
  refresh_tops(ts_ns);
  const ForecastView view{values, horizon_steps, tops_.size()};
  const TraderError error =
      trader_->on_forecast(seq, ts_ns, ts_step_ns, model_id, view, tops_, outputs_.trading);
  reject_trader(seq, no_connection, ts_ns, InputError::bad_forecast, error);
}

void Engine::command(std::uint64_t seq, TsNs ts_ns, Bytes json) {
  if (!advance(seq, no_connection, ts_ns)) return;
  if (!trader_) return reject(seq, no_connection, ts_ns, InputError::no_trader, "");
  const ParsedCommand command = parse_command(json);
  if (!command.op) {
    return reject(seq, no_connection, ts_ns, InputError::bad_command,
                  "expected op reduce, halt, flatten or resume");
  }
  const TraderError error = trader_->on_command(seq, ts_ns, *command.op, TradingTrigger::operator_,
                                                command.reason, outputs_.trading);
  reject_trader(seq, no_connection, ts_ns, InputError::bad_command, error);
}

BlockResult Engine::process(Bytes block) {
  BlockResult result;
  RecordReader reader(block);
  while (auto record = reader.next()) {
    apply_record(*record);
    ++result.records;
  }
  result.offset = reader.offset();
  result.error = reader.error();
  return result;
}

void Engine::apply_record(const Record& record) {
  const RecordHeader& header = record.header;
  switch (static_cast<RecordKind>(header.kind)) {
    case RecordKind::frame:
      return frame(header.seq, header.source, header.ts_ns, record.payload);
    case RecordKind::timer:
      return timer(header.seq, header.ts_ns);
    case RecordKind::forecast:
      return apply_forecast_record(record);
    case RecordKind::command:
      return command(header.seq, header.ts_ns, record.payload);
    case RecordKind::header:
    case RecordKind::request:
    case RecordKind::output_hash:
      return;
  }
}

void Engine::apply_forecast_record(const Record& record) {
  ForecastPrefix prefix{};
  const bool is_whole = record.payload.size() >= sizeof prefix && record.payload.size() % sizeof(float) == 0;
  if (!is_whole) {
    if (!advance(record.header.seq, no_connection, record.header.ts_ns)) return;
    return reject(record.header.seq, no_connection, record.header.ts_ns, InputError::bad_record, "forecast");
  }
  std::memcpy(&prefix, record.payload.data(), sizeof prefix);
  const Bytes values = record.payload.subspan(sizeof prefix);
  forecast_.resize(values.size() / sizeof(float));
  std::memcpy(forecast_.data(), values.data(), forecast_.size() * sizeof(float));
  forecast(record.header.seq, record.header.ts_ns, prefix.ts_step_ns, prefix.model_id, forecast_,
           prefix.horizon_steps);
}

void Engine::apply_reply(std::uint64_t seq, ConnectionId connection, TsNs ts_ns, Bytes frame) {
  if (!trader_) return reject(seq, connection, ts_ns, InputError::no_trader, "");
  const std::optional<SimReply> reply = decode_sim_reply(frame);
  if (!reply) return reject(seq, connection, ts_ns, InputError::bad_reply, "no reply of the simulated venue");
  const TraderError error = trader_->on_reply(seq, ts_ns, *reply, outputs_.trading);
  reject_trader(seq, connection, ts_ns, InputError::bad_reply, error);
}

// --- time --------------------------------------------------------------------------------------------------

bool Engine::advance(std::uint64_t seq, ConnectionId connection, TsNs ts_ns) {
  if (ts_ns < ts_last_ns_) {
    reject(seq, connection, ts_ns, InputError::time_goes_back,
           "last input was at " + std::to_string(ts_last_ns_));
    return false;
  }
  if (ts_ns > ts_max_ns) {
    reject(seq, connection, ts_ns, InputError::time_too_late, "");
    return false;
  }
  if (trader_) trader_->on_start(seq, ts_ns, outputs_.trading);
  if (config_.emit.book_snapshot_every_ns > 0) emit_snapshots(seq, ts_ns);
  if (sampler_) close_steps(seq, ts_ns);
  ts_last_ns_ = ts_ns;
  return true;
}

void Engine::close_steps(std::uint64_t seq, TsNs ts_ns) {
  std::vector<GridRecord>& rows = config_.emit.grid ? outputs_.grid : unsent_;
  unsent_.clear();
  const std::size_t steps = sampler_->close_until(
      seq, ts_ns, [this](InstrumentId instrument) { return slot_book(instrument); }, rows);
  steps_closed_ += steps;
  if (!trader_) return;
  const TsNs step_ns = config_.grid->step_ns;
  for (std::size_t left = steps; left > 0; --left) {
    const TsNs ts_step_ns = sampler_->next_step_ns() - static_cast<TsNs>(left) * step_ns;
    refresh_tops(ts_step_ns);
    trader_->on_step(seq, ts_ns, tops_, outputs_.trading);
  }
}

SlotBook Engine::slot_book(InstrumentId instrument) const {
  return {top_of(market_.book(instrument)), market_.state(instrument) == FeedState::synced,
          market_.ts_last_update_ns(instrument)};
}

void Engine::refresh_tops(TsNs ts_ns) {
  for (std::size_t i = 0; i < tops_.size(); ++i) {
    tops_[i] = TopOfBook{};
    const InstrumentId instrument = config_.grid->slots[i].instrument;
    if (instrument == no_instrument || market_.state(instrument) != FeedState::synced) continue;
    const std::optional<Level> bid = market_.book(instrument).best(Side::bid);
    const std::optional<Level> ask = market_.book(instrument).best(Side::ask);
    if (!bid || !ask) continue;
    const bool is_fresh = ts_ns - market_.ts_last_update_ns(instrument) <= config_.grid->stale_ns;
    tops_[i] = TopOfBook{bid->price, ask->price, is_fresh};
  }
}

/// Like a step, a boundary falls due at the first input after it and holds what was received up to and
/// including it. After a hole only the newest one is written: the books did not change in between.
void Engine::emit_snapshots(std::uint64_t seq, TsNs ts_ns) {
  const TsNs period_ns = config_.emit.book_snapshot_every_ns;
  const TsNs ts_boundary_ns = (ts_ns - 1) / period_ns * period_ns;
  if (ts_ns == ts_last_ns_ || ts_boundary_ns < ts_last_ns_) return;
  for (InstrumentId i = 0; i < config_.instruments.size(); ++i) emit_snapshot(seq, ts_boundary_ns, i);
}

void Engine::emit_snapshot(std::uint64_t seq, TsNs ts_ns, InstrumentId instrument) {
  if (market_.state(instrument) != FeedState::synced) return;
  for (const Side side : {Side::bid, Side::ask}) {
    levels_.clear();
    market_.book(instrument).append_levels(side, levels_);
    for (std::size_t n = 0; n < levels_.size() && n <= std::numeric_limits<std::uint16_t>::max(); ++n) {
      outputs_.book_snapshots.push_back({.seq = seq,
                                         .ts_recv_ns = ts_ns,
                                         .update_id = market_.last_update_id(instrument),
                                         .price_ticks = levels_[n].price.value,
                                         .size_units = levels_[n].size.value,
                                         .instrument = instrument,
                                         .level = static_cast<std::uint16_t>(n),
                                         .side = static_cast<std::uint8_t>(side),
                                         .reserved = 0});
    }
  }
}

// --- what the market tells
// -----------------------------------------------------------------------------------

void Engine::on_book(InstrumentId instrument, TsNs, const OrderBook& book) {
  if (sampler_) sampler_->on_book(instrument, book);
}

void Engine::on_trade(InstrumentId instrument, const TradeEvent& trade) {
  if (sampler_) sampler_->on_trade(instrument, trade.aggressor_side, trade.size);
}

void Engine::on_invalid(InstrumentId instrument) {
  if (sampler_) sampler_->on_invalid(instrument);
}

// --- refusals
// ------------------------------------------------------------------------------------------------

void Engine::reject(std::uint64_t seq, ConnectionId connection, TsNs ts_ns, InputError error,
                    std::string_view detail) {
  RejectRecord record{};
  record.seq = seq;
  record.ts_ns = ts_ns;
  record.connection_id = connection;
  record.code = input_error_code_first + static_cast<std::uint32_t>(error);
  record.text_offset = static_cast<std::uint32_t>(outputs_.arena.size());
  outputs_.arena.append(text_of(error));
  if (!detail.empty()) outputs_.arena.append(": ").append(detail);
  record.text_length = static_cast<std::uint32_t>(outputs_.arena.size()) - record.text_offset;
  outputs_.market.rejects.push_back(record);
}

void Engine::reject_trader(std::uint64_t seq, ConnectionId connection, TsNs ts_ns, InputError error,
                           TraderError cause) {
  if (cause != TraderError::none) reject(seq, connection, ts_ns, error, text_of(cause));
}

// --- checkpoint
// ------------------------------------------------------------------------------------------------

/// Whose the slots are: ids mean nothing outside one table.
std::string Engine::slot_names() const {
  std::string names;
  if (!config_.grid) return names;
  for (const GridSlot& slot : config_.grid->slots) {
    if (slot.instrument != no_instrument) {
      const InstrumentSpec& spec = config_.instruments[slot.instrument];
      names.append(text_of(spec.venue)).append(":").append(spec.symbol);
    }
    names.append("\n");
  }
  return names;
}

std::string Engine::checkpoint() const {
  ByteWriter writer;
  writer.put(checkpoint_magic);
  writer.put(ts_last_ns_);
  writer.put(steps_closed_);
  writer.put_text(slot_names());
  market_.save(writer);
  if (sampler_) sampler_->save(writer);
  if (trader_) trader_->save(writer);
  writer.put(crc32c(bytes_of(writer.bytes())));
  return writer.take();
}

bool Engine::restore(std::string_view data) {
  std::uint32_t crc = 0;
  if (data.size() < sizeof crc) return false;
  const std::string_view body = data.substr(0, data.size() - sizeof crc);
  std::memcpy(&crc, data.data() + body.size(), sizeof crc);
  if (crc != crc32c(bytes_of(body))) return false;
  ByteReader reader(body);
  std::uint32_t magic = 0;
  std::string names;
  const bool is_ours = reader.get(magic) && magic == checkpoint_magic && reader.get(ts_last_ns_) &&
                       reader.get(steps_closed_) && reader.get_text(names) && names == slot_names();
  return is_ours && market_.load(reader) && (!sampler_ || sampler_->load(reader)) &&
         (!trader_ || trader_->load(reader)) && reader.is_at_end();
}

}  // namespace lob
