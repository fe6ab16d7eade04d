#include "lob/order_history.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace lob;

namespace {

constexpr RiskLimits limits{.duplicate_ns = 300,
                            .order_rate_window_ns = 1'000,
                            .data_quality_window_ns = 2'000,
                            .error_window_ns = 500};

struct Sender {
  OrderHistory history{limits};
  void send(TsNs ts_ns, std::int64_t price = 100, Venue venue = Venue::binance_spot) {
    history.note_sent(0, venue, Side::bid, PriceTicks{price}, SizeUnits{10}, ts_ns);
  }
  [[nodiscard]] TsNs same(TsNs ts_ns, std::int64_t price = 100) const {
    return history.ts_same_order_ns(0, Side::bid, PriceTicks{price}, SizeUnits{10}, ts_ns);
  }
};

std::string bytes_of(const OrderHistory& history) {
  ByteWriter writer;
  history.save(writer);
  return writer.take();
}

/// One of everything.
OrderHistory busy_history() {
  Sender sender;
  sender.send(5'000);
  sender.send(5'100, 101, Venue::bybit_spot);
  sender.history.note_error(Venue::bybit_spot, 5'200);
  sender.history.note_gaps(2, 7, 5'200);
  sender.history.note_gaps(2, 9, 5'300);
  return sender.history;
}

}  // namespace

TEST_CASE("orders count a venue while they are younger than the window") {
  Sender sender;
  sender.send(5'000);
  sender.send(5'001, 101);
  sender.send(5'001, 102, Venue::bybit_spot);

  CHECK(sender.history.orders_in_window(Venue::binance_spot, 5'999) == 2);
  CHECK(sender.history.orders_in_window(Venue::binance_spot, 6'000) == 1);  // The first is exactly 1'000 old.
  CHECK(sender.history.orders_in_window(Venue::binance_spot, 6'001) == 0);
  CHECK(sender.history.orders_in_window(Venue::bybit_spot, 5'001) == 1);
  CHECK(sender.history.orders_in_window(Venue::binance_usdm, 5'001) == 0);
}

TEST_CASE("an order is the same in slot, side, price and size, and only within its window") {
  Sender sender;
  sender.send(5'000);
  sender.send(5'010);
  sender.send(5'020, 101);

  CHECK(sender.same(5'100) == 5'010);
  CHECK(sender.same(5'309) == 5'010);
  CHECK(sender.same(5'310) == 0);
  CHECK(sender.same(5'100, 102) == 0);
  CHECK(sender.history.ts_same_order_ns(1, Side::bid, PriceTicks{100}, SizeUnits{10}, 5'100) == 0);
  CHECK(sender.history.ts_same_order_ns(0, Side::ask, PriceTicks{100}, SizeUnits{10}, 5'100) == 0);
  CHECK(sender.history.ts_same_order_ns(0, Side::bid, PriceTicks{100}, SizeUnits{20}, 5'100) == 0);
}

TEST_CASE("without a window for duplicates none is found") {
  OrderHistory history{RiskLimits{}};
  history.note_sent(0, Venue::other, Side::bid, PriceTicks{100}, SizeUnits{10}, 5'000);
  CHECK(history.ts_same_order_ns(0, Side::bid, PriceTicks{100}, SizeUnits{10}, 5'000) == 0);
}

TEST_CASE("errors count a venue within their window") {
  OrderHistory history{limits};
  history.note_error(Venue::bybit_spot, 5'000);
  history.note_error(Venue::bybit_spot, 5'400);
  CHECK(history.errors_in_window(Venue::bybit_spot, 5'499) == 2);
  CHECK(history.errors_in_window(Venue::bybit_spot, 5'500) == 1);
  CHECK(history.errors_in_window(Venue::other, 5'400) == 0);
}

TEST_CASE("gaps are what a feed's count grew by since it was first told") {
  OrderHistory history{limits};
  history.note_gaps(1, 40, 5'000);
  CHECK(history.gaps_in_window(1, 5'000) == 0);
  history.note_gaps(1, 43, 5'100);
  history.note_gaps(1, 44, 5'200);
  CHECK(history.gaps_in_window(1, 5'200) == 4);
  CHECK(history.gaps_in_window(1, 7'100) == 1);
  CHECK(history.gaps_in_window(0, 5'200) == 0);
  CHECK(history.gaps_in_window(9, 5'200) == 0);

  history.note_gaps(1, 2, 7'200);  // A feed that begins again is no gap.
  CHECK(history.gaps_in_window(1, 7'200) == 0);
}

TEST_CASE("a full history forgets the oldest and its count stands at the most it can say") {
  Sender sender;
  for (std::size_t i = 0; i < history_max + 5; ++i) sender.send(5'000);
  CHECK(sender.history.orders_in_window(Venue::binance_spot, 5'000) == history_max);

  OrderHistory history{limits};
  history.note_gaps(0, 0, 5'000);
  history.note_gaps(0, 1'000'000, 5'000);
  CHECK(history.gaps_in_window(0, 5'000) == history_max);
}

TEST_CASE("a history loaded from its bytes tells the same and saves the same") {
  const OrderHistory history = busy_history();
  const std::string bytes = bytes_of(history);
  OrderHistory loaded{limits};

  ByteReader reader(bytes);
  REQUIRE(loaded.load(reader));

  CHECK(reader.is_at_end());
  CHECK(bytes_of(loaded) == bytes);
  CHECK(loaded.orders_in_window(Venue::bybit_spot, 5'300) == 1);
  CHECK(loaded.errors_in_window(Venue::bybit_spot, 5'300) == 1);
  CHECK(loaded.gaps_in_window(2, 5'300) == 2);
  CHECK(loaded.ts_same_order_ns(0, Side::bid, PriceTicks{101}, SizeUnits{10}, 5'300) == 5'100);
}

TEST_CASE("every shortening of a history's bytes is refused") {
  const std::string bytes = bytes_of(busy_history());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    OrderHistory loaded{limits};
    ByteReader reader(std::string_view(bytes).substr(0, length));
    CHECK_FALSE(loaded.load(reader));
  }
}
