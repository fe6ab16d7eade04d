"""Binance spot, public side: one route for everything. The server pings every 20 s and says when it shuts down."""

from collections.abc import Sequence
from urllib.parse import quote

import orjson

from streaming.venues import binance_messages
from streaming.venues.dialect import Control, FrameIds, RestKind, RestRequest, Route, Stream, StreamKind


class BinanceSpot:
    """See `Dialect`."""

    venue = "binance_spot"
    rest_url = "https://api.binance.com"
    websocket_url = "wss://stream.binance.com:9443"
    routes = (Route("market", "/stream"),)
    weight_per_minute = 6_000
    ping_every_s: float | None = None

    def streams(self, route: str, symbol: str) -> tuple[Stream, ...]:
        """Return the streams of `symbol`."""
        name = symbol.lower()
        return (
            Stream(f"{name}@depth@100ms", StreamKind.book, symbol),
            Stream(f"{name}@trade", StreamKind.trade, symbol),
            Stream(f"{name}@bookTicker", StreamKind.quote, symbol),
        )

    def subscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that subscribe to streams."""
        return binance_messages.method("SUBSCRIBE", names, first_id)

    def unsubscribe(self, names: Sequence[str], first_id: int) -> list[bytes]:
        """Return the messages that end subscriptions."""
        return binance_messages.method("UNSUBSCRIBE", names, first_id)

    def ping(self, number: int) -> bytes | None:
        """Return None: a websocket ping asks."""
        return None

    def stream_of(self, data: bytes) -> str | None:
        """Return the name of the frame's stream."""
        return binance_messages.stream_of(data)

    def control_of(self, data: bytes) -> Control:
        """Return what a message that is no frame says."""
        return binance_messages.control_of(data)

    def ids_of(self, kind: StreamKind, data: bytes) -> FrameIds | None:
        """Return the ids of a frame."""
        return binance_messages.ids_of(kind, data)

    def exchange_info(self, symbols: Sequence[str]) -> RestRequest:
        """Return the request for the rules of `symbols`."""
        words = quote(orjson.dumps(list(symbols)).decode())
        return RestRequest(RestKind.exchange_info, "", f"/api/v3/exchangeInfo?symbols={words}", 20)

    def depth(self, symbol: str) -> RestRequest | None:
        """Return the request for the deepest snapshot there is."""
        return RestRequest(RestKind.depth, symbol, f"/api/v3/depth?symbol={symbol}&limit=5000", 250)
