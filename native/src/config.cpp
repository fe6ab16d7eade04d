#include "lob/config.hpp"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

#include "config_section.hpp"
#include "lob/decimal.hpp"
#include "lob/feature_schema.hpp"

namespace lob {
namespace {

constexpr const char* venue_words = "binance_usdm, binance_spot, bybit_spot or other";
constexpr std::string_view e8_of_bps = "0.0001";  // 1 bps = 10^-4, so 10^-8 of one is 10^-4 bps

InstrumentSpec parse_instrument(const Section& section, std::size_t position) {
  if (section.integer("id") != static_cast<std::int64_t>(position)) {
    refuse(section.path("id"), "ids ascending from 0", section.found("id"));
  }
  InstrumentSpec spec;
  spec.venue = word(section, "venue", &venue_of, venue_words);
  spec.symbol = section.text("symbol");
  spec.quote = section.has("quote") ? section.text("quote") : "";
  spec.base = section.has("base") ? section.text("base") : "";
  spec.market_type = word(section, "market_type", &market_type_of, "perpetual or spot");
  spec.tick = section.text("tick");
  spec.size_unit = section.text("size_unit");
  spec.lot = section.text("lot");
  spec.maker_fee_e8 = scaled(section, "maker_fee_bps", e8_of_bps);
  spec.taker_fee_e8 = scaled(section, "taker_fee_bps", e8_of_bps);
  return spec;
}

/// Throws for an instrument that has no usable units or stands in the table twice.
void check_instrument(const EngineConfig& config, const Section& section) {
  const InstrumentSpec& last = config.instruments.back();
  std::string error;
  if (!make_scale(last, error)) throw std::invalid_argument("engine settings: " + error);
  for (std::size_t i = 0; i + 1 < config.instruments.size(); ++i) {
    const InstrumentSpec& other = config.instruments[i];
    if (other.venue != last.venue || other.symbol != last.symbol) continue;
    refuse(section.path("symbol"), "each instrument once", section.found("symbol") + " a second time");
  }
}

InstrumentId find_instrument(const EngineConfig& config, const Section& section, Venue venue) {
  if (!section.has("instrument")) return no_instrument;
  const std::string symbol = section.text("instrument");
  for (std::size_t i = 0; i < config.instruments.size(); ++i) {
    if (config.instruments[i].venue == venue && config.instruments[i].symbol == symbol) {
      return static_cast<InstrumentId>(i);
    }
  }
  refuse(section.path("instrument"), "a symbol of the instrument table", section.found("instrument"));
}

/// Sources may come in any order; ids are positions in the table. An id between that nobody names is no
/// source.
void parse_sources(const Section& root, EngineConfig& config) {
  constexpr std::int64_t source_id_max = std::numeric_limits<std::uint16_t>::max();  // as wide as in a record
  for (const Section& section : root.sections("sources")) {
    SourceSpec source;
    source.venue = word(section, "venue", &venue_of, venue_words);
    source.kind = word(section, "kind", &source_kind_of,
                       "websocket, rest_depth, rest_exchange_info, sim_private or venue_private");
    source.instrument = find_instrument(config, section, source.venue);
    const auto position = static_cast<std::size_t>(section.within("id", 0, source_id_max));
    if (config.sources.size() <= position) {
      config.sources.resize(position + 1);
      config.is_source_named.resize(position + 1);
    }
    if (config.is_source_named[position])
      refuse(section.path("id"), "each id once", section.found("id") + " again");
    config.sources[position] = source;
    config.is_source_named[position] = true;
  }
}

/// The nearest double of a decimal that `make_scale` has accepted, whatever the process's locale.
double unit_value(const std::string& decimal) {
  double value = 0.0;
  std::from_chars(decimal.data(), decimal.data() + decimal.size(), value, std::chars_format::fixed);
  return value;
}

GridSlot parse_slot(const EngineConfig& config, dom::element element, const std::string& key) {
  GridSlot slot;
  if (element.is_null()) return slot;
  std::int64_t id = 0;
  if (element.get(id) != simdjson::SUCCESS || id < 0 ||
      id >= static_cast<std::int64_t>(config.instruments.size())) {
    refuse(key, "null or an instrument id", simdjson::minify(element));
  }
  slot.instrument = static_cast<InstrumentId>(id);
  slot.tick = unit_value(config.instruments[slot.instrument].tick);
  slot.size_unit = unit_value(config.instruments[slot.instrument].size_unit);
  return slot;
}

constexpr TsNs hour_ns = 3'600'000'000'000;
constexpr std::int64_t steps_max = 1'000'000;

SamplerConfig parse_grid(const EngineConfig& config, const Section& section) {
  SamplerConfig grid;
  grid.step_ns = section.within("step_ns", step_ns_min, hour_ns);
  grid.stale_ns = section.within("stale_ns", 1, hour_ns);
  grid.reference_slot = static_cast<std::size_t>(section.at_least("reference", 0));
  grid.window_steps = static_cast<std::size_t>(section.within("window_steps", 1, steps_max));
  grid.max_catchup_steps = static_cast<std::size_t>(section.within("max_catchup_steps", 1, steps_max));
  for (const dom::element element : section.array("slots")) {
    const std::string key = section.path("slots") + "[" + std::to_string(grid.slots.size()) + "]";
    grid.slots.push_back(parse_slot(config, element, key));
  }
  const std::string_view fault = fault_of(grid);
  if (!fault.empty()) refuse("grid", "a usable grid", std::string(fault));
  return grid;
}

constexpr TsNs default_step_ns = 100'000'000;

void parse_emit(const Section& root, EngineConfig& config) {
  if (!root.has("emit")) return;
  const Section section = root.section("emit");
  config.emit.book_updates = section.flag_or("book_updates", false);
  config.emit.trades = section.flag_or("trades", false);
  config.emit.quotes = section.flag_or("quotes", false);
  config.emit.grid = section.flag_or("grid", false);
  const TsNs step_ns = config.grid ? config.grid->step_ns : default_step_ns;
  config.emit.book_snapshot_every_ns =
      section.within_or("book_snapshot_every_steps", 0, steps_max, 0) * step_ns;
  config.emit.cross_market_every_steps = section.within_or("cross_market_every_steps", 1, steps_max, 600);
}

/// tick x size_unit in 10^-18 of the quote currency, exactly.
std::int64_t quote_unit_e18(const InstrumentSpec& spec) {
  const DecimalScale e9 = DecimalScale::of("0.000000001").value();
  const DecimalResult tick = parse_decimal(spec.tick, e9);
  const DecimalResult size_unit = parse_decimal(spec.size_unit, e9);
  std::int64_t product = 0;
  if (!tick.is_ok() || !size_unit.is_ok() || __builtin_mul_overflow(tick.units, size_unit.units, &product)) {
    refuse("instruments." + spec.symbol, "tick and size_unit of at most 9 decimals",
           spec.tick + ", " + spec.size_unit);
  }
  return product;
}

/// Instruments with an equal text share a number, the first one's; those that name none share one too.
std::uint32_t group_of(const EngineConfig& config, InstrumentId instrument,
                       std::string InstrumentSpec::* text) {
  const std::string& wanted = config.instruments[instrument].*text;
  const auto is_of_group = [&](const InstrumentSpec& spec) { return spec.*text == wanted; };
  const auto first = std::find_if(config.instruments.begin(), config.instruments.end(), is_of_group);
  return static_cast<std::uint32_t>(first - config.instruments.begin());
}

constexpr std::int64_t cap_ticks_max = 1'000'000'000;

/// What an instrument is, before strategies and limits are read.
SlotTerms slot_terms(const EngineConfig& config, std::size_t slot) {
  SlotTerms out;
  const GridSlot& place = config.grid->slots[slot];
  out.instrument = place.instrument;
  if (place.instrument == no_instrument) return out;
  const InstrumentSpec& spec = config.instruments[place.instrument];
  out.venue = spec.venue;
  out.market_type = spec.market_type;
  out.lot = SizeUnits{parse_decimal(spec.lot, DecimalScale::of(spec.size_unit).value()).units};
  out.maker_fee_e8 = spec.maker_fee_e8;
  out.taker_fee_e8 = spec.taker_fee_e8;
  out.quote_unit_e18 = quote_unit_e18(spec);
  out.tick = place.tick;
  out.size_unit = place.size_unit;
  out.quote_group = group_of(config, place.instrument, &InstrumentSpec::quote);
  out.base_group = group_of(config, place.instrument, &InstrumentSpec::base);
  return out;
}

/// What an order is: it stands in the section "signal" whatever the strategies are.
void parse_orders(const Section& root, const EngineConfig& config, TraderConfig& trader) {
  const Section section = root.section("signal");
  for (std::size_t slot = 0; slot < trader.slots.size(); ++slot) {
    TraderSlot& out = trader.slots[slot];
    if (out.terms.instrument == no_instrument) continue;
    out.terms.order_size = SizeUnits{slot_size(config, section, "order_size", slot)};
    out.slippage_cap_ticks = section.within_or("slippage_cap_ticks", 0, cap_ticks_max, 0);
    out.flatten_cap_ticks = section.within_or("flatten_cap_ticks", 0, cap_ticks_max, 10);
  }
}

/// Orders go to a venue where a source brings its replies.
bool has_venue_replies(const EngineConfig& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const SourceSpec& source) { return source.kind == SourceKind::venue_private; });
}

/// Size unit in 10^-18 of the base asset.
Int128 size_unit_e18(const InstrumentSpec& spec) {
  const DecimalScale e9 = DecimalScale::of("0.000000001").value();
  return static_cast<Int128>(parse_decimal(spec.size_unit, e9).units) * 1'000'000'000;
}

TraderConfig parse_trader(const Section& root, const EngineConfig& config, bool is_live) {
  if (!config.grid) refuse("grid", "a grid, since strategies and risk are given", "none");
  TraderConfig trader;
  trader.run_tag =
      static_cast<std::uint32_t>(root.within("run_tag", 0, std::numeric_limits<std::uint32_t>::max()));
  for (const SlotTerms& terms : config.slot_terms) {
    trader.slots.emplace_back();
    trader.slots.back().terms = terms;
    if (terms.instrument == no_instrument) continue;
    trader.slots.back().size_unit_e18 = size_unit_e18(config.instruments[terms.instrument]);
  }
  trader.execution.is_live = is_live;
  parse_orders(root, config, trader);
  parse_risk_section(root, config, trader);
  parse_strategies(root, config, trader);
  parse_execution(root, trader);
  std::string error;
  if (!check_config(trader, error)) throw std::invalid_argument("engine settings: " + error);
  return trader;
}

void parse_sections(const Section& root, EngineConfig& config) {
  if (root.has("feed")) {
    const Section feed = root.section("feed");
    config.feed.buffer_frames_max = static_cast<std::size_t>(feed.at_least("buffer_frames_max", 1));
  }
  if (root.has("grid")) config.grid = parse_grid(config, root.section("grid"));
  if (config.grid) {
    config.cross_market = parse_cross_market(root, *config.grid);
    for (std::size_t slot = 0; slot < config.grid->slots.size(); ++slot)
      config.slot_terms.push_back(slot_terms(config, slot));
  }
  parse_emit(root, config);
  if (root.has("signal") || root.has("strategies") || root.has("risk"))
    config.trader = parse_trader(root, config, has_venue_replies(config));
  config.matching = parse_matching(root, config);
}

/// The document as a section; it lives as long as `parser`.
Section parse_object(dom::parser& parser, std::string_view json) {
  dom::object document;
  if (const auto error = parser.parse(simdjson::padded_string(json)).get(document);
      error != simdjson::SUCCESS) {
    refuse("document", "a JSON object", simdjson::error_message(error));
  }
  return {document, ""};
}

}  // namespace

LaneConfig parse_lane(const EngineConfig& config, std::string_view json) {
  dom::parser parser;
  const Section root = parse_object(parser, json);
  LaneConfig lane;
  lane.trader = parse_trader(root, config, false);  // its orders meet a desk, wherever the data came from
  lane.matching = parse_matching(root, config);
  lane.has_timers = root.flag_or("timers", false);
  lane.sample_steps = static_cast<std::size_t>(root.within_or("sample_steps", 1, steps_max, 600));
  const std::string record = root.has("record") ? root.text("record") : "all";
  if (record != "all" && record != "summary") refuse("record", "all or summary", root.found("record"));
  lane.is_recorded = record == "all";
  return lane;
}

EngineConfig parse_config(std::string_view json) {
  dom::parser parser;
  const Section root = parse_object(parser, json);
  EngineConfig config;
  for (const Section& section : root.sections("instruments")) {
    config.instruments.push_back(parse_instrument(section, config.instruments.size()));
    check_instrument(config, section);
  }
  parse_sources(root, config);
  parse_sections(root, config);
  return config;
}

}  // namespace lob
