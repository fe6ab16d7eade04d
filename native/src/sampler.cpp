#include "lob/sampler.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lob {

namespace {

constexpr std::uint32_t state_version = 2;

BestQuote best_of(const BookTop& top) noexcept {
  return BestQuote{.bid_price_ticks = top.price_ticks[0],
                   .bid_size_units = top.size_units[0],
                   .ask_price_ticks = top.price_ticks[book_depth],
                   .ask_size_units = top.size_units[book_depth]};
}

void read_side(const OrderBook& book, Side side, std::size_t depth, BookTop& top) {
  std::array<Level, book_depth> levels;
  const std::size_t count = book.top(side, std::span(levels).first(depth));
  for (std::size_t k = 0; k < count; ++k) {
    top.price_ticks[index(side) * book_depth + k] = levels[k].price.value;
    top.size_units[index(side) * book_depth + k] = levels[k].size.value;
  }
}

BookTop read_top(const OrderBook& book, std::size_t depth) {
  BookTop top;
  read_side(book, Side::bid, depth, top);
  read_side(book, Side::ask, depth, top);
  return top;
}

void put_best(const BestQuote& best, ByteWriter& out) {
  out.put(best.bid_price_ticks);
  out.put(best.bid_size_units);
  out.put(best.ask_price_ticks);
  out.put(best.ask_size_units);
}

bool get_best(BestQuote& best, ByteReader& in) {
  return in.get(best.bid_price_ticks) && in.get(best.bid_size_units) && in.get(best.ask_price_ticks) &&
         in.get(best.ask_size_units);
}

/// The configuration as bytes: a state belongs to exactly one. Ids mean nothing outside one table, so only
/// the places that are masked are told apart.
std::string fingerprint(const SamplerConfig& config) {
  ByteWriter out;
  out.put(state_version);
  out.put(config.step_ns);
  out.put(config.stale_ns);
  out.put_count(config.reference_slot);
  out.put_count(config.window_steps);
  out.put_count(config.slots.size());
  for (const GridSlot& slot : config.slots) {
    out.put(slot.instrument == no_instrument);
    out.put(slot.tick);
    out.put(slot.size_unit);
  }
  return out.take();
}

}  // namespace

std::string_view fault_of(const SamplerConfig& config) noexcept {
  if (config.step_ns <= 0) return "step_ns must be positive";
  if (config.stale_ns <= 0) return "stale_ns must be positive";
  if (config.slots.empty()) return "slots must name at least one place";
  if (config.reference_slot >= config.slots.size()) return "reference must be the index of a slot";
  if (config.window_steps == 0) return "window_steps must be at least 1";
  if (config.max_catchup_steps == 0) return "max_catchup_steps must be at least 1";
  for (std::size_t i = 0; i < config.slots.size(); ++i) {
    const GridSlot& slot = config.slots[i];
    if (slot.instrument == no_instrument) continue;
    if (!(slot.tick > 0.0) || !(slot.size_unit > 0.0)) return "slots need a positive tick and size_unit";
    for (std::size_t j = 0; j < i; ++j) {
      if (config.slots[j].instrument == slot.instrument) return "slots must not name an instrument twice";
    }
  }
  return {};
}

BookTop top_of(const OrderBook& book) {
  return read_top(book, book_depth);
}

StepRing::StepRing(std::size_t capacity, std::size_t slots)
    : capacity_(capacity),
      slots_(slots),
      features_(2 * capacity * slots * feature_count),
      valid_(2 * capacity * slots) {}

void StepRing::push(std::span<const float> features, std::span<const std::uint8_t> valid) noexcept {
  assert(features.size() == slots_ * feature_count && valid.size() == slots_);
  for (const std::size_t at : {next_, next_ + capacity_}) {
    std::ranges::copy(features, features_.begin() + static_cast<std::ptrdiff_t>(at * features.size()));
    std::ranges::copy(valid, valid_.begin() + static_cast<std::ptrdiff_t>(at * valid.size()));
  }
  next_ = next_ + 1 == capacity_ ? 0 : next_ + 1;
  size_ = std::min(size_ + 1, capacity_);
}

std::span<const float> StepRing::features(std::size_t steps) const noexcept {
  assert(steps <= size_);
  const std::size_t row = slots_ * feature_count;
  return std::span(features_).subspan((next_ + capacity_ - steps) * row, steps * row);
}

std::span<const std::uint8_t> StepRing::valid(std::size_t steps) const noexcept {
  assert(steps <= size_);
  return std::span(valid_).subspan((next_ + capacity_ - steps) * slots_, steps * slots_);
}

Sampler::Sampler(SamplerConfig config)
    : config_(std::move(config)),
      clock_(config_.step_ns, config_.max_catchup_steps),
      slots_(config_.slots.size()),
      books_(config_.slots.size()),
      step_features_(config_.slots.size() * feature_count),
      step_valid_(config_.slots.size()),
      ring_(config_.window_steps, config_.slots.size()) {
  assert(fault_of(config_).empty());
}

std::size_t Sampler::close_steps(std::uint64_t seq, TsNs ts_ns, std::vector<GridRecord>& out) {
  if (clock_.is_jump(ts_ns)) {
    jump_to(ts_ns);
    return 0;
  }
  std::size_t closed = 0;
  for (; clock_.next_step_ns() < ts_ns; ++closed) close_step(seq, out);
  return closed;
}

void Sampler::jump_to(TsNs ts_ns) noexcept {
  clock_.jump(ts_ns);
  ring_.clear();
  for (SlotState& slot : slots_) {
    slot = SlotState{.previous = {}, .best = slot.best, .has_best = slot.has_best};
  }
}

void Sampler::close_step(std::uint64_t seq, std::vector<GridRecord>& out) {
  const std::size_t reference = config_.reference_slot;
  const double reference_mid =
      is_valid(reference) ? mid_price(books_[reference].top, config_.slots[reference].tick) : 0.0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (config_.slots[i].instrument == no_instrument) continue;
    GridRecord& row = out.emplace_back();
    row.seq = seq;
    fill_row(i, reference_mid, row);
    finish_slot(i, row);
  }
  ring_.push(step_features_, step_valid_);
  clock_.close_one();
}

bool Sampler::is_valid(std::size_t slot) const noexcept {
  const SlotBook& book = books_[slot];
  const TsNs age_ns = clock_.next_step_ns() - book.ts_last_update_ns;
  return book.is_synced && !slots_[slot].is_broken && age_ns >= 0 && age_ns <= config_.stale_ns &&
         is_complete(book.top);
}

void Sampler::fill_row(std::size_t slot, double reference_mid, GridRecord& row) const noexcept {
  const SlotState& state = slots_[slot];
  const SlotBook& book = books_[slot];
  row.ts_step_ns = clock_.next_step_ns();
  row.instrument = config_.slots[slot].instrument;
  std::ranges::copy(book.top.price_ticks, row.price_ticks);
  std::ranges::copy(book.top.size_units, row.size_units);
  if (!is_valid(slot)) return;
  row.is_valid = 1;
  row.is_first = state.has_previous ? 0 : 1;
  const RowInput input{
      .top = book.top,
      .flow = {.ofi_units = static_cast<double>(state.ofi_units),
               .signed_trade_units = static_cast<double>(state.signed_trade_units),
               .trade_count = static_cast<double>(state.trade_count),
               .age_ns = static_cast<double>(clock_.next_step_ns() - book.ts_last_update_ns)},
      .tick = config_.slots[slot].tick,
      .size_unit = config_.slots[slot].size_unit,
      .reference_mid = reference_mid,
      .stale_ns = config_.stale_ns};
  compute_features(input, state.has_previous ? &state.previous : nullptr, FeatureRow(row.features));
}

void Sampler::finish_slot(std::size_t slot, const GridRecord& row) noexcept {
  std::ranges::copy(row.features, step_features_.begin() + static_cast<std::ptrdiff_t>(slot * feature_count));
  step_valid_[slot] = row.is_valid;
  SlotState& state = slots_[slot];
  state.has_previous = row.is_valid == 1;
  if (state.has_previous) state.previous = books_[slot].top;
  state.ofi_units = 0;
  state.signed_trade_units = 0;
  state.trade_count = 0;
  state.is_broken = false;
}

Sampler::SlotState* Sampler::slot_of(InstrumentId instrument) noexcept {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (config_.slots[i].instrument == instrument && instrument != no_instrument) return &slots_[i];
  }
  return nullptr;
}

void Sampler::on_book(InstrumentId instrument, const OrderBook& book) {
  SlotState* slot = slot_of(instrument);
  if (slot == nullptr) return;
  const BestQuote best = best_of(read_top(book, 1));
  const bool has_both = best.bid_size_units > 0 && best.ask_size_units > 0;
  if (has_both && slot->has_best) {
    slot->ofi_units = saturating_add(slot->ofi_units, order_flow_units(slot->best, best));
  }
  slot->has_best = has_both;
  slot->best = best;
}

void Sampler::on_trade(InstrumentId instrument, Side aggressor, SizeUnits size) noexcept {
  SlotState* slot = slot_of(instrument);
  if (slot == nullptr) return;
  const std::int64_t signed_units = aggressor == Side::bid ? size.value : -size.value;
  slot->signed_trade_units = saturating_add(slot->signed_trade_units, signed_units);
  slot->trade_count += 1;
}

void Sampler::on_invalid(InstrumentId instrument) noexcept {
  SlotState* slot = slot_of(instrument);
  if (slot == nullptr) return;
  slot->is_broken = true;
  slot->has_best = false;
}

GridWindow Sampler::window(std::size_t steps) const noexcept {
  if (steps == 0 || steps > ring_.size()) return {};
  return GridWindow{clock_.next_step_ns() - config_.step_ns, ring_.features(steps), ring_.valid(steps)};
}

void Sampler::save(ByteWriter& out) const {
  out.put_text(fingerprint(config_));
  clock_.save(out);
  for (const SlotState& slot : slots_) save_slot(slot, out);
  save_ring(out);
}

bool Sampler::load(ByteReader& in) {
  std::string saved_under;
  if (!in.get_text(saved_under) || saved_under != fingerprint(config_)) return in.fail();
  if (!clock_.load(in)) return false;
  for (SlotState& slot : slots_) {
    if (!load_slot(slot, in)) return false;
  }
  return load_ring(in);
}

void Sampler::save_slot(const SlotState& slot, ByteWriter& out) const {
  out.put(slot.ofi_units);
  out.put(slot.signed_trade_units);
  out.put(slot.trade_count);
  out.put(slot.is_broken);
  out.put(slot.has_best);
  if (slot.has_best) put_best(slot.best, out);
  out.put(slot.has_previous);
  if (!slot.has_previous) return;
  out.put_all<std::int64_t>(slot.previous.price_ticks);
  out.put_all<std::int64_t>(slot.previous.size_units);
}

bool Sampler::load_slot(SlotState& slot, ByteReader& in) const {
  slot = SlotState{};
  if (!in.get(slot.ofi_units) || !in.get(slot.signed_trade_units) || !in.get(slot.trade_count)) return false;
  if (!in.get(slot.is_broken) || !in.get(slot.has_best)) return false;
  if (slot.has_best && !get_best(slot.best, in)) return false;
  if (!in.get(slot.has_previous)) return false;
  if (!slot.has_previous) return true;
  if (!in.get_all<std::int64_t>(slot.previous.price_ticks) ||
      !in.get_all<std::int64_t>(slot.previous.size_units)) {
    return false;
  }
  return is_complete(slot.previous) || in.fail();
}

void Sampler::save_ring(ByteWriter& out) const {
  out.put_count(ring_.size());
  out.put_all<float>(ring_.features(ring_.size()));
  out.put_all<std::uint8_t>(ring_.valid(ring_.size()));
}

bool Sampler::load_ring(ByteReader& in) {
  std::size_t steps = 0;
  const std::size_t row = slots_.size() * feature_count;
  if (!in.get_count(steps, row * sizeof(float)) || steps > config_.window_steps) return in.fail();
  std::vector<float> features(steps * row);
  std::vector<std::uint8_t> valid(steps * slots_.size());
  if (!in.get_all<float>(features) || !in.get_all<std::uint8_t>(valid)) return false;
  ring_.clear();
  for (std::size_t i = 0; i < steps; ++i) {
    ring_.push(std::span(features).subspan(i * row, row),
               std::span(valid).subspan(i * slots_.size(), slots_.size()));
  }
  return true;
}

}  // namespace lob
