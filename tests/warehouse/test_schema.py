"""The lake's tables hold the fields of the core's records, and spell its enums as the core does."""

import pytest

import native
from warehouse import schema
from warehouse.schema import FEATURE_NAMES, PRICE_TICKS_NAMES, SIZE_UNITS_NAMES, TABLES, table_schema

OUTPUT_OF_TABLE = {
    name: name
    for name in TABLES
    if name
    not in (
        "instruments",
        "forecasts",
        "shadow_forecasts",
        "bundle_lineage",
        "backtests",
        "alerts",
        "performance",
        "stage_latencies",
    )
} | {
    "orders": "order_events",
    "session_grid": "grid",
}
OF_PAIRS = {f"{part}_{which}" for part in ("venue", "instrument") for which in "ab"}
OURS = {"run", "stream", "slot", "venue", "instrument", "text", "reason", "quote"} | OF_PAIRS
"""Columns that the conversion adds: identities instead of small ids, texts instead of places in the arena."""
IN_OTHER_FORM = {
    "instrument": set(),
    "instrument_a": set(),
    "instrument_b": set(),
    "text_offset": set(),
    "text_length": set(),
    "price_ticks": set(PRICE_TICKS_NAMES),
    "size_units": set(SIZE_UNITS_NAMES),
    "features": set(FEATURE_NAMES),
}


@pytest.mark.parametrize("table", sorted(OUTPUT_OF_TABLE))
def test_columns_are_the_fields_of_the_cores_record_in_their_order(table):
    fields = [name for name in native.dtypes[OUTPUT_OF_TABLE[table]].names if name not in IN_OTHER_FORM]
    stored = [name for name in table_schema(table).columns.names if name in fields]

    if OUTPUT_OF_TABLE[table] != "grid":  # the grid leads with its time
        assert stored == fields
    assert set(stored) == set(fields)


@pytest.mark.parametrize("table", sorted(OUTPUT_OF_TABLE))
def test_every_other_column_is_ours_or_spells_an_enum(table):
    dtype = native.dtypes[OUTPUT_OF_TABLE[table]]
    known = set(dtype.names) | OURS | {f"{name}_name" for name in table_schema(table).enums}
    for field in dtype.names:
        known |= IN_OTHER_FORM.get(field, set())

    assert set(table_schema(table).columns.names) - known == set()


@pytest.mark.parametrize("table", sorted(OUTPUT_OF_TABLE))
def test_integers_have_the_width_of_the_cores(table):
    dtype = native.dtypes[OUTPUT_OF_TABLE[table]]
    for field in table_schema(table).columns:
        is_number = field.name not in OF_PAIRS | {"instrument"} and not field.name.startswith("is_")
        if field.name in (dtype.names or ()) and is_number:
            assert dtype[field.name] == field.type.to_pandas_dtype(), field.name


def test_feature_columns_are_the_cores_features():
    assert native.FEATURE_NAMES == FEATURE_NAMES


@pytest.mark.parametrize(
    ("enum", "names"),
    [
        ("Side", schema.SIDES),
        ("FeedState", schema.FEED_STATES),
        ("FeedTrigger", schema.FEED_TRIGGERS),
        ("GapCause", schema.GAP_CAUSES),
        ("GapRepair", schema.GAP_REPAIRS),
        ("OrderState", schema.ORDER_STATES),
        ("TradingState", schema.TRADING_STATES),
        ("TradingTrigger", schema.TRADING_TRIGGERS),
        ("OrderPurpose", schema.ORDER_PURPOSES),
        ("TimeInForce", schema.TIMES_IN_FORCE),
        ("FeeAsset", schema.FEE_ASSETS),
        ("WatchRule", schema.WATCH_RULES),
        ("WatchAction", schema.WATCH_ACTIONS),
        ("SignalAction", schema.SIGNAL_ACTIONS),
        ("RiskRule", schema.RISK_RULES),
    ],
)
def test_enums_are_spelt_as_in_the_core(enum, names):
    assert native.enums[enum] == names
