"""Our orders at a Binance market as far as their gateway has to know them.

Three things need it. The list of our trades names orders by the venue's ids alone. Spot changes an order in three ways,
and which of them depends on what rests there now. And spot changes a price by a new order under a new id, a revision,
which is one order to the engine: while such a change is under way, or its outcome unknown, the end of the old revision
says nothing of the order.

    revision r rests ──change asked──► r rests, r+1 asked ──r+1 seen──► r+1 rests
                                           └──refused, or r seen to rest──► r rests

Bounded: orders that ended are forgotten after `ENDED_MAX` further ends. Of open ones the oldest counts as ended where
there are more than `OPEN_MAX`: no account may have so many, so what became of it was never told.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from streaming.venues.gateway import OrderSpec, OrderType, TimeInForce

ENDED_MAX: Final = 20_000
OPEN_MAX: Final = 5_000
PROOF_NS: Final = 10_000_000_000
"""For so long after a change was asked, "no such order" may only mean that a copy of the venue's tables lags."""


@dataclass(slots=True, kw_only=True)
class KnownOrder:
    """One order of ours; sizes are the engine's units, the total is what is in force."""

    client_order_id: int
    instrument: int
    side: int
    price_ticks: int
    size_units: int
    type: OrderType = OrderType.limit
    time_in_force: TimeInForce = TimeInForce.gtc
    is_reduce_only: bool = False
    filled_units: int = 0
    amends: int = 0
    """Changes that kept its priority; the venue allows a few."""
    revision: int = 0
    last_revision: int = 0
    """The highest that was ever asked for."""
    asked_revision: int | None = None
    """Under which the order may rest instead, once the venue has done what was asked."""
    ts_asked_ns: int = 0
    """When that was asked, by our clock."""
    is_change_unknown: bool = False
    """What became of the last change is not known: the next query tells price and size."""
    is_asked_revision_denied: bool = False
    """The last query for `asked_revision` found no such order, after a lagging copy would have caught up."""
    venue_ids: set[int] = field(default_factory=set)

    @property
    def asked_after(self) -> int:
        """The revision to ask for next: the one that was asked for, then the old one, then both in turn."""
        asked = self.asked_revision
        return self.revision if asked is None or self.is_asked_revision_denied else asked

    def ask_revision(self, ts_ns: int) -> int:
        """Take note that a replacement is asked for, and return its revision: never one that was used before."""
        self.asked_revision = self.last_revision = self.last_revision + 1
        self.ts_asked_ns, self.is_asked_revision_denied = ts_ns, False
        return self.asked_revision

    def seen(self, revision: int) -> None:
        """Take note that a revision is, or was, on the venue's book."""
        self.revision = max(self.revision, revision)
        self.last_revision = max(self.last_revision, revision)
        if self.asked_revision is not None and self.revision >= self.asked_revision:
            self.settle()

    def settle(self) -> None:
        """Take note that nothing that was asked is open any more."""
        self.asked_revision, self.is_asked_revision_denied, self.is_change_unknown = None, False, False

    def is_replaced(self, revision: int) -> bool:
        """Tell whether the end of a revision is not the order's end: another rests, or may rest, in its place."""
        return revision < self.revision or (self.asked_revision is not None and revision < self.asked_revision)


class KnownOrders:
    """See the head of the file."""

    def __init__(self) -> None:
        self._open: dict[int, KnownOrder] = {}
        self._ended: OrderedDict[int, KnownOrder] = OrderedDict()
        self._numbers: dict[tuple[int, int], int] = {}

    def find(self, client_order_id: int) -> KnownOrder | None:
        """Return an order, ended or not; None for one of which nothing is known."""
        return self._open.get(client_order_id) or self._ended.get(client_order_id)

    def place(self, spec: OrderSpec) -> KnownOrder:
        """Take note of a placement before it leaves: events may come before its answer."""
        known = self.find(spec.client_order_id)
        if known is not None:
            self._ended.pop(spec.client_order_id, None)  # a refused one that is tried again
            self._open[spec.client_order_id] = known
        else:
            known = KnownOrder(
                client_order_id=spec.client_order_id,
                instrument=spec.instrument,
                side=spec.side,
                price_ticks=spec.price_ticks,
                size_units=spec.size_units,
                type=spec.type,
                time_in_force=spec.time_in_force,
                is_reduce_only=spec.is_reduce_only,
            )
            self._open[spec.client_order_id] = known
            if len(self._open) > OPEN_MAX:
                self.end(next(iter(self._open)))
        return known

    def name(self, known: KnownOrder, venue_id: int) -> None:
        """Take note of the venue's id of an order; a replaced one has several."""
        known.venue_ids.add(venue_id)
        self._numbers[known.instrument, venue_id] = known.client_order_id

    def of_venue_id(self, instrument: int, venue_id: int) -> KnownOrder | None:
        """Return the order that the venue numbers so."""
        number = self._numbers.get((instrument, venue_id))
        return None if number is None else self.find(number)

    def end(self, client_order_id: int) -> None:
        """Take note that an order has ended, and forget the oldest one that has."""
        known = self._open.pop(client_order_id, None)
        if known is None:
            return
        known.settle()
        self._ended[client_order_id] = known
        if len(self._ended) > ENDED_MAX:
            _, gone = self._ended.popitem(last=False)
            for venue_id in gone.venue_ids:
                self._numbers.pop((gone.instrument, venue_id), None)
