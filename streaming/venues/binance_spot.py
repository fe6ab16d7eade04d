"""Binance spot, public side: one route for everything. The server pings every 20 s and says when it shuts down."""

from collections.abc import Sequence
from urllib.parse import quote

import orjson

from streaming.venues.binance import BinanceStreams
from streaming.venues.dialect import RestKind, RestRequest, Route, Stream, StreamKind


class BinanceSpot(BinanceStreams):
    """See `Dialect`."""

    venue = "binance_spot"
    rest_url = "https://api.binance.com"
    websocket_url = "wss://stream.binance.com:9443"
    routes = (Route("market", "/stream"),)
    weight_per_minute = 6_000

    def streams(self, route: str, symbol: str) -> tuple[Stream, ...]:
        """Return the streams of `symbol`."""
        name = symbol.lower()
        return (
            Stream(f"{name}@depth@100ms", StreamKind.book, symbol),
            Stream(f"{name}@trade", StreamKind.trade, symbol),
            Stream(f"{name}@bookTicker", StreamKind.quote, symbol),
        )

    def exchange_info(self, symbols: Sequence[str]) -> RestRequest:
        """Return the request for the rules of `symbols`; the venue refuses it whole when it lists one of them not."""
        words = quote(orjson.dumps(list(symbols)).decode())
        return RestRequest(RestKind.exchange_info, "", f"/api/v3/exchangeInfo?symbols={words}", 20)

    def depth(self, symbol: str) -> RestRequest | None:
        """Return the request for the deepest snapshot there is."""
        return RestRequest(RestKind.depth, symbol, f"/api/v3/depth?symbol={symbol}&limit=5000", 250)
