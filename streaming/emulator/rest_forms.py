"""REST of each venue: paths, weights, answers and errors in its own words."""

from collections.abc import Callable

import orjson

from streaming.emulator.rest import (
    NS_PER_MS,
    NS_PER_S,
    Answer,
    Endpoint,
    Query,
    RefusalError,
    Reply,
    RestForm,
    RestVenue,
    book_for,
    information,
    stated_ms,
    whole_number,
)
from streaming.emulator.rest_market import (
    bybit_tickers,
    bybit_trades,
    premium_index,
    spot_aggregates,
    spot_average,
    spot_best,
    spot_price,
    spot_trades,
    usdm_aggregates,
    usdm_best,
    usdm_price,
    usdm_trades,
)

USDM_LIMITS = (5, 10, 20, 50, 100, 500, 1000)
SPOT_LEVELS_MAX = 5_000
BYBIT_LEVELS_MAX = 1_000
BYBIT_OTHERS = ("linear", "inverse", "option")
"""Categories in which nothing is listed here."""


def _fixed(weight: int) -> "_Weight":
    return _Weight((), weight)


def _of_one_or_all(one: int, all_symbols: int) -> Callable[[Query], int]:
    return lambda query: one if "symbol" in query else all_symbols


class _Weight:
    """Weight of a request by its `limit`: the first step that holds it, else `above`."""

    def __init__(self, steps: tuple[tuple[int, int], ...], above: int, default: int = 0) -> None:
        self._steps, self._above, self._default = steps, above, default

    def __call__(self, query: Query) -> int:
        text = query.get("limit", "")
        limit = int(text) if text.isdecimal() else self._default
        return next((weight for levels, weight in self._steps if limit <= levels), self._above)


def _empty(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    return b"{}"


def _binance_time(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    return b'{"serverTime":%d}' % stated_ms(venue, now_ns)


def _usdm_depth(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    limit = whole_number(query, "limit", 500)
    if limit not in USDM_LIMITS:
        raise RefusalError(400, -4021, f"{limit} is not valid depth limit.")
    state = book_for(venue, query, limit, now_ns)
    skew_ms = venue.faults.skew_ms(now_ns)
    return orjson.dumps(
        {
            "lastUpdateId": state.last_id,
            "E": state.ts_event_ms + skew_ms,
            "T": state.ts_engine_ms + skew_ms,
            "bids": state.bids,
            "asks": state.asks,
        }
    )


def _spot_depth(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    limit = min(whole_number(query, "limit", 100), SPOT_LEVELS_MAX)
    state = book_for(venue, query, limit, now_ns)
    return orjson.dumps({"lastUpdateId": state.last_id, "bids": state.bids, "asks": state.asks})


def _binance_header(used: int, limit: int, window_ends_ms: int) -> dict[str, str]:
    return {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used)}


def _binance_error(status: int, code: int, text: str, now_ms: int) -> Reply:
    return Reply(status, orjson.dumps({"code": code, "msg": text}))


def _checked_category(query: Query) -> None:
    if query.get("category") != "spot":
        raise RefusalError(200, 10001, "Illegal category")


def _bybit_information(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    if query.get("category") in BYBIT_OTHERS:
        return _enveloped({"category": query["category"], "list": [], "nextPageCursor": ""}, stated_ms(venue, now_ns))
    _checked_category(query)
    return information(venue, query, now_ns)


def _bybit_time(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    stated_ns = now_ns + venue.faults.skew_ms(now_ns) * NS_PER_MS
    return _enveloped({"timeSecond": str(stated_ns // NS_PER_S), "timeNano": str(stated_ns)}, stated_ns // NS_PER_MS)


def _bybit_depth(venue: RestVenue, query: Query, now_ns: int) -> bytes:
    _checked_category(query)
    state = book_for(venue, query, min(whole_number(query, "limit", 1), BYBIT_LEVELS_MAX), now_ns)
    now_ms = stated_ms(venue, now_ns)
    result: dict[str, object] = {"s": state.symbol, "b": state.bids, "a": state.asks, "ts": now_ms}
    result |= {"u": state.last_id, "seq": state.sequence, "cts": state.ts_engine_ms + venue.faults.skew_ms(now_ns)}
    return _enveloped(result, now_ms)


def _bybit_rows(rows: Callable[[RestVenue, Query, int], list[dict[str, object]]]) -> Answer:
    def answer(venue: RestVenue, query: Query, now_ns: int) -> bytes:
        _checked_category(query)
        return _enveloped({"category": "spot", "list": rows(venue, query, now_ns)}, stated_ms(venue, now_ns))

    return answer


def _enveloped(result: dict[str, object], now_ms: int, code: int = 0, text: str = "OK") -> bytes:
    return orjson.dumps({"retCode": code, "retMsg": text, "result": result, "retExtInfo": {}, "time": now_ms})


def _bybit_header(used: int, limit: int, window_ends_ms: int) -> dict[str, str]:
    return {
        "X-Bapi-Limit": str(limit),
        "X-Bapi-Limit-Status": str(limit - used),
        "X-Bapi-Limit-Reset-Timestamp": str(window_ends_ms),
    }


_BYBIT_CODES = {-5000: 10017, -1102: 10001, -1121: 10001, -1130: 10001, -1100: 10001, -1: 10016}
"""Bybit's codes for what the shared checks refuse; HTTP is 200 for a business error."""


def _bybit_error(status: int, code: int, text: str, now_ms: int) -> Reply:
    http = 200 if status == 400 else status
    return Reply(http, _enveloped({}, now_ms, _BYBIT_CODES.get(code, code), text))


USDM = RestForm(
    endpoints={
        "/fapi/v1/ping": Endpoint(_fixed(1), _empty),
        "/fapi/v1/time": Endpoint(_fixed(1), _binance_time),
        "/fapi/v1/exchangeInfo": Endpoint(_fixed(1), information),
        "/fapi/v1/trades": Endpoint(_fixed(5), usdm_trades),
        "/fapi/v1/aggTrades": Endpoint(_fixed(20), usdm_aggregates),
        "/fapi/v1/ticker/bookTicker": Endpoint(_of_one_or_all(2, 5), usdm_best),
        "/fapi/v1/ticker/price": Endpoint(_of_one_or_all(1, 2), usdm_price),
        "/fapi/v2/ticker/price": Endpoint(_of_one_or_all(1, 2), usdm_price),
        "/fapi/v1/premiumIndex": Endpoint(_of_one_or_all(1, 10), premium_index),
        "/fapi/v1/depth": Endpoint(_Weight(((50, 2), (100, 5), (500, 10)), 20, 500), _usdm_depth),
    },
    weight_max=2_400,
    window_ns=60 * NS_PER_S,
    header=_binance_header,
    error=_binance_error,
    limit_code=-1003,
    limit_text="Too many requests; current limit of IP is 2400 requests per minute. "
    "Please use the websocket for live updates to avoid polling the API.",
)
SPOT = RestForm(
    endpoints={
        "/api/v3/ping": Endpoint(_fixed(1), _empty),
        "/api/v3/time": Endpoint(_fixed(1), _binance_time),
        "/api/v3/exchangeInfo": Endpoint(_fixed(20), information),
        "/api/v3/trades": Endpoint(_fixed(25), spot_trades),
        "/api/v3/aggTrades": Endpoint(_fixed(4), spot_aggregates),
        "/api/v3/ticker/bookTicker": Endpoint(_of_one_or_all(2, 4), spot_best),
        "/api/v3/ticker/price": Endpoint(_of_one_or_all(2, 4), spot_price),
        "/api/v3/avgPrice": Endpoint(_fixed(2), spot_average),
        "/api/v3/depth": Endpoint(_Weight(((100, 5), (500, 25), (1000, 50)), 250, 100), _spot_depth),
    },
    weight_max=6_000,
    window_ns=60 * NS_PER_S,
    header=_binance_header,
    error=_binance_error,
    limit_code=-1003,
    limit_text="Too much request weight used; current limit is 6000 request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API.",
)
BYBIT = RestForm(
    endpoints={
        "/v5/market/time": Endpoint(_fixed(1), _bybit_time),
        "/v5/market/instruments-info": Endpoint(_fixed(1), _bybit_information),
        "/v5/market/recent-trade": Endpoint(_fixed(1), _bybit_rows(bybit_trades)),
        "/v5/market/tickers": Endpoint(_fixed(1), _bybit_rows(bybit_tickers)),
        "/v5/market/orderbook": Endpoint(_fixed(1), _bybit_depth),
    },
    weight_max=600,
    window_ns=5 * NS_PER_S,
    header=_bybit_header,
    error=_bybit_error,
    limit_code=10006,
    limit_text="Too many visits. Exceeded the API Rate Limit.",
    ban_status=403,
    ban_s=600,
    abuse_max=0,
)
REST_FORMS = {"binance_usdm": USDM, "binance_spot": SPOT, "bybit_spot": BYBIT}
