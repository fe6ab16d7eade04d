// The engine: inputs with a time that never goes back, in; records, each naming its input, out.
//
// Theory of operation. Every input first moves time: the grid closes all steps earlier than the input,
// periodic book snapshots fall due, the trader marks its positions once a closed step. Only then is the input
// itself applied. So what a step holds never depends on what came after it, whoever feeds the engine: live
// sockets, a replay, a block of records. There is no clock, no I/O, no thread and no randomness in here, and
// none below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lob/config.hpp"
#include "lob/market.hpp"
#include "lob/market_side.hpp"
#include "lob/outputs.hpp"
#include "lob/record.hpp"
#include "lob/sampler.hpp"
#include "lob/trader.hpp"
#include "lob/trader_inputs.hpp"

namespace lob {

inline constexpr TsNs ts_max_ns =
    4'102'444'800'000'000'000;  ///< 2100-01-01; sums with steps and spans stay in int64

struct EngineOutputs {
  MarketOutputs market;
  TradingOutputs trading;
  std::vector<BookSnapshotRecord> book_snapshots;
  std::vector<GridRecord> grid;
  std::vector<CrossMarketRecord> cross_market;
  std::string arena;

  [[nodiscard]] std::size_t count() const noexcept;
  void clear() noexcept;
};

class Engine final : private MarketObserver {
 public:
  /// Throws std::invalid_argument naming the key.
  explicit Engine(std::string_view config_json);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// One frame as received on a connection: market data, REST replies, and replies about our orders.
  void frame(std::uint64_t seq, ConnectionId connection, TsNs ts_recv_ns, Bytes frame);
  /// Moves time, so that a quiet market still closes its steps.
  void timer(std::uint64_t seq, TsNs ts_ns);
  /// A model's forecast float32[H][V][20] of the closed step `ts_step_ns`, which is not later than `ts_ns`.
  void forecast(std::uint64_t seq, TsNs ts_ns, TsNs ts_step_ns, std::uint32_t model_id,
                std::span<const float> values, std::size_t horizon_steps);
  /// {"op": "reduce" | "halt" | "flatten" | "resume", "reason": "...", "by": "operator" | "watchdog" |
  /// "model"}, or
  /// {"op": "observe", "fact": "...", "value": n}; see trader_inputs.hpp.
  void command(std::uint64_t seq, TsNs ts_ns, Bytes json);
  /// What a strategy outside the core wants: WishesPrefix and rows.
  void wishes(std::uint64_t seq, TsNs ts_ns, Bytes payload);
  /// Feeds every record of a block; header, request and output-hash records are passed over.
  BlockResult process(Bytes block);

  [[nodiscard]] EngineOutputs& outputs() noexcept { return outputs_; }
  [[nodiscard]] const EngineConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Market& market() const noexcept { return market_; }
  /// Null without a grid.
  [[nodiscard]] const Sampler* sampler() const noexcept { return sampler_ ? &*sampler_ : nullptr; }
  /// Null without signal and risk.
  [[nodiscard]] const Trader* trader() const noexcept { return trader_ ? &*trader_ : nullptr; }
  [[nodiscard]] std::uint64_t steps_closed() const noexcept { return steps_closed_; }

  /// The whole state but undrained outputs, and its checksum; equal states give equal bytes.
  [[nodiscard]] std::string checkpoint() const;
  /// False when the bytes are damaged or of an engine with another grid or trader, or with an instrument that
  /// this one lacks or counts in other units; the engine is then to be discarded. Sources, the order of the
  /// table and what is emitted may differ; an instrument that was not there before starts unsynced.
  [[nodiscard]] bool restore(std::string_view data);

 private:
  void on_book(InstrumentId instrument, TsNs ts_recv_ns, const OrderBook& book) override;
  void on_trade(InstrumentId instrument, const TradeEvent& trade) override;
  void on_invalid(InstrumentId instrument) override;

  /// Everything that is due before an input of time `ts_ns`; false (and a reject) when that is no time to
  /// come.
  bool advance(std::uint64_t seq, ConnectionId connection, TsNs ts_ns);
  void close_steps(std::uint64_t seq, TsNs ts_ns);
  void emit_cross_market(std::uint64_t seq, TsNs ts_step_ns);
  void emit_snapshots(std::uint64_t seq, TsNs ts_ns);
  void emit_snapshot(std::uint64_t seq, TsNs ts_ns, InstrumentId instrument);
  void apply_record(const Record& record);
  void apply_forecast_record(const Record& record);
  void apply_reply_frame(const InputName& input, SourceKind kind, Bytes frame);
  void reject(const InputName& input, const Refusal& refusal);
  [[nodiscard]] std::string slot_names() const;

  EngineConfig config_;
  Market market_;
  std::optional<Sampler> sampler_;
  std::optional<MarketSide> side_;  // beside the trader
  std::optional<Trader> trader_;
  EngineOutputs outputs_;
  TsNs ts_last_ns_ = 0;
  std::uint64_t steps_closed_ = 0;
  std::vector<Level> levels_;       // scratch of a snapshot
  std::vector<float> forecast_;     // scratch of a forecast record
  std::vector<GridRecord> unsent_;  // rows of steps that are not emitted
};

}  // namespace lob
