// Random books, orders and trades against a reference that counts what each level may still give.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "small_venue.hpp"

using namespace lob;
using namespace lob::test;
using Kind = SimReplyKind;

namespace {

/// The reference: what each level may still give since its size last changed, and what each order may still
/// fill.
class Audit {
 public:
  void on_level(Side side, std::int64_t price, std::int64_t size) {
    std::int64_t& shown = shown_[key(side, price)];
    if (shown != size) taken_[key(side, price)] = 0;
    shown = size;
  }
  void on_order(const OrderRequestRecord& order) { orders_[order.client_order_id] = order; }
  /// `given`: what a trade, or the level that a book update showed, may fill of resting orders in all.
  void on_replies(const std::vector<SimReply>& replies, std::int64_t given) {
    std::int64_t made = 0;
    for (const SimReply& reply : replies) {
      if (reply.kind != code(Kind::fill)) continue;
      const OrderRequestRecord& order = orders_.at(reply.client_order_id);
      const bool is_buy = reply.side == 0;
      REQUIRE((is_buy ? reply.price_ticks <= order.price_ticks : reply.price_ticks >= order.price_ticks));
      REQUIRE(reply.size_units > 0);
      REQUIRE(reply.size_units % terms.lot.value == 0);
      REQUIRE(trade_ids_.insert(reply.trade_id).second);
      REQUIRE((filled_[reply.client_order_id] += reply.size_units) == reply.cumulative_units);
      REQUIRE(reply.cumulative_units <= order.size_units);
      const std::int64_t fee_e8 = reply.is_maker == 1 ? terms.maker_fee_e8 : terms.taker_fee_e8;
      const std::int64_t exact_e8 = reply.price_ticks * reply.size_units * fee_e8;
      REQUIRE(reply.fee_quote_units * 100'000'000 >= exact_e8);
      REQUIRE((reply.fee_quote_units - 1) * 100'000'000 < exact_e8);
      if (reply.is_maker == 1) {
        made += reply.size_units;
        REQUIRE(reply.price_ticks == order.price_ticks);
      } else {
        const auto level = key(is_buy ? Side::ask : Side::bid, reply.price_ticks);
        REQUIRE((taken_[level] += reply.size_units) <= shown_[level]);
      }
    }
    REQUIRE(made <= given);
  }

 private:
  using LevelKey = std::pair<Side, std::int64_t>;
  static LevelKey key(Side side, std::int64_t price) { return {side, price}; }
  std::map<LevelKey, std::int64_t> shown_;
  std::map<LevelKey, std::int64_t> taken_;
  std::map<std::uint64_t, OrderRequestRecord> orders_;
  std::map<std::uint64_t, std::int64_t> filled_;
  std::set<std::uint64_t> trade_ids_;
};

}  // namespace

TEST_CASE("over random books, orders and trades no lot is consumed twice and every limit and fee holds") {
  std::int64_t taken = 0;
  std::int64_t made = 0;
  std::int64_t crossed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    test::Dice dice(seed);
    SmallVenue venue;
    Audit audit;
    for (const Side side : {Side::bid, Side::ask}) {
      for (std::int64_t n = 0; n < 3; ++n)
        audit.on_level(side, side == Side::bid ? 99 - n : 101 + n, n == 2 ? 0 : 50 + 30 * n);
    }
    for (int turn = 0; turn < 500; ++turn) {
      const Side side = dice.roll(0, 1) == 0 ? Side::bid : Side::ask;
      const std::int64_t depth = dice.roll(0, 5);
      const std::int64_t level = side == Side::bid ? 99 - depth : 101 + depth;
      switch (dice.roll(0, 3)) {
        case 0: {
          const std::int64_t size = dice.roll(0, 12) * 7;
          const auto replies = venue.update(side, level, size);
          crossed += filled(replies);
          audit.on_level(side, level, size);
          audit.on_replies(replies, size);
          break;
        }
        case 1: {
          const std::int64_t traded = dice.roll(1, 150);
          const auto replies = venue.trade(opposite(side), level, traded);
          made += filled(replies);
          audit.on_replies(replies, traded);
          break;
        }
        default: {
          const std::uint8_t time_in_force = dice.roll(0, 1) == 0 ? gtc : ioc;
          const OrderRequestRecord order =
              venue.request(side, 100 + dice.roll(-5, 5), 10 * dice.roll(1, 20), time_in_force);
          audit.on_order(order);
          const auto replies = venue.send(order);
          taken += filled(replies);
          audit.on_replies(replies, 0);
        }
      }
    }
  }
  CHECK(taken > 30'000);  // Else the walk was too quiet to prove anything.
  CHECK(made > 10'000);
  CHECK(crossed > 1'000);
}
