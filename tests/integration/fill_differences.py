"""Fills of two backtests of the same quotes held against each other, and what each difference comes from.

Both say for every fill which order it is of: by the moment of sending, the side and the price. Where both sent the
same order, a difference is one of matching, and the market at the moment of the fill tells which rule made it. Where
only one sent it, the two had already parted: after a fill that the other had not, the next quote is placed anew, and
so stands elsewhere in the queue, or at the inventory limit not at all.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from market_span import MarketSpan, Structured


class OrderKey(NamedTuple):
    """An order that both backtests can have sent."""

    ts_sent_ns: int
    side: int
    price_ticks: int


class Event(StrEnum):
    """What the market did at the moment of a fill."""

    THROUGH = "a trade beyond its price"
    AT_PRICE = "a trade at its price"
    CROSSED = "the other side of the book reached its price"
    NOTHING = "nothing that we can see"


class Kind(StrEnum):
    """How one order, or one fill, differs."""

    SAME = "same time, price and size"
    EARLIER = "theirs earlier"
    LATER = "theirs later"
    THEIRS_ONLY = "theirs only"
    OURS_ONLY = "ours only"
    PARTED_THEIRS = "theirs only, an order that we did not send"
    PARTED_OURS = "ours only, an order that they did not send"
    SIZE = "other size"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fill that the other backtest has not, or has otherwise. Times are the venue's; 0 where there is no fill."""

    kind: Kind
    order: OrderKey
    ts_ours_ns: int
    ts_theirs_ns: int
    cause: str


class SpanMoments:
    """Which events a span has at a moment."""

    def __init__(self, span: MarketSpan) -> None:
        self._trades, self._levels = span.trades, span.levels
        self._trade_ns, self._level_ns = span.trades["ts_recv_ns"], span.levels["ts_recv_ns"]

    def at(self, ts_ns: int, order: OrderKey) -> Event:
        """Return what could fill `order` at `ts_ns`."""
        prices = _rows_at(self._trades, self._trade_ns, ts_ns)["price_ticks"]
        beyond = prices < order.price_ticks if order.side == 0 else prices > order.price_ticks
        if beyond.any():
            return Event.THROUGH
        if (prices == order.price_ticks).any():
            return Event.AT_PRICE
        levels = _rows_at(self._levels, self._level_ns, ts_ns)
        levels = levels[(levels["side"] != order.side) & (levels["size_units"] > 0)]
        reached = (
            levels["price_ticks"] <= order.price_ticks
            if order.side == 0
            else levels["price_ticks"] >= order.price_ticks
        )
        return Event.CROSSED if reached.any() else Event.NOTHING


def _rows_at(rows: Structured, times_ns: "np.ndarray[tuple[int], np.dtype[np.int64]]", ts_ns: int) -> Structured:
    first, last = np.searchsorted(times_ns, [ts_ns, ts_ns + 1])
    return rows[first:last]


def differences(
    moments: SpanMoments,
    our_orders: Structured,
    our_fills: Structured,
    their_orders: Structured,
    their_fills: Structured,
) -> list[Difference]:
    """Return one entry for each fill of either side, those that agree (`Kind.SAME`) among them, in order of time.

    Owes: orders of at most one fill each, as those of one lot are.
    """
    ours, theirs = _by_order(our_fills), _by_order(their_fills)
    sent_by_us, sent_by_them = set(_keys(our_orders)), set(_keys(their_orders))
    found = [
        _difference(moments, order, ours.get(order), theirs.get(order), order in sent_by_us and order in sent_by_them)
        for order in sorted(ours.keys() | theirs.keys())
    ]
    return sorted(found, key=lambda difference: difference.ts_theirs_ns or difference.ts_ours_ns)


def _keys(rows: Structured) -> Iterable[OrderKey]:
    names = ("ts_sent_ns", "side", "price_ticks")
    return map(OrderKey, *(rows[name].tolist() for name in names))


def _by_order(fills: Structured) -> dict[OrderKey, tuple[int, int]]:
    """Return time and size of each order's fill."""
    found = dict(zip(_keys(fills), zip(fills["ts_ns"].tolist(), fills["size_lots"].tolist(), strict=True), strict=True))
    assert len(found) == len(fills), "one fill an order"
    return found


def _difference(
    moments: SpanMoments, order: OrderKey, ours: tuple[int, int] | None, theirs: tuple[int, int] | None, is_shared: bool
) -> Difference:
    our_ns, their_ns = ours[0] if ours else 0, theirs[0] if theirs else 0
    kind = _kind(ours, theirs, is_shared)
    # The earlier fill is the one that the other's rules did not make.
    first_ns = min(ts_ns for ts_ns in (our_ns, their_ns) if ts_ns)
    return Difference(kind, order, our_ns, their_ns, moments.at(first_ns, order))


def _kind(ours: tuple[int, int] | None, theirs: tuple[int, int] | None, is_shared: bool) -> Kind:
    if ours is not None and theirs is not None:
        if ours[0] == theirs[0]:
            return Kind.SAME if ours[1] == theirs[1] else Kind.SIZE
        return Kind.EARLIER if theirs[0] < ours[0] else Kind.LATER
    if theirs is not None:
        return Kind.THEIRS_ONLY if is_shared else Kind.PARTED_THEIRS
    return Kind.OURS_ONLY if is_shared else Kind.PARTED_OURS


def counted(found: Iterable[Difference]) -> list[tuple[Kind, str, int]]:
    """Return how many fills there are of each kind and cause, the most frequent first."""
    counts = Counter((difference.kind, difference.cause) for difference in found)
    return [(kind, cause, count) for (kind, cause), count in counts.most_common()]
