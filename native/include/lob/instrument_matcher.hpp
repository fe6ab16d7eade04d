// Simulated matching of one instrument against its recorded book and trades.
//
// Theory of operation. The market goes on as recorded, whatever we do; so we may take only what was
// really there, and nothing twice:
// - a taker (IOC, market, or a limit that crosses when it comes) walks the visible levels from the touch to
//   its limit; what it took of a level stays taken until the venue reports another size at that price. What
//   is left of a GTC limit rests, what is left of the others expires;
// - a post-only order that would take when it comes is rejected, and never rests at another price;
// - a resting order fills from public trades of the other side: one at its price after the queue ahead of
//   it, one through its price at once; all our fills of one trade together are never more than the trade;
// - it fills as well, at its own price, from what the other side of the book shows at that price or beyond
//   it: whoever rests there now would have met it first. Generated and real books move so without a print;
//   without this rule a maker would miss exactly the fills that go against him;
// - a cancel takes away what has not filled by the time it comes; fills before it stand;
// - an amend states the new price and the new total size, what has filled included. A lesser total at the
//   same price keeps the place in the queue; anything else loses it, and takes what it then reaches. A total
//   not above what has filled, and a post-only order that would then take, are refused: the order stays;
// - fill-or-kill takes all of it at once, or expires having taken nothing;
// - a query of an order that rests is answered by its price, total and fills, of any other by `absent`;
// - every fill is a multiple of the lot (recorded sizes may be finer), its fee rounded against us.
//
// How long the queue ahead of a resting order is (QueueModel):
// - pessimistic: what stood at its price when it came. It shrinks by trades alone: depth and trades come on
//   different streams, and a level that shrank before its trade is printed would count twice. Beyond the
//   book's known depth the queue counts as endless;
// - proportional: besides, what a level loses beyond the trades printed at its price since its last change
//   was cancelled, ahead and behind us alike: ahead -= lost x ahead / level, rounded down. The queue is never
//   longer than the level. A trade that is printed after its level shrank counts in part twice: that errs in
//   our favour. Where a level comes into the known depth, all of it is ahead;
// - front: nobody is ahead. The optimistic bound: no order can fill earlier than by this.
//
// Not simulated: that others react to us; hidden size; that our own orders meet. They never trade with each
// other: a taker walks the recorded book alone, in which ours do not stand, and each resting order has a
// queue of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "lob/byte_io.hpp"
#include "lob/decode/events.hpp"
#include "lob/order_book.hpp"
#include "lob/outputs.hpp"
#include "lob/sim_reply.hpp"
#include "lob/types.hpp"

namespace lob {

enum class QueueModel : std::uint8_t { pessimistic = 0, proportional = 1, front = 2 };

struct MatcherTerms {
  InstrumentId instrument = no_instrument;
  SizeUnits lot;
  std::int64_t maker_fee_e8 = 0;
  std::int64_t taker_fee_e8 = 0;
  QueueModel queue = QueueModel::pessimistic;
};

/// Tells which public trades count: of one print reported on two streams (`trade`, `aggTrade`) or twice, one.
class PrintFilter {
 public:
  [[nodiscard]] bool is_news(const TradeEvent& trade) noexcept;

  void save(ByteWriter& writer) const;
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  std::optional<bool> is_aggregate_;  // Kind of public trades that counts: the first one seen.
  std::int64_t last_trade_id_ = no_id;
};

/// What a perpetual's holders exchange at one moment.
struct FundingTerms {
  PriceTicks mark;
  std::int64_t rate_e8 = 0;  ///< share of the position's value; longs pay when it is positive
};

class InstrumentMatcher {
 public:
  explicit InstrumentMatcher(const MatcherTerms& terms) noexcept : terms_(terms) {}

  /// Takes a request at its arrival; `book` is null while the venue's book is not known. An amend states the
  /// order's own time in force.
  void on_request(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
                  std::vector<SimReply>& out);
  /// Frees what was taken from levels that the venue has updated since, and shortens queues as the model
  /// says.
  /// Fills resting orders that the book has come to.
  void on_book(const OrderBook& book, TsNs ts_ns, std::vector<SimReply>& out);
  /// Fills resting orders. Owes: a print that was told twice is passed on once (see PrintFilter).
  void on_trade(const TradeEvent& trade, TsNs ts_ns, std::vector<SimReply>& out);

  /// Signed sum of our fills.
  [[nodiscard]] SizeUnits position() const noexcept { return position_; }
  /// Charges funding of the venue's time `ts_ns` on the present position.
  void charge_funding(const FundingTerms& funding, TsNs ts_ns, std::vector<SimReply>& out);

  [[nodiscard]] std::size_t resting_count() const noexcept { return resting_.size(); }
  /// Nothing rests and nothing is taken: books and trades tell it nothing.
  [[nodiscard]] bool is_idle() const noexcept {
    return resting_.empty() && taken_[0].empty() && taken_[1].empty();
  }

  void save(ByteWriter& writer) const;
  [[nodiscard]] bool load(ByteReader& reader);

 private:
  struct Resting {
    std::uint64_t client_order_id = 0;
    Side side = Side::bid;
    PriceTicks price;
    SizeUnits size;
    SizeUnits filled;
    SizeUnits queue_ahead;
    SizeUnits level;   ///< what the book showed at its price when it last changed there
    SizeUnits traded;  ///< printed at its price since then
  };
  struct Taken {
    SizeUnits taken;
    SizeUnits visible;  ///< what the level showed when it was taken from
  };

  void place(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
             std::vector<SimReply>& out);
  void cancel(const OrderRequestRecord& request, TsNs ts_ns, std::vector<SimReply>& out);
  void amend(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
             std::vector<SimReply>& out);
  /// Takes the order out of its place and matches it anew.
  void move(const Resting& old, const OrderRequestRecord& request, const OrderBook& book, TsNs ts_ns,
            std::vector<SimReply>& out);
  void query(const OrderRequestRecord& request, TsNs ts_ns, std::vector<SimReply>& out) const;
  [[nodiscard]] SimReason refusal(const OrderRequestRecord& request, const OrderBook* book) const;
  [[nodiscard]] SimReason amend_refusal(const Resting& order, const OrderRequestRecord& request,
                                        const OrderBook* book) const;
  /// Size and price are such as the instrument has; and the other side can be seen, and a post-only order
  /// would not take of it.
  [[nodiscard]] SimReason terms_refusal(const OrderRequestRecord& request, const OrderBook* book) const;
  /// Walks the levels; returns what is filled, `filled` before included.
  SizeUnits take(const OrderRequestRecord& request, const OrderBook& book, SizeUnits filled, TsNs ts_ns,
                 std::vector<SimReply>& out);
  /// Could `take` fill all of it?
  [[nodiscard]] bool can_fill(const OrderRequestRecord& request, const OrderBook& book);
  [[nodiscard]] std::vector<Resting>::iterator find(std::uint64_t client_order_id) noexcept;
  void fill_crossed(Resting& order, const OrderBook& book, TsNs ts_ns, std::vector<SimReply>& out);
  SizeUnits take_level(Side book_side, const Level& level, SizeUnits wanted);
  /// What a level still has for us.
  [[nodiscard]] SizeUnits left_at(Side book_side, const Level& level) const;
  void rest(const OrderRequestRecord& request, const OrderBook& book, SizeUnits filled);
  [[nodiscard]] SizeUnits queue_at_arrival(const OrderBook& book, Side side, PriceTicks price) const;
  static void shorten_queue(Resting& order, const OrderBook& book);
  void fill_resting(Resting& order, SizeUnits size, TsNs ts_ns, std::vector<SimReply>& out);
  [[nodiscard]] SimReply fill(std::uint64_t client_order_id, Side side, PriceTicks price, SizeUnits size,
                              std::int64_t fee_e8);
  [[nodiscard]] SizeUnits whole_lots(SizeUnits size) const noexcept;
  [[nodiscard]] std::map<PriceTicks, Taken>& taken(Side side) noexcept { return taken_[index(side)]; }

  MatcherTerms terms_;
  std::uint64_t last_trade_id_ = 0;
  SizeUnits position_;
  std::vector<Resting> resting_;  // In order of arrival.
  std::map<PriceTicks, Taken> taken_[side_count];
  std::map<std::uint32_t, std::uint32_t> last_counter_by_tag_;
  std::vector<Level> levels_;  // Scratch of `take`.
};

}  // namespace lob
