"""How long a stage of the pipeline takes: since the start, over the last minute, and in each interval that is kept.

Noting a duration is one append; what was noted is counted about once a second, in one go. Sans I/O: the time of the
slices is an argument, in seconds of any clock that goes on.
"""

from collections import deque
from collections.abc import Callable, Sequence

from native.config import JsonObject
from streaming.latency_histogram import LatencyHistogram

NOTES_MAX = 65_536
"""Durations that wait to be counted; beyond them the oldest are not counted."""
SLICE_S = 10.0
SLICES = 6
"""Of the last minute: what `recent` tells is of 50 to 60 seconds."""


class Stage:
    """See the head of the file. `add` often, `roll` about once a second."""

    def __init__(self) -> None:
        self._notes: deque[int] = deque(maxlen=NOTES_MAX)
        self.add: Callable[[int], None] = self._notes.append
        """Take note of one duration in ns."""
        self.whole = LatencyHistogram()
        self._slices: deque[LatencyHistogram] = deque([LatencyHistogram()], maxlen=SLICES)
        self._slice_end_s: float | None = None
        self._since_kept = LatencyHistogram()

    def add_all(self, durations_ns: Sequence[int]) -> None:
        """Take note of many durations."""
        self._notes.extend(durations_ns)

    def roll(self, now_s: float) -> None:
        """Count what was noted, and begin a new slice when its time has come."""
        if self._slice_end_s is None:
            self._slice_end_s = now_s + SLICE_S
        over = int((now_s - self._slice_end_s) // SLICE_S) + 1
        for _ in range(min(over, SLICES)):
            self._slices.append(LatencyHistogram())
        self._slice_end_s += max(over, 0) * SLICE_S
        self._count()

    def to_json(self) -> JsonObject:
        """Return what was counted since the start."""
        self._count()
        return self.whole.to_json()

    def recent(self) -> JsonObject:
        """Return what was counted in the last minute."""
        self._count()
        return LatencyHistogram.merged([*self._slices]).to_json()

    def take_kept(self) -> LatencyHistogram:
        """Take what was counted since this was last asked."""
        self._count()
        kept, self._since_kept = self._since_kept, LatencyHistogram()
        return kept

    def _count(self) -> None:
        if not self._notes:
            return
        noted = [*self._notes]
        self._notes.clear()
        for histogram in (self.whole, self._slices[-1], self._since_kept):
            histogram.add_all(noted)
