// What a matcher keeps over a checkpoint, and which public trades it has heard.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lob/instrument_matcher.hpp"

namespace lob {

bool PrintFilter::is_news(const TradeEvent& trade) noexcept {
  if (!is_aggregate_) is_aggregate_ = trade.is_aggregate;
  if (*is_aggregate_ != trade.is_aggregate) return false;
  if (trade.trade_id == no_id) return true;
  if (trade.trade_id <= last_trade_id_) return false;
  last_trade_id_ = trade.trade_id;
  return true;
}

void PrintFilter::save(ByteWriter& writer) const {
  writer.put(last_trade_id_);
  writer.put(static_cast<std::uint8_t>(is_aggregate_ ? (*is_aggregate_ ? 2 : 1) : 0));
}

bool PrintFilter::load(ByteReader& reader) {
  std::uint8_t kind = 0;
  if (!reader.get(last_trade_id_) || !reader.get(kind)) return false;
  if (kind > 2) return reader.fail();
  is_aggregate_ = kind == 0 ? std::nullopt : std::optional<bool>(kind == 2);
  return true;
}

void InstrumentMatcher::save(ByteWriter& writer) const {
  writer.put(last_trade_id_);
  writer.put(position_);
  writer.put_count(resting_.size());
  for (const Resting& order : resting_) {
    writer.put(order.client_order_id);
    writer.put(order.side);
    writer.put(order.price);
    writer.put(order.size);
    writer.put(order.filled);
    writer.put(order.queue_ahead);
    writer.put(order.level);
    writer.put(order.traded);
  }
  for (const auto& side : taken_) {
    writer.put_count(side.size());
    for (const auto& [price, level] : side) {
      writer.put(price);
      writer.put(level.taken);
      writer.put(level.visible);
    }
  }
  writer.put_count(last_counter_by_tag_.size());
  for (const auto& [tag, counter] : last_counter_by_tag_) {
    writer.put(tag);
    writer.put(counter);
  }
}

bool InstrumentMatcher::load(ByteReader& reader) {
  constexpr std::size_t resting_bytes = 57;
  constexpr std::size_t taken_bytes = 24;
  std::size_t count = 0;
  if (!reader.get(last_trade_id_) || !reader.get(position_)) return false;

  resting_.clear();
  if (!reader.get_count(count, resting_bytes)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    Resting order;
    const bool is_read = reader.get(order.client_order_id) && reader.get_enum(order.side, Side::ask) &&
                         reader.get(order.price) && reader.get(order.size) && reader.get(order.filled) &&
                         reader.get(order.queue_ahead) && reader.get(order.level) && reader.get(order.traded);
    if (!is_read) return false;
    resting_.push_back(order);
  }
  for (auto& side : taken_) {
    side.clear();
    if (!reader.get_count(count, taken_bytes)) return false;
    for (std::size_t i = 0; i < count; ++i) {
      PriceTicks price;
      Taken level;
      if (!reader.get(price) || !reader.get(level.taken) || !reader.get(level.visible)) return false;
      side[price] = level;
    }
  }
  last_counter_by_tag_.clear();
  if (!reader.get_count(count, 8)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    std::uint32_t tag = 0;
    std::uint32_t counter = 0;
    if (!reader.get(tag) || !reader.get(counter)) return false;
    last_counter_by_tag_[tag] = counter;
  }
  return true;
}

}  // namespace lob
