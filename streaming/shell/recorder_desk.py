"""What a running recorder answers to its operator and tells the bus. Control over the socket and over Redis alike.

The status document: `process`, `state` (starting, recording, stopping), `pid`, `ts_ns` and `ts_begun_ns` on the
recorder's clock, `speed`, `is_paused`, `pauses`, `waiting_bytes`, `venues` (one `VenueReading` a venue), `runs_ended`,
`bus` and `metrics` (null without one).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from native.config import JsonObject
from streaming.bus import ControlRequest, Telemetry, reply_to
from streaming.bus_config import RedisSettings
from streaming.errors import UsageError
from streaming.metrics.config import MetricsSettings
from streaming.shell.bus_client import BusClient
from streaming.shell.clock import Clock
from streaming.shell.control import ControlServer
from streaming.shell.metrics_writer import MetricsWriter
from streaming.shell.recorder_names import MODE, PROCESS, SOCKET_NAME

OPS = ("status", "stop")
REASON_SIGNS_MAX = 500


class RecorderDesk:
    """Lives on the event loop. `open` it under the recorder's lock, `tell` about once a second, `close` it."""

    def __init__(
        self,
        run_dir: Path,
        redis: RedisSettings | None,
        clock: Clock,
        reading: Callable[[], JsonObject],
        stop: Callable[[str], None],
        metrics: MetricsSettings | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._clock = clock
        self._reading = reading
        self._stop = stop
        self._server = ControlServer(run_dir / SOCKET_NAME, self.answer)
        self._metrics = MetricsWriter(metrics or MetricsSettings(), run_dir, PROCESS)
        self._bus: BusClient | None = None
        if redis is not None and not redis.is_off:
            self._bus = BusClient(redis, run_dir, PROCESS, on_control=lambda asked: _hop(loop, self._on_control, asked))

    async def open(self) -> None:
        """Begin to listen; neither Redis nor InfluxDB is waited for."""
        await self._server.start()
        self._metrics.start()
        if self._bus is not None:
            self._bus.start()

    async def close(self) -> None:
        """Tell the last status and stop listening."""
        await self._server.close()
        self.tell()
        if self._bus is not None:
            await asyncio.to_thread(self._bus.stop)
        await asyncio.to_thread(self._metrics.stop)

    def tell(self) -> None:
        """Tell bus and series the status; returns at once. Its `run` is empty: each venue has one of its own."""
        status = self.status()
        self._metrics.tell(status)
        if self._bus is not None:
            ts_ns = self._clock.now_ns()
            self._bus.publish(Telemetry(process=PROCESS, run="", mode=MODE, ts_ns=ts_ns, body=status))

    def status(self) -> JsonObject:
        """Return the status document."""
        bus = None if self._bus is None else self._bus.reading().to_json()
        return {"process": PROCESS, **self._reading(), "bus": bus, "metrics": self._metrics.to_json()}

    def answer(self, request: JsonObject) -> JsonObject:
        """Answer one request; UsageError for a word that is none."""
        op = request.get("op")
        if op == "status":
            return self.status()
        if op != "stop":
            raise UsageError(f"control: expected one of {', '.join(OPS)}; found {op!r}")
        reason = request.get("reason", "")
        if not isinstance(reason, str) or len(reason) > REASON_SIGNS_MAX:
            raise UsageError(f"control: reason: expected text of at most {REASON_SIGNS_MAX} signs")
        self._stop(f"stop: {reason}" if reason else "stop")
        return {"will": "connections are closed, files sealed, manifests written", "reason": reason}

    def _on_control(self, asked: ControlRequest) -> None:
        """Answer a request that came over Redis."""
        assert self._bus is not None, "it brought the request"
        self._bus.reply(reply_to(asked, self.answer))


def _hop(loop: asyncio.AbstractEventLoop, call: Callable[[ControlRequest], None], asked: ControlRequest) -> None:
    """Call on the loop from the bus's thread; nothing where the loop has ended."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, asked)
