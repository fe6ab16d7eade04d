"""Counts what stages took about once a second, and writes it to the file beside the journal every few seconds (see
`performance.stage_file`), in a thread: the loop never waits for it. A disk that is full or hangs costs rows, which are
counted, and nothing else; so does a mistake in what is counted.
"""

import asyncio
import math
import os
from collections.abc import Sequence
from pathlib import Path

from native.config import JsonObject
from streaming.performance.stage_file import StageRow, encode_rows
from streaming.shell.clock import Clock
from streaming.shell.inference import first_line
from streaming.shell.latency import Latencies

COUNT_S, KEEP_S = 1.0, 10.0
WAITING_MAX = 4_096
"""Rows that wait while one write is under way; the oldest beyond them are dropped."""


class StageKeeper:
    """Use it on the event loop: `tick` every few tens of ms, `close` at the end."""

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Clock, latencies: Latencies, path: Path) -> None:
        """Go on with the file at `path` where it stands, on a line of its own."""
        self._loop = loop
        self._clock = clock
        self._latencies = latencies
        self._path = path
        self._count_s = self._keep_s = loop.time()
        self._waiting: list[StageRow] = []
        self._writing: asyncio.Future[None] | None = None
        self._is_begun = False
        self.written = 0
        self.dropped = 0
        self.failed = 0
        self.last_problem = ""

    def tick(self) -> None:
        """Do what is due; what fails is counted and told, as it must not end the trading that it measures."""
        try:
            self._do_due(self._loop.time())
        except Exception as error:
            self.failed += 1
            self.last_problem = first_line(error)

    def to_json(self) -> JsonObject:
        """Return how it fares."""
        return {
            "written": self.written,
            "dropped": self.dropped,
            "failed": self.failed,
            "last_problem": self.last_problem,
        }

    def _do_due(self, now_s: float) -> None:
        self._latencies.catch_up()
        if now_s - self._count_s >= COUNT_S:
            self._count_s = now_s
            self._latencies.roll(now_s)
        if now_s - self._keep_s >= KEEP_S:
            self._keep_s = now_s
            self._keep()

    async def close(self) -> None:
        """Write what was not written yet."""
        self._count_s = self._keep_s = -math.inf
        self.tick()
        while self._writing is not None:
            await asyncio.wait([self._writing])
            self._begin_write()

    def _keep(self) -> None:
        self._waiting += self._latencies.take_kept(self._clock.now_ns())
        excess = max(0, len(self._waiting) - WAITING_MAX)
        self.dropped += excess
        del self._waiting[:excess]
        self._begin_write()

    def _begin_write(self) -> None:
        if self._writing is not None and not self._writing.done():
            return
        rows, self._waiting, self._writing = self._waiting, [], None
        if rows:
            self._writing = self._loop.run_in_executor(None, self._write, rows)

    # --- in the thread ---

    def _write(self, rows: Sequence[StageRow]) -> None:
        try:
            self._append(encode_rows([*rows]))
            self.written += len(rows)
        except OSError as error:
            self.dropped += len(rows)
            self.last_problem = f"{self._path}: {error}"

    def _append(self, data: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab+") as file:
            if not self._is_begun and file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                data = data if file.read(1) == b"\n" else b"\n" + data
            file.write(data)
        self._is_begun = True
