// The golden input: what a fixed little market yields through book and sampler, as bytes.
//
// A model's feature-schema hash covers names, order, dtype, step, venues, levels and these bytes, so that a
// changed formula, rule of validity or closing law changes the hash and a model trained before it is refused.
#pragma once

#include <cstddef>
#include <vector>

#include "lob/types.hpp"

namespace lob {

/// The golden market moves eight times a step; no grid is finer.
inline constexpr TsNs step_ns_min = 8;

/// Step time, instrument, validity and the 58 features of each row of the golden market sampled every
/// `step_ns` (at least `step_ns_min`), little-endian, in the order of closing. The same bytes on every call.
[[nodiscard]] std::vector<std::byte> golden_feature_bytes(TsNs step_ns);

}  // namespace lob
