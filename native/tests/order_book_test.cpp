#include "lob/order_book.hpp"

#include <doctest/doctest.h>

#include <array>
#include <map>
#include <random>

using namespace lob;

namespace {

void set(OrderBook& book, Side side, std::int64_t price, std::int64_t size) {
  book.apply(side, PriceTicks{price}, SizeUnits{size});
}

/// The dict book: what OrderBook must equal.
struct ModelBook {
  std::map<std::int64_t, std::int64_t> sides[side_count];

  void apply(Side side, std::int64_t price, std::int64_t size) {
    if (size == 0) {
      sides[index(side)].erase(price);
    } else {
      sides[index(side)][price] = size;
    }
  }
  [[nodiscard]] std::vector<Level> levels(Side side) const {
    std::vector<Level> all;
    for (const auto& [price, size] : sides[index(side)]) all.push_back({PriceTicks{price}, SizeUnits{size}});
    if (side == Side::bid) std::reverse(all.begin(), all.end());
    return all;
  }
};

void check_equal(const OrderBook& book, const ModelBook& model) {
  for (const Side side : {Side::bid, Side::ask}) {
    const std::vector<Level> expected = model.levels(side);
    std::vector<Level> found;
    book.append_levels(side, found);
    REQUIRE(found == expected);
    REQUIRE(book.level_count(side) == expected.size());
    std::array<Level, 5> top{};
    REQUIRE(book.top(side, top) == std::min<std::size_t>(5, expected.size()));
    for (std::size_t i = 0; i < std::min<std::size_t>(5, expected.size()); ++i)
      REQUIRE(top[i] == expected[i]);
    REQUIRE(book.best(side).has_value() == !expected.empty());
  }
}

/// A price that walks slowly, with jumps, far levels and window-sized moves.
std::int64_t next_centre(std::mt19937_64& random, std::int64_t centre) {
  const auto draw = random() % 1000;
  if (draw == 0) return static_cast<std::int64_t>(20000 + random() % 400000);
  if (draw < 10)
    return std::max<std::int64_t>(20000, centre + static_cast<std::int64_t>(random() % 12001) - 6000);
  return std::max<std::int64_t>(20000, centre + static_cast<std::int64_t>(random() % 21) - 10);
}

std::int64_t next_price(std::mt19937_64& random, Side side, std::int64_t centre) {
  const auto kind = random() % 10;
  const std::uint64_t reach = kind < 7 ? 20 : kind < 9 ? 9000 : 400000;
  const auto away = 1 + static_cast<std::int64_t>(random() % reach);
  return std::max<std::int64_t>(1, side == Side::bid ? centre - away : centre + away);
}

}  // namespace

TEST_CASE("an empty book has no best, no levels, and is not crossed") {
  const OrderBook book;
  CHECK_FALSE(book.best(Side::bid).has_value());
  std::array<Level, 5> top{};
  CHECK(book.top(Side::ask, top) == 0);
  CHECK_FALSE(book.is_crossed());
  CHECK(book.size_at(Side::bid, PriceTicks{100}).value == 0);
}

TEST_CASE("levels come best first and size 0 removes one") {
  OrderBook book;
  for (const std::int64_t price : {100, 98, 99}) set(book, Side::bid, price, price);
  for (const std::int64_t price : {103, 101, 102}) set(book, Side::ask, price, price);

  CHECK(book.best(Side::bid)->price.value == 100);
  CHECK(book.level(Side::bid, 2)->price.value == 98);
  CHECK(book.level(Side::ask, 1)->price.value == 102);
  CHECK_FALSE(book.level(Side::ask, 3).has_value());

  set(book, Side::bid, 100, 0);
  CHECK(book.best(Side::bid)->price.value == 99);
  set(book, Side::bid, 12345, 0);  // removing an absent level is normal
  CHECK(book.level_count(Side::bid) == 2);
}

TEST_CASE("a best bid at or above the best ask is crossed") {
  OrderBook book;
  set(book, Side::bid, 100, 1);
  set(book, Side::ask, 101, 1);
  CHECK_FALSE(book.is_crossed());
  set(book, Side::bid, 101, 1);
  CHECK(book.is_crossed());
}

TEST_CASE("nothing beyond the horizon is reported as known, though its size can be asked") {
  OrderBook book;
  for (std::int64_t price = 91; price <= 100; ++price) set(book, Side::bid, price, 5);
  set(book, Side::bid, 20, 7);
  book.set_horizon(Side::bid, PriceTicks{98});

  std::array<Level, 5> top{};
  CHECK(book.top(Side::bid, top) == 3);
  CHECK_FALSE(book.level(Side::bid, 3).has_value());
  CHECK(book.size_at(Side::bid, PriceTicks{20}).value == 7);
  CHECK(book.level_count(Side::bid) == 11);

  book.clear();
  CHECK_FALSE(book.horizon(Side::bid).has_value());
}

TEST_CASE("a side whose best falls beyond the horizon has no known best") {
  OrderBook book;
  set(book, Side::ask, 101, 1);
  set(book, Side::ask, 500, 1);
  book.set_horizon(Side::ask, PriceTicks{200});
  set(book, Side::ask, 101, 0);
  CHECK_FALSE(book.best(Side::ask).has_value());
}

TEST_CASE("levels farther away than the window are found once the market goes there") {
  OrderBook book;
  set(book, Side::bid, 268162, 10);
  set(book, Side::bid, 20000, 3);
  set(book, Side::bid, 100, 4);
  CHECK(book.level(Side::bid, 1)->price.value == 20000);

  set(book, Side::bid, 268162, 0);
  CHECK(book.best(Side::bid)->price.value == 20000);
  set(book, Side::bid, 20000, 0);
  CHECK(book.best(Side::bid)->price.value == 100);
}

TEST_CASE("random updates with far levels and jumps leave the book equal to a map") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    std::mt19937_64 random(seed);
    OrderBook book;
    ModelBook model;
    std::int64_t centre = 100000;
    for (int i = 0; i < 30000; ++i) {
      centre = next_centre(random, centre);
      const Side side = random() % 2 == 0 ? Side::bid : Side::ask;
      const std::int64_t price = next_price(random, side, centre);
      const auto size = random() % 3 == 0 ? 0 : static_cast<std::int64_t>(1 + random() % 1000);
      set(book, side, price, size);
      model.apply(side, price, size);
      if (random() % 4 == 0) {  // the best is taken
        const auto levels = model.sides[index(side)];
        if (levels.empty()) continue;
        const std::int64_t best = side == Side::bid ? levels.rbegin()->first : levels.begin()->first;
        set(book, side, best, 0);
        model.apply(side, best, 0);
      }
      if (i % 50 == 0) check_equal(book, model);
    }
    check_equal(book, model);
  }
}

TEST_CASE("a saved book loads to the same levels, horizons and bytes") {
  std::mt19937_64 random(7);
  OrderBook book;
  for (int i = 0; i < 3000; ++i) {
    const Side side = i % 2 == 0 ? Side::bid : Side::ask;
    set(book, side, next_price(random, side, 50000), 1 + i);
  }
  book.set_horizon(Side::ask, PriceTicks{59000});
  ByteWriter writer;
  book.save(writer);

  OrderBook loaded;
  ByteReader reader(writer.bytes());
  REQUIRE(loaded.load(reader));
  CHECK(reader.is_at_end());
  ByteWriter again;
  loaded.save(again);
  CHECK(again.bytes() == writer.bytes());
  CHECK(loaded.horizon(Side::ask)->value == 59000);
}

TEST_CASE("bytes that are no book are refused at every cut") {
  OrderBook book;
  set(book, Side::bid, 10, 1);
  set(book, Side::ask, 11, 1);
  ByteWriter writer;
  book.save(writer);
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    OrderBook loaded;
    ByteReader reader(std::string_view(writer.bytes()).substr(0, length));
    CHECK_FALSE(loaded.load(reader));
  }
}
