"""One budget for all processes of a machine: recorder, trader and watchdog spend from the same limits of an address.

The state of `RateBudget` lies in a memory-mapped file under a lock. Nothing has to be repaired: a process that is
killed leaves a state that allows no more than before, and the kernel lets its lock go. A process that is stopped while
it holds the lock (a debugger, SIGSTOP) holds up nobody: after `PATIENCE_S` the others go on without it, and count at
worst one call too few.
"""

import fcntl
import mmap
import os
import re
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from streaming.errors import BadDataError
from streaming.venues.budget import BANNED, LIMITED, MINUTE_NS, WeightBudget
from streaming.venues.gateway import LimitUse, Outcome
from streaming.venues.rate_budget import WORDS, Cost, Limit, RateBudget, Shares, Use
from streaming.venues.replies import Reply

MAGIC: Final = b"LOBRATE1"
FILE_BYTES: Final = len(MAGIC) + 8 * WORDS
PATIENCE_S: Final = 0.02
PAUSE_S: Final = 0.000_05
NS_PER_S: Final = 1_000_000_000
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")


def budget_path(run_folder: Path, venue: str, rest_address: str) -> Path:
    """Return where the budget of a venue at an address lies: production and testnet count apart."""
    place = _UNSAFE.sub("-", urlsplit(rest_address).netloc.rpartition("@")[2])[:80]
    return run_folder / f"budget-{venue}-{place}.words"


class SharedBudget:
    """See `Budget`; every process makes its own of the same path and limits."""

    def __init__(self, path: Path, limits: Sequence[Limit], *, account: str = "", shares: Shares | None = None) -> None:
        """Open or make the file; BadDataError when there is another one at `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._closing = weakref.finalize(self, os.close, self._file)
        with self._held():
            self._map = _mapped(self._file, path)
            self._words = memoryview(self._map)[len(MAGIC) :].cast("q")
            self._budget = RateBudget(limits, account=account, shares=shares, words=self._words)

    def try_take(self, cost: Cost, now_ns: int) -> int:
        """Spend, and return 0; or spend nothing, and return how many ns to wait."""
        with self._held():
            return self._budget.try_take(cost, now_ns)

    def wait_ns(self, cost: Cost, now_ns: int) -> int:
        """Return how long a call must wait, 0 when it may go now."""
        with self._held():
            return self._budget.wait_ns(cost, now_ns)

    def take(self, cost: Cost, now_ns: int) -> None:
        """Spend; ask `wait_ns` first."""
        with self._held():
            self._budget.take(cost, now_ns)

    def on_outcome(self, outcome: Outcome, now_ns: int) -> None:
        """Learn from what became of a call."""
        with self._held():
            self._budget.on_outcome(outcome, now_ns)

    def on_uses(self, uses: Sequence[LimitUse], asked_ns: int, now_ns: int) -> None:
        """Believe what a reply states of the limits."""
        with self._held():
            self._budget.on_uses(uses, asked_ns, now_ns)

    def on_banned(self, retry_at_ns: int, now_ns: int) -> None:
        """Stop everything at this address until the venue's time, or for a default."""
        with self._held():
            self._budget.on_blocked(None, "", retry_at_ns, now_ns)

    def on_served(self) -> None:
        """Learn that this address is served."""
        with self._held():
            self._budget.on_served()

    def left(self, now_ns: int) -> tuple[LimitUse, ...]:
        """Return every limit as it stands; none once this is closed, as the last status of a session asks."""
        if not self._closing.alive:
            return ()
        with self._held():
            return self._budget.left(now_ns)

    def close(self) -> None:
        """Let go of the file; the state stays in it."""
        del self._budget
        self._words.release()
        self._map.close()
        self._closing()

    @contextmanager
    def _held(self) -> Iterator[None]:
        is_held = _lock(self._file)
        try:
            yield
        finally:
            if is_held:
                fcntl.flock(self._file, fcntl.LOCK_UN)


class SharedWeightBudget(WeightBudget):
    """The recorder's budget, which also spends from the shared one: what may wait, after orders and cancels."""

    def __init__(self, per_minute: int, share: float, now_ns: int, shared: SharedBudget) -> None:
        super().__init__(per_minute, share, now_ns)
        self._shared = shared
        self._asked_ns = now_ns

    def wait_ns(self, weight: int, now_ns: int) -> int:
        """Return how long a request of `weight` must wait, 0 when it may go now."""
        return max(super().wait_ns(weight, now_ns), self._shared.wait_ns(_data(weight), now_ns))

    def take(self, weight: int, now_ns: int) -> None:
        """Spend `weight`; ask `wait_ns` first."""
        super().take(weight, now_ns)
        self._shared.take(_data(weight), now_ns)
        self._asked_ns = now_ns

    def on_reply(self, reply: Reply, now_ns: int) -> None:
        """Learn from a reply's status and headers."""
        super().on_reply(reply, now_ns)
        if reply.used_weight is not None:
            use = LimitUse(name="weight_1m", used=reply.used_weight, limit=0)
            self._shared.on_uses((use,), self._asked_ns, now_ns)
        after_s = reply.retry_after_s
        if reply.status == LIMITED:
            wait_ns = MINUTE_NS if after_s is None else int(after_s * NS_PER_S)
            self._shared.on_banned(now_ns + wait_ns, now_ns)
        elif reply.status in BANNED:
            self._shared.on_banned(0 if after_s is None else now_ns + int(after_s * NS_PER_S), now_ns)
        else:
            self._shared.on_served()


def _data(weight: int) -> Cost:
    return Cost(use=Use.data, weight=weight)


def _lock(descriptor: int) -> bool:
    """Take the lock and return True; False when its holder does not let go of it in time."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until_s:
                return False
            time.sleep(PAUSE_S)
        else:
            return True


def _mapped(descriptor: int, path: Path) -> mmap.mmap:
    size = os.fstat(descriptor).st_size
    if size == 0:
        # The mark is written last: a file that was left half made is empty, or of the right size without a mark. Its
        # blocks are taken now, since a full disk would else end the process at a write to the map.
        os.posix_fallocate(descriptor, 0, FILE_BYTES)
        os.pwrite(descriptor, MAGIC, 0)
    elif size != FILE_BYTES or os.pread(descriptor, len(MAGIC), 0) not in (MAGIC, bytes(len(MAGIC))):
        raise BadDataError(
            f"{path}: expected a budget of {FILE_BYTES} bytes, found {size} of another kind; "
            f"remove it while no recorder, trader or watchdog runs"
        )
    else:
        os.pwrite(descriptor, MAGIC, 0)
    return mmap.mmap(descriptor, FILE_BYTES)
