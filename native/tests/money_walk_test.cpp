// A long day from a seed: live engine and backtest side by side over generated markets, every strategy
// trading. After every event the money balances to the last unit, no limit is exceeded, and both have done
// the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "generated_markets.hpp"
#include "lob/backtest.hpp"
#include "lob/money.hpp"
#include "lob/risk.hpp"

using namespace lob;
using namespace lob::walk_test;

namespace {

/// Books fills and fundings by itself, from the records alone.
struct Ledger {
  std::array<Int128, slot_count> cash{};
  std::array<std::int64_t, slot_count> units{};
  std::uint64_t fills = 0;
  std::uint64_t fundings = 0;
  std::uint64_t orders = 0;

  void read(const FillRecord& fill) {
    const bool is_buy = fill.side == 0;
    const Int128 paid = Int128{fill.price_ticks} * fill.size_units;
    cash[fill.instrument] -= (is_buy ? paid : -paid) + fill.fee_quote_units;
    units[fill.instrument] += is_buy ? fill.size_units : -fill.size_units;
    ++fills;
  }
  void read(const FundingRecord& funding) {
    cash[funding.instrument] -= funding.paid_quote_units;
    ++fundings;
  }
};

/// What one input added to the outputs.
struct News {
  std::span<const OrderRequestRecord> orders;
  std::span<const FillRecord> fills;
  std::span<const FundingRecord> funding;
};

/// Cuts the outputs of a lane into what each input added.
class NewsReader {
 public:
  News read(const TradingOutputs& out) {
    return {next(out.orders, orders_), next(out.fills, fills_), next(out.funding, funding_)};
  }
  void forget() { orders_ = fills_ = funding_ = 0; }

 private:
  template <class T>
  static std::span<const T> next(const std::vector<T>& rows, std::size_t& seen) {
    const std::span<const T> fresh = std::span(rows).subspan(seen);
    seen = rows.size();
    return fresh;
  }
  std::size_t orders_ = 0;
  std::size_t fills_ = 0;
  std::size_t funding_ = 0;
};

void check_balance(const Trader& trader, const Ledger& ledger) {
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const Position& held = trader.position(slot);
    REQUIRE(held.units.value == ledger.units[slot]);
    const Int128 value = floor_div(Int128{held.units.value} * held.mid_x2_ticks, 2);
    const Int128 equity = Int128{held.realised_quote_units} + unrealised_quote_units(held) -
                          held.fees_quote_units - held.funding_quote_units;
    REQUIRE((ledger.cash[slot] + value == equity));
    // Strategies own the account's position, less than what a closing order has closed.
    Int128 owned = 0;
    for (std::size_t strategy = 0; strategy < trader.config().strategies.size(); ++strategy)
      owned += trader.own_position(strategy, slot).value;
    REQUIRE((owned == held.units.value));
  }
}

/// Positions that are ours or may become ours, and what they are worth at the worst.
struct Exposed {
  std::array<InFlight, slot_count> in_flight{};
  WorstExposure worst(const Trader& trader) const {
    WorstExposure sum;
    for (std::size_t slot = 0; slot < slot_count; ++slot) {
      const Position& held = trader.position(slot);
      sum += worst_exposure(held.units, in_flight[slot].buys.value, in_flight[slot].sells.value,
                            held.mid_x2_ticks, trader.config().slots[slot].terms.quote_unit_e18);
    }
    return sum;
  }
};

void check_positions(const Trader& trader) {
  for (std::size_t slot = 0; slot < slot_count; ++slot) {
    const SlotTerms& terms = trader.config().slots[slot].terms;
    REQUIRE(trader.position(slot).units <= terms.max_position);
    REQUIRE(-terms.short_max <= trader.position(slot).units);
  }
}

/// The orders of one input, newest first: each as it stood when it was judged, before those that came after
/// it.
void check_orders(const Trader& trader, std::span<const OrderRequestRecord> orders) {
  const TraderConfig& config = trader.config();
  Exposed exposed;
  for (std::size_t slot = 0; slot < slot_count; ++slot)
    exposed.in_flight[slot] = trader.orders().in_flight(slot);
  for (auto order = orders.rbegin(); order != orders.rend(); ++order) {
    if (order->kind != 0) continue;
    const TraderSlot& terms = config.slots[order->instrument];
    const SizeUnits size{order->size_units};
    REQUIRE(size <= terms.max_order_size);
    REQUIRE(size.value % terms.terms.lot.value == 0);
    const bool is_buy = order->side == 0;
    InFlight& in_flight = exposed.in_flight[order->instrument];
    SizeUnits& side = is_buy ? in_flight.buys : in_flight.sells;
    const SizeUnits held = trader.position(order->instrument).units;
    const SizeUnits after = side + (is_buy ? held : -held);
    REQUIRE(after <= (is_buy ? terms.terms.max_position : terms.terms.short_max));
    if (after.value > 0) {  // It opens: the exposure limits are asked too.
      const WorstExposure worst = exposed.worst(trader);
      REQUIRE(((is_buy ? worst.long_e8 : -worst.short_e8) <= config.risk.net_exposure_e8));
      REQUIRE((worst.gross_e8 <= config.risk.gross_exposure_e8));
    }
    side -= size;
  }
}

void check_same(const TradingOutputs& live, const TradingOutputs& again) {
  REQUIRE(test::bytes_of(live.order_events) == test::bytes_of(again.order_events));
  REQUIRE(test::bytes_of(live.fills) == test::bytes_of(again.fills));
  REQUIRE(test::bytes_of(live.funding) == test::bytes_of(again.funding));
  REQUIRE(test::bytes_of(live.positions) == test::bytes_of(again.positions));
}

/// Live engine and backtest on one market; what they did since the last turn is checked record by record.
class Pair {
 public:
  explicit Pair(std::uint64_t seed) : markets_(session_, seed) {}

  void turn() {
    markets_.turn();
    RecordReader reader(session_.journal);
    for (std::size_t begin = 0; reader.next(); begin = reader.offset())
      hear(Bytes(session_.journal).subspan(begin, reader.offset() - begin));
    check_same(session_.engine.outputs().trading, lane_.outputs().trading);
    session_.forget();
    lane_.forget_outputs();
    news_.forget();
  }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] LaneSummary summary() const { return lane_.summary(); }

 private:
  void hear(Bytes record) {
    REQUIRE(backtest_.process(record).records == 1);
    const News news = news_.read(lane_.outputs().trading);
    for (const FillRecord& fill : news.fills) ledger_.read(fill);
    for (const FundingRecord& funding : news.funding) ledger_.read(funding);
    ledger_.orders += news.orders.size();
    check_balance(lane_.trader(), ledger_);
    check_positions(lane_.trader());
    check_orders(lane_.trader(), news.orders);
  }

  session_test::LiveSession session_{settings};
  Backtest backtest_{settings, std::vector<std::string>{settings}};
  Lane& lane_ = backtest_.lane(0);
  GeneratedMarkets markets_;
  Ledger ledger_;
  NewsReader news_;
};

void walk(std::uint64_t seed, int events) {
  Pair pair(seed);
  for (int event = 0; event < events; ++event) {
    CAPTURE(event);
    pair.turn();
  }
  const Ledger& ledger = pair.ledger();
  const LaneSummary row = pair.summary();
  MESSAGE(events << " events: " << ledger.orders << " requests, " << ledger.fills << " fills, "
                 << ledger.fundings << " fundings, " << row.refused << " refused");
  CHECK(row.fills == ledger.fills);
  CHECK(row.maker_fills > static_cast<std::uint64_t>(events / 1'000));
  CHECK(row.refused > 0);
  CHECK(ledger.fundings > 0);
}

}  // namespace

TEST_CASE("after every event of a long day money balances to the unit and no limit is exceeded") {
  walk(1, 50'000);
}

TEST_CASE("torture: a million events of it" * doctest::skip(std::getenv("LOB_TORTURE") == nullptr)) {
  walk(2, 1'000'000);
}
