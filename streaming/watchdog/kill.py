"""`trader kill`: halt by whatever path is left, see that no order is open, end the process; the next start is latched.

Paths in their order: the control socket, Redis, signals. Each is given a short time, so that a trader that hangs, or a
Redis that does, costs seconds. What was confirmed and what was not is told apart: an order counts as gone only when the
trader itself said so, and where it traded live, when the venue's own list does not hold it.

With the trader dead, or gone long ago, what it left at venues is cancelled all the same: `data/run/trader.venues.json`
tells where that is.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from native.config import JsonObject
from streaming.bus_config import RedisSettings
from streaming.errors import NotRunningError, RefusedError, TraderError
from streaming.live.cancel_ours import VenueCancels
from streaming.live.venues_file import read_venues_file, remove_venues_file
from streaming.lock import is_held
from streaming.shell.bus_client import ask_over_redis
from streaming.shell.control import ask
from streaming.shell.trader_names import LOCK_NAME, PROCESS, SOCKET_NAME, STARTING
from streaming.watchdog.heartbeat import last_beat
from streaming.watchdog.ladder import Process, end_by_signals
from streaming.watchdog.latch import set_latch

ASK_S = 2.0
ORDERS_S = 5.0
"""For every order to end after the halt."""
SEAL_S = 15.0
"""For trading to end after `stop`: connections are closed, orders under way come home, the journal is sealed."""
TABLES_S = 10.0
"""For the tables of a sealed session; they can be written later."""
PATIENCE_S = 3.0
"""Between SIGTERM and SIGKILL."""
POLL_S = 0.05
BY = "operator"
REASON_CHARS_MAX = 400
"""Of the reason that is told on: a trader refuses longer ones, and a kill must not fail by its words."""

Way = Callable[[JsonObject], JsonObject]
Say = Callable[[str], None]


@dataclass(slots=True)
class KillReport:
    """What came of it."""

    pid: int
    halted_by: str = ""
    """Path over which the trader said that it is halted, or that it had no session; empty: it did not say."""
    open_orders: int | None = None
    """As the trader said last; None: it did not say."""
    positions: list[JsonObject] = field(default_factory=list)
    """That stay open, as the trader said last."""
    has_ended: bool = False
    is_sealed: bool = False
    """Trading ended in order: the session's journal is whole."""
    latch: str = ""
    is_live: bool = False
    """It had orders at venues, or may have had."""
    venues: list[VenueCancels] = field(default_factory=list)
    """What came of each venue; of a live trader."""
    venues_missing: list[str] = field(default_factory=list)
    """Venues at which nothing could be asked, with why."""
    lines: list[str] = field(default_factory=list)

    @property
    def is_confirmed(self) -> bool:
        """Tell whether nothing is left to see to: process gone, no order open by the word of who would know."""
        if self.is_live:
            is_gone = not self.venues_missing and all(found.is_confirmed for found in self.venues)
            return self.has_ended and is_gone
        return bool(self.halted_by) and self.open_orders == 0 and self.has_ended

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return {**asdict(self), "is_confirmed": self.is_confirmed}


def kill_trader(
    run_dir: Path, redis: RedisSettings, reason: str, say: Say, *, with_strangers: bool = False
) -> KillReport:
    """Kill the trader of a folder, and cancel what it left at venues.

    `with_strangers` cancels every order on its symbols, whoever placed it. NotRunningError, and nothing done, when no
    trader runs there and a live one left nothing; BadDataError when what it left cannot be read.
    """
    pid, left = _pid_of(run_dir / LOCK_NAME), read_venues_file(run_dir)
    if pid is None and left is None:
        raise NotRunningError(f"{run_dir / LOCK_NAME}: no trader runs there: nothing to kill, and no latch was set")
    process = Process(left.pid if pid is None and left is not None else pid or 0)
    return _Kill(run_dir, redis, reason, process, say, is_dead=pid is None, with_strangers=with_strangers).run()


class _Kill:
    """One kill, step by step."""

    def __init__(
        self,
        run_dir: Path,
        redis: RedisSettings,
        reason: str,
        process: Process,
        say: Say,
        *,
        is_dead: bool,
        with_strangers: bool,
    ) -> None:
        self._is_dead = is_dead
        self._with_strangers = with_strangers
        self._run_dir = run_dir
        self._redis = redis
        self._reason = reason[:REASON_CHARS_MAX]
        self._process = process
        self._say = say
        self._report = KillReport(process.pid)

    def run(self) -> KillReport:
        """See the head of the file."""
        report = self._report
        if self._is_dead:
            return self._run_dead()
        way = self._halt()
        report.latch = str(set_latch(self._run_dir, f"trader kill: {self._reason}", BY, report.pid))
        if way is not None:
            self._confirm_orders(way)
            self._stop(way)
        if not self._process.has_ended():
            self._tell(end_by_signals(self._process, PATIENCE_S))
        report.has_ended, report.is_sealed = self._process.has_ended(), self._has_sealed()
        self._see_to_venues()
        self._tell_the_rest()
        return report

    def _run_dead(self) -> KillReport:
        """See to what a trader left that is not there any more."""
        report = self._report
        self._tell("no trader runs here; one that traded live left its word of what it had at venues")
        report.latch = str(set_latch(self._run_dir, f"trader kill: {self._reason}", BY, report.pid))
        report.has_ended, report.is_sealed = True, self._has_sealed()
        self._see_to_venues()
        self._tell_end()
        return report

    def _see_to_venues(self) -> None:
        """Cancel what is ours at the venues, and confirm it by their own lists."""
        left = read_venues_file(self._run_dir)
        if left is None:
            return
        from streaming.watchdog.venues import see_to_venues  # loads what speaks to venues

        report = self._report
        report.is_live = True
        report.venues, report.venues_missing = see_to_venues(
            left, self._tell, with_strangers=self._with_strangers, run_dir=self._run_dir
        )
        if report.is_confirmed:
            remove_venues_file(self._run_dir)

    def _halt(self) -> Way | None:
        """Return the first path over which the trader answers; it has then been told to halt."""
        for name, way in self._ways():
            try:
                answer = way({"op": "halt", "reason": f"kill: {self._reason}"})
            except TraderError as error:  # also without a usable key for Redis: signals are left
                self._tell(f"{name}: {error}")
                continue
            if answer.get("ok") is True:
                self._report.halted_by = name
                self._tell(f"{name}: halted, every order is being cancelled")
            elif answer.get("exit_code") == RefusedError.exit_code:
                self._tell(f"{name}: {answer.get('error')}")
            else:
                self._tell(f"{name}: not halted: {answer.get('error')}")
                continue
            return way
        return None

    def _ways(self) -> Iterator[tuple[str, Way]]:
        yield "socket", lambda request: ask(self._run_dir / SOCKET_NAME, request, ASK_S)
        yield "redis", lambda request: ask_over_redis(self._redis, self._run_dir, PROCESS, request, ASK_S)

    def _confirm_orders(self, way: Way) -> None:
        """Wait until the trader says that no order is open."""
        report, end_s = self._report, time.monotonic() + ORDERS_S
        try:
            while (status := way({"op": "status"})).get("ok") is True:
                report.open_orders, report.positions = _standing(status)
                if status.get("state") == STARTING:
                    report.halted_by = report.halted_by or "no session had begun"
                if report.open_orders == 0 or time.monotonic() > end_s:
                    break
                time.sleep(POLL_S)
        except TraderError as error:
            self._tell(f"orders: {error}")

    def _stop(self, way: Way) -> None:
        """Let the trader end by itself: first its trading, then its tables."""
        with suppress(TraderError):
            way({"op": "stop", "reason": f"kill: {self._reason}"})
        seal_s = time.monotonic() + SEAL_S
        while not self._process.has_ended(POLL_S) and not self._has_sealed() and time.monotonic() < seal_s:
            continue
        if self._has_sealed() and not self._process.has_ended(TABLES_S):
            self._tell(f"its session is sealed, but its tables are not written within {TABLES_S:g} s")

    def _has_sealed(self) -> bool:
        beat = last_beat(self._run_dir)
        return beat is not None and beat.has_ended and beat.pid == self._process.pid

    def _tell_the_rest(self) -> None:
        report = self._report
        if report.is_live:
            pass  # the venues have said it
        elif report.open_orders is None:
            self._tell("open orders: NOT CONFIRMED, the trader did not say; in paper mode none rests at a venue")
        elif report.open_orders:
            self._tell(f"open orders: {report.open_orders} when it last said; in paper mode none rests at a venue")
        else:
            self._tell("open orders: none, confirmed")
        for position in report.positions:
            self._tell(f"OPEN POSITION  {position['instrument']} {position['position']}: watched by nobody")
        self._tell_end()

    def _tell_end(self) -> None:
        report = self._report
        if not report.has_ended:
            self._tell(f"process {report.pid}: NOT ENDED")
        elif not report.is_sealed:
            self._tell("its session is not sealed: the next trader start goes on with it, halted")
        self._tell("the next trader begins halted, until: trader resume --reason TEXT")

    def _tell(self, line: str) -> None:
        self._report.lines.append(line)
        self._say(line)


def _standing(status: JsonObject) -> tuple[int, list[JsonObject]]:
    """Return how many orders are open and the positions that are not flat; none of either before a session."""
    found = status.get("instruments", [])
    assert isinstance(found, list), "a status lists its instruments"
    rows = [row for row in found if isinstance(row, dict)]
    held: list[JsonObject] = [
        {"instrument": row["instrument"], "position": row["position"]} for row in rows if row["position"] != "0"
    ]
    return sum(int(str(row["open_orders"])) for row in rows), held


def _pid_of(lock: Path) -> int | None:
    """Return the process that holds a lock, None where nobody does."""
    if not is_held(lock):
        return None
    text = lock.read_text(encoding="ascii", errors="replace").strip()
    return int(text) if text.isdecimal() else None
