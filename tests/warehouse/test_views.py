"""Laws of the DuckDB views and of `book_at`, on hand-made rows; tests/streaming compares `book_at` with the core."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from warehouse import gaps
from warehouse.instruments import InstrumentVersion, record_version
from warehouse.lake import Lake, hour_keys
from warehouse.schema import TABLES, table_schema
from warehouse.views import connect

HOUR = datetime(2026, 8, 9, 7, tzinfo=UTC)
START_NS = int(HOUR.timestamp()) * 1_000_000_000
BID, ASK = 0, 1


def keys(hour: datetime = HOUR) -> dict[str, str]:
    return {"venue": "bybit_spot", "instrument": "ETHUSDT", **hour_keys(hour)}


def fill(table: str, rows: list[dict]) -> pa.Table:
    """Rows of `table` with the given values and zeros elsewhere."""
    schema = table_schema(table).columns
    zero = {pa.string(): "", pa.bool_(): False}
    blank = {field.name: zero.get(field.type, 0) for field in schema}
    return pa.Table.from_pylist([{**blank, "run": "r1", **row} for row in rows], schema=schema)


def update(at: int, seq: int, side: int, price: int, size: int, *, snapshot: bool = False) -> dict:
    return {
        "ts_recv_ns": START_NS + at,
        "seq": seq,
        "side": side,
        "price_ticks": price,
        "size_units": size,
        "is_snapshot": snapshot,
    }


def state(at: int, name: str) -> dict:
    return {"ts_recv_ns": START_NS + at, "state_to_name": name}


@pytest.fixture
def lake(tmp_path):
    """A book that is synchronised at 100 ns, loses a frame at 300 ns and is synchronised again at 400 ns."""
    lake = Lake(tmp_path)
    rows = [
        update(100, 1, BID, 310000, 5, snapshot=True),
        update(100, 1, BID, 309999, 7, snapshot=True),
        update(100, 1, ASK, 310001, 2, snapshot=True),
        update(200, 2, BID, 309999, 0),
        update(200, 2, ASK, 310001, 9),
        update(400, 5, BID, 310010, 1, snapshot=True),
        update(400, 5, ASK, 310020, 1, snapshot=True),
        update(350, 5, ASK, 310015, 4),  # buffered while the snapshot was on its way
    ]
    lake.write_table("book_updates", keys(), fill("book_updates", rows))
    events = [state(50, "buffering"), state(100, "synced"), state(300, "gap"), state(400, "synced")]
    lake.write_table("feed_events", keys(), fill("feed_events", events))
    record_version(lake, version())
    return lake


def version(**changes: str) -> InstrumentVersion:
    plain = {
        "venue": "bybit_spot",
        "symbol": "ETHUSDT",
        "valid_from_ns": 0,
        "market_type": "spot",
        "base": "ETH",
        "quote": "USDT",
        "tick": "0.01",
        "size_unit": "0.00001",
        "lot": "0.00001",
    }
    return InstrumentVersion(**{**plain, **changes})


def book(lake: Lake, at: int) -> list[tuple[str, int, str, str]]:
    with connect(lake) as connection:
        query = "select side, level, price, size from book_at('bybit_spot', 'ETHUSDT', ?::bigint)"
        rows = connection.execute(query, [START_NS + at]).fetchall()
    return [(side, level, str(price.normalize()), str(size.normalize())) for side, level, price, size in rows]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_view_of_a_table_without_files_is_empty_and_typed(tmp_path, table):
    with connect(Lake(tmp_path)) as connection:
        found = connection.execute(f"select * from {table}")

        assert [column[0] for column in found.description] == [
            *table_schema(table).partition,
            *table_schema(table).columns.names,
        ]
        assert found.fetchall() == []


def test_views_of_a_table_have_the_same_types_with_and_without_files(lake, tmp_path):
    query = "select column_name, column_type from (describe book_updates)"
    with connect(lake) as full, connect(Lake(tmp_path / "other")) as empty:
        assert full.execute(query).fetchall() == empty.execute(query).fetchall()


def test_book_is_the_snapshot_at_its_time(lake):
    assert book(lake, 100) == [
        ("bid", 1, "3.1E+3", "0.00005"),
        ("bid", 2, "3099.99", "0.00007"),
        ("ask", 1, "3100.01", "0.00002"),
    ]


def test_updates_replace_and_remove_levels(lake):
    assert book(lake, 250) == [("bid", 1, "3.1E+3", "0.00005"), ("ask", 1, "3100.01", "0.00009")]


def test_book_is_empty_before_the_first_snapshot_and_inside_a_gap(lake):
    assert book(lake, 99) == []
    assert book(lake, 300) == []
    assert book(lake, 399) == []


def test_a_second_snapshot_replaces_the_book_and_buffered_frames_follow_it(lake):
    assert book(lake, 400) == [
        ("bid", 1, "3100.1", "0.00001"),
        ("ask", 1, "3100.15", "0.00004"),
        ("ask", 2, "3100.2", "0.00001"),
    ]


def test_book_is_empty_in_a_hole_between_runs(lake):
    rows = gaps.not_recorded("r2", 9, START_NS + 500, START_NS + 900)
    lake.write_table("gaps", keys(), rows)

    assert book(lake, 450) != []
    assert book(lake, 700) == []


def test_an_older_snapshot_reaches_into_the_next_hour(lake):
    later = HOUR.replace(hour=8)
    rows = [update(3_600_000_000_000, 9, BID, 310011, 3)]
    lake.write_table("book_updates", keys(later), fill("book_updates", rows))

    assert book(lake, 3_600_000_000_000)[0] == ("bid", 1, "3100.11", "0.00003")


def test_prices_use_the_tick_that_held_then(lake):
    record_version(lake, version(valid_from_ns=START_NS + 300, tick="0.1"))

    assert book(lake, 100)[1][2] == "3099.99"
    assert book(lake, 400)[0][2] == "31001"


@pytest.mark.parametrize(
    "time", ["timestamp '2026-08-09 07:00:01'", "timestamptz '2026-08-09 09:00:01+02'", str(START_NS + 1_000_000_000)]
)
def test_the_time_may_be_ns_or_a_timestamp(lake, time):
    with connect(lake) as connection:
        found = connection.execute(f"select count(*) from book_at('bybit_spot', 'ETHUSDT', {time})").fetchall()

    assert found == [(3,)]


def test_prices_are_exact_decimals(lake):
    with connect(lake) as connection:
        query = f"select price from book_at('bybit_spot', 'ETHUSDT', {START_NS + 100}) where side = 'ask'"
        assert connection.execute(query).fetchall() == [(Decimal("3100.01"),)]


def test_a_closed_gap_stands_for_its_open_row_of_an_earlier_hour(tmp_path):
    lake = Lake(tmp_path)
    opened = {"gap_id": 4, "cause_name": "sequence_break", "ts_from_ns": START_NS}
    closed = {**opened, "ts_to_ns": START_NS + 1, "is_closed": True}
    lake.write_table("gaps", keys(), fill("gaps", [opened]))
    lake.write_table("gaps", keys(HOUR.replace(hour=8)), fill("gaps", [closed]))

    with connect(lake) as connection:
        assert connection.execute("select gap_id, is_closed from gaps").fetchall() == [(4, True)]
    assert gaps.ledger(lake).collect()["is_closed"].to_list() == [True]


def test_views_see_partitions_written_after_connecting(lake):
    with connect(lake) as connection:
        rows = [update(3_600_000_000_000, 9, BID, 310011, 3)]
        lake.write_table("book_updates", keys(HOUR.replace(hour=8)), fill("book_updates", rows))

        assert connection.execute("select count(*) from book_updates").fetchall() == [(9,)]


def test_newest_view_of_alerts_has_how_each_stood_last_over_days(tmp_path) -> None:
    lake = Lake(tmp_path)
    for day, rows in {
        "2026-08-08": [("a", 1, "firing"), ("b", 2, "firing")],
        "2026-08-09": [("a", 3, "acknowledged"), ("a", 4, "resolved")],
    }.items():
        told = [{"id": name, "ts_ns": ts_ns, "state": state} for name, ts_ns, state in rows]
        columns = table_schema("alerts").columns
        zero = {pa.string(): ""}
        table = pa.Table.from_pylist(
            [{**{field.name: zero.get(field.type, 0) for field in columns}, **row} for row in told], schema=columns
        )
        lake.write_table("alerts", {"date": day}, table)

    found = connect(lake).execute("select id, state, date::varchar from alerts_newest order by id").fetchall()

    assert found == [("a", "resolved", "2026-08-09"), ("b", "firing", "2026-08-08")]
