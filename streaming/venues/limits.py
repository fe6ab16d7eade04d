"""The venues' limits by name, and what their replies and exchange information say of them.

Sources: Binance spot "Limits" and USD-M "General Info" (headers `X-MBX-USED-WEIGHT-1M`, `X-MBX-ORDER-COUNT-10S`, the
`rateLimits` of exchange information and of every answer over the WebSocket APIs); Bybit v5 "Rate Limit Rules" (headers
`X-Bapi-Limit`, `X-Bapi-Limit-Status`, `X-Bapi-Limit-Reset-Timestamp`). The numbers are those of an ordinary account;
what a venue states replaces them.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from streaming.venues.gateway import LimitUse
from streaming.venues.rate_budget import DAY_NS, MINUTE_NS, NS_PER_MS, NS_PER_S, Limit, Scope, Spends

_KINDS: Final = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders"}
_LETTERS: Final = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
COUNT_SIGNS_MAX: Final = 18
RETRY_AFTER_S_MAX: Final = 3 * 86_400
"""The longest ban that a venue states."""
_HEADER: Final = re.compile(r"x-mbx-(used-weight|order-count)-(\d+[smhd])")
BYBIT_POOLS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "create": 20,
        "amend": 10,
        "cancel": 20,
        "cancel_all": 20,
        "orders": 50,
        "executions": 50,
        "wallet": 50,
        "fees": 5,
        "dcp": 5,
    }
)
"""Calls in a second of one account, by group of endpoints."""


def _weight(most: int) -> Limit:
    return Limit(name="weight_1m", scope=Scope.address, window_ns=MINUTE_NS, most=most, spends=Spends.weight)


def _orders(span: str, window_ns: int, most: int) -> Limit:
    return Limit(name=f"orders_{span}", scope=Scope.account, window_ns=window_ns, most=most, spends=Spends.orders)


def _pool(name: str, most: int) -> Limit:
    return Limit(
        name=name,
        scope=Scope.account,
        window_ns=NS_PER_S,
        most=most,
        spends=Spends.calls,
        pool=name,
        is_rolling=True,
    )


LIMITS: Final[Mapping[str, tuple[Limit, ...]]] = MappingProxyType(
    {
        "binance_usdm": (_weight(2_400), _orders("10s", 10 * NS_PER_S, 300), _orders("1m", MINUTE_NS, 1_200)),
        "binance_spot": (_weight(6_000), _orders("10s", 10 * NS_PER_S, 100), _orders("1d", DAY_NS, 200_000)),
        "bybit_spot": (
            Limit(
                name="requests_5s",
                scope=Scope.address,
                window_ns=5 * NS_PER_S,
                most=600,
                spends=Spends.requests,
                is_rolling=True,
            ),
            *(_pool(name, most) for name, most in BYBIT_POOLS.items()),
        ),
    }
)


def binance_header_uses(headers: Mapping[str, str]) -> tuple[LimitUse, ...]:
    """Return what a REST reply's headers (by lower-case name) state; how much is allowed they do not say."""
    found = ((_HEADER.fullmatch(name), _count(value)) for name, value in headers.items())
    return tuple(
        LimitUse(name=f"{'weight' if match[1] == 'used-weight' else 'orders'}_{match[2]}", used=used, limit=0)
        for match, used in found
        if match is not None and used is not None
    )


def binance_stated_uses(rows: object) -> tuple[LimitUse, ...]:
    """Return what a `rateLimits` list states: of an answer with `count`, of exchange information without.

    Rows of kinds that are not counted here (raw requests, connections) are left out, as is what cannot be read: a
    limit that cannot be learnt is no reason to lose an order's answer.
    """
    listed = rows if isinstance(rows, list) else []
    return tuple(use for use in map(_stated, listed) if use is not None)


def _stated(row: object) -> LimitUse | None:
    if not isinstance(row, dict):
        return None
    kind, letter = _KINDS.get(str(row.get("rateLimitType"))), _LETTERS.get(str(row.get("interval")))
    number, most, used = row.get("intervalNum"), row.get("limit"), row.get("count", 0)
    if kind is None or letter is None or not (isinstance(most, int) and isinstance(used, int)):
        return None
    return LimitUse(name=f"{kind}_{number}{letter}", used=used, limit=most)


def bybit_uses(pool: str, headers: Iterable[tuple[str, str]]) -> tuple[LimitUse, ...]:
    """Return what the headers of a reply (or of an answer over the trade socket) state of the pool of its call."""
    values = {name.lower(): value for name, value in headers}
    names = ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp")
    most, left, reset_ms = (_count(values.get(name, "")) for name in names)
    if not pool or most is None or left is None:
        return ()
    reset_ns = None if reset_ms is None else reset_ms * NS_PER_MS
    return (LimitUse(name=pool, used=max(0, most - left), limit=most, reset_ns=reset_ns),)


def retry_after_ns(headers: Mapping[str, str]) -> int:
    """Return how long a reply's headers (by lower-case name) say to wait; 0 where they do not, or not in seconds."""
    return min(_count(headers.get("retry-after", "")) or 0, RETRY_AFTER_S_MAX) * NS_PER_S


def _count(text: str) -> int | None:
    """Return a whole number; None for what is none, or can be no count."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= COUNT_SIGNS_MAX else None
