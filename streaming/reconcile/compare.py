"""Compares what we believe of an account with what its venue says. A pure function of the two.

Theory of operation. The venue is right about orders and fills. What it says and we do not know becomes replies of
origin `reconciled`, which the engine books as it books any; a comparison with the engine after that finds nothing.

Trades come first: those of the venue's list that are not booked, each under its own trade id. Then orders: one that
ended there ends here, with what it filled. Where an order has filled further than the list of trades tells, or a
position differs for no reason, a synthetic fill makes up for it under an id that is a hash of what differs (its top bit
set, which no venue's ids have): found again, in another pass or after a restart, it has the same id and is booked once.
Such fills, those of nobody, and whatever else may be a mere delay between two of the venue's machines, wait until a
second round finds the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from streaming.reconcile.made import ENDS, adjustment, hash_of, order_reply, synthetic_trade_id
from streaming.reconcile.rules import ReconcileRules
from streaming.reconcile.words import (
    AccountSnapshot,
    Difference,
    DifferenceKind,
    LocalOrder,
    LocalState,
    Reconciled,
    Rule,
)
from streaming.venues.gateway import VenueOrder, VenuePosition, VenueTrade
from streaming.venues.instruments import Instrument
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReply


def reconcile(
    local: LocalState, venue: AccountSnapshot, rules: ReconcileRules, before: frozenset[str] = frozenset()
) -> Reconciled:
    """Return what the engine must book to believe what the venue says, and every difference by name.

    `before` holds the ids of the differences that the previous round found (`Reconciled.ids`). ValueError when the two
    are of different venues.
    """
    if local.venue != venue.venue:
        raise ValueError(f"expected a snapshot of {local.venue}, found one of {venue.venue}")
    found = _Comparison(local, venue, rules, before)
    found.compare_fills()
    found.compare_orders()
    found.compare_open_orders_there()
    found.compare_positions()
    found.compare_balances()
    return Reconciled(replies=(*found.fills, *found.states), differences=tuple(sorted(found.differences, key=_place)))


def _place(difference: Difference) -> tuple[int, str]:
    return list(DifferenceKind).index(difference.kind), difference.id


@dataclass(slots=True)
class _Comparison:
    local: LocalState
    venue: AccountSnapshot
    rules: ReconcileRules
    before: frozenset[str]
    fills: list[VenueReply] = field(default_factory=list)
    waiting: list[VenueReply] = field(default_factory=list)
    """Fills of the venue's list that a later round books: positions and balances hold them already."""
    states: list[VenueReply] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def compare_fills(self) -> None:
        """Book the venue's trades that are not booked, in the order in which they happened."""
        owners = self._owners()
        booked = set(self.local.trades)
        for trade in sorted(self.venue.trades, key=lambda each: (each.reply.ts_venue_ns, each.reply.trade_id)):
            key = (trade.reply.instrument, trade.reply.trade_id)
            if key in booked or trade.reply.ts_venue_ns < self.local.since_ns:
                continue
            booked.add(key)
            self._missing_fill(trade, owners)

    def compare_orders(self) -> None:
        """Settle every order that is open or unknown here."""
        there = self._ours_there()
        for order in self.local.orders:
            stated = there.get(order.client_order_id)
            if stated is not None:
                self._settle(order, stated)
            elif order.client_order_id in self.venue.absent:
                self._absent(order)
            elif order.ts_asked_ns < self.venue.ts_asked_ns:
                self._ghost(order, Rule.query, "found in no list", ())

    def compare_open_orders_there(self) -> None:
        """Name the venue's open orders that are not open here."""
        known = {order.client_order_id for order in self.local.orders} | self.local.ended
        for stated in self.venue.open_orders:
            number = self.rules.ids.number(stated.client_text)
            if number is None:
                self._other_order(DifferenceKind.stranger_order, stated, 0)
            elif number not in known:
                self._other_order(DifferenceKind.foreign_order, stated, number)

    def compare_positions(self) -> None:
        """Compare perpetuals' positions, as they are once the fills that were found are booked."""
        if self.venue.positions is None:
            return
        stated = {position.symbol: position for position in self.venue.positions}
        for instrument in self.rules.instruments.all:
            if instrument.market_type == "perpetual" and instrument.id not in self.local.moved:
                self._position(instrument, stated.pop(instrument.symbol, None))
            else:
                stated.pop(instrument.symbol, None)
        for position in stated.values():
            self._position_of_nobody(position)

    def compare_balances(self) -> None:
        """Compare what should be there by our fills and fees with what is."""
        stated = {balance.asset: balance.free + balance.locked for balance in self.venue.balances}
        for asset, expected in self.local.balances.items():
            is_moving = any(
                asset in (each.base, each.quote) and each.id in self.local.moved for each in self.rules.instruments.all
            )
            found = stated.get(asset, Decimal(0))
            if is_moving or self._is_booking(asset) or abs(found - expected) <= self.rules.dust.get(asset, 0):
                continue
            text = f"expected {expected} {asset}, found {found}"
            self._note(DifferenceKind.balance, (asset, found - expected), text, can_be_late=True, asset=asset)

    # --- fills ---

    def _owners(self) -> dict[tuple[str, str], str]:
        """Client ids by symbol and the venue's order id: lists of trades may name the latter alone."""
        orders = (*self.venue.open_orders, *self.venue.queried)
        return {(order.symbol, order.venue_id): order.client_text for order in orders}

    def _missing_fill(self, trade: VenueTrade, owners: Mapping[tuple[str, str], str]) -> None:
        client_text = trade.client_text or owners.get((trade.symbol, trade.venue_id), "")
        number = trade.reply.client_order_id or self.rules.ids.number(client_text) or 0
        reply = replace(trade.reply, client_order_id=number, origin=Origin.reconciled)
        # A list may name orders by the venue's ids alone. Whose a fill is may then be known once its order, whose
        # outcome is not known yet, has been asked for: a fill of nobody waits for that.
        is_confirmed = self._note(
            DifferenceKind.missing_fill,
            (trade.symbol, reply.trade_id),
            f"trade {reply.trade_id} of {reply.size_units} size units at {reply.price_ticks} ticks was not booked",
            can_be_late=not number,
            symbol=trade.symbol,
            instrument=reply.instrument,
            number=number,
        )
        is_booked = is_confirmed and (number or not self._may_be_of_unsettled(reply))
        (self.fills if is_booked else self.waiting).append(reply)

    def _may_be_of_unsettled(self, fill: VenueReply) -> bool:
        """Whether an order of that side may be what filled: unknown, or asked about before this round; in no list."""
        there = self._ours_there()
        return any(
            (order.instrument, order.side) == (fill.instrument, fill.side)
            and order.client_order_id not in there
            and (order.is_unknown or order.ts_asked_ns < self.venue.ts_asked_ns)
            for order in self.local.orders
        )

    def _filled(self, order: LocalOrder) -> int:
        fresh = (fill.size_units for fill in self.fills if fill.client_order_id == order.client_order_id)
        return order.filled_units + sum(fresh)

    def _unlisted_fill(self, order: LocalOrder, stated: VenueOrder) -> bool:
        """Make up for what no trade tells of, when a second round says the same; True while it waits for one."""
        filled = self._filled(order)
        if stated.filled_units <= filled:
            return False
        what = (order.symbol, order.client_order_id, filled, stated.filled_units)
        text = f"expected {filled} size units filled, found {stated.filled_units}, and no trade that tells of it"
        is_confirmed = self._note(
            DifferenceKind.unlisted_fill,
            what,
            text,
            can_be_late=True,
            symbol=order.symbol,
            instrument=order.instrument,
            number=order.client_order_id,
        )
        if is_confirmed:
            size = stated.filled_units - filled
            price = order.price_ticks or stated.price_ticks or self.local.marks.get(order.instrument, 0)
            trade_id = synthetic_trade_id(self.local.venue, *what)
            self.fills.append(
                order_reply(
                    order,
                    ReplyKind.fill,
                    stated.ts_venue_ns,
                    trade_id=trade_id,
                    price_ticks=price,
                    size_units=size,
                    cumulative_units=stated.filled_units,
                )
            )
        return not is_confirmed

    # --- orders ---

    def _ours_there(self) -> dict[int, VenueOrder]:
        """The venue's word on our orders; an answer about one order is later than the list of all."""
        numbered = (
            (self.rules.ids.number(stated.client_text), stated)
            for stated in (*self.venue.open_orders, *self.venue.queried)
        )
        return {number: stated for number, stated in numbered if number is not None}

    def _settle(self, order: LocalOrder, stated: VenueOrder) -> None:
        is_waiting = self._unlisted_fill(order, stated)
        if stated.is_open:
            self._settle_open(order, stated)
            return
        kind = ENDS.get(stated.status.upper())
        if kind is None:
            self._ghost(order, Rule.query, f"found it ended by a word that is not known: {stated.status[:40]}", ())
        elif not is_waiting and self._filled(order) < order.size_units:  # a full one is ended by its fills
            self._ghost(order, Rule.book, f"found {stated.status}", [self._end(order, stated, kind)])

    def _settle_open(self, order: LocalOrder, stated: VenueOrder) -> None:
        if order.ts_asked_ns >= self.venue.ts_asked_ns:
            return
        is_same = stated.price_ticks == order.price_ticks and stated.size_units == order.size_units
        if order.is_unknown:
            kind, reply_kind = DifferenceKind.lost_order, ReplyKind.ack
            text = "expected an outcome that is not known, found it open"
        elif not is_same:
            kind, reply_kind = DifferenceKind.changed_order, ReplyKind.amended
            text = (
                f"expected {order.size_units} size units at {order.price_ticks} ticks, "
                f"found {stated.size_units} at {stated.price_ticks}"
            )
        else:
            return
        self._order_note(kind, order, text, (stated.price_ticks, stated.size_units))
        kinds = [reply_kind] if is_same else [ReplyKind.ack, ReplyKind.amended] if order.is_unknown else [reply_kind]
        self.states += [
            order_reply(
                order,
                each,
                stated.ts_venue_ns,
                price_ticks=stated.price_ticks,
                size_units=stated.size_units,
                cumulative_units=stated.filled_units,
            )
            for each in kinds
        ]

    def _end(self, order: LocalOrder, stated: VenueOrder, kind: ReplyKind) -> VenueReply:
        return order_reply(
            order,
            kind,
            stated.ts_venue_ns,
            price_ticks=order.price_ticks,
            size_units=order.size_units,
            cumulative_units=stated.filled_units,
        )

    def _absent(self, order: LocalOrder) -> None:
        reply = order_reply(order, ReplyKind.absent, self.venue.ts_ns, cumulative_units=self._filled(order))
        self._ghost(order, Rule.book, "found that the venue does not know it", [reply])

    def _ghost(self, order: LocalOrder, rule: Rule, text: str, replies: Sequence[VenueReply]) -> None:
        expected = "an outcome that is not known" if order.is_unknown else "it open"
        self._order_note(DifferenceKind.ghost_order, order, f"expected {expected}, {text}", (rule,), rule)
        self.states += replies

    def _order_note(
        self,
        kind: DifferenceKind,
        order: LocalOrder,
        text: str,
        what: tuple[object, ...],
        rule: Rule | None = None,
    ) -> None:
        chosen = self.rules.of(kind) if rule is None or rule is Rule.book else rule
        self._note(
            kind,
            (order.symbol, order.client_order_id, *what),
            text,
            rule=chosen,
            symbol=order.symbol,
            instrument=order.instrument,
            number=order.client_order_id,
        )

    def _other_order(self, kind: DifferenceKind, stated: VenueOrder, number: int) -> None:
        instrument = self.rules.instruments.of_symbol(stated.symbol)
        self._note(
            kind,
            (stated.symbol, stated.venue_id),
            f"expected no such open order, found {stated.client_text[:40]!r} (venue's id {stated.venue_id[:40]})",
            symbol=stated.symbol,
            instrument=None if instrument is None else instrument.id,
            number=number,
            client_text=stated.client_text,
        )

    # --- positions and balances ---

    def _position(self, instrument: Instrument, stated: VenuePosition | None) -> None:
        fresh = sum(
            -fill.size_units if fill.side else fill.size_units
            for fill in (*self.fills, *self.waiting)
            if fill.instrument == instrument.id
        )
        expected = self.local.positions.get(instrument.id, 0) + fresh
        found = 0 if stated is None else stated.size_units
        if expected == found:
            return
        what = (instrument.symbol, expected, found)
        unit = instrument.size_unit
        is_confirmed = self._note(
            DifferenceKind.position,
            what,
            f"expected a position of {unit.text(expected)}, found {unit.text(found)}",
            can_be_late=True,
            symbol=instrument.symbol,
            instrument=instrument.id,
        )
        price = self._price(instrument, stated)
        if is_confirmed and price and self.rules.of(DifferenceKind.position) in (Rule.book, Rule.halt):
            self.fills.append(adjustment(self.local, self.venue, instrument, found - expected, price, what))

    def _price(self, instrument: Instrument, stated: VenuePosition | None) -> int:
        mark = self.local.marks.get(instrument.id, 0)
        if mark or stated is None or not stated.entry_price:
            return mark
        return max(1, round(instrument.tick.fraction(stated.entry_price)))

    def _position_of_nobody(self, position: VenuePosition) -> None:
        if position.size_units:
            text = f"expected no position, found one of {position.size_units} size units that nobody here trades"
            what = (position.symbol, position.size_units)
            self._note(DifferenceKind.position, what, text, rule=Rule.tell, symbol=position.symbol)

    def _is_booking(self, asset: str) -> bool:
        """Whether this round or a later one books fills that move `asset`: the round after it compares it."""
        booked = {fill.instrument for fill in (*self.fills, *self.waiting)}
        return any(each.id in booked and asset in (each.base, each.quote) for each in self.rules.instruments.all)

    def _note(
        self,
        kind: DifferenceKind,
        what: tuple[object, ...],
        text: str,
        *,
        rule: Rule | None = None,
        can_be_late: bool = False,
        symbol: str = "",
        instrument: int | None = None,
        number: int = 0,
        client_text: str = "",
        asset: str = "",
    ) -> bool:
        """Take down a difference; return whether its rule may be followed now."""
        difference_id = f"{hash_of((kind, self.local.venue, *what)):016x}"
        is_confirmed = not can_be_late or difference_id in self.before
        self.differences.append(
            Difference(
                id=difference_id,
                kind=kind,
                rule=self.rules.of(kind) if rule is None else rule,
                is_confirmed=is_confirmed,
                venue=self.local.venue,
                text=text,
                symbol=symbol,
                instrument=instrument,
                client_order_id=number,
                client_text=client_text,
                asset=asset,
            )
        )
        return is_confirmed
