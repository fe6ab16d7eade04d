#include <cmath>

#include "strategy_makers.hpp"

namespace lob {
namespace {

constexpr std::size_t wish_bytes = 4 + 1 + 6 * 8 + 2 * 8;

bool is_taking(SignalAction action) noexcept {
  return action == SignalAction::enter || action == SignalAction::exit || action == SignalAction::reverse;
}

void put_wish(const Wish& wish, ByteWriter& writer) {
  writer.put(wish.slot);
  writer.put(wish.action);
  writer.put(wish.target);
  writer.put(wish.limit);
  for (const Quote& quote : {wish.bid, wish.ask}) {
    writer.put(quote.price);
    writer.put(quote.size);
  }
  writer.put(wish.expected_bps);
  writer.put(wish.cost_bps);
}

bool get_wish(Wish& wish, ByteReader& reader) {
  reader.get(wish.slot);
  reader.get_enum(wish.action, SignalAction::quote);
  reader.get(wish.target);
  reader.get(wish.limit);
  for (Quote* quote : {&wish.bid, &wish.ask}) {
    reader.get(quote->price);
    reader.get(quote->size);
  }
  reader.get(wish.expected_bps);
  return reader.get(wish.cost_bps);
}

}  // namespace

std::string_view text_of(WishFault fault) noexcept {
  switch (fault) {
    case WishFault::none:
      return "accepted";
    case WishFault::unknown_slot:
      return "a wish about a slot that this strategy does not trade";
    case WishFault::not_ascending:
      return "wishes are not in ascending order of slots, one a slot";
    case WishFault::not_whole_lots:
      return "a size is not a multiple of the lot";
    case WishFault::negative:
      return "a price or a quoted size is below 0, or a quote has a size and no price";
    case WishFault::over_limit:
      return "a target or a quote is beyond max_position or short_max";
    case WishFault::crossed_quotes:
      return "the bid is not below the ask beside it";
    case WishFault::not_finite:
      return "expected_bps or cost_bps is not finite";
  }
  return "unknown";
}

ExternalStrategy::ExternalStrategy(const ExternalSettings& settings, std::vector<std::uint32_t> slots,
                                   std::span<const SlotTerms> terms)
    : settings_(settings), terms_(terms.begin(), terms.end()), is_traded_(terms.size(), false) {
  for (const std::uint32_t slot : slots) is_traded_[slot] = terms[slot].instrument != no_instrument;
}

WishFault ExternalStrategy::fault_of(const Wish& wish) const noexcept {
  if (wish.slot >= is_traded_.size() || !is_traded_[wish.slot]) return WishFault::unknown_slot;
  const SlotTerms& terms = terms_[wish.slot];
  if (!std::isfinite(wish.expected_bps) || !std::isfinite(wish.cost_bps)) return WishFault::not_finite;
  if (wish.limit.value < 0) return WishFault::negative;
  const bool takes = is_taking(wish.action);
  if (takes && wish.target.value % terms.lot.value != 0) return WishFault::not_whole_lots;
  if (takes && (wish.target > terms.max_position || wish.target < -short_limit(terms)))
    return WishFault::over_limit;
  for (const Quote& quote : {wish.bid, wish.ask}) {
    if (quote.size.value < 0 || quote.price.value < 0) return WishFault::negative;
    if (quote.size.value > 0 && quote.price.value == 0) return WishFault::negative;
    if (quote.size.value % terms.lot.value != 0) return WishFault::not_whole_lots;
    // From one limit to the other is the most that one quote may ever carry.
    if (quote.size > terms.max_position + short_limit(terms)) return WishFault::over_limit;
  }
  const bool has_both = wish.bid.size.value > 0 && wish.ask.size.value > 0;
  return has_both && wish.bid.price >= wish.ask.price ? WishFault::crossed_quotes : WishFault::none;
}

WishFault ExternalStrategy::set(TsNs ts_step_ns, std::vector<Wish> wishes) {
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    if (const WishFault fault = fault_of(wishes[i]); fault != WishFault::none) return fault;
    if (i > 0 && wishes[i].slot <= wishes[i - 1].slot) return WishFault::not_ascending;
  }
  ts_step_ns_ = ts_step_ns;
  wishes_ = std::move(wishes);
  return WishFault::none;
}

void ExternalStrategy::decide(const StrategyView& view, std::vector<Wish>& out) {
  if (view.ts_step_ns - ts_step_ns_ > settings_.max_age_ns) return;
  for (Wish wish : wishes_) {
    const SlotTerms& terms = view.terms[wish.slot];
    const SizeUnits position = view.slots[wish.slot].position;
    if (!is_taking(wish.action)) wish.target = position;
    // The position has moved since: a quote never carries it over its limit.
    const SizeUnits none{0};
    const SizeUnits buy_room = std::max(none, terms.max_position - position);
    const SizeUnits sell_room = std::max(none, short_limit(terms) + position);
    wish.bid.size = whole_lots(std::min(wish.bid.size, buy_room), terms.lot);
    wish.ask.size = whole_lots(std::min(wish.ask.size, sell_room), terms.lot);
    out.push_back(wish);
  }
}

void ExternalStrategy::save(ByteWriter& writer) const {
  put_kind(kind(), writer);
  writer.put(ts_step_ns_);
  writer.put_count(wishes_.size());
  for (const Wish& wish : wishes_) put_wish(wish, writer);
}

bool ExternalStrategy::load(ByteReader& reader) {
  TsNs ts_step_ns = 0;
  std::size_t count = 0;
  if (!get_kind(kind(), reader) || !reader.get(ts_step_ns) || !reader.get_count(count, wish_bytes)) {
    return false;
  }
  std::vector<Wish> wishes(count);
  for (Wish& wish : wishes) get_wish(wish, reader);
  if (!reader.is_ok()) return false;
  return set(ts_step_ns, std::move(wishes)) == WishFault::none || reader.fail();
}

}  // namespace lob
