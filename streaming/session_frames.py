"""What a picture of a session is drawn from: the run's lake tables as numpy columns in people's units.

Prices and money are floats here: they become pixels and nothing else. Times are seconds from the session's start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from streaming.errors import BadDataError
from streaming.segments import InstrumentEntry, SegmentHeader, read_header
from streaming.trading_run import RunSummary
from warehouse.lake import Lake
from warehouse.schema import BOOK_LEVELS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NS_PER_S = 1e9
LIVE_GRID = "session_grid"
"""What the model saw live; a replayed session saw the lake's own grid."""


@dataclass(frozen=True, slots=True)
class BookSteps:
    """An instrument's best five levels at each grid step; NaN where the book was not valid."""

    name: str
    at_s: Floats
    is_valid: Bools
    prices: Floats
    """[T, 10]: bid 1..5, ask 1..5."""
    sizes: Floats
    """[T, 10] in the instrument's coin."""

    @property
    def mid(self) -> Floats:
        """Return the mid at each step."""
        mid: Floats = (self.prices[:, 0] + self.prices[:, BOOK_LEVELS]) / 2
        return mid


@dataclass(frozen=True, slots=True)
class Trail:
    """What an instrument's trading did over time."""

    name: str
    forecast_at_s: Floats
    expected_bps: Floats
    cost_bps: Floats
    fill_at_s: Floats
    fill_price: Floats
    is_buy: Bools
    position_at_s: Floats
    position: Floats
    """In the instrument's coin."""
    pnl: Floats
    """Realised and unrealised less fees, in the quote currency; at `position_at_s`."""


@dataclass(frozen=True, slots=True)
class SessionFrames:
    """One session, the part in which it traded."""

    summary: RunSummary
    ts_start_ns: int
    length_s: float
    horizon_s: float
    """How far ahead the forecast that orders are decided by looks."""
    quote: str
    books: tuple[BookSteps, ...]
    """The grid's reference first."""
    trails: tuple[Trail, ...]
    """In the order of `books`."""
    states: tuple[tuple[float, str, str], ...]
    """When the trading state changed: time, new state, reason."""


def read_session(lake: Lake, summary: RunSummary) -> SessionFrames:
    """Read a finished run; BadDataError when its tables are gone or hold no step, SegmentError for its journal."""
    header = read_header(Path(summary.journal))
    reference = _reference(header)
    entries = [entry for entry in header.instruments if entry.name in summary.instruments]
    entries.sort(key=lambda entry: (entry.name != reference, summary.instruments.index(entry.name)))
    start_ns = max(summary.counts.ts_first_ns, summary.trade_from_ns)
    span = pl.col("ts_step_ns").is_between(start_ns, summary.counts.ts_last_ns)
    steps = _steps(lake, summary).filter(span).collect()
    if steps.is_empty():
        raise BadDataError(f"run {summary.run}: expected steps of grid {summary.grid} in the lake, found none")
    tables = {name: _rows(lake, name, summary.run) for name in ("decisions", "fills", "positions", "state_events")}
    changes = tables["state_events"].filter(pl.col("ts_ns") >= start_ns)
    moments = _seconds(changes["ts_ns"], start_ns).tolist()
    return SessionFrames(
        summary=summary,
        ts_start_ns=start_ns,
        length_s=(summary.counts.ts_last_ns - start_ns) / NS_PER_S,
        horizon_s=_horizon_s(header),
        quote=entries[0].quote or "quote",
        books=tuple(_book(steps, entry, start_ns) for entry in entries),
        trails=tuple(_trail(tables, entry, start_ns) for entry in entries),
        states=tuple(zip(moments, changes["state_to_name"].to_list(), changes["reason"].to_list(), strict=True)),
    )


def _steps(lake: Lake, summary: RunSummary) -> pl.LazyFrame:
    live = lake.scan(LIVE_GRID).filter(pl.col("run") == summary.run)
    if not live.head(1).collect().is_empty():
        return live
    return lake.scan("grid").filter(pl.col("grid") == summary.grid)


def _rows(lake: Lake, table: str, run: str) -> pl.DataFrame:
    frame = pl.from_arrow(lake.read_partition(table, {"run": run}))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _book(steps: pl.DataFrame, entry: InstrumentEntry, start_ns: int) -> BookSteps:
    own = _of(steps, entry).sort("ts_step_ns")
    is_valid = own["is_valid"].to_numpy()
    columns = [f"{side}_{{}}_{level}" for side in ("bid", "ask") for level in range(1, BOOK_LEVELS + 1)]
    prices, sizes = (
        own.select(name.format(what) for name in columns).to_numpy().astype(np.float64) * float(step)
        for what, step in (("price_ticks", entry.tick), ("size_units", entry.size_unit))
    )
    prices[~is_valid], sizes[~is_valid] = np.nan, np.nan
    prices[prices == 0.0] = np.nan  # a book of fewer levels
    return BookSteps(entry.name, _seconds(own["ts_step_ns"], start_ns), is_valid, prices, sizes)


def _trail(tables: Mapping[str, pl.DataFrame], entry: InstrumentEntry, start_ns: int) -> Trail:
    decisions, fills, positions = (
        _of(tables[name], entry).sort("ts_ns", maintain_order=True) for name in ("decisions", "fills", "positions")
    )
    money = float(Decimal(entry.tick) * Decimal(entry.size_unit))
    earned = positions["realised_quote_units"] + positions["unrealised_quote_units"] - positions["fees_quote_units"]
    return Trail(
        name=entry.name,
        forecast_at_s=_seconds(decisions["ts_step_ns"], start_ns),
        expected_bps=decisions["expected_bps"].to_numpy(),
        cost_bps=decisions["cost_bps"].to_numpy(),
        fill_at_s=_seconds(fills["ts_ns"], start_ns),
        fill_price=fills["price_ticks"].to_numpy() * float(entry.tick),
        is_buy=fills["side"].to_numpy() == 0,
        position_at_s=_seconds(positions["ts_ns"], start_ns),
        position=positions["position_units"].to_numpy() * float(entry.size_unit),
        pnl=earned.to_numpy() * money,
    )


def _of(rows: pl.DataFrame, entry: InstrumentEntry) -> pl.DataFrame:
    return rows.filter((pl.col("venue") == entry.venue) & (pl.col("instrument") == entry.symbol))


def _seconds(ts_ns: pl.Series, start_ns: int) -> Floats:
    seconds: Floats = (ts_ns.to_numpy() - start_ns) / NS_PER_S
    return seconds


def _reference(header: SegmentHeader) -> str:
    grid = _section(header, "grid")
    slots, reference = grid.get("slots"), grid.get("reference")
    assert isinstance(slots, Sequence) and isinstance(reference, int), "a journal's engine document has a grid"
    number = slots[reference]
    return next((entry.name for entry in header.instruments if entry.id == number), "")


def _horizon_s(header: SegmentHeader) -> float:
    steps, step_ns = _section(header, "signal").get("horizon_step", 0), _section(header, "grid").get("step_ns", 0)
    assert isinstance(steps, int) and isinstance(step_ns, int)
    return steps * step_ns / NS_PER_S


def _section(header: SegmentHeader, name: str) -> Mapping[str, object]:
    section = (header.engine or {}).get(name)
    return section if isinstance(section, dict) else {}
