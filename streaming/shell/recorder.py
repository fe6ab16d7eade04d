"""`trader record`: all venues' recorders on one uvloop, one thread that writes, until told to end.

The end is clean by SIGINT, SIGTERM, SIGHUP (unless ignored, as nohup has it), `trader record stop`, a span that is over
or a failure: connections are closed, what was received is written, files get their names and each run its manifest.
Under `data/run/record.lock`; what a killed recorder left is cut, sealed and noted first.

`data/run/record.sock` answers `status` and `stop`; the same words come over Redis, and the status is told to it every
`TELEMETRY_S`. The bus has a thread of its own: recording never waits for Redis.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from native.config import EngineSettings, JsonObject
from streaming.bus_config import RedisSettings
from streaming.errors import UsageError
from streaming.live_segments import RecoveredSegment, recover_segments
from streaming.lock import held
from streaming.metrics.config import MetricsSettings
from streaming.record_config import RecordConfig
from streaming.recorder.meters import VenueReading, progress_text
from streaming.recorder.plan import check_speed, venue_targets
from streaming.shell.clock import NS_PER_S, Clock
from streaming.shell.gather import all_unless_stopped
from streaming.shell.recorder_desk import RecorderDesk
from streaming.shell.recorder_names import LOCK_NAME
from streaming.shell.segment_queue import SegmentQueue
from streaming.shell.stop_signals import ended_by_signals
from streaming.shell.venue_recorder import Surroundings, VenueRecorder

TICK_S = 0.02
TELEMETRY_S = 1.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """What to record, and for how long."""

    lake_root: Path
    run_dir: Path
    instruments: tuple[str, ...]
    config: RecordConfig
    engine: EngineSettings
    clock: Clock
    span_ns: int | None = None
    """Of the shared clock, from the moment at which every venue is being recorded; None: until told to end."""
    progress_s: float = 1.0
    redis: RedisSettings | None = None
    """Where telemetry goes; None: nowhere."""
    metrics: MetricsSettings | None = None
    """Where series go; None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummary:
    """What was recorded."""

    venues: tuple[VenueReading, ...]
    recovered: tuple[RecoveredSegment, ...]
    files: tuple[str, ...]
    pauses: int
    """How often the sockets were not read because the disk was behind."""
    ended_by: str
    """Why it ended, in words."""

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return {
            "venues": [reading.to_json() for reading in self.venues],
            "recovered": [
                {"path": str(item.path), "run": item.run, "records": item.records, "cut_bytes": item.cut_bytes}
                for item in self.recovered
            ],
            "files": list(self.files),
            "pauses": self.pauses,
            "ended_by": self.ended_by,
        }


def run_recorder(request: RecordRequest, progress: Progress) -> RecordSummary:
    """Record until told to end, and return what was recorded.

    Raises RefusedError when another recorder holds the lock or the clock is not the world's, UsageError for an unknown
    instrument, TraderError when a venue cannot be reached, OSError when the disk fails.
    """
    if not request.instruments:
        raise UsageError("nothing to record: name instruments in streaming.record.instruments")
    check_speed(venue_targets(request.config, request.instruments), request.clock.speed)
    with held(request.run_dir / LOCK_NAME):
        recovered = recover_segments(request.lake_root)
        for item in recovered:
            progress(f"recovered {item.path.name}: {item.records} records, torn tail of {item.cut_bytes} bytes cut")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_run(request, progress, recovered))


async def _run(request: RecordRequest, progress: Progress, recovered: Sequence[RecoveredSegment]) -> RecordSummary:
    return await _Recorder(request, progress).run(recovered)


class _Recorder:
    """One recording; lives inside the loop."""

    def __init__(self, request: RecordRequest, progress: Progress) -> None:
        self._loop = asyncio.get_running_loop()
        self._request = request
        self._progress = progress
        self._stop = asyncio.Event()
        self._ended_by = ""
        self._failure: Exception | None = None
        self._venues: list[VenueRecorder] = []
        self._segments = SegmentQueue(self._loop, request.config.queue_bytes, self._pause, self._fail)
        self._desk = RecorderDesk(
            request.run_dir, request.redis, request.clock, self._reading, self._end, request.metrics
        )
        self._begun_ns = request.clock.now_ns()
        self._state = "starting"

    async def run(self, recovered: Sequence[RecoveredSegment]) -> RecordSummary:
        """Record until the end; see `run_recorder`."""
        with ended_by_signals(self._end):
            self._segments.start()
            try:
                await self._desk.open()
                await self._record()
            except Exception as error:
                self._fail(error)
            finally:
                await self._close()
        if self._failure is not None:
            raise self._failure
        return RecordSummary(
            venues=tuple(reading for venue in self._venues for reading in venue.readings()),
            recovered=tuple(recovered),
            files=tuple(name for venue in self._venues for name in venue.files()),
            pauses=self._segments.pauses,
            ended_by=self._ended_by,
        )

    async def _record(self) -> None:
        request = self._request
        around = Surroundings(
            request.lake_root,
            request.clock,
            request.config,
            request.run_dir,
            request.engine,
            self._segments,
            self._fail,
            self._progress,
        )
        for target in venue_targets(request.config, request.instruments):
            self._venues.append(VenueRecorder(target, around))
        if await all_unless_stopped([venue.learn(self._progress) for venue in self._venues], self._stop) is None:
            return
        for venue in self._venues:
            venue.start()
        self._state = "recording"
        await self._turn()

    async def _close(self) -> None:
        """Close what was opened; whatever fails is noted, the rest is closed still."""
        self._state = "stopping"
        ends = await asyncio.gather(*(venue.stop() for venue in self._venues), return_exceptions=True)
        await asyncio.to_thread(self._segments.join)
        ends.append(*await asyncio.gather(self._desk.close(), return_exceptions=True))
        for error in ends:
            if isinstance(error, Exception):
                self._fail(error)

    async def _turn(self) -> None:
        """Tick, flush, tell and show until told to end."""
        request, loop, config = self._request, self._loop, self._request.config
        end_ns = None if request.span_ns is None else request.clock.now_ns() + request.span_ns
        flush_s = shown_s = sync_s = told_s = loop.time()
        before: list[VenueReading] = []
        while not self._stop.is_set():
            if end_ns is not None and request.clock.now_ns() >= end_ns:
                self._end("its span is over")
                return
            for venue in self._venues:
                venue.tick()
            now_s = loop.time()
            if now_s - flush_s >= config.flush_ms / 1_000:
                is_sync_due = now_s - sync_s >= config.fsync_ms / 1_000
                for venue in self._venues:
                    venue.flush(is_sync_due)
                flush_s, sync_s = now_s, now_s if is_sync_due else sync_s
            if now_s - told_s >= TELEMETRY_S:
                self._desk.tell()
                told_s = now_s
            if now_s - shown_s >= request.progress_s:
                readings = self._last_readings()
                segments = self._segments
                self._progress(
                    progress_text(readings, before, now_s - shown_s, segments.waiting_bytes, segments.is_paused)
                )
                shown_s, before = now_s, readings
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TICK_S)

    def _last_readings(self) -> list[VenueReading]:
        """Return each venue's present run."""
        return [venue.readings()[-1] for venue in self._venues if venue.readings()]

    def _reading(self) -> JsonObject:
        """Return the recorder's part of the status document."""
        segments = self._segments
        runs = sum(len(venue.readings()) for venue in self._venues)
        readings = self._last_readings()
        return {
            "state": self._state,
            "pid": os.getpid(),
            "ts_ns": self._request.clock.now_ns(),
            "ts_begun_ns": self._begun_ns,
            "speed": self._request.clock.speed,
            "is_paused": segments.is_paused,
            "pauses": segments.pauses,
            "waiting_bytes": segments.waiting_bytes,
            "runs_ended": runs - len(readings),
            "venues": [reading.to_json() for reading in readings],
        }

    def _pause(self, is_paused: bool) -> None:
        for venue in self._venues:
            venue.pause(is_paused)

    def _end(self, why: str) -> None:
        self._ended_by = self._ended_by or why
        self._stop.set()

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._end(f"failure: {error}")


def span_ns_of(seconds: float | None) -> int | None:
    """Return a span in ns; UsageError when it is not above 0."""
    if seconds is None:
        return None
    if seconds <= 0:
        raise UsageError(f"--seconds: expected a number above 0, found {seconds:g}")
    return int(seconds * NS_PER_S)
