// Train-fitted constants applied to features, in float32, the same in training and in trading.
//
// One form covers both input sets: min-max is offset = min, scale = 1 / (max - min), bounds 0 and 1; a
// z-score is offset = mean, scale = 1 / deviation, bounds +-limit. A constant feature gets scale 0.
#pragma once

#include <span>

namespace lob {

/// One value for each of the [slots][58] features of a step; all four of one length.
struct NormalizerConstants {
  std::span<const float> offset;
  std::span<const float> scale;
  std::span<const float> low;
  std::span<const float> high;
};

/// out = clip((in - offset) * scale, low, high) for [steps][slots][58]; `out` may be `in`. NaN stays NaN.
/// False, and nothing written, when the lengths do not fit together.
[[nodiscard]] bool normalize(std::span<const float> in, const NormalizerConstants& constants,
                             std::span<float> out) noexcept;

}  // namespace lob
