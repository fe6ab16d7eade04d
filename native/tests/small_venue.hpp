// One matcher over a small book, driven by hand.
#pragma once

#include <initializer_list>
#include <vector>

#include "lob/instrument_matcher.hpp"
#include "trading_fixture.hpp"

namespace lob::test {

inline constexpr MatcherTerms terms{
    .instrument = 4, .lot = SizeUnits{10}, .maker_fee_e8 = 20'000, .taker_fee_e8 = 50'000};
inline constexpr TsNs ts_ns = 1'000;
inline constexpr std::uint8_t gtc = 0;
inline constexpr std::uint8_t ioc = 1;

/// A venue of one instrument: bids 99 (50), 98 (80); asks 101 (50), 102 (80).
struct SmallVenue {
  InstrumentMatcher matcher{terms};
  OrderBook book;
  std::vector<SimReply> said;
  std::uint64_t order_count = 0;
  std::int64_t trade_count = 0;

  SmallVenue() {
    set(Side::bid, 99, 50);
    set(Side::bid, 98, 80);
    set(Side::ask, 101, 50);
    set(Side::ask, 102, 80);
  }
  void set(Side side, std::int64_t price, std::int64_t size) {
    book.apply(side, PriceTicks{price}, SizeUnits{size});
    matcher.on_book(book, ts_ns, said);
  }
  /// A book update of the recorded market, and what the venue says of it.
  std::vector<SimReply> update(Side side, std::int64_t price, std::int64_t size) {
    said.clear();
    set(side, price, size);
    return said;
  }
  OrderRequestRecord request(Side side, std::int64_t price, std::int64_t size, std::uint8_t time_in_force) {
    OrderRequestRecord order{};
    order.client_order_id = std::uint64_t{run_tag} << 32U | ++order_count;
    order.instrument = terms.instrument;
    order.side = code(side);
    order.price_ticks = price;
    order.size_units = size;
    order.time_in_force = time_in_force;
    return order;
  }
  std::vector<SimReply> send(const OrderRequestRecord& order) {
    said.clear();
    matcher.on_request(order, &book, ts_ns, said);
    return said;
  }
  std::vector<SimReply> place(Side side, std::int64_t price, std::int64_t size, std::uint8_t time_in_force) {
    return send(request(side, price, size, time_in_force));
  }
  std::vector<SimReply> trade(Side aggressor_side, std::int64_t price, std::int64_t size) {
    said.clear();
    TradeEvent trade;
    trade.instrument = terms.instrument;
    trade.trade_id = ++trade_count;
    trade.price = PriceTicks{price};
    trade.size = SizeUnits{size};
    trade.aggressor_side = aggressor_side;
    matcher.on_trade(trade, ts_ns, said);
    return said;
  }
};

inline std::vector<std::uint8_t> kinds(const std::vector<SimReply>& replies) {
  std::vector<std::uint8_t> kinds;
  for (const SimReply& reply : replies) kinds.push_back(reply.kind);
  return kinds;
}

inline std::vector<std::uint8_t> kinds(std::initializer_list<SimReplyKind> replies) {
  std::vector<std::uint8_t> kinds;
  for (const SimReplyKind kind : replies) kinds.push_back(code(kind));
  return kinds;
}

inline std::int64_t filled(const std::vector<SimReply>& replies) {
  std::int64_t sum = 0;
  for (const SimReply& reply : replies) sum += reply.size_units;
  return sum;
}

}  // namespace lob::test
