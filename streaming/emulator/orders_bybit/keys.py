"""Who asks Bybit: keys, signatures and times of REST requests, of sockets, and of single requests on a socket.

v5 "Integration Guidance": the text signed is time, key, window and the query or body exactly as sent; of a socket it is
`GET/realtime` and the time at which the signature ends.
"""

from collections.abc import Callable, Mapping
from typing import Final

from streaming.emulator.exchange.accounts import ApiKey
from streaming.emulator.orders_bybit.errors import (
    ADDRESS,
    BAD_KEY,
    BAD_SIGN,
    BAD_TIME,
    DENIED,
    KEY_EXPIRED,
    PARAMS,
    BybitError,
)
from streaming.emulator.orders_front import AHEAD_MAX_MS, HOST, is_hmac_right

WINDOW_MS: Final = 5_000
FindKey = Callable[[str], ApiKey | None]
NS_PER_MS: Final = 1_000_000


def checked_request(find_key: FindKey, headers: Mapping[str, str], payload: str, now_ns: int, venue_ms: int) -> ApiKey:
    """Return the key of a signed REST request; `headers` by lower-case name. BybitError says what is wrong."""
    key = _known_key(find_key, headers.get("x-bapi-api-key", ""), now_ns)
    ts_ms, window_ms = headers.get("x-bapi-timestamp", ""), headers.get("x-bapi-recv-window", str(WINDOW_MS))
    check_time(ts_ms, window_ms, venue_ms)
    signed = f"{ts_ms}{key.key}{headers.get('x-bapi-recv-window', '')}{payload}"
    if not is_hmac_right(key.secret, signed, headers.get("x-bapi-sign", "")):
        raise BybitError(BAD_SIGN, "error sign! please check your signature generation algorithm.")
    return key


def checked_socket(find_key: FindKey, args: object, now_ns: int, venue_ms: int) -> ApiKey:
    """Return the key of a socket's `auth`; BybitError says what is wrong."""
    if not isinstance(args, list) or len(args) != 3:
        raise BybitError(PARAMS, "params error: args must be api key, expires, signature.")
    name, expires, signature = map(str, args)
    key = _known_key(find_key, name, now_ns)
    if not expires.isdecimal() or int(expires) <= venue_ms:
        raise BybitError(BAD_KEY, "error: request expired, expires must be in the future.")
    if not is_hmac_right(key.secret, f"GET/realtime{expires}", signature):
        raise BybitError(BAD_SIGN, "error sign! please check your signature generation algorithm.")
    return key


def check_time(ts_ms: str, window_ms: str, venue_ms: int) -> None:
    """Refuse a request of another time than ours: neither old nor a second ahead."""
    if not ts_ms.isdecimal() or not window_ms.isdecimal():
        raise BybitError(PARAMS, "params error: X-BAPI-TIMESTAMP and X-BAPI-RECV-WINDOW must be whole milliseconds.")
    if not venue_ms - int(window_ms) <= int(ts_ms) < venue_ms + AHEAD_MAX_MS:
        raise BybitError(
            BAD_TIME,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{ts_ms}],server_timestamp[{venue_ms}],recv_window[{window_ms}]",
        )


def check_may_trade(key: ApiKey) -> None:
    """Refuse a key that may only read."""
    if not key.may_trade:
        raise BybitError(DENIED, "Permission denied, please check your API key permissions.")


def _known_key(find_key: FindKey, name: str, now_ns: int) -> ApiKey:
    if not name:
        raise BybitError(PARAMS, "params error: the api key is missing.", status=401)
    key = find_key(name)
    if key is None:
        raise BybitError(BAD_KEY, "API key is invalid.")
    if key.expires_ns and now_ns >= key.expires_ns:
        raise BybitError(KEY_EXPIRED, "Your api key has expired.")
    if key.addresses and HOST not in key.addresses:
        raise BybitError(ADDRESS, "Unmatched IP, please check your API key's bound IP addresses.")
    return key
