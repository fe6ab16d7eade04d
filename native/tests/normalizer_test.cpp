#include "lob/normalizer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace lob;

TEST_CASE("normalising shifts, scales and clips each feature by its own constants") {
  const std::vector<float> offset = {1.0F, -2.0F};
  const std::vector<float> scale = {2.0F, 0.5F};
  const std::vector<float> low = {0.0F, -1.0F};
  const std::vector<float> high = {1.0F, 1.0F};
  const std::vector<float> in = {1.25F, -3.0F, 9.0F, 9.0F, 0.0F, -9.0F};
  std::vector<float> out(in.size());

  REQUIRE(normalize(in, {offset, scale, low, high}, out));

  CHECK(out == std::vector<float>{0.5F, -0.5F, 1.0F, 1.0F, 0.0F, -1.0F});
}

TEST_CASE("normalising in place gives the same as into another buffer") {
  const std::vector<float> offset(3, 0.1F);
  const std::vector<float> scale(3, 7.0F);
  const std::vector<float> low(3, -1.0F);
  const std::vector<float> high(3, 1.0F);
  std::vector<float> values = {0.15F, 0.2F, -0.3F};
  std::vector<float> out(3);
  REQUIRE(normalize(values, {offset, scale, low, high}, out));

  REQUIRE(normalize(values, {offset, scale, low, high}, values));

  CHECK(values == out);
}

TEST_CASE("NaN is never hidden by a bound") {
  const std::vector<float> one(1, 1.0F);
  const std::vector<float> zero(1, 0.0F);
  const std::vector<float> in(1, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> out(1, 0.0F);

  REQUIRE(normalize(in, {zero, one, zero, one}, out));

  CHECK(std::isnan(out[0]));
}

TEST_CASE("lengths that do not fit are refused and nothing is written") {
  const std::vector<float> two(2, 1.0F);
  const std::vector<float> three(3, 1.0F);
  std::vector<float> out(3, -1.0F);

  CHECK_FALSE(normalize(three, {two, two, two, two}, out));
  CHECK_FALSE(normalize(three, {three, three, two, three}, out));
  CHECK_FALSE(normalize(two, {two, two, two, two}, out));
  CHECK_FALSE(normalize({}, {}, {}));
  CHECK(out == std::vector<float>(3, -1.0F));
}
