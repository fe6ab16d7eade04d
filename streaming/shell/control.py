"""Control of a running process: one JSON object a line over a unix socket in `data/run`, for its owner alone.

A request is `{"op": WORD, ...}`. The answer is `{"ok": true, ...}`, or `{"ok": false, "error": TEXT, "exit_code": N}`
with the exit code that the command line ends with. A connection may ask any number of times, one at a time.

A request may say until when its asker waits: `answer_by_ns`, on the machine's monotonic clock. One that is read later
is refused: whoever asked was told that no answer came, and a `resume` must not act when a process wakes up hours later.
"""

import asyncio
import os
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path

import orjson
from pydantic import JsonValue

from native.config import JsonObject
from streaming.errors import NotRunningError, RefusedError, TraderError, UsageError, mistake_text
from streaming.socket_name import short_name

REQUEST_BYTES_MAX = 64 << 10
ANSWER_BYTES_MAX = 16 << 20
CONNECTIONS_MAX = 16
"""More are closed at once: a control socket has few askers."""

Answer = Callable[[JsonObject], JsonObject]
"""Answers one request at once; a TraderError becomes the refusal."""


class ControlServer:
    """Serves one socket inside a running loop. The caller holds the process's lock: a socket file there is stale."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen; the socket is readable and writable by its owner alone."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and stat.S_ISSOCK(self._path.stat().st_mode):
            self._path.unlink()
        before = os.umask(0o177)
        try:
            with short_name(self._path) as place:
                self._server = await asyncio.start_unix_server(self._accept, place, limit=REQUEST_BYTES_MAX)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """End every connection and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections.add(task)
        try:
            while line := await reader.readline():
                writer.write(orjson.dumps(self._reply(line)) + b"\n")
                await writer.drain()
        except (OSError, ValueError):  # ValueError: a line over the limit
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    def _reply(self, line: bytes) -> JsonObject:
        try:
            request = request_of(line)
            check_awaited(request.pop("answer_by_ns", None), time.monotonic_ns())
            return {"ok": True, **self._answer(request)}
        except TraderError as error:
            return {"ok": False, "error": str(error), "exit_code": error.exit_code}
        except Exception as error:  # our own mistake: whoever asked must not think that the process has ended
            return {"ok": False, "error": mistake_text(error), "exit_code": TraderError.exit_code}


def request_of(line: bytes) -> JsonObject:
    """Return a request's object; UsageError when it is none."""
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"control: expected one JSON object a line, found {line[:40]!r}") from error
    if not isinstance(request, dict) or not isinstance(request.get("op"), str):
        raise UsageError('control: expected an object such as {"op": "status"}')
    return request


def check_awaited(answer_by_ns: JsonValue, now_ns: int) -> None:
    """Raise RefusedError when nobody waits for the answer any more, UsageError for what is no time."""
    if answer_by_ns is None:
        return
    if not isinstance(answer_by_ns, int):
        raise UsageError(f"control: answer_by_ns: expected ns of the monotonic clock, found {answer_by_ns!r}")
    if now_ns > answer_by_ns:
        late_s = (now_ns - answer_by_ns) / 1e9
        raise RefusedError(f"control: the asker gave up {late_s:.1f} s ago; nothing was done, ask again")


def ask(path: Path, request: JsonObject, timeout_s: float = 5.0) -> JsonObject:
    """Ask the process behind `path` once and return its answer; see the head of the file.

    NotRunningError when nobody listens there or no answer came in time; a request that was not read by then is not
    acted upon. A refusal is returned, not raised.
    """
    answer = b""
    document = orjson.dumps({**request, "answer_by_ns": time.monotonic_ns() + int(timeout_s * 1e9)})
    try:
        with short_name(path) as place, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(place)
            connection.sendall(document + b"\n")
            while not answer.endswith(b"\n"):
                part = connection.recv(1 << 16)
                if not part or len(answer) > ANSWER_BYTES_MAX:
                    break
                answer += part
        found = orjson.loads(answer)
    except (FileNotFoundError, ConnectionError) as error:
        raise NotRunningError(f"{path}: nothing is running there") from error
    except (TimeoutError, BlockingIOError) as error:  # the latter: its queue of connections is full
        raise NotRunningError(f"{path}: no answer in {timeout_s:g} s; the process may hang") from error
    except orjson.JSONDecodeError as error:
        raise NotRunningError(f"{path}: the process ended before it answered") from error
    assert isinstance(found, dict)
    return found
