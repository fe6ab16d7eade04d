"""The emulator's servers: moves bytes between loopback sockets and the machine, and wakes it at the clock's times.

One port a venue, for REST and websockets alike, and one for control. Holds no decision but the written rule for a slow
client: what a session's queue cannot hold ends it, and the connection is cut at once.
"""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from streaming.emulator.control import ControlDesk
from streaming.emulator.market import MarketEmulator
from streaming.emulator.orders_front import CUT
from streaming.emulator.rest import Reply
from streaming.emulator.session import CLOSE_GOING_AWAY, Close, Ending, Ping, Session
from streaming.emulator.venue import Venue
from streaming.errors import TraderError
from streaming.shell.clock import Clock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HOST = "127.0.0.1"
SLEEP_MAX_S = 0.05
"""The machine is looked after at least this often."""
TURN_S = 0.02
"""Longest that the market is played in one go: clients, control and the order to end wait no longer for it."""
FRAMES_A_LOOK = 50
"""Played between two looks at the time."""
CLOSE_WAIT_S = 1.0
MESSAGE_BYTES_MAX = 1 << 16
"""Of a client's message; Bybit's longest list of topics has 21,000 characters."""


@dataclass(slots=True)
class _Connection:
    """A session on its socket."""

    session: Session
    transport: asyncio.Transport
    socket: web.WebSocketResponse
    wake: asyncio.Event


class EmulatorServers:
    """All servers of one emulator. `start`, then `run` until stopped, then `stop`."""

    def __init__(self, emulator: MarketEmulator, clock: Clock) -> None:
        self.clock = clock
        self.control = ControlDesk(emulator, clock)
        self._emulator = emulator
        self._connections: dict[int, _Connection] = {}
        self._runners: list[web.AppRunner] = []
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_late = False

    async def start(self, ports: dict[str, int]) -> dict[str, str]:
        """Listen on a port for each venue and for `control`, 0 or none for any free one; return the addresses.

        TraderError when a port is taken; nothing is left listening then.
        """
        addresses = {}
        try:
            for name, venue in self._emulator.venues.items():
                front = _VenueFront(self, venue, self._emulator)
                addresses[name] = await self._listen(name, front.handle, ports.get(name, 0))
            addresses["control"] = await self._listen("control", self._handle_control, ports.get("control", 0))
        except BaseException:
            await self.stop()
            raise
        return addresses

    async def run(self) -> None:
        """Play the market until `end` is called or control asks for the end."""
        try:
            while not self._stopping.is_set() and not self.control.is_stopping:
                self._turn(self.clock.now_ns())
                delay_s = 0.0 if self._is_late else self.clock.delay_s(self._emulator.next_due_ns())
                await asyncio.sleep(min(delay_s, SLEEP_MAX_S))
        finally:
            self._ended.set()

    async def wait_ended(self) -> None:
        """Wait until `run` has returned, or failed."""
        await self._ended.wait()

    def end(self) -> None:
        """Ask `run` to return."""
        self._stopping.set()

    async def stop(self) -> None:
        """Close all connections and ports."""
        now_ns = self.clock.now_ns()
        for connection in self._connections.values():
            connection.session.end(Ending.stopped, now_ns, code=CLOSE_GOING_AWAY)
        self.wake()
        runners, self._runners = self._runners, []
        await asyncio.gather(*(runner.cleanup() for runner in runners))

    def advance(self) -> int:
        """Bring the market to this moment and return the time.

        One that is late stays where `run` has brought it: an answer is then of what was published so far, as streams
        are, and nobody waits until a machine that is too slow has caught up.
        """
        now_ns = self.clock.now_ns()
        if not self._is_late:
            self._turn(now_ns)
        return now_ns

    def _turn(self, now_ns: int) -> None:
        """Play what is due at `now_ns`, for `TURN_S` at most, and have it sent."""
        time_s = asyncio.get_running_loop().time
        give_up_s = time_s() + TURN_S
        while not (is_caught_up := self._emulator.advance(now_ns, FRAMES_A_LOOK)) and time_s() < give_up_s:
            pass
        self._is_late = not is_caught_up
        self.wake()

    def wake(self) -> None:
        """Have sent what waits; cut the connections that are to be cut."""
        for connection in self._connections.values():
            if connection.session.is_cut:
                connection.transport.abort()
            elif connection.session.waiting:
                connection.wake.set()

    async def talk(self, request: web.Request, session: Session, venue: Venue) -> web.WebSocketResponse:
        """Serve one websocket until it ends."""
        socket = web.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=MESSAGE_BYTES_MAX, timeout=CLOSE_WAIT_S
        )
        writing: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            assert isinstance(request.transport, asyncio.Transport)
            connection = _Connection(session, request.transport, socket, asyncio.Event())
            self._connections[session.id] = connection
            writing = asyncio.create_task(_write(connection))
            await self._read(connection)
        finally:
            self._connections.pop(session.id, None)
            venue.close(session, self.clock.now_ns())
            if writing is not None:
                writing.cancel()
                await asyncio.wait([writing])
        return socket

    async def _read(self, connection: _Connection) -> None:
        session, socket = connection.session, connection.socket
        async for message in socket:
            if message.type is WSMsgType.TEXT:  # its answer may be a book: of this moment
                session.receive_text(message.data.encode(), self.advance())
            elif message.type is WSMsgType.PING:
                session.receive_ping(self.clock.now_ns())
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                session.receive_pong(bytes(message.data), self.clock.now_ns())
            self.wake()

    async def _listen(self, name: str, handler: Handler, port: int) -> str:
        app = web.Application(client_max_size=MESSAGE_BYTES_MAX)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE_WAIT_S)
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port).start()
        except OSError as error:
            raise TraderError(_port_text(name, port, error)) from error
        host, bound = runner.addresses[0][:2]
        return f"{host}:{bound}"

    async def _handle_control(self, request: web.Request) -> web.StreamResponse:
        if "Origin" in request.headers or request.host.partition(":")[0] not in (HOST, "localhost"):
            return web.Response(status=403, text="not for web pages")
        body, now_ns = await request.read(), self.advance()
        reply = self.control.answer(request.method, request.path, request.query, body, now_ns)
        self.advance()  # what was armed may strike at once
        return _response(reply)


class _VenueFront:
    """One venue's port."""

    def __init__(self, servers: EmulatorServers, venue: Venue, emulator: MarketEmulator) -> None:
        self._servers, self._venue, self._emulator = servers, venue, emulator

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._answer(request)
        now_ns = self._servers.clock.now_ns()  # a market that is late must not keep clients from connecting
        session = self._venue.open(request.path, request.query, self._emulator.next_session_id(), now_ns)
        if isinstance(session, Reply):
            return _response(session)
        return await self._servers.talk(request, session, self._venue)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request over HTTP; one whose answer a fault took away has its connection cut."""
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        query, now_ns = request.raw_path.partition("?")[2], self._servers.advance()
        reply = self._venue.order_front.http(request.method, request.path, query, headers, body, now_ns)
        self._servers.wake()  # accounts hear of what the request did
        if reply.status == CUT.status and request.transport is not None:
            assert isinstance(request.transport, asyncio.Transport)
            request.transport.abort()
            return web.Response(status=500)
        return _response(reply)


async def _write(connection: _Connection) -> None:
    """Send what a session has to say until it ends or the connection is gone."""
    session, socket = connection.session, connection.socket
    with suppress(ConnectionError):  # gone: the reader ends the session
        while True:
            await connection.wake.wait()
            connection.wake.clear()
            while batch := session.data_to_send():
                for item in batch:
                    if isinstance(item, Close):
                        await socket.close(code=item.code, message=item.reason.encode())
                        return
                    if isinstance(item, Ping):
                        await socket.ping(item.data)
                    else:
                        await socket.send_frame(item.data, WSMsgType.TEXT)


def _port_text(name: str, port: int, error: OSError) -> str:
    other = "choose others: --port N (control on N, the venues behind it), or --port 0 for any that are free"
    if error.errno == errno.EADDRINUSE:
        return f"emulator: port {port} on {HOST}, for {name}, is taken; stop what listens there, or {other}"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"emulator: port {port} on {HOST}, for {name}, cannot be listened on ({reason}); {other}"


def _response(reply: Reply) -> web.Response:
    headers = {**reply.headers, "Content-Type": reply.content_type}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
