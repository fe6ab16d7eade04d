"""The watchdog's part at the venues: keys, gateways and connections of its own, made ready while all is well.

A live trader writes the venues file before its first order; from then on the guard stands ready, asks each venue for
its clock now and then, so that connections and clocks are fresh, and says in `data/run/watchdog.guard.json` at which
venues it could act. On the day it needs no disk, no settings and nothing of the trader.
"""

import time
from collections.abc import Callable
from pathlib import Path

from streaming.live.venues_file import AtVenues, read_venues_file
from streaming.shell.venue_hands import SILENCE_S, Hand, cancel_everywhere, cancels_line, make_hands
from streaming.watchdog.guard_file import FRESH_S, write_readiness

AGAIN_S = 1.0
"""After a venue did not answer."""

Say = Callable[[str], None]


class Guard:
    """Stands ready for one live session."""

    def __init__(self, run_dir: Path, left: AtVenues, say: Say) -> None:
        self._run_dir = run_dir
        self._left = left
        self._say = say
        self._hands: list[Hand] = make_hands(left, "watchdog", time.sleep, say, run_dir)
        self._fresh_s = 0.0
        self._unready: dict[str, str] = {}

    @property
    def run(self) -> str:
        """Of the session."""
        return self._left.run

    def keep_fresh(self) -> None:
        """Ask the venues for their clocks where it is time, and say where we could act."""
        if time.monotonic() < self._fresh_s:
            return
        ready = {entry.venue: False for entry in self._left.venues}
        for hand in self._hands:
            outcome = hand.refresh()
            ready[hand.venue] = outcome.is_accepted
            self._tell(hand.venue, "" if outcome.is_accepted else f"{outcome.code} {outcome.text}".strip())
        self._fresh_s = time.monotonic() + (FRESH_S if all(ready.values()) else AGAIN_S)
        write_readiness(self._run_dir, self.run, ready)

    def close(self) -> None:
        """Close the connections."""
        for hand in self._hands:
            hand.rest.close()

    def _tell(self, venue: str, problem: str) -> None:
        """Say that a venue is not ready, once for each problem, and that it is again."""
        if problem != self._unready.get(venue, ""):
            self._say(f"{venue}: not ready: {problem}" if problem else f"{venue}: ready again")
        self._unready[venue] = problem

    def cancel_ours(self, silence_s: float = SILENCE_S) -> str:
        """Cancel ours at every venue and return what came of it in one line; see `Hand.cancel`."""
        found = cancel_everywhere(self._hands, is_told=True, silence_s=silence_s)
        missing = [
            name for name in (entry.venue for entry in self._left.venues) if name not in {f.venue for f in found}
        ]
        lines = [cancels_line(one) for one in found]
        lines += [f"{name}: NOT CONFIRMED, the watchdog has no usable key" for name in missing]
        held = [f"OPEN POSITION {position}" for one in found for position in one.positions]
        return "; ".join([*lines, *held])


def load_guard(run_dir: Path, pid: int, say: Say) -> Guard | None:
    """Return the guard of the live session of process `pid`, None where it has none (yet)."""
    left = read_venues_file(run_dir)
    return Guard(run_dir, left, say) if left is not None and left.pid == pid else None
