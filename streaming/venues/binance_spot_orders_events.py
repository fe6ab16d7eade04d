"""Events of a Binance spot account, which come over the WebSocket API's own connection.

Source: spot "User Data Stream".

A message about a cancel or a change names itself in `c` and the order in `C`. One of our orders may be several of the
venue's, one after the other (see `binance_orders_known`): the end of one that another replaced ends nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streaming.venues.binance_orders_documents import spot_balance
from streaming.venues.binance_orders_events import EventReader
from streaming.venues.binance_orders_fields import Fields
from streaming.venues.binance_orders_known import KnownOrder
from streaming.venues.binance_orders_replies import (
    ENDS,
    OrderReplies,
    count_of,
    status_of,
)
from streaming.venues.gateway import Heard, StreamEvent, Told
from streaming.venues.instruments import Instrument
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

_REPORT_FIELDS: Final = frozenset(
    (
        *("e", "E", "s", "c", "S", "o", "f", "q", "p", "P", "F", "g", "C", "x", "X", "r", "i", "l", "z", "L", "n", "N"),
        *(
            "T",
            "t",
            "I",
            "w",
            "m",
            "M",
            "O",
            "Z",
            "Y",
            "Q",
            "W",
            "V",
            "eR",
            "d",
            "D",
            "j",
            "J",
            "v",
            "A",
            "B",
            "u",
            "U",
        ),
        *("Cs", "pl", "pL", "pY", "b", "a", "k", "uS", "gP", "gOT", "gOV", "gp"),
    )
)
_EXPIRED: Final[Mapping[str, VenueReason]] = MappingProxyType(
    {
        "UNFILLED_IOC_QUANTITY_EXPIRED": VenueReason.liquidity,
        "UNFILLED_FOK_ORDER_EXPIRED": VenueReason.liquidity,
        "INSUFFICIENT_LIQUIDITY": VenueReason.liquidity,
        "EXECUTION_RULE_PRICE_RANGE_EXCEEDED": VenueReason.filter,
        "EXCHANGE_CANCELED": VenueReason.market_closed,
    }
)
_REJECTED: Final[Mapping[str, VenueReason]] = MappingProxyType(
    {"INSUFFICIENT_BALANCES": VenueReason.balance, "WOULD_MATCH_IMMEDIATELY": VenueReason.would_take}
)


class SpotEvents(EventReader):
    """Reads them."""

    quiet = frozenset({"listStatus"})

    def __init__(self, replies: OrderReplies) -> None:
        super().__init__(replies)
        self._readers = {
            "executionReport": self._report,
            "outboundAccountPosition": self._position,
            "balanceUpdate": self._moved,
            "externalLockUpdate": self._moved,
            "eventStreamTerminated": self._terminated,
            "serverShutdown": self._closing,
        }

    # --- orders ---

    def _report(self, event: Fields) -> list[Heard]:
        instrument = self._replies.instrument(event.text("s"))
        strange = self.new_fields(event, "executionReport", _REPORT_FIELDS)
        if instrument is None:
            return [StreamEvent(told=Told.alive, text=f"an order on {event.text('s')[:20]}"), *strange]
        reply = self._reply(event, instrument)
        ts_ns = event.ns("T", "E")
        return [StreamEvent(told=Told.alive, replies=() if reply is None else (reply,), ts_venue_ns=ts_ns), *strange]

    def _reply(self, event: Fields, instrument: Instrument) -> VenueReply | None:
        text = event.text_or("C") or event.text("c")
        known = self._replies.known_of(text, event, instrument, "q")
        what, revision = event.text("x"), self._replies.ids.revision(text)
        if known is not None:
            self._replies.known.name(known, event.integer("i"))
        if what == "TRADE":
            return self._fill(event, instrument, known, revision)
        return None if known is None else self._state(event, instrument, known, revision)

    def _fill(self, event: Fields, instrument: Instrument, known: KnownOrder | None, revision: int) -> VenueReply:
        if known is not None:
            self._rest(event, instrument, known, revision)
        return self.fill(event, instrument, known)

    def _state(self, event: Fields, instrument: Instrument, known: KnownOrder, revision: int) -> VenueReply | None:
        """Read a message about an order's life; nothing follows from one about an order that another replaced."""
        kind, reason = status_of(event, "X")
        is_first = revision > known.revision
        if kind in ENDS and (known.is_replaced(revision) or is_first):
            return None  # the answer to the replacement tells both halves
        if revision < known.revision:
            return None
        self._rest(event, instrument, known, revision)
        known.size_units = count_of(instrument.size_unit, event, "q") - _prevented(event, instrument)
        if kind is ReplyKind.ack and (is_first or event.text("x") in ("REPLACED", "TRADE_PREVENTION")):
            kind, known.is_change_unknown = ReplyKind.amended, False
        if kind in ENDS:
            reason = _EXPIRED.get(event.text_or("eR")) or _REJECTED.get(event.text_or("r")) or reason
        return self._replies.state(
            known,
            kind,
            ts_venue_ns=event.ns("T"),
            origin=Origin.stream,
            cumulative_units=count_of(instrument.size_unit, event, "z"),
            reason=reason,
        )

    def _rest(self, event: Fields, instrument: Instrument, known: KnownOrder, revision: int) -> None:
        if revision > known.revision:
            known.seen(revision)
            known.price_ticks = count_of(instrument.tick, event, "p")
            known.size_units = count_of(instrument.size_unit, event, "q")

    # --- the account ---

    def _position(self, event: Fields) -> list[Heard]:
        rows = tuple(spot_balance(row, "a", "f", "l") for row in event.each("B"))
        return [StreamEvent(told=Told.balance, balances=rows, ts_venue_ns=event.ns("u", "E"))]

    def _moved(self, event: Fields) -> list[Heard]:
        """Tell of a deposit, a withdrawal, a lock: by how much, not how much there is."""
        text = f"{event.decimal('d')} {event.text('a')[:12]}"
        return [StreamEvent(told=Told.balance, text=text, ts_venue_ns=event.ns("T", "E"))]

    def _terminated(self, event: Fields) -> list[Heard]:
        return [StreamEvent(told=Told.ended, text="the venue ended the subscription", ts_venue_ns=event.ns("E"))]

    def _closing(self, event: Fields) -> list[Heard]:
        return [StreamEvent(told=Told.closing, text="the venue closes this connection soon", ts_venue_ns=event.ns("E"))]


def _prevented(event: Fields, instrument: Instrument) -> int:
    """Return what self-trade prevention took off the order without a trade."""
    return count_of(instrument.size_unit, event, "A") if event.row.get("A") not in (None, "") else 0
