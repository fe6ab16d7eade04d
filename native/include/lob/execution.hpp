// How wishes reach a venue: whole or in slices, taking at once or resting first; and how a live venue is
// asked.
//
// Theory of operation
// - take: the whole difference between target and position as one order at the touch plus a cap of ticks.
// - passive_then_aggressive: the difference rests post-only at the own side's touch. What has not filled
// after
//   `patience_ns`, counted from the first such order towards this target, is cancelled and taken.
// - twap: the difference in `slices` equal parts (whole lots), one each `interval_ns`, each taken.
// - A plan belongs to one target of one strategy on one slot: another target begins anew. Trades of two legs
//   are always taken, since they leave together.
// - Orders go to a venue (`is_live`) where a source brings its replies. Then an order whose outcome is
// unknown
//   is asked for at once and again after 1, 2, 4, 8, 16, 30, 30, ... s until a reply says what became of it,
//   nothing opens on its slot meanwhile, and what should be cancelled but rests again is cancelled again.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lob/types.hpp"

namespace lob {

enum class ExecutionStyle : std::uint8_t { take = 0, passive_then_aggressive = 1, twap = 2 };
[[nodiscard]] std::string_view text_of(ExecutionStyle style) noexcept;
[[nodiscard]] std::optional<ExecutionStyle> execution_style_of(std::string_view text) noexcept;

/// What becomes of an order that would match a resting one of ours.
enum class SelfTrade : std::uint8_t {
  allow = 0,   ///< it leaves
  refuse = 1,  ///< it is refused by the rule self_trade
  cancel = 2,  ///< as refuse, and the resting ones are cancelled first, so that it may leave next time
};
[[nodiscard]] std::string_view text_of(SelfTrade what) noexcept;
[[nodiscard]] std::optional<SelfTrade> self_trade_of(std::string_view text) noexcept;

/// How one strategy's targets are reached.
struct SlicingConfig {
  ExecutionStyle style = ExecutionStyle::take;
  TsNs patience_ns = 2'000'000'000;
  TsNs interval_ns = 1'000'000'000;
  std::int64_t slices = 10;
  bool is_fill_or_kill = false;  ///< what takes fills whole or not at all
};

/// How orders are written, of all strategies.
struct ExecutionConfig {
  bool is_live = false;
  bool has_amend = false;         ///< a quote that moves is amended, where the venue keeps its id
  bool own_size_in_book = false;  ///< books hold our resting size: strategies are shown them without it
  bool is_reduce_only = false;    ///< of orders of perpetuals that take and only close
  bool closes_at_market = false;  ///< closing orders are market orders
  SelfTrade self_trade = SelfTrade::allow;
};

/// A plan under way, of one strategy on one slot.
struct Slicing {
  bool is_begun = false;
  SizeUnits target{};  ///< of the strategy's own position
  SizeUnits slice{};   ///< of twap
  TsNs ts_began_ns = 0;
  TsNs ts_next_ns = 0;  ///< of twap: when the next slice may leave
};

/// How long to wait after the n-th query (from 1) about an order whose outcome is unknown.
[[nodiscard]] TsNs query_wait_ns(unsigned queries) noexcept;

}  // namespace lob
