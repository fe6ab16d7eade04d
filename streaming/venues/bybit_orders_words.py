"""Reads Bybit's rows of orders, fills and wallets: the same over REST and on private topics.

Sources: Bybit v5 "Order" and "Execution" (private topics), "Get Open & Closed Orders", "Get Trade History", "Get Wallet
Balance", "Enums Definitions". Quantities come from executions alone; an order's row says how it stands and ends.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil
from typing import Final

from streaming.venues.binance_orders_fields import Fields
from streaming.venues.bybit_errors import CANCEL_TYPES, REJECT_REASONS
from streaming.venues.client_ids import ClientIds
from streaming.venues.fees import Fee, fee_of
from streaming.venues.gateway import Balance, FrameError, OrderSpec, VenueOrder, VenueTrade
from streaming.venues.instruments import Instrument, Instruments, Step, decimal_fraction
from streaming.venues.venue_reply import FeeAsset, Origin, ReplyKind, VenueReason, VenueReply

OPEN: Final = frozenset({"New", "PartiallyFilled", "Untriggered", "Triggered", "Created", "Active"})
ENDED: Final = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"})
SIDES: Final[Mapping[str, int]] = {"Buy": 0, "Sell": 1}
BY_USER: Final = "CancelByUser"
RACED: Final = "EC_OrigClOrdIDDoesNotExist"
TRADE_ID_BITS: Final = 63
TRADE_ID_SIGNS_MAX: Final = 19
INT64_MAX: Final = 2**63 - 1
PERSON_ASKED: Final = frozenset({"CancelByUser", "UNKNOWN", ""})


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order's row, read."""

    number: int
    """Ours; 0 of somebody else's order."""
    instrument: Instrument
    order: VenueOrder
    cancel_type: str
    reject_reason: str


class BybitWords:
    """Reads rows of the instruments that are traded here, under one prefix of client ids."""

    def __init__(self, instruments: Instruments, ids: ClientIds) -> None:
        self._instruments, self._ids = instruments, ids

    def order(self, row: Fields) -> OrderRow | None:
        """Return an order; None for one of an instrument that is not traded here. FrameError for what cannot be."""
        instrument = self._instruments.of_symbol(row.text("symbol"))
        if instrument is None:
            return None
        client_text, status = row.text_or("orderLinkId"), row.text("orderStatus")
        number = self._ids.number(client_text)
        # A stranger's order may count in the quote coin, or on steps of another day: about is good enough.
        count = _count if number is not None else _about
        if status not in OPEN and status not in ENDED:
            raise FrameError(f"expected an order's status, found {status[:40]!r} of {client_text[:40]!r}")
        order = VenueOrder(
            symbol=instrument.symbol,
            client_text=client_text,
            venue_id=row.text("orderId"),
            side=_side(row),
            price_ticks=count(instrument.tick, row, "price"),
            size_units=count(instrument.size_unit, row, "qty"),
            filled_units=count(instrument.size_unit, row, "cumExecQty"),
            is_open=status in OPEN,
            status=status,
            ts_venue_ns=row.ns("updatedTime", "createdTime"),
        )
        return OrderRow(number or 0, instrument, order, row.text_or("cancelType"), row.text_or("rejectReason"))

    def fill(self, row: Fields, origin: Origin) -> VenueTrade | None:
        """Return a fill; None of another instrument, or where it is no trade."""
        instrument = self._instruments.of_symbol(row.text("symbol"))
        if instrument is None or row.text_or("execType", "Trade") != "Trade":
            return None
        price, size = _count(instrument.tick, row, "execPrice"), _count(instrument.size_unit, row, "execQty")
        client_text = row.text_or("orderLinkId")
        fee = _fee(instrument, row, price)
        is_third = fee.asset is FeeAsset.other and fee.mantissa != 0
        reply = VenueReply(
            kind=ReplyKind.fill,
            client_order_id=self._ids.number(client_text) or 0,
            instrument=instrument.id,
            side=_side(row),
            ts_venue_ns=row.ns("execTime"),
            trade_id=trade_id_of(row.text("execId")),
            price_ticks=price,
            size_units=size,
            is_maker=row.flag("isMaker"),
            origin=origin,
            fee_asset=fee.asset,
            fee_asset_name=fee.name,
            fee_mantissa=fee.mantissa,
            fee_decimals=fee.decimals,
            fee_quote_units=_value(row, price * size) if is_third else fee.quote_units,
        )
        venue_id = row.text("orderId")
        return VenueTrade(symbol=instrument.symbol, client_text=client_text, venue_id=venue_id, reply=reply)


def _fee(instrument: Instrument, row: Fields, price_ticks: int) -> Fee:
    amount, coin = row.decimal_or("execFee"), row.text_or("feeCurrency")
    if coin == "" and Decimal(amount) != 0:
        # Older rows name no currency: who pays, pays in what it gets, and a rebate comes in what is given away ("Spot
        # Fee Currency Instruction").
        is_base = (_side(row) == 0) == (Decimal(amount) > 0)
        coin = instrument.base if is_base else instrument.quote
    try:
        fee = fee_of(instrument, coin, amount, price_ticks)
    except ValueError as error:
        raise FrameError(f"fee of execution {row.text('execId')[:40]}: {error}") from None
    _bounded(fee.mantissa, "execFee")
    _bounded(fee.quote_units, "execFee")
    return fee


def _value(row: Fields, notional_quote_units: int) -> int:
    """Value a fee paid in a third asset by the rate that the row states; 0 where it states none."""
    try:
        rate = decimal_fraction(row.decimal_or("feeRate"))
    except ValueError as error:
        raise FrameError(f"fee of execution {row.text('execId')[:40]}: {error}") from None
    return _bounded(ceil(notional_quote_units * rate), "feeRate")


def end_of(row: OrderRow, origin: Origin) -> VenueReply | None:
    """Return what the end of an order says to the engine; None of one that filled, whose fills say it."""
    status, filled = row.order.status, row.order.filled_units
    if status == "Filled":
        return None
    reason = reason_of(row)
    if not filled and (status == "Rejected" or reason is VenueReason.would_take):
        return state_reply(row, ReplyKind.rejected, origin, reason)
    is_asked = row.cancel_type == BY_USER or (row.cancel_type in PERSON_ASKED and reason is VenueReason.none)
    return state_reply(row, ReplyKind.cancelled if is_asked else ReplyKind.expired, origin, reason)


def reason_of(row: OrderRow) -> VenueReason:
    """Return why an order ended."""
    reason = CANCEL_TYPES.get(row.cancel_type)
    if reason is not None or not row.reject_reason:
        return reason or VenueReason.none
    return REJECT_REASONS.get(row.reject_reason, VenueReason.other)


def state_reply(row: OrderRow, kind: ReplyKind, origin: Origin, reason: VenueReason = VenueReason.none) -> VenueReply:
    """Return a reply about an order as its row states it."""
    return VenueReply(
        kind=kind,
        client_order_id=row.number,
        instrument=row.instrument.id,
        side=row.order.side,
        ts_venue_ns=row.order.ts_venue_ns,
        price_ticks=row.order.price_ticks,
        size_units=row.order.size_units,
        cumulative_units=row.order.filled_units,
        reason=reason,
        origin=origin,
    )


def matches(row: OrderRow, spec: OrderSpec) -> bool:
    """Tell whether an order stands as a change of it asked for."""
    return row.order.price_ticks == spec.price_ticks and row.order.size_units == spec.size_units


def balance(row: Fields) -> Balance:
    """Return what is held of a coin. What is borrowed is not ours: it lowers what is free."""
    total, locked = Decimal(row.decimal("walletBalance")), Decimal(row.decimal_or("locked"))
    borrowed = Decimal(row.decimal_or("spotBorrow"))
    return Balance(asset=row.text("coin"), free=total - locked - borrowed, locked=locked)


def trade_id_of(text: str) -> int:
    """Return an execution's id as a number; of ids that are none, a hash of 63 bits."""
    if text.isdecimal() and len(text) <= TRADE_ID_SIGNS_MAX and 0 < int(text) < 1 << TRADE_ID_BITS:
        return int(text)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def _side(row: Fields) -> int:
    word = row.text("side")
    if word not in SIDES:
        raise FrameError(f"expected a side Buy or Sell, found {word[:40]!r}")
    return SIDES[word]


def _count(step: Step, row: Fields, name: str) -> int:
    """Return a price or size in steps; a market order's price is 0 or empty."""
    try:
        return _bounded(step.count(row.decimal_or(name)), name)
    except ValueError as error:
        raise FrameError(f"field {name!r}: {error}") from None


def _bounded(count: int, name: str) -> int:
    if abs(count) > INT64_MAX:
        raise FrameError(f"field {name!r}: expected a number of at most 64 bits, found {str(count)[:40]}")
    return count


def _about(step: Step, row: Fields, name: str) -> int:
    """Return a price or size in whole steps, rounded down."""
    try:
        steps = step.fraction(row.decimal_or(name))
    except ValueError as error:
        raise FrameError(f"field {name!r}: {error}") from None
    return _bounded(steps.numerator // steps.denominator, name)
