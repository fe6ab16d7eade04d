"""Three venues recorded over real sockets while faults fire by seed, held against the emulator's own account.

One session serves all tests: the emulator and `trader record` run as processes of their own, then the recorded lake is
converted. The larger session is the same with ten times the frames.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import polars as pl
import pytest
import zstandard
from capture_checks import (
    BookFrame,
    VenueRecord,
    books_that_end_wrong,
    grid_against_truth,
    holes_against_faults,
    last_keys,
    ledger_against_holes,
    ledger_of,
    read_records,
    sent_and_not_recorded,
)
from capture_truth import DECIMALS, Truth, truth_until, units
from emulator_process import Play
from live_capture import VENUES, Capture, capture, convert

import native
from streaming.emulator.faults import ORDER_FAULTS, FaultKind
from streaming.segments import KIND_HEADER, read_block, scan
from warehouse.lake import Lake

START_NS = int(datetime(2026, 1, 5, 0, 50, tzinfo=UTC).timestamp()) * 1_000_000_000
"""Ten minutes before an hour ends: files roll over, and ledger rows may stand in two hours."""
SESSION = Play(seed=7, start_ns=START_NS, speed=40.0, frames=102_000, fault_seed=11, faults_per_hour=500.0)
LONG_SESSION = replace(SESSION, frames=1_020_000, seed=8, fault_seed=12)
FRAMES_MIN = {SESSION: 100_000, LONG_SESSION: 1_000_000}
"""To be recorded; somewhat more are sent, as a connection that is cut loses the last of them."""
END_LEVELS = 200
VALID_SHARE_MIN = 0.25
"""On a busy machine it takes long, on the fast clock, until a book is whole again."""


@dataclass(frozen=True)
class Session:
    """A captured session with everything to compare it with."""

    capture: Capture
    records: dict[str, VenueRecord]
    truth: dict[str, Truth]

    @property
    def frames(self) -> int:
        return sum(venue["frames"] for venue in self.capture.summary["venues"])


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(SESSION, id="100,000 frames"),
        pytest.param(LONG_SESSION, id="1,000,000 frames", marks=pytest.mark.torture),
    ],
)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    captured = capture(tmp_path_factory.mktemp("capture"), request.param)
    convert(captured.lake)
    records = read_records(captured.lake)
    return Session(captured, records, truth_until(captured.play, last_keys(records)))


# --- the recording --------------------------------------------------------------------------------------------------


def test_enough_is_recorded_and_every_kind_of_fault_fires(session: Session) -> None:
    fired = {name.partition(" ")[2] for name in session.capture.played["fired"]}

    assert session.frames >= FRAMES_MIN[session.capture.play]
    assert fired == {kind.value for kind in FaultKind if kind is not FaultKind.regime and kind not in ORDER_FAULTS}
    assert all(venue["rejects"] == 0 and venue["is_synced"] for venue in session.capture.summary["venues"])


@pytest.mark.parametrize("venue", VENUES)
def test_every_frame_put_on_a_socket_is_recorded_once_and_in_order(session: Session, venue: str) -> None:
    assert sent_and_not_recorded(session.capture, session.records[venue]) == []


@pytest.mark.parametrize("venue", VENUES)
def test_books_at_the_end_equal_the_emulators(session: Session, venue: str) -> None:
    assert books_that_end_wrong(session.capture, session.records[venue], END_LEVELS) == []


@pytest.mark.parametrize("venue", VENUES)
def test_every_hole_is_in_the_ledger_and_nothing_else_is(session: Session, venue: str) -> None:
    record, truth = session.records[venue], session.truth[venue]

    assert ledger_against_holes(session.capture.lake, record, truth) == []
    assert holes_against_faults(session.capture, record, truth) == []


@pytest.mark.parametrize("venue", VENUES)
def test_recorder_counts_the_gaps_that_the_conversion_ledgers(session: Session, venue: str) -> None:
    reading = next(row for row in session.capture.summary["venues"] if row["venue"] == venue)
    rows = ledger_of(session.capture.lake, venue)
    silences = sum(row["cause_name"] == "not_recorded" for row in rows)  # to the recorder they are gaps like others

    assert reading["gaps_opened"] == reading["gaps_closed"]
    assert len(rows) - silences <= reading["gaps_opened"] <= len(rows)


@pytest.mark.parametrize("venue", VENUES)
def test_no_book_is_silently_wrong_at_any_grid_step(session: Session, venue: str) -> None:
    verdict = grid_against_truth(session.capture.lake, session.records[venue], session.truth[venue])

    assert verdict.wrong == []
    assert verdict.valid >= VALID_SHARE_MIN * verdict.steps


# --- the checks themselves: each finds the harm that it is there for ------------------------------------------------

Alter = Callable[[int, bytes], bytes | None]
"""Given seq and payload of a record, return the payload to write, None to leave the record out."""
VENUE = "binance_usdm"


def altered(session: Session, folder: Path, alter: Alter) -> tuple[Lake, VenueRecord]:
    """Return a converted copy of one venue's recording, altered."""
    lake = Lake(folder / "lake")
    shutil.copytree(session.capture.lake.root / "raw" / f"venue={VENUE}", lake.root / "raw" / f"venue={VENUE}")
    for hour in lake.hours(VENUE):
        for path in lake.segments(VENUE, hour):
            rewrite(path, alter)
    convert(lake, (VENUE,))
    return lake, VenueRecord(lake, VENUE)


def rewrite(path: Path, alter: Alter) -> None:
    block, parts = read_block(path), []
    for record in scan(path, block):
        begin, kind = int(record["offset"]), int(record["kind"])
        payload: bytes | None = block[begin : begin + int(record["length"])]
        assert payload is not None
        if kind != KIND_HEADER:
            payload = alter(int(record["seq"]), payload)
        if payload is not None:
            numbers = (int(record[name]) for name in ("source", "seq", "ts_ns"))
            parts.append(native.encode_record(kind, *numbers, payload))
    path.write_bytes(zstandard.compress(parts[0]) + zstandard.compress(b"".join(parts[1:])))


def frame_that_sets_the_best_bid(session: Session) -> tuple[BookFrame, bytes]:
    """Return a recorded frame that set the best bid and after which a valid step closed, and that level in it.

    Those before and after it in the recording are those before and after it in the market.
    """
    lake, record, truth = session.capture.lake, session.records[VENUE], session.truth[VENUE]
    rows = lake.scan("grid").filter((pl.col("venue") == VENUE) & pl.col("is_valid")).select("ts_step_ns").collect()
    steps = rows["ts_step_ns"].to_numpy()
    places = record.ts_ns.searchsorted(steps[len(steps) // 2 :], side="right") - 1
    for place in places.tolist():
        frame = record.book_frames[place]
        numbers = truth.at(record.keys[place - 1 : place + 2])
        if list(numbers - numbers[0]) != [0, 1, 2]:
            continue
        bids = orjson.loads(record.payload(frame)).get("data", {}).get("b")
        best = truth.tops[numbers[1]][0]
        if bids and units(bids[0][0], DECIMALS[VENUE][0]) == best:
            return frame, orjson.dumps(bids[0])
    raise AssertionError("no frame of the session sets the best bid just before a step")


def test_a_size_altered_in_one_recorded_frame_is_found(session: Session, tmp_path: Path) -> None:
    frame, level = frame_that_sets_the_best_bid(session)
    other = level[:-3] + (b"1" if level[-3:-2] != b"1" else b"2") + level[-2:]

    def alter(seq: int, payload: bytes) -> bytes:
        return payload.replace(level, other, 1) if seq == frame.seq else payload

    lake, record = altered(session, tmp_path, alter)

    verdict = grid_against_truth(lake, record, session.truth[VENUE])
    assert verdict.wrong
    assert ledger_against_holes(lake, record, session.truth[VENUE]) == []
    assert sent_and_not_recorded(session.capture, record) != []


def test_a_frame_taken_out_of_the_recording_is_found(session: Session, tmp_path: Path) -> None:
    frame, _ = frame_that_sets_the_best_bid(session)

    lake, record = altered(session, tmp_path, lambda seq, payload: None if seq == frame.seq else payload)

    before, after = ({row["gap_id"] for row in ledger_of(each, VENUE)} for each in (session.capture.lake, lake))
    assert len(after - before) == 1
    problems = holes_against_faults(session.capture, record, session.truth[VENUE])
    assert any("missing without a fault" in line for line in problems)
    assert sent_and_not_recorded(session.capture, record) != []


def test_a_ledger_row_too_few_or_too_many_is_found(session: Session, tmp_path: Path) -> None:
    lake, record = altered(session, tmp_path, lambda seq, payload: payload)
    assert ledger_against_holes(lake, record, session.truth[VENUE]) == []
    (first, *_) = sorted(lake.files("gaps"))
    rows = pl.read_parquet(first, hive_partitioning=False)

    rows.slice(1).write_parquet(first)
    assert any("is not in the ledger" in line for line in ledger_against_holes(lake, record, session.truth[VENUE]))
    pl.concat([rows, rows.head(1).with_columns(gap_id=pl.col("gap_id") + 1)]).write_parquet(first)
    assert any("nothing was missing" in line for line in ledger_against_holes(lake, record, session.truth[VENUE]))
