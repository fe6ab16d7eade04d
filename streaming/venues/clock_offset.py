"""How far a venue's clock is from ours, and how sure that is. Pure: times are arguments, int64 UTC ns.

Theory of operation. A question sent at `a` and answered at `b` with the venue's time `v` proves that the offset lies
within `v - b` to `v - a`, plus the venue's resolution (it prints whole milliseconds, so its true time is up to one
later). Its middle is the estimate, half its width the uncertainty; the quickest answer proves most. An answer grows
less sure as it ages, by the drift that two clocks may have. The estimate is the surest of the last ones. A fresh answer
that contradicts the kept ones (their spans do not meet) tells of a clock that was set: everything before it is
forgotten.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
KEPT: Final = 32
DRIFT_PPM: Final = 50
"""A crystal's worst, twice: ours and theirs."""
PPM: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class ClockSample:
    """One answer."""

    ts_recv_ns: int
    offset_ns: int
    uncertainty_ns: int

    def uncertainty_at(self, now_ns: int) -> int:
        """Return how unsure it is by now."""
        return self.uncertainty_ns + max(0, now_ns - self.ts_recv_ns) * DRIFT_PPM // PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockAsking:
    """When the venue is asked for its time."""

    first_samples: int = 5
    first_every_ns: int = 200 * NS_PER_MS
    """At first, and after a clock was set or a request was refused for its time."""
    every_ns: int = 60 * NS_PER_S
    unsure_every_ns: int = 5 * NS_PER_S
    """While the uncertainty is above `sure_ns`."""
    sure_ns: int = 100 * NS_PER_MS


class ClockOffset:
    """The offset of one venue's clock: its time is ours plus `offset_ns`."""

    def __init__(self, asking: ClockAsking | None = None, *, resolution_ns: int = NS_PER_MS) -> None:
        self._asking = asking or ClockAsking()
        self._resolution_ns = resolution_ns
        self._samples: deque[ClockSample] = deque(maxlen=KEPT)
        self._wanted = self._asking.first_samples
        self._asked_ns: int | None = None
        self._last_ns: int | None = None
        """The estimate as it was when the venue last answered; None before it ever did."""
        self.steps = 0
        """How often a clock was set under our eyes."""

    @property
    def is_known(self) -> bool:
        """Whether the venue has answered at all."""
        return self._last_ns is not None

    def on_answer(self, sent_ns: int, recv_ns: int, venue_ns: int) -> None:
        """Learn from a time that the venue told; ValueError for an answer before its question."""
        if recv_ns < sent_ns:
            raise ValueError(f"expected an answer after its question at {sent_ns} ns, found {recv_ns} ns")
        middle_ns = (sent_ns + recv_ns) // 2
        half_ns = (recv_ns - sent_ns + self._resolution_ns) // 2 + 1
        sample = ClockSample(recv_ns, venue_ns + self._resolution_ns // 2 - middle_ns, half_ns)
        if not self._agrees(sample):
            self._samples.clear()
            self._wanted = self._asking.first_samples
            self.steps += 1
        self._samples.append(sample)
        self._wanted = max(0, self._wanted - 1)
        best = self._best(recv_ns)
        self._last_ns = sample.offset_ns if best is None else best.offset_ns

    def on_refused(self) -> None:
        """Learn that a request was refused for its time: what is known proves little, ask anew and soon.

        Until there is an answer the last estimate is the best there is: what it is wrong for is refused, and does no
        harm, while everything else goes on.
        """
        self._samples.clear()
        self._wanted = self._asking.first_samples
        self._asked_ns = None

    def on_asked(self, now_ns: int) -> None:
        """Note a question on its way."""
        self._asked_ns = now_ns

    def offset_ns(self, now_ns: int) -> int:
        """Return the venue's clock less ours; 0 before it ever answered."""
        best = self._best(now_ns)
        return best.offset_ns if best is not None else self._last_ns or 0

    def uncertainty_ns(self, now_ns: int) -> int | None:
        """Return by how much the offset may be wrong, None before the venue answered, or answered after a refusal."""
        best = self._best(now_ns)
        return None if best is None else best.uncertainty_at(now_ns)

    def next_ask_ns(self, now_ns: int) -> int:
        """Return when to ask; a time not later than `now_ns` means now."""
        if self._asked_ns is None:
            return now_ns
        return self._asked_ns + self._every_ns(now_ns)

    def _every_ns(self, now_ns: int) -> int:
        if self._wanted:
            return self._asking.first_every_ns
        unsure_ns = self.uncertainty_ns(now_ns)
        is_sure = unsure_ns is not None and unsure_ns <= self._asking.sure_ns
        return self._asking.every_ns if is_sure else self._asking.unsure_every_ns

    def _best(self, now_ns: int) -> ClockSample | None:
        return min(self._samples, key=lambda sample: sample.uncertainty_at(now_ns), default=None)

    def _agrees(self, fresh: ClockSample) -> bool:
        best = self._best(fresh.ts_recv_ns)
        if best is None:
            return True
        return abs(fresh.offset_ns - best.offset_ns) <= fresh.uncertainty_ns + best.uncertainty_at(fresh.ts_recv_ns)
