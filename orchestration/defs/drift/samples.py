"""Rows of the lake made ready to be compared: one row a step, one column an instrument and feature.

What happens within a step (trades, flow, returns) is summed over the last second: a frame that comes some ms later
falls into the next step, which changes each step's figure and not the market. Of the basis its change within a second
is judged: in a market without a common value its level wanders for ever, and a level never seen before is no news.
That level, and how late frames come (a matter of the path to the venue), are told beside the verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from orchestration.defs.drift.books import NO_BOOKS, Books, books_of
from orchestration.defs.drift.effects import Values
from orchestration.errors import OrchestrationError
from warehouse.lake import Lake
from warehouse.schema import PRICE_TICKS_NAMES

STATES = ("log_gap_spread", "bid_log_size_1", "ask_log_size_1", "imbalance_l1", "imbalance_l5", "micro_bps")
FLOWS = ("mid_return_bps", "ofi_l1", "trade_flow", "trade_count")
"""What is judged, per instrument: shape, and flow by the second; other features are levels of the same things."""
BASIS, AGE = "basis_bps", "age_ms"
TOLD = (BASIS, AGE)

STEP = "ts_step_ns"
HOUR_NS = 3_600_000_000_000
SECOND_NS = 1_000_000_000
VALID_SHARE_MIN = 0.5
"""An instrument with fewer valid steps than this share of the best one's is left out: it would take theirs along."""


class DriftError(OrchestrationError):
    """There is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of grid time, in ns, both ends included."""

    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Steps at which every instrument is valid, in order of time: `ts_step_ns`, then one column a feature."""

    table: pl.DataFrame
    books: Books = NO_BOOKS
    """Every step of the span, those at which an instrument is not valid too."""

    @property
    def span(self) -> Span:
        """First and last step."""
        return Span(int(self.table[STEP][0]), int(self.table[STEP][-1]))

    @property
    def frame(self) -> pl.DataFrame:
        """The judged columns."""
        return self.table.select(self.names)

    @property
    def names(self) -> list[str]:
        """The columns that are judged."""
        return [name for name in self.table.columns[1:] if not name.endswith(TOLD)]

    @property
    def medians(self) -> dict[str, float]:
        """The medians that are told and not judged: each instrument's basis and the age of its book."""
        told = [name for name in self.table.columns if name.endswith(TOLD)]
        return {name: float(np.median(self.table[name].to_numpy())) for name in told}

    @property
    def values(self) -> dict[str, Values]:
        """The features by column name."""
        return {name: self.table[name].to_numpy().astype(np.float64) for name in self.names}

    def newest(self, rows: int) -> "Sample":
        """Return the last `rows` steps, all where there are fewer."""
        return replace(self, table=self.table.tail(rows))

    def only(self, names: Sequence[str]) -> "Sample":
        """Return the sample with these columns alone."""
        return replace(self, table=self.table.select(STEP, *names))


def of_grid(lake: Lake, grid: str, span: Span) -> Sample:
    """Return the valid steps of a grid within a span; DriftError when there is none."""
    rows = lake.scan("grid").filter((pl.col("grid") == grid) & pl.col(STEP).is_between(span.first_ns, span.last_ns))
    return sample_of(rows, f"grid {grid!r}: no valid row between {span.first_ns} and {span.last_ns}; widen the span")


def of_session(lake: Lake, run: str) -> Sample:
    """Return the valid steps that the trader of a run saw; DriftError when there is none."""
    rows = lake.scan("session_grid").filter(pl.col("run") == run)
    return sample_of(rows, f"session {run}: no valid step in the lake; land it first: python -m orchestration session")


def newest_span(lake: Lake, grid: str, reference: Span, length_ns: int) -> Span:
    """Return the newest stretch of the grid, after the reference where there is any such data."""
    steps = lake.scan("grid").filter(pl.col("grid") == grid).select(pl.col(STEP).max()).collect()
    last = steps.item()
    if last is None:
        raise DriftError(f"grid {grid!r}: expected rows in the lake, found none; convert data first")
    first = last - length_ns
    return Span(max(first, reference.last_ns + 1) if reference.last_ns < last else first, last)


def sample_of(rows: pl.LazyFrame, nothing: str) -> Sample:
    """Return the valid steps among rows of a grid; DriftError beginning with `nothing` when there is none."""
    name = pl.concat_str("venue", pl.lit(":"), pl.col("instrument").str.split(":").list.last())
    features = (*STATES, *FLOWS, *TOLD)
    is_usable = pl.col("is_valid") & pl.all_horizontal(pl.col(features).is_finite())  # the rows that a dataset takes
    every = rows.select(STEP, *features, *PRICE_TICKS_NAMES, name=name, is_usable=is_usable).collect()
    frame = every.filter("is_usable")
    if frame.is_empty():
        raise DriftError(nothing)
    parts = {str(key[0]): part for key, part in sorted(frame.partition_by("name", as_dict=True).items())}
    most = max(part.height for part in parts.values())
    wide = [
        part.select(STEP, *(pl.col(feature).alias(f"{name} {feature}") for feature in features))
        for name, part in parts.items()
        if part.height >= VALID_SHARE_MIN * most
    ]
    joined = wide[0]
    for part in wide[1:]:
        joined = joined.join(part, on=STEP, how="inner")
    if joined.is_empty():
        raise DriftError(f"{nothing} (no step at which all of {', '.join(parts)} are valid)")
    return Sample(by_the_second(joined.sort(STEP)), books_of(every))


def by_the_second(table: pl.DataFrame) -> pl.DataFrame:
    """Return `table` with flows summed, and the basis' change, over the last second.

    Rows before the first whole second are left out.
    """
    step_ns = table[STEP].diff().min()
    rows = 1 if step_ns is None else max(1, SECOND_NS // int(str(step_ns)))
    flows = [name for name in table.columns if name.endswith(FLOWS)]
    bases = [name for name in table.columns if name.endswith(BASIS)]
    others = [name for name in table.columns if name not in flows]
    return table.select(
        *others,
        *(pl.col(name).cast(pl.Float64).rolling_sum(rows).alias(f"{name}_1s") for name in flows),
        *(pl.col(name).cast(pl.Float64).diff(rows).alias(f"{name}_1s") for name in bases),
    ).slice(rows)
