"""One connection to Redis, as narrow as the bus needs it: add entries, read entries. Blocking, short time-outs.

It is used once: after any error it is closed and another is made. redis-py's own reconnecting is off, since what was
under way when a connection broke may or may not have arrived, and only the bus knows what that means.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast

from redis.backoff import NoBackoff
from redis.connection import Connection, UnixDomainSocketConnection, parse_url
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.retry import Retry

from streaming.bus import FIELD, STREAM_LENGTHS
from streaming.bus_config import RedisSettings
from streaming.socket_name import short_name

CONNECT_S: Final = 1.0
OPERATION_S: Final = 1.0
READ_COUNT: Final = 100
FIRST_ID: Final = "0-0"

BUS_FAILURES: Final = (RedisError, OSError)
"""What a connection raises when Redis is not there, hangs, refuses us or answers nonsense."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream."""

    stream: str
    id: str
    payload: bytes


class _Wire(Protocol):
    """What we use of redis-py's connections, which are untyped."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def pack_commands(self, commands: Sequence[Sequence[str | int | bytes]]) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes]) -> None: ...
    def send_command(self, *words: str | int) -> None: ...
    def read_response(self) -> object: ...


class BusConnection:
    """Connects on construction; BUS_FAILURES when that fails, and from every method."""

    def __init__(self, config: RedisSettings, socket: Path) -> None:
        """Connect to `config`'s server; `socket` is the embedded one's."""
        options: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_S,
            "socket_timeout": OPERATION_S,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
        }
        if config.is_embedded:
            with short_name(socket) as name:
                self._wire = _open(UnixDomainSocketConnection, {"path": name, **options})
        else:
            read_url: Any = parse_url  # untyped
            found: dict[str, Any] = read_url(config.url.get_secret_value())
            self._wire = _open(found.pop("connection_class", Connection), {**found, **options})

    def close(self) -> None:
        """End the connection."""
        self._wire.disconnect()

    def add(self, entries: Sequence[tuple[str, bytes]]) -> list[str]:
        """Add (stream, payload) pairs in one round trip; return the errors of those that Redis refused."""
        commands = [
            ("XADD", stream, "MAXLEN", "~", STREAM_LENGTHS[stream], "*", FIELD, payload) for stream, payload in entries
        ]
        self._wire.send_packed_command(self._wire.pack_commands(commands))
        refusals = []
        for _ in commands:
            try:
                self._wire.read_response()
            except ResponseError as error:
                refusals.append(str(error))
        return refusals

    def read(self, positions: Mapping[str, str], block_ms: int) -> list[Entry]:
        """Return entries after `positions`, by stream, waiting up to `block_ms` for the first; 0 does not wait."""
        waiting = ("BLOCK", block_ms) if block_ms else ()  # to Redis, BLOCK 0 is for ever
        found = self._ask("XREAD", "COUNT", READ_COUNT, *waiting, "STREAMS", *positions.keys(), *positions.values())
        streams = cast("list[tuple[bytes, list[tuple[bytes, list[bytes]]]]]", found or [])
        with _expecting_entries(found):
            return [
                Entry(stream.decode(), entry_id.decode(), _payload(fields))
                for stream, entries in streams
                for entry_id, fields in entries
            ]

    def last_id(self, stream: str) -> str:
        """Return the id of the newest entry, `0-0` where there is none."""
        found = cast("list[tuple[bytes, object]]", self._ask("XREVRANGE", stream, "+", "-", "COUNT", 1))
        with _expecting_entries(found):
            return found[0][0].decode() if found else FIRST_ID

    def _ask(self, *words: str | int) -> object:
        self._wire.send_command(*words)
        return self._wire.read_response()


def _open(kind: Callable[..., object], options: Mapping[str, Any]) -> _Wire:
    wire = cast("_Wire", kind(**options))
    wire.connect()
    return wire


@contextmanager
def _expecting_entries(found: object) -> Iterator[None]:
    """Raise a failure of the connection where an answer has not the shape of a stream's entries."""
    try:
        yield
    except (TypeError, AttributeError, IndexError, ValueError) as error:
        raise InvalidResponse(f"expected entries of a stream, found {str(found)[:40]}") from error


def _payload(fields: Sequence[bytes]) -> bytes:
    """Return the value of our field among names and values in turn, empty where it is missing."""
    found = next((fields[place + 1] for place in range(0, len(fields), 2) if fields[place] == FIELD.encode()), b"")
    return found if isinstance(found, bytes) else b""


def id_order(entry_id: str) -> tuple[int, int]:
    """Return what ids are ordered by."""
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number)
