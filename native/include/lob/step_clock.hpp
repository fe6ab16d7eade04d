// Which steps of the grid an input closes: the one rule for the sampler and for every trader on its grid.
//
// Steps are the multiples of `step_ns`. Step t closes on the first input later than t. The first step is the
// first boundary at or after the first input. After a hole of more than `max_catchup_steps` the clock jumps
// to the first boundary at or after the input, and no step closes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lob/byte_io.hpp"
#include "lob/types.hpp"

namespace lob {

class StepClock {
 public:
  /// Both more than 0.
  StepClock(TsNs step_ns, std::size_t max_catchup_steps) noexcept
      : step_ns_(step_ns), max_catchup_steps_(max_catchup_steps) {}

  /// Does an input at `ts_ns` (0 or later, never earlier than the one before) find steps to close, or to jump
  /// over?
  [[nodiscard]] bool has_steps_before(TsNs ts_ns) noexcept {
    if (!has_started_) {
      has_started_ = true;
      next_step_ns_ = boundary_at_or_after(ts_ns);
    }
    return next_step_ns_ < ts_ns;
  }
  /// Are the steps before `ts_ns` too many to be closed? Owes: has_steps_before(ts_ns).
  [[nodiscard]] bool is_jump(TsNs ts_ns) const noexcept {
    const auto steps = static_cast<std::uint64_t>((ts_ns - 1 - next_step_ns_) / step_ns_) + 1;
    return steps > max_catchup_steps_;
  }
  void jump(TsNs ts_ns) noexcept { next_step_ns_ = boundary_at_or_after(ts_ns); }
  /// The open step has closed.
  void close_one() noexcept { next_step_ns_ += step_ns_; }

  /// The step that closes next; meaningful once `has_steps_before` was asked.
  [[nodiscard]] TsNs next_step_ns() const noexcept { return next_step_ns_; }
  [[nodiscard]] bool has_started() const noexcept { return has_started_; }
  [[nodiscard]] TsNs step_ns() const noexcept { return step_ns_; }
  [[nodiscard]] std::size_t max_catchup_steps() const noexcept { return max_catchup_steps_; }

  void save(ByteWriter& out) const {
    out.put(has_started_);
    out.put(next_step_ns_);
  }
  [[nodiscard]] bool load(ByteReader& in) {
    if (!in.get(has_started_) || !in.get(next_step_ns_)) return false;
    return (next_step_ns_ >= 0 && next_step_ns_ % step_ns_ == 0) || in.fail();
  }

 private:
  [[nodiscard]] TsNs boundary_at_or_after(TsNs ts_ns) const noexcept {
    const TsNs whole = ts_ns / step_ns_ * step_ns_;
    return whole == ts_ns ? whole : whole + step_ns_;
  }

  TsNs step_ns_;
  std::size_t max_catchup_steps_;
  bool has_started_ = false;
  TsNs next_step_ns_ = 0;
};

}  // namespace lob
