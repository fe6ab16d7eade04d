"""What the dashboard says to Redis and hears from it: entries of streams, over connections of its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dashboards.surroundings import Surroundings
from streaming.bus import FIELD, STREAM_LENGTHS, Message

FIRST_ID: Final = "0-0"
READ_COUNT: Final = 200
TIMEOUT_S: Final = 2.0
PATH_BYTES_MAX: Final = 100
FAILURES: Final = (RedisError, OSError, TimeoutError)
"""What anything here raises when Redis is not there, hangs or refuses us."""


class Entry(NamedTuple):
    """One entry of a stream."""

    stream: str
    id: str
    payload: bytes


_Fields = list[tuple[bytes, dict[bytes, bytes] | None]]


class Wire:
    """A connection; use it as an asynchronous context."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Name the server; FAILURES come with its first use, and here where there is none."""
        options: dict[str, Any] = {
            "socket_connect_timeout": TIMEOUT_S,
            "socket_timeout": TIMEOUT_S,
            "max_connections": 2,
            "protocol": 2,
            "driver_info": None,  # a connection says nothing before it asks: a halt waits for it
        }
        self._folder: int | None = None
        if url := surroundings.redis_url.get_secret_value():
            self._redis = Redis.from_url(url, **options)
        elif surroundings.redis_socket is None:
            raise OSError('there is no Redis: streaming.redis.url is "off"')
        else:
            self._redis = Redis(unix_socket_path=self._short(surroundings.redis_socket), **options)

    async def __aenter__(self) -> "Wire":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()
        if self._folder is not None:
            os.close(self._folder)

    async def read(self, positions: Mapping[str, str], block_ms: int) -> list[Entry]:
        """Return entries after `positions`, by stream, waiting up to `block_ms` for the first."""
        asked: Any = dict(positions)
        found = await self._redis.xread(asked, count=READ_COUNT, block=block_ms)
        streams = cast("list[tuple[bytes, _Fields]]", found or [])
        return [entry for stream, fields in streams for entry in _entries(stream.decode(), fields)]

    async def newest(self, stream: str, count: int) -> list[Entry]:
        """Return the newest entries, oldest first."""
        found = cast("_Fields", await self._redis.xrevrange(stream, count=count) or [])
        return _entries(stream, found[::-1])

    async def add(self, message: Message) -> None:
        """Add a message to its stream."""
        fields: Any = {FIELD: message.to_json()}
        await self._redis.xadd(message.stream, fields, maxlen=STREAM_LENGTHS[message.stream], approximate=True)

    def _short(self, path: Path) -> str:
        """Return a name that the kernel takes as a socket's: longer ones go by their folder's descriptor."""
        if len(os.fsencode(path)) <= PATH_BYTES_MAX:
            return str(path)
        self._folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._folder}/{path.name}"


def _entries(stream: str, found: _Fields) -> list[Entry]:
    return [Entry(stream, entry.decode(), (fields or {}).get(FIELD.encode(), b"")) for entry, fields in found]


def id_order(entry_id: str) -> tuple[int, int]:
    """Return what ids are ordered by; the first part is the server's time in ms."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
