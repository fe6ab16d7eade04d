"""Is the watchdog ready to cancel at the venues? A live trader opens nothing where it is not.

Read from the file in which the guard says so, at most twice a second; word older than `STALE_NS` counts as none.
"""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from streaming.watchdog.guard_file import FRESH_S, read_readiness

LOOK_NS: Final = 500_000_000
STALE_NS: Final = int(4 * FRESH_S * 1_000_000_000)


class GuardWatch:
    """Of one session."""

    def __init__(self, run_dir: Path, run: str, venues: Iterable[str]) -> None:
        self._run_dir = run_dir
        self._run = run
        self._venues = frozenset(venues)
        self._unready = self._venues
        self._look_ns = 0

    def unready(self) -> frozenset[str]:
        """Return the venues at which the watchdog could not cancel."""
        now_ns = time.monotonic_ns()
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + LOOK_NS
            self._unready = self._read(now_ns)
        return self._unready

    def _read(self, now_ns: int) -> frozenset[str]:
        found = read_readiness(self._run_dir, self._run)
        if found is None or now_ns - found.ts_monotonic_ns > STALE_NS:
            return self._venues
        return frozenset(venue for venue in self._venues if not found.ready.get(venue, False))
