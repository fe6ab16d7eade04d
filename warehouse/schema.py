"""The tables of the lake: columns, types, partitions and versions. Changing a column is a new version.

Columns are the fields of the core's output records (`native/include/lob/outputs.hpp`) in their order, with the
instrument's small id replaced by partition (or venue and instrument) columns. Captured tables begin with `run`:
(run, seq) finds the raw frame that caused a row. Enums stay small integers; where people read them a second column
`<name>_name` spells them. A test holds these lists against `native.dtypes` and `native.enums`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from warehouse.errors import UnknownTableError

BOOK_LEVELS = 5

WINDOW_VENUES = ("bybit_spot",)
"""Venues that push the best levels as a window and keep it whole. Elsewhere a book is known only as far as the levels
of its snapshot reach (its horizon): beyond it untouched levels may lie between touched ones."""

SIDES = ("bid", "ask")
FEED_STATES = ("unsynced", "buffering", "synced", "gap")
FEED_TRIGGERS = (
    "first_frame",
    "snapshot",
    "bridge",
    "discontinuity",
    "server_restart",
    "crossed",
    "buffer_full",
    "reset",
)
GAP_CAUSES = ("sequence_break", "server_restart", "crossed_book", "buffer_overflow", "not_recorded", "bad_frame")
GAP_REPAIRS = ("none", "rest_snapshot", "pushed_snapshot")
ORDER_STATES = (
    "pending_new",
    "open",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "refused",
    "pending_cancel",
    "unknown",
    "expired",
    "pending_amend",
)
ORDER_PURPOSES = ("signal", "flatten", "quote")
TIMES_IN_FORCE = ("gtc", "ioc", "post_only", "fok")
FEE_ASSETS = ("quote", "base", "other")
SIGNAL_ACTIONS = ("hold", "enter", "exit", "reverse", "wait", "no_book", "quote")
TRADING_STATES = ("active", "reducing", "flattening", "halted")
TRADING_TRIGGERS = ("operator", "limit", "stale_feed", "model", "start", "data", "clock", "venue", "watchdog")
WATCH_RULES = (
    "none",
    "stop_loss",
    "take_profit",
    "net_exposure",
    "gross_exposure",
    "drawdown",
    "daily_loss",
    "correlation",
    "connectivity",
    "synchronisation",
    "data_quality",
    "drift",
    "model_expiry",
    "error_burst",
    "clock",
    "heartbeat",
)
WATCH_ACTIONS = ("none", "close_slot", "reduce", "flatten", "halt")
RISK_RULES = (
    "none",
    "max_position",
    "max_order_size",
    "price_deviation",
    "net_exposure",
    "trading_state",
    "invalid_book",
    "stale_forecast",
    "lot",
    "short_position",
    "price_deviation_venues",
    "price_deviation_trade",
    "gross_exposure",
    "venue_exposure",
    "max_capital",
    "order_rate",
    "duplicate",
    "blocked",
    "model_expired",
    "drift",
    "connectivity",
    "synchronisation",
    "data_quality",
    "error_burst",
    "clock",
    "unresolved",
    "in_flight",
    "self_trade",
    "private_stream",
)


def _per_level(name: str) -> list[str]:
    return [f"{side}_{name}_{level}" for side in SIDES for level in range(1, BOOK_LEVELS + 1)]


FEATURE_NAMES: tuple[str, ...] = (
    *_per_level("price_pct"),
    *_per_level("price_bps"),
    *_per_level("size_base"),
    *_per_level("log_size"),
    "log_gap_spread",
    *(f"{side}_log_gap_{level}" for side in SIDES for level in range(1, BOOK_LEVELS)),
    "mid_return_bps",
    "ofi_l1",
    "imbalance_l1",
    "imbalance_l5",
    "micro_bps",
    "trade_flow",
    "trade_count",
    "basis_bps",
    "age_ms",
)
PRICE_TICKS_NAMES: tuple[str, ...] = tuple(_per_level("price_ticks"))
SIZE_UNITS_NAMES: tuple[str, ...] = tuple(_per_level("size_units"))

CAPTURED = ("venue", "instrument", "date", "hour")
"""Partition keys of the tables written by the conversion of one venue-hour."""

DECIMAL_STEP = pa.decimal128(18, 12)
"""Tick, size unit and lot. A count cast to DECIMAL(20, 0) times a step is an exact DECIMAL(38, 12) in DuckDB."""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table: its partition keys (folder names, not stored in the files) and its columns."""

    name: str
    version: int
    partition: tuple[str, ...]
    columns: pa.Schema
    enums: Mapping[str, tuple[str, ...]]
    """Names of each small-integer enum column; `<column>_name` spells it where the schema has such a column."""


_TYPES: Mapping[str, pa.DataType] = {
    "u64": pa.uint64(),
    "i64": pa.int64(),
    "u32": pa.uint32(),
    "u16": pa.uint16(),
    "u8": pa.uint8(),
    "f64": pa.float64(),
    "f32": pa.float32(),
    "i32": pa.int32(),
    "bool": pa.bool_(),
    "str": pa.string(),
    "step": DECIMAL_STEP,
}


_GRID = (
    "i64 ts_step_ns; u64 seq; u32 slot; str venue instrument; bool is_valid is_first;"
    f"i64 {' '.join(PRICE_TICKS_NAMES)} {' '.join(SIZE_UNITS_NAMES)}; f32 {' '.join(FEATURE_NAMES)}"
)
FORECAST_HORIZONS = (1, 5, 10, 20)
"""Steps ahead that tables `forecasts` and `shadow_forecasts` keep of a forecast."""


def _table(
    name: str, partition: tuple[str, ...], columns: str, enums: Mapping[str, tuple[str, ...]] | None = None
) -> TableSchema:
    """Read `columns`, written `type name name; type name`, as the table's schema."""
    fields: list[pa.Field] = []
    for group in columns.split(";"):
        kind, *names = group.split()
        fields += [pa.field(field, _TYPES[kind], nullable=False) for field in names]
    return TableSchema(name=name, version=1, partition=partition, columns=pa.schema(fields), enums=enums or {})


def _per_horizon(name: str) -> str:
    return " ".join(f"{name}_{steps}" for steps in FORECAST_HORIZONS)


_FORECAST = (
    "i64 ts_ns ts_step_ns; u32 slot model_id horizon_steps;"
    f"f32 {_per_horizon('mid_bps')} {_per_horizon('spread_ticks')}"
)
_SIDE = {"side": SIDES}
_RUN = ("run",)

_TABLES = (
    _table(
        "book_updates",
        CAPTURED,
        "str run; u64 seq; i64 ts_recv_ns ts_event_ns ts_engine_ns update_id price_ticks size_units; u8 side;"
        "bool is_snapshot",
        _SIDE,
    ),
    _table(
        "book_snapshots",
        CAPTURED,
        "str run; u64 seq; i64 ts_recv_ns update_id price_ticks size_units; u16 level; u8 side",
        _SIDE,
    ),
    _table(
        "trades",
        CAPTURED,
        "str run; u64 seq; i64 ts_recv_ns ts_event_ns ts_engine_ns trade_id price_ticks size_units;"
        "u8 aggressor_side; str aggressor_side_name; bool is_aggregate",
        {"aggressor_side": SIDES},
    ),
    _table(
        "quotes",
        CAPTURED,
        "str run; u64 seq; i64 ts_recv_ns ts_event_ns update_id"
        " bid_price_ticks bid_size_units ask_price_ticks ask_size_units",
    ),
    _table(
        "feed_events",
        CAPTURED,
        "str run; u64 seq; i64 ts_recv_ns update_id;"
        "u8 state_from; str state_from_name; u8 state_to; str state_to_name; u8 trigger; str trigger_name",
        {"state_from": FEED_STATES, "state_to": FEED_STATES, "trigger": FEED_TRIGGERS},
    ),
    _table(
        "gaps",
        CAPTURED,
        "str run stream; u64 seq gap_id; i64 ts_from_ns ts_to_ns sequence_from sequence_to; u32 levels_touched;"
        "u8 cause; str cause_name; u8 repaired_by; str repaired_by_name; bool is_closed",
        {"cause": GAP_CAUSES, "repaired_by": GAP_REPAIRS},
    ),
    _table("rejects", ("venue", "date", "hour"), "str run; u64 seq; i64 ts_ns; u32 connection_id code; str text"),
    _table("grid", ("grid", "date", "hour"), _GRID),
    _table(
        "instruments",
        ("venue", "instrument"),
        "i64 valid_from_ns; str market_type base quote; step tick size_unit lot multiplier maker_fee_bps taker_fee_bps",
    ),
    _table(
        "bundle_lineage",
        ("bundle",),
        "u32 model_id; str file file_sha256 segment segment_sha256",
    ),
    _table(
        "decisions",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns ts_step_ns; f64 expected_bps cost_bps;"
        "i64 position_units target_units; u64 client_order_id; u32 model_id; u8 action;"
        "str action_name; u8 rule; str rule_name;"
        "u8 trading_state; str trading_state_name; u8 strategy",
        {"action": SIGNAL_ACTIONS, "rule": RISK_RULES, "trading_state": TRADING_STATES},
    ),
    _table(
        "orders",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns; u64 client_order_id; i64 price_ticks size_units filled_units"
        " ts_step_ns; u32 model_id; u8 side; str side_name; u8 state_from; str state_from_name; u8 state_to;"
        "str state_to_name; u8 reason strategy purpose; str purpose_name; u8 time_in_force; str time_in_force_name;"
        "bool is_venue_reason",
        {
            "side": ("buy", "sell"),
            "state_from": ORDER_STATES,
            "state_to": ORDER_STATES,
            "purpose": ORDER_PURPOSES,
            "time_in_force": TIMES_IN_FORCE,
        },
    ),
    _table(
        "fills",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns; u64 client_order_id trade_id;"
        "i64 price_ticks size_units fee_quote_units; u8 side; str side_name; bool is_maker; u8 strategy;"
        "u8 fee_asset; str fee_asset_name",
        {"side": ("buy", "sell"), "fee_asset": FEE_ASSETS},
    ),
    _table(
        "positions",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns position_units cost_quote_units realised_quote_units"
        " unrealised_quote_units fees_quote_units funding_quote_units",
    ),
    _table(
        "funding",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns ts_funding_ns; u64 trade_id;"
        "i64 position_units mark_price_ticks rate_e8 paid_quote_units",
    ),
    _table(
        "equity",
        _RUN,
        "u64 seq; i64 ts_ns ts_step_ns equity_e8 realised_e8 unrealised_e8 fees_e8 funding_e8 net_exposure_e8"
        " gross_exposure_e8; u32 quote_group; str quote",
    ),
    _table(
        "risk_events",
        _RUN,
        "str venue instrument; u64 seq; i64 ts_ns; f64 value threshold;"
        "u8 rule; str rule_name; u8 action; str action_name",
        {"rule": WATCH_RULES, "action": WATCH_ACTIONS},
    ),
    _table(
        "cross_market",
        _RUN,
        "str venue_a instrument_a venue_b instrument_b; u64 seq; i64 ts_step_ns; f64 correlation lead_correlation;"
        "i32 lead_steps",
    ),
    _table(
        "state_events",
        _RUN,
        "u64 seq; i64 ts_ns; str reason; u8 state_from; str state_from_name; u8 state_to; str state_to_name;"
        "u8 trigger; str trigger_name",
        {"state_from": TRADING_STATES, "state_to": TRADING_STATES, "trigger": TRADING_TRIGGERS},
    ),
    _table(
        "backtests",
        _RUN,
        "str grid model strategies queue latency on_gap quote settings_hash leak_warning;"
        "i64 ts_from_ns ts_to_ns masked_ns steps frames forecasts withheld orders refused fills maker_fills trades"
        " pnl_e8 max_drawdown_e8 capital_e8 turnover_e8 max_gross_exposure_e8 move_after_fill_e8 held_e8 spread_e8"
        " fees_maker_e8 fees_taker_e8 funding_e8 signal_to_request_p50_ns step_to_request_p50_ns"
        " request_to_answer_p50_ns;"
        "f64 mse_bps2 mae_bps persistence_mse_bps2 persistence_mae_bps submitted_lots filled_lots fill_rate sharpe"
        " sharpe_low sharpe_high pnl_low_e8 pnl_high_e8 drawdown_share profit_factor hit_rate exposure_time",
    ),
    _table(
        "performance",
        _RUN,
        "i64 ts_ns; str venue strategy quote; bool has_earnings;"
        "i64 pnl_e8 spread_e8 fees_e8 funding_e8 inventory_e8 profit_e8 loss_e8 max_drawdown_e8 submitted filled fills"
        " maker_fills trades samples sharpe_period_s fills_without_mid forecasts_scored;"
        "f64 submitted_lots filled_lots fill_rate profit_factor hit_rate sharpe mse_bps2 mae_bps persistence_mse_bps2"
        " persistence_mae_bps",
    ),
    _table("stage_latencies", _RUN, "i64 ts_ns; str stage venue; i64 durations p50_ns p90_ns p99_ns p999_ns max_ns"),
    _table("session_grid", ("run", "date", "hour"), _GRID),
    _table("forecasts", _RUN, f"str venue instrument; u64 seq; {_FORECAST}"),
    _table("shadow_forecasts", _RUN, f"str venue instrument; {_FORECAST}"),
    _table(
        "alerts",
        ("date",),
        "i64 ts_ns ts_first_ns; str id rule subject severity state title words acknowledged_by delivered;"
        "u32 seen_count",
    ),
)

TABLES: Mapping[str, TableSchema] = {table.name: table for table in _TABLES}


def table_schema(name: str) -> TableSchema:
    """Return the declaration of table `name`; UnknownTableError lists the names that exist."""
    try:
        return TABLES[name]
    except KeyError:
        known = ", ".join(sorted(TABLES))
        raise UnknownTableError(f"lake table {name!r} is not declared; expected one of: {known}") from None
