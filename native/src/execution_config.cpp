// Section "execution" of the engine's document: how wishes reach a venue.
#include <algorithm>

#include "config_section.hpp"

namespace lob {
namespace {

constexpr TsNs wait_max_ns = 3'600'000'000'000;
constexpr std::int64_t slices_max = 10'000;

SlicingConfig parse_slicing(const Section& section, SlicingConfig slicing) {
  if (section.has("style"))
    slicing.style = word(section, "style", &execution_style_of, "take, passive_then_aggressive or twap");
  slicing.patience_ns = section.within_or("patience_ns", 1, wait_max_ns, slicing.patience_ns);
  slicing.interval_ns = section.within_or("interval_ns", 1, wait_max_ns, slicing.interval_ns);
  slicing.slices = section.within_or("slices", 1, slices_max, slicing.slices);
  slicing.is_fill_or_kill = section.flag_or("fill_or_kill", slicing.is_fill_or_kill);
  return slicing;
}

void parse_by_strategy(const Section& section, TraderConfig& trader) {
  for (const std::string& name : section.keys()) {
    const auto is_it = [&](const StrategyConfig& strategy) { return strategy.name == name; };
    const auto found = std::find_if(trader.strategies.begin(), trader.strategies.end(), is_it);
    if (found == trader.strategies.end()) refuse(section.path(name), "the name of a strategy", name);
    found->slicing = parse_slicing(section.section(name), found->slicing);
  }
}

}  // namespace

void parse_execution(const Section& root, TraderConfig& trader) {
  ExecutionConfig& out = trader.execution;
  // Of a venue's book our own orders are a part; the simulated venue's book is the public one.
  out.own_size_in_book = out.is_live;
  out.self_trade = out.is_live ? SelfTrade::cancel : SelfTrade::allow;
  if (!root.has("execution")) return;
  const Section section = root.section("execution");
  out.has_amend = section.flag_or("amend", false);
  out.own_size_in_book = section.flag_or("own_size_in_book", out.own_size_in_book);
  out.is_reduce_only = section.flag_or("reduce_only", false);
  out.closes_at_market = section.flag_or("close_at_market", false);
  if (section.has("self_trade"))
    out.self_trade = word(section, "self_trade", &self_trade_of, "allow, refuse or cancel");
  const SlicingConfig of_all = parse_slicing(section, {});
  for (StrategyConfig& strategy : trader.strategies) strategy.slicing = of_all;
  if (section.has("strategies")) parse_by_strategy(section.section("strategies"), trader);
}

}  // namespace lob
