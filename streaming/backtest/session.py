"""A sealed session as one lane of a backtest: its journal's inputs, its settings, and what came out again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

import native
from native.config import JsonObject
from streaming.backtest.forecasts import Delivery
from streaming.backtest.market import document_text
from streaming.backtest.records import LaneRecords, course_of
from streaming.errors import BadDataError, UsageError
from streaming.journal import Journal, JournalStep
from streaming.segments import KIND_FRAME, SegmentHeader
from streaming.settings import Settings
from streaming.trading_run import JOURNAL_SUFFIX, RUNS_NAMED
from warehouse.lake import Lake
from warehouse.records import to_table

COMPARED = {"orders": "order_events", "fills": "fills"}
"""Lake table and kind of record."""
ENGINE_SECTIONS = frozenset({"instruments", "sources", "emit", "feed", "grid"})
"""Of an engine's document; the others are the trader's."""
STEPS_BETWEEN_LINES = 5_000

Progress = Callable[[str], None]
Rewrite = Callable[[JournalStep], bytes | memoryview]


@dataclass(frozen=True, slots=True)
class TableVerdict:
    """One table of the session beside the backtest's."""

    table: str
    session_rows: int
    backtest_rows: int
    differing: int
    """Rows that are not the same, byte for byte, at the same place."""
    first: str
    """Where they differ first; empty when they do not."""

    @property
    def is_identical(self) -> bool:
        """Tell whether every byte agrees."""
        return self.differing == 0


def session_journal(settings: Settings, run: str) -> Path:
    """Return the sealed journal of a session; UsageError names the newest ones for a name that is none."""
    folder = settings.warehouse.journal_dir
    path = folder / f"{run}{JOURNAL_SUFFIX}"
    if path.is_file():
        return path
    found = sorted(folder.glob(f"*{JOURNAL_SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
    newest = ", ".join(file.name.removesuffix(JOURNAL_SUFFIX) for file in found[: -RUNS_NAMED - 1 : -1])
    raise UsageError(f"{folder}: no sealed session is called {run!r}; the newest are: {newest or 'none yet'}")


def as_it_was(step: JournalStep) -> memoryview:
    """Return a step's inputs unchanged."""
    return step.inputs


@dataclass(frozen=True, slots=True)
class Session:
    """A sealed session; `hear` it as often as needed."""

    path: Path
    header: SegmentHeader

    @property
    def quote(self) -> str:
        """Currency of the first instrument."""
        return self.header.instruments[0].quote or "quote"

    @property
    def document(self) -> JsonObject:
        """The engine's document; BadDataError when there is no trading in it."""
        if self.header.engine is None or "grid" not in self.header.engine:
            raise BadDataError(f"{self.path}: expected a trading session, found a segment without engine and grid")
        return self.header.engine

    @property
    def grid(self) -> JsonObject:
        """Its grid."""
        grid = self.document["grid"]
        assert isinstance(grid, dict), "an engine took it"
        return grid

    @property
    def step_ns(self) -> int:
        """Length of a step."""
        step_ns = self.grid["step_ns"]
        assert isinstance(step_ns, int), "an engine took it"
        return step_ns

    @property
    def slots(self) -> int:
        """Slots of the grid."""
        slots = self.grid["slots"]
        assert isinstance(slots, list), "an engine took it"
        return len(slots)

    def steps(self) -> Iterator[JournalStep]:
        """Yield what the session vouched for: behind the last hash nothing counts."""
        waiting: list[JournalStep] = []
        for step in Journal(self.path).steps():
            waiting.append(step)
            if step.digest:
                yield from waiting
                waiting.clear()

    def hear(self, rewrite: Rewrite, progress: Progress, delivery: Delivery | None = None) -> tuple[LaneRecords, int]:
        """Return what one lane with the session's settings puts out, and how many frames it heard."""
        backtest, records, frames, last_ns = self._backtest(), LaneRecords(), 0, 0
        if delivery is not None and len(delivery.ts_ns):
            ids = np.zeros(len(delivery.ts_ns), dtype=np.uint32)
            backtest.forecasts(delivery.ts_ns, delivery.ts_step_ns, ids, delivery.values)
        for number, step in enumerate(self.steps()):
            backtest.process(rewrite(step))
            records.add(backtest.drain(0))
            frames += int((step.records["kind"] == KIND_FRAME).sum())
            last_ns = int(step.records["ts_ns"][-1]) if len(step.records) else last_ns
            if number % STEPS_BETWEEN_LINES == 0:
                progress(f"session {self.header.run}: {frames} frames")
        return records, frames

    def _backtest(self) -> native.Backtest:
        lane: JsonObject = {name: part for name, part in self.document.items() if name not in ENGINE_SECTIONS}
        lane |= {"timers": False, "record": "all"}
        try:
            return native.Backtest(document_text(self.document), [document_text(lane)])
        except ValueError as error:
            raise BadDataError(
                f"{self.path}: header: {error}; the journal is of another build ({self.header.build})"
            ) from error

    def verdict(self, table: str, own: pa.Table, records: LaneRecords) -> TableVerdict:
        """Compare the session's own table with what came out again."""
        names = [(entry.venue, entry.symbol) for entry in self.header.instruments]
        again = to_table(table, records.table(COMPARED[table]), instruments=names, arena=bytes(records.arena))
        return compare_tables(table, own, again)

    def pnl_e8(self, records: LaneRecords) -> int:
        """Return the result at the end of what trades against `quote`, in 10^-8 of it."""
        first = self.header.instruments[0]
        entries = [entry for entry in self.header.instruments if entry.quote == first.quote]
        equity = course_of(records, entries).equity_e8
        return int(equity[-1]) if len(equity) else 0

    def landed_pnl_e8(self, lake: Lake) -> int:
        """Return the session's result as its own table of positions tells it."""
        rows = pl.from_arrow(lake.read_partition("positions", {"run": self.header.run}))
        assert isinstance(rows, pl.DataFrame), "a table is a frame"
        ids = {(entry.venue, entry.symbol): entry.id for entry in self.header.instruments}
        records = np.zeros(len(rows), dtype=native.dtypes["positions"])
        for name in records.dtype.names or ():
            if name in rows.columns and name != "instrument":
                records[name] = rows[name].to_numpy()
        records["instrument"] = [ids[pair] for pair in zip(rows["venue"], rows["instrument"], strict=True)]
        return self.pnl_e8(LaneRecords({"positions": [records]}))


def compare_tables(table: str, own: pa.Table, again: pa.Table) -> TableVerdict:
    """Compare two tables of the same columns row by row."""
    common = min(own.num_rows, again.num_rows)
    differs = np.zeros(common, dtype=np.bool_)
    first = ""
    for name in again.column_names:
        ours, theirs = (part[name].slice(0, common).to_numpy(zero_copy_only=False) for part in (own, again))
        column = ours != theirs
        differs |= column
        if not first and column.any():
            place = int(np.argmax(column))
            first = f"row {place}: {name} was {ours[place]}, is {theirs[place]}"
    extra = abs(own.num_rows - again.num_rows)
    if not first and extra:
        first = f"row {common}: only in the {'session' if own.num_rows > again.num_rows else 'backtest'}"
    return TableVerdict(table, own.num_rows, again.num_rows, int(differs.sum()) + extra, first)
