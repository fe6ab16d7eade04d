#include "lob/latency.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lob {
namespace {

/// One step of SplitMix64: a bijection that mixes all bits.
std::uint64_t mix(std::uint64_t state) noexcept {
  state += 0x9E3779B97F4A7C15ULL;
  state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  state = (state ^ (state >> 27U)) * 0x94D049BB133111EBULL;
  return state ^ (state >> 31U);
}

/// In (0, 1): never 0, whose logarithm is not finite.
double uniform(std::uint64_t bits) noexcept {
  return (static_cast<double>(bits >> 11U) + 0.5) * 0x1.0p-53;
}

}  // namespace

TsNs latency_ns(const LatencyModel& model, const MessageName& message) noexcept {
  if (model.kind == LatencyKind::constant) return model.median_ns;
  const std::uint64_t words = static_cast<std::uint64_t>(message.way) << 8U | message.kind;
  const std::uint64_t name =
      mix(mix(mix(mix(model.seed) ^ message.client_order_id) ^ words) ^ message.detail);
  const double radius = std::sqrt(-2.0 * std::log(uniform(mix(name))));
  const double z = radius * std::cos(2.0 * std::numbers::pi * uniform(mix(name + 1)));
  const double drawn = static_cast<double>(model.median_ns) * std::exp(model.sigma * z);
  return static_cast<TsNs>(std::min(drawn, static_cast<double>(latency_max_ns)));
}

}  // namespace lob
