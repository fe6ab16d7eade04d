// Random days: sums of fills, conservation of money, checkpoints.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "lob/money.hpp"
#include "lob/trader.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;
using test::Desk;
using test::LongDesk;

namespace {

/// Lives through random forecasts, steps, commands and replies (repeated, late, shuffled) from a seed.
class RandomDay {
 public:
  explicit RandomDay(std::uint64_t seed) : dice_(seed) {}

  void turn(Desk& desk) {
    desk.ts_ns += test::step_ns / 4;
    drift();
    const std::int64_t what = dice_.roll(0, 99);
    if (what < 30)
      desk.forecast({bps(), bps(), bps()}, tops_);
    else if (what < 80)
      answer(desk);
    else if (what < 96)
      desk.step(tops_);
    else
      desk.command(static_cast<TradingOp>(dice_.roll(0, 3)));
    for (; seen_ < desk.out.orders.size(); ++seen_) react(desk.out.orders[seen_]);
  }
  [[nodiscard]] Int128 cash(std::size_t slot) const { return cash_[slot]; }
  [[nodiscard]] std::int64_t units(std::size_t slot) const { return units_[slot]; }

 private:
  float bps() { return static_cast<float>(dice_.roll(-60, 60)) / 8.0F; }
  void drift() {
    for (const std::size_t slot : {std::size_t{0}, std::size_t{2}}) {
      mid_[slot] += dice_.roll(-2, 2);
      tops_[slot] = {.bid = PriceTicks{mid_[slot] - dice_.roll(1, 2)},
                     .ask = PriceTicks{mid_[slot] + 1},
                     .is_valid = dice_.roll(0, 19) != 0};
    }
  }
  /// The venue's side of one request: what it will answer, some day, in some order.
  void react(const OrderRequestRecord& order) {
    if (order.kind == 1) {
      SimReply nothing = test::reply_of(order, SimReplyKind::rejected);
      nothing.reason = code(SimReason::unknown_order);
      waiting_.push_back(nothing);
      return;
    }
    if (dice_.roll(0, 9) == 0) return waiting_.push_back(test::reply_of(order, SimReplyKind::rejected));
    waiting_.push_back(test::reply_of(order, SimReplyKind::ack));
    std::int64_t left = order.size_units;
    while (left > 0 && dice_.roll(0, 3) != 0) {
      const std::int64_t size = std::min<std::int64_t>(left, 10 * dice_.roll(1, 6));
      waiting_.push_back(
          test::fill_of(order, ++trade_id_, size, order.price_ticks - dice_.roll(0, 3), dice_.roll(0, 30)));
      left -= size;
    }
    if (left > 0) waiting_.push_back(test::reply_of(order, SimReplyKind::expired));
  }
  void answer(Desk& desk) {
    if (waiting_.empty()) return;
    const auto at = waiting_.begin() + dice_.roll(0, std::min<std::int64_t>(2, std::ssize(waiting_) - 1));
    const SimReply reply = *at;
    if (dice_.roll(0, 4) != 0) waiting_.erase(at);  // Else it comes again.
    desk.reply(reply);
    if (reply.kind != code(SimReplyKind::fill) || !booked_.insert(reply.trade_id).second) return;
    const std::size_t slot = reply.instrument == 4 ? 0 : 2;
    const std::int64_t sign = reply.side == 0 ? 1 : -1;
    units_[slot] += sign * reply.size_units;
    cash_[slot] -= sign * reply.size_units * reply.price_ticks + reply.fee_quote_units;
  }

  test::Dice dice_;
  std::vector<TopOfBook> tops_ = test::usual_tops;
  std::int64_t mid_[3] = {10'000, 0, 10'000};
  std::vector<SimReply> waiting_;
  std::set<std::uint64_t> booked_;
  std::size_t seen_ = 0;
  std::uint64_t trade_id_ = 0;
  Int128 cash_[3] = {};
  std::int64_t units_[3] = {};
};

}  // namespace

TEST_CASE("over random days positions are the sum of unique fills and money is conserved exactly") {
  std::uint64_t fills = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Desk desk;
    RandomDay day(seed);
    for (int turn = 0; turn < 2'000; ++turn) {
      day.turn(desk);
      for (const std::size_t slot : {std::size_t{0}, std::size_t{2}}) {
        const Position& held = desk.trader.position(slot);
        const Int128 told = static_cast<Int128>(held.realised_quote_units) + unrealised_quote_units(held) -
                            held.fees_quote_units;
        const Int128 value = floor_div(static_cast<Int128>(day.units(slot)) * held.mid_x2_ticks, 2);
        REQUIRE(held.units.value == day.units(slot));
        REQUIRE(bool(told == day.cash(slot) + value));
      }
    }
    fills += desk.trader.counters().fills;
  }
  CHECK(fills > 1'000);  // Else the days were too quiet to prove anything.
}

TEST_CASE("a trader continued from a checkpoint gives the same bytes as one that never stopped") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Desk whole;
    Desk first;
    RandomDay whole_day(seed);
    RandomDay day(seed);
    for (int turn = 0; turn < 700; ++turn) {
      whole_day.turn(whole);
      day.turn(first);
    }
    ByteWriter writer;
    first.trader.save(writer);

    Desk second;
    ByteReader reader(writer.bytes());
    REQUIRE(second.trader.load(reader));
    REQUIRE(reader.is_at_end());
    second.out = first.out;
    second.arena = first.arena;
    second.out.arena = &second.arena;
    second.seq = first.seq;
    second.ts_ns = first.ts_ns;
    for (int turn = 0; turn < 700; ++turn) {
      whole_day.turn(whole);
      day.turn(second);
    }

    CHECK(test::bytes_of(second.out) == test::bytes_of(whole.out));
    ByteWriter end_of_whole;
    ByteWriter end_of_second;
    whole.trader.save(end_of_whole);
    second.trader.save(end_of_second);
    CHECK(end_of_second.bytes() == end_of_whole.bytes());
  }
}

TEST_CASE("a trader's checkpoint cut short is refused") {
  LongDesk desk;
  ByteWriter writer;
  desk.trader.save(writer);
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    Desk other;
    ByteReader reader(std::string_view(writer.bytes()).substr(0, length));
    CHECK_FALSE(other.trader.load(reader));
  }
}
