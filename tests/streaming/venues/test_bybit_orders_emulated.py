"""The gateway and the emulated Bybit understand each other, over both ways and when things go wrong."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from bybit_account import MS, SYMBOL, BybitAccount, S

from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.session import Send, Session
from streaming.venues.bybit_orders import BybitOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
    HttpReply,
    OrderSpec,
    OrderType,
    Outcome,
    Refused,
    StreamEvent,
    TimeInForce,
    Told,
    Way,
)
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.signing import HmacSigner
from streaming.venues.venue_reply import ReplyKind, VenueReason, VenueReply

WAYS = (Way.order_socket, Way.rest)


class Trading:
    """A gateway on an account whose bytes go to the emulated venue and back at once."""

    def __init__(self, way: Way = Way.order_socket, secret: str | None = None, **key: object) -> None:
        self.account = BybitAccount(**key)
        entry = next(each for each in self.account.emulator.source.instruments if each.name == f"bybit_spot:{SYMBOL}")
        self.instrument = Instrument(
            id=0,
            symbol=SYMBOL,
            tick=Step.of(entry.tick),
            size_unit=Step.of(entry.size_unit),
            base="BTC",
            quote="USDT",
        )
        signer = HmacSigner(secret or self.account.secret)
        self.gateway = BybitOrders(self.account.key, signer, Instruments([self.instrument]), ClientIds("lob"))
        self.way = way
        self.heard: list[VenueReply] = []
        """Every reply in its order, of answers and of events."""
        self.events: list[StreamEvent] = []
        self.outcomes: dict[int, Outcome] = {}
        self.sessions: dict[Way, Session] = {}
        self._numbers = 0

    def log_on(self) -> None:
        for way, path in ((Way.order_socket, "/v5/trade"), (Way.user_socket, "/v5/private")):
            self.sessions[way] = self.account.open(path)
            for call in self.gateway.on_open(way, self.account.now_ns):
                self.send(call)
        assert self.ask(CallKind.rules, symbol=SYMBOL).is_accepted

    def send(self, call: Call) -> Outcome | None:
        account = self.account
        if call.way is Way.rest:
            path, _, query = call.target.partition("?")
            headers = {name.lower(): value for name, value in call.headers.items()}
            reply = account.front.http(call.method, path, query, headers, call.body, account.now_ns)
            if reply.status == 0:
                outcome = self.gateway.on_unanswered(call, account.now_ns, "cut")
            else:
                stated = {name.lower(): value for name, value in reply.headers.items()}
                found = HttpReply(status=reply.status, body=reply.body, headers=stated)
                outcome = self.gateway.on_http(call, found, account.now_ns)
            self._take(outcome)
        else:
            self.sessions[call.way].receive_text(call.body, account.now_ns)
            self.read()
        return self.outcomes.get(call.number)

    def read(self) -> None:
        self.account.front.push(self.account.now_ns)
        for way, session in self.sessions.items():
            for item in session.data_to_send(10_000):
                if isinstance(item, Send):
                    for heard in self.gateway.on_text(way, item.data, self.account.now_ns):
                        self._take(heard)

    def ask(self, kind: CallKind, **more: object) -> Outcome:
        outcome = self.send(self.gateway.ask(kind, self.account.now_ns, **more))
        assert outcome is not None
        return outcome

    def order(self, kind: CallKind, spec: OrderSpec) -> Outcome | None:
        call = self.gateway.order(kind, spec, self.way, self.account.now_ns)
        assert not isinstance(call, Refused), call
        outcome = self.send(call)
        self.read()
        return outcome

    def spec(self, price: Decimal, size: str = "0.01", **more: object) -> OrderSpec:
        self._numbers += 1
        tick, unit = self.instrument.tick, self.instrument.size_unit
        return OrderSpec(
            client_order_id=(3 << 32) | self._numbers,
            instrument=0,
            price_ticks=tick.count(price),
            size_units=unit.count(size),
            **more,
        )

    def passive(self, **more: object) -> OrderSpec:
        return self.spec(self.account.passive(), **more)

    def play(self, for_ns: int) -> None:
        self.account.play(for_ns)
        self.read()

    def said(self, spec: OrderSpec) -> list[ReplyKind]:
        return [reply.kind for reply in self.heard if reply.client_order_id == spec.client_order_id]

    def last(self, spec: OrderSpec) -> VenueReply:
        return [reply for reply in self.heard if reply.client_order_id == spec.client_order_id][-1]

    def arm(self, kind: FaultKind, **more: object) -> None:
        self.account.emulator.arm(Fault(kind=kind, venue="bybit_spot", **more), self.account.now_ns)

    def _take(self, heard: Outcome | StreamEvent) -> None:
        self.heard += heard.replies
        if isinstance(heard, Outcome):
            self.outcomes[heard.call.number] = heard
        else:
            self.events.append(heard)


@pytest.fixture(params=WAYS, ids=str)
def trading(request: pytest.FixtureRequest) -> Trading:
    made = Trading(request.param)
    made.log_on()
    return made


@pytest.fixture
def socket_trading() -> Trading:
    made = Trading()
    made.log_on()
    return made


def settled(trading: Trading, until: Callable[[], bool]) -> None:
    """Let the venue's delayed events come."""
    for _ in range(100):
        if until():
            return
        trading.play(50 * MS)
    raise AssertionError(f"it never came; heard {trading.heard[-5:]}")


def test_socket_is_ready_once_subscribed(socket_trading: Trading) -> None:
    assert StreamEvent(told=Told.ready) in socket_trading.events
    assert not [event for event in socket_trading.events if event.told is Told.unknown]


def test_order_is_taken_changed_found_and_cancelled(trading: Trading) -> None:
    spec = trading.passive(time_in_force=TimeInForce.post_only)
    assert trading.order(CallKind.place, spec).is_accepted
    assert trading.said(spec)[0] is ReplyKind.ack
    lower = OrderSpec(
        client_order_id=spec.client_order_id, instrument=0, price_ticks=spec.price_ticks - 10, size_units=8_000
    )
    assert trading.order(CallKind.amend, lower).is_accepted
    settled(trading, lambda: ReplyKind.amended in trading.said(spec))
    assert (trading.last(spec).price_ticks, trading.last(spec).size_units) == (lower.price_ticks, 8_000)
    (listed,) = trading.ask(CallKind.open_orders, symbol=SYMBOL).document
    assert (listed.price_ticks, listed.size_units, listed.is_open) == (lower.price_ticks, 8_000, True)
    assert trading.order(CallKind.query, spec).replies[0].kind is ReplyKind.ack
    assert trading.order(CallKind.cancel, spec).is_accepted
    settled(trading, lambda: trading.said(spec)[-1] is ReplyKind.cancelled)
    assert trading.ask(CallKind.open_orders, symbol=SYMBOL).document == ()
    assert trading.order(CallKind.query, spec).replies[0].kind is ReplyKind.cancelled


def test_fills_of_the_stream_are_those_of_the_list_with_fees_and_balances_as_the_venue_has_them(
    trading: Trading,
) -> None:
    begun_ns = trading.account.now_ns
    for side, price in ((0, trading.account.best()[1] + 5), (1, trading.account.best()[0] - 5)):
        spec = trading.spec(price, "0.02", side=side, time_in_force=TimeInForce.ioc)
        trading.order(CallKind.place, spec)
    market = trading.spec(Decimal(0), "0.01", type=OrderType.market)
    trading.order(CallKind.place, market)
    trading.play(500 * MS)
    fills = [reply for reply in trading.heard if reply.kind is ReplyKind.fill]
    listed = [trade.reply for trade in trading.ask(CallKind.trades, symbol=SYMBOL, since=begun_ns).document]

    def what(reply: VenueReply) -> tuple[object, ...]:
        fee = Decimal(reply.fee_mantissa).scaleb(-reply.fee_decimals)
        return (reply.trade_id, reply.client_order_id, reply.side, reply.price_ticks, reply.size_units, fee)

    assert fills
    assert sorted(map(what, fills)) == sorted(map(what, listed))
    held = {"USDT": Decimal(100_000), "BTC": Decimal(2)}
    for fill in fills:
        sign = -1 if fill.side else 1
        size = trading.instrument.size_unit.decimal(fill.size_units)
        held["BTC"] += sign * size
        held["USDT"] -= sign * size * trading.instrument.tick.decimal(fill.price_ticks)
        held[fill.fee_asset_name] -= Decimal(fill.fee_mantissa).scaleb(-fill.fee_decimals)
    stated = {each.asset: each.free + each.locked for each in trading.ask(CallKind.balances).document}
    assert {asset: stated[asset] for asset in held} == held
    told = [event.balances for event in trading.events if event.told is Told.balance]
    assert told, "the wallet is told as it changes"


def test_post_only_order_that_would_take_is_turned_down(trading: Trading) -> None:
    spec = trading.spec(trading.account.best()[1], time_in_force=TimeInForce.post_only)
    trading.order(CallKind.place, spec)
    settled(trading, lambda: trading.said(spec)[-1:] == [ReplyKind.rejected])
    assert trading.last(spec).reason is VenueReason.would_take


def test_fill_or_kill_that_finds_too_little_ends_without_a_fill(trading: Trading) -> None:
    spec = trading.spec(trading.account.best()[0] - 400, "0.05", time_in_force=TimeInForce.fok)
    trading.order(CallKind.place, spec)
    ends = {ReplyKind.expired, ReplyKind.rejected}
    settled(trading, lambda: trading.said(spec)[-1] in ends)
    assert ReplyKind.fill not in trading.said(spec)
    assert trading.last(spec).reason is VenueReason.liquidity


def test_rest_of_an_immediate_order_expires(trading: Trading) -> None:
    spec = trading.spec(trading.account.best()[0] - 400, time_in_force=TimeInForce.ioc)
    trading.order(CallKind.place, spec)
    settled(trading, lambda: trading.said(spec)[-1] is ReplyKind.expired)
    assert (trading.last(spec).reason, trading.last(spec).cumulative_units) == (VenueReason.liquidity, 0)


def test_second_order_of_an_id_is_resolved_by_asking_and_never_doubled(trading: Trading) -> None:
    spec = trading.passive()
    trading.order(CallKind.place, spec)
    again = trading.order(CallKind.place, spec)
    assert (again.action, again.reason) == (Action.resolve, VenueReason.duplicate_id)
    assert trading.order(CallKind.query, spec).replies[0].kind is ReplyKind.ack
    assert len(trading.ask(CallKind.open_orders, symbol=SYMBOL).document) == 1


def test_order_that_cannot_be_paid_is_refused(trading: Trading) -> None:
    spec = trading.spec(trading.account.passive(), "50")
    outcome = trading.order(CallKind.place, spec)
    assert (outcome.action, outcome.reason) == (Action.refuse, VenueReason.balance)
    assert trading.said(spec) == [ReplyKind.rejected]


def test_cancel_of_what_is_gone_is_settled_by_asking(trading: Trading) -> None:
    spec = trading.passive()
    trading.order(CallKind.place, spec)
    trading.order(CallKind.cancel, spec)
    trading.play(S)
    outcome = trading.order(CallKind.cancel, spec)
    assert (outcome.action, outcome.reason) == (Action.settle, VenueReason.unknown_order)


def test_more_orders_than_fit_on_a_page_are_all_listed() -> None:
    trading = Trading(Way.rest)
    trading.log_on()
    for _ in range(3):
        for _ in range(19):
            assert trading.order(CallKind.place, trading.passive()).is_accepted
        trading.play(2 * S)
    outcome: Outcome | None = trading.ask(CallKind.open_orders, symbol=SYMBOL)
    names: list[str] = []
    while outcome is not None:
        names += [order.client_text for order in outcome.document]
        outcome = trading.send(outcome.more) if outcome.more is not None else None
    assert len(names) == len(set(names)) == len(trading.account.exchange.open_orders(trading.account.account))


def test_order_that_nobody_placed_is_in_neither_table(trading: Trading) -> None:
    spec = trading.passive()
    assert trading.order(CallKind.query, spec).action is Action.retry
    assert trading.order(CallKind.query, spec).action is Action.settle


@pytest.mark.parametrize(
    ("kind", "is_there"),
    [
        (FaultKind.order_unknown_done, True),
        (FaultKind.order_unknown_lost, False),
        (FaultKind.order_cut_done, True),
        (FaultKind.order_cut_lost, False),
    ],
)
def test_order_whose_outcome_is_hidden_is_unknown_until_it_is_asked_for(kind: FaultKind, is_there: bool) -> None:
    trading = Trading(Way.rest)
    trading.log_on()
    trading.arm(kind)
    spec = trading.passive()
    outcome = trading.order(CallKind.place, spec)
    assert outcome.action is Action.resolve
    assert ReplyKind.unanswered in trading.said(spec)
    trading.play(S)
    found = trading.order(CallKind.query, spec)
    assert found.is_accepted is is_there


def test_clock_that_is_off_is_refused_until_the_offset_is_known(trading: Trading) -> None:
    trading.arm(FaultKind.clock_skew, skew_ms=7_000, duration_ms=600_000)
    spec = trading.passive()
    outcome = trading.order(CallKind.place, spec)
    assert (outcome.action, outcome.replies) == (Action.resync_clock, ())
    venue_ns = trading.ask(CallKind.time).document
    trading.gateway.set_clock_offset(venue_ns - trading.account.now_ns)
    assert trading.order(CallKind.place, spec).is_accepted


def test_burst_that_empties_a_pool_waits_until_the_venues_time(trading: Trading) -> None:
    outcomes = [trading.order(CallKind.cancel, trading.passive()) for _ in range(25)]
    limited = outcomes[-1]
    assert (limited.action, limited.reason) == (Action.wait, VenueReason.rate_limit)
    assert 0 < limited.retry_at_ns - trading.account.now_ns <= S + MS
    assert limited.limits[0].used == limited.limits[0].limit == 20


def test_key_with_a_wrong_secret_halts() -> None:
    trading = Trading(Way.rest, secret="not-the-secret")
    assert trading.ask(CallKind.balances).action is Action.halt


def test_key_says_what_it_may_and_whose_it_is() -> None:
    trading = Trading(may_withdraw=True)
    permissions = trading.ask(CallKind.permissions).document
    assert (permissions.may_trade, permissions.may_withdraw) == (True, True)
    account = trading.ask(CallKind.account).document
    assert account.account == trading.account.account
    assert account.problems == ()
    (rates,) = trading.ask(CallKind.fees, symbol=SYMBOL).document
    assert (rates.maker, rates.taker) == (Decimal("0.001"), Decimal("0.001"))


def test_dead_mans_switch_is_refused_to_ordinary_accounts() -> None:
    assert not Trading().ask(CallKind.countdown, value=30_000).is_accepted


def test_pings_of_both_sockets_are_answered(socket_trading: Trading) -> None:
    for way, session in socket_trading.sessions.items():
        before = len(socket_trading.events)
        session.receive_text(socket_trading.gateway.ping(way, 1), socket_trading.account.now_ns)
        socket_trading.read()
        assert socket_trading.events[before:] == [StreamEvent(told=Told.alive)]
