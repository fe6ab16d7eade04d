#include "lob/cross_market.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace lob {

void CrossMarket::Moments::add(double value_x, double value_y, double decay) noexcept {
  weight = decay * weight + 1.0;
  x = decay * x + value_x;
  y = decay * y + value_y;
  xx = decay * xx + value_x * value_x;
  yy = decay * yy + value_y * value_y;
  xy = decay * xy + value_x * value_y;
  ++samples;
}

double CrossMarket::Moments::variance_x() const noexcept {
  if (samples == 0) return 0.0;
  const double mean = x / weight;
  return std::max(0.0, xx / weight - mean * mean);
}

double CrossMarket::Moments::correlation() const noexcept {
  if (samples < 2) return 0.0;
  const double mean_x = x / weight;
  const double mean_y = y / weight;
  const double scale = (xx / weight - mean_x * mean_x) * (yy / weight - mean_y * mean_y);
  if (!(scale > 0.0)) return 0.0;
  return std::clamp((xy / weight - mean_x * mean_y) / std::sqrt(scale), -1.0, 1.0);
}

CrossMarket::CrossMarket(const CrossMarketConfig& config, std::span<const SlotTerms> terms)
    : config_(config),
      decay_(std::exp2(-1.0 / config.half_life_steps)),
      slot_count_(terms.size()),
      pair_of_(terms.size() * terms.size(), -1),
      last_(terms.size()),
      ring_((config.lag_steps_max + 1) * terms.size()),
      own_(terms.size()) {
  for (std::size_t a = 0; a < slot_count_; ++a) {
    is_masked_.push_back(terms[a].instrument == no_instrument);
    for (std::size_t b = a + 1; b < slot_count_; ++b) {
      const bool is_pair = terms[a].instrument != no_instrument && terms[b].instrument != no_instrument &&
                           terms[a].base_group == terms[b].base_group;
      if (!is_pair) continue;
      pair_of_[a * slot_count_ + b] = static_cast<std::int32_t>(pairs_.size());
      pairs_.push_back({.slot_a = static_cast<std::uint32_t>(a), .slot_b = static_cast<std::uint32_t>(b)});
    }
  }
  joint_.resize(pairs_.size() * lag_count());
}

const CrossMarket::Return& CrossMarket::past(std::size_t slot, std::size_t steps_ago) const noexcept {
  const std::size_t depth = config_.lag_steps_max + 1;
  return ring_[(newest_ + depth - steps_ago) % depth * slot_count_ + slot];
}

void CrossMarket::on_step(TsNs ts_step_ns, const MarketView& market) {
  const bool is_neighbour =
      ts_last_step_ns_ != 0 && (config_.step_ns == 0 || ts_step_ns - ts_last_step_ns_ == config_.step_ns);
  if (!is_neighbour) {
    // What lies in the ring is not k steps ago any more.
    for (LastBook& book : last_) book.is_usable = false;
    std::fill(ring_.begin(), ring_.end(), Return{});
  }
  take_returns(ts_step_ns, market);
  for (std::size_t slot = 0; slot < slot_count_; ++slot) {
    const Return& now = past(slot, 0);
    if (now.is_known) own_[slot].add(now.bps, 0.0, decay_);
  }
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) add_pair(pair);
}

void CrossMarket::take_returns(TsNs ts_step_ns, const MarketView& market) {
  ts_last_step_ns_ = ts_step_ns;
  newest_ = (newest_ + 1) % (config_.lag_steps_max + 1);
  for (std::size_t slot = 0; slot < slot_count_; ++slot) {
    Return& now = ring_[newest_ * slot_count_ + slot];
    now = {};
    if (is_masked_[slot]) continue;
    const SlotMarket& book = market.slots[slot];
    LastBook& last = last_[slot];
    const std::int64_t mid_x2_ticks = book.top.mid_x2_ticks();
    if (book.top.is_usable() && last.is_usable && last.gap_count == book.gap_count) {
      const double ratio = static_cast<double>(mid_x2_ticks) / static_cast<double>(last.mid_x2_ticks);
      now = {.bps = 1e4 * std::log(ratio), .is_known = true};
    }
    last = {.mid_x2_ticks = mid_x2_ticks, .gap_count = book.gap_count, .is_usable = book.top.is_usable()};
  }
}

void CrossMarket::add_pair(std::size_t pair) noexcept {
  const std::size_t lags = config_.lag_steps_max;
  const Pair& slots = pairs_[pair];
  Moments* const at_zero = &joint_[pair * lag_count() + lags];
  const Return& a = past(slots.slot_a, 0);
  const Return& b = past(slots.slot_b, 0);
  for (std::size_t lag = 0; lag <= lags; ++lag) {
    const Return& a_before = past(slots.slot_a, lag);
    const Return& b_before = past(slots.slot_b, lag);
    if (a_before.is_known && b.is_known) (at_zero + lag)->add(a_before.bps, b.bps, decay_);
    if (lag > 0 && a.is_known && b_before.is_known) (at_zero - lag)->add(a.bps, b_before.bps, decay_);
  }
}

double CrossMarket::step_volatility_bps(std::size_t slot) const noexcept {
  const Moments& own = own_[slot];
  return own.samples < config_.samples_min ? 0.0 : std::sqrt(own.variance_x());
}

const CrossMarket::Moments* CrossMarket::find(std::size_t a, std::size_t b,
                                              std::int64_t lag_steps) const noexcept {
  const bool is_swapped = b < a;
  const std::int32_t pair = is_swapped ? pair_of_[b * slot_count_ + a] : pair_of_[a * slot_count_ + b];
  const auto lags = static_cast<std::int64_t>(config_.lag_steps_max);
  if (pair < 0 || lag_steps > lags || lag_steps < -lags) return nullptr;
  const std::int64_t offset = lags + (is_swapped ? -lag_steps : lag_steps);
  return &joint_[static_cast<std::size_t>(pair) * lag_count() + static_cast<std::size_t>(offset)];
}

std::size_t CrossMarket::samples(std::size_t a, std::size_t b) const noexcept {
  const Moments* moments = find(a, b, 0);
  return moments == nullptr ? 0 : static_cast<std::size_t>(moments->samples);
}

double CrossMarket::correlation(std::size_t a, std::size_t b) const noexcept {
  return correlation(a, b, 0);
}

double CrossMarket::correlation(std::size_t a, std::size_t b, std::int64_t lag_steps) const noexcept {
  const Moments* moments = find(a, b, lag_steps);
  return moments == nullptr ? 0.0 : moments->correlation();
}

LeadLag CrossMarket::lead_lag(std::size_t a, std::size_t b) const noexcept {
  LeadLag found;
  for (std::int64_t distance = 0; distance <= static_cast<std::int64_t>(config_.lag_steps_max); ++distance) {
    for (const std::int64_t lag_steps : {-distance, distance}) {
      const Moments* moments = find(a, b, lag_steps);
      if (moments == nullptr || moments->samples < config_.samples_min) continue;
      const double value = moments->correlation();
      if (std::abs(value) > std::abs(found.correlation))
        found = {.lag_steps = lag_steps, .correlation = value};
    }
  }
  return found;
}

void CrossMarket::save(ByteWriter& writer) const {
  writer.put_count(slot_count_);
  writer.put_count(pairs_.size());
  writer.put_count(config_.lag_steps_max);
  writer.put(ts_last_step_ns_);
  writer.put_count(newest_);
  for (const LastBook& book : last_) {
    writer.put(book.mid_x2_ticks);
    writer.put(book.gap_count);
    writer.put(book.is_usable);
  }
  for (const Return& value : ring_) {
    writer.put(value.bps);
    writer.put(value.is_known);
  }
  for (const std::vector<Moments>* series : {&own_, &joint_}) {
    for (const Moments& sums : *series) {
      for (const double value : {sums.weight, sums.x, sums.y, sums.xx, sums.yy, sums.xy}) writer.put(value);
      writer.put(sums.samples);
    }
  }
}

bool CrossMarket::load(ByteReader& reader) {
  std::uint64_t slots = 0;
  std::uint64_t pairs = 0;
  std::uint64_t lags = 0;
  std::uint64_t newest = 0;
  reader.get(slots);
  reader.get(pairs);
  reader.get(lags);
  reader.get(ts_last_step_ns_);
  reader.get(newest);
  const bool is_ours = slots == slot_count_ && pairs == pairs_.size() && lags == config_.lag_steps_max;
  if (!reader.is_ok() || !is_ours || newest > lags) return reader.fail();
  newest_ = static_cast<std::size_t>(newest);
  for (LastBook& book : last_) {
    reader.get(book.mid_x2_ticks);
    reader.get(book.gap_count);
    reader.get(book.is_usable);
  }
  for (Return& value : ring_) {
    reader.get(value.bps);
    reader.get(value.is_known);
  }
  for (std::vector<Moments>* series : {&own_, &joint_}) {
    for (Moments& sums : *series) {
      for (double* value : {&sums.weight, &sums.x, &sums.y, &sums.xx, &sums.yy, &sums.xy}) reader.get(*value);
      reader.get(sums.samples);
    }
  }
  return reader.is_ok();
}

}  // namespace lob
