"""Series for people: status documents and events of a process become points in InfluxDB, by a thread of its own.

Whoever tells something waits for nothing: it goes into a bounded queue, whose oldest is dropped and counted when it is
full. The thread makes points of it and sends them. While the server is down, hangs or is unwilling they go to the disk
(`metrics_spill.py`), bounded too, and from there in order once it is back: also when it comes back for another process
than the one that told them. What may have arrived is sent again, as writing a point twice is writing it once.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from native.config import JsonObject
from streaming.bus import Message
from streaming.metrics.config import MetricsSettings
from streaming.metrics.event_points import KEPT, EventPoints
from streaming.metrics.own_points import own_points
from streaming.metrics.point import MetricPoint, lines_of
from streaming.metrics.recorder_points import recorder_points
from streaming.metrics.spill_format import member
from streaming.metrics.trader_points import trader_points
from streaming.shell.influx_client import InfluxClient, InfluxDownError, InfluxRefusedError
from streaming.shell.metrics_spill import Spill, SpillFile
from streaming.shell.own_usage import own_usage

RETRY_MIN_S: Final = 0.25
IDLE_S: Final = 1.0
TAKE_MAX: Final = 30
"""Documents and events made into points at once: about as many points as a request should have."""
END_S: Final = 1.0
"""For what waits on the disk when a process ends; the rest is the next one's."""

Told = JsonObject | Message
MAKERS: Final[dict[str, Callable[[JsonObject], list[MetricPoint]]]] = {
    "trader": trader_points,
    "recorder": recorder_points,
}


@dataclass(slots=True)
class MetricsReading:
    """How writing fares. Points, where nothing else is said."""

    is_connected: bool = False
    written: int = 0
    waiting: int = 0
    """Documents and events in the queue, or on their way from there."""
    spilled: int = 0
    """On the disk."""
    spill_bytes: int = 0
    refused: int = 0
    """In batches that the server refused, at most."""
    dropped: int = 0
    """The disk's share was full, or the disk failed."""
    documents_dropped: int = 0
    """Documents and events: the queue was full, or they were not understood."""
    failures: int = 0
    """Tries that found the server down, hanging or unwilling."""
    last_problem: str = ""
    """Empty when there was none; it may be over."""

    def to_json(self) -> JsonObject:
        """Return it as one JSON object."""
        return asdict(self)


class MetricsWriter:
    """See the head of the file. `start`, then `tell` from the event loop, `stop` at the end; off, nothing happens."""

    def __init__(self, settings: MetricsSettings, run_dir: Path, process: str) -> None:
        """`process`: trader or recorder, whose documents are told; under its lock, as the spill's folder is its own."""
        self._settings = settings
        self._process = process
        self._folder = run_dir / "metrics" / process
        self._make_points = MAKERS[process]
        self._queue: deque[Told] = deque(maxlen=settings.queue_max)
        self._lock = threading.Lock()
        """Of the queue and what counts it; held for an append or a few pops, and never while anything is waited for."""
        self._filled = threading.Event()
        self._end_s = math.inf
        self._told = self._pushed_out = self._handled = 0
        self._events = EventPoints()
        self._reading = MetricsReading()
        self._wait_s = 0.0
        self._retry_s = 0.0
        # A daemon: a name server that hangs for a minute must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    @property
    def is_off(self) -> bool:
        """Whether no server is named."""
        return self._settings.is_off

    def start(self) -> None:
        """Start the thread; returns at once, whatever the server does."""
        if not self.is_off:
            self._thread.start()

    def tell(self, told: Told) -> None:
        """Queue a status document or an event and return at once. Nobody changes it any more."""
        if self.is_off or (isinstance(told, Message) and not isinstance(told, KEPT)):
            return
        with self._lock:
            if len(self._queue) == self._settings.queue_max:
                self._pushed_out += 1
            self._told += 1
            self._queue.append(told)
        self._filled.set()

    def stop(self) -> None:
        """Send what waits or keep it on the disk, and end the thread; within twice `timeout_ms` and a second or so."""
        self._end_s = time.monotonic() + END_S
        self._filled.set()
        if self._thread.is_alive():
            self._thread.join(2 * self._settings.timeout_ms / 1_000 + END_S)

    def to_json(self) -> JsonObject | None:
        """Return how it fares, None when it is off."""
        return None if self.is_off else self.reading().to_json()

    def reading(self) -> MetricsReading:
        """Return how it fares now."""
        found = replace(self._reading, waiting=self._told - self._pushed_out - self._handled)
        found.documents_dropped += self._pushed_out
        return found

    # --- the thread ---

    def _run(self) -> None:
        """Turn until told to end. The thread's outermost loop: whatever fails is noted, and the next turn comes."""
        spill, client = Spill(self._folder, self._settings.spill_bytes), InfluxClient(self._settings)
        try:
            while self._end_s == math.inf:
                self._filled.wait(self._patience_s(spill))
                self._filled.clear()
                self._guarded_turn(spill, client)
            if not self._reading.is_connected and self._reading.failures:
                self._retry_s = math.inf  # a server that hangs is not waited for again: all goes to the disk
            self._guarded_turn(spill, client)
        finally:
            spill.close()
            client.close()
            self._note_spill(spill)

    def _patience_s(self, spill: Spill) -> float:
        return max(0.0, self._retry_s - time.monotonic()) if spill.points else IDLE_S

    def _guarded_turn(self, spill: Spill, client: InfluxClient) -> None:
        try:
            self._turn(spill, client)
        except Exception as error:  # telling must not fail what is told of, nor end for good by one mistake
            self._note(f"{type(error).__name__}: {error}")
            self._back_off()

    def _turn(self, spill: Spill, client: InfluxClient) -> None:
        """Bring what was told to the server, or to the disk, behind what waits there."""
        self._store_all(spill, client)
        while self._is_due() and time.monotonic() < self._end_s and (file := spill.oldest()) is not None:
            if self._is_done(file, client):
                spill.remove(file)
            self._store_all(spill, client)
        self._note_spill(spill)

    def _store_all(self, spill: Spill, client: InfluxClient) -> None:
        while told := self._take():
            try:
                self._store(self._points_of_all(told), spill, client)
            finally:
                self._handled += len(told)

    def _take(self) -> list[Told]:
        with self._lock:
            return [self._queue.popleft() for _ in range(min(TAKE_MAX, len(self._queue)))]

    def _is_done(self, file: SpillFile, client: InfluxClient) -> bool:
        """Send a file; one that cannot be read any more is lost, and must not stand in the way of the others."""
        try:
            body = file.path.read_bytes()
        except OSError as error:
            self._reading.dropped += file.points
            self._note(f"{file.path}: {error.strerror or error}")
            return True
        return self._sent(client, body, file.points)

    def _store(self, points: list[MetricPoint], spill: Spill, client: InfluxClient) -> None:
        if not points:
            return
        lines = lines_of(points)
        if not spill.points and self._is_due() and self._sent(client, member(lines), len(points)):
            return
        try:
            self._reading.dropped += spill.append(lines, len(points))
        except OSError as error:
            self._reading.dropped += len(points)
            self._note(f"{self._folder}: {error.strerror or error}")
        self._note_spill(spill)

    def _is_due(self) -> bool:
        return time.monotonic() >= self._retry_s

    def _sent(self, client: InfluxClient, body: bytes, points: int) -> bool:
        """Return whether there is nothing more to do about these points: taken, or refused for good."""
        try:
            client.write(body)
        except InfluxDownError as error:
            self._reading.is_connected = False
            self._note(str(error))
            self._back_off()
            return False
        except InfluxRefusedError as error:
            self._reading.refused += points
            self._note(str(error))
        else:
            self._reading.written += points
        self._reading.is_connected = True
        self._wait_s = 0.0
        return True

    def _back_off(self) -> None:
        self._reading.failures += 1
        self._wait_s = min(self._settings.retry_max_ms / 1_000, max(RETRY_MIN_S, 2 * self._wait_s))
        self._retry_s = time.monotonic() + self._wait_s

    def _points_of_all(self, told: list[Told]) -> list[MetricPoint]:
        points: list[MetricPoint] = []
        for one in told:
            try:
                points += self._points_of(one)
            except (ValueError, TypeError, KeyError, AssertionError) as error:
                self._reading.documents_dropped += 1
                self._note(f"a document was not understood: {type(error).__name__}: {error}")
        return points

    def _points_of(self, told: Told) -> list[MetricPoint]:
        if isinstance(told, KEPT):
            point = self._events.of_event(told)
            return [] if point is None else [point]
        assert isinstance(told, dict), "only what is kept was queued"
        own = own_points(told, self.reading().to_json(), own_usage(self._folder))
        return [*self._make_points(told), *self._events.of_document(told), *own]

    def _note_spill(self, spill: Spill) -> None:
        self._reading.spilled, self._reading.spill_bytes = spill.points, spill.size

    def _note(self, problem: str) -> None:
        self._reading.last_problem = problem
