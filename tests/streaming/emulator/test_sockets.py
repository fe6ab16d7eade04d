"""The servers over loopback: a client's books equal the emulator's through every fault, and nothing stays behind."""

import asyncio
import socket
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import orjson
import pytest
from emulator.live_client import LiveClient, in_units

from streaming.emulator.instruments import SYMBOL
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import Served, serving
from streaming.emulator.session import SessionRules
from streaming.emulator.sockets import EmulatorServers
from streaming.emulator.source import EndlessMarket
from streaming.errors import TraderError
from streaming.shell.clock import Clock

START_NS = 1_767_571_200_000_000_000
SPEED = 20.0
HOUR_NS = 3_600 * 10**9


@asynccontextmanager
async def running(rules=None, speed=SPEED):
    """An emulator and a client of it that has all books."""
    emulator = MarketEmulator(EndlessMarket(3, START_NS), rules)
    async with serving(emulator, speed=speed) as served:
        client = LiveClient(served, emulator.source.instruments)
        task = asyncio.create_task(client.run())
        try:
            await client.until(lambda: client.is_synced() or task.done())
            yield emulator, served, client
        finally:
            task.cancel()
            await asyncio.wait([task])


async def post(served, path, document, status=200):
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"http://{served.addresses['control']}{path}", data=orjson.dumps(document)) as reply,
    ):
        assert reply.status == status, await reply.text()
        return orjson.loads(await reply.read())


async def get(served, path, name="control"):
    async with aiohttp.ClientSession() as http, http.get(f"http://{served.addresses[name]}{path}") as reply:
        return orjson.loads(await reply.read())


async def assert_books_equal(emulator, client):
    """Every book of the client equals the true one at one moment, twenty levels deep."""
    for slot, entry in enumerate(emulator.source.instruments):

        def is_equal(slot=slot, entry=entry):
            truth = emulator.truth_at(entry.name, 20)
            return all(
                np.array_equal(*pair) for pair in zip(client.book(slot, 20), in_units(truth, entry), strict=True)
            )

        await client.until(is_equal, 5.0)


def closed_gaps(client, slot):
    return [gap for gap in client.gaps if gap["instrument"] == slot and gap["is_closed"]]


def test_books_equal_the_emulators_and_no_gap_is_seen_without_a_fault() -> None:
    async def body():
        async with running() as (emulator, _, client):
            await asyncio.sleep(0.5)
            await assert_books_equal(emulator, client)
            return client

    client = asyncio.run(body())

    assert (client.gaps, client.rejects, client.connections) == ([], 0, 3)
    assert client.frames > 300


@pytest.mark.parametrize("slot", range(3))
def test_a_dropped_frame_is_one_gap_with_the_logs_ids_and_is_repaired(slot) -> None:
    async def body():
        async with running() as (emulator, served, client):
            entry = emulator.source.instruments[slot]
            await post(served, "/fault", {"kind": "drop_depth", "venue": entry.venue, "symbol": SYMBOL})
            if entry.venue == "bybit_spot":  # no snapshot over REST: a new connection brings one
                await client.until(lambda: client.engine.feed_state(slot) == "gap")
                await post(served, "/fault", {"kind": "disconnect", "venue": entry.venue})
            await client.until(lambda: bool(closed_gaps(client, slot)))
            await assert_books_equal(emulator, client)
            return await get(served, "/faults"), client

    faults, client = asyncio.run(body())

    gaps, loss = closed_gaps(client, slot), faults[0]["losses"][0]
    assert len(gaps) == 1
    assert int(gaps[0]["sequence_from"]) == loss["previous_id"]
    assert loss["ts_first_ns"] <= int(gaps[0]["ts_from_ns"]) + int(SPEED * 10**9)
    assert client.rejects == 0


def test_disconnects_stalls_restarts_and_stale_snapshots_leave_true_books() -> None:
    faults = [
        {"kind": "stale_snapshot", "venue": "binance_spot", "age_ms": 2_000},
        {"kind": "drop_depth", "venue": "binance_spot"},
        {"kind": "disconnect", "venue": "binance_usdm"},
        {"kind": "server_restart", "venue": "bybit_spot"},
        {"kind": "repeat_depth", "venue": "binance_usdm"},
        {"kind": "stall", "venue": "binance_usdm", "duration_ms": 3_000},
    ]

    async def body():
        async with running() as (emulator, served, client):
            for fault in faults:
                await post(served, "/fault", fault)
            await client.until(lambda: sum(emulator.log.fired.values()) == len(faults))
            await asyncio.sleep(0.3)
            await client.until(client.is_synced)
            await assert_books_equal(emulator, client)
            return await get(served, "/status"), await get(served, "/connections")

    status, connections = asyncio.run(body())

    assert sum(status["faults_fired"].values()) == len(faults)
    assert [row["ending"] for row in connections if row["venue"] == "binance_usdm"] == ["fault", None]


def test_a_client_that_does_not_read_is_cut_off_and_counted() -> None:
    rules = {"binance_usdm": SessionRules(ping_every_ns=None, queue_messages_max=50)}

    async def body():
        emulator = MarketEmulator(EndlessMarket(3, START_NS), rules)
        async with serving(emulator, speed=500.0) as served:
            host, port = served.addresses["binance_usdm"].split(":")
            _, writer = await asyncio.open_connection(host, int(port), limit=1_024)
            own = writer.get_extra_info("socket")
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            writer.write(
                b"GET /stream?streams=btcusdt@depth@100ms HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            venue = emulator.venues["binance_usdm"]
            async with asyncio.timeout(15):
                while not venue.counts["ended_slow"]:
                    await asyncio.sleep(0.02)
            writer.close()
            return dict(venue.counts), len(venue.sessions)

    counts, left = asyncio.run(body())

    assert (counts["ended_slow"], left) == (1, 0)


def test_control_publishes_the_clock_that_clients_share() -> None:
    async def body():
        async with serving(MarketEmulator(EndlessMarket(3, START_NS)), speed=30.0) as served:
            clock = Clock.from_json(await get(served, "/clock"))
            stated = (await get(served, "/api/v3/time", "binance_spot"))["serverTime"]
            return clock, served.clock, stated - clock.now_ns() // 1_000_000

    clock, own, difference_ms = asyncio.run(body())

    assert clock == own
    assert -3_000 < difference_ms <= 0


@pytest.mark.parametrize(
    ("path", "document", "word"),
    [
        ("/fault", {"kind": "fly", "venue": "binance_spot"}, "kind"),
        ("/fault", {"kind": "stall", "venue": "kraken"}, "venue"),
        ("/fault", {"kind": "stall", "venue": "binance_spot", "seconds": 3}, "seconds"),
        ("/fault", [], "JSON object"),
    ],
)
def test_control_refuses_what_it_does_not_know_in_one_line(path, document, word) -> None:
    async def body():
        async with serving(MarketEmulator(EndlessMarket(3, START_NS))) as served:
            return await post(served, path, document, status=400)

    assert word in asyncio.run(body())["error"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "localhost.evil.example"}])
def test_control_is_not_for_web_pages(headers) -> None:
    async def body():
        async with serving(MarketEmulator(EndlessMarket(3, START_NS))) as served, aiohttp.ClientSession() as http:
            url = f"http://{served.addresses['control']}/stop"
            async with http.post(url, headers=headers) as reply:
                return reply.status

    assert asyncio.run(body()) == 403


def test_a_taken_port_is_one_clear_error_and_leaves_no_port_open() -> None:
    async def body(taken, free):
        emulator = MarketEmulator(EndlessMarket(3, START_NS))
        with pytest.raises(TraderError, match=rf"port {taken} on 127\.0\.0\.1, for binance_spot, is taken.*--port 0"):
            async with serving(emulator, ports={"binance_usdm": free, "binance_spot": taken}):
                pass

    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as probe:
        taken, free = other.getsockname()[1], probe.getsockname()[1]
        probe.close()
        asyncio.run(body(taken, free))

    socket.create_server(("127.0.0.1", free)).close()


def test_stopping_closes_every_connection_with_a_handshake() -> None:
    async def body():
        emulator = MarketEmulator(EndlessMarket(3, START_NS))
        async with aiohttp.ClientSession() as http:
            async with serving(emulator) as served:
                ws = await http.ws_connect(f"ws://{served.addresses['binance_spot']}/ws")
                reading = asyncio.create_task(ws.receive())
            message = await reading
            return message.type, ws.close_code

    assert asyncio.run(body()) == (aiohttp.WSMsgType.CLOSE, 1001)


def test_a_market_that_is_late_answers_of_what_was_published_instead_of_catching_up_first() -> None:
    """An hour late, its clients and the order to end would wait minutes for the whole of it."""

    async def body():
        emulator = MarketEmulator(EndlessMarket(3, START_NS))
        servers = EmulatorServers(emulator, Clock.starting_at(emulator.prime() + HOUR_NS, 1.0))
        addresses = await servers.start({})
        served = Served(addresses, servers.clock, servers)
        try:
            first = await get(served, f"/api/v3/depth?symbol={SYMBOL}&limit=5", "binance_spot")
            reached_ns = emulator.next_due_ns()
            second = await get(served, f"/api/v3/depth?symbol={SYMBOL}&limit=5", "binance_spot")
            await post(served, "/fault", {"kind": "drop_depth", "venue": "binance_spot"})
            assert emulator.next_due_ns() == reached_ns, "only `run` goes on"
        finally:
            await servers.stop()
        truth = emulator.truth_at(f"binance_spot:{SYMBOL}")
        return (first["lastUpdateId"], second["lastUpdateId"], truth.last_id), reached_ns, emulator.log.records[0]

    last_ids, reached_ns, fault = asyncio.run(body())

    assert len({*last_ids}) == 1
    assert fault.ts_armed_ns == reached_ns < START_NS + HOUR_NS // 2
