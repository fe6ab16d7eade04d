// Tiny markets worked out by hand to the last quote unit: what a fill, a queue, a fee and a funding cost.
//
// One USD-M instrument of tick 0.1 and size unit 0.001, so a quote unit is 0.0001 of the quote currency; 2
// bps maker and 5 bps taker unless said otherwise; 1 us each way. Bids 99.9 (0.050), 99.8 (0.080); asks 100.1
// (0.050), 100.2 (0.080), 100.6 (1).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lob/matching.hpp"
#include "lob/positions.hpp"
#include "market_fixture.hpp"
#include "session_fixture.hpp"
#include "trading_fixture.hpp"

using namespace lob;
using test::code;

namespace {

constexpr TsNs hour_ns = 3'600'000'000'000;
constexpr TsNs latency = 1'000;
constexpr std::uint8_t gtc = 0;
constexpr std::uint8_t ioc = 1;

MatchingConfig one_microsecond() {
  MatchingConfig config;
  config.request_latency.median_ns = config.reply_latency.median_ns = latency;
  return config;
}

std::vector<InstrumentSpec> perpetual(std::int64_t maker_fee_e8 = 20'000) {
  return {
      {Venue::binance_usdm, "XUSDT", MarketType::perpetual, "0.1", "0.001", "0.001", maker_fee_e8, 50'000}};
}

const std::vector<SourceSpec> usdm_sources{{Venue::binance_usdm, no_instrument, SourceKind::websocket},
                                           {Venue::binance_usdm, 0, SourceKind::rest_depth}};

/// A venue and the book-keeping of what it tells, on a clock that the test moves.
struct Account {
  SimVenue venue;
  Positions positions{1};
  std::vector<SimReply> told;
  std::uint64_t seq = 0;
  std::uint64_t order_count = 0;
  std::int64_t update_id = 10;
  TsNs ts_ns = 100;

  explicit Account(std::int64_t maker_fee_e8 = 20'000, const MatchingConfig& config = one_microsecond())
      : venue(perpetual(maker_fee_e8), usdm_sources, FeedLimits{}, config) {
    frame(1, testing::snapshot(10, R"([["99.9","0.050"],["99.8","0.080"]])",
                               R"([["100.1","0.050"],["100.2","0.080"],["100.6","1.000"]])"));
    update("[]", "[]");
  }
  void frame(ConnectionId connection, const std::string& text) {
    venue.on_frame(++seq, connection, ts_ns, testing::bytes_of(text));
  }
  void update(std::string_view bids, std::string_view asks) {
    frame(0, testing::usdm_update(update_id, update_id + 1, update_id, bids, asks));
    ++update_id;
  }
  void trade(const std::string& price, const std::string& size, bool is_sell) {
    frame(0, R"({"e":"aggTrade","E":1,"s":"XUSDT","a":)" + std::to_string(++trade_count) + R"(,"p":")" +
                 price + R"(","q":")" + size + R"(","T":1,"m":)" + (is_sell ? "true" : "false") + "}");
  }
  void mark(const std::string& price, const std::string& rate, TsNs ts_next_ns) {
    frame(0, R"({"e":"markPriceUpdate","E":1,"s":"XUSDT","p":")" + price + R"(","i":"1","P":"1","r":")" +
                 rate + R"(","T":)" + std::to_string(ts_next_ns / 1'000'000) + "}");
  }
  OrderRequestRecord request(Side side, std::int64_t price_ticks, std::int64_t size_units,
                             std::uint8_t time_in_force) {
    OrderRequestRecord order{};
    order.client_order_id = std::uint64_t{test::run_tag} << 32U | ++order_count;
    order.side = code(side);
    order.price_ticks = price_ticks;
    order.size_units = size_units;
    order.time_in_force = time_in_force;
    return order;
  }
  /// Sends an order and lets it arrive.
  void place(Side side, std::int64_t price_ticks, std::int64_t size_units, std::uint8_t time_in_force) {
    venue.submit(request(side, price_ticks, size_units, time_in_force), ts_ns);
    wait(2 * latency);
  }
  void cancel(std::uint64_t order) {
    OrderRequestRecord request{};
    request.client_order_id = std::uint64_t{test::run_tag} << 32U | order;
    request.kind = 1;
    venue.submit(request, ts_ns);
    wait(2 * latency);
  }
  /// Moves the clock and books what reaches us.
  void wait(TsNs span_ns) {
    ts_ns += span_ns;
    std::vector<TimedReply> replies;
    venue.due(ts_ns, replies);
    for (const TimedReply& due : replies) book(due.reply);
  }
  void book(const SimReply& reply) {
    told.push_back(reply);
    if (reply.kind == code(SimReplyKind::fill)) {
      const PositionFill fill{static_cast<Side>(reply.side), PriceTicks{reply.price_ticks},
                              SizeUnits{reply.size_units}, reply.fee_quote_units, reply.trade_id};
      REQUIRE(positions.apply(0, fill) == FillOutcome::applied);
    }
    if (reply.kind == code(SimReplyKind::funding))
      REQUIRE(positions.apply_funding(0, reply.fee_quote_units, reply.trade_id) == FillOutcome::applied);
  }
  const Position& position() {
    const OrderBook& book = venue.market().book(0);
    const std::optional<Level> bid = book.best(Side::bid);
    const std::optional<Level> ask = book.best(Side::ask);
    REQUIRE((bid && ask));
    positions.mark(0, {bid->price, ask->price, true});
    return positions.at(0);
  }
  std::int64_t equity() {
    const Position& held = position();
    return held.realised_quote_units + unrealised_quote_units(held) - held.fees_quote_units -
           held.funding_quote_units;
  }
  std::vector<SimReply> of_kind(SimReplyKind kind) const {
    std::vector<SimReply> out;
    for (const SimReply& reply : told) {
      if (reply.kind == code(kind)) out.push_back(reply);
    }
    return out;
  }
  std::int64_t trade_count = 0;
};

}  // namespace

TEST_CASE("a taker over two levels pays both prices and two fees") {
  Account account;
  account.place(Side::bid, 1'002, 100, ioc);

  const auto fills = account.of_kind(SimReplyKind::fill);
  REQUIRE(fills.size() == 2);
  CHECK(fills[0].fee_quote_units == 26);  // 50 x 1001 = 50050; x 5 bps = 25.025
  CHECK(fills[1].fee_quote_units == 26);  // 50 x 1002 = 50100; x 5 bps = 25.05
  CHECK(account.position().cost_quote_units == 100'150);
  // The mid is (999 + 1001) / 2 = 1000: 100 x 1000 - 100150 = -150, less fees of 52.
  CHECK(account.equity() == -202);
}

TEST_CASE("a maker waits for the queue that stood before it, is filled in part, and cancels the rest") {
  Account account;
  account.place(Side::bid, 999, 30, gtc);  // 50 ahead
  account.trade("99.9", "0.060", true);    // 50 of the queue, 10 of ours
  account.trade("99.9", "0.015", true);    // 15 of ours
  account.wait(latency);
  account.cancel(1);
  account.trade("99.9", "0.100", true);
  account.wait(latency);

  const auto fills = account.of_kind(SimReplyKind::fill);
  REQUIRE(fills.size() == 2);
  CHECK(fills[0].size_units == 10);
  CHECK(fills[0].fee_quote_units == 2);  // 10 x 999 = 9990; x 2 bps = 1.998
  CHECK(fills[1].size_units == 15);
  CHECK(fills[1].fee_quote_units == 3);  // 15 x 999 = 14985; x 2 bps = 2.997
  REQUIRE(account.of_kind(SimReplyKind::cancelled).size() == 1);
  CHECK(account.of_kind(SimReplyKind::cancelled)[0].cumulative_units == 25);
  // 25 x 1000 - 25 x 999 = 25, less fees of 5.
  CHECK(account.equity() == 20);
}

TEST_CASE("a trade through our price fills us at our price, queue or not") {
  Account account;
  account.place(Side::bid, 999, 30, gtc);
  account.trade("99.8", "0.100", true);
  account.wait(latency);

  const auto fills = account.of_kind(SimReplyKind::fill);
  REQUIRE(fills.size() == 1);
  CHECK(fills[0].price_ticks == 999);
  CHECK(fills[0].size_units == 30);
  CHECK(fills[0].fee_quote_units == 6);  // 30 x 999 = 29970; x 2 bps = 5.994
  CHECK(account.equity() == 24);         // 30 x (1000 - 999) - 6
}

TEST_CASE("a buy and a sale of the same leave the difference less both fees, exactly") {
  Account account;
  account.place(Side::bid, 1'001, 50, ioc);  // 50 x 1001 = 50050; fee 25.025, so 26
  account.update(R"([["100.4","0.030"]])", R"([["100.1","0"],["100.2","0"]])");
  account.place(Side::ask, 1'003, 40, ioc);  // 30 at 1004; 10 left expire, since 999 is below the limit

  const auto fills = account.of_kind(SimReplyKind::fill);
  REQUIRE(fills.size() == 2);
  CHECK(fills[1].size_units == 30);
  CHECK(fills[1].fee_quote_units == 16);  // 30 x 1004 = 30120; x 5 bps = 15.06
  CHECK(account.of_kind(SimReplyKind::expired).size() == 1);
  const Position& held = account.position();
  CHECK(held.realised_quote_units == 90);      // 30 x (1004 - 1001)
  CHECK(held.cost_quote_units == 20 * 1'001);  // of the 20 left
  // The mid is 1005: 20 x (1005 - 1001) = 80; 90 + 80 - 42.
  CHECK(account.equity() == 128);
}

TEST_CASE("a rebate is rounded against us too") {
  Account account(-5'000);  // we are paid half a bps
  account.place(Side::bid, 1'000, 100, gtc);
  account.trade("100.0", "0.010", true);
  account.trade("100.0", "0.090", true);
  account.wait(latency);

  const auto fills = account.of_kind(SimReplyKind::fill);
  REQUIRE(fills.size() == 2);
  CHECK(fills[0].fee_quote_units == 0);   // 10 x 1000 x -0.5 bps = -0.5, and the half is lost
  CHECK(fills[1].fee_quote_units == -4);  // 90 x 1000 x -0.5 bps = -4.5
  CHECK(account.equity() == 4);
}

TEST_CASE(
    "a long pays funding when the rate is positive and is paid when it is negative, a short the reverse") {
  struct Case {
    Side side;
    const char* rate;
    std::int64_t paid;
  };
  // 30 units at a mark of 1001: 30030. x 0.0001 = 3.003, x 0.00012345 = 3.7072...
  const std::vector<Case> cases{{Side::bid, "0.00010000", 4},  {Side::bid, "-0.00010000", -3},
                                {Side::ask, "0.00010000", -3}, {Side::ask, "-0.00010000", 4},
                                {Side::bid, "0.00012345", 4},  {Side::ask, "0.00012345", -3},
                                {Side::bid, "0.00000000", 0}};
  for (const Case& one : cases) {
    CAPTURE(one.rate);
    Account account;
    account.mark("100.10", one.rate, 8 * hour_ns);
    account.place(one.side, one.side == Side::bid ? 1'001 : 999, 30, ioc);
    account.wait(8 * hour_ns - account.ts_ns + latency);

    const auto fundings = account.of_kind(SimReplyKind::funding);
    REQUIRE(fundings.size() == 1);
    CHECK(fundings[0].ts_venue_ns == 8 * hour_ns);
    CHECK(fundings[0].fee_quote_units == one.paid);
    CHECK(fundings[0].price_ticks == 1'001);
    CHECK(fundings[0].size_units == (one.side == Side::bid ? 30 : -30));
    CHECK(account.position().funding_quote_units == one.paid);
  }
}

TEST_CASE("funding is charged once a funding time, on what was held then, at the mark heard before") {
  Account account;
  account.mark("100.10", "0.0001", 8 * hour_ns);
  account.ts_ns = 7 * hour_ns;
  account.mark("101.04", "0.0002", 8 * hour_ns);  // to the nearest tick: 1010
  account.place(Side::bid, 1'001, 30, ioc);
  account.ts_ns = 8 * hour_ns + 5;
  account.mark("200.00", "0.9", 8 * hour_ns);  // late news of the same time changes nothing
  account.wait(latency);
  REQUIRE(account.of_kind(SimReplyKind::funding).size() == 1);
  CHECK(account.of_kind(SimReplyKind::funding)[0].fee_quote_units == 7);  // 30 x 1010 x 0.0002 = 6.06

  account.mark("100.00", "0.0001", 16 * hour_ns);
  account.place(Side::ask, 999, 30, ioc);  // flat before the next time
  account.wait(20 * hour_ns);
  CHECK(account.of_kind(SimReplyKind::funding).size() == 1);
}

TEST_CASE("where no mark was heard, the settings' rate is charged at the mid on multiples of its hours") {
  MatchingConfig config = one_microsecond();
  config.funding = {{.instrument = 0, .rate_e8 = 10'000, .every_ns = 8 * hour_ns}};
  Account account(20'000, config);
  account.ts_ns = 9 * hour_ns;
  account.place(Side::bid, 1'001, 50, ioc);
  account.wait(16 * hour_ns);

  const auto fundings = account.of_kind(SimReplyKind::funding);
  REQUIRE(fundings.size() == 2);
  CHECK(fundings[0].ts_venue_ns == 16 * hour_ns);
  CHECK(fundings[1].ts_venue_ns == 24 * hour_ns);
  CHECK(fundings[0].price_ticks == 1'000);
  CHECK(fundings[0].fee_quote_units == 5);  // 50 x 1000 x 1 bps
}

TEST_CASE("a lane's summary is the sum of what was worked out by hand") {
  using namespace session_test;
  const std::string settings = settings_with_latency(10);
  LiveSession session(settings);
  // Tick 0.1, size unit 0.01, so a quote unit is 0.001 = 100000 x 10^-8; 1 bps taker.
  session.frame(1'050, engine_test::book_frame(true, 10, 100, 101));
  session.timer(1'101);
  session.forecast(1'110, 1'100, 50.0F);  // buys 5 at 1010: 5050, fee 0.505, so 1
  session.timer(1'201);                   // mid 1005: 5 x (1005 - 1010) = -25, less 1: -26
  session.frame(1'250, engine_test::book_frame(true, 11, 103, 104));
  session.timer(1'301);  // mid 1035: 125 - 1 = 124
  session.forecast(1'310, 1'300,
                   -50.0F);  // sells 10 at 1030: 10300, fee 1.03, so 2; 5 x (1030 - 1010) = 100 won
  session.timer(1'401);      // short 5 at 1030, mid 1035: -25; 100 - 25 - 3 = 72

  Backtest backtest(settings, std::vector<std::string>{lane_of(settings, R"(, "sample_steps": 1)")});
  backtest.process(session.journal);
  const LaneSummary row = backtest.summary()[0];
  constexpr std::int64_t unit_e8 = 100'000;
  CHECK(row.orders == 2);
  CHECK(row.fills == 2);
  CHECK(row.submitted_lots == 15);
  CHECK(row.filled_lots == 15);
  CHECK(row.turnover_e8 == (5'050 + 10'300) * unit_e8);
  CHECK(row.fees_e8 == 3 * unit_e8);
  CHECK(row.gross_profit_e8 == (100 - 2) * unit_e8);
  CHECK(row.gross_loss_e8 == 0);
  CHECK(row.winning_closes == 1);
  CHECK(row.realised_e8 == 100 * unit_e8);
  CHECK(row.equity_e8 == 72 * unit_e8);
  CHECK(row.max_drawdown_e8 == (124 - 72) * unit_e8);
  CHECK(row.spread_earned_e8 == -(5 * 5 + 5 * 10) * unit_e8);
  const std::vector<std::int64_t> equity{0, -26 * unit_e8, 124 * unit_e8, 72 * unit_e8};
  CHECK(backtest.lane(0).equity_e8() == equity);
}
