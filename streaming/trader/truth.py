"""What the market did after a step: mids of the last closed steps, and the moves between them.

A move from step t to t + h counts only where the slot was valid at every step from t to t + h: over a hole no forecast
is right or wrong. Bounded: of older steps than `reach` and some to spare nothing is known any more.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Structured = NDArray[np.void]

SPARE_STEPS = 64
"""Steps beyond the reach that are kept for forecasts that come late."""
BPS = 1e4


class Truth:
    """Mids of a grid of `slots` (engine ids of instruments, None where masked), `reach_steps` after each step."""

    def __init__(self, slots: Sequence[int | None], step_ns: int, reach_steps: int) -> None:
        self.step_ns = step_ns
        self.slot_count = len(slots)
        self._ring = reach_steps + 1 + SPARE_STEPS
        self._numbers = np.full(self._ring, -1, dtype=np.int64)
        self._log_mids_bps = np.full((self._ring, len(slots)), np.nan)
        ids = [number for number in slots if number is not None]
        self._slot_of = np.full(max(ids, default=0) + 1, -1, dtype=np.int64)
        for slot, number in enumerate(slots):
            if number is not None:
                self._slot_of[number] = slot

    def add(self, rows: Structured) -> list[int]:
        """Take rows of the grid in order of time, whole steps only; return the numbers of the steps that closed."""
        known = rows[rows["instrument"] < len(self._slot_of)]
        numbers = known["ts_step_ns"] // self.step_ns
        mids = (known["price_ticks"][:, 0] + known["price_ticks"][:, 5]) / 2.0
        is_valid = (known["is_valid"] != 0) & (mids > 0.0)
        log_mids_bps = np.where(is_valid, BPS * np.log(np.where(is_valid, mids, 1.0)), np.nan)
        slots, closed = self._slot_of[known["instrument"]], np.unique(numbers)
        self._numbers[closed % self._ring] = closed
        self._log_mids_bps[closed % self._ring] = np.nan
        is_ours = slots >= 0
        self._log_mids_bps[numbers[is_ours] % self._ring, slots[is_ours]] = log_mids_bps[is_ours]
        return [int(number) for number in closed]

    def mid_half_ticks(self, number: int) -> list[int | None]:
        """Return bid plus ask of each slot at step `number`, in ticks: twice the mid; None where it is not known."""
        place = number % self._ring
        if self._numbers[place] != number:
            return [None] * self.slot_count
        # Whole numbers of far less than 53 bits come back from their logarithms as they went in.
        return [
            None if np.isnan(log_mid_bps) else round(2.0 * float(np.exp(log_mid_bps / BPS)))
            for log_mid_bps in self._log_mids_bps[place]
        ]

    def moves_bps(self, number: int, horizons: Sequence[int]) -> Doubles:
        """Return the log moves [horizon, slot] of the mid after step `number`; NaN where they are not known."""
        steps = np.arange(number, number + max(horizons) + 1)
        places = steps % self._ring
        path = np.where((self._numbers[places] == steps)[:, None], self._log_mids_bps[places], np.nan)
        # A sum with NaN is NaN: from the first hole on nothing counts.
        path = np.cumsum(np.diff(path, axis=0), axis=0)
        return np.asarray(path[np.array(horizons) - 1], dtype=np.float64)
