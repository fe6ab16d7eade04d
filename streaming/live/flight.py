"""Calls that are under way: by number, with the socket they went over, what they are for, and until when.

Every call ends here once: with an outcome, or by being given up when its time is over or its socket ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from streaming.live.links import NEVER_NS
from streaming.live.words import OrderRequest
from streaming.venues.gateway import Call


class Purpose(StrEnum):
    """What a call is for."""

    order = "order"
    """A request of the engine; `about` is its client order id."""
    entry = "entry"
    """What a fresh socket is sent; `about` is the socket."""
    proof = "proof"
    """That an order does not exist; `about` is its client order id."""
    round = "round"
    """Of reconciliation."""
    listen_key = "listen_key"
    clock = "clock"
    setup = "setup"
    """Rules and fees."""
    ask = "ask"
    """Somebody else's question; the outcome is theirs."""


@dataclass(slots=True)
class Flight:
    """One call under way."""

    call: Call
    purpose: Purpose
    about: int
    deadline_ns: int
    socket: int | None
    """None: over REST."""
    request: OrderRequest | None = None
    ts_first_ns: int = 0
    """When the request was made that it carries; an earlier try may have been in vain."""


class Flights:
    """See the head of the file."""

    def __init__(self) -> None:
        self._flights: dict[int, Flight] = {}
        self._next_ns = NEVER_NS

    def __len__(self) -> int:
        return len(self._flights)

    def add(self, flight: Flight) -> None:
        """Take note of a call that leaves."""
        self._flights[flight.call.number] = flight
        self._next_ns = min(self._next_ns, flight.deadline_ns)

    def pop(self, number: int) -> Flight | None:
        """Return and forget a call that has ended; None for one that is not under way."""
        return self._flights.pop(number, None)

    def over(self, socket: int) -> list[Flight]:
        """Return what is under way on a socket."""
        return [item for item in self._flights.values() if item.socket == socket]

    def about(self, client_order_id: int) -> Iterator[Flight]:
        """Yield what is under way about an order."""
        orders = (Purpose.order, Purpose.proof)
        yield from (i for i in self._flights.values() if i.about == client_order_id and i.purpose in orders)

    def overdue(self, ts_ns: int) -> list[Flight]:
        """Return the calls whose time is over."""
        if ts_ns < self._next_ns:
            return []
        late = [item for item in self._flights.values() if ts_ns >= item.deadline_ns]
        left = (item.deadline_ns for item in self._flights.values() if ts_ns < item.deadline_ns)
        self._next_ns = min(left, default=NEVER_NS)
        return late

    def next_ns(self) -> int:
        """Return when `overdue` has something to say, or a little earlier than that."""
        return self._next_ns if self._flights else NEVER_NS

    def all(self) -> list[Flight]:
        """Return everything that is under way."""
        return [*self._flights.values()]
