"""What the event readers of Binance's two markets share: counting what they do not know."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from streaming.venues.binance_orders_fields import Fields, shown
from streaming.venues.binance_orders_known import KnownOrder
from streaming.venues.binance_orders_replies import STREAM_FILL, OrderReplies, count_of, side_of
from streaming.venues.gateway import Heard, StreamEvent, Told
from streaming.venues.instruments import Instrument
from streaming.venues.venue_reply import Origin, VenueReply

TEXT_SIGNS_MAX: Final = 200
UNKNOWN_MAX: Final = 1_000
"""Kinds of strangeness that are counted; further ones are counted together."""


class EventReader:
    """Reads the account's events of one market."""

    quiet: ClassVar[frozenset[str]]
    """Kinds of events that say nothing of orders and money."""
    _readers: Mapping[str, Callable[[Fields], list[Heard]]]
    """By kind of event."""

    def __init__(self, replies: OrderReplies) -> None:
        self._replies = replies
        self.unknown: Counter[str] = Counter()
        """Kinds of messages and fields that are not known, by how often they came."""

    def heard(self, event: Fields) -> list[Heard]:
        """Return what an event says; FrameError when it lacks what is needed."""
        kind = event.text("e")
        reader = self._readers.get(kind)
        if reader is not None:
            return reader(event)
        return [StreamEvent(told=Told.alive)] if kind in self.quiet else [self.strange(f"event {kind[:40]!r}")]

    def fill(self, event: Fields, instrument: Instrument, known: KnownOrder | None) -> VenueReply:
        """Read a fill: of an order that we know, or of another, which moves the position too."""
        cumulative = count_of(instrument.size_unit, event, "z")
        if known is not None:
            known.filled_units = max(known.filled_units, cumulative)
            if event.text("X") == "FILLED":
                self._replies.known.end(known.client_order_id)
        return self._replies.fill(
            instrument,
            event,
            STREAM_FILL,
            client_order_id=0 if known is None else known.client_order_id,
            side=side_of(event, "S"),
            ts_venue_ns=event.ns("T"),
            origin=Origin.stream,
            is_maker=event.flag("m"),
            cumulative_units=cumulative,
        )

    def strange(self, what: str, text: str = "") -> StreamEvent:
        """Count a message that is not known."""
        self._count(what)
        return StreamEvent(told=Told.unknown, text=f"{what}: {text}"[:TEXT_SIGNS_MAX] if text else what)

    def new_fields(self, event: Fields, kind: str, known: frozenset[str]) -> list[Heard]:
        """Count fields that are not known; each is told of once."""
        found: list[Heard] = []
        for name in sorted(event.row.keys() - known):
            what = f"{kind}: new field {shown(name)[:40]!r}"
            if self._count(what) == 1:
                found.append(StreamEvent(told=Told.unknown, text=what))
        return found

    def _count(self, what: str) -> int:
        name = what if what in self.unknown or len(self.unknown) < UNKNOWN_MAX else "others"
        self.unknown[name] += 1
        return self.unknown[name]
