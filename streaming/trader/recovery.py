"""Going on with a session whose process died: its journal is heard again from the beginning, then appended to.

Theory of operation. A journal holds every input of the engine, the simulated venue's replies among them, but not what
went to the venue: that follows from the inputs. So the engine hears the records block by block, and its order requests
are kept by the seq of their cause. The venue hears the same frames one by one, takes each request after the record that
caused it, and is moved from event to event as the session moves it. What it answers must be, byte for byte, the next
reply in the journal; what it has answered beyond the journal's end had been lost with the torn tail and is delivered
with the first new input. The hash of all outputs is compared wherever the journal holds one.

The journal of a live session holds what its venues said, and no venue is needed to hear it again. What they said beyond
its end, or while nobody heard them, is found by reconciliation before anything new is ordered.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from native.config import NS_PER_MS, JsonObject
from streaming.errors import BadDataError, RefusedError, SegmentError, TornError
from streaming.journal import Journal, JournalStep, is_zeroed
from streaming.live_journal import LiveJournal
from streaming.live_segments import PART_SUFFIX
from streaming.replay import hear
from streaming.segments import (
    KIND_FORECAST,
    KIND_FRAME,
    KIND_OUTPUT_HASH,
    KIND_REQUEST,
    SegmentHeader,
    stream_blocks,
)
from streaming.trader.machine import Machine
from streaming.trader.modes import session_files
from streaming.trader.order_venue import OrderVenue, ReplySources
from streaming.trader.plan import TraderPlan
from streaming.trader.session import TradingSession
from streaming.trading_records import FORECAST_PREFIX
from warehouse.files import sync

PROGRESS_EVERY_STEPS = 2_000
DAMAGED_SUFFIX = ".damaged"
HEADER_BYTES_MAX = 1 << 16
"""A header of 64 instruments takes a quarter of this."""
WAYS_ON = "put the old settings back, or give the session up and begin a new one with: trader start --new-session"

Progress = Callable[[str], None]


def interrupted_session(journal_dir: Path) -> Path | None:
    """Return the newest growing journal of a session, None when there is none.

    One whose process died before an input was whole holds nothing (no order has left either) and is removed: it must
    bind nobody to its settings. Call it under the trader's lock.
    BadDataError when a header is damaged.
    """
    for part in reversed(session_files(journal_dir, f".seg.zst{PART_SUFFIX}")):
        try:
            is_empty = _is_empty(part)
        except SegmentError as error:
            raise BadDataError(f"{error}; or move the file away and start again") from error
        if not is_empty:
            return part
        part.unlink()
    return None


def _is_empty(part: Path) -> bool:
    """Tell whether nothing was written whole but the header, if that."""
    is_small, blocks, whole = part.stat().st_size <= HEADER_BYTES_MAX, stream_blocks(part), 0
    try:
        while whole < 2 and next(blocks, None) is not None:
            whole += 1
    except SegmentError as error:
        is_torn = isinstance(error, TornError) and is_small  # a large one is damaged, with a session behind it
        if whole == 0 and not is_torn:
            raise
        return is_torn
    return whole < 2


def seal_interrupted(path: Path) -> Path | None:
    """Give an interrupted session up: cut what is torn off its journal, seal the rest and return it.

    None, and no file, when nothing but a header was whole. Records after the last hash stay, unvouched. Of a journal
    that is damaged before its end, all of it is kept as well, as `.damaged`.
    """
    whole_bytes = blocks = 0
    try:
        for end, _ in stream_blocks(path):
            whole_bytes, blocks = end, blocks + 1
    except SegmentError as error:
        if not isinstance(error, TornError) and not is_zeroed(path, whole_bytes):
            kept = path.with_name(path.name.removesuffix(PART_SUFFIX) + DAMAGED_SUFFIX)
            shutil.copyfile(path, kept)  # there may be whole blocks behind it, for a person to look at
            sync(kept)
        os.truncate(path, whole_bytes)
    if blocks < 2:
        path.unlink()
        return None
    sync(path)
    sealed = path.with_name(path.name.removesuffix(PART_SUFFIX))
    path.replace(sealed)
    sync(sealed.parent)
    return sealed


def resume_session(
    path: Path, plan: TraderPlan, progress: Progress, orders: OrderVenue | None = None
) -> TradingSession:
    """Return the session of an interrupted journal, ready for new inputs; run and run tag are the journal's.

    `orders`: where the orders of a live session go from now on.

    RefusedError when the plan's engine document is another one than the journal's, or the clock is behind it;
    BadDataError when the journal does not give its own hashes or replies again, or is damaged before its end.
    """
    journal = Journal(path)
    _check_document(path, journal.header, plan)
    machine = Machine.fresh(journal.header)
    past = _Past(path, journal.header, machine)
    try:
        for number, step in enumerate(journal.steps(), 1):
            past.live(step)
            if number % PROGRESS_EVERY_STEPS == 0:
                progress(f"recovery: {machine.counts.frames} frames, {machine.counts.orders} orders")
    except SegmentError as error:
        raise BadDataError(f"{error}; or begin a new session with: trader start --new-session") from error
    past.end()
    if plan.made_ns < machine.last_ns:
        raise RefusedError(
            f"{path}: ends at {_at(machine.last_ns)}, the clock says {_at(plan.made_ns)}; set the clock "
            "right, or begin a new session with: trader start --new-session"
        )
    if journal.whole_bytes < path.stat().st_size:
        progress(f"recovery: cut {path.stat().st_size - journal.whole_bytes} torn bytes off {path.name}")
        os.truncate(path, journal.whole_bytes)
    live = LiveJournal.reopen(path.with_name(path.name.removesuffix(PART_SUFFIX)))
    return TradingSession(replace(plan, header=journal.header), live, machine, orders)


class _Past:
    """Takes a machine through the steps of its journal."""

    def __init__(self, path: Path, header: SegmentHeader, machine: Machine) -> None:
        self._path = path
        self._machine = machine
        self._replies = ReplySources(header)
        self._hashed_steps = 0

    def live(self, step: JournalStep) -> None:
        """Hear a step and compare its hash."""
        machine = self._machine
        outputs, is_same = hear(step, machine.engine, machine.chain)
        if not is_same:
            raise self._differs(f"the outputs up to {_at(step.ts_ns)}")
        machine.standing.add(outputs)
        machine.performance.add(outputs)
        if len(step.records):
            self._hear_records(step, _by_seq(outputs["order_requests"]))
        if step.digest:
            machine.seq, machine.last_ns = step.seq, step.ts_ns
            self._hashed_steps = machine.engine.steps_closed()

    def end(self) -> None:
        """Take note of what only the end tells."""
        machine = self._machine
        machine.counts.steps = machine.engine.steps_closed()
        machine.is_hash_due = machine.counts.steps != self._hashed_steps
        machine.performance.catch_up()
        machine.performance.orders.take_answers()
        machine.standing.take_events()  # told by the process that died, or too late to tell

    def _hear_records(self, step: JournalStep, orders: Mapping[int, NDArray[np.void]]) -> None:
        """Let the venue hear the step's frames and take its orders, and keep count."""
        machine, venue, block = self._machine, self._machine.venue, step.block
        next_ns = venue.next_ts_ns()
        for kind, source, seq, ts_ns, begin, end in _rows(step.records):
            while next_ns is not None and next_ns <= ts_ns:
                machine.owed += venue.due(next_ns)
                next_ns = venue.next_ts_ns()
            if kind == KIND_FRAME:
                payload = block[begin:end]
                if source in self._replies.all:
                    self._take_reply(ts_ns, payload)
                else:
                    machine.counts.frames += 1
                    if venue.frame(seq, source, ts_ns, payload) or next_ns is not None:
                        next_ns = venue.next_ts_ns()
            elif kind == KIND_FORECAST:
                machine.counts.forecasts += 1
                machine.model_id = FORECAST_PREFIX.unpack_from(block, begin)[1]
                machine.performance.forecast_input(seq, ts_ns, block[begin:end])
            if seq in orders:
                venue.submit(orders[seq], ts_ns)
                next_ns = venue.next_ts_ns()
            if kind != KIND_REQUEST:
                machine.input_ns = ts_ns
        last = step.records[-1]
        machine.seq, machine.last_ns = int(last["seq"]), int(last["ts_ns"])

    def _take_reply(self, ts_ns: int, payload: bytes) -> None:
        """Take a reply; of the simulated venue it must be the next one that it owes."""
        self._machine.counts.replies += 1
        if self._replies.is_live:
            return
        if not self._machine.owed or self._machine.owed.popleft()[1] != payload:
            raise self._differs(f"the simulated venue's reply at {_at(ts_ns)}")

    def _differs(self, what: str) -> BadDataError:
        return BadDataError(
            f"{self._path}: heard again, {what} differ from the journal's: another build wrote it, or it was altered; "
            "begin a new session with: trader start --new-session"
        )


def _rows(records: NDArray[np.void]) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Yield kind, source, seq, ts_ns, begin and end of the payload."""
    assert not (records["kind"] == KIND_OUTPUT_HASH).any(), "hashes end steps"
    begin = records["offset"].tolist()
    end = (records["offset"] + records["length"]).tolist()
    columns = [records[name].tolist() for name in ("kind", "source", "seq", "ts_ns")]
    return zip(*columns, begin, end, strict=True)


def _at(ts_ns: int) -> str:
    return f"{np.datetime64(ts_ns // NS_PER_MS, 'ms')}Z"


def _by_seq(requests: NDArray[np.void]) -> dict[int, NDArray[np.void]]:
    """Return order requests by the seq of the input that caused them."""
    if len(requests) == 0:
        return {}
    return {seq: requests[requests["seq"] == seq] for seq in np.unique(requests["seq"]).tolist()}


# --- is it the same engine? -----------------------------------------------------------------------------------------


def _check_document(path: Path, header: SegmentHeader, plan: TraderPlan) -> None:
    if header.engine is None:
        raise BadDataError(f"{path}: a raw segment, not a journal: its header holds no engine; move it away")
    found = difference(header.engine, {**plan.document, "run_tag": header.engine.get("run_tag")})
    if found is not None:
        key, old, new = found
        raise RefusedError(
            f"{path}: interrupted session {header.run}: its engine has {key} = {old!r}, now it is {new!r}; {WAYS_ON}"
        )


def difference(old: JsonObject, new: JsonObject) -> tuple[str, JsonValue, JsonValue] | None:
    """Return the first key (dotted path) whose value differs, with both values; None for equal documents."""
    return _difference("", old, new)


def _difference(place: str, old: JsonValue, new: JsonValue) -> tuple[str, JsonValue, JsonValue] | None:
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = [(str(key), old.get(key), new.get(key)) for key in sorted({*old, *new})]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(str(number), *both) for number, both in enumerate(zip(old, new, strict=True))]
    else:
        return None if old == new else (place, old, new)
    found = (_difference(f"{place}.{key}" if place else key, *both) for key, *both in pairs)
    return next((item for item in found if item is not None), None)
