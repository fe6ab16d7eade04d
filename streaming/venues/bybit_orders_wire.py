"""Requests to Bybit's private side as bytes: paths, parameters, signatures, numbers. Sans I/O.

Sources: Bybit v5 "Integration Guidance" (what is signed: time, key, window and the query or the body exactly as sent),
"Connect" (`auth` of sockets) and "Websocket Trade Guideline". Over the trade socket a session is authenticated once and
its requests carry their time alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

import orjson

from streaming.venues.gateway import Call, CallKind, OrderSpec, Way
from streaming.venues.signing import Signer, check_call_words

NS_PER_MS: Final = 1_000_000
AUTH_LASTS_MS: Final = 10_000
CATEGORY: Final = "spot"
TOPICS: Final = ("order.spot", "execution.spot", "wallet")
Params = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that can be asked."""

    path: str
    is_post: bool = False
    is_signed: bool = True
    op: str = ""
    """On the trade socket; empty where it has none."""
    pool: str = ""
    is_cancel: bool = False
    orders: int = 0


CREATE: Final = Endpoint(path="/v5/order/create", is_post=True, op="order.create", pool="create", orders=1)
AMEND: Final = Endpoint(path="/v5/order/amend", is_post=True, op="order.amend", pool="amend", orders=1)
CANCEL: Final = Endpoint(path="/v5/order/cancel", is_post=True, op="order.cancel", pool="cancel", is_cancel=True)
CANCEL_ALL: Final = Endpoint(path="/v5/order/cancel-all", is_post=True, pool="cancel_all", is_cancel=True)
COUNTDOWN: Final = Endpoint(path="/v5/order/disconnected-cancel-all", is_post=True, pool="dcp", is_cancel=True)
REALTIME: Final = Endpoint(path="/v5/order/realtime", pool="orders")
HISTORY: Final = Endpoint(path="/v5/order/history", pool="orders")
EXECUTIONS: Final = Endpoint(path="/v5/execution/list", pool="executions")
WALLET: Final = Endpoint(path="/v5/account/wallet-balance", pool="wallet")
FEES: Final = Endpoint(path="/v5/account/fee-rate", pool="fees")
KEY: Final = Endpoint(path="/v5/user/query-api")
RULES: Final = Endpoint(path="/v5/market/instruments-info", is_signed=False)
TIME: Final = Endpoint(path="/v5/market/time", is_signed=False)


class BybitWire:
    """Makes calls of one key. Holds key and signer, and shows neither."""

    def __init__(self, api_key: str, signer: Signer, recv_window_ms: int) -> None:
        check_call_words(api_key, recv_window_ms)
        self._api_key, self._signer, self._recv_window_ms = api_key, signer, recv_window_ms
        self.offset_ns = 0
        self._calls = 0

    def __repr__(self) -> str:
        return "BybitWire(key not shown)"

    def hidden(self, text: str) -> str:
        """Return what the venue said without the key: a refused signature is answered with the text that was signed."""
        return text.replace(self._api_key, "(key)")

    def call(
        self,
        kind: CallKind,
        endpoint: Endpoint,
        params: Params,
        way: Way,
        ts_ns: int,
        *,
        spec: OrderSpec | None = None,
        symbol: str = "",
    ) -> Call:
        """Return the call of an endpoint over `way`; over REST where the trade socket has no such operation."""
        self._calls += 1
        is_socket = way is Way.order_socket and bool(endpoint.op)
        target, headers, body = endpoint.path, dict[str, str](), b""
        if is_socket:
            body = self._message(endpoint, params, ts_ns)
        else:
            target, headers, body = self._request(endpoint, params, ts_ns)
        return Call(
            number=self._calls,
            kind=kind,
            way=Way.order_socket if is_socket else Way.rest,
            ts_ns=ts_ns,
            spec=spec,
            symbol=symbol,
            method="POST" if endpoint.is_post else "GET",
            target=target,
            headers=headers,
            body=body,
            orders=endpoint.orders,
            pool=endpoint.pool,
            is_cancel=endpoint.is_cancel,
        )

    def next_page(self, call: Call, cursor: str, ts_ns: int) -> Call:
        """Return the call for what follows on the page that answered `call`; it goes over REST, as all lists do."""
        path, _, query = call.target.partition("?")
        params = dict(parse_qsl(query)) | {"cursor": cursor}
        return self.call(call.kind, Endpoint(path=path, pool=call.pool), params, Way.rest, ts_ns, symbol=call.symbol)

    def auth(self, way: Way, ts_ns: int) -> Call:
        """Return the logon of a fresh socket; it says until when it may be used."""
        expires_ms = self._now_ms(ts_ns) + AUTH_LASTS_MS
        signature = self._signer.sign(f"GET/realtime{expires_ms}")
        return self._entry(CallKind.logon, way, ts_ns, "auth", (self._api_key, expires_ms, signature))

    def subscribe(self, way: Way, ts_ns: int) -> Call:
        """Return the subscription to the account's own events."""
        return self._entry(CallKind.subscribe, way, ts_ns, "subscribe", TOPICS)

    def ping(self, way: Way, number: int) -> bytes:
        """Return a ping."""
        return orjson.dumps({_id_name(way): f"p{number}", "op": "ping"})

    def _entry(self, kind: CallKind, way: Way, ts_ns: int, op: str, args: Sequence[object]) -> Call:
        self._calls += 1
        body = orjson.dumps({_id_name(way): str(self._calls), "op": op, "args": list(args)})
        return Call(number=self._calls, kind=kind, way=way, ts_ns=ts_ns, body=body, weight=0)

    def _message(self, endpoint: Endpoint, params: Params, ts_ns: int) -> bytes:
        header = {"X-BAPI-TIMESTAMP": str(self._now_ms(ts_ns)), "X-BAPI-RECV-WINDOW": str(self._recv_window_ms)}
        return orjson.dumps({"reqId": str(self._calls), "header": header, "op": endpoint.op, "args": [params]})

    def _request(self, endpoint: Endpoint, params: Params, ts_ns: int) -> tuple[str, dict[str, str], bytes]:
        body = orjson.dumps(params) if endpoint.is_post else b""
        query = "" if endpoint.is_post else urlencode(params)
        headers = {"Content-Type": "application/json"} if endpoint.is_post else {}
        if endpoint.is_signed:
            headers |= self._signed(query or body.decode(), ts_ns)
        return f"{endpoint.path}?{query}" if query else endpoint.path, headers, body

    def _signed(self, payload: str, ts_ns: int) -> dict[str, str]:
        time, window = str(self._now_ms(ts_ns)), str(self._recv_window_ms)
        return {
            "X-BAPI-API-KEY": self._api_key,
            "X-BAPI-TIMESTAMP": time,
            "X-BAPI-RECV-WINDOW": window,
            "X-BAPI-SIGN": self._signer.sign(f"{time}{self._api_key}{window}{payload}"),
        }

    def _now_ms(self, ts_ns: int) -> int:
        return (ts_ns + self.offset_ns) // NS_PER_MS


def _id_name(way: Way) -> str:
    """Return what a request's id is called: the trade socket has a word of its own."""
    return "reqId" if way is Way.order_socket else "req_id"
