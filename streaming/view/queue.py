"""How much trades before a resting order of ours does: an estimate from what the venue shows to everybody.

Venues that show levels, not orders, do not say where in a level's queue an order stands. Two bounds are known, each
counted from the view in which the order was first seen resting at its price p:

    A = size shown at p then - size printed at p since          a queue is served from its front
    B = the least size shown at p since                         nobody stands before us who is not there
    queue ahead = max(0, min(A, B)); 0 once something of it was filled, a trade was printed beyond p,
                  or the other side stands at p

Neither is too small where our order is not among the sizes shown, as in paper trading: who cancels may have stood
before or behind us, and counts as behind. They are not taken off each other, since a trade lowers both: depth and
trades come on different streams, and a level that shrank before its trade is printed would count twice. Where p is
deeper than the part of the book that is known, nothing is said. What happens between two views is known of prints, not
of the sizes shown. Fills are simulated by `native.matching.queue_model`, another rule of its own that sees every frame.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resting:
    """One of our orders that rests, `is_buy` or sells."""

    number: int
    is_buy: bool
    price_ticks: int
    filled_units: int


@dataclass(frozen=True, slots=True)
class Print:
    """A public trade; the taker bought or sold."""

    ts_ns: int
    price_ticks: int
    size_units: int
    is_taker_buy: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """The known part of a book: each side best first, [price_ticks, size_units]."""

    bids: Sequence[Sequence[int]]
    asks: Sequence[Sequence[int]]

    def shown(self, order: Resting) -> int | None:
        """Return the size at the order's price; None where the book is not known so deep."""
        own, other = (self.bids, self.asks) if order.is_buy else (self.asks, self.bids)
        if other and not _is_before(order, other[0][0]):
            return 0
        if not own or _is_before(order, own[-1][0]):
            return None
        return next((size for price, size in own if price == order.price_ticks), 0)


def _is_before(order: Resting, price_ticks: int) -> bool:
    """Tell whether the order stands on its own side of `price_ticks`: below it for a buy, above it for a sell."""
    return order.price_ticks < price_ticks if order.is_buy else order.price_ticks > price_ticks


@dataclass(slots=True)
class _Seen:
    """What was seen of one order's queue."""

    price_ticks: int
    first_units: int
    least_units: int
    printed_units: int = 0
    is_reached: bool = False

    @property
    def ahead_units(self) -> int:
        """See the head of the file."""
        return 0 if self.is_reached else max(0, min(self.first_units - self.printed_units, self.least_units))


class QueueEstimate:
    """Of one instrument's orders. Bounded by them: what no longer rests is forgotten."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def look(self, orders: Collection[Resting], depth: Depth | None, prints: Sequence[Print]) -> Mapping[int, int]:
        """Return the units ahead of each order, by number, where something says it.

        `prints` are all since the last call; `depth` is None while the book is not whole: then nothing is said.
        """
        seen = self._seen = {order.number: item for order in orders if (item := self._kept(order)) is not None}
        ahead = {}
        for order in orders:
            shown = None if depth is None else depth.shown(order)
            item = seen.get(order.number)
            if item is not None:
                _serve(item, order, prints)
            elif shown is not None:
                item = seen[order.number] = _Seen(order.price_ticks, shown, shown)
            if item is None:
                continue
            item.is_reached = item.is_reached or order.filled_units > 0
            if shown is not None:
                item.least_units = min(item.least_units, shown)
                ahead[order.number] = item.ahead_units
        return ahead

    def _kept(self, order: Resting) -> _Seen | None:
        """Return what was seen of an order, unless it rests at another price now."""
        item = self._seen.get(order.number)
        return item if item is not None and item.price_ticks == order.price_ticks else None


def _serve(item: _Seen, order: Resting, prints: Sequence[Print]) -> None:
    """Let prints take from the front of the queue: only takers of the other side reach it."""
    for trade in prints:
        if trade.is_taker_buy == order.is_buy:
            continue
        if trade.price_ticks == order.price_ticks:
            item.printed_units += trade.size_units
        elif not _is_before(order, trade.price_ticks):
            item.is_reached = True
