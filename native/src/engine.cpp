#include "lob/engine.hpp"

#include <cstring>

#include "lob/venue_reply.hpp"

namespace lob {
namespace {

constexpr std::uint32_t checkpoint_magic = 0x3645424CU;  // "LBE6", version in the last sign

Bytes bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::optional<VenueReply> decode_simulated(Bytes frame) noexcept {
  const std::optional<SimReply> reply = decode_sim_reply(frame);
  return reply ? std::optional(venue_reply_of(*reply)) : std::nullopt;
}

}  // namespace

std::size_t EngineOutputs::count() const noexcept {
  return market.book_updates.size() + market.trades.size() + market.quotes.size() +
         market.feed_events.size() + market.gaps.size() + market.requests.size() + market.rejects.size() +
         trading.count() + book_snapshots.size() + grid.size() + cross_market.size();
}

void EngineOutputs::clear() noexcept {
  market.book_updates.clear();
  market.trades.clear();
  market.quotes.clear();
  market.feed_events.clear();
  market.gaps.clear();
  market.requests.clear();
  market.rejects.clear();
  trading.clear();
  book_snapshots.clear();
  grid.clear();
  cross_market.clear();
  arena.clear();
}

Engine::Engine(std::string_view config_json)
    : config_(parse_config(config_json)), market_(config_.instruments, config_.sources, config_.feed) {
  if (config_.grid) sampler_.emplace(*config_.grid);
  if (config_.trader) trader_.emplace(*config_.trader);
  if (config_.trader) side_.emplace(*config_.grid, config_.cross_market, config_.slot_terms);
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
    return reject({seq, ts_recv_ns, connection}, {InputError::unknown_connection, ""});
  }
  const SourceKind kind = config_.sources[connection].kind;
  if (kind == SourceKind::sim_private || kind == SourceKind::venue_private) {
    return apply_reply_frame({seq, ts_recv_ns, connection}, kind, frame);
  }
  market_.on_frame(seq, connection, ts_recv_ns, frame, outputs_.market, this);
}

void Engine::timer(std::uint64_t seq, TsNs ts_ns) {
  advance(seq, no_connection, ts_ns);
}

void Engine::forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                      std::span<const float> values, std::size_t horizon_steps) {
  if (!advance(seq, no_connection, ts_ns)) return;
  const InputName input{seq, ts_ns};
  if (!trader_) return reject(input, {InputError::no_trader, ""});
  const ForecastInput forecast{ts_step_ns, model_id, horizon_steps, values};
  reject(input, apply_forecast(*trader_, input, forecast, side_->at(market_, ts_ns), outputs_.trading));
}

void Engine::wishes(std::uint64_t seq, TsNs ts_ns, Bytes payload) {
  if (!advance(seq, no_connection, ts_ns)) return;
  const InputName input{seq, ts_ns};
  if (!trader_) return reject(input, {InputError::no_trader, ""});
  reject(input, apply_wishes(*trader_, input, payload, side_->at(market_, ts_ns), outputs_.trading));
}

void Engine::command(std::uint64_t seq, TsNs ts_ns, Bytes json) {
  if (!advance(seq, no_connection, ts_ns)) return;
  const InputName input{seq, ts_ns};
  if (!trader_) return reject(input, {InputError::no_trader, ""});
  reject(input, apply_command(*trader_, input, json, outputs_.trading));
}

BlockResult Engine::process(Bytes block) {
  return for_each_record(block, [this](const Record& record) { apply_record(record); });
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
    case RecordKind::wishes:
      return wishes(header.seq, header.ts_ns, record.payload);
    case RecordKind::header:
    case RecordKind::request:
    case RecordKind::output_hash:
      return;
  }
}

void Engine::apply_forecast_record(const Record& record) {
  const RecordHeader& header = record.header;
  ForecastInput read;
  if (!read_forecast(record.payload, forecast_, read)) {
    if (!advance(header.seq, no_connection, header.ts_ns)) return;
    return reject({header.seq, header.ts_ns}, {InputError::bad_record, "forecast"});
  }
  forecast(header.seq, header.ts_ns, read.ts_step_ns, read.model_id, read.values, read.horizon_steps);
}

void Engine::apply_reply_frame(const InputName& input, SourceKind kind, Bytes frame) {
  if (!trader_) return reject(input, {InputError::no_trader, ""});
  const bool is_simulated = kind == SourceKind::sim_private;
  const auto reply = is_simulated ? decode_simulated(frame) : decode_venue_reply(frame);
  if (!reply) {
    const char* expected = is_simulated ? "no reply of the simulated venue" : "no reply of a venue's gateway";
    return reject(input, {InputError::bad_reply, expected});
  }
  reject(input, apply_reply(*trader_, input, *reply, outputs_.trading));
}

// --- time --------------------------------------------------------------------------------------------------

bool Engine::advance(std::uint64_t seq, ConnectionId connection, TsNs ts_ns) {
  if (ts_ns < ts_last_ns_) {
    reject({seq, ts_ns, connection},
           {InputError::time_goes_back, "last input was at " + std::to_string(ts_last_ns_)});
    return false;
  }
  if (ts_ns > ts_max_ns) {
    reject({seq, ts_ns, connection}, {InputError::time_too_late, ""});
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
      seq, ts_ns, [this](InstrumentId instrument) { return slot_book(market_, instrument); }, rows);
  steps_closed_ += steps;
  if (!trader_) return;
  const TsNs step_ns = config_.grid->step_ns;
  for (std::size_t left = steps; left > 0; --left) {
    const TsNs ts_step_ns = sampler_->next_step_ns() - static_cast<TsNs>(left) * step_ns;
    trader_->on_step(seq, ts_ns, side_->at_step(market_, ts_step_ns), outputs_.trading);
    if (ts_step_ns / step_ns % config_.emit.cross_market_every_steps == 0) emit_cross_market(seq, ts_step_ns);
  }
  side_->forget_steps();
}

void Engine::emit_cross_market(std::uint64_t seq, TsNs ts_step_ns) {
  const CrossMarket& cross = side_->cross_market();
  for (const Pair& pair : cross.pairs()) {
    const LeadLag lead = cross.lead_lag(pair.slot_a, pair.slot_b);
    outputs_.cross_market.push_back({.seq = seq,
                                     .ts_step_ns = ts_step_ns,
                                     .correlation = cross.correlation(pair.slot_a, pair.slot_b),
                                     .lead_correlation = lead.correlation,
                                     .instrument_a = config_.grid->slots[pair.slot_a].instrument,
                                     .instrument_b = config_.grid->slots[pair.slot_b].instrument,
                                     .lead_steps = static_cast<std::int32_t>(lead.lag_steps),
                                     .reserved = 0});
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

// --- what the market tells ---------------------------------------------------------------------------------

void Engine::on_book(InstrumentId instrument, TsNs, const OrderBook& book) {
  if (sampler_) sampler_->on_book(instrument, book);
  if (side_) side_->on_book(instrument);
}

void Engine::on_trade(InstrumentId instrument, const TradeEvent& trade) {
  if (sampler_) sampler_->on_trade(instrument, trade.aggressor_side, trade.size);
  if (side_) side_->on_trade(instrument, trade);
}

void Engine::on_invalid(InstrumentId instrument) {
  if (sampler_) sampler_->on_invalid(instrument);
  if (side_) side_->on_invalid(instrument);
}

// --- refusals ----------------------------------------------------------------------------------------------

void Engine::reject(const InputName& input, const Refusal& refusal) {
  append_reject(input, refusal, outputs_.market.rejects, outputs_.arena);
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
  if (side_) side_->save(writer);
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
         (!trader_ || trader_->load(reader)) && (!side_ || side_->load(reader)) && reader.is_at_end();
}

}  // namespace lob
