// Section "risk" of the engine's document: limits over all instruments, sizes a slot, and the watch.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "config_section.hpp"
#include "lob/order_history.hpp"

namespace lob {
namespace {

constexpr double share_bps_max = 1e4;  // all of it
constexpr std::string_view e8 = "0.00000001";
constexpr std::int64_t count_max = static_cast<std::int64_t>(history_max) - 1;  // a window can say one more
constexpr TsNs day_ns = 86'400'000'000'000;
constexpr std::int64_t samples_max = 1'000'000'000;

/// Basis points as a share of 10^-8.
std::int64_t share_e8(const Section& section, std::string_view key) {
  const double bps = section.number(key);
  if (bps < 0.0 || bps > share_bps_max) refuse(section.path(key), "0 to 10000 bps", section.found(key));
  return std::llround(bps * 1e4);
}

std::int64_t amount_e8(const Section& section, std::string_view key) {
  const std::int64_t amount = scaled(section, key, e8);
  if (amount < 0) refuse(section.path(key), "an amount of 0 or more", section.found(key));
  return amount;
}

std::int64_t count_of(const Section& section, std::string_view key) {
  return section.within(key, 0, count_max);
}

std::int64_t time_ns(const Section& section, std::string_view key) {
  return section.within(key, 0, std::numeric_limits<std::int64_t>::max());
}

std::int64_t level_of(const Section& section, std::string_view key) {
  return section.within(key, 0, 100);
}

using Parse = std::int64_t (*)(const Section&, std::string_view);

template <class Limits>
struct OptionalKey {
  std::string_view key;
  std::optional<std::int64_t> Limits::* limit;
  Parse parse;
};

template <class Limits, std::size_t N>
void parse_optional(const Section& section, const std::array<OptionalKey<Limits>, N>& keys, Limits& limits) {
  for (const OptionalKey<Limits>& entry : keys) {
    if (section.has(entry.key)) limits.*entry.limit = entry.parse(section, entry.key);
  }
}

constexpr std::array<OptionalKey<RiskLimits>, 13> risk_keys{{
    {"price_deviation_venues_bps", &RiskLimits::price_deviation_venues_e8, share_e8},
    {"price_deviation_trade_bps", &RiskLimits::price_deviation_trade_e8, share_e8},
    {"max_venue_exposure_quote", &RiskLimits::venue_exposure_e8, amount_e8},
    {"max_capital_quote", &RiskLimits::max_capital_e8, amount_e8},
    {"order_rate_max", &RiskLimits::orders_max, count_of},
    {"duplicate_ns", &RiskLimits::duplicate_ns, time_ns},
    {"venue_silence_max_ns", &RiskLimits::venue_silence_max_ns, time_ns},
    {"sync_skew_max_ns", &RiskLimits::sync_skew_max_ns, time_ns},
    {"gaps_max", &RiskLimits::gaps_max, count_of},
    {"errors_max", &RiskLimits::errors_max, count_of},
    {"clock_offset_max_ns", &RiskLimits::clock_offset_max_ns, time_ns},
    {"in_flight_max", &RiskLimits::in_flight_max, count_of},
    {"private_age_max_ns", &RiskLimits::private_age_max_ns, time_ns},
}};

constexpr std::array<OptionalKey<WatchLimits>, 16> watch_keys{{
    {"stop_loss_bps", &WatchLimits::stop_loss_share_e8, share_e8},
    {"stop_loss_quote", &WatchLimits::stop_loss_e8, amount_e8},
    {"take_profit_bps", &WatchLimits::take_profit_share_e8, share_e8},
    {"take_profit_quote", &WatchLimits::take_profit_e8, amount_e8},
    {"max_net_exposure_quote", &WatchLimits::net_exposure_e8, amount_e8},
    {"max_gross_exposure_quote", &WatchLimits::gross_exposure_e8, amount_e8},
    {"max_drawdown_quote", &WatchLimits::drawdown_e8, amount_e8},
    {"max_daily_loss_quote", &WatchLimits::daily_loss_e8, amount_e8},
    {"venue_silence_max_ns", &WatchLimits::venue_silence_max_ns, time_ns},
    {"sync_skew_max_ns", &WatchLimits::sync_skew_max_ns, time_ns},
    {"gaps_max", &WatchLimits::gaps_max, count_of},
    {"drift_level_max", &WatchLimits::drift_level_max, level_of},
    {"model_expiry_grace_ns", &WatchLimits::model_expiry_grace_ns, time_ns},
    {"errors_max", &WatchLimits::errors_max, count_of},
    {"clock_offset_max_ns", &WatchLimits::clock_offset_max_ns, time_ns},
    {"heartbeat_age_max_ns", &WatchLimits::heartbeat_age_max_ns, time_ns},
}};

template <class Entry>
const Entry& find_rule(std::span<const Entry> rules, const std::string& key, std::string_view name) {
  const auto entry = std::find_if(rules.begin(), rules.end(), [&](const Entry& e) { return e.name == name; });
  if (entry == rules.end()) refuse(key, "the name of a rule", std::string(name));
  return *entry;
}

template <class Entry, class Rule>
void parse_off(const Section& section, std::span<const Entry> rules, RuleSet<Rule>& off) {
  if (!section.has("off")) return;
  for (const dom::element element : section.array("off")) {
    std::string_view name;
    if (element.get(name) != simdjson::SUCCESS)
      refuse(section.path("off"), "names of rules", section.found("off"));
    off.add(find_rule(rules, section.path("off"), name).rule);
  }
}

RiskLimits parse_limits(const Section& section) {
  RiskLimits limits;
  limits.price_deviation_e8 = share_e8(section, "price_deviation_bps");
  limits.net_exposure_e8 = amount_e8(section, "max_exposure_quote");
  limits.gross_exposure_e8 = section.has("max_gross_exposure_quote")
                                 ? amount_e8(section, "max_gross_exposure_quote")
                                 : limits.net_exposure_e8;
  limits.forecast_age_max_ns = section.at_least("forecast_age_max_ns", 1);
  parse_optional(section, risk_keys, limits);
  limits.order_rate_window_ns =
      section.within_or("order_rate_window_ns", 1, day_ns, limits.order_rate_window_ns);
  limits.data_quality_window_ns =
      section.within_or("data_quality_window_ns", 1, day_ns, limits.data_quality_window_ns);
  limits.error_window_ns = section.within_or("error_window_ns", 1, day_ns, limits.error_window_ns);
  parse_off(section, risk_rules(), limits.off);
  for (const RiskRuleEntry& entry : risk_rules()) {
    if (is_always_on(entry.rule) && limits.off.has(entry.rule))
      refuse(section.path("off"), "rules that can be switched off", std::string(entry.name));
  }
  return limits;
}

WatchAction action_of(const Section& actions, const WatchRuleEntry& entry) {
  const std::string word = actions.text(entry.name);
  for (std::size_t i = 1; i < watch_action_count; ++i) {
    const auto action = static_cast<WatchAction>(i);
    if (text_of(action) != word) continue;
    if (action == WatchAction::close_slot && !entry.is_of_slot) break;
    return action;
  }
  const std::string words =
      entry.is_of_slot ? "close_slot, reduce, flatten or halt" : "reduce, flatten or halt";
  refuse(actions.path(entry.name), words, word);
}

void parse_actions(const Section& section, WatchLimits& limits) {
  if (!section.has("actions")) return;
  const Section actions = section.section("actions");
  for (const std::string& name : actions.keys()) find_rule(watch_rules(), actions.path(name), name);
  for (const WatchRuleEntry& entry : watch_rules()) {
    if (!actions.has(entry.name)) continue;
    limits.actions[static_cast<std::size_t>(entry.rule)] = action_of(actions, entry);
  }
}

WatchLimits parse_watch(const Section& section) {
  WatchLimits limits;
  parse_optional(section, watch_keys, limits);
  if (section.has("min_correlation")) {
    const double least = section.number("min_correlation");
    if (std::abs(least) > 1.0)
      refuse(section.path("min_correlation"), "-1 to 1", section.found("min_correlation"));
    limits.correlation_min = least;
  }
  limits.correlation_samples_min = static_cast<std::size_t>(section.within_or(
      "correlation_samples_min", 2, samples_max, static_cast<std::int64_t>(limits.correlation_samples_min)));
  limits.cool_down_ns = section.within_or("cool_down_ns", 0, day_ns, 0);
  parse_off(section, watch_rules(), limits.off);
  parse_actions(section, limits);
  return limits;
}

bool is_given(const Section& section, std::string_view key, std::size_t slot) {
  if (!section.has(key)) return false;
  const dom::array values = section.array(key);
  return slot >= values.size() || !values.at(slot).is_null();
}

/// A perpetual may be as short as it may be long; a spot market by the coins held, or as far as the signal
/// says.
SizeUnits short_max_of(const Section& root, const Section& section, const EngineConfig& config,
                       std::size_t slot, SizeUnits max_position) {
  const InstrumentId instrument = config.grid->slots[slot].instrument;
  if (is_given(section, "inventory", slot)) return SizeUnits{slot_size(config, section, "inventory", slot)};
  if (config.instruments[instrument].market_type == MarketType::perpetual) return max_position;
  const bool is_allowed = root.has("signal") && root.section("signal").flag_or("is_spot_short_allowed", true);
  return is_allowed ? max_position : SizeUnits{0};
}

}  // namespace

void parse_risk_section(const Section& root, const EngineConfig& config, TraderConfig& trader) {
  const Section section = root.section("risk");
  trader.risk = parse_limits(section);
  if (section.has("watch")) trader.watch = parse_watch(section.section("watch"));
  for (std::size_t slot = 0; slot < trader.slots.size(); ++slot) {
    TraderSlot& out = trader.slots[slot];
    if (config.grid->slots[slot].instrument == no_instrument) continue;
    out.terms.max_position = SizeUnits{slot_size(config, section, "max_position", slot)};
    out.max_order_size = SizeUnits{slot_size(config, section, "max_order_size", slot)};
    out.terms.short_max = short_max_of(root, section, config, slot, out.terms.max_position);
  }
}

}  // namespace lob
