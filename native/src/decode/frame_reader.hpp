// Strict reading of one JSON frame with simdjson on-demand, shared by the venues' decoders.
//
// On-demand checks only what is asked for, so everything is asked for: values that nobody reads are walked as
// well (`skip`), scalars are checked against JSON's grammar here, and after the root the document must be at
// its end (3.0.1 has no at_end: current_location answers OUT_OF_BOUNDS there). Stage 1 has checked UTF-8 and
// quotes.
//
// Keys come in any order, so numbers are read before it is known whose they are: as ScannedDecimal.
#pragma once

#include <simdjson.h>

#include <string_view>
#include <vector>

#include "lob/decimal.hpp"
#include "lob/decode/events.hpp"
#include "lob/types.hpp"

namespace lob {

enum class JsonKind : std::uint8_t { absent, null, boolean, integer, number, text, levels, array, object };

/// One captured value. Texts live in the reader's buffers until the next open().
struct JsonField {
  JsonKind kind = JsonKind::absent;
  bool boolean = false;
  std::int64_t integer = 0;
  std::string_view text;
  std::uint32_t level_begin = 0;  ///< of FrameReader::levels()
  std::uint32_t level_end = 0;
};

/// [price, size] as two strings of an array.
struct ScannedLevel {
  ScannedDecimal price;
  ScannedDecimal size;
};

class FrameReader {
 public:
  using Value = simdjson::ondemand::value;

  /// Copies the frame into the padded buffer and walks the root object: on_field(key, value) -> DecodeError
  /// is called for each member and must use the value once (capture, skip, capture_levels, read_object,
  /// read_array) or return an error. A root array is checked and passed over (`is_array` tells). Then the
  /// tail is checked.
  template <class OnField>
  [[nodiscard]] DecodeError read_root(Bytes frame, OnField&& on_field) {
    is_array_ = false;
    if (const DecodeError error = open(frame); error != DecodeError::none) return error;
    simdjson::ondemand::json_type type{};
    if (document_.type().get(type) != simdjson::SUCCESS) return DecodeError::invalid_json;
    if (type == simdjson::ondemand::json_type::array) {
      is_array_ = true;
      if (const DecodeError error = skip_root_array(); error != DecodeError::none) return error;
      return check_tail();
    }
    if (type != simdjson::ondemand::json_type::object) return DecodeError::not_an_object;
    simdjson::ondemand::object object;
    if (document_.get_object().get(object) != simdjson::SUCCESS) return DecodeError::invalid_json;
    if (const DecodeError error = walk(object, on_field); error != DecodeError::none) return error;
    return check_tail();
  }

  template <class OnField>
  [[nodiscard]] static DecodeError read_object(Value value, OnField&& on_field) {
    simdjson::ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) return DecodeError::invalid_json;
    return walk(object, on_field);
  }

  template <class OnItem>
  [[nodiscard]] static DecodeError read_array(Value value, OnItem&& on_item) {
    simdjson::ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return DecodeError::invalid_json;
    for (auto result : array) {
      Value item;
      if (result.get(item) != simdjson::SUCCESS) return DecodeError::invalid_json;
      if (const DecodeError error = on_item(item); error != DecodeError::none) return error;
    }
    return DecodeError::none;
  }

  /// Reads a scalar, or checks and passes over a container (its kind alone is kept). Twice into one field is
  /// an error.
  [[nodiscard]] static DecodeError capture(Value value, JsonField& field);
  /// As capture, but an array of pairs of strings becomes levels. Another array stays JsonKind::array.
  [[nodiscard]] DecodeError capture_levels(Value value, JsonField& field);
  /// Checks a value that nobody reads.
  [[nodiscard]] static DecodeError skip(Value value, int depth = 0);
  /// The first character of a value: '{', '[', '"' or a scalar's.
  [[nodiscard]] static char first_char(Value& value) noexcept { return value.raw_json_token().front(); }

  [[nodiscard]] bool is_array() const noexcept { return is_array_; }
  [[nodiscard]] const std::vector<ScannedLevel>& levels() const noexcept { return levels_; }

 private:
  template <class OnField>
  [[nodiscard]] static DecodeError walk(simdjson::ondemand::object& object, OnField& on_field) {
    for (auto result : object) {
      simdjson::ondemand::field member;
      if (std::move(result).get(member) != simdjson::SUCCESS) return DecodeError::invalid_json;
      std::string_view key;
      if (member.unescaped_key().get(key) != simdjson::SUCCESS) return DecodeError::invalid_json;
      if (const DecodeError error = on_field(key, member.value()); error != DecodeError::none) return error;
    }
    return DecodeError::none;
  }

  [[nodiscard]] DecodeError open(Bytes frame);
  [[nodiscard]] DecodeError skip_root_array();
  [[nodiscard]] DecodeError check_tail();
  [[nodiscard]] DecodeError read_level(Value value, bool& is_level);

  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
  std::vector<char> buffer_;
  std::vector<ScannedLevel> levels_;
  bool is_array_ = false;
};

}  // namespace lob
