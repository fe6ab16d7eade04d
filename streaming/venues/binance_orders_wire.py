"""Requests to Binance's private side as bytes: parameters, signatures, numbers. Both markets, REST and WebSocket API.

Sources: USD-M "General Info" and "WebSocket API General Info", spot "Request Security" and "Request format". Over REST
the percent-encoded query is signed as it is sent; over a socket the parameters' own text, sorted by name. A session
that has logged on (Ed25519 keys alone may) leaves key and signature out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import quote, urlencode

import orjson

from streaming.venues.binance_orders_fields import NS_PER_MS
from streaming.venues.gateway import Call, CallKind, OrderSpec, Way
from streaming.venues.signing import Signer, check_call_words

KEY_HEADER: Final = "X-MBX-APIKEY"
Params = dict[str, str | int]


class Security(Enum):
    """What a request must show."""

    none = "none"
    key = "key"
    signed = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that can be asked, on both ways."""

    method: str = "GET"
    path: str
    socket: str = ""
    """Method of the WebSocket API; empty where it has none."""
    weight: int = 1
    orders: int = 0
    security: Security = Security.signed
    is_cancel: bool = False


class BinanceWire:
    """Makes calls of one key. Holds key and signer, and shows neither."""

    def __init__(self, api_key: str, signer: Signer, recv_window_ms: int) -> None:
        check_call_words(api_key, recv_window_ms)
        self._api_key, self._signer, self._recv_window_ms = api_key, signer, recv_window_ms
        self.offset_ns = 0
        self.is_logged_on = False
        """Whether the order socket's session is authenticated."""
        self._calls = 0

    def __repr__(self) -> str:
        return "BinanceWire(key not shown)"

    @property
    def may_log_on(self) -> bool:
        """Whether the key is of a kind that sessions take."""
        return self._signer.may_log_on

    def call(
        self,
        kind: CallKind,
        endpoint: Endpoint,
        params: Mapping[str, str | int],
        way: Way,
        ts_ns: int,
        *,
        spec: OrderSpec | None = None,
        symbol: str = "",
        weight: int | None = None,
    ) -> Call:
        """Return the call of an endpoint over `way`; over REST where the endpoint has no socket method."""
        self._calls += 1
        is_socket = way is Way.order_socket and bool(endpoint.socket)
        body = self._message(endpoint, params, ts_ns) if is_socket else b""
        target, headers = ("", {}) if is_socket else self._request(endpoint, params, ts_ns)
        return Call(
            number=self._calls,
            kind=kind,
            way=Way.order_socket if is_socket else Way.rest,
            ts_ns=ts_ns,
            spec=spec,
            symbol=symbol,
            method=endpoint.method,
            target=target,
            headers=headers,
            body=body,
            weight=endpoint.weight if weight is None else weight,
            orders=endpoint.orders,
            is_cancel=endpoint.is_cancel,
        )

    def _request(self, endpoint: Endpoint, params: Mapping[str, str | int], ts_ns: int) -> tuple[str, dict[str, str]]:
        if endpoint.security is Security.none:
            return _target(endpoint.path, _query(params)), {}
        headers = {KEY_HEADER: self._api_key}
        if endpoint.security is Security.key:
            return _target(endpoint.path, _query(params)), headers
        query = _query({**params, **self._times(ts_ns)})
        return f"{endpoint.path}?{query}&signature={quote(self._signer.sign(query), safe='')}", headers

    def _message(self, endpoint: Endpoint, params: Mapping[str, str | int], ts_ns: int) -> bytes:
        sent: Params = {**params}
        if endpoint.security is Security.signed:
            sent |= self._times(ts_ns)
        if endpoint.security is not Security.none and not self._is_known_by_session(endpoint):
            sent["apiKey"] = self._api_key
            if endpoint.security is Security.signed:
                sent["signature"] = self._signer.sign("&".join(f"{name}={sent[name]}" for name in sorted(sent)))
        return orjson.dumps({"id": self._calls, "method": endpoint.socket, "params": sent})

    def _is_known_by_session(self, endpoint: Endpoint) -> bool:
        return (
            self.is_logged_on and endpoint.security is Security.signed and not endpoint.socket.endswith(_ALWAYS_SIGNED)
        )

    def _times(self, ts_ns: int) -> Params:
        return {"recvWindow": self._recv_window_ms, "timestamp": (ts_ns + self.offset_ns) // NS_PER_MS}


_ALWAYS_SIGNED: Final = ("session.logon", "subscribe.signature")


def _target(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path


def _query(params: Mapping[str, str | int]) -> str:
    return urlencode(params, quote_via=quote, safe="")
