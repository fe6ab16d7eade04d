"""The bounded way from sockets to disk: records are encoded on the event loop and written by one thread.

Rule when full: capture never drops. At `bytes_max` waiting bytes the owner is told to stop reading its sockets
(`on_pressure(True)`), and to go on when half is written; meanwhile the venues' bytes wait in the kernel and then at the
venue, and frames carry the time at which they were read. Each such pause is counted and shown.

A failing disk ends the recording: `on_failure` hears it once, and later blocks are not written. What stands on the disk
is still given its name, so that nothing half-written stays.
"""

import queue
import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import native
from streaming.live_segments import LiveSegment
from streaming.segments import BLOCK_BYTES, HOUR_NS, SegmentHeader, segment_folder


@dataclass(slots=True)
class RunFiles:
    """The files of one run. The writing thread alone touches `live`."""

    lake_root: Path
    header: SegmentHeader
    venue: str
    live: LiveSegment | None = None
    hour: int = -1
    sealed: list[Path] = field(default_factory=list)
    written_records: int = 0
    written_bytes: int = 0
    """Compressed, in sealed and live files."""

    def write(self, hour: int, block: bytes, records: int) -> None:
        """Append a block to the file of its hour."""
        if hour != self.hour:
            self.seal()
            self.hour = hour
        if self.live is None:
            folder = segment_folder(self.lake_root, self.venue, hour * HOUR_NS)
            self.live = LiveSegment(folder / f"{self.header.run}-0-0.seg.zst", self.header)
            self.written_bytes += self.live.size
        before = self.live.size
        self.live.append(block)
        self.written_records += records
        self.written_bytes += self.live.size - before

    def sync(self) -> None:
        """Force the live file to the disk."""
        if self.live is not None:
            self.live.sync()

    def seal(self) -> None:
        """Give the live file its name."""
        if self.live is not None:
            live, self.live = self.live, None
            self.sealed.append(live.seal())


class _Task(Enum):
    write = 0
    sync = 1
    seal = 2


@dataclass(frozen=True, slots=True)
class _Job:
    task: _Task
    files: RunFiles
    hour: int = -1
    block: bytes = b""
    records: int = 0
    then: Callable[[], None] | None = None


class SegmentQueue:
    """See the head of the file. Start it, give it to the runs' sinks, and `join` it when they have ended."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        bytes_max: int,
        on_pressure: Callable[[bool], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._loop = loop
        self._bytes_max = bytes_max
        self._on_pressure = on_pressure
        self._on_failure = on_failure
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # bounded by `waiting_bytes`
        self._thread = threading.Thread(target=self._work, name="segment-writer", daemon=True)
        self.waiting_bytes = 0
        self.pauses = 0
        self.is_paused = False
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def grow(self, count: int) -> None:
        """Count bytes that will be put; call on the loop."""
        self.waiting_bytes += count
        if not self.is_paused and self.waiting_bytes >= self._bytes_max:
            self.is_paused = True
            self.pauses += 1
            self._on_pressure(True)

    def put(self, files: RunFiles, hour: int, block: bytes, records: int) -> None:
        """Hand over a block whose bytes were counted by `grow`."""
        self._jobs.put(_Job(_Task.write, files, hour, block, records))

    def put_seal(self, files: RunFiles, then: Callable[[], None] | None = None) -> None:
        """Have the live file sealed after what was put before, and `then` called on the writing thread."""
        self._jobs.put(_Job(_Task.seal, files, then=then))

    def put_sync(self, files: RunFiles) -> None:
        """Have what was put before forced to the disk."""
        self._jobs.put(_Job(_Task.sync, files))

    def join(self) -> None:
        """Wait until everything is written and end the thread; call it off the loop, which hears of each write."""
        self._jobs.put(None)
        self._thread.join()

    def _written(self, count: int) -> None:
        self.waiting_bytes -= count
        if self.is_paused and self.waiting_bytes <= self._bytes_max // 2:
            self.is_paused = False
            self._on_pressure(False)

    def _work(self) -> None:
        """Write until told to end. The thread's outermost loop: whatever fails is told to the owner."""
        while (job := self._jobs.get()) is not None:
            if self.failure is not None and job.task is not _Task.seal:
                continue
            try:
                self._do(job)
            except Exception as error:
                self.failure = self.failure or error
                self._loop.call_soon_threadsafe(self._on_failure, error)

    def _do(self, job: _Job) -> None:
        match job.task:
            case _Task.write:
                job.files.write(job.hour, job.block, job.records)
                self._loop.call_soon_threadsafe(self._written, len(job.block))
            case _Task.sync:
                job.files.sync()
            case _Task.seal:
                job.files.seal()
                if job.then is not None:
                    job.then()


class SegmentSink:
    """The loop's end of one run: encodes records and hands over blocks. A `RecordSink`."""

    def __init__(self, segments: SegmentQueue, files: RunFiles) -> None:
        self._segments = segments
        self._parts: list[bytes] = []
        self._size = 0
        self._hour = -1
        self.files = files

    def append(self, kind: int, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        """Append one record."""
        hour = ts_ns // HOUR_NS
        if hour != self._hour:
            self.flush()
            self._hour = hour
        record = native.encode_record(kind, source, seq, ts_ns, payload)
        self._parts.append(record)
        self._size += len(record)
        self._segments.grow(len(record))
        if self._size >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand over what waits."""
        if self._parts:
            self._segments.put(self.files, self._hour, b"".join(self._parts), len(self._parts))
            self._parts.clear()
            self._size = 0

    def roll(self, now_ns: int) -> None:
        """Have the file of a past hour sealed, also when no frame of the next one comes."""
        if self._hour >= 0 and now_ns // HOUR_NS > self._hour:
            self.end()

    def sync(self) -> None:
        """Hand over what waits and have it forced to the disk."""
        self.flush()
        self._segments.put_sync(self.files)

    def end(self, then: Callable[[], None] | None = None) -> None:
        """Hand over what waits and have the file sealed; `then` is called on the writing thread."""
        self.flush()
        self._segments.put_seal(self.files, then)
        self._hour = -1
