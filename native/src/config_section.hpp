// How the engine's document is read: one JSON object with the path that leads to it, so that every refusal
// names its key. Shared by the files that parse one section each; not a public header.
#pragma once

#include <simdjson.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lob/config.hpp"
#include "lob/decimal.hpp"

namespace lob {

namespace dom = simdjson::dom;

/// Throws std::invalid_argument naming the key.
[[noreturn]] inline void refuse(const std::string& key, const std::string& expected,
                                const std::string& found) {
  throw std::invalid_argument("engine settings: " + key + ": expected " + expected + ", found " + found);
}

/// One JSON object with the path that leads to it, so that every refusal names its key.
class Section {
 public:
  Section(dom::object object, std::string path) : object_(object), path_(std::move(path)) {}

  [[nodiscard]] bool has(std::string_view key) const {
    dom::element element;
    return object_[key].get(element) == simdjson::SUCCESS && !element.is_null();
  }
  [[nodiscard]] std::vector<std::string> keys() const {
    std::vector<std::string> out;
    for (const dom::key_value_pair field : object_) out.emplace_back(field.key);
    return out;
  }
  [[nodiscard]] std::string path(std::string_view key) const { return path_ + std::string(key); }

  [[nodiscard]] dom::element element(std::string_view key) const {
    dom::element element;
    if (object_[key].get(element) != simdjson::SUCCESS) refuse(path(key), "a value", "none");
    return element;
  }
  [[nodiscard]] std::int64_t integer(std::string_view key) const {
    std::int64_t value = 0;
    if (element(key).get(value) != simdjson::SUCCESS) refuse(path(key), "an integer", found(key));
    return value;
  }
  [[nodiscard]] std::int64_t at_least(std::string_view key, std::int64_t least) const {
    const std::int64_t value = integer(key);
    if (value < least) refuse(path(key), "at least " + std::to_string(least), std::to_string(value));
    return value;
  }
  [[nodiscard]] std::int64_t within(std::string_view key, std::int64_t least, std::int64_t most) const {
    const std::int64_t value = integer(key);
    if (value < least || value > most) {
      refuse(path(key), std::to_string(least) + " to " + std::to_string(most), std::to_string(value));
    }
    return value;
  }
  [[nodiscard]] std::int64_t within_or(std::string_view key, std::int64_t least, std::int64_t most,
                                       std::int64_t otherwise) const {
    return has(key) ? within(key, least, most) : otherwise;
  }
  [[nodiscard]] double number(std::string_view key) const {
    double value = 0;
    if (element(key).get(value) != simdjson::SUCCESS || !std::isfinite(value)) {
      refuse(path(key), "a number", found(key));
    }
    return value;
  }
  [[nodiscard]] double number_or(std::string_view key, double otherwise) const {
    return has(key) ? number(key) : otherwise;
  }
  [[nodiscard]] bool flag_or(std::string_view key, bool otherwise) const {
    bool value = otherwise;
    if (has(key) && element(key).get(value) != simdjson::SUCCESS)
      refuse(path(key), "true or false", found(key));
    return value;
  }
  [[nodiscard]] std::string text(std::string_view key) const {
    std::string_view value;
    if (element(key).get(value) != simdjson::SUCCESS) refuse(path(key), "a text", found(key));
    return std::string(value);
  }
  [[nodiscard]] dom::array array(std::string_view key) const {
    dom::array value;
    if (element(key).get(value) != simdjson::SUCCESS) refuse(path(key), "a list", found(key));
    return value;
  }
  [[nodiscard]] Section section(std::string_view key) const {
    dom::object value;
    if (element(key).get(value) != simdjson::SUCCESS) refuse(path(key), "an object", found(key));
    return {value, path(key) + "."};
  }
  [[nodiscard]] std::vector<Section> sections(std::string_view key) const {
    std::vector<Section> out;
    for (const dom::element item : array(key)) {
      const std::string item_path = path(key) + "[" + std::to_string(out.size()) + "]";
      dom::object value;
      if (item.get(value) != simdjson::SUCCESS) refuse(item_path, "an object", simdjson::minify(item));
      out.emplace_back(value, item_path + ".");
    }
    return out;
  }
  [[nodiscard]] std::string found(std::string_view key) const { return simdjson::minify(element(key)); }

 private:
  dom::object object_;
  std::string path_;
};

/// A decimal given as text or number, counted in `unit`; may be negative (a maker's rebate). "2.5" in units
/// of 0.0001 is 25000.
inline std::int64_t scaled(const Section& section, std::string_view key, std::string_view unit) {
  const DecimalScale scale = DecimalScale::of(unit).value();
  const dom::element element = section.element(key);
  std::string_view digits;
  const std::string number = element.is_string() ? std::string() : simdjson::minify(element);
  if (element.get(digits) != simdjson::SUCCESS) digits = number;
  const bool is_negative = !digits.empty() && digits.front() == '-';
  const DecimalResult parsed = parse_decimal(is_negative ? digits.substr(1) : digits, scale);
  if (!parsed.is_ok())
    refuse(section.path(key), "a decimal of unit " + std::string(unit), section.found(key));
  return is_negative ? -parsed.units : parsed.units;
}

template <class T>
T word(const Section& section, std::string_view key, std::optional<T> (*parse)(std::string_view) noexcept,
       const char* expected) {
  const std::optional<T> value = parse(section.text(key));
  if (!value) refuse(section.path(key), expected, section.found(key));
  return *value;
}

/// Entry `slot` of a list of decimals in quotes, one a slot, in size units of the slot's instrument; 0 where
/// the slot is masked.
inline std::int64_t slot_size(const EngineConfig& config, const Section& section, std::string_view key,
                              std::size_t slot) {
  const dom::array values = section.array(key);
  const InstrumentId instrument = config.grid->slots[slot].instrument;
  if (values.size() != config.grid->slots.size()) {
    refuse(section.path(key), std::to_string(config.grid->slots.size()) + " sizes, one a slot",
           section.found(key));
  }
  if (instrument == no_instrument) return 0;
  std::string_view digits;
  const DecimalScale scale = DecimalScale::of(config.instruments[instrument].size_unit).value();
  const bool is_text = values.at(slot).get(digits) == simdjson::SUCCESS;
  const DecimalResult size = parse_decimal(is_text ? digits : "", scale);
  if (!size.is_ok()) {
    refuse(section.path(key) + "[" + std::to_string(slot) + "]",
           "a decimal in quotes, a multiple of " + config.instruments[instrument].size_unit,
           section.found(key));
  }
  return size.units;
}

// Parsers of one section each, in files of their own. They read `config` as far as it is parsed: instruments,
// sources and grid come first.
CrossMarketConfig parse_cross_market(const Section& root, const SamplerConfig& grid);
void parse_strategies(const Section& root, const EngineConfig& config, TraderConfig& trader);
/// Owes: strategies are parsed, and `trader.execution.is_live` says where orders go.
void parse_execution(const Section& root, TraderConfig& trader);
void parse_risk_section(const Section& root, const EngineConfig& config, TraderConfig& trader);
MatchingConfig parse_matching(const Section& root, const EngineConfig& config);

}  // namespace lob
