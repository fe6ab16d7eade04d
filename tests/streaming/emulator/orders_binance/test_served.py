"""The private side over loopback: REST, sockets, connections cut on purpose, and what the addresses file tells."""

import asyncio
import stat
from base64 import b64encode
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp
import orjson
import pytest
from binance_client import SPOT, START_NS, SYMBOL, USDM, hmac_of
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import serve_until_stopped, serving
from streaming.emulator.source import EndlessMarket

WAIT_S = 20.0


class Loop:
    """A client of a served emulator, with its account's keys."""

    def __init__(self, served, emulator, http, venue):
        self.served, self.emulator, self.http, self.venue = served, emulator, http, venue
        self.place = served.addresses[venue]
        self.keys = served.to_json()["accounts"][venue]

    async def ask(self, method, path, **params):
        """Send a signed request; return status and document."""
        query = urlencode({**params, "timestamp": self.served.clock.now_ns() // 10**6})
        url = f"http://{self.place}{path}?{query}&signature={hmac_of(query, self.keys['secret'])}"
        async with self.http.request(method, url, headers={"X-MBX-APIKEY": self.keys["api_key"]}) as reply:
            return reply.status, orjson.loads(await reply.read())

    def far_order(self):
        bid = self.emulator.venues[self.venue].books[SYMBOL].top(1)[0][0][0]
        price = str(int(float(bid)) - 100)
        return {
            "symbol": SYMBOL,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": price,
        }


async def hear_until(socket, is_it):
    async with asyncio.timeout(WAIT_S):
        while True:
            said = orjson.loads((await socket.receive()).data)
            if is_it(said):
                return said


@asynccontextmanager
async def looped(venue):
    emulator = MarketEmulator(EndlessMarket(3, START_NS))
    async with serving(emulator) as served, aiohttp.ClientSession() as http:
        yield Loop(served, emulator, http, venue)


def test_an_order_placed_over_rest_is_told_on_a_socket():
    async def check():
        async with looped(USDM) as client:
            url = f"http://{client.place}/fapi/v1/listenKey"
            async with client.http.post(url, headers={"X-MBX-APIKEY": client.keys["api_key"]}) as reply:
                listen_key = (await reply.json())["listenKey"]
            async with client.http.ws_connect(f"ws://{client.place}/private/ws?listenKey={listen_key}") as socket:
                status, placed = await client.ask("POST", "/fapi/v1/order", **client.far_order())
                assert status == 200, placed
                told = await hear_until(socket, lambda said: said["e"] == "ORDER_TRADE_UPDATE")
                assert told["o"]["i"] == placed["orderId"]

    asyncio.run(check())


def test_a_session_logs_on_with_the_files_private_key_and_hears_its_orders():
    async def check():
        async with looped(SPOT) as client, client.http.ws_connect(f"ws://{client.place}/ws-api/v3") as socket:
            private = load_pem_private_key(client.keys["ed25519_secret"].encode(), None)
            params = {"apiKey": client.keys["ed25519_api_key"], "timestamp": client.served.clock.now_ns() // 10**6}
            text = "&".join(f"{name}={params[name]}" for name in sorted(params))
            params["signature"] = b64encode(private.sign(text.encode())).decode()
            await socket.send_str(orjson.dumps({"id": 1, "method": "session.logon", "params": params}).decode())
            answer = await hear_until(socket, lambda said: said["id"] == 1)
            assert answer["status"] == 200, answer
            stamp = {"timestamp": client.served.clock.now_ns() // 10**6}
            for number, method, words in ((2, "userDataStream.subscribe", {}), (3, "order.place", client.far_order())):
                request = {"id": number, "method": method, "params": {**words, **stamp}}
                await socket.send_str(orjson.dumps(request).decode())
            told = await hear_until(socket, lambda said: "event" in said)
            assert (told["event"]["e"], told["event"]["x"]) == ("executionReport", "NEW")

    asyncio.run(check())


def test_a_connection_is_cut_where_a_fault_takes_the_answer_away():
    async def check():
        async with looped(SPOT) as client:
            fault = Fault(kind=FaultKind.order_cut_done, venue=SPOT, request="place")
            client.emulator.arm(fault, client.served.clock.now_ns())
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await client.ask("POST", "/api/v3/order", **client.far_order())
            status, rows = await client.ask("GET", "/api/v3/openOrders", symbol=SYMBOL)
            assert (status, len(rows)) == (200, 1)

    asyncio.run(check())


def test_signatures_are_of_the_query_as_it_was_sent():
    async def check():
        async with looped(SPOT) as client:
            status, error = await client.ask("GET", "/api/v3/order", symbol="币安USDT", orderId=1)
            assert (status, error["code"]) == (400, -1121)

    asyncio.run(check())


def test_a_form_may_be_sent_as_a_body():
    async def check():
        async with looped(SPOT) as client:
            form = urlencode({**client.far_order(), "timestamp": client.served.clock.now_ns() // 10**6})
            body = f"{form}&signature={hmac_of(form, client.keys['secret'])}"
            headers = {
                "X-MBX-APIKEY": client.keys["api_key"],
                "Content-Type": "application/x-www-form-urlencoded",
            }
            async with client.http.post(f"http://{client.place}/api/v3/order", data=body, headers=headers) as reply:
                assert reply.status == 200, await reply.text()
                assert reply.headers["X-MBX-ORDER-COUNT-10S"] == "1"

    asyncio.run(check())


def test_the_addresses_file_tells_accounts_to_its_owner_alone(tmp_path):
    path = tmp_path / "run" / "emulator.json"
    seen = {}

    def look(served):
        seen["shown"] = orjson.dumps(served.to_shown_json())
        seen["mode"] = stat.S_IMODE(path.stat().st_mode)
        seen["document"] = orjson.loads(path.read_bytes())
        served.servers.end()

    emulator = MarketEmulator(EndlessMarket(3, START_NS))
    asyncio.run(serve_until_stopped(emulator, speed=1.0, ports={}, addresses_file=path, announce=look))
    assert seen["mode"] == 0o600
    accounts = seen["document"]["accounts"]
    assert accounts.keys() == emulator.venues.keys()
    assert len({each["account_id"] for each in accounts.values()}) == 3
    assert {"api_key", "secret", "watchdog_api_key", "watchdog_secret"} <= accounts["bybit_spot"].keys()
    assert accounts[SPOT]["secret"].encode() not in seen["shown"]
    assert accounts[SPOT]["account_id"].encode() in seen["shown"]
    assert "PRIVATE KEY" in accounts[SPOT]["ed25519_secret"]
    assert seen["document"]["sockets"][SPOT] == {"order": "/ws-api/v3"}


def test_keys_follow_from_the_seed_and_are_not_shown():
    async def accounts(seed):
        async with serving(MarketEmulator(EndlessMarket(3, START_NS)), accounts_seed=seed) as served:
            return {venue: account.to_json() for venue, account in served.accounts.items()}, repr(served.accounts)

    (first, shown), (again, _), (other, _) = (asyncio.run(accounts(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first[SPOT]["secret"] != other[SPOT]["secret"]
    assert first[SPOT]["secret"] not in shown
