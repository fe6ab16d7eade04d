"""What a span's books were apart from their features: at which steps each was there, and on which prices it stood."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.schema import PRICE_TICKS_NAMES

BEST_BID, BEST_ASK = "bid_price_ticks_1", "ask_price_ticks_1"


@dataclass(frozen=True, slots=True)
class Books:
    """T steps in order of time, V instruments by name. A step is here when any instrument has a row for it."""

    ts_step_ns: NDArray[np.int64]
    names: tuple[str, ...]
    is_usable: NDArray[np.bool_]
    """[T, V] whether the row is one that a dataset takes."""
    divisor_ticks: NDArray[np.int64]
    """[T, V] greatest common divisor of the row's ten prices; 0 where it is not usable, which divides nothing."""
    mid_ticks: NDArray[np.float64]
    """[T, V]; NaN where the row is not usable."""

    def since(self, ts_ns: int) -> "Books":
        """Return the steps from `ts_ns` on."""
        kept = self.ts_step_ns >= ts_ns
        return Books(
            self.ts_step_ns[kept], self.names, self.is_usable[kept], self.divisor_ticks[kept], self.mid_ticks[kept]
        )


NO_BOOKS = Books(
    np.zeros(0, np.int64), (), np.zeros((0, 0), np.bool_), np.zeros((0, 0), np.int64), np.zeros((0, 0), np.float64)
)


def books_of(rows: pl.DataFrame) -> Books:
    """Return the books of rows with `ts_step_ns`, `name`, `is_usable` and the ten prices; a row a step and name."""
    ts_step_ns = np.unique(rows["ts_step_ns"].to_numpy())
    names = tuple(sorted(rows["name"].unique().to_list()))
    shape = (len(ts_step_ns), len(names))
    is_usable, divisor_ticks = np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    mid_ticks = np.full(shape, np.nan)
    for place, name in enumerate(names):
        usable = rows.filter((pl.col("name") == name) & pl.col("is_usable"))
        at = np.searchsorted(ts_step_ns, usable["ts_step_ns"].to_numpy())
        is_usable[at, place] = True
        divisor_ticks[at, place] = np.gcd.reduce(usable.select(PRICE_TICKS_NAMES).to_numpy(), axis=1)
        mid_ticks[at, place] = (usable[BEST_BID].to_numpy() + usable[BEST_ASK].to_numpy()) / 2.0
    return Books(ts_step_ns, names, is_usable, divisor_ticks, mid_ticks)
