#include "lob/execution.hpp"

#include <algorithm>
#include <array>

namespace lob {
namespace {

constexpr TsNs second_ns = 1'000'000'000;
constexpr TsNs query_wait_max_ns = 30 * second_ns;
constexpr unsigned doublings_max = 5;

constexpr std::array<std::string_view, 3> style_words{"take", "passive_then_aggressive", "twap"};
constexpr std::array<std::string_view, 3> self_trade_words{"allow", "refuse", "cancel"};

template <class Enum, std::size_t N>
std::optional<Enum> find_word(const std::array<std::string_view, N>& words, std::string_view text) noexcept {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return std::nullopt;
  return static_cast<Enum>(found - words.begin());
}

}  // namespace

std::string_view text_of(ExecutionStyle style) noexcept {
  return style_words[static_cast<std::size_t>(style)];
}

std::optional<ExecutionStyle> execution_style_of(std::string_view text) noexcept {
  return find_word<ExecutionStyle>(style_words, text);
}

std::string_view text_of(SelfTrade what) noexcept {
  return self_trade_words[static_cast<std::size_t>(what)];
}

std::optional<SelfTrade> self_trade_of(std::string_view text) noexcept {
  return find_word<SelfTrade>(self_trade_words, text);
}

TsNs query_wait_ns(unsigned queries) noexcept {
  const unsigned doublings = std::min(queries == 0 ? 0 : queries - 1, doublings_max);
  return std::min(second_ns << doublings, query_wait_max_ns);
}

}  // namespace lob
