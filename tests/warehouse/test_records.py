"""Laws of turning the core's records into rows."""

import numpy as np
import pytest

import native
from warehouse.lake import Lake
from warehouse.records import grid_table, to_table
from warehouse.schema import FEATURE_NAMES

INSTRUMENTS = [("binance_usdm", "BTCUSDT"), ("bybit_spot", "BTCUSDT")]


def blank(output: str, count: int) -> np.ndarray:
    return np.zeros(count, dtype=native.dtypes[output])


def test_an_order_row_names_its_instrument_and_spells_its_states(tmp_path):
    records = blank("order_events", 1)
    records["instrument"], records["side"], records["state_from"], records["state_to"] = 1, 1, 1, 3

    rows = to_table("orders", records, constants={"run": "r"}, instruments=INSTRUMENTS)
    Lake(tmp_path).write_table("orders", {"run": "r"}, rows)

    row = Lake(tmp_path).scan("orders").collect().row(0, named=True)
    assert (row["run"], row["venue"], row["instrument"]) == ("r", "bybit_spot", "BTCUSDT")
    assert (row["side_name"], row["state_from_name"], row["state_to_name"]) == ("sell", "open", "filled")


def test_a_text_is_taken_from_the_arena():
    records = blank("state_events", 2)
    records["text_offset"], records["text_length"] = [0, 4], [4, 5]

    rows = to_table("state_events", records, arena=b"haltlimit")

    assert rows["reason"].to_pylist() == ["halt", "limit"]


@pytest.mark.parametrize("table", ["decisions", "fills", "positions"])
def test_no_records_give_an_empty_table_of_the_right_columns(table):
    rows = to_table(table, blank(table, 0), instruments=INSTRUMENTS)

    assert rows.num_rows == 0


def test_a_column_that_nothing_gives_is_named():
    with pytest.raises(KeyError, match="column run: expected a field of the record or a constant"):
        to_table("trades", blank("trades", 1))


def test_a_code_without_a_name_is_refused():
    records = blank("feed_events", 1)
    records["trigger"] = 200

    with pytest.raises(IndexError):
        to_table("feed_events", records, constants={"run": "r"})


def test_a_grid_row_tells_its_slot_and_spreads_its_arrays():
    records = blank("grid", 1)
    records["instrument"] = 1
    records["price_ticks"][0] = np.arange(10)
    records["features"][0] = np.arange(len(FEATURE_NAMES))

    row = grid_table(records, INSTRUMENTS, [None, 1, 0]).to_pylist()[0]

    assert (row["slot"], row["venue"]) == (1, "bybit_spot")
    assert (row["bid_price_ticks_1"], row["ask_price_ticks_5"]) == (0, 9)
    assert (row["bid_price_pct_1"], row["age_ms"]) == (0.0, float(len(FEATURE_NAMES) - 1))
