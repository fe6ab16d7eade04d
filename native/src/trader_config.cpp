#include <array>
#include <initializer_list>

#include "lob/trader.hpp"

namespace lob {
namespace {

struct Requirement {
  bool is_met;
  std::string_view key;
  std::string_view expected;
  std::string found;
};

/// The first unmet requirement as one line; true when there is none.
bool all_met(std::initializer_list<Requirement> requirements, const std::string& prefix, std::string& error) {
  for (const Requirement& entry : requirements) {
    if (entry.is_met) continue;
    error = prefix;
    error.append(entry.key)
        .append(": expected ")
        .append(entry.expected)
        .append(", found ")
        .append(entry.found);
    return false;
  }
  return true;
}

bool check_slot(const TraderSlot& slot, std::size_t position, std::string& error) {
  const auto text = [](auto count) { return std::to_string(count.value); };
  const std::string prefix = "slot " + std::to_string(position) + ": ";
  const SlotTerms& terms = slot.terms;
  if (terms.lot.value <= 0)
    return all_met({{false, "lot", "more than 0 size units", text(terms.lot)}}, prefix, error);
  const std::string lots = "a positive multiple of the lot of " + text(terms.lot) + " size units";
  const bool is_order_whole = terms.order_size.value > 0 && terms.order_size.value % terms.lot.value == 0;
  return all_met(
      {
          {is_order_whole, "order_size", lots, text(terms.order_size)},
          {terms.max_position.value > 0, "max_position", "more than 0 size units", text(terms.max_position)},
          {terms.short_max.value >= 0, "short_max", "0 or more size units", text(terms.short_max)},
          {slot.max_order_size >= terms.lot, "max_order_size", "at least one lot", text(slot.max_order_size)},
          {slot.slippage_cap_ticks >= 0, "slippage_cap_ticks", "0 or more",
           std::to_string(slot.slippage_cap_ticks)},
          {slot.flatten_cap_ticks >= 0, "flatten_cap_ticks", "0 or more",
           std::to_string(slot.flatten_cap_ticks)},
          {terms.quote_unit_e18 > 0, "quote_unit_e18", "more than 0", std::to_string(terms.quote_unit_e18)},
      },
      prefix, error);
}

}  // namespace

bool check_config(const TraderConfig& config, std::string& error) {
  const RiskLimits& risk = config.risk;
  const bool is_sound = all_met(
      {
          {risk.price_deviation_e8 > 0, "risk.price_deviation", "more than 0",
           std::to_string(risk.price_deviation_e8)},
          {risk.net_exposure_e8 > 0, "risk.net_exposure", "more than 0",
           std::to_string(risk.net_exposure_e8)},
          {risk.gross_exposure_e8 > 0, "risk.gross_exposure", "more than 0",
           std::to_string(risk.gross_exposure_e8)},
          {risk.forecast_age_max_ns > 0, "risk.forecast_age_max_ns", "more than 0",
           std::to_string(risk.forecast_age_max_ns)},
          {config.reply_timeout_ns > 0, "reply_timeout_ns", "more than 0",
           std::to_string(config.reply_timeout_ns)},
          {!config.slots.empty(), "slots", "at least one", "none"},
          {config.strategies.size() < no_strategy, "strategies", "fewer than 255",
           std::to_string(config.strategies.size())},
      },
      "", error);
  if (!is_sound) return false;
  for (std::size_t slot = 0; slot < config.slots.size(); ++slot) {
    const bool is_masked = config.slots[slot].terms.instrument == no_instrument;
    if (!is_masked && !check_slot(config.slots[slot], slot, error)) return false;
    for (std::size_t other = 0; other < slot && !is_masked; ++other) {
      if (config.slots[other].terms.instrument != config.slots[slot].terms.instrument) continue;
      error = "slot " + std::to_string(slot) + ": expected an instrument of its own, found that of slot " +
              std::to_string(other);
      return false;
    }
  }
  return true;
}

std::string_view text_of(Fact fact) noexcept {
  constexpr std::array<std::string_view, fact_count> names{
      "clock_offset_ns",         "drift_level",
      "model_expires_ns",        "heartbeat_ns",
      "private_binance_usdm_ns", "private_binance_spot_ns",
      "private_bybit_spot_ns"};
  return names[static_cast<std::size_t>(fact)];
}

std::string_view text_of(TraderError error) noexcept {
  switch (error) {
    case TraderError::none:
      return "accepted";
    case TraderError::forecast_shape:
      return "forecast is not float[H][V][20] of this grid and horizon";
    case TraderError::forecast_not_finite:
      return "forecast holds a value that is not finite";
    case TraderError::unknown_instrument:
      return "reply about an instrument that is not traded";
    case TraderError::foreign_order:
      return "reply about an order that is not ours";
    case TraderError::malformed_reply:
      return "fill without positive price and size";
    case TraderError::unknown_order:
      return text_of(OrderError::unknown_order);
    case TraderError::illegal_transition:
      return text_of(OrderError::illegal_transition);
    case TraderError::mismatch:
      return text_of(OrderError::mismatch);
    case TraderError::overfilled:
      return text_of(OrderError::overfilled);
    case TraderError::overflow:
      return "position sums leave int64";
    case TraderError::not_allowed:
      return text_of(TradingOpError::not_allowed);
    case TraderError::operator_only:
      return text_of(TradingOpError::operator_only);
    case TraderError::reason_missing:
      return text_of(TradingOpError::reason_missing);
    case TraderError::unknown_strategy:
      return "wishes for a strategy that is none, or that takes none from outside";
    case TraderError::bad_wish:
      return "a wish of another slot, off the lot, beyond the limits or not finite";
    case TraderError::bad_value:
      return "an observation outside what it can mean";
  }
  return "unknown";
}

}  // namespace lob
