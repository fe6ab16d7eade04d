"""Random sessions of both Binance gateways against the emulated venues under faults: they end in agreement.

A failing seed stands in the test's name; `pytest -k` runs it again.
"""

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest
from binance_account import ACCOUNT, MS, SYMBOL, BinanceAccount, S

from streaming.emulator.exchange.words import ExchangeOrder
from streaming.venues.gateway import (
    Action,
    CallKind,
    OrderSpec,
    Outcome,
    Refused,
    StreamEvent,
    TimeInForce,
    VenueOrder,
    VenueTrade,
    Way,
)
from streaming.venues.venue_reply import ReplyKind, VenueReply

STEPS, SEEDS = 60, 6
FAULTS = (
    *("order_unknown_done", "order_unknown_lost", "order_cut_done", "order_cut_lost", "order_refused", "amend_refused"),
    *("order_hidden", "fill_after_cancel", "cancel_races_fill", "stream_silent", "stream_late", "stream_repeated"),
)
ENDS = (ReplyKind.cancelled, ReplyKind.rejected, ReplyKind.expired)


@dataclass
class Session:
    """An account under fire, and what was heard of its orders."""

    account: BinanceAccount
    rng: random.Random
    specs: dict[int, OrderSpec] = field(default_factory=dict)
    replies: list[VenueReply] = field(default_factory=list)
    read: int = 0

    def way(self) -> Way:
        if Way.order_socket not in self.account.sessions:
            self.account.open(Way.order_socket)
        return self.rng.choice((Way.rest, Way.order_socket))

    def ask(self, kind: CallKind, spec: OrderSpec) -> Outcome | Refused:
        outcome = self.account.order(kind, spec, self.way())
        self.listen()
        self.replies += [outcome.reply] if isinstance(outcome, Refused) else outcome.replies
        return outcome

    def listen(self) -> None:
        fresh = self.account.heard[self.read :]
        self.read = len(self.account.heard)
        self.replies += [reply for one in fresh if isinstance(one, StreamEvent) for reply in one.replies]

    def step(self, number: int) -> None:
        what = self.rng.random()
        if what < 0.3:
            self.place(number)
        elif what < 0.55 and self.specs:
            self.amend()
        elif what < 0.65 and self.specs:
            self.ask(CallKind.cancel, self.rng.choice([*self.specs.values()]))
        elif what < 0.75 and self.specs:
            self.ask(CallKind.query, self.rng.choice([*self.specs.values()]))
        elif what < 0.9:
            self.account.fault(self.rng.choice(FAULTS), duration_ms=self.rng.choice((200, 2_000)), retry_after_s=1)
        else:
            self.account.play(self.rng.choice((50, 500)) * MS)
            self.listen()

    def price(self, side: int) -> int:
        away = self.rng.choice((-2, 0, 30, 200))
        best = self.account.touch_ticks(side)
        return best - away if side == 0 else best + away

    def place(self, number: int) -> None:
        side = self.rng.randrange(2)
        force = self.rng.choice([*TimeInForce])
        spec = self.account.spec(number, side=side, price_ticks=self.price(side), time_in_force=force)
        self.specs[number] = spec
        self.ask(CallKind.place, spec)

    def amend(self) -> None:
        old = self.rng.choice([*self.specs.values()])
        size = old.size_units * self.rng.choice((1, 2)) // self.rng.choice((1, 2))
        words = {"side": old.side, "price_ticks": self.rng.choice((old.price_ticks, self.price(old.side)))}
        spec = self.account.spec(old.client_order_id, size_units=size, time_in_force=old.time_in_force, **words)
        self.ask(CallKind.amend, spec)

    # --- the end ---

    def settle(self) -> dict[int, VenueReply | None]:
        """Let every fault pass, then ask for each order until what it came to is certain; None: there is none."""
        self.account.emulator.calm()
        self.account.now_ns += 20 * S
        self.account.play(5 * S)
        self.listen()
        return {number: self.resolve(spec) for number, spec in self.specs.items()}

    def resolve(self, spec: OrderSpec) -> VenueReply | None:
        for _ in range(6):
            outcome = self.ask(CallKind.query, spec)
            assert isinstance(outcome, Outcome)
            if outcome.replies:
                return outcome.replies[-1]
            if outcome.action is Action.settle:
                listed = self.account.ask(CallKind.open_orders).document
                assert isinstance(listed, tuple)
                text = self.account.gateway._ids.text(spec.client_order_id)
                if all(isinstance(one, VenueOrder) and one.client_text != text for one in listed):
                    return None
            self.account.now_ns += 4 * S
        raise AssertionError(f"order {spec.client_order_id} is never certain")


def number_of(session: Session, order: ExchangeOrder) -> int:
    number = session.account.gateway._ids.number(order.client_id)
    assert number is not None
    return number


@pytest.mark.parametrize("venue", ["binance_usdm", "binance_spot"])
@pytest.mark.parametrize("seed", range(SEEDS))
def test_random_session_ends_in_agreement_with_the_venue(venue: str, seed: int) -> None:
    session = Session(BinanceAccount(venue), random.Random(seed))
    account = session.account
    account.open_all()
    for number in range(1, STEPS + 1):
        session.step(number)
        account.now_ns += 10 * MS

    ends = session.settle()

    still = {number_of(session, order): order for order in account.exchange.open_orders(ACCOUNT)}
    believed = {n: reply for n, reply in ends.items() if reply is not None and reply.kind not in ENDS}
    resting = {n: reply for n, reply in believed.items() if reply.cumulative_units < reply.size_units}
    assert resting.keys() == still.keys()
    for number, order in still.items():
        reply, one = resting[number], account.instrument
        assert (reply.price_ticks, reply.size_units) == (one.tick.count(order.price), one.size_unit.count(order.size))
        assert reply.cumulative_units == one.size_unit.count(order.filled)
    assert_fills_agree(session)


def assert_fills_agree(session: Session) -> None:
    """Every trade is heard of, one and the same wherever it is told, and of its own order."""
    account = session.account
    listed = account.ask(CallKind.trades).document
    assert isinstance(listed, tuple)
    trades = [one.reply for one in listed if isinstance(one, VenueTrade)]
    told = {}
    for reply in (*session.replies, *trades):
        if reply.kind is ReplyKind.fill:
            key = (reply.price_ticks, reply.size_units, reply.side, reply.fee_mantissa, reply.fee_decimals)
            assert told.setdefault(reply.trade_id, key) == key
    truth = account.exchange.trades(ACCOUNT, SYMBOL)
    assert told.keys() == {trade.trade_id for trade in truth}
    of_order = {order.order_id: number_of(session, order) for order in account.exchange.orders(ACCOUNT, SYMBOL)}
    owners = {trade.trade_id: of_order[trade.order_id] for trade in truth}
    assert {reply.trade_id: reply.client_order_id for reply in trades} == owners


@pytest.mark.parametrize("venue", ["binance_usdm", "binance_spot"])
def test_random_sessions_reach_every_kind_of_reply(venue: str) -> None:
    seen: Counter[ReplyKind] = Counter()
    for seed in range(4):
        session = Session(BinanceAccount(venue), random.Random(1_000 + seed))
        session.account.open_all()
        for number in range(1, STEPS + 1):
            session.step(number)
        session.settle()
        seen.update(reply.kind for reply in session.replies)

    never = {ReplyKind.funding, ReplyKind.absent}
    assert set(ReplyKind) - never <= seen.keys()
