"""Holds a captured session against the emulator's own account of it. Each check returns what is wrong, in lines.

Everything is counted in the numbers of the truth's updates (0 is the first that the market ever sent), so that holes,
withheld frames and ledger rows can be compared as sets. What the recorder saw is read from the raw segments by plain
Python; what the product made of it (ledger, grid) from the tables.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
import polars as pl
from capture_truth import DECIMALS, Ints, Truth, units
from emulator_process import digest
from live_capture import VENUES, Capture

import native
from native.config import EngineSettings
from streaming.recorder.plan import make_engine
from streaming.segments import KIND_FRAME, SegmentHeader, header_of, read_block, scan
from warehouse import gaps
from warehouse.lake import Lake
from warehouse.schema import PRICE_TICKS_NAMES, SIZE_UNITS_NAMES

Problems = list[str]
ROUTES = {"binance_usdm": ("public", "market"), "binance_spot": ("",), "bybit_spot": ("",)}
"""Routes by the number of their source in a run's header."""
SYMBOL = "BTCUSDT"


@dataclass(frozen=True)
class BookFrame:
    """A recorded frame that says something of the book."""

    seq: int
    ts_ns: int
    key: int
    first_id: int
    last_id: int
    """As the frame prints them."""
    is_pulled: bool
    """A snapshot over REST."""
    is_pushed: bool
    """A snapshot on the stream itself."""

    @property
    def is_restart(self) -> bool:
        """True for Bybit's sign that its server began anew."""
        return self.is_pushed and self.last_id == 1


class VenueRecord:
    """What one venue's run holds, in order of arrival."""

    def __init__(self, lake: Lake, venue: str) -> None:
        self.venue = venue
        self.blocks: list[bytes] = []
        self.header: SegmentHeader | None = None
        self.book_frames: list[BookFrame] = []
        self.digests: dict[int, list[int]] = {source: [] for source in range(len(ROUTES[venue]))}
        """Of the frames of each socket."""
        for hour in lake.hours(venue):
            (path,) = lake.segments(venue, hour)
            block = read_block(path)
            self.header = header_of(path, block)
            self.blocks.append(block)
            records = scan(path, block)
            for record in records[records["kind"] == KIND_FRAME]:
                begin = int(record["offset"])
                payload = block[begin : begin + int(record["length"])]
                self._take(int(record["source"]), int(record["seq"]), int(record["ts_ns"]), payload)

    def _take(self, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        if source in self.digests:
            self.digests[source].append(digest(payload))
            if b"@depth@" not in payload[:60] and not payload.startswith(b'{"topic":"orderbook'):
                return
        document = orjson.loads(payload)
        data = document.get("data", document)
        if "lastUpdateId" in data:
            last = data["lastUpdateId"]
            self.book_frames.append(BookFrame(seq, ts_ns, last, last, last, is_pulled=True, is_pushed=False))
        elif "u" in data:
            first, key = data.get("U", data["u"]), data.get("seq", data["u"])
            is_pushed = document.get("type") == "snapshot"
            self.book_frames.append(BookFrame(seq, ts_ns, key, first, data["u"], is_pulled=False, is_pushed=is_pushed))

    def payload(self, frame: BookFrame) -> bytes:
        """Return a frame as it was recorded."""
        for block in self.blocks:
            records = native.scan_records(block)
            for record in records[(records["kind"] == KIND_FRAME) & (records["seq"] == frame.seq)]:
                begin = int(record["offset"])
                return block[begin : begin + int(record["length"])]
        raise KeyError(frame)

    @cached_property
    def keys(self) -> Ints:
        return np.array([frame.key for frame in self.book_frames], np.int64)

    @cached_property
    def ts_ns(self) -> Ints:
        return np.array([frame.ts_ns for frame in self.book_frames], np.int64)


@dataclass(frozen=True)
class Hole:
    """Updates `first` to `last` of the truth, missing between what was known and the frame that came next."""

    first: int
    last: int
    known: BookFrame
    """Carries the newest update heard before."""
    next: BookFrame


def holes_of(record: VenueRecord, truth: Truth) -> Iterator[Hole]:
    """Yield where the recorded stream, helped by the snapshots between, misses updates of the market."""
    numbers = truth.at(record.keys).tolist()
    newest, known = -1, None
    for frame, number in zip(record.book_frames, numbers, strict=True):
        if known is not None and not frame.is_pulled and number > newest + 1:
            yield Hole(newest + 1, number - 1, known, frame)
        if number > newest and (known is not None or not frame.is_pulled):
            newest, known = number, frame


# --- capture: what was put on a socket is in the segments, in order, once ------------------------------------------


def sent_and_not_recorded(capture: Capture, record: VenueRecord) -> Problems:
    """Compare segments with what the emulator handed to each connection; the last of one that ended may be missing."""
    problems = []
    for source, route in enumerate(ROUTES[record.venue]):
        recorded, at = record.digests[source], 0
        own = [row for row in capture.connections if (row["venue"], row["route"]) == (record.venue, route)]
        for row in own:
            sent = capture.sent.get(row["id"], np.empty(0, np.uint64)).tolist()
            heard = _common(sent, recorded[at : at + len(sent)])
            at += heard
            may_be_cut = row["ending"] in ("fault", "client", "slow") and row is not own[-1]
            if heard < len(sent) and not may_be_cut:
                problems.append(f"{record.venue} connection {row['id']}: {heard} of {len(sent)} frames sent are there")
        if at != len(recorded):
            problems.append(f"{record.venue} source {source}: frame {at} of {len(recorded)} is none that was sent next")
    return problems


def _common(sent: list[int], recorded: list[int]) -> int:
    """Return how many frames both begin with."""
    return next(
        (at for at, (one, other) in enumerate(zip(sent, recorded, strict=False)) if one != other), len(recorded)
    )


# --- (a) books at the end -------------------------------------------------------------------------------------------


def books_that_end_wrong(capture: Capture, record: VenueRecord, levels: int) -> Problems:
    """Compare the core's book after the last record with the emulator's: the best `levels` of each side."""
    assert record.header is not None
    engine = make_engine(record.header, EngineSettings())
    engine.process(native.merge_blocks(record.blocks))
    price_decimals, size_decimals = DECIMALS[record.venue]
    true_book, problems = capture.played["books"][f"{record.venue}:{SYMBOL}"], []
    for name, own in zip(("bids", "asks"), engine.book(0, levels), strict=True):
        printed = true_book[name][:levels]
        true = [[units(price, price_decimals), units(size, size_decimals)] for price, size in printed]
        if not true or own.tolist() != true:
            problems.append(f"{record.venue} {name} at the end: expected {true[:3]}..., found {own.tolist()[:3]}...")
    return problems


# --- (b) every hole is in the ledger, and nothing else --------------------------------------------------------------


def ledger_of(lake: Lake, venue: str) -> list[dict[str, Any]]:
    return gaps.ledger(lake).filter(pl.col("venue") == venue).collect().to_dicts()


def ledger_against_holes(lake: Lake, record: VenueRecord, truth: Truth) -> Problems:
    """Match the ledger's rows with the holes, one to one.

    Before the book was whole for the first time there is nothing to lose. After that a hole has the row that the frame
    behind it opened, which names the last id known and the first one seen; or that frame fell into the time of an
    earlier row, before its repair. Every other row is a restart of the server, opened by its snapshot, or says
    `not_recorded`: nothing at all was heard for an hour or more, and the conversion began anew behind it; such a row
    lies in a hole. Every row is closed in the end, and its time begins at the newest frame applied.
    """
    venue, problems = record.venue, []
    ledger, synced = ledger_of(lake, venue), _synced_seqs(lake, venue)
    silences = {row["gap_id"]: row for row in ledger if row["cause_name"] == "not_recorded"}
    rows = {row["gap_id"]: row for row in ledger if row["gap_id"] not in silences}
    spans = [(seq, row["seq"]) for seq, row in rows.items()]
    spans += [(seq - 1, next(each for each in synced if each > seq)) for seq in silences]
    holes = {hole.next.seq: hole for hole in holes_of(record, truth) if hole.next.seq > synced[0]}
    restarts = {frame.seq: frame for frame in record.book_frames if frame.is_restart and frame.seq > synced[0]}
    for seq in sorted(holes.keys() | restarts.keys()):
        row = rows.pop(seq, None)
        if row is not None:
            problems += _row_problems(venue, row, holes.get(seq), restarts.get(seq))
        elif not any(opened < seq <= closed for opened, closed in spans):
            problems.append(f"{venue} seq {seq}: {_text(holes.get(seq))} is not in the ledger")
    problems += [f"{venue} ledger row {seq} ({row['cause_name']}): nothing was missing" for seq, row in rows.items()]
    for seq, row in silences.items():
        if not any(
            hole.known.ts_ns <= row["ts_from_ns"] < row["ts_to_ns"] <= hole.next.ts_ns for hole in holes.values()
        ):
            problems.append(f"{venue} ledger row {seq} (not_recorded): something was heard in its time")
    return problems


def _row_problems(venue: str, row: dict[str, Any], hole: Hole | None, restart: BookFrame | None) -> Problems:
    place, problems = f"{venue} ledger row {row['gap_id']}", []
    cause = "server_restart" if restart is not None else "sequence_break"
    if row["cause_name"] != cause:
        problems.append(f"{place}: expected cause {cause}, found {row['cause_name']}")
    if not row["is_closed"]:
        problems.append(f"{place}: never repaired")
    if hole is not None:
        ids = hole.known.last_id, hole.next.first_id
        if (row["sequence_from"], row["sequence_to"]) != ids:
            problems.append(f"{place}: expected ids {ids}, found {row['sequence_from']}, {row['sequence_to']}")
        if not hole.known.ts_ns <= row["ts_from_ns"] < hole.next.ts_ns <= row["ts_to_ns"]:
            problems.append(f"{place}: its time does not hold the hole")
    return problems


def _text(hole: Hole | None) -> str:
    return "a restart" if hole is None else f"a hole of {hole.last - hole.first + 1} updates after {hole.known.last_id}"


def _synced_seqs(lake: Lake, venue: str) -> list[int]:
    """Return the inputs by which the book became whole, ascending."""
    events = lake.scan("feed_events").filter((pl.col("venue") == venue) & (pl.col("state_to_name") == "synced"))
    return events.select("seq").sort("seq").collect()["seq"].to_list()


def holes_against_faults(capture: Capture, record: VenueRecord, truth: Truth) -> Problems:
    """Compare what is missing with what the emulator says it withheld, connection by connection.

    No withheld update is recorded as such. Between the first and the last frame of a connection an update is missing
    because a fault withheld it, or, on Bybit, because the recorder was just subscribing anew: then a pushed snapshot
    comes next. What else is missing was due while nobody was connected, or was lost with a connection that was cut;
    that nothing more is, `sent_and_not_recorded` sees to.
    """
    problems, place = [], f"{record.venue} connection"
    streamed = [frame for frame in record.book_frames if not frame.is_pulled]
    numbers = truth.at(np.array([frame.key for frame in streamed], np.int64)).tolist()
    pushed = {number for number, frame in zip(numbers, streamed, strict=True) if frame.is_pushed}
    heard = sorted(set(numbers))
    updates = set(heard) - pushed
    for row in capture.connections:
        if row["venue"] != record.venue or not any("depth" in name or "orderbook" in name for name in row["streams"]):
            continue
        withheld = withheld_from(capture, row["id"], truth)
        if withheld & updates:
            problems.append(f"{place} {row['id']}: {sorted(withheld & updates)[:5]} were withheld and are recorded")
        began, ended = (int(np.searchsorted(truth.ts_ns, row[name])) for name in ("ts_opened_ns", "ts_ended_ns"))
        own = heard[bisect_left(heard, began) : bisect_left(heard, ended or len(truth.keys))]
        for before, after in pairwise(own):
            missing = set() if after in pushed else set(range(before + 1, after)) - withheld
            if missing:
                problems.append(
                    f"{place} {row['id']}: {len(missing)} updates after {before} are missing without a fault"
                )
    return problems


def withheld_from(capture: Capture, connection: int, truth: Truth) -> set[int]:
    """Return the numbers of the updates that faults kept from a connection, by the emulator's log."""
    found: set[int] = set()
    for record in capture.played["faults"]:
        for loss in record["losses"]:
            if loss["connection"] == connection:
                first, last = truth.sent_at(loss["ts_first_ns"]), truth.sent_at(loss["ts_last_ns"])
                assert last - first + 1 == loss["frames"]
                found |= set(range(first, last + 1))
    return found


# --- (c) no wrong book at any step ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class GridVerdict:
    """How the grid's rows of one venue compare with the truth."""

    steps: int
    valid: int
    wrong: Problems


def grid_against_truth(lake: Lake, record: VenueRecord, truth: Truth) -> GridVerdict:
    """Compare each valid row with the true book after the newest update received by then.

    Which one that is comes from the raw frames, not from the core: so a row whose book stayed behind is wrong too.
    Inside a ledger row's time, once it was noticed, no row may be valid.
    """
    columns = ["ts_step_ns", "is_valid", *PRICE_TICKS_NAMES, *SIZE_UNITS_NAMES]
    rows = lake.scan("grid").filter(pl.col("venue") == record.venue).select(columns).sort("ts_step_ns").collect()
    valid = rows.filter("is_valid")
    steps, problems = valid["ts_step_ns"].to_numpy(), []
    newest = np.maximum.accumulate(record.keys)
    numbers = truth.at(newest[np.searchsorted(record.ts_ns, steps, side="right") - 1])
    found = valid.select(*PRICE_TICKS_NAMES, *SIZE_UNITS_NAMES).to_numpy()
    for at in np.flatnonzero((found != truth.tops[numbers]).any(axis=1))[:10]:
        problems.append(f"{record.venue} step {steps[at]}: expected {truth.tops[numbers[at]]}, found {found[at]}")
    opened_ns = {frame.seq: frame.ts_ns for frame in record.book_frames}
    for row in ledger_of(lake, record.venue):
        begin_ns = opened_ns.get(row["gap_id"], row["ts_to_ns"])
        inside = int(((steps >= begin_ns) & (steps < row["ts_to_ns"])).sum())
        if inside:
            problems.append(f"{record.venue} ledger row {row['gap_id']}: {inside} steps are valid while it was open")
    return GridVerdict(rows.height, valid.height, problems)


def last_keys(records: dict[str, VenueRecord]) -> dict[str, int]:
    return {venue: int(record.keys.max()) for venue, record in records.items()}


def read_records(lake: Lake) -> dict[str, VenueRecord]:
    return {venue: VenueRecord(lake, venue) for venue in VENUES}
