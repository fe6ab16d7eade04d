// Bytes out and in, little-endian and bounds-checked: the one writer and reader of checkpoints.
//
// Values are written one field at a time (never whole structs), so a checkpoint has no padding and the
// same state always gives the same bytes.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lob/types.hpp"

namespace lob {

static_assert(std::endian::native == std::endian::little, "byte_io copies integers as they lie in memory");

/// What crosses as raw bytes: integers, floats and enums. bool has its own width rule, so it is excluded.
template <class T>
concept ByteScalar = (std::is_arithmetic_v<T> || std::is_enum_v<T>) && !std::same_as<T, bool>;

/// Appends little-endian values to a growing buffer.
class ByteWriter {
 public:
  template <ByteScalar T>
  void put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof(T));
    buffer_.append(raw, sizeof(T));
  }
  void put(bool value) { put(static_cast<std::uint8_t>(value ? 1 : 0)); }
  template <class Tag>
  void put(Count<Tag> count) {
    put(count.value);
  }
  void put(const Level& level) {
    put(level.price);
    put(level.size);
  }

  /// A count of elements that follow; the reader checks it against what is left.
  void put_count(std::size_t count) { put(static_cast<std::uint64_t>(count)); }
  void put_text(std::string_view text) {
    put_count(text.size());
    buffer_.append(text);
  }
  template <ByteScalar T>
  void put_all(std::span<const T> values) {
    put_count(values.size());
    buffer_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }

  [[nodiscard]] const std::string& bytes() const noexcept { return buffer_; }
  [[nodiscard]] std::string take() noexcept { return std::move(buffer_); }

 private:
  std::string buffer_;
};

/// Reads what ByteWriter wrote. The first failure sticks: every later read fails and leaves its target as it
/// was.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) noexcept : rest_(bytes) {}

  template <ByteScalar T>
  bool get(T& value) noexcept {
    if (!has(sizeof(T))) return false;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  bool get(bool& value) noexcept {
    std::uint8_t raw = 0;
    if (!get(raw)) return false;
    if (raw > 1) return fail();
    value = raw == 1;
    return true;
  }
  template <class Tag>
  bool get(Count<Tag>& count) noexcept {
    return get(count.value);
  }
  bool get(Level& level) noexcept { return get(level.price) && get(level.size); }

  /// An enum whose values are 0..last; anything above fails.
  template <class E>
    requires std::is_enum_v<E>
  bool get_enum(E& value, E last) noexcept {
    std::underlying_type_t<E> raw{};
    if (!get(raw)) return false;
    if (raw > static_cast<std::underlying_type_t<E>>(last)) return fail();
    value = static_cast<E>(raw);
    return true;
  }

  /// The count of elements that follow, each at least `element_bytes` long: refuses more than the bytes left
  /// can hold.
  bool get_count(std::size_t& count, std::size_t element_bytes) noexcept {
    std::uint64_t raw = 0;
    if (!get(raw)) return false;
    if (raw > rest_.size() / (element_bytes == 0 ? 1 : element_bytes)) return fail();
    count = static_cast<std::size_t>(raw);
    return true;
  }
  bool get_text(std::string& text) {
    std::size_t length = 0;
    if (!get_count(length, 1)) return false;
    text.assign(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return true;
  }
  /// Fills exactly `values.size()` elements; another count in the bytes fails.
  template <ByteScalar T>
  bool get_all(std::span<T> values) noexcept {
    std::size_t count = 0;
    if (!get_count(count, sizeof(T))) return false;
    if (count != values.size()) return fail();
    if (count != 0) std::memcpy(values.data(), rest_.data(), values.size_bytes());
    rest_.remove_prefix(values.size_bytes());
    return true;
  }

  /// Marks the input as wrong, for a caller that found a value it cannot accept.
  bool fail() noexcept {
    is_ok_ = false;
    return false;
  }
  [[nodiscard]] bool is_ok() const noexcept { return is_ok_; }
  [[nodiscard]] bool is_at_end() const noexcept { return is_ok_ && rest_.empty(); }

 private:
  bool has(std::size_t count) noexcept { return is_ok_ && rest_.size() >= count ? true : fail(); }

  std::string_view rest_;
  bool is_ok_ = true;
};

}  // namespace lob
