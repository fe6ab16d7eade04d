"""How long an order is under way over loopback, against a bare websocket echo with the same libraries; and how long a
halt takes until the last cancel is at the venues. Printed, never asserted.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import orjson
import pytest
from bench_table import Row, percentiles_ms, show
from live_house import LiveHouse, add_strategies, truths
from live_wire import IDS, S
from paper_house import eager, emulator

from streaming.live.config import LiveConfig
from streaming.live.gateways import make_gateway
from streaming.live.venue import LiveVenue
from streaming.live.words import LiveLimits, OrderRequest, RequestKind
from streaming.secret_keys import read_credentials
from streaming.shell.attach import attach_live
from streaming.shell.clock import Clock
from streaming.shell.connection import Sockets
from streaming.shell.live_access import exchange_instruments
from streaming.shell.order_link import OrderLink
from streaming.venues.gateway import OrderSpec, TimeInForce, Way
from streaming.venues.instruments import Instruments
from streaming.venues.limits import LIMITS
from streaming.venues.rate_budget import RateBudget
from streaming.venues.venue_reply import Origin

PROCESS = Path(__file__).parent / "order_server.py"
ROUNDS, WARM = 100, 10
PAUSE_S = 0.15
"""Between orders: venues count them, and we keep below what they allow."""
PRICE = "30000"
"""Far below the market: it rests."""
START_S = 60.0


@contextmanager
def served(folder: Path) -> Iterator[Path]:
    """Serve emulator and echo in a process of their own; yield the addresses file."""
    place = folder / "addresses.json"
    process = subprocess.Popen([sys.executable, str(PROCESS), str(place)], stdin=subprocess.PIPE)
    try:
        deadline_s = time.monotonic() + START_S
        while not place.exists():
            assert time.monotonic() < deadline_s and process.poll() is None
            time.sleep(0.05)
        yield place
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(START_S)


class Echo:
    """A client of the echo. A `SocketOwner`."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sockets = Sockets(self, 5.0)

    def wait(self) -> "asyncio.Future[None]":
        """Return what the next event ends."""
        self.heard = asyncio.get_running_loop().create_future()
        return self.heard

    def on_open(self, socket: int) -> None:
        """See `SocketOwner`."""
        self.heard.set_result(None)

    def on_text(self, socket: int, data: bytes) -> None:
        """See `SocketOwner`."""
        self.heard.set_result(None)

    def on_pong(self, socket: int) -> None:
        """See `SocketOwner`."""

    def on_lost(self, socket: int, reason: str) -> None:
        """See `SocketOwner`."""
        raise AssertionError(reason)


async def echo_ns(address: str, size: int) -> list[int]:
    """Return how long messages of `size` bytes are under way."""
    client = Echo()
    opened = client.wait()
    client.sockets.open(1, f"ws://{address}/echo")
    await opened
    found = []
    for _ in range(ROUNDS + WARM):
        begin_ns, heard = time.perf_counter_ns(), client.wait()
        client.sockets.send_text(1, b"x" * size)
        await heard
        found.append(time.perf_counter_ns() - begin_ns)
        await asyncio.sleep(PAUSE_S / 8)
    await client.sockets.close_all()
    return found[WARM:]


class Orders:
    """One live venue over its sockets, without an engine."""

    def __init__(self, venue: str, place: Path) -> None:
        live = attach_live(LiveConfig(), place)
        account = live.account_of(venue)
        self.clock = Clock.from_json(orjson.loads(place.read_bytes())["clock"])
        self.instruments = Instruments(exchange_instruments(venue, ["BTCUSDT"], account.rest))
        keys = read_credentials(account.api_key, account.secret)
        gateway = make_gateway(venue, keys, self.instruments.all, live.id_prefix, account)
        budget, now_ns = RateBudget(LIMITS[venue]), self.clock.now_ns()
        self.venue = LiveVenue(gateway, self.instruments, IDS, LiveLimits(), budget, random.Random(1), now_ns)
        bases = {
            Way.rest: account.rest,
            Way.order_socket: account.order_socket,
            Way.user_socket: account.user_socket,
        }
        self.link = OrderLink(self.venue, bases, self.clock, self._moved, self._failed)
        self.answered: asyncio.Future[int] | None = None

    async def ready(self) -> None:
        """Connect and reconcile."""
        self.venue.start(self.clock.now_ns())
        while not self.venue.is_trusted:
            self.venue.on_deadline(self.clock.now_ns())
            self._moved(self.clock.now_ns())
            await asyncio.sleep(0.01)

    async def ask_ns(self, kind: RequestKind, spec: OrderSpec) -> int:
        """Return how long a request is under way until its own answer."""
        self.answered = asyncio.get_running_loop().create_future()
        begin_ns = time.perf_counter_ns()
        self.venue.submit(OrderRequest(kind, spec), self.clock.now_ns())
        self.link.obey()
        return await self.answered - begin_ns

    def _moved(self, ts_ns: int) -> None:
        self.link.obey()
        replies = [reply for _, reply in self.venue.take_replies()]
        assert all(reply.origin is not Origin.shell for reply in replies), "it never left"
        answers = [reply for reply in replies if reply.origin is Origin.answer]
        if answers and self.answered is not None and not self.answered.done():
            self.answered.set_result(time.perf_counter_ns())
        if (snapshot := self.venue.take_snapshot()) is not None:
            self.venue.on_reconciled(snapshot, ts_ns, is_settled=True)

    def _failed(self, error: Exception) -> None:
        raise error


async def orders_ns(venue: str, place: Path) -> tuple[list[int], list[int]]:
    """Return how long placements and cancels are under way."""
    orders = Orders(venue, place)
    await orders.ready()
    (instrument,) = orders.instruments.all
    placed, cancelled = [], []
    for number in range(ROUNDS + WARM):
        spec = OrderSpec(
            client_order_id=9 << 32 | number,
            instrument=0,
            price_ticks=instrument.tick.count(PRICE),
            size_units=instrument.size_unit.count("0.01"),
            time_in_force=TimeInForce.post_only,
        )
        placed.append(await orders.ask_ns(RequestKind.place, spec))
        cancelled.append(await orders.ask_ns(RequestKind.cancel, spec))
        await asyncio.sleep(PAUSE_S)
    orders.venue.stop(orders.clock.now_ns())
    await orders.link.stop()
    return placed[WARM:], cancelled[WARM:]


@pytest.mark.bench
def test_order_round_trip(tmp_path: Path) -> None:
    rows: list[Row] = []
    with served(tmp_path) as place:
        address = orjson.loads(place.read_bytes())["echo"]
        echoes = percentiles_ms(np.array(asyncio.run(echo_ns(address, 400)), dtype=np.int64))
        rows.append({"what": "bare echo of 400 bytes", **echoes, "p50_of_echo": 1.0})
        for venue in ("binance_usdm", "binance_spot", "bybit_spot"):
            for what, found in zip(("place", "cancel"), asyncio.run(orders_ns(venue, place)), strict=True):
                told = percentiles_ms(np.array(found, dtype=np.int64))
                ratio = round(told["p50_ms"] / max(echoes["p50_ms"], 0.01), 2)
                rows.append({"what": f"{venue} {what} to its answer", **told, "p50_of_echo": ratio})
    show("orders", "An order's way over loopback: client to answer", rows)


@pytest.mark.bench
def test_halt_to_the_last_cancel(settings_file: Path) -> None:
    house = LiveHouse(settings_file, settings_file.parent / "emulator.json")
    add_strategies(house)
    asked: list[int] = []

    def script(acting: LiveHouse) -> None:
        acting.until(lambda status: status["counts"]["fills"] > 3 and _resting(held) >= 2)
        asked.append(held["served"].clock.now_ns())
        acting.ask("halt", reason="measured")
        acting.until(lambda status: status["state"] == "halted" and _resting(held) == 0)

    with emulator(house.addresses_file, speed=1.0) as held:
        house.trade(script, eager())
        ends = [
            order.ts_changed_ns
            for truth in truths(held).values()
            for order in truth.orders
            if order.end_reason == "user" and order.ts_changed_ns >= asked[0]
        ]
    took_ms = round((max(ends) - asked[0]) / (S / 1_000), 1)
    show("halt", "From the halt's request to the last cancel at a venue", [{"cancels": len(ends), "ms": took_ms}])


def _resting(held: dict[str, object]) -> int:
    return sum(order.is_open for truth in truths(held).values() for order in truth.orders)
