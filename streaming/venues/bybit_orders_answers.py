"""What Bybit's answers and events come to: replies for the engine, documents for whoever asked.

A change of an order that is under way is remembered by what it asked for: the topic, or a query, tells that it is in
force by price and size. So is what an order was last stated as, since a change names only what differs from that.
Bounded: a change that was asked long ago, or of an order that ended, is forgotten.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from streaming.venues.binance_orders_fields import Fields, shown
from streaming.venues.bybit_orders_questions import ORDERS_A_PAGE, TRADES_A_PAGE
from streaming.venues.bybit_orders_words import RACED, BybitWords, OrderRow, balance, end_of, matches, state_reply
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    AccountInfo,
    Call,
    CallKind,
    Document,
    Fees,
    FrameError,
    OrderSpec,
    Permissions,
    VenueOrder,
)
from streaming.venues.instruments import Instruments
from streaming.venues.order_rules import OrderRules, order_rules
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason, VenueReply

NS_PER_S: Final = 1_000_000_000
AMENDS_MAX: Final = 1_000
QUERIES_MAX: Final = 1_000
STATED_MAX: Final = 1_000
AMEND_LASTS_NS: Final = 2 * NS_PER_S
"""A change that a query does not find in force after this was not made."""
VENUE: Final = "bybit_spot"
PAGES: Final[Mapping[CallKind, int]] = {CallKind.open_orders: ORDERS_A_PAGE, CallKind.trades: TRADES_A_PAGE}
"""Rows of a full page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What an accepted answer says."""

    replies: tuple[VenueReply, ...] = ()
    document: Document = None
    is_not_found: bool = False
    """The table that was asked does not name the order."""
    is_last_table: bool = False
    next_page: str = ""
    """The venue's word for what follows on a page that is full."""


@dataclass(frozen=True, slots=True)
class _Amend:
    spec: OrderSpec
    ts_ns: int


@dataclass(frozen=True, slots=True)
class _Stated:
    ts_venue_ns: int
    price_ticks: int
    size_units: int


class BybitAnswers:
    """See the head of the file."""

    def __init__(self, instruments: Instruments, ids: ClientIds) -> None:
        self._instruments, self._words = instruments, BybitWords(instruments, ids)
        self._amends: OrderedDict[int, _Amend] = OrderedDict()
        self._stated: OrderedDict[int, _Stated] = OrderedDict()
        self._ended_next: OrderedDict[int, None] = OrderedDict()
        """Orders that the table of open ones does not name: the other one is asked next."""
        self.rules: dict[int, OrderRules] = {}

    # --- what was asked ---

    def kept_by(self, spec: OrderSpec) -> frozenset[str]:
        """Return which of `price` and `qty` a change leaves as they are; neither where the venue's word may be old."""
        stated = self._stated.get(spec.client_order_id)
        if stated is None or spec.client_order_id in self._amends:
            return frozenset()
        is_kept = {"price": stated.price_ticks == spec.price_ticks, "qty": stated.size_units == spec.size_units}
        return frozenset() if all(is_kept.values()) else frozenset(name for name, kept in is_kept.items() if kept)

    def amend_asked(self, spec: OrderSpec, ts_ns: int) -> None:
        """Take note of a change on its way."""
        self._amends[spec.client_order_id] = _Amend(spec, ts_ns)
        if len(self._amends) > AMENDS_MAX:
            self._amends.popitem(last=False)

    def amend_refused(self, spec: OrderSpec | None) -> None:
        """Take note that a change was not made."""
        if spec is not None:
            self._amends.pop(spec.client_order_id, None)

    def is_ended_table_next(self, client_order_id: int) -> bool:
        """Tell which table a query of an order is to ask."""
        return client_order_id in self._ended_next

    # --- events ---

    def order_event(self, row: Fields, ts_ns: int) -> Sequence[VenueReply]:
        """Return what a row of the topic `order` says."""
        read = self._words.order(row)
        if read is None or not read.number:
            return ()
        if read.order.status == "Filled" and read.reject_reason == RACED:
            # A cancel that came as the order filled: told once more as filled, with the cancel's failure.
            return (state_reply(read, ReplyKind.cancel_rejected, Origin.stream, VenueReason.unknown_order),)
        return self._stands(read, Origin.stream, ts_ns)

    def fill_event(self, row: Fields, ts_ns: int) -> Sequence[VenueReply]:
        """Return what a row of the topic `execution` says."""
        trade = self._words.fill(row, Origin.stream)
        return () if trade is None else (trade.reply,)

    def _stands(self, row: OrderRow, origin: Origin, ts_ns: int) -> Sequence[VenueReply]:
        """Return what an order's row says: how it rests, that a change is in force, or how it ended."""
        amend = self._amends.get(row.number)
        self._note(row)
        if not row.order.is_open:
            self._amends.pop(row.number, None)
            end = end_of(row, origin)
            # A filled order is acknowledged with all of it filled: only its fills end it.
            return (state_reply(row, ReplyKind.ack, origin) if end is None else end,)
        if amend is None:
            return (state_reply(row, ReplyKind.ack, origin),)
        if matches(row, amend.spec):
            del self._amends[row.number]
            return (state_reply(row, ReplyKind.amended, origin),)
        if origin is Origin.query and ts_ns - amend.ts_ns >= AMEND_LASTS_NS:
            del self._amends[row.number]
            rejection = state_reply(row, ReplyKind.amend_rejected, origin, VenueReason.other)
            return (rejection, state_reply(row, ReplyKind.ack, origin))
        return (state_reply(row, ReplyKind.ack, origin),)

    def _note(self, row: OrderRow) -> None:
        """Remember what an open order is; rows may come late."""
        order, known = row.order, self._stated.get(row.number)
        if not order.is_open:
            self._stated.pop(row.number, None)
        elif row.number and (known is None or known.ts_venue_ns <= order.ts_venue_ns):
            self._stated[row.number] = _Stated(order.ts_venue_ns, order.price_ticks, order.size_units)
            if len(self._stated) > STATED_MAX:
                self._stated.popitem(last=False)

    # --- answers ---

    def read(self, call: Call, message: Fields, ts_ns: int) -> Read:
        """Read an accepted answer by what was asked; FrameError for one that lacks what is needed."""
        match call.kind:
            case CallKind.place:
                return Read(replies=_taken(call))
            case CallKind.amend | CallKind.cancel | CallKind.cancel_all | CallKind.countdown:
                return Read()
            case CallKind.query:
                return self._query(call, message, ts_ns)
        return Read(document=self._document(call.kind, message), next_page=_next_page(call.kind, message))

    def _document(self, kind: CallKind, message: Fields) -> Document:
        result = message.fields("result")
        match kind:
            case CallKind.open_orders:
                return tuple(self._orders(result))
            case CallKind.trades:
                fills = (self._words.fill(row, Origin.query) for row in result.each("list"))
                return tuple(fill for fill in fills if fill is not None)
            case CallKind.balances:
                return tuple(balance(coin) for account in result.each("list") for coin in account.each("coin"))
            case CallKind.fees:
                return tuple(_fees(row) for row in result.each("list"))
            case CallKind.rules:
                self._take_rules(message.frame)
                return None
            case CallKind.time:
                return _time_ns(result)
            case CallKind.permissions:
                return _permissions(result)
            case CallKind.account:
                return _account(result)
        return None

    def _orders(self, result: Fields) -> Iterator[VenueOrder]:
        read = (self._words.order(row) for row in result.each("list"))
        return (row.order for row in read if row is not None)

    def _query(self, call: Call, message: Fields, ts_ns: int) -> Read:
        assert call.spec is not None, "a query is about an order"
        number = call.spec.client_order_id
        rows = (self._words.order(row) for row in message.fields("result").each("list"))
        found = next((row for row in rows if row is not None and row.number == number), None)
        if found is None:
            is_last = self._ended_next.pop(number, _ABSENT) is None
            if not is_last:
                self._ended_next[number] = None
                if len(self._ended_next) > QUERIES_MAX:
                    self._ended_next.popitem(last=False)
            return Read(is_not_found=True, is_last_table=is_last)
        self._ended_next.pop(number, None)
        return Read(replies=tuple(self._stands(found, Origin.query, ts_ns)), document=(found.order,))

    def _take_rules(self, data: bytes) -> None:
        """Keep the filters of our instruments; one that is not listed any more loses its own."""
        for instrument in self._instruments.all:
            try:
                found = order_rules(VENUE, instrument, data)
            except ValueError as error:
                raise FrameError(f"{error}: {shown(data)}") from None
            if found is None:
                self.rules.pop(instrument.id, None)
            else:
                self.rules[instrument.id] = found


_ABSENT: Final = object()


def _taken(call: Call) -> tuple[VenueReply, ...]:
    spec = call.spec
    assert spec is not None, "a placement is about an order"
    return (
        VenueReply(
            kind=ReplyKind.ack,
            client_order_id=spec.client_order_id,
            instrument=spec.instrument,
            side=spec.side,
            price_ticks=spec.price_ticks,
            size_units=spec.size_units,
        ),
    )


def _next_page(kind: CallKind, message: Fields) -> str:
    """Return the cursor of a list that goes on; the venue names one even where a page that is not full is the last."""
    if kind not in PAGES:
        return ""
    result = message.fields("result")
    return result.text_or("nextPageCursor") if sum(1 for _ in result.each("list")) >= PAGES[kind] else ""


def _fees(row: Fields) -> Fees:
    maker, taker = Decimal(row.decimal("makerFeeRate")), Decimal(row.decimal("takerFeeRate"))
    return Fees(symbol=row.text("symbol"), maker=maker, taker=taker)


def _time_ns(result: Fields) -> int:
    """Return the venue's time; it prints nanoseconds as text."""
    return result.integer("timeNano")


def _permissions(result: Fields) -> Permissions:
    granted = result.fields("permissions")
    spot = granted.row.get("Spot")
    wallet = granted.row.get("Wallet")
    if not isinstance(wallet, list):  # what is not said is no proof that the key may not withdraw
        raise FrameError(f"expected what the key may do in field 'Wallet', found {shown(repr(wallet))[:40]}")
    addresses = result.row.get("ips")
    is_bound = isinstance(addresses, list) and bool(addresses) and "*" not in addresses
    return Permissions(
        may_trade=result.integer("readOnly") == 0 and isinstance(spot, list) and "SpotTrade" in spot,
        may_withdraw="Withdraw" in wallet,
        is_bound_to_address=is_bound,
        expires_ns=_moment_ns(result.text_or("expiredAt")),
    )


def _moment_ns(text: str) -> int | None:
    """Return an ISO time in ns; None for none, or for the year 1970 that keys without an end have."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
    except ValueError:
        return None
    if moment is None or moment.year <= 1970:
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * NS_PER_S


def _account(result: Fields) -> AccountInfo:
    problems = []
    if result.integer_or("uta", 1) == 0 and result.integer_or("unified") == 0:
        problems.append("the account is not unified; upgrade it to a Unified Trading Account on the venue's own pages")
    return AccountInfo(account=str(result.integer("userID")), problems=tuple(problems))
