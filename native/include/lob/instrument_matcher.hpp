// Simulated matching of one instrument against its recorded book and trades.
//
// Theory of operation. The market goes on as recorded, whatever we do; so we may take only what was
// really there, and nothing twice:
// - a taker walks the visible levels from the touch to its limit; what it took of a level stays taken
//   until the venue reports another size at that price;
// - a resting order fills only from public trades of the other side: one at its price after the queue
//   that stood there when it came, one through its price at once; all our fills of one trade together are
//   never more than the trade;
// - the queue ahead shrinks by trades alone. Cancels ahead of us are not credited: depth and trades come
//   on different streams, and a level that shrank before its trade is printed would count twice. This is
//   the pessimistic queue model. Beyond the book's known depth the queue counts as endless;
// - every fill is a multiple of the lot (recorded sizes may be finer), its fee rounded against us.
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

struct MatcherTerms {
  InstrumentId instrument = no_instrument;
  SizeUnits lot;
  std::int64_t maker_fee_e8 = 0;
  std::int64_t taker_fee_e8 = 0;
};

class InstrumentMatcher {
 public:
  explicit InstrumentMatcher(const MatcherTerms& terms) noexcept : terms_(terms) {}

  /// Takes a placement or a cancel at its arrival; `book` is null while the venue's book is not known.
  void on_request(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
                  std::vector<SimReply>& out);
  /// Frees what was taken from levels that the venue has updated since.
  void on_book(const OrderBook& book);
  /// Fills resting orders. One print reported on two streams (`trade`, `aggTrade`) or twice counts once.
  void on_trade(const TradeEvent& trade, TsNs ts_ns, std::vector<SimReply>& out);

  [[nodiscard]] std::size_t resting_count() const noexcept { return resting_.size(); }

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
  };
  struct Taken {
    SizeUnits taken;
    SizeUnits visible;  ///< what the level showed when it was taken from
  };

  void place(const OrderRequestRecord& request, const OrderBook* book, TsNs ts_ns,
             std::vector<SimReply>& out);
  void cancel(const OrderRequestRecord& request, TsNs ts_ns, std::vector<SimReply>& out);
  [[nodiscard]] SimReason refusal(const OrderRequestRecord& request, const OrderBook* book) const;
  /// Walks the levels; returns what was filled.
  SizeUnits take(const OrderRequestRecord& request, const OrderBook& book, TsNs ts_ns,
                 std::vector<SimReply>& out);
  SizeUnits take_level(Side book_side, const Level& level, SizeUnits wanted);
  void fill_resting(Resting& order, SizeUnits size, TsNs ts_ns, std::vector<SimReply>& out);
  [[nodiscard]] bool is_news(const TradeEvent& trade);
  [[nodiscard]] SimReply fill(std::uint64_t client_order_id, Side side, PriceTicks price, SizeUnits size,
                              std::int64_t fee_e8);
  [[nodiscard]] SizeUnits whole_lots(SizeUnits size) const noexcept;
  [[nodiscard]] std::map<PriceTicks, Taken>& taken(Side side) noexcept { return taken_[index(side)]; }

  MatcherTerms terms_;
  std::uint64_t last_trade_id_ = 0;
  std::vector<Resting> resting_;  // In order of arrival.
  std::map<PriceTicks, Taken> taken_[side_count];
  std::map<std::uint32_t, std::uint32_t> last_counter_by_tag_;
  std::optional<bool> is_aggregate_;  // Kind of public trades that counts: the first one seen.
  std::int64_t last_public_trade_id_ = no_id;
  std::vector<Level> levels_;  // Scratch of `take`.
};

}  // namespace lob
