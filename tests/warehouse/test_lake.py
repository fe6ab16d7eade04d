"""Laws of the lake's files: whole or absent, equal bytes for equal rows, typed scans."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from warehouse.errors import SchemaMismatchError, TornFileError, UnknownTableError
from warehouse.files import replacing, write_atomically
from warehouse.lake import Lake, check_hour, hour_keys
from warehouse.schema import TABLES, table_schema

HOUR = datetime(2026, 8, 9, 7, tzinfo=UTC)
KEYS = {"venue": "bybit_spot", "instrument": "ETHUSDT", **hour_keys(HOUR)}


def quotes(seqs: list[int]) -> pa.Table:
    schema = table_schema("quotes").columns
    columns = {name: ["r1"] * len(seqs) if name == "run" else seqs for name in schema.names}
    return pa.table(columns, schema=schema)


def test_same_rows_give_the_same_bytes(tmp_path):
    first = Lake(tmp_path / "a").write_table("quotes", KEYS, quotes([1, 2]), {"tick": "0.01", "lot": "1"})
    second = Lake(tmp_path / "b").write_table("quotes", KEYS, quotes([1, 2]), {"lot": "1", "tick": "0.01"})

    assert first.read_bytes() == second.read_bytes()


def test_a_chunked_table_gives_the_bytes_of_a_whole_one(tmp_path):
    chunked = pa.concat_tables([quotes([1]), quotes([2])])

    first = Lake(tmp_path / "a").write_table("quotes", KEYS, chunked)
    second = Lake(tmp_path / "b").write_table("quotes", KEYS, quotes([1, 2]))

    assert first.read_bytes() == second.read_bytes()


def test_metadata_name_table_version_and_steps(tmp_path):
    path = Lake(tmp_path).write_table("quotes", KEYS, quotes([1]), {"tick": "0.01"})

    found = pq.read_schema(path).metadata

    assert found[b"lob_table"] == b"quotes"
    assert found[b"lob_schema_version"] == b"1"
    assert found[b"tick"] == b"0.01"


def test_partition_stands_where_the_design_says(tmp_path):
    path = Lake(tmp_path).partition_path("quotes", KEYS)

    expected = "quotes/venue=bybit_spot/instrument=ETHUSDT/date=2026-08-09/hour=07/part.parquet"
    assert path.relative_to(tmp_path).as_posix() == expected


def test_writing_again_replaces_the_partition(tmp_path):
    lake = Lake(tmp_path)
    lake.write_table("quotes", KEYS, quotes([1, 2]))

    lake.write_table("quotes", KEYS, quotes([3]))

    assert lake.scan("quotes").collect()["seq"].to_list() == [3]


def test_a_failed_replacement_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "state"
    write_atomically(path, b"old")

    with pytest.raises(OSError, match="disk full"), replacing(path) as temporary:
        temporary.write_bytes(b"ne")
        raise OSError("disk full")

    assert [item.name for item in tmp_path.iterdir()] == ["state"]
    assert path.read_bytes() == b"old"


def test_missing_and_unknown_columns_are_named(tmp_path):
    data = quotes([1]).rename_columns(["run", "sequence", *quotes([1]).column_names[2:]])

    with pytest.raises(SchemaMismatchError, match=r"quotes: missing columns \['seq'\], unknown \['sequence'\]"):
        Lake(tmp_path).write_table("quotes", KEYS, data)


def test_null_in_a_column_is_refused(tmp_path):
    data = quotes([1]).set_column(1, "seq", pa.array([None], pa.uint64()))

    with pytest.raises(SchemaMismatchError, match="seq"):
        Lake(tmp_path).write_table("quotes", KEYS, data)


def test_a_key_that_leaves_the_folder_is_refused(tmp_path):
    with pytest.raises(SchemaMismatchError, match="plain name"):
        Lake(tmp_path).partition_path("quotes", {**KEYS, "instrument": "../ETHUSDT"})


def test_unknown_table_lists_those_that_exist(tmp_path):
    with pytest.raises(UnknownTableError, match="quotes"):
        Lake(tmp_path).scan("quote")


@pytest.mark.parametrize("table", sorted(TABLES))
def test_scan_of_a_table_without_files_is_empty_and_typed(tmp_path, table):
    frame = Lake(tmp_path).scan(table).collect()

    assert frame.is_empty()
    assert frame.columns == [*table_schema(table).partition, *table_schema(table).columns.names]


def test_scan_has_the_same_types_with_and_without_files(tmp_path):
    empty = Lake(tmp_path / "a").scan("quotes").collect_schema()
    lake = Lake(tmp_path / "b")
    lake.write_table("quotes", KEYS, quotes([1]))

    frame = lake.scan("quotes").collect()

    assert frame.schema == empty
    assert frame.select("venue", "instrument", "date", "hour").row(0) == ("bybit_spot", "ETHUSDT", HOUR.date(), 7)
    assert frame.schema["hour"] == pl.Int8


def test_a_symbol_of_digits_stays_text(tmp_path):
    lake = Lake(tmp_path)
    lake.write_table("quotes", {**KEYS, "instrument": "1000"}, quotes([1]))

    assert lake.scan("quotes").collect()["instrument"].to_list() == ["1000"]


def test_a_torn_file_is_named(tmp_path):
    lake = Lake(tmp_path)
    path = lake.write_table("quotes", KEYS, quotes([1]))
    path.write_bytes(path.read_bytes()[:40])

    with pytest.raises(TornFileError, match=r"part\.parquet: not a whole Parquet file"):
        lake.read_partition("quotes", KEYS)


def test_hours_are_those_with_segments(tmp_path):
    folder = tmp_path / "raw" / "venue=bybit_spot" / "date=2026-08-09"
    (folder / "hour=07").mkdir(parents=True)
    (folder / "hour=08").mkdir()
    (folder / "hour=07" / "r1-0-0.seg.zst").touch()

    lake = Lake(tmp_path)

    assert lake.hours("bybit_spot") == [HOUR]
    assert lake.venues() == ["bybit_spot"]
    assert [path.name for path in lake.segments("bybit_spot", HOUR)] == ["r1-0-0.seg.zst"]


def test_an_hour_is_read_in_utc():
    assert check_hour(datetime(2026, 8, 9, 9, tzinfo=timezone(timedelta(hours=2)))) == HOUR


@pytest.mark.parametrize("bad", [datetime(2026, 8, 9, 7), datetime(2026, 8, 9, 7, 30, tzinfo=UTC)])
def test_a_time_that_is_no_utc_hour_is_refused(bad):
    with pytest.raises(ValueError, match="expected a time"):
        hour_keys(bad)
