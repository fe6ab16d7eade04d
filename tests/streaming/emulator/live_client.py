"""A small client of the emulator over real sockets: an engine hears every frame and says when to fetch a snapshot."""

import asyncio

import aiohttp
import numpy as np
import orjson

import native
from streaming.emulator.instruments import SYMBOL

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
SOCKET_PATHS = {
    "binance_usdm": "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker",
    "binance_spot": "/stream?streams=btcusdt@depth@100ms/btcusdt@trade",
    "bybit_spot": "/v5/public/spot",
}
DEPTH_PATHS = {"binance_usdm": "/fapi/v1/depth?limit=1000", "binance_spot": "/api/v3/depth?limit=1000"}
BYBIT_REQUEST = {"op": "subscribe", "args": [f"orderbook.50.{SYMBOL}", f"publicTrade.{SYMBOL}"], "req_id": "1"}


class LiveClient:
    """Holds the books of the three venues; reconnects at once, asks for snapshots as the engine does."""

    def __init__(self, served, entries):
        self._served = served
        sources = [
            {"id": slot, "venue": venue, "instrument": None, "kind": "websocket"} for slot, venue in enumerate(VENUES)
        ]
        sources += [
            {"id": 3 + slot, "venue": venue, "instrument": SYMBOL, "kind": "rest_depth"}
            for slot, venue in enumerate(VENUES)
        ]
        rows = [
            {
                name: getattr(entry, name)
                for name in ("id", "venue", "symbol", "market_type", "tick", "size_unit", "lot")
            }
            | {"maker_fee_bps": "0", "taker_fee_bps": "0"}
            for entry in entries
        ]
        self.engine = native.Engine(orjson.dumps({"instruments": rows, "sources": sources}).decode())
        self.gaps, self.rejects, self.frames, self.connections = [], 0, 0, 0
        self._seq = 0
        self._asked: set[int] = set()

    async def run(self):
        """Hear all venues until cancelled."""
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as group:
            for slot, venue in enumerate(VENUES):
                group.create_task(self._hear(http, group, slot, venue))

    async def until(self, condition, seconds=10.0):
        """Wait until `condition` holds; AssertionError when it does not in time."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    def is_synced(self):
        """All books are known."""
        return all(self.engine.feed_state(slot) == "synced" for slot in range(3))

    async def _hear(self, http, group, slot, venue):
        while True:
            url = f"ws://{self._served.addresses[venue]}{SOCKET_PATHS[venue]}"
            async with http.ws_connect(url) as socket:
                self.connections += 1
                if slot == 2:
                    await socket.send_str(orjson.dumps(BYBIT_REQUEST).decode())
                async for message in socket:
                    self._take(slot, message.data.encode())
                    self._drain(http, group)

    def _take(self, source, data):
        self._seq += 1
        self.frames += 1
        self.engine.frame(self._seq, source, self._served.clock.now_ns(), data)

    def _drain(self, http, group):
        out = self.engine.drain()
        self.rejects += len(out["rejects"])
        self.gaps += [gap.copy() for gap in out["gaps"]]
        for request in out["feed_requests"]:
            slot = int(request["instrument"])
            if slot < 2 and slot not in self._asked:
                self._asked.add(slot)
                group.create_task(self._fetch(http, group, slot))

    async def _fetch(self, http, group, slot):
        venue = VENUES[slot]
        url = f"http://{self._served.addresses[venue]}{DEPTH_PATHS[venue]}&symbol={SYMBOL}"
        async with http.get(url) as reply:
            data = await reply.read()
        self._asked.discard(slot)
        self._take(3 + slot, data)
        self._drain(http, group)

    def book(self, slot, levels):
        """Best levels in price ticks and size units."""
        return self.engine.book(slot, levels)


def in_units(state, entry):
    """A true book's levels in price ticks and size units."""
    return [
        np.array(
            [
                (native.parse_decimal(price, entry.tick), native.parse_decimal(size, entry.size_unit))
                for price, size in side
            ]
        )
        for side in (state.bids, state.asks)
    ]
