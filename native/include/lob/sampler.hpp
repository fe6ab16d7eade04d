// One time-aligned grid over all venues: at each step boundary, one row per slot.
//
// Theory of operation. Steps are the multiples of `step_ns`. Step t closes on the first input whose time is
// later than t, before that input is applied: so a row holds all that was received up to and including t, and
// nothing later. Timers only guarantee that such an input comes. The first step is the first boundary at or
// after the first input. Several steps may close at once, all on the same books; after a hole of more than
// `max_catchup_steps` the grid jumps to the first boundary at or after the input, without rows.
//
// A row is valid when the slot's feed is synchronised and was so all through the step (the engine calls
// `on_invalid` when it breaks), all five levels a side are there in strict order, and the last update is at
// most `stale_ns` old. A valid row without a valid row one step before is a first row: it compares with
// nothing. So no feature looks across a gap, and nothing depends on when the process began beyond the
// previous step.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/features.hpp"
#include "lob/order_book.hpp"
#include "lob/step_clock.hpp"
#include "lob/types.hpp"

namespace lob {

/// One place of the grid. Without an instrument the place is masked: no rows, zeros in the window.
struct GridSlot {
  InstrumentId instrument = no_instrument;
  double tick = 0.0;       ///< price of one tick, quote currency
  double size_unit = 0.0;  ///< size of one size unit, base currency
};

struct SamplerConfig {
  TsNs step_ns = 0;
  std::vector<GridSlot> slots;
  std::size_t reference_slot = 0;  ///< whose mid the basis is measured against; may be masked (basis 0)
  TsNs stale_ns = 0;
  std::size_t window_steps = 0;  ///< steps that `window` can reach back
  std::size_t max_catchup_steps = 0;
};

/// What is wrong with a configuration, naming the key; empty when nothing is.
[[nodiscard]] std::string_view fault_of(const SamplerConfig& config) noexcept;

/// What the sampler reads of a slot's instrument when a step closes.
struct SlotBook {
  BookTop top;
  bool is_synced = false;
  TsNs ts_last_update_ns = 0;  ///< receive time of the last applied book event
};

/// The five best levels a side of a book, 0 where absent.
[[nodiscard]] BookTop top_of(const OrderBook& book);

/// Any callable that gives the present SlotBook of an instrument.
template <class Books>
concept BookSource = requires(const Books& books, InstrumentId instrument) {
  { books(instrument) } -> std::convertible_to<SlotBook>;
};

/// The last steps as the model reads them, oldest first. Borrowed: valid until the next step closes.
struct GridWindow {
  TsNs ts_step_ns = 0;  ///< time of the newest step
  std::span<const float>
      features;  ///< [steps][slots][58]; 0 where not valid; empty when too few steps are known
  std::span<const std::uint8_t> valid;  ///< [steps][slots]
};

/// The last `capacity` steps. Each is written twice, `capacity` apart, so that any window is contiguous.
class StepRing {
 public:
  StepRing(std::size_t capacity, std::size_t slots);

  void push(std::span<const float> features, std::span<const std::uint8_t> valid) noexcept;
  void clear() noexcept { size_ = 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The newest `steps` steps, oldest first; `steps` must be at most size().
  [[nodiscard]] std::span<const float> features(std::size_t steps) const noexcept;
  [[nodiscard]] std::span<const std::uint8_t> valid(std::size_t steps) const noexcept;

 private:
  std::size_t capacity_;
  std::size_t slots_;
  std::size_t next_ = 0;  // where the next step goes, < capacity_
  std::size_t size_ = 0;
  std::vector<float> features_;      // [2 * capacity][slots][58]
  std::vector<std::uint8_t> valid_;  // [2 * capacity][slots]
};

class Sampler {
 public:
  /// `fault_of(config)` must be empty.
  explicit Sampler(SamplerConfig config);

  /// Closes every step earlier than `ts_ns`, the time of the input `seq` that is about to be applied, and
  /// appends its rows (one per slot with an instrument, in slot order). Call before applying each input;
  /// times never go back. Returns how many steps closed: the last ones before next_step_ns(), none in a jump.
  template <BookSource Books>
  std::size_t close_until(std::uint64_t seq, TsNs ts_ns, const Books& books, std::vector<GridRecord>& out) {
    if (!clock_.has_steps_before(ts_ns)) return 0;
    for (std::size_t i = 0; i < config_.slots.size(); ++i) {
      const InstrumentId instrument = config_.slots[i].instrument;
      if (instrument != no_instrument) books_[i] = books(instrument);
    }
    return close_steps(seq, ts_ns, out);
  }

  /// A book event was applied to the instrument's synchronised book.
  void on_book(InstrumentId instrument, const OrderBook& book);
  /// A public trade; `aggressor` bid = the buyer took.
  void on_trade(InstrumentId instrument, Side aggressor, SizeUnits size) noexcept;
  /// The instrument's book can no longer be trusted (gap, reset). The present step of its slot becomes
  /// invalid.
  void on_invalid(InstrumentId instrument) noexcept;

  /// The newest `steps` steps without copying; spans are empty while fewer are known since the start or a
  /// jump, or when `steps` is more than `window_steps`.
  [[nodiscard]] GridWindow window(std::size_t steps) const noexcept;
  [[nodiscard]] std::size_t known_steps() const noexcept { return ring_.size(); }
  /// The step that closes next; meaningful once `close_until` was called.
  [[nodiscard]] TsNs next_step_ns() const noexcept { return clock_.next_step_ns(); }
  [[nodiscard]] const StepClock& clock() const noexcept { return clock_; }
  [[nodiscard]] const SamplerConfig& config() const noexcept { return config_; }

  /// Appends the whole state; equal states give equal bytes.
  void save(ByteWriter& out) const;
  /// Takes the state back. False when it was saved under another configuration (instrument ids apart: whose
  /// slots they are, the owner knows) or is cut short; the sampler must then be thrown away.
  [[nodiscard]] bool load(ByteReader& in);

 private:
  struct SlotState {
    BookTop previous;  // top of the previous step, when that was valid
    BestQuote best;    // after the last book event
    std::int64_t ofi_units = 0;
    std::int64_t signed_trade_units = 0;
    std::int64_t trade_count = 0;
    bool has_previous = false;
    bool has_best = false;
    bool is_broken = false;  // was invalid within the present step
  };

  [[nodiscard]] SlotState* slot_of(InstrumentId instrument) noexcept;
  [[nodiscard]] bool is_valid(std::size_t slot) const noexcept;
  std::size_t close_steps(std::uint64_t seq, TsNs ts_ns, std::vector<GridRecord>& out);
  void close_step(std::uint64_t seq, std::vector<GridRecord>& out);
  void fill_row(std::size_t slot, double reference_mid, GridRecord& row) const noexcept;
  void finish_slot(std::size_t slot, const GridRecord& row) noexcept;
  void jump_to(TsNs ts_ns) noexcept;
  void save_slot(const SlotState& slot, ByteWriter& out) const;
  [[nodiscard]] bool load_slot(SlotState& slot, ByteReader& in) const;
  void save_ring(ByteWriter& out) const;
  [[nodiscard]] bool load_ring(ByteReader& in);

  SamplerConfig config_;
  StepClock clock_;
  std::vector<SlotState> slots_;
  std::vector<SlotBook> books_;           // scratch of one close_until
  std::vector<float> step_features_;      // scratch of one step
  std::vector<std::uint8_t> step_valid_;  // scratch of one step
  StepRing ring_;
};

}  // namespace lob
