"""One listener to the emulator, to be compared with another: sockets to whole books and their best five levels.

    python client_process.py core|plain FOLDER

`core` is the project's way (picows, the C++ core with its grid); `plain` is what one would write with websockets,
orjson and dicts. Both hear the same streams of three venues, take snapshots, check continuity on every frame and write
nothing. Prints `ready` when all books are whole and, when stdin closes, what it did since then as JSON.
"""

import asyncio
import heapq
import re
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import orjson
import uvloop
from live_capture import GRID, VENUES
from websockets.asyncio.client import connect

import native
from native.config import EngineSettings, GridConfig, engine_document
from streaming.record_config import RecordConfig
from streaming.recorder.plan import make_plan, run_name, venue_targets
from streaming.recorder.tape import Tape
from streaming.segments import SegmentHeader
from streaming.shell.attach import attach
from streaming.shell.clock import Clock
from streaming.shell.venue_client import VenueClient

TICK_S = 0.02
EVENT_MS = re.compile(rb'"(?:E|ts)":(\d{13})')


@dataclass
class Heard:
    """What was heard since `begin`: frames, processor time, and how old each frame was when it was dealt with."""

    clock: Clock
    frames: int = 0
    began_cpu_s: float = 0.0
    ages_ns: list[int] = field(default_factory=list)

    def begin(self) -> None:
        self.frames, self.began_cpu_s = 0, time.process_time()
        self.ages_ns.clear()

    def take(self, data: bytes) -> None:
        self.frames += 1
        found = EVENT_MS.search(data)
        if found is not None:
            self.ages_ns.append(self.clock.now_ns() - int(found[1]) * 1_000_000)

    def to_json(self) -> bytes:
        cpu_s, ages = time.process_time() - self.began_cpu_s, np.array(self.ages_ns) / self.clock.speed / 1e6
        p50, p99 = np.percentile(ages, [50, 99])
        return orjson.dumps({"frames": self.frames, "cpu_s": cpu_s, "p50_ms": float(p50), "p99_ms": float(p99)})


# --- the project's way ----------------------------------------------------------------------------------------------


class NoSink:
    """Writes nothing."""

    def append(self, kind: int, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        """See `RecordSink`."""


class HeardTape(Tape):
    """A tape that notes each frame once the engine has taken it."""

    heard: Heard

    def frame(self, source: int, ts_ns: int, payload: bytes) -> bool:
        has_news = super().frame(source, ts_ns, payload)
        self.heard.take(payload)
        return has_news


def engine_with_grid(header: SegmentHeader) -> native.Engine:
    name = header.instruments[0].name
    grid = GridConfig(name="one", instruments=(name,), reference=name)
    document = engine_document(header.instrument_rows(), header.source_rows(), EngineSettings(), grid)
    document["emit"] = {}
    return native.Engine(orjson.dumps(document).decode())


async def listen_with_core(config: RecordConfig, clock: Clock, heard: Heard, ready: Callable[[], None]) -> None:
    clients = []
    for target in venue_targets(config, GRID.instruments):
        client = VenueClient(target, config, clock, lambda error: sys.exit(f"client: {error!r}"))
        info = await client.learn(print)
        run = run_name(target.dialect.venue, clock.now_ns())
        plan = make_plan(target, run, info.body, 1, info.ts_sent_ns)
        tape = HeardTape(engine_with_grid(plan.header), NoSink())
        tape.heard = heard
        client.start(plan, tape, info)
        clients.append(client)
    try:
        is_ready = False
        while True:
            for client in clients:
                client.tick()
            if not is_ready and all(client.core is not None and client.core.is_synced for client in clients):
                is_ready = True
                ready()
            await asyncio.sleep(TICK_S)
    finally:
        for client in clients:
            await client.stop()


# --- the plain way --------------------------------------------------------------------------------------------------


@dataclass
class PlainBook:
    """Two dicts of floats (inexact, but kinder to this contender than Decimal)."""

    sides: tuple[dict[float, float], dict[float, float]] = field(default_factory=lambda: ({}, {}))
    last_id: int | None = None
    early: list[dict[str, object]] = field(default_factory=list)
    top: tuple[list[float], list[float]] = ([], [])

    def replace(self, last_id: int, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side in self.sides:
            side.clear()
        self.update(last_id, bids, asks)

    def update(self, last_id: int, bids: list[list[str]], asks: list[list[str]]) -> None:
        for side, levels in zip(self.sides, (bids, asks), strict=True):
            for price, size in levels:
                if (amount := float(size)) == 0:
                    side.pop(float(price), None)
                else:
                    side[float(price)] = amount
        self.last_id = last_id
        self.top = heapq.nlargest(5, self.sides[0]), heapq.nsmallest(5, self.sides[1])


PLAIN_STREAMS = {
    "binance_usdm": (
        ("/public/stream", ("btcusdt@depth@100ms", "btcusdt@bookTicker")),
        ("/market/stream", ("btcusdt@aggTrade",)),
    ),
    "binance_spot": (("/stream", ("btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@trade")),),
    "bybit_spot": (("/v5/public/spot", ("orderbook.50.BTCUSDT", "publicTrade.BTCUSDT")),),
}
SNAPSHOTS = {
    "binance_usdm": "/fapi/v1/depth?symbol=BTCUSDT&limit=1000",
    "binance_spot": "/api/v3/depth?symbol=BTCUSDT&limit=1000",
}


class PlainVenue:
    """Listens to one venue."""

    def __init__(self, venue: str, place: str, heard: Heard) -> None:
        self._venue, self._place, self._heard = venue, place, heard
        self.book = PlainBook()
        self.trades = 0

    async def listen(self, path: str, streams: tuple[str, ...]) -> None:
        is_bybit = self._venue == "bybit_spot"
        words = (
            {"op": "subscribe", "args": streams} if is_bybit else {"method": "SUBSCRIBE", "params": streams, "id": 1}
        )
        async with connect(f"ws://{self._place}{path}", compression=None, max_size=None) as socket:
            await socket.send(orjson.dumps(words).decode())
            async for data in socket:
                document = orjson.loads(data)
                name = document.get("stream") or document.get("topic")
                if name is None:
                    continue
                await self._take(name, document)
                self._heard.take(data if isinstance(data, bytes) else data.encode())
        raise AssertionError(f"{self._venue} closed the connection of {streams}")

    async def _take(self, name: str, document: dict[str, object]) -> None:
        data = document["data"]
        if "depth" in name:
            assert isinstance(data, dict)
            await self._take_binance(data)
        elif name.startswith("orderbook"):
            assert isinstance(data, dict)
            self._take_bybit(document["type"] == "snapshot", data)
        else:
            self.trades += 1

    async def _take_binance(self, data: dict[str, object]) -> None:
        book = self.book
        if book.last_id is None:
            book.early.append(data)
            if len(book.early) == 1:
                await self._bridge()
            return
        if data["u"] <= book.last_id:  # the snapshot holds it
            return
        is_next = data["pu"] == book.last_id if "pu" in data else data["U"] == book.last_id + 1
        assert is_next, "a gap where no fault is played"
        book.update(data["u"], data["b"], data["a"])  # type: ignore[arg-type]

    async def _bridge(self) -> None:
        url = f"http://{self._place}{SNAPSHOTS[self._venue]}"
        snapshot = orjson.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(url).read()))
        self.book.replace(snapshot["lastUpdateId"], snapshot["bids"], snapshot["asks"])
        for data in self.book.early:
            if data["u"] > snapshot["lastUpdateId"]:  # type: ignore[operator]
                self.book.update(data["u"], data["b"], data["a"])  # type: ignore[arg-type]
        self.book.early.clear()

    def _take_bybit(self, is_snapshot: bool, data: dict[str, object]) -> None:
        if is_snapshot:
            self.book.replace(data["u"], data["b"], data["a"])  # type: ignore[arg-type]
            return
        assert data["u"] == (self.book.last_id or 0) + 1, "a gap where no fault is played"
        self.book.update(data["u"], data["b"], data["a"])  # type: ignore[arg-type]


async def listen_plainly(config: RecordConfig, clock: Clock, heard: Heard, ready: Callable[[], None]) -> None:
    places = {venue: config.addresses[venue].rest.removeprefix("http://") for venue in VENUES}
    venues = [PlainVenue(venue, place, heard) for venue, place in places.items()]
    listening = [
        asyncio.create_task(venue.listen(path, streams))
        for venue, name in zip(venues, places, strict=True)
        for path, streams in PLAIN_STREAMS[name]
    ]
    while any(venue.book.last_id is None for venue in venues):
        await asyncio.sleep(TICK_S)
    ready()
    await asyncio.gather(*listening)


# --- both -----------------------------------------------------------------------------------------------------------


async def run(kind: str, folder: Path) -> None:
    config, clock = attach(RecordConfig(), folder / "emulator.json")
    heard = Heard(clock)

    def ready() -> None:
        heard.begin()
        print("ready", flush=True)

    listen = listen_with_core if kind == "core" else listen_plainly
    listening = asyncio.create_task(listen(config, clock, heard, ready))
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([listening, ended], return_when=asyncio.FIRST_COMPLETED)
    if listening.done():
        listening.result()
    print(heard.to_json().decode(), flush=True)
    listening.cancel()
    await asyncio.wait([listening])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(sys.argv[1], Path(sys.argv[2])))
