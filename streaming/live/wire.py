"""What every part of a live venue sends through: sockets and REST, the budget, and what is told to people."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from streaming.live.commands import Command, Http, SendText
from streaming.live.flight import Flight, Flights, Purpose
from streaming.live.links import Links
from streaming.live.words import LiveEvent, LiveLimits, OrderRequest, Told
from streaming.venues.gateway import Call, CallKind, Gateway, Way
from streaming.venues.rate_budget import Budget, cost_of

EVENTS_MAX: Final = 1_000
"""Events that nobody took; the oldest are gone."""
ORDER_CALLS: Final = frozenset({Purpose.order, Purpose.proof})


@dataclass(frozen=True, slots=True)
class Question:
    """What a call that is not about one order is about."""

    symbol: str = ""
    since: int = 0
    """First trade id, or ns, of a list of trades."""
    value: int = 0
    """Of a countdown, in ms."""


NOTHING: Final = Question()


@dataclass(slots=True)
class WireCounts:
    """What went over the wire, in numbers."""

    calls: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    """Calls whose outcome nobody knew."""
    limited: int = 0
    """Calls that our budget held back."""
    retries: int = 0
    lost: int = 0
    """Sockets that ended without our asking."""
    strange: int = 0
    """Messages or fields that the gateway did not know."""
    deaf: int = 0
    """User streams that did not tell of an acknowledged order."""


@dataclass(slots=True)
class Wire:
    """See the head of the file."""

    gateway: Gateway
    limits: LiveLimits
    budget: Budget
    links: Links
    flights: Flights = field(default_factory=Flights)
    commands: list[Command] = field(default_factory=list)
    events: deque[LiveEvent] = field(default_factory=lambda: deque(maxlen=EVENTS_MAX))
    counts: WireCounts = field(default_factory=WireCounts)

    @property
    def venue(self) -> str:
        """The venue's word."""
        return self.gateway.venue

    def order_way(self) -> Way:
        """Return the way that order calls go now: the socket, REST while there is none that serves."""
        has_socket = Way.order_socket in self.links.ways and self.links.serving(Way.order_socket) is not None
        return Way.order_socket if has_socket else Way.rest

    def ask(
        self, kind: CallKind, purpose: Purpose, ts_ns: int, question: Question = NOTHING, *, about: int = 0
    ) -> tuple[Call, int]:
        """Let a call that is not about one order leave; return it and how long it must wait, as `send` does."""
        call = self.gateway.ask(
            kind,
            ts_ns,
            symbol=question.symbol,
            since=question.since,
            value=question.value,
            way=self.order_way(),
        )
        return call, self.send(call, purpose, ts_ns, about=about)

    def send(
        self,
        call: Call,
        purpose: Purpose,
        ts_ns: int,
        *,
        about: int = 0,
        request: OrderRequest | None = None,
        ts_first_ns: int = 0,
        socket: int | None = None,
    ) -> int:
        """Let a call leave and return 0; or how many ns our budget wants it to wait: it has not left then.

        `socket`: the one that it must go over; else the one that serves the call's way.
        """
        wait_ns = self.budget.try_take(cost_of(call), ts_ns)
        if wait_ns:
            self.counts.limited += 1
            self.gateway.on_unanswered(call, ts_ns, "never sent: no budget")
            return wait_ns
        limits = self.limits
        timeout_ns = limits.order_timeout_ns if purpose in ORDER_CALLS else limits.call_timeout_ns
        if call.way is not Way.rest and socket is None:
            serving = self.links.serving(call.way)
            assert serving is not None, "a call over a socket is made when one serves"
            socket = serving.number
        self.counts.calls += 1
        place = None if call.way is Way.rest else socket
        self.flights.add(Flight(call, purpose, about, ts_ns + timeout_ns, place, request, ts_first_ns or ts_ns))
        self.commands.append(Http(call) if place is None else SendText(place, call.body))
        return 0

    def say(
        self, told: Told, text: str, ts_ns: int, *, instrument: int | None = None, client_order_id: int = 0
    ) -> None:
        """Tell people."""
        self.events.append(
            LiveEvent(
                told=told,
                venue=self.venue,
                ts_ns=ts_ns,
                text=text,
                instrument=instrument,
                client_order_id=client_order_id,
            )
        )
