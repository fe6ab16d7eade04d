"""Websocket connections through picows: bytes in, bytes out, nothing decided.

Each connection has a number given by its owner; whatever happens to it is told to the owner under that number, an end
exactly once and never after `close`. Server pings are answered by picows.
"""

import asyncio
from typing import Protocol

from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from streaming.shell.rest import plain_text

MESSAGE_BYTES_MAX = 32 << 20
"""Also of a message that comes in fragments; a peer that sends a longer one is left."""
CLOSE_S = 1.0
"""A peer that does not answer a closing is left alone after this long."""


class SocketOwner(Protocol):
    """Hears what happens to sockets."""

    def on_open(self, socket: int) -> None:
        """It is open."""

    def on_text(self, socket: int, data: bytes) -> None:
        """A whole message came."""

    def on_pong(self, socket: int) -> None:
        """A pong came."""

    def on_lost(self, socket: int, reason: str) -> None:
        """It ended, or could not be opened."""


class _Listener(WSListener):
    def __init__(self, socket: int, sockets: "Sockets") -> None:
        self._socket = socket
        self._sockets = sockets
        self._owner = sockets.owner
        self._fragments: list[bytes] = []
        self._fragments_size = 0
        self._reason = "connection lost"

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._sockets.add(self._socket, transport)
        self._owner.on_open(self._socket)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind is WSMsgType.PONG:
            self._owner.on_pong(self._socket)
        elif kind is WSMsgType.CLOSE:
            self._reason = f"closed by the venue: {frame.get_close_code()} {frame.get_close_reason() or ''}".rstrip()
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
        elif kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            if frame.fin and not self._fragments:
                self._owner.on_text(self._socket, frame.get_payload_as_bytes())
            else:
                self._add_fragment(transport, frame)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._sockets.ended(self._socket, self._reason)

    def _add_fragment(self, transport: WSTransport, frame: WSFrame) -> None:
        part = frame.get_payload_as_bytes()
        self._fragments_size += len(part)
        if self._fragments_size > MESSAGE_BYTES_MAX:
            self._reason = f"a message of more than {MESSAGE_BYTES_MAX} bytes"
            self._fragments.clear()
            transport.disconnect(graceful=False)
            return
        self._fragments.append(part)
        if frame.fin:
            data = b"".join(self._fragments)
            self._fragments.clear()
            self._fragments_size = 0
            self._owner.on_text(self._socket, data)


class Sockets:
    """The connections of one owner. Use inside a running loop; `close_all` before it ends."""

    def __init__(self, owner: SocketOwner, connect_s: float) -> None:
        self.owner = owner
        self._connect_s = connect_s
        self._transports: dict[int, WSTransport] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._ended: set[asyncio.Task[None]] = set()
        self._closing: list[WSTransport] = []
        self._is_paused = False

    def open(self, socket: int, url: str) -> None:
        """Begin to connect."""
        self._tasks[socket] = asyncio.get_running_loop().create_task(self._connect(socket, url))

    def send_text(self, socket: int, data: bytes) -> None:
        """Send a text message; nothing where the connection has just ended."""
        transport = self._transports.get(socket)
        if transport is not None:
            transport.send(WSMsgType.TEXT, data)

    def send_ping(self, socket: int) -> None:
        """Send a ping; nothing where the connection has just ended."""
        transport = self._transports.get(socket)
        if transport is not None:
            transport.send_ping()

    def close(self, socket: int) -> None:
        """End a connection at once, also one that is not open yet. The owner is not told."""
        self._closing = [transport for transport in self._closing if not transport.is_disconnected]
        transport = self._transports.pop(socket, None)
        task = self._tasks.pop(socket, None)
        if transport is not None:
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()
            self._closing.append(transport)
        elif task is not None:
            task.cancel()
        if task is not None:
            self._ended.add(task)
            task.add_done_callback(self._ended.discard)

    def pause(self, is_paused: bool) -> None:
        """Stop or go on reading every connection, those to come included."""
        self._is_paused = is_paused
        for transport in self._transports.values():
            _pause(transport, is_paused)

    async def close_all(self) -> None:
        """End everything and wait for it."""
        for socket in list(self._tasks):
            self.close(socket)
        if self._ended:
            await asyncio.wait(self._ended)
        waits = [asyncio.ensure_future(transport.wait_disconnected()) for transport in self._closing]
        if waits:
            _, late = await asyncio.wait(waits, timeout=CLOSE_S)
            for wait in late:
                wait.cancel()

    def add(self, socket: int, transport: WSTransport) -> None:
        """Take a connection that opened."""
        self._transports[socket] = transport
        if self._is_paused:
            _pause(transport, True)

    def ended(self, socket: int, reason: str) -> None:
        """Take note of an end; the owner hears of one that it did not ask for."""
        is_ours = self._transports.pop(socket, None) is not None
        self._tasks.pop(socket, None)
        if is_ours:
            self.owner.on_lost(socket, reason)

    async def _connect(self, socket: int, url: str) -> None:
        try:
            await asyncio.wait_for(
                ws_connect(
                    lambda: _Listener(socket, self),
                    url,
                    websocket_handshake_timeout=self._connect_s,
                    max_frame_size=MESSAGE_BYTES_MAX,
                    max_redirects=0,
                    use_aiofastnet=False,
                ),
                self._connect_s,
            )
        except (OSError, WSError, TimeoutError) as error:
            if self._tasks.pop(socket, None) is not None and socket not in self._transports:
                self.owner.on_lost(socket, plain_text(f"{url}: {str(error) or type(error).__name__}"))


def _pause(transport: WSTransport, is_paused: bool) -> None:
    under = transport.underlying_transport
    if is_paused:
        under.pause_reading()
    else:
        under.resume_reading()
