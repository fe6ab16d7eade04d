"""Ledgered gaps within the span of a backtest: what is masked, its share, or the refusal that lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from streaming.backtest.kpi import NS_PER_S, Ints
from streaming.errors import RefusedError
from warehouse.gaps import masked_spans
from warehouse.lake import Lake

GAPS_TOLD = 5
"""Gaps that a refusal names."""


@dataclass(frozen=True, slots=True, order=True)
class MaskedSpan:
    """Time in which a book had missed something; ends at the repair."""

    ts_from_ns: int
    ts_to_ns: int
    instrument: str
    """`venue:SYMBOL`."""
    cause: str

    @property
    def text(self) -> str:
        """The span in words."""
        seconds = (self.ts_to_ns - self.ts_from_ns) / NS_PER_S
        return f"{self.instrument} {self.cause} at {self.ts_from_ns} ns for {seconds:.3f} s"


def spans_in(lake: Lake, instruments: Sequence[str], ts_from_ns: int, ts_to_ns: int) -> tuple[MaskedSpan, ...]:
    """Return the ledger's spans of `instruments` that meet [from, to], cut to it, in order of time."""
    named = masked_spans(lake).with_columns(pl.concat_str("venue", "instrument", separator=":").alias("name"))
    inside = named.filter(
        pl.col("name").is_in(list(instruments)) & (pl.col("ts_from_ns") < ts_to_ns) & (pl.col("ts_to_ns") > ts_from_ns)
    )
    rows = inside.select("ts_from_ns", "ts_to_ns", "name", "cause_name").collect().iter_rows()
    spans = (MaskedSpan(max(begin, ts_from_ns), min(end, ts_to_ns), name, cause) for begin, end, name, cause in rows)
    return tuple(sorted(spans))


def refuse(spans: Sequence[MaskedSpan]) -> None:
    """Raise RefusedError, naming the gaps, when there are any."""
    if spans:
        told = "; ".join(span.text for span in spans[:GAPS_TOLD])
        more = f"; and {len(spans) - GAPS_TOLD} more" if len(spans) > GAPS_TOLD else ""
        raise RefusedError(
            f"the span holds {len(spans)} ledgered gap(s): {told}{more}; choose another span, or --on-gap mask"
        )


def masked_ns(spans: Sequence[MaskedSpan]) -> int:
    """Return how much time at least one instrument is masked."""
    total = end = 0
    for span in sorted(spans):
        total += max(0, span.ts_to_ns - max(span.ts_from_ns, end))
        end = max(end, span.ts_to_ns)
    return total


def touched(spans: Sequence[MaskedSpan], ts_step_ns: Ints, context_ns: int) -> NDArray[np.bool_]:
    """Tell of each step whether its context of `context_ns` lies in or across a masked span."""
    found = np.zeros(len(ts_step_ns), dtype=np.bool_)
    for span in spans:
        first = np.searchsorted(ts_step_ns, span.ts_from_ns, side="right")
        last = np.searchsorted(ts_step_ns, span.ts_to_ns + context_ns, side="right")
        found[first:last] = True
    return found
