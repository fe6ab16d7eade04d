// outputs.hpp as numpy dtypes, and the core's enums as names.
#include "bindings.hpp"
#include "lob/features.hpp"
#include "lob/feed.hpp"
#include "lob/instrument.hpp"
#include "lob/orders.hpp"
#include "lob/outputs.hpp"
#include "lob/risk.hpp"
#include "lob/signal.hpp"
#include "lob/strategies.hpp"
#include "lob/trading_state.hpp"
#include "lob/watch.hpp"

namespace lob::python {
namespace {

void register_market_dtypes() {
  PYBIND11_NUMPY_DTYPE(BookUpdateRecord, seq, ts_recv_ns, ts_event_ns, ts_engine_ns, update_id, price_ticks,
                       size_units, instrument, side, is_snapshot);
  PYBIND11_NUMPY_DTYPE(BookSnapshotRecord, seq, ts_recv_ns, update_id, price_ticks, size_units, instrument,
                       level, side);
  PYBIND11_NUMPY_DTYPE(TradeRecord, seq, ts_recv_ns, ts_event_ns, ts_engine_ns, trade_id, price_ticks,
                       size_units, instrument, aggressor_side, is_aggregate);
  PYBIND11_NUMPY_DTYPE(QuoteRecord, seq, ts_recv_ns, ts_event_ns, update_id, bid_price_ticks, bid_size_units,
                       ask_price_ticks, ask_size_units, instrument);
  PYBIND11_NUMPY_DTYPE(FeedEventRecord, seq, ts_recv_ns, update_id, instrument, state_from, state_to,
                       trigger);
  PYBIND11_NUMPY_DTYPE(GapRecord, seq, gap_id, ts_from_ns, ts_to_ns, sequence_from, sequence_to, instrument,
                       levels_touched, cause, repaired_by, is_closed);
  PYBIND11_NUMPY_DTYPE(FeedRequestRecord, seq, ts_recv_ns, instrument, kind);
  PYBIND11_NUMPY_DTYPE(RejectRecord, seq, ts_ns, connection_id, code, text_offset, text_length);
  PYBIND11_NUMPY_DTYPE(GridRecord, seq, ts_step_ns, price_ticks, size_units, features, instrument, is_valid,
                       is_first);
}

void register_trading_dtypes() {
  PYBIND11_NUMPY_DTYPE(DecisionRecord, seq, ts_ns, ts_step_ns, expected_bps, cost_bps, position_units,
                       target_units, client_order_id, instrument, model_id, action, rule, trading_state,
                       strategy);
  PYBIND11_NUMPY_DTYPE(OrderRequestRecord, seq, ts_ns, client_order_id, price_ticks, size_units, ts_step_ns,
                       instrument, model_id, kind, side, type, time_in_force, strategy, purpose,
                       is_reduce_only);
  PYBIND11_NUMPY_DTYPE(OrderEventRecord, seq, ts_ns, client_order_id, price_ticks, size_units, filled_units,
                       ts_step_ns, instrument, model_id, side, state_from, state_to, reason, strategy,
                       purpose, time_in_force, is_venue_reason);
  PYBIND11_NUMPY_DTYPE(FillRecord, seq, ts_ns, client_order_id, trade_id, price_ticks, size_units,
                       fee_quote_units, instrument, side, is_maker, strategy, fee_asset);
  PYBIND11_NUMPY_DTYPE(PositionRecord, seq, ts_ns, position_units, cost_quote_units, realised_quote_units,
                       unrealised_quote_units, fees_quote_units, funding_quote_units, instrument);
  PYBIND11_NUMPY_DTYPE(FundingRecord, seq, ts_ns, ts_funding_ns, trade_id, position_units, mark_price_ticks,
                       rate_e8, paid_quote_units, instrument);
  PYBIND11_NUMPY_DTYPE(EquityRecord, seq, ts_ns, ts_step_ns, equity_e8, realised_e8, unrealised_e8, fees_e8,
                       funding_e8, net_exposure_e8, gross_exposure_e8, quote_group);
  PYBIND11_NUMPY_DTYPE(RiskEventRecord, seq, ts_ns, value, threshold, instrument, rule, action);
  PYBIND11_NUMPY_DTYPE(CrossMarketRecord, seq, ts_step_ns, correlation, lead_correlation, instrument_a,
                       instrument_b, lead_steps);
  PYBIND11_NUMPY_DTYPE(StateEventRecord, seq, ts_ns, text_offset, text_length, state_from, state_to, trigger);
}

py::dict output_dtypes() {
  py::dict dtypes;
  dtypes["book_updates"] = py::dtype::of<BookUpdateRecord>();
  dtypes["book_snapshots"] = py::dtype::of<BookSnapshotRecord>();
  dtypes["trades"] = py::dtype::of<TradeRecord>();
  dtypes["quotes"] = py::dtype::of<QuoteRecord>();
  dtypes["feed_events"] = py::dtype::of<FeedEventRecord>();
  dtypes["gaps"] = py::dtype::of<GapRecord>();
  dtypes["feed_requests"] = py::dtype::of<FeedRequestRecord>();
  dtypes["rejects"] = py::dtype::of<RejectRecord>();
  dtypes["grid"] = py::dtype::of<GridRecord>();
  dtypes["decisions"] = py::dtype::of<DecisionRecord>();
  dtypes["order_requests"] = py::dtype::of<OrderRequestRecord>();
  dtypes["order_events"] = py::dtype::of<OrderEventRecord>();
  dtypes["fills"] = py::dtype::of<FillRecord>();
  dtypes["positions"] = py::dtype::of<PositionRecord>();
  dtypes["state_events"] = py::dtype::of<StateEventRecord>();
  dtypes["funding"] = py::dtype::of<FundingRecord>();
  dtypes["equity"] = py::dtype::of<EquityRecord>();
  dtypes["risk_events"] = py::dtype::of<RiskEventRecord>();
  dtypes["cross_market"] = py::dtype::of<CrossMarketRecord>();
  return dtypes;
}

py::tuple risk_rule_names() {
  py::tuple out(risk_rules().size() + 1);
  out[0] = "none";
  for (const RiskRuleEntry& entry : risk_rules()) {
    out[static_cast<std::size_t>(entry.rule)] = py::str(std::string(entry.name));
  }
  return out;
}

py::tuple watch_rule_names() {
  py::tuple out(watch_rule_count);
  out[0] = "none";
  for (const WatchRuleEntry& entry : watch_rules()) {
    out[static_cast<std::size_t>(entry.rule)] = py::str(std::string(entry.name));
  }
  return out;
}

/// Names of an enum's values from 0 on, as its text function gives them.
template <class Enum, class Text>
py::tuple names(std::size_t count, Text text) {
  py::tuple out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = py::str(std::string(text(static_cast<Enum>(i))));
  return out;
}

py::dict enum_names() {
  py::dict enums;
  enums["Venue"] = names<Venue>(4, [](Venue v) { return text_of(v); });
  enums["Side"] = py::make_tuple("bid", "ask");
  enums["FeedState"] = names<FeedState>(4, [](FeedState v) { return text_of(v); });
  enums["FeedTrigger"] = names<FeedTrigger>(8, [](FeedTrigger v) { return text_of(v); });
  enums["GapCause"] = names<GapCause>(6, [](GapCause v) { return text_of(v); });
  enums["GapRepair"] = names<GapRepair>(3, [](GapRepair v) { return text_of(v); });
  enums["DecodeError"] = names<DecodeError>(decode_error_count, [](DecodeError v) { return text_of(v); });
  enums["OrderState"] = names<OrderState>(order_state_count, [](OrderState v) { return text_of(v); });
  enums["TradingState"] = py::make_tuple("active", "reducing", "flattening", "halted");
  enums["TradingTrigger"] =
      names<TradingTrigger>(trading_trigger_count, [](TradingTrigger v) { return text_of(v); });
  enums["OrderPurpose"] = py::make_tuple("signal", "flatten", "quote");
  enums["TimeInForce"] = py::make_tuple("gtc", "ioc", "post_only", "fok");
  enums["FeeAsset"] = py::make_tuple("quote", "base", "other");
  enums["OrderTrigger"] = names<OrderTrigger>(order_trigger_count, [](OrderTrigger v) { return text_of(v); });
  enums["RequestKind"] = py::make_tuple("place", "cancel", "amend", "query");
  enums["WatchRule"] = watch_rule_names();
  enums["WatchAction"] = names<WatchAction>(watch_action_count, [](WatchAction v) { return text_of(v); });
  enums["StrategyKind"] = names<StrategyKind>(strategy_kind_count, [](StrategyKind v) { return text_of(v); });
  enums["SignalAction"] = py::make_tuple("hold", "enter", "exit", "reverse", "wait", "no_book", "quote");
  enums["RiskRule"] = risk_rule_names();
  enums["RecordKind"] =
      py::make_tuple("header", "frame", "timer", "forecast", "command", "request", "output_hash", "wishes");
  return enums;
}

}  // namespace

void bind_dtypes(py::module_& m) {
  register_market_dtypes();
  register_trading_dtypes();
  m.attr("dtypes") = output_dtypes();
  m.attr("enums") = enum_names();
}

}  // namespace lob::python
