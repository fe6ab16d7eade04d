"""Messages on their way to clients: which stream a recorded or generated frame belongs to, and its forms on the wire.

A frame is kept as it came. Binance's combined form `{"stream":...,"data":...}` and its raw form, the inner object, are
cut out of each other. Ids and levels are read from depth frames only, which alone the true book needs.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import orjson

BYBIT = "bybit_spot"

Side = list[tuple[str, str]]
"""Levels as printed: price and size."""


@dataclass(frozen=True, slots=True)
class DepthIds:
    """Update ids of a depth frame as its venue counts them."""

    first: int
    """`U`; Bybit's `u`."""
    last: int
    """`u`"""
    previous: int
    """`u` of the frame before by the venue's word: `pu`, `U - 1`, `u - 1`."""
    sequence: int
    """Bybit's `seq`, otherwise 0."""


@dataclass(frozen=True, slots=True)
class DepthChange:
    """What a depth frame says; a snapshot replaces the book."""

    ids: DepthIds
    is_snapshot: bool
    bids: Side
    asks: Side
    ts_event_ms: int
    ts_engine_ms: int


@dataclass(frozen=True)
class MarketFrame:
    """One public message of a venue, due at `ts_ns`."""

    venue: str
    symbol: str
    stream: str
    """Binance's stream name or Bybit's topic."""
    payload: bytes
    """Bybit's message, Binance's in the combined form."""
    ts_ns: int
    depth: DepthChange | None = None

    @cached_property
    def raw(self) -> bytes:
        """Return the message as a raw stream carries it."""
        if self.venue == BYBIT:
            return self.payload
        return self.payload[self.payload.index(b',"data":') + 8 : -1]


def read_frame(venue: str, payload: bytes, ts_ns: int) -> MarketFrame | None:
    """Return the message in `payload`, None when it is no public message (an acknowledgement, a pong).

    ValueError for a depth message without the keys that its venue documents.
    """
    stream = _stated_stream(payload)
    if stream is None:
        document = orjson.loads(payload)
        stream = _stream_of(document)
        if stream is None:
            return None
        if venue != BYBIT and "stream" not in document:
            payload = b'{"stream":"%b","data":%b}' % (stream.encode(), payload)
        elif venue != BYBIT:
            payload = b'{"stream":"%b","data":%b}' % (stream.encode(), orjson.dumps(document["data"]))
    symbol = symbol_of(stream)
    depth = read_depth(venue, payload) if is_depth(stream) else None
    return MarketFrame(venue, symbol, stream, payload, ts_ns, depth)


def is_depth(stream: str) -> bool:
    """Tell whether a stream carries the changes of whole books, from which the true book is made."""
    return "@depth@" in stream or stream.endswith("@depth") or _BYBIT_DEPTH.match(stream) is not None


def read_depth(venue: str, payload: bytes) -> DepthChange:
    """Return what a depth message (Binance: combined form) says."""
    document = orjson.loads(payload)
    data = document["data"]
    try:
        if venue == BYBIT:
            ids = DepthIds(data["u"], data["u"], data["u"] - 1, data["seq"])
            stamps = document["ts"], document.get("cts", document["ts"])
            return DepthChange(ids, document["type"] == "snapshot", data["b"], data["a"], *stamps)
        ids = DepthIds(data["U"], data["u"], data.get("pu", data["U"] - 1), 0)
        return DepthChange(ids, False, data["b"], data["a"], data["E"], data.get("T", data["E"]))
    except KeyError as error:
        raise ValueError(f"{venue}: depth message without {error}: {payload[:200]!r}") from error


_BYBIT_DEPTH = re.compile(r"orderbook\.(?!1\.)\d+\.")
"""Bybit's topic of one level tells no changes, only snapshots of the best prices."""
_STATED = re.compile(rb'\{"(?:stream":"([^"]+)","data":\{|topic":"([^"]+)")')


def _stated_stream(payload: bytes) -> str | None:
    """Return the stream that a message names first of all, None where it must be looked for."""
    found = _STATED.match(payload)
    return (found[1] or found[2]).decode() if found else None


_STREAMS = {
    "depthUpdate": "{}@depth@100ms",
    "bookTicker": "{}@bookTicker",
    "aggTrade": "{}@aggTrade",
    "trade": "{}@trade",
    "markPriceUpdate": "{}@markPrice@1s",
    "forceOrder": "{}@forceOrder",
}


def _stream_of(document: object) -> str | None:
    if not isinstance(document, dict):
        return None
    for name in ("stream", "topic"):
        if isinstance(document.get(name), str):
            return cast(str, document[name])
    symbol = document.get("s")
    event = document.get("e", "bookTicker" if "B" in document and "A" in document else None)
    form = _STREAMS.get(event) if isinstance(event, str) else None
    return form.format(symbol.lower()) if form and isinstance(symbol, str) else None


_BYBIT_ID = re.compile(rb'"u":\d+')
_CALENDAR = re.compile(rb'"e":"(kline|markPriceUpdate)"')
_EVENT = re.compile(rb'"E":(\d{13})\b')
_STAMPS = re.compile(rb'"(E|T|ts|cts)":(\d{13})\b')


def renumbered(frame: MarketFrame, last_id: int) -> MarketFrame:
    """Return a Bybit depth frame under another `u`: after a restart of the venue it counts anew."""
    assert frame.depth is not None
    ids = DepthIds(last_id, last_id, last_id - 1, frame.depth.ids.sequence)
    change = DepthChange(
        ids,
        frame.depth.is_snapshot,
        frame.depth.bids,
        frame.depth.asks,
        frame.depth.ts_event_ms,
        frame.depth.ts_engine_ms,
    )
    payload = _BYBIT_ID.sub(b'"u":%d' % last_id, frame.payload, count=1)
    return MarketFrame(frame.venue, frame.symbol, frame.stream, payload, frame.ts_ns, change)


def symbol_of(stream: str) -> str:
    """Return the symbol that a stream of Binance or a topic of Bybit names, in the venue's upper case."""
    name, has_kind, _ = stream.partition("@")
    return name.upper() if has_kind else stream.rpartition(".")[2]


def skewed(payload: bytes, skew_ms: int) -> bytes:
    """Return a message whose times of event and matching are `skew_ms` later; times of a calendar stay."""
    if not skew_ms:
        return payload
    if _CALENDAR.search(payload):
        return _EVENT.sub(lambda found: b'"E":%d' % (int(found[1]) + skew_ms), payload, count=1)
    return _STAMPS.sub(lambda found: b'"%b":%d' % (found[1], int(found[2]) + skew_ms), payload)
