"""A journal heard up to the input that caused an order: the books and the forecast exactly as they stood then.

The engine is the session's own, told to put out book updates as well: they name the frame behind each book. The hash
chain leaves them out where the session did, so it is compared on the way as in a replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native.config import JsonObject
from streaming.journal import Journal, JournalStep, OutputChain, record_begins
from streaming.replay import engine_of
from streaming.segments import KIND_FORECAST, KIND_FRAME, SegmentHeader
from streaming.trading_records import FORECAST_PREFIX
from streaming.why.links import ALTERED, OK, FileLink
from streaming.why.records import PROGRESS_EVERY_STEPS, Progress

UPDATES = "book_updates"


@dataclass(slots=True)
class LastFrame:
    """The frame that last changed a book."""

    seq: int
    update_id: int
    ts_recv_ns: int
    payload: bytes


@dataclass(slots=True)
class LastForecast:
    """A forecast as it went in."""

    seq: int
    ts_ns: int
    ts_step_ns: int
    model_id: int
    values: NDArray[np.float32]
    """[H, V, 20]"""


@dataclass(slots=True)
class HeardUntil:
    """How things stood when the engine had taken the input of `seq`."""

    header: SegmentHeader
    journal: FileLink
    frames: dict[int, LastFrame] = field(default_factory=dict)
    """By the engine's instrument id."""
    forecast: LastForecast | None = None
    touches: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict)
    """By instrument: best bid and ask, each [price_ticks, size_units], empty where there is none."""


def hear_until(path: Path, seq: int, progress: Progress) -> HeardUntil:
    """Hear a journal up to the input `seq`, that included; SegmentError for one that is damaged before it."""
    return _Hearing(path, seq, progress).run()


class _Hearing:
    def __init__(self, path: Path, seq: int, progress: Progress) -> None:
        self._path = path
        self._seq = seq
        self._progress = progress
        self._journal = Journal(path)
        header = self._journal.header
        self._engine = engine_of(path, _telling(header))
        self._hidden = set() if _emits_updates(header) else {UPDATES}
        self._chain = OutputChain()
        self._slots = _slot_count(header)
        self._found = HeardUntil(header, FileLink(path.name, OK))

    def run(self) -> HeardUntil:
        found, number = self._found, 0
        for number, step in enumerate(self._journal.steps(), 1):
            if len(step.records) and int(step.records["seq"][-1]) >= self._seq:
                self._hear_part(step)
                break
            self._hear(step, step.inputs)
            if step.digest and self._chain.close_step() != step.digest:
                words = f"its outputs differ from the session's at {step.ts_ns} ns: another build, or altered bytes"
                found.journal = FileLink(self._path.name, ALTERED, words)
            if number % PROGRESS_EVERY_STEPS == 0:
                self._progress(f"why: {self._path.name}: {number} steps heard again")
        for entry in found.header.instruments:
            bids, asks = self._engine.book(entry.id, 1)
            found.touches[entry.id] = tuple(  # type: ignore[assignment]  # two sides
                [int(item) for item in side[0]] if len(side) else [] for side in (bids, asks)
            )
        return found

    def _hear_part(self, step: JournalStep) -> None:
        """Hear a step's inputs up to the one wanted."""
        begins = record_begins(step.records, len(step.block))
        end = int(np.searchsorted(step.records["seq"], self._seq, side="right"))
        first = int(begins[0])
        self._hear(step, step.inputs[: int(begins[end]) - first] if end < len(step.records) else step.inputs)

    def _hear(self, step: JournalStep, inputs: memoryview) -> None:
        self._engine.process(inputs)
        outputs = self._engine.drain()
        self._chain.add({kind: records for kind, records in outputs.items() if kind not in self._hidden})
        self._note_frames(step, outputs)
        self._note_forecast(step)

    def _note_frames(self, step: JournalStep, outputs: Mapping[str, NDArray[np.void]]) -> None:
        updates = outputs[UPDATES]
        for instrument in np.unique(updates["instrument"]).tolist():
            last = updates[updates["instrument"] == instrument][-1]
            seq = int(last["seq"])
            payload = _payload(step, seq)
            self._found.frames[instrument] = LastFrame(seq, int(last["update_id"]), int(last["ts_recv_ns"]), payload)

    def _note_forecast(self, step: JournalStep) -> None:
        records = step.records
        own = records[(records["kind"] == KIND_FORECAST) & (records["seq"] <= self._seq)]
        if len(own) == 0:
            return
        row = own[-1]
        begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
        ts_step_ns, model_id, horizon = FORECAST_PREFIX.unpack_from(step.block, begin)
        values = np.frombuffer(step.block[begin + FORECAST_PREFIX.size : end], dtype=np.float32)
        if values.size == horizon * self._slots * 20:
            self._found.forecast = LastForecast(
                int(row["seq"]), int(row["ts_ns"]), ts_step_ns, model_id, values.reshape(horizon, self._slots, 20)
            )


def _payload(step: JournalStep, seq: int) -> bytes:
    """Return the frame of `seq`, nothing where the step does not hold it."""
    records = step.records
    at = int(np.searchsorted(records["seq"], seq))
    if at == len(records) or int(records["seq"][at]) != seq or int(records["kind"][at]) != KIND_FRAME:
        return b""
    begin = int(records["offset"][at])
    return step.block[begin : begin + int(records["length"][at])]


def _telling(header: SegmentHeader) -> SegmentHeader:
    """Return the header with an engine that puts out book updates."""
    engine = header.engine or {}
    emit = engine.get("emit")
    wanted: JsonObject = {**(emit if isinstance(emit, dict) else {}), UPDATES: True}
    return replace(header, engine={**engine, "emit": wanted})


def _emits_updates(header: SegmentHeader) -> bool:
    emit = (header.engine or {}).get("emit")
    return isinstance(emit, dict) and emit.get(UPDATES) is True


def _slot_count(header: SegmentHeader) -> int:
    grid = (header.engine or {}).get("grid")
    slots = grid.get("slots") if isinstance(grid, dict) else None
    return len(slots) if isinstance(slots, list) else 0
