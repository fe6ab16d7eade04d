"""Laws of the gap ledger."""

from datetime import UTC, datetime

import pyarrow as pa

from warehouse import gaps
from warehouse.lake import Lake, hour_keys
from warehouse.schema import table_schema

KEYS = {"venue": "bybit_spot", "instrument": "ETHUSDT", **hour_keys(datetime(2026, 8, 9, 7, tzinfo=UTC))}


def fill(table: str, rows: list[dict]) -> pa.Table:
    schema = table_schema(table).columns
    zero = {pa.string(): "", pa.bool_(): False}
    blank = {field.name: zero.get(field.type, 0) for field in schema}
    return pa.Table.from_pylist([{**blank, "run": "r1", **row} for row in rows], schema=schema)


def test_closed_rows_replace_open_rows_and_keep_the_order():
    rows = fill(
        "gaps",
        [
            {"gap_id": 4, "cause": 0},
            {"gap_id": 4, "cause": 0, "is_closed": True},
            {"gap_id": 9, "cause": 0},
        ],
    )

    found = gaps.collapse(rows)

    assert found.select(["gap_id", "is_closed"]).to_pylist() == [
        {"gap_id": 4, "is_closed": True},
        {"gap_id": 9, "is_closed": False},
    ]


def test_gaps_of_two_runs_with_one_id_stay_apart():
    rows = fill("gaps", [{"gap_id": 4, "run": "r1"}, {"gap_id": 4, "run": "r2", "is_closed": True}])

    assert gaps.collapse(rows).num_rows == 2


def test_a_repaired_gap_masks_its_own_span(tmp_path):
    lake = Lake(tmp_path)
    row = {"gap_id": 4, "cause_name": "sequence_break", "ts_from_ns": 10, "ts_to_ns": 20, "is_closed": True}
    lake.write_table("gaps", KEYS, fill("gaps", [row]))

    found = gaps.masked_spans(lake).collect()

    assert found.rows() == [("bybit_spot", "ETHUSDT", "sequence_break", 10, 20)]


def test_an_open_gap_masks_until_the_next_synchronisation(tmp_path):
    lake = Lake(tmp_path)
    lake.write_table("gaps", KEYS, fill("gaps", [{"gap_id": 4, "ts_from_ns": 10}, {"gap_id": 9, "ts_from_ns": 40}]))
    synced = [{"ts_recv_ns": at, "state_to_name": "synced"} for at in (10, 30)]
    lake.write_table("feed_events", KEYS, fill("feed_events", synced))

    found = gaps.masked_spans(lake).collect()

    assert found.select("ts_from_ns", "ts_to_ns").rows() == [(10, 30), (40, gaps.NEVER_NS)]


def test_a_hole_between_runs_is_a_closed_row_of_its_own_cause(tmp_path):
    lake = Lake(tmp_path)
    lake.write_table("gaps", KEYS, gaps.not_recorded("r2", 7, 10, 20))

    row = gaps.ledger(lake).collect().row(0, named=True)

    assert (row["cause_name"], row["stream"], row["ts_from_ns"], row["ts_to_ns"]) == ("not_recorded", "all", 10, 20)
