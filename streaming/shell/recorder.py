"""`trader record`: all venues' recorders on one uvloop, one thread that writes, until told to end.

The end is clean by SIGINT, SIGTERM, a span that is over or a failure: connections are closed, what was received is
written, files get their names and each run its manifest. Under `data/run/record.lock`; what a killed recorder left is
cut, sealed and noted first.
"""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

from native.config import EngineSettings, JsonObject
from streaming.errors import UsageError
from streaming.live_segments import RecoveredSegment, recover_segments
from streaming.lock import held
from streaming.record_config import RecordConfig
from streaming.recorder.meters import VenueReading, progress_text
from streaming.recorder.plan import check_speed, venue_targets
from streaming.runs import write_manifest
from streaming.shell.clock import NS_PER_S, Clock
from streaming.shell.segment_queue import SegmentQueue
from streaming.shell.venue_recorder import Surroundings, VenueRecorder

TICK_S = 0.02
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LOCK_NAME = "record.lock"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSummary:
    """What was recorded."""

    venues: tuple[VenueReading, ...]
    recovered: tuple[RecoveredSegment, ...]
    files: tuple[str, ...]
    pauses: int
    """How often the sockets were not read because the disk was behind."""

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
            return runner.run(_Recorder(request, progress).run(recovered))


class _Recorder:
    """One recording; lives inside the loop."""

    def __init__(self, request: RecordRequest, progress: Progress) -> None:
        self._request = request
        self._progress = progress
        self._stop = asyncio.Event()
        self._failure: Exception | None = None
        self._venues: list[VenueRecorder] = []
        self._files: list[str] = []

    async def run(self, recovered: Sequence[RecoveredSegment]) -> RecordSummary:
        """Record until the end; see `run_recorder`."""
        request, loop = self._request, asyncio.get_running_loop()
        segments = SegmentQueue(loop, request.config.queue_bytes, self._pause, self._fail)
        around = Surroundings(request.lake_root, request.clock, request.config, request.engine, segments, self._fail)
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop.set)
        segments.start()
        try:
            for target in venue_targets(request.config, request.instruments):
                self._venues.append(VenueRecorder(target, around))
            await self._record(segments)
        finally:
            ends = await asyncio.gather(*(venue.stop() for venue in self._venues), return_exceptions=True)
            for error in ends:
                if isinstance(error, Exception):
                    self._fail(error)
            await asyncio.to_thread(segments.join)
            self._note_runs()
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)
        if self._failure is not None:
            raise self._failure
        return RecordSummary(
            venues=tuple(venue.reading() for venue in self._venues if venue.is_started),
            recovered=tuple(recovered),
            files=tuple(self._files),
            pauses=segments.pauses,
        )

    async def _record(self, segments: SegmentQueue) -> None:
        if not await self._learn():
            return
        for venue in self._venues:
            venue.start()
        await self._turn(segments)

    async def _learn(self) -> bool:
        """Fetch every venue's exchange information; False when told to end before it is there."""
        learning = [asyncio.create_task(venue.learn(self._progress)) for venue in self._venues]
        stopping = asyncio.create_task(self._wait_for_stop())
        pending = {*learning, stopping}
        try:
            while not stopping.done() and not all(task.done() for task in learning):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*learning, stopping, return_exceptions=True)
        return not self._stop.is_set()

    async def _wait_for_stop(self) -> None:
        await self._stop.wait()

    async def _turn(self, segments: SegmentQueue) -> None:
        """Tick, flush and show progress until told to end."""
        request, loop = self._request, asyncio.get_running_loop()
        config = request.config
        end_ns = None if request.span_ns is None else request.clock.now_ns() + request.span_ns
        flush_s = shown_s = sync_s = loop.time()
        before: list[VenueReading] = []
        while not self._stop.is_set() and (end_ns is None or request.clock.now_ns() < end_ns):
            for venue in self._venues:
                venue.tick()
            now_s = loop.time()
            if now_s - flush_s >= config.flush_ms / 1_000:
                is_sync_due = now_s - sync_s >= config.fsync_ms / 1_000
                for venue in self._venues:
                    venue.flush(is_sync_due)
                flush_s, sync_s = now_s, now_s if is_sync_due else sync_s
            if now_s - shown_s >= request.progress_s:
                readings = [venue.reading() for venue in self._venues]
                self._progress(
                    progress_text(readings, before, now_s - shown_s, segments.waiting_bytes, segments.is_paused)
                )
                shown_s, before = now_s, readings
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), TICK_S)

    def _note_runs(self) -> None:
        """Write the manifests of what was sealed."""
        for venue in self._venues:
            manifest = venue.manifest()
            if manifest is not None:
                write_manifest(self._request.lake_root, manifest)
                self._files += manifest.files

    def _pause(self, is_paused: bool) -> None:
        for venue in self._venues:
            venue.pause(is_paused)

    def _fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._stop.set()


def span_ns_of(seconds: float | None) -> int | None:
    """Return a span in ns; UsageError when it is not above 0."""
    if seconds is None:
        return None
    if seconds <= 0:
        raise UsageError(f"--seconds: expected a number above 0, found {seconds:g}")
    return int(seconds * NS_PER_S)
