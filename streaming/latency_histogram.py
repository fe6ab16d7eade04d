"""How long things take, without keeping every one: counts in buckets an eighth of their size wide.

Adding is a few integer operations, so it may stand in the path of every frame. A percentile is told as the upper edge
of its bucket: at most 12.5 % too long, never too short.
"""

from native.config import JsonObject

SUB_BITS = 3
BUCKETS = (64 - SUB_BITS) << SUB_BITS
PERCENTILES = (50.0, 90.0, 99.0, 99.9)
NS_PER_US = 1_000


class LatencyHistogram:
    """Counts durations from 0 to 2^63 ns; a negative one counts as 0."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self.count = 0
        self.max_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        value = duration_ns if duration_ns > 0 else 0
        self._counts[_bucket(value)] += 1
        self.count += 1
        if value > self.max_ns:
            self.max_ns = value

    def percentile_ns(self, percent: float) -> int:
        """Return a duration that `percent` of all did not exceed; 0 while there is none."""
        if not 0.0 < percent <= 100.0:
            raise ValueError(f"percent: expected above 0 and at most 100, found {percent}")
        wanted, seen = self.count * percent / 100.0, 0
        for number, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(_upper_ns(number), self.max_ns)
        return 0

    def to_json(self) -> JsonObject:
        """Return count, percentiles and the longest, in microseconds."""
        document: JsonObject = {"count": self.count}
        for percent in PERCENTILES:
            document[f"p{percent:g}_us"] = round(self.percentile_ns(percent) / NS_PER_US, 1)
        document["max_us"] = round(self.max_ns / NS_PER_US, 1)
        return document


def _bucket(value: int) -> int:
    """Return a value's bucket: exact below 2^(SUB_BITS+1), then by its leading bits."""
    shift = value.bit_length() - SUB_BITS - 1
    return value if shift <= 0 else (shift << SUB_BITS) + (value >> shift)


def _upper_ns(number: int) -> int:
    """Return the largest value of a bucket."""
    shift = (number >> SUB_BITS) - 1
    return number if shift <= 0 else (((number - (shift << SUB_BITS)) + 1) << shift) - 1
