#include "frame_reader.hpp"

#include <cstring>
#include <limits>

#include "lob/decode/decoder.hpp"

namespace lob {
namespace {

constexpr int depth_max = 16;

constexpr bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') < 10;
}
constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/// A token runs to the next structural character; whitespace may stand between.
std::string_view trim_end(std::string_view token) noexcept {
  while (!token.empty() && is_space(token.back())) token.remove_suffix(1);
  return token;
}

/// Cuts a string token at its closing quote, beyond which nothing may stand.
bool cut_string(std::string_view token, std::string_view& content, bool& has_escape) noexcept {
  has_escape = false;
  for (std::size_t at = 1; at < token.size(); ++at) {
    if (token[at] == '\\') {
      has_escape = true;
      ++at;
    } else if (token[at] == '"') {
      content = token.substr(1, at - 1);
      return trim_end(token.substr(at + 1)).empty();
    }
  }
  return false;
}

std::size_t skip_digits(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && is_digit(text[at])) ++at;
  return at;
}

/// Checks JSON's number grammar; `is_integer` when there is neither fraction nor exponent.
bool is_json_number(std::string_view text, bool& is_integer) noexcept {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const std::size_t whole = at;
  at = skip_digits(text, at);
  if (at == whole || (text[whole] == '0' && at > whole + 1)) return false;
  is_integer = at == text.size();
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = at + 1;
    at = skip_digits(text, fraction);
    if (at == fraction) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = skip_digits(text, exponent);
    if (at == exponent) return false;
  }
  return at == text.size();
}

/// The integer, or kind number when it does not fit.
void set_integer(std::string_view text, JsonField& field) noexcept {
  const bool is_negative = text.starts_with('-');
  const ScannedDecimal scanned = scan_decimal(is_negative ? text.substr(1) : text);
  field.kind = scanned.error == DecimalError::none ? JsonKind::integer : JsonKind::number;
  const auto magnitude = static_cast<std::int64_t>(scanned.mantissa);
  field.integer = is_negative ? -magnitude : magnitude;
}

/// Steps over a string. Left unread, on-demand would take one followed by ':' for a key and pass over what
/// follows.
DecodeError consume_string(FrameReader::Value& value) {
  return value.get_raw_json_string().error() == simdjson::SUCCESS ? DecodeError::none
                                                                  : DecodeError::invalid_json;
}

DecodeError capture_string(FrameReader::Value& value, std::string_view token, JsonField& field) {
  bool has_escape = false;
  if (!cut_string(token, field.text, has_escape)) return DecodeError::invalid_json;
  field.kind = JsonKind::text;
  if (has_escape) {
    return value.get_string().get(field.text) == simdjson::SUCCESS ? DecodeError::none
                                                                   : DecodeError::invalid_json;
  }
  return consume_string(value);
}

DecodeError capture_plain(std::string_view token, JsonField& field) {
  const std::string_view text = trim_end(token);
  if (text == "true" || text == "false") {
    field.kind = JsonKind::boolean;
    field.boolean = text == "true";
    return DecodeError::none;
  }
  if (text == "null") {
    field.kind = JsonKind::null;
    return DecodeError::none;
  }
  bool is_integer = false;
  if (!is_json_number(text, is_integer)) return DecodeError::invalid_json;
  field.kind = JsonKind::number;
  if (is_integer) set_integer(text, field);
  return DecodeError::none;
}

/// The decimal in a string value; `is_text` false, and the value checked, when it is something else.
DecodeError scan_text(FrameReader::Value& value, ScannedDecimal& decimal, bool& is_text) {
  const std::string_view token = value.raw_json_token();
  is_text = token.front() == '"';
  if (!is_text) return FrameReader::skip(value, depth_max / 2);
  if (token.size() >= 2 && token.back() == '"') {
    decimal = scan_decimal(token.substr(1, token.size() - 2));
    if (decimal.error == DecimalError::none)
      return consume_string(value);  // digits and a point: surely a JSON string
  }
  JsonField field;
  if (const DecodeError error = capture_string(value, token, field); error != DecodeError::none) return error;
  decimal = scan_decimal(field.text);
  return DecodeError::none;
}

}  // namespace

DecodeError FrameReader::open(Bytes frame) {
  if (frame.empty()) return DecodeError::empty_frame;
  if (frame.size() > frame_bytes_max) return DecodeError::too_large;
  const std::size_t needed = frame.size() + simdjson::SIMDJSON_PADDING;
  if (buffer_.size() < needed) buffer_.resize(needed * 2);
  std::memcpy(buffer_.data(), frame.data(), frame.size());
  std::memset(buffer_.data() + frame.size(), ' ', simdjson::SIMDJSON_PADDING);
  levels_.clear();
  const simdjson::padded_string_view view(buffer_.data(), frame.size(), buffer_.size());
  if (parser_.iterate(view).get(document_) != simdjson::SUCCESS) return DecodeError::invalid_json;
  return DecodeError::none;
}

DecodeError FrameReader::check_tail() {
  const char* location = nullptr;
  const auto error = document_.current_location().get(location);
  return error == simdjson::OUT_OF_BOUNDS ? DecodeError::none : DecodeError::trailing_content;
}

DecodeError FrameReader::skip_root_array() {
  simdjson::ondemand::array array;
  if (document_.get_array().get(array) != simdjson::SUCCESS) return DecodeError::invalid_json;
  for (auto result : array) {
    Value item;
    if (result.get(item) != simdjson::SUCCESS) return DecodeError::invalid_json;
    if (const DecodeError error = skip(item); error != DecodeError::none) return error;
  }
  return DecodeError::none;
}

DecodeError FrameReader::capture(Value value, JsonField& field) {
  if (field.kind != JsonKind::absent) return DecodeError::duplicate_field;
  const std::string_view token = value.raw_json_token();
  switch (token.front()) {
    case '{':
      field.kind = JsonKind::object;
      return skip(value);
    case '[':
      field.kind = JsonKind::array;
      return skip(value);
    case '"':
      return capture_string(value, token, field);
    default:
      return capture_plain(token, field);
  }
}

DecodeError FrameReader::capture_levels(Value value, JsonField& field) {
  if (first_char(value) != '[') return capture(value, field);
  if (field.kind != JsonKind::absent) return DecodeError::duplicate_field;
  field.level_begin = static_cast<std::uint32_t>(levels_.size());
  bool are_levels = true;
  const DecodeError error = read_array(value, [&](Value& item) {
    bool is_level = false;
    const DecodeError item_error = read_level(item, is_level);
    are_levels = are_levels && is_level;
    return item_error;
  });
  field.kind = are_levels ? JsonKind::levels : JsonKind::array;
  field.level_end = static_cast<std::uint32_t>(levels_.size());
  return error;
}

DecodeError FrameReader::read_level(Value value, bool& is_level) {
  if (first_char(value) != '[') return skip(value, 1);
  ScannedLevel level;
  std::size_t count = 0;
  bool are_texts = true;
  const DecodeError error = read_array(value, [&](Value& item) {
    bool is_text = false;
    ScannedDecimal surplus;
    ScannedDecimal& target = count == 0 ? level.price : count == 1 ? level.size : surplus;
    ++count;
    const DecodeError item_error = scan_text(item, target, is_text);
    are_texts = are_texts && is_text;
    return item_error;
  });
  is_level = are_texts && count == 2;
  levels_.push_back(level);
  return error;
}

DecodeError FrameReader::skip(Value value, int depth) {
  if (depth >= depth_max) return DecodeError::too_deep;
  const auto skip_field = [depth](std::string_view, Value item) { return skip(item, depth + 1); };
  const auto skip_item = [depth](Value& item) { return skip(item, depth + 1); };
  const std::string_view token = value.raw_json_token();
  JsonField unread;
  switch (token.front()) {
    case '{':
      return read_object(value, skip_field);
    case '[':
      return read_array(value, skip_item);
    case '"':
      return capture_string(value, token, unread);
    default:
      return capture_plain(token, unread);
  }
}

}  // namespace lob
