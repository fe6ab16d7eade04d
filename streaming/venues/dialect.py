"""What the recorder and the trader need to know of a venue's public side. Sans I/O: text in, text out.

A venue is spoken to over routes (websocket addresses that carry different streams) and REST. Data frames are told
from control messages by their first bytes; only control messages are parsed here, frames are the core's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import orjson


class StreamKind(StrEnum):
    """What a stream carries. A silent book is a fault, silent trades may be a quiet market."""

    book = "book"
    trade = "trade"
    quote = "quote"
    mark = "mark"
    """A perpetual's mark price and its coming funding."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one symbol, by the name that its frames carry."""

    name: str
    kind: StreamKind
    symbol: str


@dataclass(frozen=True, slots=True)
class Route:
    """One websocket address: `path` is added to the venue's base address."""

    name: str
    path: str


class ControlKind(StrEnum):
    """What a message that is no data frame says."""

    ack = "ack"
    refusal = "refusal"
    pong = "pong"
    shutdown = "shutdown"
    unknown = "unknown"


@dataclass(frozen=True, slots=True)
class Control:
    """A control message; `text` is the venue's own word for a refusal."""

    kind: ControlKind
    text: str = ""


@dataclass(frozen=True, slots=True)
class FrameIds:
    """The numbers by which a frame is known again on another connection.

    Book: `first` to `last` are the updates in it, `previous` the update before it where the venue says so.
    Trades: `keys` are the trades' ids. Quotes: `last` alone.
    """

    first: int = 0
    last: int = 0
    previous: int | None = None
    is_snapshot: bool = False
    keys: tuple[str, ...] = ()


class RestKind(StrEnum):
    """What a REST request asks for; the words of the header's source table."""

    depth = "rest_depth"
    exchange_info = "rest_exchange_info"


@dataclass(frozen=True, slots=True)
class RestRequest:
    """One GET. `target` is path and query; `symbol` is empty where the reply is about all."""

    kind: RestKind
    symbol: str
    target: str
    weight: int


class Dialect(Protocol):
    """One venue."""

    @property
    def venue(self) -> str:
        """Its name in instruments."""

    @property
    def rest_url(self) -> str:
        """Production address of REST, without a path."""

    @property
    def websocket_url(self) -> str:
        """Production address of the market streams, without a route's path."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes that market data needs."""

    @property
    def weight_per_minute(self) -> int:
        """What one address may spend on REST in a minute."""

    @property
    def ping_every_s(self) -> float | None:
        """How often the client must ping; None where the server pings."""

    def streams(self, route: str, symbol: str) -> tuple[Stream, ...]:
        """Return the streams of `symbol` on a route."""

    def subscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that subscribe to streams, numbered from `first_id`."""

    def unsubscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that end subscriptions."""

    def renew(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that have silent subscriptions made again on the same connection."""

    def ping(self, number: int) -> bytes | None:
        """Return the text that asks whether the venue still listens; None: a websocket ping does."""

    def stream_of(self, data: bytes) -> str | None:
        """Return the name of the stream whose frame this is, None for a control message."""

    def control_of(self, data: bytes) -> Control:
        """Return what a message that is no frame says; never raises."""

    def ids_of(self, kind: StreamKind, data: bytes) -> FrameIds | None:
        """Return the ids of a frame, None when it has none that can be read."""

    def exchange_info(self, symbols: Sequence[str]) -> RestRequest:
        """Return the request for the instruments' rules."""

    def depth(self, symbol: str) -> RestRequest | None:
        """Return the request for a snapshot; None: the venue pushes one upon subscription."""


def json_object(data: bytes) -> dict[str, object] | None:
    """Return the JSON object in `data`, None when it is none."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None
