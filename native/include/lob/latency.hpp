// How long a message is on its way between us and a venue: the same, or drawn, and never a matter of when it
// is asked.
//
//   constant    latency = median
//   lognormal   latency = median x exp(sigma x z),   z standard normal
//
// z comes from a hash of (seed, what the message is): two uniform numbers by SplitMix64 (Steele, Lea, Flood
// 2014), made normal by Box and Muller (1958). So a message has its latency whatever was sent before it, in
// whatever lane, and whoever asks first.
#pragma once

#include <cstdint>

#include "lob/types.hpp"

namespace lob {

enum class LatencyKind : std::uint8_t { constant = 0, lognormal = 1 };

/// A drawn latency is cut at this.
inline constexpr TsNs latency_max_ns = 3'600'000'000'000;

struct LatencyModel {
  LatencyKind kind = LatencyKind::constant;
  TsNs median_ns = 0;
  double sigma = 0.0;  ///< of the logarithm
  std::uint64_t seed = 0;
};

/// Which way a message goes.
enum class MessageWay : std::uint8_t { request = 0, reply = 1 };

/// What tells a message from every other one.
struct MessageName {
  std::uint64_t client_order_id = 0;
  MessageWay way = MessageWay::request;
  std::uint8_t kind = 0;     ///< of the request or reply
  std::uint64_t detail = 0;  ///< what tells two of one kind apart
};

[[nodiscard]] TsNs latency_ns(const LatencyModel& model, const MessageName& message) noexcept;

}  // namespace lob
