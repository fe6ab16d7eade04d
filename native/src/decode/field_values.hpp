// Captured fields to typed values. Each returns a DecodeStatus naming the field, so that a decoder reads as a
// list of needs.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "frame_reader.hpp"
#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"
#include "lob/order_book.hpp"

namespace lob {

[[nodiscard]] DecodeStatus read_id(const JsonField& field, std::string_view name, std::int64_t& id) noexcept;
/// An id printed as a string of digits.
[[nodiscard]] DecodeStatus read_text_id(const JsonField& field, std::string_view name,
                                        std::int64_t& id) noexcept;
[[nodiscard]] DecodeStatus read_bool(const JsonField& field, std::string_view name, bool& value) noexcept;
[[nodiscard]] DecodeStatus read_text(const JsonField& field, std::string_view name,
                                     std::string_view& text) noexcept;
/// Milliseconds since 1970 to ns; an absent field leaves 0.
[[nodiscard]] DecodeStatus read_time_ms(const JsonField& field, std::string_view name, TsNs& ts_ns) noexcept;
/// A positive price.
[[nodiscard]] DecodeStatus read_price(const JsonField& field, std::string_view name,
                                      const InstrumentScale& scale, PriceTicks& price) noexcept;
/// A positive price that need not be on the tick, rounded to the nearest one, upwards in the middle.
[[nodiscard]] DecodeStatus read_nearest_price(const JsonField& field, std::string_view name,
                                              const InstrumentScale& scale, PriceTicks& price) noexcept;
/// A funding rate in 10^-8, from -1 to 1.
[[nodiscard]] DecodeStatus read_rate_e8(const JsonField& field, std::string_view name,
                                        std::int64_t& rate_e8) noexcept;
[[nodiscard]] DecodeStatus read_size(const JsonField& field, std::string_view name,
                                     const InstrumentScale& scale, SizeUnits& size) noexcept;
/// A quote's level: a price of 0 is the venue's way to say that the side is empty.
[[nodiscard]] DecodeStatus read_quote_level(const JsonField& price, const JsonField& size,
                                            const InstrumentScale& scale, Level& level) noexcept;
/// Replaces `levels`.
[[nodiscard]] DecodeStatus read_levels(const JsonField& field, std::string_view name,
                                       std::span<const ScannedLevel> scanned, const InstrumentScale& scale,
                                       std::vector<Level>& levels);

/// Runs the reads in order and stops at the first refusal.
template <class... Reads>
[[nodiscard]] DecodeStatus read_in_order(Reads&&... reads) {
  DecodeStatus status;
  static_cast<void>(((status = reads(), status.is_ok()) && ...));
  return status;
}

}  // namespace lob
