"""Sessions against the emulated venues in which messages are lost: rounds of comparison find out what is true."""

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from live_wire import ENDS, IDS, MS, LiveWire, S

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.faults import FaultKind
from streaming.live.balances import ExpectedBalances
from streaming.live.words import LiveLimits, RequestKind
from streaming.reconcile.compare import reconcile
from streaming.reconcile.rules import ReconcileRules
from streaming.reconcile.words import LocalOrder, LocalState, Rule
from streaming.venues.gateway import OrderSpec, TimeInForce, Way
from streaming.venues.venue_reply import Origin, ReplyKind

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
LIMITS = LiveLimits(order_timeout_ns=500 * MS, absent_after_ns=1 * S, echo_ns=1 * S, reconcile_ns=5 * S)
FAULTS = (
    FaultKind.order_unknown_done,
    FaultKind.order_unknown_lost,
    FaultKind.order_cut_done,
    FaultKind.order_cut_lost,
    FaultKind.order_hidden,
    FaultKind.amend_refused,
    FaultKind.fill_after_cancel,
    FaultKind.cancel_races_fill,
    FaultKind.stream_silent,
    FaultKind.stream_late,
    FaultKind.stream_repeated,
    FaultKind.stream_expired,
    FaultKind.disconnect,
)
SOME_TO_LOSE = 0.15
USUAL = None
IN_BNB = FeeRates(maker=Decimal("0.0005"), taker=Decimal("0.001"), asset="BNB", asset_price=Decimal(600))
DOUBTS = (ReplyKind.unanswered, ReplyKind.cancel_rejected, ReplyKind.amend_rejected)


class Session(LiveWire):
    """Believes what it is told, of which a part is lost, and books what comparisons find."""

    def __init__(self, venue, seed, fees=None):
        self.chance = random.Random(seed)
        self.orders, self.trades, self.position = {}, set(), 0
        self.before, self.taken, self.asked_ns = frozenset(), 0, {}
        self.is_losing = False
        self.fees_paid = {}
        super().__init__(venue, LIMITS, settle=False, fees=fees)
        self.rules = ReconcileRules(ids=IDS, instruments=self.instruments)
        self.expected = ExpectedBalances(self.instruments)
        self.expected.now = self.held()

    def settle(self):
        super().settle()
        self.take()
        snapshot = self.live.take_snapshot()
        if snapshot is not None:
            self.judge(snapshot)
            super().settle()
            self.take()

    def take(self):
        """Believe the replies since the last time; while messages get lost, some are not heard."""
        fresh, self.taken = self.replies[self.taken :], len(self.replies)
        for reply in fresh:
            if not (self.is_losing and self.chance.random() < SOME_TO_LOSE):
                self.book(reply)

    def book(self, reply):
        number = reply.client_order_id
        order = self.orders.get(number)
        if reply.kind is ReplyKind.fill:
            if reply.trade_id in self.trades:
                return
            self.trades.add(reply.trade_id)
            self.position += -reply.size_units if reply.side else reply.size_units
            self.pay(reply)
        if order is None:
            return
        if reply.kind is ReplyKind.fill:
            order = replace(order, filled_units=order.filled_units + reply.size_units)
        elif reply.kind in DOUBTS:
            order = replace(order, is_unknown=True)
        elif reply.kind is ReplyKind.amended or reply.origin is Origin.query:
            order = replace(order, is_unknown=False, price_ticks=reply.price_ticks, size_units=reply.size_units)
        elif reply.kind is ReplyKind.ack:
            order = replace(order, is_unknown=False)
        self.orders[number] = order
        if reply.kind in ENDS or order.filled_units >= order.size_units:
            del self.orders[number]

    def pay(self, reply):
        name, fee = reply.fee_asset_name, Decimal(reply.fee_mantissa).scaleb(-reply.fee_decimals)
        self.fees_paid[name] = self.fees_paid.get(name, 0) + fee
        self.expected.note(reply)

    def local(self):
        return LocalState(
            venue=self.venue.name,
            orders=tuple(
                replace(order, ts_asked_ns=self.asked_ns.get(number, 0)) for number, order in self.orders.items()
            ),
            trades=frozenset((self.instrument.id, trade_id) for trade_id in self.trades),
            positions={self.instrument.id: self.position},
            marks={self.instrument.id: self.touch(0)},
        )

    def judge(self, snapshot):
        found = reconcile(self.local(), snapshot, self.rules, self.before)
        self.before = found.ids
        for reply in found.replies:
            self.book(reply)
        for difference in found.differences:
            if difference.rule is Rule.query:
                self.live.query(difference.client_order_id, self.instrument.id, self.now_ns)
        self.live.on_reconciled(snapshot, self.now_ns, is_settled=not found.replies)

    # --- what a trader does ---

    def act(self):
        chance = self.chance.random()
        working = [number for number, order in self.orders.items() if not order.is_unknown]
        if chance < 0.45 or not working:
            self.send_order()
        elif chance < 0.65:
            self.ask_of(RequestKind.cancel, self.chance.choice(working))
        elif chance < 0.8:
            self.ask_of(RequestKind.amend, self.chance.choice(working), less=self.instrument.size_unit.count("0.002"))
        elif chance < 0.95:
            self.arm(self.chance.choice(FAULTS), duration_ms=self.chance.randrange(100, 3_000))
        elif self.live.serving(Way.order_socket) is not None:
            self.lose(Way.order_socket)

    def send_order(self):
        is_taking = self.chance.random() < 0.3
        side, force = self.chance.randrange(2), self.chance.choice((TimeInForce.gtc, TimeInForce.ioc))
        self._number += 1
        spec = OrderSpec(
            client_order_id=7 << 32 | self._number,
            instrument=self.instrument.id,
            side=side,
            price_ticks=self.touch(side) + (30 if is_taking else -self.chance.randrange(300)) * (-1 if side else 1),
            size_units=self.instrument.size_unit.count("0.010"),
            time_in_force=force,
        )
        self.orders[spec.client_order_id] = LocalOrder(
            client_order_id=spec.client_order_id,
            instrument=spec.instrument,
            symbol=self.symbol,
            side=side,
            price_ticks=spec.price_ticks,
            size_units=spec.size_units,
            filled_units=0,
        )
        self.asked_ns[spec.client_order_id] = self.now_ns
        self.submit(RequestKind.place, spec)

    def ask_of(self, kind, number, less=0):
        order = self.orders[number]
        spec = OrderSpec(
            client_order_id=number,
            instrument=order.instrument,
            side=order.side,
            price_ticks=order.price_ticks,
            size_units=order.size_units - less,
        )
        if spec.size_units > order.filled_units:
            self.asked_ns[number] = self.now_ns
            self.submit(kind, spec)

    def ask_of_unknown(self):
        for number, order in [*self.orders.items()]:
            if order.is_unknown:
                self.asked_ns[number] = self.now_ns
                self.live.query(number, order.instrument, self.now_ns)

    def believed(self):
        return {
            IDS.text(number): (order.price_ticks, order.size_units, order.filled_units)
            for number, order in self.orders.items()
        }

    def held(self):
        """What the account holds of coins; a perpetual's wallet moves with profits too."""
        if self.instrument.market_type == "perpetual":
            return {}
        return {each.asset: each.free + each.locked for each in self.exchange.balances(self.account)}

    def true_fees(self):
        trades = self.exchange.truth(self.account).trades
        assets = {trade.fee_asset for trade in trades}
        return {name: sum(trade.fee for trade in trades if trade.fee_asset == name) for name in assets}

    def true_trades(self):
        return {trade.trade_id for trade in self.exchange.truth(self.account).trades}

    def true(self):
        tick, unit = self.instrument.tick, self.instrument.size_unit
        return {
            IDS.text(IDS.number(order.client_id)): (
                tick.count(order.price),
                unit.count(order.size),
                unit.count(order.filled),
            )
            for order in self.exchange.truth(self.account).open_orders
        }


@pytest.mark.parametrize(("seed", "fees"), [(0, USUAL), (1, USUAL), (2, IN_BNB)], ids=["0", "1", "2 in BNB"])
@pytest.mark.parametrize("venue", VENUES)
def test_session_that_lost_messages_ends_believing_what_is_true(venue, seed, fees):
    session = Session(venue, seed, fees)
    session.trusted()
    session.is_losing = True
    for _ in range(60):
        session.act()
        session.run(session.chance.randrange(20, 150) * MS)
    session.is_losing = False
    for _ in range(30):
        session.run(1 * S)
        session.ask_of_unknown()
        if session.believed() == session.true() and session.trades == session.true_trades():
            break
    truth = session.exchange.truth(session.account)
    assert session.believed() == session.true()
    assert session.trades == session.true_trades()
    assert session.fees_paid == session.true_fees()
    assert session.expected.now == session.held()
    assert fees is None or "BNB" in session.fees_paid
    assert len({order.client_id for order in truth.orders}) == len(truth.orders), "no order twice"
