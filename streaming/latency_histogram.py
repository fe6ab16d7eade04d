"""How long things take, without keeping every one: counts in buckets an eighth of their size wide.

A percentile is told as the upper edge of its bucket: at most 12.5 % too long, never too short.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from native.config import JsonObject

SUB_BITS = 3
BUCKETS = (64 - SUB_BITS) << SUB_BITS
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
NS_PER_US = 1_000
SHOWN_SUB_BITS = 1
"""Bars of `bars` are half their size wide."""


class LatencyHistogram:
    """Counts durations from 0 to 2^62 ns; a negative one counts as 0."""

    def __init__(self) -> None:
        self._counts = np.zeros(BUCKETS, dtype=np.int64)
        self.count = 0
        self.max_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        value = duration_ns if duration_ns > 0 else 0
        self._counts[_bucket(value)] += 1
        self.count += 1
        if value > self.max_ns:
            self.max_ns = value

    def add_all(self, durations_ns: Sequence[int]) -> None:
        """Count many durations, for a fraction of their price one by one."""
        if not durations_ns:
            return
        values = np.maximum(np.asarray(durations_ns, dtype=np.int64), 0)
        self._counts += np.bincount(_buckets(values), minlength=BUCKETS)
        self.count += len(values)
        self.max_ns = max(self.max_ns, int(values.max()))

    @classmethod
    def merged(cls, parts: "Sequence[LatencyHistogram]") -> "LatencyHistogram":
        """Return one that has counted what all of these have."""
        whole = cls()
        for part in parts:
            whole._counts += part._counts
        whole.count = sum(part.count for part in parts)
        whole.max_ns = max((part.max_ns for part in parts), default=0)
        return whole

    def percentile_ns(self, percent: float) -> int:
        """Return a duration that `percent` of all did not exceed; 0 while there is none."""
        if not 0.0 < percent <= 100.0:
            raise ValueError(f"percent: expected above 0 and at most 100, found {percent}")
        return self._percentiles_ns((percent,))[0]

    def to_json(self) -> JsonObject:
        """Return count, percentiles and the longest, in microseconds."""
        found = zip(PERCENTILES, self._percentiles_ns(PERCENTILES), strict=True)
        return {
            "count": self.count,
            **{f"p{percent:g}_us": round(value_ns / NS_PER_US, 1) for percent, value_ns in found},
            "max_us": round(self.max_ns / NS_PER_US, 1),
        }

    def bars(self) -> list[tuple[float, int]]:
        """Return (upper edge in microseconds, count) of each bar that holds something, shortest first."""
        width = 1 << SUB_BITS - SHOWN_SUB_BITS
        wide = self._counts.reshape(-1, width).sum(axis=1).tolist()
        return [
            (round(_upper_ns(place * width + width - 1) / NS_PER_US, 3), count)
            for place, count in enumerate(wide)
            if count
        ]

    def _percentiles_ns(self, percents: Sequence[float]) -> list[int]:
        if not self.count:
            return [0] * len(percents)
        seen = np.cumsum(self._counts)
        places = (int(seen.searchsorted(self.count * percent / 100.0)) for percent in percents)
        return [min(_upper_ns(place), self.max_ns) for place in places]


def _bucket(value: int) -> int:
    """Return a value's bucket: exact below 2^(SUB_BITS+1), then by its leading bits."""
    shift = value.bit_length() - SUB_BITS - 1
    return value if shift <= 0 else (shift << SUB_BITS) + (value >> shift)


def _buckets(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `_bucket` of each.

    Where a value of more than 53 bits is rounded up to the next power of two, its bucket comes out the same.
    """
    shifts = np.maximum(np.frexp(values.astype(np.float64))[1].astype(np.int64) - SUB_BITS - 1, 0)
    found: NDArray[np.int64] = (shifts << SUB_BITS) + (values >> shifts)
    return found


def _upper_ns(number: int) -> int:
    """Return the largest value of a bucket."""
    shift = (number >> SUB_BITS) - 1
    return number if shift <= 0 else (((number - (shift << SUB_BITS)) + 1) << shift) - 1
