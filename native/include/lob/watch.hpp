// Post-trade and system risk: named rules that look at what is held, earned and heard, once a closed step.
//
// Theory of operation
// - A rule without a limit is off, and so is one named in `WatchLimits::off`. At exactly its limit a rule is
//   content.
// - What a rule watches is a subject: an instrument, a quote currency, a venue, a base asset, a pair, or the
//   process. A subject beyond its limit trips once, and again only after it has been within the limit.
// - A resume re-arms: seen by the trading state being active again after a rule or a person had moved it,
//   every latch opens and the drawdown's peak starts again from the equity of that step. What still is beyond
//   its limit trips anew.
// - The watch says what to do, the trader does it: `close_slot` closes one instrument and keeps it closed for
//   `cool_down_ns` (rule `blocked`), the other actions move the trading state.
// - Money is integers; `value` and `limit` of a trip are for people, in the unit of the table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/risk.hpp"
#include "lob/trading_state.hpp"
#include "lob/types.hpp"

namespace lob {

/// The numbers stand in records: they are never given to another rule.
enum class WatchRule : std::uint8_t {
  none = 0,
  stop_loss = 1,
  take_profit = 2,
  net_exposure = 3,
  gross_exposure = 4,
  drawdown = 5,
  daily_loss = 6,
  correlation = 7,
  connectivity = 8,
  synchronisation = 9,
  data_quality = 10,
  drift = 11,
  model_expiry = 12,
  error_burst = 13,
  clock = 14,
  heartbeat = 15,
};
inline constexpr std::size_t watch_rule_count = 16;  ///< `none` included

/// From mild to severe.
enum class WatchAction : std::uint8_t { none = 0, close_slot = 1, reduce = 2, flatten = 3, halt = 4 };
inline constexpr std::size_t watch_action_count = 5;

[[nodiscard]] std::string_view text_of(WatchAction action) noexcept;

/// No limit has a default: an absent one means that its rule is off.
struct WatchLimits {
  std::optional<std::int64_t> stop_loss_share_e8{};  ///< of |cost|: 50 bps = 500'000
  std::optional<std::int64_t> stop_loss_e8{};        ///< 10^-8 quote
  std::optional<std::int64_t> take_profit_share_e8{};
  std::optional<std::int64_t> take_profit_e8{};
  std::optional<std::int64_t> net_exposure_e8{};
  std::optional<std::int64_t> gross_exposure_e8{};
  std::optional<std::int64_t> drawdown_e8{};
  std::optional<std::int64_t> daily_loss_e8{};
  std::optional<double> correlation_min{};
  std::size_t correlation_samples_min = 600;  ///< fewer tell nothing
  std::optional<TsNs> venue_silence_max_ns{};
  std::optional<TsNs> sync_skew_max_ns{};
  std::optional<std::int64_t> gaps_max{};
  std::optional<std::int64_t> drift_level_max{};  ///< levels of 3 and more halt, whatever the action
  std::optional<TsNs> model_expiry_grace_ns{};
  std::optional<std::int64_t> errors_max{};
  std::optional<std::int64_t> clock_offset_max_ns{};
  std::optional<TsNs> heartbeat_age_max_ns{};

  TsNs cool_down_ns = 0;                                ///< how long a closed instrument stays blocked
  std::array<WatchAction, watch_rule_count> actions{};  ///< `none`: the table's
  RuleSet<WatchRule> off{};
};

/// One grid slot; masked ones have `no_instrument`.
struct WatchSlot {
  InstrumentId instrument = no_instrument;
  Venue venue = Venue::other;
  std::uint32_t base_group = 0;  ///< slots of one base asset share a number
  SizeUnits position{};
  std::int64_t cost_e8 = 0;  ///< signed cost of what is open, 10^-8 quote
  std::int64_t unrealised_e8 = 0;
  SystemHealth health{};
};

/// One quote currency.
struct WatchGroup {
  std::uint32_t quote_group = 0;
  std::int64_t equity_e8 = 0;  ///< realised + unrealised - fees - funding, 10^-8 quote
  std::int64_t net_exposure_e8 = 0;
  std::int64_t gross_exposure_e8 = 0;
};

/// Two markets of one base asset.
struct WatchPair {
  std::uint32_t slot_a = 0;
  std::uint32_t slot_b = 0;
  double correlation = 0.0;
  std::size_t samples = 0;
};

struct WatchContext {
  TsNs ts_ns = 0;
  TradingState state = TradingState::active;
  std::span<const WatchSlot> slots;  ///< in grid order
  std::span<const WatchGroup> groups;
  std::span<const WatchPair> pairs;
  SystemHealth health{};  ///< what concerns the process: clock, drift, expiry, heartbeat
};

inline constexpr std::uint32_t no_slot = 0xFFFF'FFFF;

struct WatchTrip {
  WatchRule rule = WatchRule::none;
  WatchAction action = WatchAction::none;
  std::uint32_t slot = no_slot;  ///< the instrument, or the first of its venue, base asset or pair
  double value = 0.0;
  double limit = 0.0;
};

/// What the watch remembers of a quote currency's equity.
struct EquityMark {
  std::uint32_t quote_group = 0;
  std::int64_t peak_e8 = 0;       ///< highest since the start or the last resume
  std::int64_t day_first_e8 = 0;  ///< at the first step of the UTC day
};

/// What a rule sees.
struct WatchMoment {
  const WatchContext& context;
  const WatchLimits& limits;
  std::span<const EquityMark> marks;  ///< one a group, in the order of `context.groups`
};

/// A subject beyond its limit.
struct WatchFinding {
  std::uint32_t subject = 0;  ///< unique within the rule
  std::uint32_t slot = no_slot;
  double value = 0.0;
  double limit = 0.0;
  WatchAction at_least = WatchAction::none;
};

struct WatchRuleEntry {
  WatchRule rule;
  std::string_view name;
  std::string_view formula;  ///< when it trips, in one line
  std::string_view unit;     ///< of `value` and `limit`
  std::string_view limit;    ///< keys in the settings
  WatchAction action;        ///< unless the settings say otherwise
  bool is_of_slot;           ///< the subject is one instrument, so `close_slot` means something
  TradingTrigger trigger;    ///< what a change of state it causes is put down to
  void (*find)(const WatchMoment&, std::vector<WatchFinding>&);
};

/// The rules in the order in which they look.
[[nodiscard]] std::span<const WatchRuleEntry> watch_rules() noexcept;
/// The row of a rule that is not `none`.
[[nodiscard]] const WatchRuleEntry& entry_of(WatchRule rule) noexcept;

class Watch {
 public:
  explicit Watch(const WatchLimits& limits) : limits_(limits) {}

  /// Once a closed step, after positions were marked; appends what trips. Times never go back, and every call
  /// names the same groups in the same order.
  void check(const WatchContext& context, std::vector<WatchTrip>& out);

  [[nodiscard]] const WatchLimits& limits() const noexcept { return limits_; }

  void save(ByteWriter& writer) const;
  /// False when the bytes are not a watch's; then discard the object.
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Latch {
    WatchRule rule = WatchRule::none;
    std::uint32_t subject = 0;
    friend bool operator==(const Latch&, const Latch&) = default;
  };

  void rearm(const WatchContext& context);
  void mark_equity(const WatchContext& context);
  void look(const WatchRuleEntry& entry, const WatchMoment& moment, std::vector<WatchTrip>& out);

  WatchLimits limits_;
  std::vector<EquityMark> marks_;
  std::vector<Latch> latched_;  // In the order of table and findings.
  std::int64_t day_ = -1;       // UTC day of the last check, since 1970.
  bool is_state_moved_ =
      false;  // Away from active, by a trip of ours or anything else: a resume will re-arm.
  std::vector<Latch> standing_;  // Scratch of `check`, like the next.
  std::vector<WatchFinding> findings_;
};

}  // namespace lob
