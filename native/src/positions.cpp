#include "lob/positions.hpp"

#include <algorithm>
#include <optional>

#include "lob/money.hpp"

namespace lob {
namespace {

using Sums = std::optional<Position>;

/// Sums that cannot wrap: the new position, or nothing where one of them leaves int64.
Sums booked(const Position& before, const PositionFill& fill) noexcept {
  const Int128 signed_size = fill.side == Side::bid ? fill.size.value : -static_cast<Int128>(fill.size.value);
  const Int128 units = before.units.value;
  const bool is_opposite = (units > 0 && signed_size < 0) || (units < 0 && signed_size > 0);
  const Int128 held = magnitude(units);
  const Int128 closed = is_opposite ? std::min(magnitude(signed_size), held) : 0;
  const Int128 signed_closed = signed_size < 0 ? -closed : closed;
  const Int128 opened = signed_size - signed_closed;

  // Division truncates towards zero; the fraction stays with the cost of what is left open.
  const Int128 closed_cost = closed == 0 ? 0 : static_cast<Int128>(before.cost_quote_units) * closed / held;
  const Int128 price = fill.price.value;
  const auto new_units = narrow(units + signed_size);
  const auto cost = narrow(before.cost_quote_units - closed_cost + opened * price);
  const auto realised = narrow(before.realised_quote_units - signed_closed * price - closed_cost);
  const auto fees = narrow(static_cast<Int128>(before.fees_quote_units) + fill.fee_quote_units);
  if (!new_units || !cost || !realised || !fees) return std::nullopt;

  Position after = before;
  after.units = SizeUnits{*new_units};
  after.cost_quote_units = *cost;
  after.realised_quote_units = *realised;
  after.fees_quote_units = *fees;
  return after;
}

/// The position after whole size units of a fee in the base asset left it; `rest_e18` takes what is less than
/// one.
Sums with_base_fee(const Position& before, const PositionFill& fill, Int128& rest_e18) noexcept {
  if (fill.size_unit_e18 <= 0) return std::nullopt;
  const Int128 total_e18 = rest_e18 + fill.fee_base_e18;
  const Int128 units = total_e18 / fill.size_unit_e18;
  rest_e18 = total_e18 % fill.size_unit_e18;
  if (units == 0) return before;
  const auto size = narrow(magnitude(units));
  const auto fee = size ? narrow(units * fill.price.value) : std::nullopt;
  if (!fee) return std::nullopt;
  return booked(before, {.side = units > 0 ? Side::ask : Side::bid,
                         .price = fill.price,
                         .size = SizeUnits{*size},
                         .fee_quote_units = *fee,
                         .trade_id = fill.trade_id});
}

constexpr std::uint64_t low_bits = ~std::uint64_t{0};

void put(ByteWriter& writer, Int128 value) {
  writer.put(static_cast<std::uint64_t>(value & low_bits));
  writer.put(static_cast<std::int64_t>(value >> 64U));
}

bool get(ByteReader& reader, Int128& value) {
  std::uint64_t low = 0;
  std::int64_t high = 0;
  if (!reader.get(low) || !reader.get(high)) return false;
  value = static_cast<Int128>((static_cast<UInt128>(static_cast<std::uint64_t>(high)) << 64U) | low);
  return true;
}

void put(ByteWriter& writer, const Position& position) {
  writer.put(position.units);
  writer.put(position.cost_quote_units);
  writer.put(position.realised_quote_units);
  writer.put(position.fees_quote_units);
  writer.put(position.funding_quote_units);
  writer.put(position.mid_x2_ticks);
}

bool get(ByteReader& reader, Position& position) {
  return reader.get(position.units) && reader.get(position.cost_quote_units) &&
         reader.get(position.realised_quote_units) && reader.get(position.fees_quote_units) &&
         reader.get(position.funding_quote_units) && reader.get(position.mid_x2_ticks);
}

}  // namespace

std::int64_t unrealised_quote_units(const Position& position) noexcept {
  const Int128 value = floor_div(static_cast<Int128>(position.units.value) * position.mid_x2_ticks, 2);
  return saturate(value - position.cost_quote_units);
}

Positions::Positions(std::size_t slot_count) : slots_(slot_count) {}

FillOutcome Positions::apply(std::size_t slot, const PositionFill& fill) {
  if (fill.price.value <= 0 || fill.size.value <= 0) return FillOutcome::malformed;
  Slot& entry = slots_[slot];
  if (entry.trade_ids.contains(fill.trade_id)) return FillOutcome::duplicate;

  Sums after = booked(entry.position, fill);
  Int128 rest_e18 = entry.fee_rest_e18;
  if (after && fill.fee_base_e18 != 0) after = with_base_fee(*after, fill, rest_e18);
  if (!after) return FillOutcome::overflow;
  entry.position = *after;
  entry.fee_rest_e18 = rest_e18;
  remember(entry, fill.trade_id);
  return FillOutcome::applied;
}

FillOutcome Positions::apply_funding(std::size_t slot, std::int64_t paid_quote_units,
                                     std::uint64_t trade_id) {
  Slot& entry = slots_[slot];
  if (entry.trade_ids.contains(trade_id)) return FillOutcome::duplicate;
  const auto sum = narrow(static_cast<Int128>(entry.position.funding_quote_units) + paid_quote_units);
  if (!sum) return FillOutcome::overflow;
  entry.position.funding_quote_units = *sum;
  remember(entry, trade_id);
  return FillOutcome::applied;
}

void Positions::remember(Slot& slot, std::uint64_t trade_id) {
  slot.trade_ids.insert(trade_id);
  slot.trade_ids_by_age.push_back(trade_id);
  if (slot.trade_ids_by_age.size() <= trade_ids_max) return;
  slot.trade_ids.erase(slot.trade_ids_by_age.front());
  slot.trade_ids_by_age.pop_front();
}

void Positions::mark(std::size_t slot, const TopOfBook& top) noexcept {
  if (top.is_usable()) slots_[slot].position.mid_x2_ticks = top.mid_x2_ticks();
}

void Positions::save(ByteWriter& writer) const {
  writer.put_count(slots_.size());
  for (const Slot& slot : slots_) {
    put(writer, slot.position);
    put(writer, slot.fee_rest_e18);
    writer.put_count(slot.trade_ids_by_age.size());
    for (const std::uint64_t trade_id : slot.trade_ids_by_age) writer.put(trade_id);
  }
}

bool Positions::load(ByteReader& reader) {
  std::size_t slot_count = 0;
  if (!reader.get_count(slot_count, 1)) return false;
  if (slot_count != slots_.size()) return reader.fail();
  for (Slot& slot : slots_) {
    slot = Slot{};
    std::size_t id_count = 0;
    if (!get(reader, slot.position) || !get(reader, slot.fee_rest_e18)) return false;
    if (!reader.get_count(id_count, sizeof(std::uint64_t))) return false;
    if (id_count > trade_ids_max) return reader.fail();
    for (std::size_t i = 0; i < id_count; ++i) {
      std::uint64_t trade_id = 0;
      if (!reader.get(trade_id)) return false;
      remember(slot, trade_id);
    }
  }
  return true;
}

}  // namespace lob
