// Symbols to instrument ids, per venue, without allocation on look-up; and what a decoder may know besides
// the bytes.
#pragma once

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lob/decode/events.hpp"
#include "lob/instrument.hpp"

namespace lob {

class InstrumentTable {
 public:
  /// Throws std::invalid_argument on a wrong unit or an instrument listed twice.
  explicit InstrumentTable(std::span<const InstrumentSpec> specs) {
    for (const InstrumentSpec& spec : specs) {
      std::string error;
      const auto scale = make_scale(spec, error);
      if (!scale) throw std::invalid_argument(error);
      const auto id = static_cast<InstrumentId>(scales_.size());
      if (!ids_[static_cast<std::size_t>(spec.venue)].emplace(spec.symbol, id).second) {
        throw std::invalid_argument("instrument " + std::string(text_of(spec.venue)) + ":" + spec.symbol +
                                    " is listed twice, expected once");
      }
      scales_.push_back(*scale);
    }
  }

  /// no_instrument when the table lacks the symbol.
  [[nodiscard]] InstrumentId find(Venue venue, std::string_view symbol) const noexcept {
    const auto& ids = ids_[static_cast<std::size_t>(venue)];
    const auto found = ids.find(symbol);
    return found == ids.end() ? no_instrument : found->second;
  }
  [[nodiscard]] const InstrumentScale& scale(InstrumentId id) const { return scales_.at(id); }
  [[nodiscard]] std::size_t size() const noexcept { return scales_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  static constexpr std::size_t venue_count = 4;
  std::array<std::unordered_map<std::string, InstrumentId, Hash, std::equal_to<>>, venue_count> ids_;
  std::vector<InstrumentScale> scales_;
};

}  // namespace lob
