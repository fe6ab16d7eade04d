#include "lob/decimal.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>

#include "lob/instrument.hpp"

using namespace lob;

namespace {

DecimalScale scale_of(std::string_view unit) {
  const auto scale = DecimalScale::of(unit);
  REQUIRE(scale.has_value());
  return *scale;
}

std::int64_t units(std::string_view text, std::string_view unit) {
  const DecimalResult result = parse_decimal(text, scale_of(unit));
  REQUIRE(result.is_ok());
  return result.units;
}

DecimalError error(std::string_view text, std::string_view unit) {
  const DecimalResult result = parse_decimal(text, scale_of(unit));
  CHECK((result.is_ok() || result.units == 0));
  return result.error;
}

}  // namespace

TEST_CASE("a decimal is counted in its unit exactly") {
  CHECK(units("2683.80000000", "0.01") == 268380);
  CHECK(units("2683.8", "0.01") == 268380);
  CHECK(units("0.00000001", "0.00000001") == 1);
  CHECK(units("0", "0.01") == 0);
  CHECK(units("0.000", "0.001") == 0);
  CHECK(units("65000", "0.1") == 650000);
  CHECK(units("7", "1") == 7);
}

TEST_CASE("units that are no power of ten work too") {
  CHECK(units("2.5", "0.5") == 5);
  CHECK(units("0.75", "0.25") == 3);
  CHECK(units("120", "10") == 12);
  CHECK(error("0.7", "0.5") == DecimalError::off_tick);
  CHECK(error("15", "10") == DecimalError::off_tick);
}

TEST_CASE("digits below the unit are refused unless they are zeros") {
  CHECK(error("1.005", "0.01") == DecimalError::too_fine);
  CHECK(units("1.000000000000000000000000000", "0.01") == 100);
}

TEST_CASE("what is no decimal is refused with its reason") {
  for (const char* text : {"", ".", "1.", ".5", "1e3", "+1", " 1", "1 ", "1,5", "0x1", "1.2.3", "nan"}) {
    CAPTURE(text);
    CHECK(error(text, "0.01") == DecimalError::syntax);
  }
  CHECK(error("-1", "0.01") == DecimalError::negative);
}

TEST_CASE("more than an int64 holds is refused, the last value that fits is not") {
  CHECK(units("9223372036854775807", "1") == 9223372036854775807LL);
  CHECK(error("9223372036854775808", "1") == DecimalError::overflow);
  CHECK(error("92233720368547758.08", "0.01") == DecimalError::overflow);
  CHECK(units("92233720368547758.07", "0.01") == 9223372036854775807LL);
  CHECK(error("99999999999999999999999999", "0.01") == DecimalError::overflow);
}

TEST_CASE("a unit must be a positive decimal of at most 18 decimals") {
  CHECK_FALSE(DecimalScale::of("0").has_value());
  CHECK_FALSE(DecimalScale::of("").has_value());
  CHECK_FALSE(DecimalScale::of("-0.1").has_value());
  CHECK_FALSE(DecimalScale::of("0.0000000000000000001").has_value());
  CHECK(DecimalScale::of("0.10")->decimals == 1);
}

TEST_CASE("printing a count and parsing it gives the count back") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const unsigned decimals = static_cast<unsigned>(random() % 9);
    const auto count = static_cast<std::int64_t>(random() >> (2 + random() % 60));
    std::string digits = std::to_string(count);
    digits.insert(digits.begin(), decimals < digits.size() ? 0 : decimals + 1 - digits.size(), '0');
    std::string text = digits.substr(0, digits.size() - decimals);
    std::string unit = "1";
    if (decimals != 0) {
      text.append(1, '.').append(digits, digits.size() - decimals);
      unit = std::string("0.").append(decimals - 1, '0').append(1, '1');
    }
    CAPTURE(text);
    REQUIRE(units(text, unit) == count);
  }
}

TEST_CASE("an instrument with a wrong unit is refused by name and field") {
  InstrumentSpec spec{Venue::binance_spot, "ETHUSDT", MarketType::spot, "0.01", "0.001", "0.0005", 0, 0};
  std::string text;
  CHECK_FALSE(make_scale(spec, text).has_value());
  CHECK(text ==
        "instrument binance_spot:ETHUSDT: lot is \"0.0005\", expected a positive multiple of size_unit");

  spec.lot = "0.01";
  const auto scale = make_scale(spec, text);
  REQUIRE(scale.has_value());
  CHECK(scale->lot.value == 10);
}
