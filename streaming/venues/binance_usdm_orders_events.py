"""Events of a Binance USD-M account. Source: USD-M "User Data Streams".

A fill is told twice: TRADE_LITE is first, and says nothing of the fee. It is not asked for, and books nothing where it
comes all the same: a trade is booked once, and its fee would be lost.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from types import MappingProxyType
from typing import Final

from streaming.venues.binance_orders_documents import PERPETUAL
from streaming.venues.binance_orders_events import EventReader
from streaming.venues.binance_orders_fields import INT64_MAX, NS_PER_MS, Fields, shown
from streaming.venues.binance_orders_known import KnownOrder
from streaming.venues.binance_orders_replies import (
    OrderReplies,
    count_of,
    decimal_of,
    status_of,
)
from streaming.venues.gateway import Balance, FrameError, Heard, StreamEvent, Told, VenuePosition
from streaming.venues.instruments import Instrument
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

EVENTS: Final = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ACCOUNT_CONFIG_UPDATE", "MARGIN_CALL", "listenKeyExpired")
"""What is asked for: a list must name `listenKeyExpired`, or the end of the key is never told."""
FUNDING_BIT: Final = 1 << 63
"""Set in the number of a funding payment, which the venue does not number: no trade's number has it."""
_ORDER_FIELDS: Final = frozenset(
    (
        *("s", "c", "S", "o", "f", "q", "p", "ap", "sp", "x", "X", "i", "l", "z", "L", "N", "n", "T", "t", "b", "a"),
        *("m", "R", "wt", "ot", "ps", "cp", "rp", "pP", "si", "ss", "V", "pm", "gtd", "er", "AP", "cr", "M", "st"),
    )
)
_EXPIRED: Final[Mapping[str, VenueReason]] = MappingProxyType(
    {
        "1": VenueReason.self_trade,
        "2": VenueReason.liquidity,
        "3": VenueReason.self_trade,
        "4": VenueReason.reduce_only,
        "5": VenueReason.other,
        "7": VenueReason.market_closed,
        "9": VenueReason.liquidity,
    }
)
"""Field `er`: why the venue ended an order."""


class UsdmEvents(EventReader):
    """Reads them."""

    quiet = frozenset({"TRADE_LITE", "ALGO_UPDATE", "STRATEGY_UPDATE", "GRID_UPDATE"})

    def __init__(self, replies: OrderReplies) -> None:
        super().__init__(replies)
        self._positions: dict[str, int] = {}
        """Size units by symbol, as last told."""
        self._readers = {
            "ORDER_TRADE_UPDATE": self._order,
            "ACCOUNT_UPDATE": self._account,
            "ACCOUNT_CONFIG_UPDATE": self._config,
            "MARGIN_CALL": self._margin_call,
            "listenKeyExpired": self._expired,
        }

    # --- orders ---

    def _order(self, event: Fields) -> list[Heard]:
        order = event.fields("o")
        instrument = self._replies.instrument(order.text("s"))
        strange = self.new_fields(order, "ORDER_TRADE_UPDATE", _ORDER_FIELDS)
        if instrument is None:
            return [StreamEvent(told=Told.alive, text=f"an order on {order.text('s')[:20]}"), *strange]
        reply = self._reply(order, instrument)
        ts_ns = order.ns("T")
        told = StreamEvent(told=Told.alive, replies=() if reply is None else (reply,), ts_venue_ns=ts_ns)
        return [told, *strange]

    def _reply(self, order: Fields, instrument: Instrument) -> VenueReply | None:
        known = self._replies.known_of(order.text("c"), order, instrument, "q")
        what = order.text("x")
        if known is not None:
            self._replies.known.name(known, order.integer("i"))
        if what in ("TRADE", "CALCULATED") and order.integer_or("t") > 0:
            return self.fill(order, instrument, known)  # also of the venue's own orders: a liquidation
        return None if known is None else self._state(order, instrument, known, what)

    def _state(self, order: Fields, instrument: Instrument, known: KnownOrder, what: str) -> VenueReply:
        kind, reason = status_of(order, "X")
        known.price_ticks = count_of(instrument.tick, order, "p")
        known.size_units = count_of(instrument.size_unit, order, "q")
        if what == "AMENDMENT" and kind is ReplyKind.ack:
            kind, known.is_change_unknown = ReplyKind.amended, False
        if kind is ReplyKind.expired:
            reason = _EXPIRED.get(str(order.row.get("er", "0")), reason)
        return self._replies.state(
            known,
            kind,
            ts_venue_ns=order.ns("T"),
            origin=Origin.stream,
            cumulative_units=count_of(instrument.size_unit, order, "z"),
            reason=reason,
        )

    # --- the account ---

    def _account(self, event: Fields) -> list[Heard]:
        update = event.fields("a")
        ts_ns = event.ns("T", "E")
        rows = [*update.each("B")] if "B" in update.row else []
        balances = tuple(Balance(asset=row.text("a"), free=decimal_of(row, "wb"), locked=Decimal(0)) for row in rows)
        positions = self._moved(update)
        replies: tuple[VenueReply, ...] = ()
        text = update.text_or("m")
        if text == "FUNDING_FEE":
            replies = self._funding(event, update, rows, positions, ts_ns)
        return [
            StreamEvent(
                told=Told.position if positions else Told.balance,
                replies=replies,
                balances=balances,
                positions=positions,
                text=text,
                ts_venue_ns=ts_ns,
            )
        ]

    def _moved(self, update: Fields) -> tuple[VenuePosition, ...]:
        found = []
        for row in update.each("P") if "P" in update.row else ():
            instrument = self._replies.instrument(row.text("s"))
            if instrument is None:
                continue
            units = count_of(instrument.size_unit, row, "pa")
            self._positions[instrument.symbol] = units
            found.append(VenuePosition(symbol=instrument.symbol, size_units=units, entry_price=decimal_of(row, "ep")))
        return tuple(found)

    def _funding(
        self, event: Fields, update: Fields, rows: list[Fields], moved: tuple[VenuePosition, ...], ts_ns: int
    ) -> tuple[VenueReply, ...]:
        """Return the payment; nothing where the venue does not say, and nobody can tell, which position it is of."""
        symbol = update.text_or("S") or event.text_or("S") or (moved[0].symbol if len(moved) == 1 else "")
        instrument = self._replies.instrument(symbol) if symbol else self._only_holder()
        if instrument is None:
            return ()
        units = self._positions.get(instrument.symbol, 0)
        return tuple(
            VenueReply(
                kind=ReplyKind.funding,
                client_order_id=0,
                instrument=instrument.id,
                side=int(units < 0),
                ts_venue_ns=ts_ns,
                trade_id=FUNDING_BIT | ts_ns // NS_PER_MS,
                size_units=units,
                fee_quote_units=_paid_units(row, instrument),
                cumulative_units=0,
                fee_asset_name=instrument.quote[:8],
                origin=Origin.stream,
            )
            for row in rows
            if row.text("a") == instrument.quote and "bc" in row.row
        )

    def _only_holder(self) -> Instrument | None:
        """Return the one perpetual that has a position: before August 2026 the venue did not name it."""
        traded = [one for one in self._replies.instruments.all if one.market_type == PERPETUAL]
        held = [one for one in traded if self._positions.get(one.symbol)] or traded
        return held[0] if len(held) == 1 else None

    def _config(self, event: Fields) -> list[Heard]:
        changed = event.row.get("ac") or event.row.get("ai") or {}
        return [StreamEvent(told=Told.alive, text=f"the account's setup was changed: {changed}"[:200])]

    def _margin_call(self, event: Fields) -> list[Heard]:
        return [
            StreamEvent(
                told=Told.position, text="margin call: the venue may close positions", ts_venue_ns=event.ns("E")
            )
        ]

    def _expired(self, event: Fields) -> list[Heard]:
        return [StreamEvent(told=Told.ended, text="the listen key has ended", ts_venue_ns=event.ns("E"))]


def _paid_units(row: Fields, instrument: Instrument) -> int:
    """Return what a change of the wallet cost, in quote units rounded up."""
    try:
        units = ceil(-instrument.quote_units(row.decimal("bc")))
    except ValueError as error:
        raise FrameError(f"field 'bc': {error}: {shown(row.frame)}") from None
    if abs(units) > INT64_MAX:
        raise FrameError(f"field 'bc': expected at most 64 bits: {shown(row.frame)}")
    return units
