"""A sealed session into the lake: what its engine saw, forecast, decided and traded, told again by its journal.

The journal is heard twice. First every hash is compared, so that only bytes that the live session vouched for are
written; then the tables are made, an hour of the grid at a time. Same journal, same bytes: landing again changes
nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.journal import Journal, JournalStep, OutputChain, Outputs
from streaming.kept_forecasts import FORECAST_WIDTH, KeptForecasts, at_horizons
from streaming.performance.stage_file import read_rows, stage_path
from streaming.performance.table import PERFORMANCE, STAGE_LATENCIES, PerformanceRows, stages_table
from streaming.performance.tracker import PerformanceTracker
from streaming.replay import engine_of, hear, replay
from streaming.segments import HOUR_NS, KIND_FORECAST, KIND_FRAME, SegmentHeader
from streaming.shell.runner import RunCounts
from streaming.trader.modes import mode_of
from streaming.trader.order_venue import REPLY_KINDS
from streaming.trader.shadow import read_shadow, shadow_path
from streaming.trading_records import FORECAST_PREFIX, Recorded, write_tables
from streaming.trading_run import RunSummary, write_summary
from warehouse.lake import Lake, hour_keys
from warehouse.records import grid_table

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LandedSession:
    """A session whose tables stand in the lake."""

    run: str
    identical: bool
    """Always true: a session whose hashes differ is not landed."""
    steps: int
    """Grid steps that it closed."""
    frames: int
    """Frames that it heard from the venues."""
    first_step_ns: int
    """0 when no step was closed."""
    last_step_ns: int
    rows: dict[str, int]
    """By table."""


def land_session(lake: Lake, journal: Path, progress: Progress) -> LandedSession:
    """Write the tables of a sealed session into `lake`, and its summary beside the journal.

    What stands behind the last hash (a session that was given up) is left out. BadDataError, and nothing written, when
    a hash differs or the journal holds none; SegmentError for a damaged one.
    """
    verdict = replay(journal, progress)
    if not verdict.identical:
        raise BadDataError(
            f"{journal}: heard again, its outputs differ from the session's at step {verdict.step_index} "
            f"({verdict.step_ts_ns} ns): nothing was written; another build wrote it, or it was altered"
        )
    progress(f"session {verdict.run}: {verdict.steps} steps identical, writing tables")
    landing = _Landing(lake, journal)
    landing.hear(verdict.steps)
    return landing.end()


class _Landing:
    """One pass over a journal that is known to be whole."""

    def __init__(self, lake: Lake, path: Path) -> None:
        self._lake = lake
        self._path = path
        self._journal = Journal(path)
        self._header = self._journal.header
        self._engine = engine_of(path, self._header)
        self._reply_sources = [source.id for source in self._header.sources if source.kind in REPLY_KINDS]
        grid = _grid_of(path, self._header)
        self._grid_name, self._grid_instruments = str(grid.get("name", "")), grid.get("instruments")
        slots = grid["slots"]
        assert isinstance(slots, list), "the engine took it"
        self._slots = [slot if isinstance(slot, int) else None for slot in slots]
        self._grid = _GridHours(lake, self._header, self._slots)
        self._recorded = Recorded()
        self._forecasts = KeptForecasts(self._header.instruments, self._slots)
        self._tracker = PerformanceTracker(self._header)
        self._performance = PerformanceRows(self._tracker)
        self._counts = RunCounts()

    def hear(self, hashes: int) -> None:
        """Hear the journal up to its last hash."""
        chain = OutputChain()
        for step in self._journal.steps():
            outputs, _ = hear(step, self._engine, chain)
            self._recorded.add(outputs)
            self._grid.add(outputs["grid"])
            self._count(step, outputs)
            self._add_forecasts(step)
            self._tracker.add(outputs)
            self._performance.advance(self._counts.ts_last_ns)
            hashes -= bool(step.digest)
            if hashes == 0:
                return

    def end(self) -> LandedSession:
        """Write what is left, the summary last."""
        run, counts = self._header.run, self._counts
        self._grid.close()
        counts.steps = self._engine.steps_closed()
        rows = write_tables(self._lake, self._header, self._recorded)
        for table, kept in (("forecasts", self._forecasts), ("shadow_forecasts", self._shadow())):
            found = kept.table(table)
            self._lake.write_table(table, {"run": run}, found)
            rows[table] = found.num_rows
        rows["session_grid"] = self._grid.rows
        for table, made in (
            (PERFORMANCE, self._performance.end(counts.ts_last_ns)),
            (STAGE_LATENCIES, stages_table(read_rows(stage_path(self._path.parent, run)))),
        ):
            self._lake.write_table(table, {"run": run}, made)
            rows[table] = made.num_rows
        write_summary(self._path.parent, self._summary())
        return LandedSession(
            run=run,
            identical=True,
            steps=counts.steps,
            frames=counts.frames,
            first_step_ns=self._grid.first_step_ns,
            last_step_ns=self._grid.last_step_ns,
            rows=rows,
        )

    def _add_forecasts(self, step: JournalStep) -> None:
        """Keep the forecasts among a step's inputs."""
        for row in step.records[step.records["kind"] == KIND_FORECAST]:
            begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
            self._tracker.forecast_input(int(row["seq"]), int(row["ts_ns"]), step.block[begin:end])
            ts_step_ns, model_id, horizon = FORECAST_PREFIX.unpack_from(step.block, begin)
            values = np.frombuffer(step.block[begin + FORECAST_PREFIX.size : end], dtype=np.float32)
            if values.size != horizon * len(self._slots) * FORECAST_WIDTH:
                continue  # the engine refused it: see the run's rejects
            head = (int(row["seq"]), int(row["ts_ns"]), ts_step_ns, model_id, horizon)
            self._forecasts.add(head, at_horizons(values.reshape(horizon, len(self._slots), FORECAST_WIDTH)))

    def _shadow(self) -> KeptForecasts:
        """Return what was forecast in the session's shadow."""
        found = KeptForecasts(self._header.instruments, self._slots)
        for forecast in read_shadow(shadow_path(self._path.parent, self._header.run)):
            if len(forecast.kept) == len(self._slots):
                found.add(forecast[:5], forecast.kept)
        return found

    def _count(self, step: JournalStep, outputs: Outputs) -> None:
        counts, records = self._counts, step.records
        counts.orders += len(outputs["order_requests"])
        counts.rejects += len(outputs["rejects"])
        if len(records) == 0:
            return
        is_frame = records["kind"] == KIND_FRAME
        is_reply = is_frame & np.isin(records["source"], self._reply_sources)
        counts.replies += int(is_reply.sum())
        counts.frames += int(is_frame.sum() - is_reply.sum())
        counts.forecasts += int((records["kind"] == KIND_FORECAST).sum())
        counts.ts_first_ns = counts.ts_first_ns or int(records["ts_ns"][0])
        counts.ts_last_ns = int(records["ts_ns"][-1])

    def _summary(self) -> RunSummary:
        present = tuple(self._header.instruments[slot].name for slot in self._slots if slot is not None)
        named = self._grid_instruments if isinstance(self._grid_instruments, list) else []
        return RunSummary(
            run=self._header.run,
            grid=self._grid_name,
            mode=mode_of(self._header.run),
            model=self._header.bundle,
            journal=str(self._path),
            instruments=present,
            masked=tuple(str(name) for name in named if name not in present),
            left_out=(),
            trade_from_ns=self._counts.ts_first_ns,
            counts=self._counts,
        )


class _GridHours:
    """Writes `session_grid`, each hour's partition as soon as the hour is over."""

    def __init__(self, lake: Lake, header: SegmentHeader, slots: Sequence[int | None]) -> None:
        self._lake = lake
        self._run = header.run
        self._names = [(entry.venue, entry.symbol) for entry in header.instruments]
        self._slots = slots
        self._parts: list[NDArray[np.void]] = []
        self._hour = -1
        self.rows = self.first_step_ns = self.last_step_ns = 0

    def add(self, rows: NDArray[np.void]) -> None:
        """Take rows in order of time."""
        if len(rows) == 0:
            return
        self.first_step_ns = self.first_step_ns or int(rows["ts_step_ns"][0])
        self.last_step_ns = int(rows["ts_step_ns"][-1])
        hours = rows["ts_step_ns"] // HOUR_NS
        for hour in np.unique(hours).tolist():
            if hour != self._hour:
                self.close()
                self._hour = hour
            self._parts.append(rows[hours == hour])

    def close(self) -> None:
        """Write the open hour."""
        if not self._parts:
            return
        rows = grid_table(np.concatenate(self._parts), self._names, self._slots)
        at = datetime.fromtimestamp(self._hour * (HOUR_NS // 1_000_000_000), tz=UTC)
        self._lake.write_table("session_grid", {"run": self._run, **hour_keys(at)}, rows)
        self.rows += rows.num_rows
        self._parts.clear()


def _grid_of(path: Path, header: SegmentHeader) -> JsonObject:
    grid = (header.engine or {}).get("grid")
    if not isinstance(grid, dict):
        raise BadDataError(f"{path}: expected a trading session, found a journal without grid")
    return grid
