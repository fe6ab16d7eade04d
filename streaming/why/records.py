"""What a run's records say of one order: from the lake where the run has landed, else from its journal, heard again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from native.config import JsonObject
from streaming.journal import Journal, OutputChain
from streaming.replay import engine_of, hear
from streaming.trading_records import TABLES_OF_KINDS, Recorded
from streaming.why.links import ALTERED, OK, RecordsLink
from warehouse.lake import Lake
from warehouse.records import to_table

KIND_OF_TABLE = {table: kind for kind, table in TABLES_OF_KINDS.items()}
PROGRESS_EVERY_STEPS = 5_000
ID = "client_order_id"

Progress = Callable[[str], None]
ReadTable = Callable[[str], pa.Table]


@dataclass(frozen=True, slots=True)
class RunRecords:
    """One run's tables, wherever they come from."""

    run: str
    place: str
    table: ReadTable
    state: str = OK
    words: str = ""

    def last_order(self) -> int | None:
        """Return the newest order's id, None for a run without orders."""
        ids = self.table("orders")[ID]
        return int(pc.max(ids).as_py()) if len(ids) else None

    def of_order(self, number: int) -> RecordsLink | None:
        """Return what is known of an order, None when the run does not know it."""
        events = _rows(self.table("orders"), ID, number)
        if not events:
            return None
        fills = _rows(self.table("fills"), ID, number)
        return RecordsLink(
            run=self.run,
            place=self.place,
            events=tuple(events),
            fills=tuple(fills),
            decision=_decision(self.table("decisions"), number, events[0]),
            state=self.state,
            words=self.words,
        )


def landed_records(lake: Lake, run: str) -> RunRecords | None:
    """Return the records of a run whose tables stand in the lake."""
    if not lake.exists("orders", {"run": run}):
        return None
    return RunRecords(run, "lake", lambda table: lake.read_partition(table, {"run": run}))


def journal_records(path: Path, progress: Progress) -> RunRecords:
    """Hear a journal, sealed or still growing, and return its records; up to where its hashes hold.

    BadDataError or SegmentError when it cannot be heard at all.
    """
    journal = Journal(path)
    engine, chain, recorded = engine_of(path, journal.header), OutputChain(), Recorded()
    state, words = OK, ""
    for number, step in enumerate(journal.steps(), 1):
        outputs, is_same = hear(step, engine, chain)
        recorded.add(outputs)
        if not is_same:
            state, words = ALTERED, f"its outputs differ from step {step.ts_ns} ns on: another build, or altered bytes"
            break
        if number % PROGRESS_EVERY_STEPS == 0:
            progress(f"why: {path.name}: {number} steps heard")
    names = [(entry.venue, entry.symbol) for entry in journal.header.instruments]

    def table(name: str) -> pa.Table:
        kind = KIND_OF_TABLE[name]
        return to_table(name, recorded.table(kind), instruments=names, arena=bytes(recorded.arena))

    return RunRecords(journal.header.run, "journal", table, state, words)


def _decision(decisions: pa.Table, number: int, event: JsonObject) -> JsonObject | None:
    """Return the decision that names the order, else the one of the same cause and instrument."""
    named = _rows(decisions, ID, number)
    if named:
        return named[0]
    same = [
        row
        for row in _rows(decisions, "seq", event["seq"])
        if (row["venue"], row["instrument"]) == (event["venue"], event["instrument"])
    ]
    return same[0] if same else None


def _rows(table: pa.Table, column: str, value: object) -> list[JsonObject]:
    field = table.schema.field(column)
    is_it = pc.equal(table[column], pa.scalar(value, type=field.type))
    found: list[JsonObject] = table.filter(is_it).to_pylist()
    return [{name: _plain(item) for name, item in row.items()} for row in found]


def _plain(value: object) -> bool | int | float | str | None:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    assert value is None or isinstance(value, bool | int | float | str), f"a column of plain values, found {value!r}"
    return value
