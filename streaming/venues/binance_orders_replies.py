"""Binance's orders and fills as replies for the engine and as documents: exact integers, fees in their own asset.

Sources: USD-M and spot "New Order", "Query Order", "Account Trade List", "User Data Streams". The number of a trade is
the same in a stream's event, in the answer to a placement and in the list of trades: the engine books it once.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import Final, NamedTuple

from streaming.venues.binance_orders_fields import INT64_MAX, Fields, shown
from streaming.venues.binance_orders_known import KnownOrder, KnownOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.fees import Fee, fee_of
from streaming.venues.gateway import Fees, FrameError, OrderSpec, VenueOrder, VenueTrade
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.venue_reply import UNKNOWN_UNITS, FeeAsset, Origin, ReplyKind, VenueReason, VenueReply

SIDES: Final[Mapping[str, int]] = MappingProxyType({"BUY": 0, "SELL": 1})
STATUS: Final[Mapping[str, tuple[ReplyKind, VenueReason]]] = MappingProxyType(
    {
        "NEW": (ReplyKind.ack, VenueReason.none),
        "PENDING_NEW": (ReplyKind.ack, VenueReason.none),
        "PENDING_CANCEL": (ReplyKind.ack, VenueReason.none),
        "PARTIALLY_FILLED": (ReplyKind.ack, VenueReason.none),
        "FILLED": (ReplyKind.ack, VenueReason.none),
        "CANCELED": (ReplyKind.cancelled, VenueReason.none),
        "REJECTED": (ReplyKind.rejected, VenueReason.other),
        "EXPIRED": (ReplyKind.expired, VenueReason.none),
        "EXPIRED_IN_MATCH": (ReplyKind.expired, VenueReason.self_trade),
    }
)
"""What a status is to the engine. A filled order is acknowledged with all of it filled: only its fills end it."""
RESTING: Final = frozenset({"NEW", "PARTIALLY_FILLED", "PENDING_NEW", "PENDING_CANCEL"})
ENDS: Final = frozenset({ReplyKind.cancelled, ReplyKind.rejected, ReplyKind.expired})


class OrderReplies:
    """Makes replies and documents of one market's words. `rates` are the account's fees by symbol, once asked for."""

    def __init__(self, instruments: Instruments, ids: ClientIds) -> None:
        self.instruments, self.ids = instruments, ids
        self.known = KnownOrders()
        self.rates: dict[str, Fees] = {}

    def instrument(self, symbol: str) -> Instrument | None:
        """Return what is traded under a symbol, None for what is not traded here."""
        return self.instruments.of_symbol(symbol)

    def known_or_new(self, spec: OrderSpec) -> KnownOrder:
        """Return what is known of an order of ours, from now on at least what `spec` says."""
        return self.known.find(spec.client_order_id) or self.known.place(spec)

    def known_of(self, text: str, fields: Fields, instrument: Instrument, size_name: str) -> KnownOrder | None:
        """Return our order of a client id, learnt of the message where it is not known; None for a stranger's."""
        number = self.ids.number(text)
        if number is None:
            return None
        known = self.known.find(number)
        if known is None:
            spec = OrderSpec(
                client_order_id=number,
                instrument=instrument.id,
                side=side_of(fields, "side" if "side" in fields.row else "S"),
                price_ticks=count_of(instrument.tick, fields, "price" if "price" in fields.row else "p"),
                size_units=count_of(instrument.size_unit, fields, size_name),
            )
            known = self.known.place(spec)
            known.seen(self.ids.revision(text))
        return known

    def state(
        self,
        known: KnownOrder,
        kind: ReplyKind,
        *,
        ts_venue_ns: int,
        origin: Origin,
        cumulative_units: int = UNKNOWN_UNITS,
        reason: VenueReason = VenueReason.none,
        code: int = 0,
    ) -> VenueReply:
        """Return what an order has come to; its price and size are those in force. An end is taken note of."""
        known.filled_units = max(known.filled_units, cumulative_units)
        if kind in ENDS or known.filled_units >= known.size_units > 0:
            self.known.end(known.client_order_id)
        return VenueReply(
            kind=kind,
            client_order_id=known.client_order_id,
            instrument=known.instrument,
            side=known.side,
            ts_venue_ns=ts_venue_ns,
            price_ticks=known.price_ticks,
            size_units=known.size_units,
            cumulative_units=cumulative_units,
            reason=reason,
            code=code,
            origin=origin,
        )

    def fill(
        self,
        instrument: Instrument,
        fields: Fields,
        names: "FillNames",
        *,
        client_order_id: int,
        side: int,
        ts_venue_ns: int,
        origin: Origin,
        is_maker: bool,
        cumulative_units: int = UNKNOWN_UNITS,
        is_paid: bool = False,
    ) -> VenueReply:
        """Return one trade. `is_paid`: the fee is known to be one, whatever sign the venue prints."""
        price = count_of(instrument.tick, fields, names.price)
        size = count_of(instrument.size_unit, fields, names.size)
        amount = fields.decimal_or(names.fee)
        fee = _fee(
            fields, instrument, fields.text_or(names.fee_asset), amount.lstrip("-") if is_paid else amount, price
        )
        quote_units = fee.quote_units
        if fee.asset is FeeAsset.other and fee.mantissa:
            quote_units = self._value(instrument, price * size, is_maker=is_maker)
        trade_id = fields.integer(names.trade_id)
        if not 0 < trade_id <= INT64_MAX:
            raise FrameError(f"expected the number of a trade in field {names.trade_id!r}: {shown(fields.frame)}")
        return VenueReply(
            kind=ReplyKind.fill,
            client_order_id=client_order_id,
            instrument=instrument.id,
            side=side,
            ts_venue_ns=ts_venue_ns,
            trade_id=trade_id,
            price_ticks=price,
            size_units=size,
            cumulative_units=cumulative_units,
            fee_quote_units=quote_units,
            fee_mantissa=fee.mantissa,
            fee_decimals=fee.decimals,
            fee_asset=fee.asset,
            fee_asset_name=fee.name,
            is_maker=is_maker,
            origin=origin,
        )

    def order(self, fields: Fields, size_name: str = "origQty") -> VenueOrder | None:
        """Return an order of a list or a query, None of a symbol that is not traded here. Ours are learnt of it.

        A replacement of one of our orders is told under that order's id: it is the same one to everybody else.
        """
        instrument = self.instrument(fields.text("symbol"))
        if instrument is None:
            return None
        text, status = fields.text("clientOrderId"), fields.text("status")
        status_of(fields, "status")
        known = self.known_of(text, fields, instrument, size_name)
        price = count_of(instrument.tick, fields, "price")
        size = count_of(instrument.size_unit, fields, size_name)
        filled = count_of(instrument.size_unit, fields, "executedQty")
        venue_id = fields.integer("orderId")
        if known is not None:
            self.known.name(known, venue_id)
            known.filled_units = max(known.filled_units, filled)
            if status in RESTING and self.ids.revision(text) >= known.revision:
                known.seen(self.ids.revision(text))
                known.price_ticks, known.size_units = price, size
            text = self.ids.text(known.client_order_id)
        return VenueOrder(
            symbol=instrument.symbol,
            client_text=text,
            venue_id=str(venue_id),
            side=side_of(fields, "side"),
            price_ticks=price,
            size_units=size,
            filled_units=filled,
            is_open=status in RESTING,
            status=status,
            ts_venue_ns=fields.ns("updateTime", "time"),
        )

    def queried(self, known: KnownOrder, order: VenueOrder) -> VenueReply:
        """Return what a query says; after a change of unknown outcome also which price and size are in force."""
        kind, reason = STATUS[order.status]
        known.price_ticks, known.size_units = order.price_ticks, order.size_units
        if kind is ReplyKind.ack and known.is_change_unknown:
            kind, known.is_change_unknown = ReplyKind.amended, False
        return self.state(
            known,
            kind,
            ts_venue_ns=order.ts_venue_ns,
            origin=Origin.query,
            cumulative_units=order.filled_units,
            reason=reason,
        )

    def trade(self, fields: Fields, names: "FillNames", *, side: int, is_maker: bool, is_paid: bool) -> VenueTrade:
        """Return a trade of the account's list; whose order it was is known where this gateway met the order."""
        symbol = fields.text("symbol")
        instrument = self.instrument(symbol)
        if instrument is None:
            raise FrameError(
                f"expected a trade of a symbol that was asked for, found {symbol!r}: {shown(fields.frame)}"
            )
        venue_id = fields.integer("orderId")
        known = self.known.of_venue_id(instrument.id, venue_id)
        reply = self.fill(
            instrument,
            fields,
            names,
            client_order_id=0 if known is None else known.client_order_id,
            side=side,
            ts_venue_ns=fields.ns("time"),
            origin=Origin.query,
            is_maker=is_maker,
            is_paid=is_paid,
        )
        text = "" if known is None else self.ids.text(known.client_order_id)
        return VenueTrade(symbol=symbol, client_text=text, venue_id=str(venue_id), reply=reply)

    def is_charged(self, symbol: str, *, is_maker: bool) -> bool:
        """Tell whether the account is known to pay, not to be paid, on one side of the book."""
        rates = self.rates.get(symbol)
        return rates is not None and (rates.maker if is_maker else rates.taker) >= 0

    def _value(self, instrument: Instrument, notional_quote_units: int, *, is_maker: bool) -> int:
        """Value a fee paid in a third asset by the account's rate before any discount for paying so: it was no more."""
        rates = self.rates.get(instrument.symbol)
        if rates is None:
            return 0
        value = ceil(notional_quote_units * Fraction(rates.maker if is_maker else rates.taker))
        return max(-INT64_MAX, min(value, INT64_MAX))


class FillNames(NamedTuple):
    """Under which names a message tells of a trade."""

    trade_id: str
    price: str
    size: str
    fee: str
    fee_asset: str


STREAM_FILL: Final = FillNames("t", "L", "l", "n", "N")
ANSWER_FILL: Final = FillNames("tradeId", "price", "qty", "commission", "commissionAsset")
LISTED_FILL: Final = FillNames("id", "price", "qty", "commission", "commissionAsset")


def count_of(step: Step, fields: Fields, name: str) -> int:
    """Return a decimal as a whole number of steps; FrameError where it is none, or more than 64 bits hold."""
    text = fields.decimal(name)
    try:
        count = step.count(text)
    except ValueError as error:
        raise FrameError(f"field {name!r}: {error}: {shown(fields.frame)}") from None
    if abs(count) > INT64_MAX:
        raise FrameError(f"field {name!r}: expected at most 64 bits, found {text[:40]}: {shown(fields.frame)}")
    return count


def _fee(fields: Fields, instrument: Instrument, asset: str, amount: str, price_ticks: int) -> Fee:
    """Return a fee; FrameError for an amount that cannot be counted exactly."""
    try:
        fee = fee_of(instrument, asset, amount, price_ticks)
    except ValueError as error:
        raise FrameError(f"fee: {error}: {shown(fields.frame)}") from None
    if max(abs(fee.mantissa), abs(fee.quote_units)) > INT64_MAX:
        raise FrameError(f"expected a fee of at most 64 bits, found {amount[:40]}: {shown(fields.frame)}")
    return fee


def side_of(fields: Fields, name: str) -> int:
    """Return 0 for a buy, 1 for a sale."""
    word = fields.text(name)
    if word not in SIDES:
        raise FrameError(f"expected BUY or SELL in field {name!r}, found {word[:40]!r}: {shown(fields.frame)}")
    return SIDES[word]


def status_of(fields: Fields, name: str) -> tuple[ReplyKind, VenueReason]:
    """Return what a status is to the engine."""
    word = fields.text(name)
    if word not in STATUS:
        raise FrameError(f"expected a status of an order in field {name!r}, found {word[:40]!r}: {shown(fields.frame)}")
    return STATUS[word]


def decimal_of(fields: Fields, name: str) -> Decimal:
    """Return a decimal as a number."""
    return Decimal(fields.decimal(name))
