"""Which segments a replay hears."""

from dataclasses import replace
from pathlib import Path

import pytest

from streaming.errors import BadDataError, UsageError
from streaming.raw_hour import choose_runs, read_runs
from streaming.segments import KIND_FRAME, HourlySegments, InstrumentEntry, SegmentHeader, SourceEntry
from streaming.shell.feed import open_feed
from warehouse.lake import Lake

HOUR_NS = 3_600_000_000_000
T0_NS = 472_222 * HOUR_NS
NAME = "binance_spot:ETHUSDT"


def write_run(
    root: Path, run: str, ts_ns: list[int], tick: str = "0.01", symbols: tuple[str, ...] = ("ETHUSDT",)
) -> None:
    entry = InstrumentEntry(
        id=0,
        venue="binance_spot",
        symbol="ETHUSDT",
        market_type="spot",
        tick=tick,
        size_unit="0.001",
        lot="0.001",
        maker_fee_bps="1",
        taker_fee_bps="1",
    )
    source = SourceEntry(id=0, venue="binance_spot", instrument=None, kind="websocket")
    header = SegmentHeader(
        run=run,
        instruments=tuple(replace(entry, id=number, symbol=symbol) for number, symbol in enumerate(symbols)),
        sources=(source,),
    )
    segments = HourlySegments(root, header, "binance_spot", 0)
    for seq, at in enumerate(ts_ns, start=1):
        segments.append(KIND_FRAME, 0, seq, at, run.encode())
    segments.close()


def times(root: Path, ts_from_ns: int | None = None) -> list[int]:
    feed = open_feed(Lake(root), [NAME], ts_from_ns, None)
    return [at for hour in feed.read() for at in hour.records["ts_ns"].tolist()]


def test_runs_one_after_another_are_heard_in_order(tmp_path: Path) -> None:
    write_run(tmp_path, "b", [T0_NS, T0_NS + 1])
    write_run(tmp_path, "a", [T0_NS + 5, T0_NS + HOUR_NS])

    assert times(tmp_path) == [T0_NS, T0_NS + 1, T0_NS + 5, T0_NS + HOUR_NS]


def test_run_that_covers_the_time_of_another_is_left_out_and_named(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [T0_NS, T0_NS + 10])
    write_run(tmp_path, "b", [T0_NS + 5, T0_NS + 12])
    feed = open_feed(Lake(tmp_path), [NAME], None, None)

    heard = [at for hour in feed.read() for at in hour.records["ts_ns"].tolist()]

    assert heard == [T0_NS, T0_NS + 10]
    assert feed.left_out == ["b-0-0.seg.zst"]


def test_sources_of_several_runs_stay_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [T0_NS])
    write_run(tmp_path, "b", [T0_NS + 5])

    feed = open_feed(Lake(tmp_path), [NAME], None, None)

    assert [source.id for source in feed.sources] == [0, 1]
    assert next(feed.read()).records["source"].tolist() == [0, 1]


def test_feed_begins_with_the_run_that_is_open_at_the_time_asked(tmp_path: Path) -> None:
    """A book needs the snapshot at the start of its run."""
    write_run(tmp_path, "a", [T0_NS - 2 * HOUR_NS])
    write_run(tmp_path, "b", [T0_NS, T0_NS + HOUR_NS])

    assert times(tmp_path, T0_NS + HOUR_NS) == [T0_NS, T0_NS + HOUR_NS]


def test_runs_of_two_ticks_in_one_span_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path, "a", [T0_NS])
    write_run(tmp_path, "b", [T0_NS + 5], tick="0.1")

    with pytest.raises(BadDataError, match=r"tick 0\.01 and 0\.1"):
        open_feed(Lake(tmp_path), [NAME], None, None)


def test_empty_span_says_what_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the lake holds no segment of binance_spot:ETHUSDT"):
        open_feed(Lake(tmp_path), [NAME], None, None)


def test_feed_hears_the_runs_that_tables_are_made_of(tmp_path: Path) -> None:
    """Hour by hour the longest run stands, and the next that leaves it alone: one rule for both."""
    lake = Lake(tmp_path)
    write_run(tmp_path, "a", [T0_NS, T0_NS + 40])
    write_run(tmp_path, "b", [T0_NS + 30, T0_NS + 90, T0_NS + HOUR_NS, T0_NS + HOUR_NS + 5])
    write_run(tmp_path, "c", [T0_NS + 5, T0_NS + 10])
    write_run(tmp_path, "d", [T0_NS + HOUR_NS + 1, T0_NS + HOUR_NS + 50])

    heard = [
        sorted({bytes(hour.block[row["offset"] : row["offset"] + row["length"]]).decode() for row in hour.records})
        for hour in open_feed(lake, [NAME], None, None).read()
    ]

    chosen = [choose_runs(read_runs(lake, "binance_spot", hour)) for hour in lake.hours("binance_spot")]
    assert heard == [sorted(run.run for run in by_symbol["ETHUSDT"]) for by_symbol in chosen]
    assert heard == [["b", "c"], ["d"]]


def test_run_that_competes_through_another_instrument_is_weighed_and_not_heard(tmp_path: Path) -> None:
    """Run `both` loses BTCUSDT to a longer run, so its ETHUSDT is not heard either: one socket carries both."""
    write_run(tmp_path, "both", [T0_NS, T0_NS + 10], symbols=("ETHUSDT", "BTCUSDT"))
    write_run(tmp_path, "long", [T0_NS, T0_NS + 50], symbols=("BTCUSDT",))
    write_run(tmp_path, "short", [T0_NS + 2, T0_NS + 4])

    assert times(tmp_path) == [T0_NS + 2, T0_NS + 4]
    chosen = choose_runs(read_runs(Lake(tmp_path), "binance_spot", Lake(tmp_path).hours("binance_spot")[0]))
    assert [run.run for run in chosen["ETHUSDT"]] == ["short"]


def test_span_that_ends_before_it_begins_is_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--to: expected a time after --from"):
        open_feed(Lake(tmp_path), [NAME], 2, 1)
