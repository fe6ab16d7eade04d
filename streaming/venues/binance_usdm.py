"""Binance USD-M perpetuals, public side.

Books and quotes are on route `/public`, trades and mark prices on `/market`. A stream asked for on the wrong route is
acknowledged and stays silent, so an acknowledgement proves nothing: the first frame does.
"""

from collections.abc import Sequence

from streaming.venues.binance import BinanceStreams
from streaming.venues.dialect import RestKind, RestRequest, Route, Stream, StreamKind

PUBLIC, MARKET = "public", "market"


class BinanceUsdm(BinanceStreams):
    """See `Dialect`."""

    venue = "binance_usdm"
    rest_url = "https://fapi.binance.com"
    websocket_url = "wss://fstream.binance.com"
    routes = (Route(PUBLIC, "/public/stream"), Route(MARKET, "/market/stream"))
    weight_per_minute = 2_400

    def streams(self, route: str, symbol: str) -> tuple[Stream, ...]:
        """Return the streams of `symbol` on a route."""
        name = symbol.lower()
        if route == MARKET:
            return (
                Stream(f"{name}@aggTrade", StreamKind.trade, symbol),
                Stream(f"{name}@markPrice@1s", StreamKind.mark, symbol),
            )
        return (
            Stream(f"{name}@depth@100ms", StreamKind.book, symbol),
            Stream(f"{name}@bookTicker", StreamKind.quote, symbol),
        )

    def exchange_info(self, symbols: Sequence[str]) -> RestRequest:
        """Return the request for all symbols' rules: the venue knows no selection."""
        return RestRequest(RestKind.exchange_info, "", "/fapi/v1/exchangeInfo", 1)

    def depth(self, symbol: str) -> RestRequest | None:
        """Return the request for the deepest snapshot there is."""
        return RestRequest(RestKind.depth, symbol, f"/fapi/v1/depth?symbol={symbol}&limit=1000", 20)
