#include "lob/normalizer.hpp"

#include <cstddef>

namespace lob {

namespace {

bool lengths_fit(std::size_t in_length, const NormalizerConstants& constants,
                 std::size_t out_length) noexcept {
  const std::size_t row = constants.offset.size();
  return row > 0 && constants.scale.size() == row && constants.low.size() == row &&
         constants.high.size() == row && in_length % row == 0 && out_length == in_length;
}

/// The bounds are compared so that NaN passes through both.
float clip(float value, float low, float high) noexcept {
  if (value < low) return low;
  if (value > high) return high;
  return value;
}

}  // namespace

bool normalize(std::span<const float> in, const NormalizerConstants& constants,
               std::span<float> out) noexcept {
  if (!lengths_fit(in.size(), constants, out.size())) return false;
  const std::size_t row = constants.offset.size();
  for (std::size_t first = 0; first < in.size(); first += row) {
    for (std::size_t i = 0; i < row; ++i) {
      const float scaled = (in[first + i] - constants.offset[i]) * constants.scale[i];
      out[first + i] = clip(scaled, constants.low[i], constants.high[i]);
    }
  }
  return true;
}

}  // namespace lob
