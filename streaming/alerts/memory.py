"""What the rules remember from look to look: since when something holds, how fast a count rises, the highest of a sum.

Times are ns of the world's clock, given. Bounded: what nobody asked about for an hour is forgotten, and before that the
oldest where there are too many.
"""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

NS_PER_S: Final = 1_000_000_000
KEPT_NS: Final = 3_600 * NS_PER_S
KEYS_MAX: Final = 5_000
CHANGES_MAX: Final = 1_000
"""Of one count within its window; beyond them the window is shorter."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Entry:
    asked_ns: int = 0
    since_ns: int | None = None
    value: float | None = None
    peak: Decimal | None = None
    changes: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=CHANGES_MAX))
    """(when, how much the count rose)."""


class Memory:
    """One for all rules; each asks by a key of its own."""

    def __init__(self) -> None:
        self._entries: dict[Key, _Entry] = {}

    def held_s(self, key: Key, now_ns: int, *, holds: bool) -> float:
        """Return for how long something has held without a break; 0 while it does not."""
        entry = self._entry(key, now_ns)
        if not holds:
            entry.since_ns = None
            return 0.0
        if entry.since_ns is None:
            entry.since_ns = now_ns
        return (now_ns - entry.since_ns) / NS_PER_S

    def still_s(self, key: Key, now_ns: int, value: float) -> float:
        """Return for how long a value has been the same."""
        entry = self._entry(key, now_ns)
        if entry.value != value or entry.since_ns is None:
            entry.value, entry.since_ns = value, now_ns
        return (now_ns - entry.since_ns) / NS_PER_S

    def rise(self, key: Key, now_ns: int, count: float, window_s: float = 0.0) -> int:
        """Return how much a count rose within the window; without one since it was last asked about.

        What it had risen to when first asked about is not ours to tell. A count that falls begins anew.
        """
        entry = self._entry(key, now_ns)
        before, entry.value = entry.value, count
        step = 0.0 if before is None else count - before if count >= before else count
        if window_s == 0.0:
            return int(step)
        if step > 0:
            entry.changes.append((now_ns, step))
        while entry.changes and now_ns - entry.changes[0][0] > window_s * NS_PER_S:
            entry.changes.popleft()
        return int(sum(amount for _, amount in entry.changes))

    def peak(self, key: Key, now_ns: int, value: Decimal) -> Decimal:
        """Return the highest value so far, this one included."""
        entry = self._entry(key, now_ns)
        entry.peak = value if entry.peak is None else max(entry.peak, value)
        return entry.peak

    def _entry(self, key: Key, now_ns: int) -> _Entry:
        entry = self._entries.pop(key, None) or _Entry()
        entry.asked_ns = now_ns
        self._entries[key] = entry  # at the end: the dictionary is in order of asking
        oldest = next(iter(self._entries))
        if len(self._entries) > KEYS_MAX or now_ns - self._entries[oldest].asked_ns > KEPT_NS:
            del self._entries[oldest]
        return entry
