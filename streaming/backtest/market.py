"""The grid that forecasts and figures are made of: from the lake where it is converted, from the frames where not.

Both give the same rows (the conversion runs the same core), an hour of the feed at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

import native
from native.config import GridConfig, JsonObject
from streaming.backtest.gaps import MaskedSpan, spans_in
from streaming.backtest.kpi import NS_PER_S, Ints
from streaming.pump import Meter, build_engine, pump
from streaming.segments import HOUR_NS, RECORD_HEAD_BYTES, InstrumentEntry
from streaming.shell.feed import Feed, FeedHour
from warehouse.lake import Lake, hour_keys
from warehouse.schema import BOOK_LEVELS, FEATURE_NAMES, GAP_CAUSES

NEVER_NS = 2**63 - 1
BEST_BID, BEST_ASK = 0, BOOK_LEVELS
TOP_COLUMNS = ("bid_price_ticks_1", "ask_price_ticks_1")


@dataclass(frozen=True, slots=True)
class GridSteps:
    """Steps in order of time: every slot's features and mid at each. T steps, V slots, 58 features."""

    ts_step_ns: Ints
    features: NDArray[np.float32]
    """[T, V, 58], zeros where not valid."""
    valid: NDArray[np.bool_]
    """[T, V]."""
    mid_x2_ticks: Ints
    """[T, V]: best bid + best ask, 0 where not valid."""

    @staticmethod
    def empty(slots: int) -> "GridSteps":
        """Return no step."""
        return GridSteps(
            np.zeros(0, np.int64),
            np.zeros((0, slots, len(FEATURE_NAMES)), np.float32),
            np.zeros((0, slots), np.bool_),
            np.zeros((0, slots), np.int64),
        )

    def tail(self, count: int) -> "GridSteps":
        """Return the last `count` steps."""
        rows = slice(max(0, len(self.ts_step_ns) - count), None)
        return GridSteps(self.ts_step_ns[rows], self.features[rows], self.valid[rows], self.mid_x2_ticks[rows])

    def then(self, later: "GridSteps") -> "GridSteps":
        """Return these steps and those that follow."""
        return GridSteps(
            np.concatenate([self.ts_step_ns, later.ts_step_ns]),
            np.concatenate([self.features, later.features]),
            np.concatenate([self.valid, later.valid]),
            np.concatenate([self.mid_x2_ticks, later.mid_x2_ticks]),
        )


class Market(Protocol):
    """Where a backtest's grid comes from."""

    def steps_of(self, hour: FeedHour) -> GridSteps:
        """Return the steps that an hour of the feed brings, hours in order."""

    def masked(self) -> tuple[MaskedSpan, ...]:
        """Return the gaps met so far."""


class LakeMarket:
    """Rows of the lake's table `grid`; its ledger is known before."""

    def __init__(self, lake: Lake, grid: GridConfig, spans: Sequence[MaskedSpan]) -> None:
        self._lake = lake
        self._grid = grid
        self._spans = tuple(spans)

    def steps_of(self, hour: FeedHour) -> GridSteps:
        """Return the rows of the partition of the hour in which its first frame lies."""
        if len(hour.records) == 0:
            return GridSteps.empty(len(self._grid.instruments))
        hour_ns = int(hour.records["ts_ns"][0]) // HOUR_NS * HOUR_NS
        return grid_steps(self._lake, self._grid, [hour_ns])

    def masked(self) -> tuple[MaskedSpan, ...]:
        """Return the ledger's spans."""
        return self._spans


def market_of(lake: Lake, grid: GridConfig, feed: Feed, document: JsonObject) -> Market:
    """Return where the grid of a feed comes from; `document` is the engine's, for a lake that was not converted.

    The hours in which books warm up count too: the first forecasts look back on them, and on their gaps.
    """
    hours_ns = sorted({hour_of_segment(ref.path) for refs in feed.hours for ref in refs})
    if not has_grid(lake, grid, hours_ns):
        return EngineMarket(document, feed.instruments)
    until_ns = min(feed.ts_to_ns, hours_ns[-1] + HOUR_NS)
    return LakeMarket(lake, grid, spans_in(lake, grid.instruments, hours_ns[0], until_ns))


def has_grid(lake: Lake, grid: GridConfig, hours_ns: Iterable[int]) -> bool:
    """Tell whether the lake holds the grid of all those hours."""
    return all(lake.exists("grid", _keys(grid, hour_ns)) for hour_ns in hours_ns)


def grid_steps(lake: Lake, grid: GridConfig, hours_ns: Iterable[int]) -> GridSteps:
    """Return the lake's grid of some hours in order."""
    frames = [_partition(lake, grid, hour_ns) for hour_ns in hours_ns]
    return table_steps(pl.concat(frames), len(grid.instruments))


def table_steps(rows: pl.DataFrame, slots: int) -> GridSteps:
    """Return rows of table `grid` or `session_grid` by step and slot."""
    if rows.is_empty():
        return GridSteps.empty(slots)
    tops = rows.select(TOP_COLUMNS).to_numpy()
    return _laid_out(
        rows["ts_step_ns"].to_numpy(),
        rows["slot"].to_numpy().astype(np.int64),
        rows["is_valid"].to_numpy(),
        rows.select(FEATURE_NAMES).to_numpy(),
        tops.sum(axis=1) * (tops > 0).all(axis=1),
        slots,
    )


def _partition(lake: Lake, grid: GridConfig, hour_ns: int) -> pl.DataFrame:
    frame = pl.from_arrow(lake.read_partition("grid", _keys(grid, hour_ns)))
    assert isinstance(frame, pl.DataFrame), "a table is a frame"
    return frame


def _keys(grid: GridConfig, hour_ns: int) -> dict[str, str]:
    return {"grid": grid.name, **hour_keys(datetime.fromtimestamp(hour_ns // NS_PER_S, tz=UTC))}


class EngineMarket:
    """Rows that an engine makes of the frames, for a lake that was not converted; it keeps a ledger of its own."""

    def __init__(self, document: JsonObject, instruments: Sequence[InstrumentEntry]) -> None:
        quiet: JsonObject = {"book_updates": False, "trades": False, "quotes": False, "grid": True}
        self._engine = build_engine({**document, "emit": quiet}, "grid of a backtest")
        grid = document["grid"]
        assert isinstance(grid, dict), "made with a grid"
        slots = grid["slots"]
        assert isinstance(slots, list), "a grid has slots"
        self._slots = slots
        self._names = [entry.name for entry in instruments]
        self._gaps: dict[tuple[int, int, int], MaskedSpan] = {}

    def steps_of(self, hour: FeedHour) -> GridSteps:
        """Return the steps that closed while the hour was fed."""
        parts: list[NDArray[np.void]] = []
        for outputs in pump(self._engine, hour.block, Meter(len(hour.block), None)):
            parts.append(outputs["grid"])
            for row in outputs["gaps"]:
                self._note(row)
        return record_steps(np.concatenate(parts), self._slots)

    def masked(self) -> tuple[MaskedSpan, ...]:
        """Return the gaps that the engine noticed; one that is open lasts for ever."""
        return tuple(sorted(self._gaps.values()))

    def _note(self, row: np.void) -> None:
        key = (int(row["instrument"]), int(row["gap_id"]), int(row["cause"]))
        until = int(row["ts_to_ns"]) if row["is_closed"] else NEVER_NS
        name, cause = self._names[key[0]], GAP_CAUSES[key[2]]
        self._gaps[key] = MaskedSpan(int(row["ts_from_ns"]), until, name, cause)


def record_steps(rows: NDArray[np.void], slots: Sequence[object]) -> GridSteps:
    """Return the core's grid records by step and slot; `slots` are the instruments' ids, None where masked."""
    if len(rows) == 0:
        return GridSteps.empty(len(slots))
    slot_of = {instrument: slot for slot, instrument in enumerate(slots) if instrument is not None}
    prices = rows["price_ticks"]
    best = prices[:, [BEST_BID, BEST_ASK]]
    return _laid_out(
        rows["ts_step_ns"],
        np.array([slot_of[item] for item in rows["instrument"].tolist()], dtype=np.int64),
        rows["is_valid"].astype(np.bool_),
        rows["features"],
        best.sum(axis=1) * (best > 0).all(axis=1),
        len(slots),
    )


def _laid_out(
    ts_ns: Ints,
    slot: Ints,
    is_valid: NDArray[np.bool_],
    features: NDArray[np.float32],
    mid_x2_ticks: Ints,
    slots: int,
) -> GridSteps:
    steps = np.unique(ts_ns)
    index = np.searchsorted(steps, ts_ns)
    found = GridSteps(
        steps,
        np.zeros((len(steps), slots, len(FEATURE_NAMES)), np.float32),
        np.zeros((len(steps), slots), np.bool_),
        np.zeros((len(steps), slots), np.int64),
    )
    found.features[index, slot] = features
    found.valid[index, slot] = is_valid
    found.mid_x2_ticks[index, slot] = np.where(is_valid, mid_x2_ticks, 0)
    return found


def slices(block: bytes, from_ns: int, stop_ns: int, slice_bytes: int) -> Iterator[tuple[memoryview, int, int]]:
    """Yield whole records of a block with from <= time < stop in slices: bytes, records, and the time of the last."""
    records = native.scan_records(block)
    first, stop = np.searchsorted(records["ts_ns"], [from_ns, stop_ns], side="left").tolist()
    ends = records["offset"].astype(np.int64) + records["length"]
    view = memoryview(block)
    while first < stop:
        begin = _begin(records, block, first)
        last = min(max(int(np.searchsorted(ends, begin + slice_bytes)), first + 1), stop)
        yield view[begin : _begin(records, block, last)], last - first, int(records["ts_ns"][last - 1])
        first = last


def hour_of_segment(path: Path) -> int:
    """Return when the hour of a raw segment `.../date=2026-01-05/hour=13/name` begins, in ns."""
    date, hour = path.parent.parent.name.removeprefix("date="), path.parent.name.removeprefix("hour=")
    return int(datetime.fromisoformat(f"{date}T{hour}:00:00+00:00").timestamp()) * NS_PER_S


def _begin(records: NDArray[np.void], block: bytes, number: int) -> int:
    """Return the byte at which a record begins; behind the last one, the block's end."""
    return len(block) if number == len(records) else int(records["offset"][number]) - RECORD_HEAD_BYTES


def document_text(document: JsonObject) -> str:
    """Return a document as the core takes it."""
    return orjson.dumps(document).decode()
