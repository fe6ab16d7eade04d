"""The gap ledger laid over a grid: rows between a lost frame and its repair are not to be learned from.

The core marks a slot invalid from the frame on which it noticed a gap. The ledger knows more: the hole began after the
last good frame, so the steps between that frame and the noticing hold a book that had already missed something.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ml.layout import BoolArray, IntArray
from warehouse.gaps import masked_spans
from warehouse.lake import Lake


def ledgered_rows(lake_root: Path, instruments: Sequence[str], ts_step_ns: IntArray) -> BoolArray:
    """Return bool[T, V]: True where step t of a slot lies in a ledgered span, ts_from_ns < t <= ts_to_ns.

    `instruments` are the slots as `venue:SYMBOL`; `ts_step_ns` is sorted. A step at the last good frame itself holds
    nothing that came after it and stays.
    """
    masked = np.zeros((len(ts_step_ns), len(instruments)), dtype=np.bool_)
    slots = {name: slot for slot, name in enumerate(instruments)}
    spans = masked_spans(Lake(lake_root)).with_columns(
        pl.concat_str("venue", "instrument", separator=":").alias("name")
    )
    for name, ts_from_ns, ts_to_ns in spans.select("name", "ts_from_ns", "ts_to_ns").collect().iter_rows():
        if name in slots:
            first, last = np.searchsorted(ts_step_ns, [ts_from_ns, ts_to_ns], side="right")
            masked[first:last, slots[name]] = True
    return masked
