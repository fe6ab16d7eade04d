"""Files on the way back: each is seen as ok, missing, altered or not checked, and once only."""

import sqlite3
from pathlib import Path

import pytest

from streaming.runs import RunManifest, write_manifest
from streaming.segments import KIND_FRAME, InstrumentEntry, SegmentHeader, SegmentWriter, SourceEntry
from streaming.why.links import ALTERED, MISSING, OK, UNCHECKED
from streaming.why.raw import SegmentChecks, find_frame, sha256_of
from streaming.why.training import training_run
from warehouse.lake import Lake

HOUR_NS = 1_767_571_200_000_000_000
NAME = "raw/venue=bybit_spot/date=2026-01-05/hour=00/run-0-0.seg.zst"
PAYLOADS = (b'{"u":1}', b'{"u":2}', b'{"u":1}')


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with one finished run of three frames."""
    entry = InstrumentEntry(
        id=0,
        venue="bybit_spot",
        symbol="BTCUSDT",
        market_type="spot",
        tick="0.01",
        size_unit="0.001",
        lot="0.001",
        maker_fee_bps="0",
        taker_fee_bps="0",
    )
    source = SourceEntry(id=0, venue="bybit_spot", instrument="BTCUSDT", kind="websocket")
    writer = SegmentWriter(tmp_path / NAME, SegmentHeader(run="run", instruments=(entry,), sources=(source,)))
    for seq, payload in enumerate(PAYLOADS, 1):
        writer.append(KIND_FRAME, 0, seq, HOUR_NS + seq * 1_000_000, payload)
    writer.close()
    manifest = RunManifest(
        run="run",
        instruments=(entry.name,),
        origin=(),
        files={NAME: (tmp_path / NAME).stat().st_size},
        frames=3,
        snapshots=0,
        ts_from_ns=HOUR_NS,
        ts_to_ns=HOUR_NS + 3_000_000,
    )
    write_manifest(tmp_path, manifest)
    return Lake(tmp_path)


def test_a_whole_segment_is_ok_with_its_sha256(lake: Lake) -> None:
    link = SegmentChecks(lake).link(NAME)

    assert (link.state, link.sha256) == (OK, sha256_of(lake.root / NAME))


def test_a_quick_look_reads_nothing(lake: Lake) -> None:
    assert SegmentChecks(lake, is_quick=True).link(NAME).state == UNCHECKED


def test_a_segment_that_is_gone_is_missing(lake: Lake) -> None:
    (lake.root / NAME).unlink()

    assert SegmentChecks(lake).link(NAME).state == MISSING


def test_another_sha256_than_the_one_written_down_is_altered(lake: Lake) -> None:
    link = SegmentChecks(lake, {NAME: "0" * 64}).link(NAME)

    assert link.state == ALTERED and "000000000000 when the model was sealed" in link.words


def test_a_damaged_segment_is_altered_and_says_where(lake: Lake) -> None:
    path = lake.root / NAME
    data = bytearray(path.read_bytes())
    data[-10] ^= 0xFF
    path.write_bytes(data)

    link = SegmentChecks(lake).link(NAME)

    assert link.state == ALTERED and str(path) in link.words


def test_the_frame_received_nearest_is_found_among_equal_ones(lake: Lake) -> None:
    early = find_frame(lake, "bybit_spot", HOUR_NS + 900_000, PAYLOADS[0])
    late = find_frame(lake, "bybit_spot", HOUR_NS + 3_100_000, PAYLOADS[0])

    assert early is not None and late is not None
    assert (early.run, early.seq, late.seq) == ("run", 1, 3)
    assert find_frame(lake, "bybit_spot", HOUR_NS, b"{}") is None
    assert find_frame(lake, "bybit_spot", HOUR_NS + 3 * 10**9, PAYLOADS[0]) is None


def test_a_training_run_is_looked_up_in_mlflows_own_database(tmp_path: Path) -> None:
    database = tmp_path / "mlflow.db"
    unlogged, nowhere = training_run(database, ""), training_run(database, "abc")
    with sqlite3.connect(database) as connection:
        connection.execute("create table runs (run_uuid text, status text)")
        connection.execute("insert into runs values ('abc', 'FINISHED')")
    connection.close()

    found, deleted = training_run(database, "abc"), training_run(database, "def")

    assert [link.state for link in (unlogged, nowhere, found, deleted)] == [UNCHECKED, MISSING, OK, MISSING]
    assert found.words == "MLflow: FINISHED" and "knows no such run" in deleted.words
