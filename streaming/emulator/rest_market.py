"""REST answers made from trades and the top of the book: recent trades, tickers of the best prices, the mark price."""

from collections.abc import Callable
from decimal import Decimal
from itertools import islice

import orjson

from streaming.emulator.binance_views import FUNDING_RATE, mark_prices, next_funding_ms
from streaming.emulator.bybit_views import ticker_numbers
from streaming.emulator.rest import NS_PER_MS, Query, RefusalError, RestVenue, stated_ms, symbol_asked, whole_number
from streaming.emulator.trade_tape import PublicTrade

Json = dict[str, object]
TRADES_MAX, TRADES_DEFAULT = 1_000, 500
BYBIT_TRADES_MAX = 60
AVERAGE_MINUTES = 5


def usdm_trades(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /fapi/v1/trades`."""
    return orjson.dumps([{**_binance_trade(trade), "isRPITrade": False} for trade in _asked_trades(venue, query)])


def spot_trades(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /api/v3/trades`."""
    return orjson.dumps([{**_binance_trade(trade), "isBestMatch": True} for trade in _asked_trades(venue, query)])


def usdm_aggregates(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /fapi/v1/aggTrades`."""
    return orjson.dumps([_aggregate(trade) for trade in _asked_trades(venue, query)])


def spot_aggregates(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /api/v3/aggTrades`."""
    return orjson.dumps([{**_aggregate(trade), "M": True} for trade in _asked_trades(venue, query)])


def usdm_best(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /fapi/v1/ticker/bookTicker`, of one symbol or of all."""
    return _asked_rows(venue, query, lambda symbol: {**_best(venue, symbol), "time": _engine_ms(venue, symbol, now_ns)})


def spot_best(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /api/v3/ticker/bookTicker`, of one symbol or of all."""
    return _asked_rows(venue, query, lambda symbol: _best(venue, symbol))


def usdm_price(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /fapi/v1/ticker/price`, of one symbol or of all."""

    def row(symbol: str) -> Json:
        return {**_price(venue, symbol), "time": _engine_ms(venue, symbol, now_ns)}

    return _asked_rows(venue, query, row)


def spot_price(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /api/v3/ticker/price`, of one symbol or of all."""
    return _asked_rows(venue, query, lambda symbol: _price(venue, symbol))


def spot_average(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /api/v3/avgPrice`: the mean of the last minutes' trades, by size; of the last one where none was."""
    symbol, now_ms = symbol_asked(venue, query), now_ns // NS_PER_MS
    trades = venue.tapes[symbol].trades
    if not trades:
        raise RefusalError(503, -1, "Service Unavailable.")
    recent = [each for each in trades if each.ts_ms > now_ms - AVERAGE_MINUTES * 60_000] or [trades[-1]]
    size = sum((Decimal(each.size) for each in recent), Decimal(0))
    price = sum((each.value for each in recent), Decimal(0)) / size
    document: Json = {"mins": AVERAGE_MINUTES, "price": f"{price:.8f}", "closeTime": recent[-1].ts_ms}
    return orjson.dumps(document)


def premium_index(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    """Answer `GET /fapi/v1/premiumIndex`, of one symbol or of all."""

    def row(symbol: str) -> Json:
        prices, now_ms = mark_prices(venue.books[symbol], venue.index_of), stated_ms(venue, now_ns)
        if prices is None:
            raise RefusalError(503, -1, "Service Unavailable.")
        found: Json = {"symbol": symbol, "markPrice": prices[0], "indexPrice": prices[1]}
        found |= {"estimatedSettlePrice": prices[1], "lastFundingRate": FUNDING_RATE, "interestRate": "0.00010000"}
        return found | {"nextFundingTime": next_funding_ms(now_ms), "time": now_ms}

    return _asked_rows(venue, query, row)


def bybit_trades(venue: RestVenue, query: Query, now_ns: int) -> list[Json]:
    """Return the rows of `GET /v5/market/recent-trade`, the newest first."""
    symbol = symbol_asked(venue, query)
    limit = min(whole_number(query, "limit", BYBIT_TRADES_MAX), BYBIT_TRADES_MAX)
    newest = islice(reversed(venue.tapes[symbol].trades), limit)
    return [
        {
            "execId": trade.first_id,
            "symbol": symbol,
            "price": trade.price,
            "size": trade.size,
            "side": "Sell" if trade.is_buyer_maker else "Buy",
            "time": str(trade.ts_ms),
            "isBlockTrade": False,
            "isRPITrade": False,
            "seq": str(trade.sequence),
        }
        for trade in newest
    ]


def bybit_tickers(venue: RestVenue, query: Query, now_ns: int) -> list[Json]:
    """Return the rows of `GET /v5/market/tickers`; a symbol without a trade yet is left out."""
    symbols = [symbol_asked(venue, query)] if "symbol" in query else [*venue.books]
    rows: list[Json] = []
    for symbol in symbols:
        sums, (bids, asks) = venue.tapes[symbol].sums, venue.books[symbol].top(1)
        if sums is not None and bids and asks:
            best = {"bid1Price": bids[0][0], "bid1Size": bids[0][1], "ask1Price": asks[0][0], "ask1Size": asks[0][1]}
            rows.append({"symbol": symbol, **best, **ticker_numbers(sums), "usdIndexPrice": sums.last.price})
    return rows


def _asked_trades(venue: RestVenue, query: Query) -> list[PublicTrade]:
    """Return the newest trades, oldest first; RefusalError for what would need more history than is kept."""
    symbol = symbol_asked(venue, query)
    for name in ("fromId", "startTime", "endTime"):
        if name in query:
            raise RefusalError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    trades = venue.tapes[symbol].trades
    limit = min(whole_number(query, "limit", TRADES_DEFAULT), TRADES_MAX)
    return [*islice(trades, max(0, len(trades) - limit), None)]


def _binance_trade(trade: PublicTrade) -> Json:
    decimals = len(trade.price.partition(".")[2])
    row: Json = {"id": int(trade.last_id), "price": trade.price, "qty": trade.size}
    row["quoteQty"] = f"{trade.value:.{decimals}f}"
    return row | {"time": trade.ts_ms, "isBuyerMaker": trade.is_buyer_maker}


def _aggregate(trade: PublicTrade) -> Json:
    row: Json = {"a": int(trade.first_id), "p": trade.price, "q": trade.size, "f": int(trade.first_id)}
    return row | {"l": int(trade.last_id), "T": trade.ts_ms, "m": trade.is_buyer_maker}


def _best(venue: RestVenue, symbol: str) -> Json:
    bids, asks = venue.books[symbol].top(1)
    if not bids or not asks:
        raise RefusalError(503, -1, "Service Unavailable.")
    row: Json = {"symbol": symbol, "bidPrice": bids[0][0], "bidQty": bids[0][1]}
    return row | {"askPrice": asks[0][0], "askQty": asks[0][1]}


def _price(venue: RestVenue, symbol: str) -> Json:
    trades = venue.tapes[symbol].trades
    if not trades:
        raise RefusalError(503, -1, "Service Unavailable.")
    return {"symbol": symbol, "price": trades[-1].price}


def _engine_ms(venue: RestVenue, symbol: str, now_ns: int) -> int:
    state = venue.books[symbol].state(0)
    return venue.faults.skew_ms(now_ns) + (state.ts_engine_ms if state else now_ns // NS_PER_MS)


def _asked_rows(venue: RestVenue, query: Query, row: Callable[[str], Json]) -> bytes:
    if "symbol" in query:
        return orjson.dumps(row(symbol_asked(venue, query)))
    return orjson.dumps([row(symbol) for symbol, book in venue.books.items() if book.is_known])
