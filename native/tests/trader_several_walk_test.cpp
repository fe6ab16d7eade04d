// Random days of all strategies on one trader: whose what is, what may be held, what it is worth, and a
// checkpoint in the middle.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "lob/money.hpp"
#include "strategy_fixture.hpp"

using namespace lob;
using test::code;

namespace {

TraderSlot slot_of(const SlotTerms& terms) {
  TraderSlot slot;
  slot.terms = terms;
  slot.max_order_size = SizeUnits{200};
  slot.slippage_cap_ticks = 2;
  slot.flatten_cap_ticks = 5;
  return slot;
}

/// Spot on two venues and a perpetual of one base asset, and a mask between them.
TraderConfig everything() {
  const SignalConfig signal{.horizon_step = 2, .cost_multiple = 1.0, .edge_bps = 0.2, .exit_bps = 0.1};
  TraderConfig config = test::two_slots_and_a_mask();
  config.strategies = {
      test::config_of(StrategyKind::forecast,
                      ForecastSettings{.signal = signal, .style = OrderStyle::automatic}),
      test::config_of(StrategyKind::market_making,
                      MarketMakingSettings{.use_forecast = true, .horizon_step = 2, .requote_ticks = 2}),
      test::config_of(StrategyKind::market_making, MarketMakingSettings{.min_half_width_bps = 2.0}),
      test::config_of(StrategyKind::arbitrage, ArbitrageSettings{.edge_bps = 1.0, .exit_bps = 2.0}),
      test::config_of(
          StrategyKind::basis,
          BasisSettings{.entry_bps = 1.0, .exit_bps = 1.0, .half_life_steps = 50.0, .samples_min = 10})};
  config.slots = {slot_of(test::spot_terms(4)), TraderSlot{}, slot_of(test::spot_terms(9)),
                  slot_of(test::perpetual_terms(2))};
  config.slots[0].terms.short_max = SizeUnits{120};
  config.slots[2].terms.venue = Venue::bybit_spot;
  config.risk.net_exposure_e8 = 4'000'000'000;
  config.risk.gross_exposure_e8 = 6'000'000'000;
  config.risk.orders_max = 40;
  config.watch.stop_loss_share_e8 = 300'000;
  config.watch.drawdown_e8 = 500'000'000;
  config.watch.cool_down_ns = 5 * test::step_ns;
  return config;
}

constexpr std::size_t slot_count = 4;
constexpr std::array<std::size_t, 3> traded{0, 2, 3};

class SeveralDay {
 public:
  /// An unruly venue tells replies late, twice and out of order: a fill may come after the order's end.
  SeveralDay(std::uint64_t seed, bool is_unruly)
      : dice_(seed), is_unruly_(is_unruly), trader_(std::make_unique<Trader>(everything())) {
    for (const TraderSlot& slot : trader_->config().slots) terms_.push_back(slot.terms);
    cross_ = std::make_unique<CrossMarket>(CrossMarketConfig{.samples_min = 5}, terms_);
    out_.arena = &arena_;
  }

  void turn() {
    ts_ns_ += test::step_ns / 4;
    drift();
    const std::int64_t what = dice_.roll(0, 99);
    if (what < 20)
      forecast();
    else if (what < 70)
      answer();
    else if (what < 95)
      step();
    else if (what < 98)
      trader_->on_fact(Fact::drift_level, dice_.roll(0, 2) / 2);
    else
      command();
    for (; seen_ < out_.orders.size(); ++seen_) react(out_.orders[seen_]);
  }
  void reload() {
    const std::string bytes = saved();
    trader_ = std::make_unique<Trader>(everything());
    ByteReader reader(bytes);
    REQUIRE(trader_->load(reader));
    REQUIRE(reader.is_at_end());
  }
  [[nodiscard]] std::string saved() const {
    ByteWriter writer;
    trader_->save(writer);
    return writer.take();
  }
  [[nodiscard]] std::string told() const { return test::bytes_of(out_); }
  [[nodiscard]] const Trader& trader() const { return *trader_; }
  [[nodiscard]] std::size_t quotes_sent() const {
    return static_cast<std::size_t>(std::count_if(
        out_.orders.begin(), out_.orders.end(),
        [](const auto& order) { return order.kind == 0 && order.purpose == code(OrderPurpose::quote); }));
  }
  void add_traded(std::set<std::uint8_t>& strategies) const {
    for (const FillRecord& fill : out_.fills) strategies.insert(fill.strategy);
  }

  void check_sums() const {
    for (const std::size_t slot : traded) {
      const Position& held = trader_->position(slot);
      SizeUnits own{0};
      for (std::size_t i = 0; i < trader_->config().strategies.size(); ++i)
        own += trader_->own_position(i, slot);
      REQUIRE(own == held.units);
      REQUIRE(held.units.value == units_[slot]);
      const Int128 told = static_cast<Int128>(held.realised_quote_units) + unrealised_quote_units(held) -
                          held.fees_quote_units - held.funding_quote_units;
      const Int128 value = floor_div(static_cast<Int128>(units_[slot]) * held.mid_x2_ticks, 2);
      REQUIRE(bool(told == cash_[slot] + value));
    }
  }
  /// With everything filled that is under way.
  void check_limits() const {
    for (const std::size_t slot : traded) {
      const SizeUnits held = trader_->position(slot).units;
      const InFlight in_flight = trader_->orders().in_flight(slot);
      REQUIRE(held + in_flight.buys <= terms_[slot].max_position);
      REQUIRE(held - in_flight.sells >= -std::min(terms_[slot].max_position, terms_[slot].short_max));
    }
  }

 private:
  void drift() {
    for (const std::size_t slot : traded) {
      mids_[slot] += dice_.roll(-3, 3) + (mids_[slot] > 10'010 ? -2 : 0) + (mids_[slot] < 9'990 ? 2 : 0);
      const std::int64_t bid = mids_[slot] - dice_.roll(1, 2);
      const std::int64_t ask = mids_[slot] + 1;
      markets_[slot] = test::book_of({{bid, dice_.roll(1, 80)}, {bid - 2, 400}},
                                     {{ask, dice_.roll(1, 80)}, {ask + 2, 400}});
      markets_[slot].top.is_valid = dice_.roll(0, 19) != 0;
      markets_[slot].ts_last_update_ns = ts_ns_;
    }
  }
  [[nodiscard]] MarketView view() const {
    return {.ts_ns = ts_ns_, .slots = markets_, .cross_market = cross_.get()};
  }
  void forecast() {
    std::vector<float> bps;
    for (std::size_t slot = 0; slot < slot_count; ++slot)
      bps.push_back(static_cast<float>(dice_.roll(-60, 60)) / 8.0F);
    const std::vector<float> values = test::forecast_of(bps);
    const ForecastView seen{.values = values, .horizon_steps = test::horizon_steps, .slot_count = slot_count};
    REQUIRE(trader_->on_forecast(++seq_, ts_ns_, ts_ns_, 1, seen, view(), out_) == TraderError::none);
  }
  void step() {
    cross_->on_step(ts_ns_, view());
    trader_->on_step(++seq_, ts_ns_, view(), out_);
  }
  void command() {
    const auto op = static_cast<TradingOp>(dice_.roll(0, 2));
    trader_->on_command(++seq_, ts_ns_, dice_.roll(0, 2) == 0 ? op : TradingOp::resume,
                        TradingTrigger::operator_, "test", out_);
  }
  /// What the venue will say of a request: an immediate order ends, a quote rests until it is cancelled.
  void react(const OrderRequestRecord& order) {
    if (order.kind == 1) {
      waiting_.push_back(test::reply_of(order, SimReplyKind::cancelled));
      return;
    }
    if (dice_.roll(0, 9) == 0) return waiting_.push_back(test::reply_of(order, SimReplyKind::rejected));
    waiting_.push_back(test::reply_of(order, SimReplyKind::ack));
    std::int64_t left = order.size_units;
    while (left > 0 && dice_.roll(0, 2) != 0) {
      const std::int64_t size = std::min<std::int64_t>(left, 10 * dice_.roll(1, 6));
      waiting_.push_back(test::fill_of(order, ++trade_id_, size, order.price_ticks, dice_.roll(-2, 9)));
      left -= size;
    }
    const bool may_rest = order.time_in_force != code(TimeInForce::ioc);
    if (left > 0 && !may_rest) waiting_.push_back(test::reply_of(order, SimReplyKind::expired));
  }
  void answer() {
    if (waiting_.empty()) return;
    const std::int64_t late = is_unruly_ ? std::min<std::int64_t>(3, std::ssize(waiting_) - 1) : 0;
    const auto at = waiting_.begin() + dice_.roll(0, late);
    const SimReply reply = *at;
    if (!is_unruly_ || dice_.roll(0, 4) != 0) waiting_.erase(at);  // Else it comes again.
    trader_->on_reply(++seq_, ts_ns_, reply, out_);
    if (reply.kind != code(SimReplyKind::fill) || !booked_.insert(reply.trade_id).second) return;
    std::size_t slot = 0;
    while (terms_[slot].instrument != reply.instrument) ++slot;
    const std::int64_t sign = reply.side == 0 ? 1 : -1;
    units_[slot] += sign * reply.size_units;
    cash_[slot] -= sign * reply.size_units * reply.price_ticks + reply.fee_quote_units;
  }

  test::Dice dice_;
  bool is_unruly_;
  std::unique_ptr<Trader> trader_;
  std::vector<SlotTerms> terms_;
  std::unique_ptr<CrossMarket> cross_;
  std::string arena_;
  TradingOutputs out_;
  std::vector<SlotMarket> markets_{slot_count};
  std::array<std::int64_t, slot_count> mids_{10'000, 0, 10'000, 10'000};
  std::vector<SimReply> waiting_;
  std::set<std::uint64_t> booked_;
  std::size_t seen_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t trade_id_ = 0;
  TsNs ts_ns_ = 1'000 * test::step_ns;
  std::array<Int128, slot_count> cash_{};
  std::array<std::int64_t, slot_count> units_{};
};

}  // namespace

TEST_CASE(
    "several strategies at once: their positions are the account's and cash balances after every event") {
  for (const bool is_unruly : {false, true}) {
    std::size_t quotes = 0;
    std::uint64_t fills = 0;
    std::set<std::uint8_t> has_traded;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      CAPTURE(seed);
      SeveralDay day(seed, is_unruly);
      for (int turn = 0; turn < 2'500; ++turn) {
        day.turn();
        day.check_sums();
        if (!is_unruly) day.check_limits();
      }
      fills += day.trader().counters().fills;
      quotes += day.quotes_sent();
      day.add_traded(has_traded);
    }
    CHECK(fills > 300);  // Else the days were too quiet to prove anything.
    CHECK(quotes > 200);
    CHECK(has_traded == std::set<std::uint8_t>{0, 1, 2, 3, 4, no_strategy});
  }
}

TEST_CASE("several strategies continued from a checkpoint give the bytes of those that never stopped") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (const bool is_unruly : {false, true}) {
      SeveralDay whole(seed, is_unruly);
      SeveralDay torn(seed, is_unruly);
      for (int turn = 0; turn < 1'200; ++turn) {
        whole.turn();
        torn.turn();
        if (turn % 200 == 150) torn.reload();
      }
      CHECK(torn.told() == whole.told());
      CHECK(torn.saved() == whole.saved());
    }
  }
}
