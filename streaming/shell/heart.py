"""The beating of a trader's heart: its heartbeat is touched by the loop that trades, and the watchdog looks at it.

A watchdog that dies is told of and replaced; what must not happen is that a trader believes itself watched.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from streaming.watchdog.config import WatchdogSettings
from streaming.watchdog.heartbeat import BEAT_S, WATCHDOG, Heartbeat, last_beat
from streaming.watchdog.spawn import spawn

REPLACED_MAX = 5
"""Watchdogs started after one died; who kills six wants none."""
WATCHED_NS = 1_000_000_000
"""A watchdog that has not looked for so long, ten times as long as it should take, does not watch."""
ENDS_S = 5.0
"""For a watchdog whose trader has ended: it looks ten times a second."""

Progress = Callable[[str], None]


class Heart:
    """Lives inside the loop, under the trader's lock: `start`, and `stop` when trading has ended."""

    def __init__(
        self, run_dir: Path, watchdog: WatchdogSettings | None, progress: Progress, *, is_live: bool = False
    ) -> None:
        """`watchdog` None: the heart beats, and nobody is started who looks at it. `is_live`: orders rest at venues."""
        self._run_dir = run_dir
        self._is_live = is_live
        self._settings = watchdog
        self._progress = progress
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._replaced = 0
        self._heartbeat: Heartbeat | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._spawned_ns = -WATCHED_NS
        """When the watchdog was started, on the monotonic clock."""

    @property
    def is_watched(self) -> bool:
        """Whether a watchdog looks at us: the one that was started, or one by hand. A new one is given its time."""
        beat = last_beat(self._run_dir, WATCHDOG)
        looked_ns = self._spawned_ns if beat is None else max(self._spawned_ns, beat.beat_ns)
        return time.monotonic_ns() - looked_ns < WATCHED_NS

    def start(self) -> None:
        """Begin to beat, then to be watched."""
        self._heartbeat = Heartbeat(self._run_dir)
        (self._run_dir / WATCHDOG).unlink(missing_ok=True)  # it tells of the watchdog of an earlier trader
        if self._settings is not None:
            self._watch(self._settings)
        self._beat()

    def stop(self, *, is_in_order: bool) -> None:
        """Beat no more. Out of order the watchdog is left to see this process die, and to latch."""
        if self._timer is not None:
            self._timer.cancel()
        if self._heartbeat is None:
            return
        if is_in_order:
            self._heartbeat.end()
            if self._watchdog is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._watchdog.wait(ENDS_S)
        self._heartbeat.close()

    def _beat(self) -> None:
        assert self._heartbeat is not None, "started"
        self._heartbeat.touch()
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)
        if self._watchdog is not None and self._watchdog.poll() is not None:
            self._replace(self._watchdog.returncode)

    def _replace(self, code: int) -> None:
        assert self._settings is not None, "one was started"
        self._watchdog = None
        if self._replaced == REPLACED_MAX:
            self._progress(f"the watchdog died again (exit code {code}); nobody watches this trader: trader watchdog")
            return
        self._replaced += 1
        self._progress(f"the watchdog died (exit code {code}); another one watches now")
        self._watch(self._settings)

    def _watch(self, settings: WatchdogSettings) -> None:
        self._spawned_ns = time.monotonic_ns()
        self._watchdog = spawn(self._run_dir, settings, os.getpid(), is_live=self._is_live)
