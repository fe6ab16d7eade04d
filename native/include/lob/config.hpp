// The engine's one frozen document, parsed once: instruments, sources, and the sections that are switched on.
//
// The same text stands in the header of a journal, so a file replays alone. Nothing here has a default that
// trades: without "signal" and "risk" the engine has no trader, without "grid" it samples nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lob/cross_market.hpp"
#include "lob/instrument.hpp"
#include "lob/market.hpp"
#include "lob/matching.hpp"
#include "lob/sampler.hpp"
#include "lob/trader.hpp"

namespace lob {

/// Which market records leave the engine.
struct EmitConfig {
  bool book_updates = false;
  bool trades = false;
  bool quotes = false;
  bool grid = false;
  TsNs book_snapshot_every_ns = 0;  ///< 0: none
  std::int64_t cross_market_every_steps = 600;
};

struct EngineConfig {
  std::vector<InstrumentSpec> instruments;
  std::vector<SourceSpec> sources;    ///< by connection id
  std::vector<bool> is_source_named;  ///< false for an id between that the document does not name
  EmitConfig emit;
  FeedLimits feed;
  std::optional<SamplerConfig> grid;
  CrossMarketConfig cross_market;  ///< meaningful with a grid, as the next
  /// What the slots are: all but the sizes and limits that a trader is given.
  std::vector<SlotTerms> slot_terms;
  std::optional<TraderConfig> trader;
  MatchingConfig matching;
};

/// One lane of a backtest: what differs between traders on one market.
struct LaneConfig {
  TraderConfig trader;
  MatchingConfig matching;
  bool has_timers = false;         ///< the data is without timers: one is due 1 ns after every step
  bool is_recorded = true;         ///< keep every record, not the summary alone
  std::size_t sample_steps = 600;  ///< equity is sampled every so many steps
};

/// Parses a lane's document, {"signal", "risk", "matching", "run_tag", "timers", "record", "sample_steps"},
/// against `config`, which has a grid. Throws as parse_config does.
[[nodiscard]] LaneConfig parse_lane(const EngineConfig& config, std::string_view json);

/// Parses the document. Throws std::invalid_argument naming the key, what was expected and what was found.
[[nodiscard]] EngineConfig parse_config(std::string_view json);

}  // namespace lob
