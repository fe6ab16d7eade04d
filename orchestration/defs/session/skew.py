"""Training-serving skew of one session: what the trader saw against what the conversion makes of the same frames.

The journal's market frames are written as raw segments into a lake of their own, and that lake is converted as any
other: the very path that training data take, with the settings now in force. Nothing of the trader's engine is used
again. Every cell of every step must then be equal bit by bit.

The conversion closes a step on the next frame, the trader by a timer as well: steps after the last frame are the
trader's alone and counted apart, and so are steps of a silence, which hold no valid row on either side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray

from native.config import EngineSettings, GridConfig
from streaming import convert
from streaming.journal import Journal
from streaming.segments import KIND_FRAME, KIND_REQUEST, HourlySegments, SegmentHeader
from streaming.trader.order_venue import REPLY_KINDS
from warehouse.lake import Lake
from warehouse.schema import FEATURE_NAMES, PRICE_TICKS_NAMES, SIZE_UNITS_NAMES

KEYS = ("ts_step_ns", "slot")
FLAGS = ("is_valid", "is_first")
COUNTED = (*PRICE_TICKS_NAMES, *SIZE_UNITS_NAMES)
ROWS_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """What a comparison found; a row is one instrument at one step."""

    steps: int
    rows: int
    """Rows that both sides have."""
    valid_rows: int
    """Of these, rows that the trader could use."""
    rows_different: int
    bits_different: int
    """Over features, flags, prices and sizes of all those rows."""
    max_abs_difference: float
    """Of the features."""
    rows_missing: int
    """Rows that one side alone has, without the two kinds below."""
    rows_after_last_frame: int
    rows_of_silence: int
    examples: Sequence[str]

    @property
    def is_none(self) -> bool:
        """Tell whether something was compared and all of it is equal."""
        return self.rows > 0 and self.rows_different == 0 and self.rows_missing == 0

    @property
    def words(self) -> str:
        """The finding in one line."""
        told = f"{self.rows} rows of {self.steps} steps compared"
        if self.is_none:
            return f"{told}, 0 bits differ"
        first = f"; first {self.examples[0]}" if self.examples else ""
        return f"{told}, {self.rows_different} differ ({self.bits_different} bits), {self.rows_missing} missing{first}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The trader's rows beside the recorder's of the same span. Two sockets hear at different moments: only told."""

    rows: int
    """Rows that are valid on both sides."""
    equal_share: float
    """Of them, rows whose five levels of both sides are the same; the age of a book never is."""
    median_abs_difference: float
    """Of the features."""


def skew_of(lake: Lake, run: str, journal: Path, grid: GridConfig, settings: EngineSettings, scratch: Path) -> Skew:
    """Convert the journal's frames under `scratch` and compare; the session is landed in `lake`."""
    saw = lake.scan("session_grid").filter(pl.col("run") == run).collect()
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="skew-") as folder:
        made, last_frame_ns = converted_journal(journal, Lake(Path(folder)), grid, settings)
    return compared(saw, made, last_frame_ns)


def converted_journal(
    journal: Path, lake: Lake, grid: GridConfig, settings: EngineSettings
) -> tuple[pl.DataFrame, int]:
    """Write the journal's market frames as raw segments into an empty lake and convert it.

    Returns its grid, and when the last frame was heard.
    """
    last_frame_ns = write_segments(journal, lake)
    for venue in lake.venues():
        for hour in lake.hours(venue):
            convert.convert_hour(lake, venue, hour, settings=settings)
    for hour in convert.grid_hours(lake, grid):
        convert.convert_grid_hour(lake, grid, hour, settings=settings)
    return lake.scan("grid").filter(pl.col("grid") == grid.name).collect(), last_frame_ns


def write_segments(journal: Path, lake: Lake) -> int:
    """Write what was heard from the venues, and asked of them, as the segments of one run; return the last's time."""
    read, last_frame_ns = Journal(journal), 0
    heard = {source.id: source.venue for source in read.header.sources if source.kind not in REPLY_KINDS}
    writers = {
        venue: HourlySegments(lake.root, _venue_header(read.header, venue), venue, number)
        for number, venue in enumerate(sorted(set(heard.values())))
    }
    for step in read.steps():
        records = step.records[np.isin(step.records["kind"], (KIND_FRAME, KIND_REQUEST))]
        columns = (records[name].tolist() for name in ("kind", "source", "seq", "ts_ns", "offset", "length"))
        for kind, source, seq, ts_ns, offset, length in zip(*columns, strict=True):
            if source in heard:
                writers[heard[source]].append(kind, source, seq, ts_ns, step.block[offset : offset + length])
                last_frame_ns = ts_ns if kind == KIND_FRAME else last_frame_ns
    for writer in writers.values():
        writer.close()
    return last_frame_ns


def compared(saw: pl.DataFrame, made: pl.DataFrame, last_frame_ns: int) -> Skew:
    """Compare the trader's rows with the conversion's, cell by cell.

    A step before the last frame was to be closed by both, however early the conversion ends.
    """
    saw, made = (frame.sort(KEYS) for frame in (saw, made))
    ours = saw.join(made.select(KEYS), on=KEYS, how="semi").sort(KEYS)
    theirs = made.join(saw.select(KEYS), on=KEYS, how="semi").sort(KEYS)
    bits, difference = _differences(ours, theirs)
    alone = saw.join(made.select(KEYS), on=KEYS, how="anti")
    is_after = pl.col("ts_step_ns") >= last_frame_ns
    after = alone.filter(is_after)
    silent = alone.filter(~is_after & ~pl.col("is_valid"))
    unseen = made.join(saw.select(KEYS), on=KEYS, how="anti")
    wrong = np.flatnonzero(bits)
    return Skew(
        steps=ours["ts_step_ns"].n_unique(),
        rows=ours.height,
        valid_rows=int(ours["is_valid"].sum()),
        rows_different=len(wrong),
        bits_different=int(bits.sum()),
        max_abs_difference=float(difference.max(initial=0.0)),
        rows_missing=alone.height - after.height - silent.height + unseen.height,
        rows_after_last_frame=after.height,
        rows_of_silence=silent.height,
        examples=[f"step {ours['ts_step_ns'][int(i)]} slot {ours['slot'][int(i)]}" for i in wrong[:ROWS_NAMED]],
    )


def agreement_with_recorder(lake: Lake, run: str, grid: GridConfig) -> Agreement | None:
    """Return how far the trader's valid rows agree with the recorder's, None where the lake holds none of that span."""
    saw = lake.scan("session_grid").filter((pl.col("run") == run) & pl.col("is_valid")).collect()
    if saw.is_empty():
        return None
    within = pl.col("ts_step_ns").is_between(saw["ts_step_ns"].min(), saw["ts_step_ns"].max())
    recorded = lake.scan("grid").filter((pl.col("grid") == grid.name) & pl.col("is_valid") & within).collect()
    ours = saw.join(recorded.select(KEYS), on=KEYS, how="semi").sort(KEYS)
    theirs = recorded.join(saw.select(KEYS), on=KEYS, how="semi").sort(KEYS)
    if ours.is_empty():
        return None
    _, difference = _differences(ours, theirs)
    books = [_cells(frame, COUNTED) for frame in (ours, theirs)]
    return Agreement(
        rows=ours.height,
        equal_share=float(np.mean((books[0] == books[1]).all(axis=1))),
        median_abs_difference=float(np.median(difference)),
    )


def _differences(ours: pl.DataFrame, theirs: pl.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the differing bits of each row, and |difference| of each row's features."""
    bits = np.zeros(ours.height, dtype=np.int64)
    for names, width in ((FEATURE_NAMES, np.uint32), (COUNTED, np.uint64), (FLAGS, np.uint8)):
        one, other = (_cells(frame, names).view(width) for frame in (ours, theirs))
        bits += np.bitwise_count(np.bitwise_xor(one, other)).sum(axis=1, dtype=np.int64)
    one, other = (_cells(frame, FEATURE_NAMES).astype(np.float64) for frame in (ours, theirs))
    return bits, np.abs(np.nan_to_num(one) - np.nan_to_num(other))


def _cells(frame: pl.DataFrame, names: Sequence[str]) -> NDArray[np.generic]:
    return np.ascontiguousarray(frame.select(names).to_numpy(order="c"))


def _venue_header(header: SegmentHeader, venue: str) -> SegmentHeader:
    """Return the header that a recorder of this venue would have written: no engine, no source of replies to orders."""
    return SegmentHeader(
        run=header.run,
        instruments=tuple(entry for entry in header.instruments if entry.venue == venue),
        sources=tuple(entry for entry in header.sources if entry.venue == venue and entry.kind not in REPLY_KINDS),
    )
