"""A local server that speaks as the three venues do, driven by a test's script: real sockets, nothing hidden.

One port serves all: the venues' paths differ. The script is a coroutine; when it ends, every connection is asked for a
pong (so everything sent has been read) and the process is told to end by SIGTERM, as a user would tell it.
"""

import asyncio
import os
import signal
import threading
from collections import defaultdict
from http import HTTPStatus

import orjson
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError
from websockets.http11 import Response

from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.emulator.instruments import SOURCES
from streaming.emulator.market_frames import MarketFrames
from streaming.emulator.market_model import MarketModel

START_NS = 1_767_571_200_000_000_000
PUBLIC, MARKET, SPOT, BYBIT = "/public/stream", "/market/stream", "/stream", "/v5/public/spot"
DEPTH_PATHS = {0: "/fapi/v1/depth", 1: "/api/v3/depth"}
INFO = {
    "/fapi/v1/exchangeInfo": usdm_exchange_info(0),
    "/api/v3/exchangeInfo": spot_exchange_info(0),
    "/v5/market/instruments-info": bybit_exchange_info(0),
}


def market_frames(steps, seed=11):
    """Frames of a short generated market in order."""
    frames = MarketFrames(seed, START_NS, new_fields=False)
    return list(frames.frames(MarketModel(seed, 1.0).advance(steps)))


def path_of(frame):
    """The websocket path that a generated frame belongs to, None for REST replies and requests."""
    if frame.is_request or SOURCES[frame.source].kind != "websocket":
        return None
    if frame.slot == 0:
        return MARKET if b"@aggTrade" in frame.payload[:60] else PUBLIC
    return SPOT if frame.slot == 1 else BYBIT


class SmallVenue:
    """See the head of the file. Use as a context manager around the recorder's run."""

    def __init__(self, script, *, is_ending=True):
        self.script = script
        self.is_ending = is_ending
        self.sockets = defaultdict(list)
        self.subscriptions = defaultdict(list)
        self.opened = defaultdict(int)
        self.requests = defaultdict(int)
        self.replies = defaultdict(list)
        self.lines = []
        self.listed = None
        """Answers exchange information instead, given path and query."""
        self.failure = None
        self.port = 0
        self._changed = None
        self._ready, self._is_done = threading.Event(), threading.Event()
        self._end = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()
        if self.failure is not None:
            raise self.failure

    def until_script_ends(self):
        """Wait for a script that outlives the recording."""
        assert self._is_done.wait(10)

    # --- for scripts ---

    async def until(self, condition, timeout_s=10):
        """Wait until `condition()`; it is asked whenever something happened."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def subscribed(self, *paths, connections=1):
        """Wait until the paths are subscribed on their newest connections."""
        await self.until(
            lambda: all(
                len([s for s in self.sockets[path] if s in self.subscriptions[path]]) >= connections for path in paths
            )
        )

    async def send(self, path, data, place=-1):
        """Send a frame on a connection of a path."""
        await self.sockets[path][place].send(data.decode())

    async def read_by_all(self):
        """Wait until every connection has read what was sent."""
        for path in list(self.sockets):
            for socket in list(self.sockets[path]):
                await (await socket.ping())

    async def books_whole(self, timeout_s=5):
        """Wait until the recorder's progress lines (which the test collects in `lines`) say no book is missing."""
        async with asyncio.timeout(timeout_s):
            seen = len(self.lines)
            while len(self.lines) < seen + 2 or "NO BOOK" in self.lines[-1]:
                await asyncio.sleep(0.01)

    def answer(self, path, *bodies, status=200, headers=()):
        """Queue REST replies of a path; the last one stays."""
        self.replies[path] += [(status, body, headers) for body in bodies]

    async def play(self, frames, *, dropped=()):
        """Send generated frames in order, each snapshot when it is asked for; return (path, payload) as sent."""
        sent = []
        for frame in frames:
            path = path_of(frame)
            if path is not None and frame.seq not in dropped:
                await self.send(path, frame.payload)
                sent.append((path, frame.payload))
            elif path is None and not frame.is_request and SOURCES[frame.source].kind == "rest_depth":
                depth = DEPTH_PATHS[frame.slot]
                self.answer(depth, frame.payload)
                asked = len(self.replies[depth])
                await self.until(lambda depth=depth, asked=asked: self.requests[depth] >= asked)
                sent.append((depth, frame.payload))
        return sent

    # --- the server ---

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._changed, self._end = asyncio.Event(), asyncio.Event()
        async with serve(self._socket, "127.0.0.1", 0, process_request=self._rest, compression=None) as server:
            self.port = server.sockets[0].getsockname()[1]
            self._ready.set()
            script = asyncio.create_task(self._run_script())
            await self._end.wait()
            script.cancel()

    async def _run_script(self):
        try:
            await self.script(self)
            if self.is_ending:
                await self.read_by_all()
        except Exception as error:
            self.failure = error
        self._is_done.set()
        if self.is_ending:
            os.kill(os.getpid(), signal.SIGTERM)

    async def _socket(self, socket):
        path = socket.request.path
        self.sockets[path].append(socket)
        self.opened[path] += 1
        try:
            async for text in socket:
                message = orjson.loads(text)
                if message.get("op") == "ping":
                    await socket.send('{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}')
                    continue
                self.subscriptions[path].append(socket)
                if "method" in message:
                    await socket.send(orjson.dumps({"result": None, "id": message["id"]}).decode())
                else:
                    await socket.send(orjson.dumps({"success": True, "ret_msg": "", "op": message["op"]}).decode())
                self._changed.set()
        except ConnectionClosedError:  # the peer was killed
            return
        finally:
            self.sockets[path].remove(socket)
            self._changed.set()

    async def _rest(self, connection, request):
        path = request.path.partition("?")[0]
        if path in (PUBLIC, MARKET, SPOT, BYBIT):
            return None
        self.requests[path] += 1
        self._changed.set()
        if path in INFO and self.listed is not None:
            return _response(*self.listed(request.path))
        if path in INFO and path not in self.replies:
            return _response(200, INFO[path])
        number = self.requests[path]
        await self.until(lambda: self.replies[path])
        queued = self.replies[path]
        return _response(*queued[min(number, len(queued)) - 1])


def _response(status, body, headers=()):
    fields = Headers([("Content-Length", str(len(body))), ("Connection", "close"), *headers])
    return Response(status, HTTPStatus(status).phrase, fields, body)
