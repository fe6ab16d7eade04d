#include "lob/byte_io.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace lob;

TEST_CASE("what is written is read back, and nothing is left") {
  ByteWriter writer;
  writer.put(std::uint8_t{7});
  writer.put(std::int64_t{-5});
  writer.put(2.5);
  writer.put(true);
  writer.put(PriceTicks{123});
  writer.put(Side::ask);
  writer.put_text("venue");
  writer.put_all(std::span<const float>(std::array{1.0F, 2.0F}));

  ByteReader reader(writer.bytes());
  std::uint8_t small = 0;
  std::int64_t large = 0;
  double real = 0;
  bool flag = false;
  PriceTicks price;
  Side side = Side::bid;
  std::string text;
  std::array<float, 2> floats{};
  REQUIRE(reader.get(small));
  REQUIRE(reader.get(large));
  REQUIRE(reader.get(real));
  REQUIRE(reader.get(flag));
  REQUIRE(reader.get(price));
  REQUIRE(reader.get_enum(side, Side::ask));
  REQUIRE(reader.get_text(text));
  REQUIRE(reader.get_all(std::span<float>(floats)));

  CHECK(reader.is_at_end());
  CHECK(small == 7);
  CHECK(large == -5);
  CHECK(real == 2.5);
  CHECK(flag);
  CHECK(price.value == 123);
  CHECK(side == Side::ask);
  CHECK(text == "venue");
  CHECK(floats[1] == 2.0F);
}

TEST_CASE("integers lie little-endian") {
  ByteWriter writer;
  writer.put(std::uint32_t{0x01020304});
  CHECK(writer.bytes() == std::string("\x04\x03\x02\x01", 4));
}

TEST_CASE("a read past the end fails, leaves its target, and sticks") {
  ByteWriter writer;
  writer.put(std::uint16_t{1});
  ByteReader reader(writer.bytes());
  std::uint32_t wide = 99;
  std::uint16_t narrow = 99;

  CHECK_FALSE(reader.get(wide));
  CHECK_FALSE(reader.get(narrow));
  CHECK(wide == 99);
  CHECK(narrow == 99);
  CHECK_FALSE(reader.is_ok());
}

TEST_CASE("a count larger than the bytes left is refused before anything is allocated") {
  ByteWriter writer;
  writer.put_count(1'000'000'000'000ULL);
  ByteReader reader(writer.bytes());
  std::size_t count = 0;
  CHECK_FALSE(reader.get_count(count, 16));
}

TEST_CASE("an enum value that does not exist is refused") {
  ByteWriter writer;
  writer.put(std::uint8_t{2});
  ByteReader reader(writer.bytes());
  Side side = Side::bid;
  CHECK_FALSE(reader.get_enum(side, Side::ask));
  CHECK(side == Side::bid);
}

TEST_CASE("a bool that is neither 0 nor 1 is refused") {
  ByteWriter writer;
  writer.put(std::uint8_t{2});
  ByteReader reader(writer.bytes());
  bool flag = false;
  CHECK_FALSE(reader.get(flag));
}
