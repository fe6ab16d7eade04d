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
};

struct EngineConfig {
  std::vector<InstrumentSpec> instruments;
  std::vector<SourceSpec> sources;    ///< by connection id
  std::vector<bool> is_source_named;  ///< false for an id between that the document does not name
  EmitConfig emit;
  FeedLimits feed;
  std::optional<SamplerConfig> grid;
  std::optional<TraderConfig> trader;
  MatchingConfig matching;
};

/// Parses the document. Throws std::invalid_argument naming the key, what was expected and what was found.
[[nodiscard]] EngineConfig parse_config(std::string_view json);

}  // namespace lob
