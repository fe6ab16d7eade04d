#include "lob/watch.hpp"

#include <algorithm>
#include <cmath>

#include "lob/money.hpp"

namespace lob {
namespace {

using Moment = WatchMoment;
using Findings = std::vector<WatchFinding>;
using enum WatchAction;

constexpr TsNs day_ns = 86'400'000'000'000;
constexpr std::uint32_t whole_process = 0;

double quote_of(Int128 value_e8) noexcept {
  return static_cast<double>(value_e8) / 1e8;
}
double ms_of(Int128 value_ns) noexcept {
  return static_cast<double>(value_ns) / 1e6;
}

std::uint32_t number(std::size_t position) noexcept {
  return static_cast<std::uint32_t>(position);
}

/// Adds a finding for `gain_e8` (a loss for stop_loss) of an open position: by share of the cost, else by
/// amount.
void find_gain(const Moment& moment, std::int64_t sign, std::optional<std::int64_t> share_e8,
               std::optional<std::int64_t> amount_e8, Findings& out) {
  for (std::size_t i = 0; i < moment.context.slots.size(); ++i) {
    const WatchSlot& slot = moment.context.slots[i];
    if (slot.instrument == no_instrument || slot.position.value == 0) continue;
    const Int128 gain_e8 = static_cast<Int128>(slot.unrealised_e8) * sign;
    const Int128 cost_e8 = magnitude(static_cast<Int128>(slot.cost_e8));
    WatchFinding finding{.subject = number(i), .slot = number(i)};
    if (share_e8 && gain_e8 * 100'000'000 > cost_e8 * *share_e8) {
      finding.value = cost_e8 == 0 ? 0.0 : static_cast<double>(gain_e8) * 1e4 / static_cast<double>(cost_e8);
      finding.limit = static_cast<double>(*share_e8) / 1e4;
      out.push_back(finding);
    } else if (amount_e8 && gain_e8 > *amount_e8) {
      finding.value = quote_of(gain_e8);
      finding.limit = quote_of(*amount_e8);
      out.push_back(finding);
    }
  }
}

void find_stop_loss(const Moment& moment, Findings& out) {
  find_gain(moment, -1, moment.limits.stop_loss_share_e8, moment.limits.stop_loss_e8, out);
}

void find_take_profit(const Moment& moment, Findings& out) {
  find_gain(moment, 1, moment.limits.take_profit_share_e8, moment.limits.take_profit_e8, out);
}

/// Asks every quote currency: `measure(group, mark)` in 10^-8 quote against `limit_e8`.
template <class Measure>
void find_group(const Moment& moment, std::optional<std::int64_t> limit_e8, Findings& out, Measure measure) {
  if (!limit_e8) return;
  for (std::size_t i = 0; i < moment.context.groups.size(); ++i) {
    const WatchGroup& group = moment.context.groups[i];
    const Int128 value_e8 = measure(group, moment.marks[i]);
    if (value_e8 <= *limit_e8) continue;
    out.push_back({.subject = group.quote_group, .value = quote_of(value_e8), .limit = quote_of(*limit_e8)});
  }
}

void find_net_exposure(const Moment& moment, Findings& out) {
  find_group(moment, moment.limits.net_exposure_e8, out, [](const WatchGroup& group, const EquityMark&) {
    return magnitude(static_cast<Int128>(group.net_exposure_e8));
  });
}

void find_gross_exposure(const Moment& moment, Findings& out) {
  find_group(moment, moment.limits.gross_exposure_e8, out, [](const WatchGroup& group, const EquityMark&) {
    return static_cast<Int128>(group.gross_exposure_e8);
  });
}

void find_drawdown(const Moment& moment, Findings& out) {
  find_group(moment, moment.limits.drawdown_e8, out, [](const WatchGroup& group, const EquityMark& mark) {
    return static_cast<Int128>(mark.peak_e8) - group.equity_e8;
  });
}

void find_daily_loss(const Moment& moment, Findings& out) {
  find_group(moment, moment.limits.daily_loss_e8, out, [](const WatchGroup& group, const EquityMark& mark) {
    return static_cast<Int128>(mark.day_first_e8) - group.equity_e8;
  });
}

void find_correlation(const Moment& moment, Findings& out) {
  if (!moment.limits.correlation_min) return;
  const double least = *moment.limits.correlation_min;
  for (const WatchPair& pair : moment.context.pairs) {
    // A correlation that is no number tells nothing: `<` is false of it.
    const bool is_known = pair.samples >= moment.limits.correlation_samples_min;
    if (!is_known || !(pair.correlation < least)) continue;
    out.push_back({.subject = pair.slot_a << 16U | pair.slot_b,
                   .slot = pair.slot_a,
                   .value = pair.correlation,
                   .limit = least});
  }
}

/// Asks the first slot of every `kind` (venue, base asset, or slot): `measure(health)` against `limit`.
template <class Kind, class Measure>
void find_slot(const Moment& moment, std::optional<std::int64_t> limit, Findings& out, Kind kind,
               Measure measure, double unit) {
  if (!limit) return;
  const std::span<const WatchSlot> slots = moment.context.slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].instrument == no_instrument) continue;
    const auto is_alike = [&](const WatchSlot& other) {
      return other.instrument != no_instrument && kind(other) == kind(slots[i]);
    };
    const bool is_first =
        std::none_of(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(i), is_alike);
    const std::int64_t value = measure(slots[i].health);
    if (!is_first || value <= *limit) continue;
    out.push_back({.subject = static_cast<std::uint32_t>(kind(slots[i])),
                   .slot = number(i),
                   .value = static_cast<double>(value) / unit,
                   .limit = static_cast<double>(*limit) / unit});
  }
}

constexpr double ns_per_ms = 1e6;

std::uint32_t venue_of_slot(const WatchSlot& slot) noexcept {
  return static_cast<std::uint32_t>(slot.venue);
}

void find_connectivity(const Moment& moment, Findings& out) {
  const auto silence_ns = [](const SystemHealth& health) { return health.venue_silence_ns; };
  find_slot(moment, moment.limits.venue_silence_max_ns, out, venue_of_slot, silence_ns, ns_per_ms);
}

void find_synchronisation(const Moment& moment, Findings& out) {
  const auto base = [](const WatchSlot& slot) { return slot.base_group; };
  const auto skew_ns = [](const SystemHealth& health) { return health.sync_skew_ns; };
  find_slot(moment, moment.limits.sync_skew_max_ns, out, base, skew_ns, ns_per_ms);
}

void find_data_quality(const Moment& moment, Findings& out) {
  const auto instrument = [](const WatchSlot& slot) { return slot.instrument; };
  const auto gaps = [](const SystemHealth& health) { return std::int64_t{health.gaps_in_window}; };
  find_slot(moment, moment.limits.gaps_max, out, instrument, gaps, 1.0);
}

void find_error_burst(const Moment& moment, Findings& out) {
  const auto errors = [](const SystemHealth& health) { return std::int64_t{health.errors_in_window}; };
  find_slot(moment, moment.limits.errors_max, out, venue_of_slot, errors, 1.0);
}

void find_drift(const Moment& moment, Findings& out) {
  constexpr std::int64_t level_halt = 3;
  const std::int64_t level = moment.context.health.drift_level;
  if (!moment.limits.drift_level_max || level <= *moment.limits.drift_level_max) return;
  const bool is_halt = level >= level_halt;
  // Two subjects, so that a drift that grows trips a second time.
  out.push_back({.subject = is_halt ? 1U : 0U,
                 .value = static_cast<double>(level),
                 .limit = static_cast<double>(*moment.limits.drift_level_max),
                 .at_least = is_halt ? halt : none});
}

/// One process-wide time in ns against its limit.
void find_time(Int128 value_ns, std::optional<TsNs> limit_ns, Findings& out) {
  if (!limit_ns || value_ns <= *limit_ns) return;
  out.push_back({.subject = whole_process, .value = ms_of(value_ns), .limit = ms_of(*limit_ns)});
}

void find_model_expiry(const Moment& moment, Findings& out) {
  const TsNs ts_expires_ns = moment.context.health.ts_model_expires_ns;
  if (ts_expires_ns == 0) return;
  find_time(static_cast<Int128>(moment.context.ts_ns) - ts_expires_ns, moment.limits.model_expiry_grace_ns,
            out);
}

void find_clock(const Moment& moment, Findings& out) {
  const Int128 offset_ns = moment.context.health.clock_offset_ns;
  find_time(magnitude(offset_ns), moment.limits.clock_offset_max_ns, out);
}

void find_heartbeat(const Moment& moment, Findings& out) {
  const TsNs ts_heartbeat_ns = moment.context.health.ts_heartbeat_ns;
  if (ts_heartbeat_ns == 0) return;
  find_time(static_cast<Int128>(moment.context.ts_ns) - ts_heartbeat_ns, moment.limits.heartbeat_age_max_ns,
            out);
}

// One row a rule, in the order of the enum: `entry_of` counts on it.
constexpr std::array rules{
    WatchRuleEntry{WatchRule::stop_loss, "stop_loss",
                   "-unrealised / |cost| > stop_loss_bps, or -unrealised > stop_loss_quote", "bps or quote",
                   "stop_loss_bps, stop_loss_quote", close_slot, true, TradingTrigger::limit, find_stop_loss},
    WatchRuleEntry{WatchRule::take_profit, "take_profit",
                   "unrealised / |cost| > take_profit_bps, or unrealised > take_profit_quote", "bps or quote",
                   "take_profit_bps, take_profit_quote", close_slot, true, TradingTrigger::limit,
                   find_take_profit},
    WatchRuleEntry{WatchRule::net_exposure, "net_exposure",
                   "|sum over one quote currency of signed position x mid| > max_net_exposure", "quote",
                   "max_net_exposure_quote", reduce, false, TradingTrigger::limit, find_net_exposure},
    WatchRuleEntry{WatchRule::gross_exposure, "gross_exposure",
                   "sum over one quote currency of |position x mid| > max_gross_exposure", "quote",
                   "max_gross_exposure_quote", reduce, false, TradingTrigger::limit, find_gross_exposure},
    WatchRuleEntry{
        WatchRule::drawdown, "drawdown",
        "highest equity since the start or the last resume - equity > max_drawdown; equity = realised + "
        "unrealised - fees - funding of one quote currency",
        "quote", "max_drawdown_quote", flatten, false, TradingTrigger::limit, find_drawdown},
    WatchRuleEntry{WatchRule::daily_loss, "daily_loss",
                   "equity at the first step of the UTC day - equity > max_daily_loss", "quote",
                   "max_daily_loss_quote", flatten, false, TradingTrigger::limit, find_daily_loss},
    WatchRuleEntry{
        WatchRule::correlation, "correlation",
        "correlation of the one-step returns of two markets of one base asset < min_correlation, with at "
        "least correlation_samples_min samples",
        "correlation", "min_correlation", reduce, false, TradingTrigger::limit, find_correlation},
    WatchRuleEntry{WatchRule::connectivity, "connectivity",
                   "time since the venue's last book message > venue_silence_max", "ms",
                   "venue_silence_max_ms", reduce, false, TradingTrigger::venue, find_connectivity},
    WatchRuleEntry{WatchRule::synchronisation, "synchronisation",
                   "newest less oldest book time over the markets of one base asset > sync_skew_max", "ms",
                   "sync_skew_max_ms", reduce, false, TradingTrigger::data, find_synchronisation},
    WatchRuleEntry{WatchRule::data_quality, "data_quality",
                   "feed gaps of an instrument within data_quality_window > gaps_max", "gaps", "gaps_max",
                   reduce, true, TradingTrigger::data, find_data_quality},
    WatchRuleEntry{WatchRule::drift, "drift",
                   "told drift level > drift_level_max; a level of 3 or more halts, whatever the action",
                   "level", "drift_level_max", reduce, false, TradingTrigger::model, find_drift},
    WatchRuleEntry{WatchRule::model_expiry, "model_expiry",
                   "ts - the model's expiry as told > model_expiry_grace; content while none is told", "ms",
                   "model_expiry_grace_ms", reduce, false, TradingTrigger::model, find_model_expiry},
    WatchRuleEntry{WatchRule::error_burst, "error_burst",
                   "orders that the venue rejected or left unanswered within error_window > errors_max",
                   "errors", "errors_max", halt, false, TradingTrigger::venue, find_error_burst},
    WatchRuleEntry{WatchRule::clock, "clock", "|told clock offset| > clock_offset_max", "ms",
                   "clock_offset_max_ms", reduce, false, TradingTrigger::clock, find_clock},
    WatchRuleEntry{WatchRule::heartbeat, "heartbeat",
                   "ts - last told heartbeat of the watchdog > heartbeat_age_max; content while none is told",
                   "ms", "heartbeat_age_max_ms", halt, false, TradingTrigger::watchdog, find_heartbeat},
};
static_assert(rules.size() + 1 == watch_rule_count);

bool moves_state(WatchAction action) noexcept {
  return action > close_slot;
}

}  // namespace

std::string_view text_of(WatchAction action) noexcept {
  constexpr std::array<std::string_view, watch_action_count> words{"none", "close_slot", "reduce", "flatten",
                                                                   "halt"};
  return words[static_cast<std::size_t>(action)];
}

std::span<const WatchRuleEntry> watch_rules() noexcept {
  return rules;
}

const WatchRuleEntry& entry_of(WatchRule rule) noexcept {
  return rules[static_cast<std::size_t>(rule) - 1];
}

void Watch::check(const WatchContext& context, std::vector<WatchTrip>& out) {
  if (is_state_moved_ && context.state == TradingState::active) rearm(context);
  is_state_moved_ = context.state != TradingState::active;
  mark_equity(context);

  standing_.clear();
  const WatchMoment moment{.context = context, .limits = limits_, .marks = marks_};
  for (const WatchRuleEntry& entry : rules) {
    if (!limits_.off.has(entry.rule)) look(entry, moment, out);
  }
  latched_.swap(standing_);
}

void Watch::look(const WatchRuleEntry& entry, const WatchMoment& moment, std::vector<WatchTrip>& out) {
  const WatchAction chosen = limits_.actions[static_cast<std::size_t>(entry.rule)];
  findings_.clear();
  entry.find(moment, findings_);
  for (const WatchFinding& finding : findings_) {
    const Latch latch{.rule = entry.rule, .subject = finding.subject};
    standing_.push_back(latch);
    if (std::find(latched_.begin(), latched_.end(), latch) != latched_.end()) continue;
    const WatchAction action = std::max(chosen == none ? entry.action : chosen, finding.at_least);
    is_state_moved_ = is_state_moved_ || moves_state(action);
    out.push_back({.rule = entry.rule,
                   .action = action,
                   .slot = finding.slot,
                   .value = finding.value,
                   .limit = finding.limit});
  }
}

void Watch::rearm(const WatchContext& context) {
  latched_.clear();
  for (std::size_t i = 0; i < marks_.size() && i < context.groups.size(); ++i)
    marks_[i].peak_e8 = context.groups[i].equity_e8;
}

void Watch::mark_equity(const WatchContext& context) {
  for (std::size_t i = marks_.size(); i < context.groups.size(); ++i) {
    const WatchGroup& group = context.groups[i];
    marks_.push_back(
        {.quote_group = group.quote_group, .peak_e8 = group.equity_e8, .day_first_e8 = group.equity_e8});
  }
  const std::int64_t day = context.ts_ns / day_ns;
  for (std::size_t i = 0; i < context.groups.size(); ++i) {
    marks_[i].peak_e8 = std::max(marks_[i].peak_e8, context.groups[i].equity_e8);
    if (day != day_) marks_[i].day_first_e8 = context.groups[i].equity_e8;
  }
  day_ = day;
}

void Watch::save(ByteWriter& writer) const {
  writer.put_count(marks_.size());
  for (const EquityMark& mark : marks_) {
    writer.put(mark.quote_group);
    writer.put(mark.peak_e8);
    writer.put(mark.day_first_e8);
  }
  writer.put_count(latched_.size());
  for (const Latch& latch : latched_) {
    writer.put(latch.rule);
    writer.put(latch.subject);
  }
  writer.put(day_);
  writer.put(is_state_moved_);
}

bool Watch::load(ByteReader& reader) {
  constexpr std::size_t mark_bytes = 20;
  constexpr std::size_t latch_bytes = 5;
  std::size_t count = 0;
  if (!reader.get_count(count, mark_bytes)) return false;
  marks_.resize(count);
  for (EquityMark& mark : marks_) {
    if (!reader.get(mark.quote_group) || !reader.get(mark.peak_e8) || !reader.get(mark.day_first_e8))
      return false;
  }
  if (!reader.get_count(count, latch_bytes)) return false;
  latched_.resize(count);
  for (Latch& latch : latched_) {
    if (!reader.get_enum(latch.rule, WatchRule::heartbeat) || !reader.get(latch.subject)) return false;
  }
  return reader.get(day_) && reader.get(is_state_moved_);
}

}  // namespace lob
