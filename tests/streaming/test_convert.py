"""Laws of the conversion of raw segments to tables, on small Bybit streams."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from native.config import GridConfig
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from streaming.errors import BadDataError
from streaming.segments import HourlySegments, InstrumentEntry, SegmentHeader, SourceEntry
from warehouse import gaps
from warehouse.instruments import read_versions
from warehouse.lake import Lake
from warehouse.views import connect

HOUR = datetime(2026, 8, 9, 7, tzinfo=UTC)
NEXT_HOUR = HOUR + timedelta(hours=1)
START_NS = int(HOUR.timestamp()) * 1_000_000_000
SECOND_NS = 1_000_000_000
LEVELS = 6
GRID = GridConfig(name="one", instruments=("bybit_spot:ETHUSDT",), reference="bybit_spot:ETHUSDT")


def header(run: str, tick: str = "0.01") -> SegmentHeader:
    entry = InstrumentEntry(
        id=0,
        venue="bybit_spot",
        symbol="ETHUSDT",
        market_type="spot",
        tick=tick,
        size_unit="0.00001",
        lot="0.00001",
        maker_fee_bps="10",
        taker_fee_bps="10",
        base="ETH",
        quote="USDT",
    )
    source = SourceEntry(id=0, venue="bybit_spot", instrument=None, kind="websocket")
    return SegmentHeader(run=run, instruments=(entry,), sources=(source,))


def levels(best: int, step: int) -> list[list[str]]:
    return [[f"{(best + step * k) / 100:.2f}", "1.5"] for k in range(LEVELS)]


def book_frame(kind: str, update_id: int, bids: list[list[str]], asks: list[list[str]]) -> bytes:
    data = {"s": "ETHUSDT", "b": bids, "a": asks, "u": update_id, "seq": update_id}
    return orjson.dumps({"topic": "orderbook.200.ETHUSDT", "ts": 1, "type": kind, "data": data, "cts": 1})


def snapshot(update_id: int = 10) -> bytes:
    return book_frame("snapshot", update_id, levels(300000, -1), levels(300001, 1))


def delta(update_id: int, size: str = "2.5") -> bytes:
    return book_frame("delta", update_id, [["2999.99", size]], [])


def stream(at: int, count: int, first: int = 10, every_ns: int = SECOND_NS) -> list[tuple[int, bytes]]:
    """A snapshot at `at` ns after the hour, and deltas behind it, unbroken."""
    frames = [(at, snapshot(first))]
    return frames + [(at + k * every_ns, delta(first + k, f"{k}.5")) for k in range(1, count)]


def record(root: Path, run: str, frames: list[tuple[int, bytes]], tick: str = "0.01") -> Lake:
    segments = HourlySegments(root, header(run, tick), "bybit_spot", 0)
    for seq, (at, payload) in enumerate(frames, start=1):
        segments.append(1, 0, seq, START_NS + at, payload)
    segments.close()
    return Lake(root)


def tree_hash(root: Path) -> dict[str, str]:
    paths = sorted(path for path in root.rglob("*") if path.is_file() and "raw" not in path.parts)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_rows_carry_run_and_partition_and_files_their_steps(tmp_path):
    lake = record(tmp_path, "a", stream(0, 3))

    report = convert_hour(lake, "bybit_spot", HOUR)

    rows = lake.scan("book_updates").collect()
    assert rows["run"].unique().to_list() == ["a"]
    assert rows.select("venue", "instrument", "date", "hour").unique().rows() == [
        ("bybit_spot", "ETHUSDT", HOUR.date(), 7)
    ]
    assert (report.rows["book_updates"], rows.height) == (2 * LEVELS + 2, 2 * LEVELS + 2)
    assert report.frame_count == 3
    assert [version.tick for version in read_versions(lake)] == ["0.01"]


def test_converting_twice_gives_the_same_bytes(tmp_path):
    lake = record(tmp_path, "a", stream(0, 50))
    convert_hour(lake, "bybit_spot", HOUR)
    convert_grid_hour(lake, GRID, HOUR)
    first = tree_hash(tmp_path)

    convert_hour(lake, "bybit_spot", HOUR)
    convert_grid_hour(lake, GRID, HOUR)

    assert tree_hash(tmp_path) == first


def test_rows_do_not_depend_on_how_the_records_are_sliced(tmp_path, monkeypatch):
    frames = stream(0, 50)
    convert_hour(record(tmp_path / "whole", "a", frames), "bybit_spot", HOUR)
    monkeypatch.setattr("streaming.pump.SLICE_BYTES", 300)

    convert_hour(record(tmp_path / "sliced", "a", frames), "bybit_spot", HOUR)

    assert tree_hash(tmp_path / "sliced") == tree_hash(tmp_path / "whole")


def test_a_lost_frame_is_one_ledger_row(tmp_path):
    frames = stream(0, 10)
    del frames[5]
    lake = record(tmp_path, "a", frames)

    report = convert_hour(lake, "bybit_spot", HOUR)

    ledger = gaps.ledger(lake).collect()
    assert ledger.select("cause_name", "is_closed", "sequence_from", "sequence_to").rows() == [
        ("sequence_break", False, 14, 16)
    ]
    assert (report.gap_count, report.not_recorded_count) == (1, 0)


def test_a_gap_repaired_in_the_next_hour_is_closed_in_the_ledger(tmp_path):
    frames = [*stream(0, 3), (5 * SECOND_NS, delta(99)), (3600 * SECOND_NS, snapshot(200))]
    lake = record(tmp_path, "a", frames)

    convert_hour(lake, "bybit_spot", HOUR)
    convert_hour(lake, "bybit_spot", NEXT_HOUR)

    ledger = gaps.ledger(lake).collect()
    assert ledger.select("is_closed", "repaired_by_name").rows() == [(True, "pushed_snapshot")]


def test_an_hour_goes_on_from_the_checkpoint_of_the_hour_before(tmp_path):
    frames = [*stream(0, 3), (3600 * SECOND_NS, delta(13, "7"))]
    lake = record(tmp_path, "a", frames)
    convert_hour(lake, "bybit_spot", HOUR)

    report = convert_hour(lake, "bybit_spot", NEXT_HOUR)

    assert report.continued_runs == ("a",)
    assert report.rows["book_updates"] == 1
    with connect(lake) as connection:
        at = START_NS + 3600 * SECOND_NS
        book = connection.execute(f"select size from book_at('bybit_spot', 'ETHUSDT', {at}) where level = 2").fetchall()
    assert str(book[0][0].normalize()) == "7"


def test_an_hour_whose_predecessor_is_not_converted_says_so(tmp_path):
    lake = record(tmp_path, "a", [*stream(0, 3), (3600 * SECOND_NS, delta(13))])

    with pytest.raises(BadDataError, match="hour 2026-08-09 07, which is not converted; convert it first"):
        convert_hour(lake, "bybit_spot", NEXT_HOUR)


def test_a_hole_between_runs_is_not_recorded_and_counted_apart(tmp_path):
    record(tmp_path, "a", stream(0, 3))
    lake = record(tmp_path, "b", stream(60 * SECOND_NS, 3, first=500))

    report = convert_hour(lake, "bybit_spot", HOUR)

    row = gaps.ledger(lake).collect().row(0, named=True)
    assert (row["cause_name"], row["run"]) == ("not_recorded", "b")
    assert (row["ts_from_ns"] - START_NS, row["ts_to_ns"] - START_NS) == (2 * SECOND_NS, 60 * SECOND_NS)
    assert (report.gap_count, report.not_recorded_count) == (0, 1)


def test_a_pause_of_a_second_between_runs_is_no_hole(tmp_path):
    record(tmp_path, "a", stream(0, 3))
    lake = record(tmp_path, "b", stream(3 * SECOND_NS, 3, first=500))

    assert convert_hour(lake, "bybit_spot", HOUR).not_recorded_count == 0


@pytest.mark.parametrize("is_first_converted", [True, False])
def test_a_hole_reaches_back_over_hours_whatever_was_converted_first(tmp_path, is_first_converted):
    record(tmp_path, "a", stream(0, 3))
    lake = record(tmp_path, "b", stream(3 * 3600 * SECOND_NS, 3, first=500))
    if is_first_converted:
        convert_hour(lake, "bybit_spot", HOUR)

    convert_hour(lake, "bybit_spot", HOUR + timedelta(hours=3))

    assert gaps.ledger(lake).collect()["ts_from_ns"].to_list() == [START_NS + 2 * SECOND_NS]


def test_two_runs_of_one_time_are_never_mixed_and_the_longer_one_stands(tmp_path):
    record(tmp_path, "short", stream(0, 3))
    lake = record(tmp_path, "long", stream(SECOND_NS, 30, first=500))

    report = convert_hour(lake, "bybit_spot", HOUR)

    assert lake.scan("book_updates").collect()["run"].unique().to_list() == ["long"]
    assert report.runs == ("long",)
    assert report.skipped_runs == ("short (ETHUSDT)",)


def test_converting_again_after_a_run_was_removed_leaves_none_of_its_rows(tmp_path):
    lake = record(tmp_path, "a", [*stream(0, 3), (4 * SECOND_NS, b"not json")])
    convert_hour(lake, "bybit_spot", HOUR)
    for path in lake.segments("bybit_spot", HOUR):
        path.unlink()
    record(tmp_path, "b", [(0, snapshot(1))])

    convert_hour(lake, "bybit_spot", HOUR)

    assert not lake.exists("rejects")
    assert lake.scan("book_updates").collect()["run"].unique().to_list() == ["b"]
    assert not lake.checkpoint_path("bybit_spot", HOUR, "a").exists()


def test_a_refused_frame_is_a_row_with_its_reason(tmp_path):
    lake = record(tmp_path, "a", [*stream(0, 3), (4 * SECOND_NS, b"not json")])

    report = convert_hour(lake, "bybit_spot", HOUR)

    rows = lake.scan("rejects").collect()
    assert report.reject_count == 1
    assert rows["run"].to_list() == ["a"]
    assert "JSON" in rows["text"][0]


def test_a_tick_change_inside_a_run_is_refused(tmp_path):
    lake = record(tmp_path, "a", stream(0, 3))
    path = lake.segments("bybit_spot", HOUR)[0]
    other = record(tmp_path / "other", "a", stream(0, 3), tick="0.001").segments("bybit_spot", HOUR)[0]
    other.rename(path.with_name("a-1-0.seg.zst"))

    with pytest.raises(BadDataError, match=r"expected tick 0\.01 .* found 0\.001"):
        convert_hour(lake, "bybit_spot", HOUR)


def test_two_ticks_in_one_hour_are_refused(tmp_path):
    record(tmp_path, "a", stream(0, 3))
    lake = record(tmp_path, "b", stream(60 * SECOND_NS, 3, first=500), tick="0.001")

    with pytest.raises(BadDataError, match=r"run a counts tick 0\.01 .* run b 0\.001"):
        convert_hour(lake, "bybit_spot", HOUR)


def test_a_new_tick_in_a_later_hour_is_a_new_version(tmp_path):
    record(tmp_path, "a", stream(0, 3))
    lake = record(tmp_path, "b", stream(3600 * SECOND_NS, 3, first=500), tick="0.001")

    convert_hour(lake, "bybit_spot", HOUR)
    convert_hour(lake, "bybit_spot", NEXT_HOUR)

    found = [(version.tick, version.valid_from_ns - START_NS) for version in read_versions(lake)]
    assert found == [("0.01", 0), ("0.001", 3600 * SECOND_NS)]


def test_an_hour_without_segments_says_so(tmp_path):
    with pytest.raises(BadDataError, match="bybit_spot hour 2026-08-09 07: expected raw segments"):
        convert_hour(Lake(tmp_path), "bybit_spot", HOUR)
    with pytest.raises(BadDataError, match="grid one hour 2026-08-09 07: no raw segments of bybit_spot"):
        convert_grid_hour(Lake(tmp_path), GRID, HOUR)


def test_a_run_without_instruments_says_how_to_give_them(tmp_path):
    bare = SegmentHeader(run="a", instruments=(), sources=header("a").sources)
    segments = HourlySegments(tmp_path, bare, "bybit_spot", 0)
    segments.append(1, 0, 1, START_NS, snapshot())
    segments.close()

    with pytest.raises(BadDataError, match="names no instrument of the venue; import it again with --tick"):
        convert_hour(Lake(tmp_path), "bybit_spot", HOUR)


def test_a_damaged_segment_is_named_and_nothing_is_written(tmp_path):
    lake = record(tmp_path, "a", stream(0, 30))
    path = lake.segments("bybit_spot", HOUR)[0]
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(BadDataError, match=r"a-0-0\.seg\.zst: byte"):
        convert_hour(lake, "bybit_spot", HOUR)
    assert tree_hash(tmp_path) == {}


def test_progress_ends_at_the_whole(tmp_path):
    seen: list[tuple[int, int]] = []

    convert_hour(record(tmp_path, "a", stream(0, 3)), "bybit_spot", HOUR, progress=lambda *at: seen.append(at))

    assert seen[-1][0] <= seen[-1][1]
    assert seen


def test_grid_has_a_row_a_step_and_slot_and_masks_unknown_instruments(tmp_path):
    lake = record(tmp_path, "a", stream(0, 30))
    convert_hour(lake, "bybit_spot", HOUR)
    grid = GridConfig(name="two", instruments=("binance_spot:ETHUSDT", *GRID.instruments), reference=GRID.reference)

    report = convert_grid_hour(lake, grid, HOUR)

    rows = lake.scan("grid").collect()
    assert report.masked == ("binance_spot:ETHUSDT",)
    assert report.row_count == report.step_count == rows.height == 290
    assert rows["slot"].unique().to_list() == [1]
    assert rows.filter("is_valid").height == report.valid_rows["bybit_spot:ETHUSDT"] > 280


def test_cutting_off_later_frames_changes_no_earlier_grid_row(tmp_path):
    frames = stream(0, 40)
    whole, cut = record(tmp_path / "whole", "a", frames), record(tmp_path / "cut", "a", frames[:25])
    for lake in (whole, cut):
        convert_hour(lake, "bybit_spot", HOUR)
        convert_grid_hour(lake, GRID, HOUR)

    rows, earlier = whole.scan("grid").collect(), cut.scan("grid").collect()

    assert 0 < earlier.height < rows.height
    assert earlier.equals(rows.head(earlier.height))


def test_a_grid_hour_goes_on_from_the_hour_before(tmp_path):
    lake = record(tmp_path, "a", [*stream(0, 3), (3600 * SECOND_NS, delta(13)), (3601 * SECOND_NS, delta(14))])
    for hour in (HOUR, NEXT_HOUR):
        convert_hour(lake, "bybit_spot", hour)
    first = convert_grid_hour(lake, GRID, HOUR)

    second = convert_grid_hour(lake, GRID, NEXT_HOUR)

    assert (first.start, second.start) == ("unsynced: the hour before is not converted", "continued")
    assert second.valid_rows["bybit_spot:ETHUSDT"] > 0


def test_a_grid_hour_with_other_instruments_than_the_hour_before_starts_unsynced(tmp_path):
    lake = record(tmp_path, "a", [*stream(0, 3), (3600 * SECOND_NS, delta(13)), (3601 * SECOND_NS, delta(14))])
    for hour in (HOUR, NEXT_HOUR):
        convert_hour(lake, "bybit_spot", hour)
    convert_grid_hour(lake, GRID, HOUR)
    wider = GridConfig(name="one", instruments=(*GRID.instruments, "bybit_spot:BTCUSDT"), reference=GRID.reference)

    report = convert_grid_hour(lake, wider, NEXT_HOUR)

    assert report.start == "unsynced: grid differs from that of the hour before"


def test_a_grid_hour_without_its_instruments_has_no_rows(tmp_path):
    lake = record(tmp_path, "a", stream(0, 3))
    convert_hour(lake, "bybit_spot", HOUR)
    other = GridConfig(name="other", instruments=("bybit_spot:BTCUSDT",), reference="bybit_spot:BTCUSDT")

    assert grid_hours(lake, GRID) == [HOUR]
    assert grid_hours(lake, other) == []
    with pytest.raises(BadDataError, match="the lake knows none of bybit_spot:BTCUSDT"):
        convert_grid_hour(lake, other, HOUR)
