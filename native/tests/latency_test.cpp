#include "lob/latency.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace lob;

namespace {

constexpr LatencyModel drawn{.kind = LatencyKind::lognormal, .median_ns = 5'000'000, .sigma = 0.4, .seed = 7};

}  // namespace

TEST_CASE("a constant latency is the median of every message") {
  const LatencyModel model{.median_ns = 12};
  CHECK(latency_ns(model, {.client_order_id = 1}) == 12);
  CHECK(latency_ns(model, {.client_order_id = 2, .way = MessageWay::reply}) == 12);
}

TEST_CASE("a drawn latency is the message's own: asked again it is the same, another message has another") {
  std::set<TsNs> found;
  for (std::uint64_t order = 1; order <= 50; ++order) {
    for (const MessageWay way : {MessageWay::request, MessageWay::reply}) {
      for (std::uint8_t kind = 0; kind < 3; ++kind) {
        for (std::uint64_t detail = 0; detail < 3; ++detail)
          found.insert(latency_ns(drawn, {order, way, kind, detail}));
      }
    }
  }
  CHECK(found.size() == 50 * 2 * 3 * 3);
  CHECK(latency_ns(drawn, {.client_order_id = 9}) == latency_ns(drawn, {.client_order_id = 9}));
  LatencyModel other = drawn;
  other.seed = 8;
  CHECK(latency_ns(other, {.client_order_id = 9}) != latency_ns(drawn, {.client_order_id = 9}));
}

TEST_CASE("drawn latencies have the model's median and spread") {
  constexpr int count = 20'000;
  double sum = 0.0;
  double squares = 0.0;
  for (std::uint64_t order = 1; order <= count; ++order) {
    const double z = std::log(static_cast<double>(latency_ns(drawn, {.client_order_id = order})) / 5e6) / 0.4;
    sum += z;
    squares += z * z;
  }
  // Standard errors: 0.007 of the mean, 0.01 of the variance.
  CHECK(std::abs(sum / count) < 0.03);
  CHECK(std::abs(squares / count - 1.0) < 0.04);
}

TEST_CASE("a drawn latency is never beyond an hour") {
  const LatencyModel wild{
      .kind = LatencyKind::lognormal, .median_ns = latency_max_ns, .sigma = 5.0, .seed = 1};
  for (std::uint64_t order = 0; order < 200; ++order) {
    const TsNs drawn_ns = latency_ns(wild, {.client_order_id = order});
    CHECK(drawn_ns >= 0);
    CHECK(drawn_ns <= latency_max_ns);
  }
}
