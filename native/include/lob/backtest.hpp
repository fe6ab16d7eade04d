// Many traders over one recorded market: frames are decoded once, books and grid are kept once; each lane has
// its own trader, settings and simulated venue.
//
// Theory of operation. Inputs come in order of time, and before each at ts happens what would have happened
// live: forecasts that were ready earlier than ts and timers up to ts; every lane's venue events up to ts,
// one by one, each reply an input of its own; the steps before ts close; then the input is applied. A journal
// that is heard here gives the live session's orders and fills byte for byte: its own replies are passed
// over, and each only lends its seq to the lane's next reply that is due.
//
// A lane costs nothing on a frame unless its orders rest, its levels are taken (`awake`), or an event of its
// is due. Lanes do not meet: what one orders changes neither the market nor another lane.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lob/backtest_lane.hpp"
#include "lob/config.hpp"
#include "lob/engine.hpp"
#include "lob/market.hpp"
#include "lob/market_side.hpp"
#include "lob/record.hpp"
#include "lob/sampler.hpp"

namespace lob {

/// Forecasts made ahead of the run, one after another in order of delivery.
struct ForecastBatch {
  std::vector<TsNs> ts_ns;       ///< when each is ready, ascending
  std::vector<TsNs> ts_step_ns;  ///< the step that it is of
  std::vector<std::uint32_t> model_id;
  std::vector<float> values;  ///< [N][H][V * 20]
  std::size_t horizon_steps = 0;
};

class Backtest final : private MarketObserver {
 public:
  /// `config_json` is an engine's document (its trader, if any, is not used), `lanes` as parse_lane takes
  /// them. Throws std::invalid_argument naming lane and key.
  Backtest(std::string_view config_json, std::span<const std::string> lanes);
  Backtest(const Backtest&) = delete;
  Backtest& operator=(const Backtest&) = delete;

  /// Queues forecasts. Throws std::invalid_argument where sizes do not fit, or times are not ascending or
  /// earlier than what was queued or heard before.
  void forecasts(ForecastBatch batch);
  /// Feeds every record of a block. An input that is earlier than the last one counts as of the same moment.
  BlockResult process(Bytes block);
  /// Delivers what is due until `ts_ns` and closes the steps before it.
  void finish(TsNs ts_ns);

  [[nodiscard]] std::size_t lane_count() const noexcept { return lanes_.size(); }
  /// Owes: lane < lane_count().
  [[nodiscard]] Lane& lane(std::size_t lane) { return *lanes_[lane]; }
  /// One row a lane.
  [[nodiscard]] std::vector<LaneSummary> summary() const;
  /// Rows of the grid that nobody took; stays empty unless the document says emit.grid.
  [[nodiscard]] std::vector<GridRecord>& grid() noexcept { return grid_; }
  [[nodiscard]] const Market& market() const noexcept { return market_; }
  [[nodiscard]] const EngineConfig& config() const noexcept { return config_; }

 private:
  struct Waiting {  // a batch and how far it was delivered
    ForecastBatch batch;
    std::size_t next = 0;
  };

  void on_book(InstrumentId instrument, TsNs ts_recv_ns, const OrderBook& book) override;
  void on_trade(InstrumentId instrument, const TradeEvent& trade) override;
  void on_invalid(InstrumentId instrument) override;

  void apply_record(const Record& record);
  void frame(std::uint64_t seq, ConnectionId connection, TsNs ts_ns, Bytes frame);
  void forecast_record(const InputName& input, Bytes payload);
  void forecast(const InputName& input, const ForecastInput& forecast);
  void command(const InputName& input, Bytes json);
  void wishes(const InputName& input, Bytes payload);
  /// Forecasts and timers that are due before an input at `ts_ns`.
  void catch_up(TsNs ts_ns);
  void deliver_forecast();
  /// Everything that comes before the input itself.
  void move_to(const InputName& input);
  void deliver(std::uint64_t seq, TsNs until_ns, std::size_t replies_max = Lane::all_replies);
  /// To be called after anything that may have sent, taken or rested an order of the lane.
  void note(std::size_t lane);
  void note_all();
  void note_due(std::size_t lane);
  template <class Tell>
  void tell_awake(InstrumentId instrument, Tell tell);
  [[nodiscard]] TsNs next_forecast_ns() const noexcept;
  [[nodiscard]] TsNs next_timer_ns(TsNs until_ns) const noexcept;

  EngineConfig config_;
  Market market_;
  Sampler sampler_;
  MarketSide side_;
  LaneMarket shared_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<PrintFilter> prints_;  // one an instrument
  MarketOutputs discarded_;
  std::vector<GridRecord> grid_;
  std::deque<Waiting> waiting_;
  TsNs ts_queued_ns_ = 0;  // of the last forecast queued
  bool has_timers_ = false;
  bool has_started_ = false;
  std::uint64_t seq_ = 0;                            // of the last record
  std::vector<TsNs> due_ns_;                         // next_due_ns of each lane
  TsNs due_first_ns_ = Lane::never_ns;               // not later than any of them
  std::vector<std::vector<std::size_t>> awake_;      // by instrument: lanes that must hear of it
  std::vector<std::vector<std::uint8_t>> is_awake_;  // [instrument][lane], the same as flags
  std::vector<float> forecast_;                      // scratch of a forecast record
};

}  // namespace lob
