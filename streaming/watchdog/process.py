"""The watchdog: watches one trader's heartbeat, and takes the ladder's steps when it stops or the trader dies.

A process in a session of its own with the standard library alone (some 10 MB), so that neither the trader's fate nor a
closed terminal ends it. Over a live trader it is larger, as it also holds gateways, keys and connections of its own:
those are loaded in a thread beside the watch, and whatever becomes of them, the watch goes on. It ends with the trader.
Three things it sees:

    the trader ended in order                      nothing is done
    it is gone, and had not said that it ended     the latch: kill -9, out of memory, a failure while it traded
    its heartbeat is older than the limit          the whole ladder: halt, latch, end

Its own heart beats too, ten times a second, in `data/run/watchdog.heartbeat`: by it a trader whose risk rule
`heartbeat` is on halts itself when nobody watches it any more.

A watchdog that did not run itself (the machine slept or was overloaded) counts the silence from its own waking.
"""

import fcntl
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.watchdog.heartbeat import BEAT_S, WATCHDOG, Heartbeat, HeartbeatReader
from streaming.watchdog.ladder import Case, Process, climb

if TYPE_CHECKING:
    from streaming.watchdog.guard import Guard

LOCK_NAME = "watchdog.lock"
LOOK_S = 0.1
LATE_S = 0.5
"""A look that comes later than this means that we did not run ourselves."""
LOCK_PATIENCE_S = 2.0
"""For the watchdog of the trader before to end."""
BY = "watchdog"
REFUSED, NOT_RUNNING = 3, 4
VENUES = "venues"
"""Word on the command line: over a live trader."""
VENUES_FILE = "trader.venues.json"
"""What a live trader has at venues: `streaming/live/venues_file.py`, which is not imported where there is none."""
GUARD_AGAIN_S = 5.0
"""After a guard could not be loaded."""


class GuardThread:
    """Loads the guard of a live trader once there is something to guard, and keeps it fresh."""

    def __init__(self, run_dir: Path, pid: int) -> None:
        self._run_dir = run_dir
        self._pid = pid
        self._lock = threading.Lock()
        self._guard: Guard | None = None

    def start(self) -> None:
        """Begin; the thread ends with the process."""
        threading.Thread(target=self._turn, name="guard", daemon=True).start()

    def cancel_ours(self, silence_s: float) -> str:
        """Cancel ours at the venues; never raises, whatever is broken."""
        try:
            guard = self._load()
            return "no session of it has begun at any venue" if guard is None else guard.cancel_ours(silence_s)
        except Exception as error:
            return f"NOT CONFIRMED, {type(error).__name__}: {error}; next: trader kill"

    def _turn(self) -> None:
        with suppress(Exception):  # told when it is needed
            import streaming.watchdog.guard  # noqa: F401  # while the trader begins: loading takes seconds when it is busy
        while True:
            wait_s = LOOK_S
            try:
                guard = self._load()
                if guard is not None:
                    guard.keep_fresh()
            except Exception as error:  # what is wrong is told; the watch over the heartbeat does without
                tell(f"the venues cannot be guarded: {type(error).__name__}: {error}")
                wait_s = GUARD_AGAIN_S
            time.sleep(wait_s)

    def _load(self) -> "Guard | None":
        with self._lock:
            if self._guard is None and (self._run_dir / VENUES_FILE).exists():
                from streaming.watchdog.guard import load_guard

                self._guard = load_guard(self._run_dir, self._pid, tell)
            return self._guard


class Watchdog:
    """Watches until the trader has ended; `run` returns 0 when that was in order."""

    def __init__(
        self,
        run_dir: Path,
        heart: HeartbeatReader,
        trader: Process,
        limit_s: float,
        patience_s: float,
        guard: GuardThread | None = None,
    ) -> None:
        self._run_dir = run_dir
        self._guard = guard
        self._own_heart: Heartbeat | None = None
        with suppress(OSError):  # a disk that takes no more is no reason not to watch
            self._own_heart = Heartbeat(run_dir, WATCHDOG)
        self._heart = heart
        self._trader = trader
        self._limit_s = limit_s
        self._patience_s = patience_s

    def run(self) -> int:
        """Watch; see the head of the file."""
        awake_ns = looked_ns = time.monotonic_ns()
        has_acted = False
        while not self._trader.has_ended(LOOK_S):
            if self._own_heart is not None:
                self._own_heart.touch()
            now_ns = time.monotonic_ns()
            if now_ns - looked_ns > (LOOK_S + LATE_S) * 1e9:
                awake_ns = now_ns
            looked_ns = now_ns
            beat = self._heart.read()
            if beat.has_ended:
                return 0
            silent_s = (now_ns - max(beat.beat_ns, awake_ns)) / 1e9
            if silent_s <= self._limit_s:
                has_acted = has_acted and silent_s > BEAT_S * 2  # it beats again: the next silence is another one
            elif not has_acted:
                has_acted = True
                self._act(f"no heartbeat for {silent_s:.1f} s, the limit is {self._limit_s:g} s")
                looked_ns = time.monotonic_ns()
        if self._heart.read().has_ended:
            return 0
        if not has_acted:
            self._act(f"the trader died, process {self._trader.pid}: it had not ended its session")
        return 1

    def _act(self, why: str) -> None:
        tell(why)
        case = Case(self._run_dir, self._trader, BY, f"watchdog: {why}", self._patience_s)
        case.cancel_ours = None if self._guard is None else self._guard.cancel_ours
        for line in climb(case):
            tell(line)
        tell("the next trader begins halted; look why, then: trader resume --reason TEXT")


def tell(line: str) -> None:
    """Say a line on stderr; a terminal that is gone is no reason to end."""
    with suppress(OSError):
        os.write(2, f"watchdog: {line}\n".encode())


def hold_lock(run_dir: Path) -> int | None:
    """Return the lock's descriptor, None when another watchdog holds it on."""
    descriptor = os.open(run_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    give_up_s = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_s:
                os.close(descriptor)
                return None
            time.sleep(LOOK_S)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def main(arguments: list[str]) -> int:
    """Watch the trader of a folder: RUN_DIR LIMIT_MS PATIENCE_MS [PID] [venues].

    Without PID the one whose heartbeat stands; with `venues` what a live trader has at venues is cancelled, too.
    """
    is_live = arguments[-1] == VENUES
    arguments = arguments[:-1] if is_live else arguments
    run_dir, limit_s, patience_s = Path(arguments[0]), int(arguments[1]) / 1e3, int(arguments[2]) / 1e3
    for number in (signal.SIGINT, signal.SIGHUP):  # they are for the trader: it is watched until it has ended
        signal.signal(number, signal.SIG_IGN)
    try:
        heart = HeartbeatReader(run_dir)
        beat = heart.read()
        trader = Process(int(arguments[3]) if len(arguments) > 3 else beat.pid)
    except (FileNotFoundError, ValueError) as error:
        tell(f"{run_dir}: no trader runs there ({error}); next: trader start")
        return NOT_RUNNING
    is_by_hand = len(arguments) == 3  # else the trader started us: that it is gone by now is what we are for
    if not is_by_hand and beat.pid == trader.pid and beat.has_ended:
        return 0  # a short session: it ended in order before we could look
    if beat.has_ended or beat.pid != trader.pid or (is_by_hand and trader.has_ended()):
        tell(f"{run_dir}: the heartbeat there is of process {beat.pid}, which ended; next: trader start")
        return NOT_RUNNING
    if hold_lock(run_dir) is None:
        tell(f"{run_dir / LOCK_NAME}: another watchdog watches already; it ends with its trader")
        return REFUSED
    guard = GuardThread(run_dir, trader.pid) if is_live else None
    if guard is not None:
        guard.start()
    return Watchdog(run_dir, heart, trader, limit_s, patience_s, guard).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
