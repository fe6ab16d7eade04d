"""One live venue's hands: carries out what a `LiveVenue` commands and tells it what happened. Decides nothing.

A private socket's path may hold a listen key: what is said of a socket that could not be opened names its base alone.
"""

import asyncio
from collections.abc import Callable, Mapping

from streaming.live.commands import Command, Http, OpenSocket, SendText
from streaming.live.venue import LiveVenue
from streaming.recorder.commands import CloseSocket, SendPing
from streaming.shell.clock import Clock
from streaming.shell.connection import Sockets
from streaming.shell.order_rest import OrderRest
from streaming.shell.rest import RestError
from streaming.venues.gateway import Call, Way

Moved = Callable[[int], None]
"""Hears the time of every input that a venue was given."""


class OrderLink:
    """See the head of the file. A `SocketOwner`."""

    def __init__(
        self,
        venue: LiveVenue,
        bases: Mapping[Way, str],
        clock: Clock,
        on_moved: Moved,
        on_failure: Callable[[Exception], None],
        connect_s: float = 10.0,
        timeout_s: float = 5.0,
    ) -> None:
        """`bases`: address of each way, without a path."""
        self.venue = venue
        self._bases = bases
        self._clock = clock
        self._on_moved = on_moved
        self._on_failure = on_failure
        self._sockets = Sockets(self, connect_s)
        self._paths: dict[int, tuple[str, str]] = {}
        self._rest = OrderRest(bases[Way.rest], timeout_s)
        self._asks: set[asyncio.Task[None]] = set()

    def obey(self) -> None:
        """Carry out what the venue commands now."""
        for command in self.venue.take_commands():
            self._carry_out(command)

    async def stop(self) -> None:
        """Close everything; the venue has been stopped."""
        self.obey()
        for task in self._asks:
            task.cancel()
        if self._asks:
            await asyncio.wait(self._asks)
        await self._sockets.close_all()
        await self._rest.close()

    # --- what sockets say ---

    def on_open(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(lambda ts_ns: self.venue.on_open(socket, ts_ns))

    def on_text(self, socket: int, data: bytes) -> None:
        """See `SocketOwner`."""
        self._tell(lambda ts_ns: self.venue.on_text(socket, data, ts_ns))

    def on_pong(self, socket: int) -> None:
        """See `SocketOwner`."""
        self._tell(lambda ts_ns: self.venue.on_pong(socket, ts_ns))

    def on_lost(self, socket: int, reason: str) -> None:
        """See `SocketOwner`."""
        base, path = self._paths.pop(socket, ("", ""))
        told = reason.replace(f"{base}{path}", base)
        for part in (path, path.partition("?")[2]):
            told = told.replace(part, "...") if part else told
        self._tell(lambda ts_ns: self.venue.on_lost(socket, told, ts_ns))

    def _tell(self, tell: Callable[[int], None]) -> None:
        ts_ns = self._clock.now_ns()
        try:
            tell(ts_ns)
            self._on_moved(ts_ns)
        except Exception as error:  # picows, and the loop, would swallow it and go on without the message
            self._on_failure(error)

    # --- what the venue commands ---

    def _carry_out(self, command: Command) -> None:
        match command:
            case SendText(socket, data):
                self._sockets.send_text(socket, data)
            case Http(call):
                task = asyncio.get_running_loop().create_task(self._ask(call))
                self._asks.add(task)
                task.add_done_callback(self._asks.discard)
            case SendPing(socket):
                self._sockets.send_ping(socket)
            case OpenSocket(socket, way, path):
                self._paths[socket] = (self._bases[way], path)
                self._sockets.open(socket, f"{self._bases[way]}{path}")
            case CloseSocket(socket):
                self._paths.pop(socket, None)
                self._sockets.close(socket)

    async def _ask(self, call: Call) -> None:
        try:
            reply = await self._rest.send(call)
        except RestError as error:
            problem = str(error)
            self._tell(lambda ts_ns: self.venue.on_http_failed(call.number, problem, ts_ns))
            return
        self._tell(lambda ts_ns: self.venue.on_http(call.number, reply, ts_ns))
