#include "lob/backtest.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "lob/feature_schema.hpp"

namespace lob {
namespace {

EngineConfig with_grid(EngineConfig config) {
  if (!config.grid) throw std::invalid_argument("engine settings: grid: expected a grid, found none");
  return config;
}

LaneConfig lane_config(const EngineConfig& config, const std::string& json, std::size_t lane) {
  try {
    return parse_lane(config, json);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("lane " + std::to_string(lane) + ": " + error.what());
  }
}

}  // namespace

Backtest::Backtest(std::string_view config_json, std::span<const std::string> lanes)
    : config_(with_grid(parse_config(config_json))),
      market_(config_.instruments, config_.sources, config_.feed),
      sampler_(*config_.grid),
      side_(*config_.grid, config_.cross_market, config_.slot_terms),
      shared_{.market = market_, .side = side_},
      prints_(config_.instruments.size()),
      due_ns_(lanes.size(), Lane::never_ns),
      awake_(config_.instruments.size()),
      is_awake_(config_.instruments.size(), std::vector<std::uint8_t>(lanes.size())) {
  if (lanes.empty()) throw std::invalid_argument("lanes: expected at least one, found none");
  discarded_.emit_book_updates = discarded_.emit_trades = discarded_.emit_quotes = false;
  for (const std::string& json : lanes) {
    const LaneConfig lane = lane_config(config_, json, lanes_.size());
    if (lanes_.empty()) has_timers_ = lane.has_timers;
    if (lane.has_timers != has_timers_) {
      throw std::invalid_argument(
          "lane " + std::to_string(lanes_.size()) +
          ": timers: expected the same as in lane 0, since all lanes share one clock");
    }
    lanes_.push_back(std::make_unique<Lane>(config_, lane, shared_));
  }
}

// --- inputs ------------------------------------------------------------------------------------------------

void Backtest::forecasts(ForecastBatch batch) {
  const std::size_t count = batch.ts_ns.size();
  const std::size_t width = config_.grid->slots.size() * forecast_width;
  if (batch.ts_step_ns.size() != count || batch.model_id.size() != count ||
      batch.values.size() != count * batch.horizon_steps * width) {
    throw std::invalid_argument(
        "forecasts: expected ts_ns [N], ts_step_ns [N], model_id [N] and values [N, H, " +
        std::to_string(width) + "], found sizes that do not fit");
  }
  TsNs ts_before_ns = std::max(ts_queued_ns_, shared_.ts_last_ns);
  for (const TsNs ts_ns : batch.ts_ns) {
    if (ts_ns < ts_before_ns) {
      throw std::invalid_argument("forecasts: expected times ascending from " + std::to_string(ts_before_ns) +
                                  ", found " + std::to_string(ts_ns));
    }
    ts_before_ns = ts_ns;
  }
  if (count == 0) return;
  ts_queued_ns_ = ts_before_ns;
  waiting_.push_back({.batch = std::move(batch)});
}

BlockResult Backtest::process(Bytes block) {
  return for_each_record(block, [this](const Record& record) { apply_record(record); });
}

void Backtest::apply_record(const Record& record) {
  const RecordHeader& header = record.header;
  const InputName input{.seq = header.seq, .ts_ns = std::max(header.ts_ns, shared_.ts_last_ns)};
  if (input.ts_ns > ts_max_ns || header.kind == static_cast<std::uint8_t>(RecordKind::header)) return;
  catch_up(input.ts_ns);
  switch (static_cast<RecordKind>(header.kind)) {
    case RecordKind::frame:
      return frame(input.seq, header.source, input.ts_ns, record.payload);
    case RecordKind::timer:
      return move_to(input);
    case RecordKind::forecast:
      return forecast_record(input, record.payload);
    case RecordKind::command:
      return command(input, record.payload);
    case RecordKind::wishes:
      return wishes(input, record.payload);
    case RecordKind::header:
    case RecordKind::request:
    case RecordKind::output_hash:
      return;
  }
}

void Backtest::frame(std::uint64_t seq, ConnectionId connection, TsNs ts_ns, Bytes frame) {
  const bool is_known = connection < config_.sources.size() && config_.is_source_named[connection];
  if (is_known && config_.sources[connection].kind == SourceKind::sim_private) {
    return deliver(seq, ts_ns, 1);
  }
  move_to({seq, ts_ns});
  if (!is_known) return;
  market_.on_frame(seq, connection, ts_ns, frame, discarded_, this);
  discarded_.feed_events.clear();
  discarded_.gaps.clear();
  discarded_.requests.clear();
  discarded_.rejects.clear();
}

void Backtest::forecast_record(const InputName& input, Bytes payload) {
  ForecastInput read;
  if (read_forecast(payload, forecast_, read)) return forecast(input, read);
  move_to(input);
  for (const auto& lane : lanes_)
    append_reject(input, {InputError::bad_record, "forecast"}, lane->outputs().rejects,
                  lane->outputs().arena);
}

void Backtest::forecast(const InputName& input, const ForecastInput& forecast) {
  move_to(input);
  for (const auto& lane : lanes_) lane->forecast(input, forecast);
  note_all();
}

void Backtest::command(const InputName& input, Bytes json) {
  move_to(input);
  for (const auto& lane : lanes_) lane->command(input, json);
  note_all();
}

void Backtest::wishes(const InputName& input, Bytes payload) {
  move_to(input);
  for (const auto& lane : lanes_) lane->wishes(input, payload);
  note_all();
}

void Backtest::finish(TsNs ts_ns) {
  if (!has_started_) return;
  ts_ns = std::max(ts_ns, shared_.ts_last_ns);
  catch_up(ts_ns);
  while (next_forecast_ns() <= ts_ns) deliver_forecast();
  move_to({seq_, ts_ns});
}

// --- time --------------------------------------------------------------------------------------------------

TsNs Backtest::next_forecast_ns() const noexcept {
  if (waiting_.empty()) return Lane::never_ns;
  const Waiting& first = waiting_.front();
  return first.batch.ts_ns[first.next];
}

TsNs Backtest::next_timer_ns(TsNs until_ns) const noexcept {
  const bool is_due = has_timers_ && has_started_ && sampler_.next_step_ns() < until_ns;
  return is_due && !sampler_.clock().is_jump(until_ns) ? sampler_.next_step_ns() + 1 : Lane::never_ns;
}

/// Forecasts that were ready before `ts_ns` and timers up to it, in order; at one moment the timer is first.
void Backtest::catch_up(TsNs ts_ns) {
  while (true) {
    const TsNs timer_ns = next_timer_ns(ts_ns);
    const TsNs forecast_ns = next_forecast_ns();
    if (forecast_ns < ts_ns && forecast_ns < timer_ns) {
      deliver_forecast();
    } else if (timer_ns <= ts_ns) {
      move_to({seq_, timer_ns});
    } else {
      return;
    }
  }
}

void Backtest::deliver_forecast() {
  Waiting& first = waiting_.front();
  const ForecastBatch& batch = first.batch;
  const std::size_t at = first.next;
  const std::size_t size = batch.values.size() / batch.ts_ns.size();
  forecast({seq_, std::max(batch.ts_ns[at], shared_.ts_last_ns)},
           {.ts_step_ns = batch.ts_step_ns[at],
            .model_id = batch.model_id[at],
            .horizon_steps = batch.horizon_steps,
            .values = std::span(batch.values).subspan(at * size, size)});
  if (++first.next == batch.ts_ns.size()) waiting_.pop_front();
}

/// Venue events, then steps; forecasts and timers that come before have been delivered.
void Backtest::move_to(const InputName& input) {
  deliver(input.seq, input.ts_ns);
  seq_ = input.seq;
  shared_.ts_last_ns = input.ts_ns;
  if (has_started_ && input.ts_ns <= sampler_.next_step_ns()) return;
  has_started_ = true;
  for (const auto& lane : lanes_) lane->move_to(input);
  side_.forget_steps();
  note_all();
  if (!config_.emit.grid) grid_.clear();
  sampler_.close_until(
      input.seq, input.ts_ns, [this](InstrumentId instrument) { return slot_book(market_, instrument); },
      grid_);
}

// --- lanes -------------------------------------------------------------------------------------------------

void Backtest::deliver(std::uint64_t seq, TsNs until_ns, std::size_t replies_max) {
  if (due_first_ns_ > until_ns) return;
  due_first_ns_ = Lane::never_ns;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (due_ns_[lane] <= until_ns) lanes_[lane]->deliver(seq, until_ns, replies_max);
    note(lane);
  }
}

void Backtest::note_all() {
  due_first_ns_ = Lane::never_ns;
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) note(lane);
}

void Backtest::note(std::size_t lane) {
  note_due(lane);
  const MatchingDesk& desk = lanes_[lane]->desk();
  for (InstrumentId instrument = 0; instrument < awake_.size(); ++instrument) {
    if (desk.is_idle(instrument)) continue;
    if (std::exchange(is_awake_[instrument][lane], 1) == 0) awake_[instrument].push_back(lane);
  }
}

void Backtest::note_due(std::size_t lane) {
  due_ns_[lane] = lanes_[lane]->next_due_ns();
  due_first_ns_ = std::min(due_first_ns_, due_ns_[lane]);
}

/// Lets every lane hear that must, and forgets those that need not hear of this instrument any more.
template <class Tell>
void Backtest::tell_awake(InstrumentId instrument, Tell tell) {
  std::vector<std::size_t>& awake = awake_[instrument];
  for (const std::size_t lane : awake) {
    tell(lanes_[lane]->desk());
    note_due(lane);
  }
  std::erase_if(awake, [&](std::size_t lane) {
    if (!lanes_[lane]->desk().is_idle(instrument)) return false;
    is_awake_[instrument][lane] = 0;
    return true;
  });
}

// --- what the market tells ---------------------------------------------------------------------------------

void Backtest::on_book(InstrumentId instrument, TsNs, const OrderBook& book) {
  sampler_.on_book(instrument, book);
  side_.on_book(instrument);
  tell_awake(instrument, [&](MatchingDesk& desk) { desk.on_book(instrument, book, shared_.ts_last_ns); });
}

void Backtest::on_trade(InstrumentId instrument, const TradeEvent& trade) {
  sampler_.on_trade(instrument, trade.aggressor_side, trade.size);
  side_.on_trade(instrument, trade);
  if (!prints_[instrument].is_news(trade)) return;
  tell_awake(instrument, [&](MatchingDesk& desk) { desk.on_trade(instrument, trade, shared_.ts_last_ns); });
}

void Backtest::on_invalid(InstrumentId instrument) {
  sampler_.on_invalid(instrument);
  side_.on_invalid(instrument);
}

std::vector<LaneSummary> Backtest::summary() const {
  std::vector<LaneSummary> rows;
  for (const auto& lane : lanes_) {
    rows.push_back(lane->summary());
    rows.back().lane = static_cast<std::uint32_t>(rows.size() - 1);
  }
  return rows;
}

}  // namespace lob
