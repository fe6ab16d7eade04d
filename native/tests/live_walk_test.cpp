// Random sessions at a venue that loses requests and answers, repeats and delays fills, and cuts its word
// short: at the end every order and position is what it is at the venue, none was sent twice, and at no
// moment did the venue hold, or could it have come to hold, more than we counted with.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "live_fixture.hpp"

using namespace lob;
using test::code;
using test::second_ns;

namespace {

/// The truth: one market, orders as they are there.
class Venue {
 public:
  struct Entry {
    OrderRequestRecord asked{};
    std::int64_t price = 0;
    std::int64_t total = 0;
    std::int64_t filled = 0;
    VenueReplyKind end = VenueReplyKind::ack;  // ack: it rests
  };

  explicit Venue(test::Dice& dice) : dice_(dice) {}

  void take(const OrderRequestRecord& request) {
    if (request.kind != code(RequestKind::query)) ++requests_[request.client_order_id];
    const bool is_reliable = is_reliable_;
    const std::int64_t fate = is_reliable ? 9 : dice_.roll(0, 9);
    const bool is_lost = fate == 0 && request.kind != code(RequestKind::query);
    if (is_lost) {
      if (request.kind == code(RequestKind::place)) placed_.insert(request.client_order_id);
      return lose(request);
    }
    const VenueReply answer = apply(request);
    // The answer is lost, though what was asked for is done.
    if (fate == 1) return lose(request);
    say(answer, request.kind == code(RequestKind::query));
  }

  /// Something of what rests fills.
  void trade() {
    for (auto& [id, entry] : entries_) {
      if (entry.end == VenueReplyKind::ack && dice_.roll(0, 5) == 0) fill(entry, entry.total - entry.filled);
    }
  }

  /// Hands over what is due: words about one order in their order, fills in any and some of them twice.
  std::optional<VenueReply> next() {
    if (!fills_.empty() && (words_.empty() || dice_.roll(0, 1) == 0)) {
      const auto at = fills_.begin() + dice_.roll(0, static_cast<std::int64_t>(fills_.size()) - 1);
      const VenueReply fill = *at;
      if (is_reliable_ || dice_.roll(0, 4) > 0) fills_.erase(at);
      return fill;
    }
    while (!words_.empty()) {
      const Word word = words_.front();
      words_.erase(words_.begin());
      if (!word.is_of_query || word.requests == requests_[word.reply.client_order_id]) return word.reply;
    }
    return std::nullopt;
  }

  void become_reliable() { is_reliable_ = true; }
  [[nodiscard]] bool has_news() const { return !fills_.empty() || !words_.empty(); }
  [[nodiscard]] const std::map<std::uint64_t, Entry>& entries() const { return entries_; }
  [[nodiscard]] std::int64_t position() const { return position_; }
  /// The position if all that rests on one side filled.
  [[nodiscard]] std::int64_t worst(Side side) const {
    std::int64_t sum = position_;
    for (const auto& [id, entry] : entries_) {
      const bool is_it = entry.end == VenueReplyKind::ack && entry.asked.side == code(side);
      if (is_it) sum += (side == Side::bid ? 1 : -1) * (entry.total - entry.filled);
    }
    return sum;
  }
  [[nodiscard]] bool was_placed_twice() const { return is_placed_twice_; }

 private:
  /// A query's answer that is older than the last request says nothing, and its sender drops it.
  struct Word {
    VenueReply reply;
    bool is_of_query = false;
    int requests = 0;
  };

  void lose(const OrderRequestRecord& request) {
    if (dice_.roll(0, 1) == 0) say(test::said(request, VenueReplyKind::unanswered));
  }
  void say(const VenueReply& reply, bool is_of_query = false) {
    words_.push_back({reply, is_of_query, requests_[reply.client_order_id]});
  }

  VenueReply apply(const OrderRequestRecord& request) {
    if (request.kind == code(RequestKind::place)) return place(request);
    const auto found = entries_.find(request.client_order_id);
    if (request.kind == code(RequestKind::query)) return query(request, found);
    const bool is_amend = request.kind == code(RequestKind::amend);
    const auto refusal = is_amend ? VenueReplyKind::amend_rejected : VenueReplyKind::cancel_rejected;
    VenueReply reply = test::said(request, refusal);
    reply.reason = code(VenueReason::unknown_order);
    if (found == entries_.end() || found->second.end != VenueReplyKind::ack) return reply;
    Entry& entry = found->second;
    if (is_amend && request.size_units <= entry.filled) {
      reply.reason = code(VenueReason::filter);
      return reply;
    }
    if (is_amend) {
      entry.price = request.price_ticks;
      entry.total = request.size_units;
    } else {
      entry.end = VenueReplyKind::cancelled;
    }
    return word_of(entry, is_amend ? VenueReplyKind::amended : VenueReplyKind::cancelled);
  }

  VenueReply place(const OrderRequestRecord& request) {
    is_placed_twice_ |= !placed_.insert(request.client_order_id).second;
    if (dice_.roll(0, 9) == 0) return test::said(request, VenueReplyKind::rejected);
    Entry& entry = entries_[request.client_order_id];
    entry = {.asked = request, .price = request.price_ticks, .total = request.size_units};
    if (request.time_in_force != code(TimeInForce::ioc)) return word_of(entry, VenueReplyKind::ack);
    fill(entry, entry.total);
    if (entry.end == VenueReplyKind::ack) entry.end = VenueReplyKind::expired;
    return word_of(entry, entry.end);
  }

  VenueReply query(const OrderRequestRecord& request, std::map<std::uint64_t, Entry>::iterator found) {
    if (found == entries_.end()) return test::said(request, VenueReplyKind::absent);
    return word_of(found->second, found->second.end);
  }

  /// Of one that filled whole, an ack that says so.
  static VenueReply word_of(const Entry& entry, VenueReplyKind kind) {
    VenueReply reply = test::said(entry.asked, kind == VenueReplyKind::fill ? VenueReplyKind::ack : kind);
    reply.price_ticks = entry.price;
    reply.size_units = entry.total;
    reply.cumulative_units = entry.filled;
    return reply;
  }

  void fill(Entry& entry, std::int64_t most) {
    const std::int64_t size = dice_.roll(0, most / 10) * 10;
    if (size == 0) return;
    entry.filled += size;
    position_ += entry.asked.side == code(Side::bid) ? size : -size;
    if (entry.filled == entry.total) entry.end = VenueReplyKind::fill;
    fills_.push_back(test::traded(entry.asked, ++trade_id_, size, entry.price));
  }

  test::Dice& dice_;
  std::map<std::uint64_t, Entry> entries_;
  std::set<std::uint64_t> placed_;
  std::vector<Word> words_;
  std::map<std::uint64_t, int> requests_;
  std::vector<VenueReply> fills_;
  std::uint64_t trade_id_ = 0;
  std::int64_t position_ = 0;
  bool is_reliable_ = false;
  bool is_placed_twice_ = false;
};

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : dice_(seed), venue_(dice_), desk_(config_of(seed)) {}

  void live(int events) {
    for (int event = 0; event < events; ++event) {
      act();
      settle();
      CHECK_FALSE(is_over_counted());
    }
  }

  /// Nothing new is wished, and the venue answers everything.
  void come_to_rest() {
    venue_.become_reliable();
    desk_.command(TradingOp::halt);
    for (int round = 0; round < 200 && (venue_.has_news() || !desk_.trader.orders().live().empty());
         ++round) {
      while (const auto reply = venue_.next()) desk_.hear(*reply);
      desk_.step_after(31 * second_ns);
      settle();
    }
  }

  void check_end() const {
    CHECK(desk_.trader.orders().live().empty());
    CHECK(desk_.trader.position(0).units.value == venue_.position());
    CHECK_FALSE(venue_.was_placed_twice());
    for (const auto& [id, entry] : venue_.entries()) {
      CAPTURE(id);
      const Order& order = ended_.at(id);
      CHECK(order.filled.value == entry.filled);
      CHECK((order.state == OrderState::filled) == (entry.end == VenueReplyKind::fill));
      CHECK(order.state != OrderState::rejected);
    }
    for (const auto& [id, order] : ended_) {
      CAPTURE(id);
      if (!venue_.entries().contains(id)) CHECK(order.state == OrderState::rejected);
    }
  }

 private:
  static TraderConfig config_of(std::uint64_t seed) {
    TraderConfig config = test::live_config();
    config.execution.has_amend = seed % 2 == 0;
    config.strategies[0].slicing.style = static_cast<ExecutionStyle>(seed % 3);
    config.slots[0].terms.max_position = SizeUnits{300};
    config.slots[0].terms.short_max = SizeUnits{300};
    return config;
  }

  void act() {
    switch (dice_.roll(0, 5)) {
      case 0:
        desk_.target(0, dice_.roll(-20, 20) * 10);
        break;
      case 1:
        desk_.bid(1, dice_.roll(9'990, 9'998), dice_.roll(0, 10) * 10);
        break;
      case 2:
        desk_.ask(1, dice_.roll(10'002, 10'010), dice_.roll(0, 10) * 10);
        break;
      case 3:
        desk_.step_after(dice_.roll(1, 20) * test::step_ns);
        break;
      case 4:
        venue_.trade();
        break;
      default:
        if (const auto reply = venue_.next()) desk_.hear(*reply);
    }
  }

  void settle() {
    for (const OrderRequestRecord& request : desk_.out.orders) venue_.take(request);
    for (const OrderEventRecord& event : desk_.out.order_events) {
      if (event.state_to == code(OrderState::refused)) continue;
      Order& order = ended_[event.client_order_id];
      order.state = static_cast<OrderState>(event.state_to);
      order.filled = SizeUnits{event.filled_units};
    }
    desk_.forget_outputs();
  }

  /// Could the venue come to hold more than our worst case, or than the limit?
  [[nodiscard]] bool is_over_counted() const {
    const InFlight in_flight = desk_.trader.orders().in_flight(0);
    const std::int64_t held = desk_.trader.position(0).units.value;
    const bool is_long = venue_.worst(Side::bid) > held + in_flight.buys.value;
    const bool is_short = venue_.worst(Side::ask) < held - in_flight.sells.value;
    return is_long || is_short || std::abs(venue_.position()) > 300;
  }

  test::Dice dice_;
  Venue venue_;
  test::LiveDesk desk_;
  std::map<std::uint64_t, Order> ended_;
};

}  // namespace

TEST_CASE("after any session at a venue that loses, repeats and delays, both sides agree") {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    Walk walk(seed);
    walk.live(2'000);
    walk.come_to_rest();
    walk.check_end();
  }
}
