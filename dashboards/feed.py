"""Where snapshots come from: the streams of Redis, heard by one task for all open pages.

Redis may come and go: the feed tries again, says that it is without, and keeps what it knew, which pages then show as
stale. It never writes but for requests to the trader, which `dashboards.asking` sends over a connection of its own.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

from dashboards.event_log import EventLog
from dashboards.snapshot import Document, History, Snapshot
from dashboards.surroundings import Surroundings
from dashboards.wire import FAILURES, FIRST_ID, Wire, id_order
from streaming.bus import (
    ALERTS,
    DRIFT,
    EVENTS,
    PROMOTIONS,
    TELEMETRY,
    VIEW,
    AlertNotice,
    BusMessageError,
    Drift,
    Promotion,
    Telemetry,
    event_from_json,
    message_from_json,
)
from streaming.bus_view import View, view_from_json

BLOCK_MS: Final = 100
RETRY_S: Final = 0.5
ANSWER_S: Final = 2.0
KEPT: Final = {VIEW: 50, TELEMETRY: 20, EVENTS: 5_000, ALERTS: 500, PROMOTIONS: 20, DRIFT: 20}
"""Entries read of each stream at the start."""
ALERTS_MAX: Final = 500


class Feed(Protocol):
    """What pages are brought up to date from."""

    def snapshot(self) -> Snapshot: ...


class Heard:
    """What the streams said so far. No I/O; `now_s` is the monotonic time of hearing."""

    def __init__(self) -> None:
        self.view: View | None = None
        self.history = History()
        self.events = EventLog()
        self.alerts: OrderedDict[str, AlertNotice] = OrderedDict()
        self.promotions: deque[Promotion] = deque(maxlen=KEPT[PROMOTIONS])
        self.drifts: deque[Drift] = deque(maxlen=KEPT[DRIFT])
        self.documents: dict[str, Document] = {}
        """By process."""
        self.heard_s: dict[str, float] = {}
        self.unreadable = 0
        self._takers: Mapping[str, Callable[[bytes, float], None]] = {
            VIEW: self._take_view,
            TELEMETRY: self._take_status,
            EVENTS: self._take_event,
            ALERTS: self._take_alert,
            PROMOTIONS: self._take_promotion,
            DRIFT: self._take_drift,
        }

    def take(self, stream: str, payload: bytes, now_s: float) -> None:
        """Take one entry; one that cannot be read is counted and passed over."""
        try:
            self._takers[stream](payload, now_s)
        except BusMessageError:
            self.unreadable += 1

    def _take_view(self, payload: bytes, now_s: float) -> None:
        self.view = view_from_json(payload)
        self.history.add(self.view)
        self.heard_s["view"] = now_s

    def _take_status(self, payload: bytes, now_s: float) -> None:
        told = message_from_json(Telemetry, payload)
        self.documents[told.process] = told.body
        self.heard_s["status" if told.process == "trader" else told.process] = now_s

    def _take_event(self, payload: bytes, now_s: float) -> None:
        self.events.append(event_from_json(payload))
        self.heard_s["events"] = now_s

    def _take_alert(self, payload: bytes, now_s: float) -> None:
        notice = message_from_json(AlertNotice, payload)
        self.alerts[notice.id] = notice
        self.alerts.move_to_end(notice.id)
        while len(self.alerts) > ALERTS_MAX:
            self.alerts.popitem(last=False)
        self.heard_s["alerts"] = now_s

    def _take_promotion(self, payload: bytes, now_s: float) -> None:
        self.promotions.append(message_from_json(Promotion, payload))

    def _take_drift(self, payload: bytes, now_s: float) -> None:
        self.drifts.append(message_from_json(Drift, payload))


class LiveFeed:
    """Hears Redis while its task runs; see the head of the file."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._heard = Heard()
        self._positions: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_connected = False
        self._problem = "not connected yet"

    def start(self) -> None:
        """Begin to hear, inside a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End the task."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        heard, now_s = self._heard, time.monotonic()
        return Snapshot(
            is_connected=self._is_connected,
            problem="" if self._is_connected else self._problem,
            view=heard.view,
            status=heard.documents.get("trader"),
            recorder=heard.documents.get("recorder"),
            watcher=heard.documents.get("alerts"),
            events=heard.events.events(),
            alerts=tuple(heard.alerts.values()),
            promotions=tuple(heard.promotions),
            drifts=tuple(heard.drifts),
            history=heard.history,
            ages_s={kind: now_s - at_s for kind, at_s in heard.heard_s.items()},
        )

    async def _run(self) -> None:
        while True:
            try:
                await self._hear()
            except FAILURES as error:
                self._problem = f"Redis does not answer: {' '.join(str(error).split())[:200] or type(error).__name__}"
            self._is_connected = False
            await asyncio.sleep(RETRY_S)

    async def _hear(self) -> None:
        """Read what is there, then what comes, until the connection breaks."""
        async with Wire(self._surroundings) as wire:
            await asyncio.wait_for(self._catch_up(wire), ANSWER_S)
            while True:
                entries = await asyncio.wait_for(wire.read(self._positions, BLOCK_MS), ANSWER_S)
                self._is_connected = True
                for entry in entries:
                    self._positions[entry.stream] = entry.id
                    self._heard.take(entry.stream, entry.payload, time.monotonic())

    async def _catch_up(self, wire: Wire) -> None:
        """Read the streams' ends; those of a Redis that was started anew from their beginning."""
        now_s = time.monotonic()
        for stream, count in KEPT.items():
            newest = await wire.newest(stream, count)
            last = newest[-1].id if newest else FIRST_ID
            known = self._positions.get(stream, FIRST_ID)
            since = known if id_order(known) <= id_order(last) else FIRST_ID
            self._positions[stream] = last
            for entry in newest:
                if id_order(entry.id) > id_order(since):
                    age_s = max(0.0, time.time() - id_order(entry.id)[0] / 1_000)
                    self._heard.take(stream, entry.payload, now_s - age_s)
