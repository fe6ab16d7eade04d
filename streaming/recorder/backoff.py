"""Waiting longer after each failure, with jitter from a seeded generator so that a run can be repeated."""

import random


class Backoff:
    """Half to whole of `min_ns`, doubled with each failure up to `max_ns`."""

    def __init__(self, rng: random.Random, min_ns: int, max_ns: int) -> None:
        self._rng = rng
        self._min_ns = min_ns
        self._max_ns = max_ns
        self.failures = 0

    def next_ns(self) -> int:
        """Count a failure and return how long to wait."""
        whole = min(self._max_ns, self._min_ns << min(self.failures, 20))
        self.failures += 1
        return int(whole * self._rng.uniform(0.5, 1.0))

    def reset(self) -> None:
        """Forget the failures."""
        self.failures = 0
