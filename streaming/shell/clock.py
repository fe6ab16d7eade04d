"""The one clock: `now_ns = epoch_ns + speed x (monotonic - start)`. No other file reads the machine's.

The monotonic clock is the machine's, the same in every process of it. So three numbers put several processes on one
scale: the emulator publishes its own, and what attaches to it takes them. A clock never goes back, as it reads the wall
only once, when it is made.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from native.config import JsonObject

NS_PER_S = 1_000_000_000
SPEED_MAX = 1_000.0
stopwatch_ns: Final[Callable[[], int]] = time.monotonic_ns
"""Real ns for durations; a difference of two readings, and nothing else, means something."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A scale of time; equal numbers on one machine give equal times."""

    epoch_ns: int
    """Time at the start, in ns since 1970 UTC."""
    speed: float
    """Seconds of this scale a real second; 1 in everything that trades."""
    start_ns: int
    """The machine's monotonic clock at the start, in ns."""

    def __post_init__(self) -> None:
        if not 0.0 < self.speed <= SPEED_MAX:
            raise ValueError(f"speed: expected above 0 and at most {SPEED_MAX:g}, found {self.speed}")

    @classmethod
    def wall(cls) -> Self:
        """Return a clock that shows the time of day at speed 1, as it stood when this was called."""
        return cls(time.time_ns(), 1.0, time.monotonic_ns())

    @classmethod
    def starting_at(cls, epoch_ns: int, speed: float) -> Self:
        """Return a clock that shows `epoch_ns` now."""
        return cls(epoch_ns, float(speed), time.monotonic_ns())

    @classmethod
    def from_json(cls, document: JsonObject) -> Self:
        """Return the clock that another process published; ValueError names what is wrong with its numbers."""
        epoch_ns, speed, start_ns = (document.get(name) for name in ("epoch_ns", "speed", "start_ns"))
        if not isinstance(epoch_ns, int) or not isinstance(start_ns, int) or not isinstance(speed, int | float):
            raise ValueError(f"clock: expected the numbers epoch_ns, speed and start_ns, found {sorted(document)}")
        return cls(epoch_ns, float(speed), start_ns)

    def to_json(self) -> JsonObject:
        """Return the three numbers."""
        return {"epoch_ns": self.epoch_ns, "speed": self.speed, "start_ns": self.start_ns}

    def now_ns(self) -> int:
        """Return the time, in ns since 1970 UTC."""
        elapsed = time.monotonic_ns() - self.start_ns
        return self.epoch_ns + (elapsed if self.speed == 1.0 else int(elapsed * self.speed))

    def delay_s(self, ts_ns: int) -> float:
        """Return the real seconds until this clock shows `ts_ns`, 0 when it has."""
        return max(0.0, (ts_ns - self.now_ns()) / self.speed / NS_PER_S)
