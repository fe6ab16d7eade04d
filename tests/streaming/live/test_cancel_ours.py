"""What is ours is cancelled and seen to be gone; strangers stay; nothing is believed that a list does not confirm.

The venue here is a reference model of one: a set of open orders, seen through faults drawn from a seed.
"""

import random
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.live.cancel_ours import Asker, cancel_ours, note_holdings
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Action,
    Balance,
    Call,
    CallKind,
    Document,
    OrderSpec,
    Outcome,
    Refused,
    VenueOrder,
    VenuePosition,
    Way,
)
from streaming.venues.instruments import Instrument, Step

IDS = ClientIds("lob")
SYMBOLS = ("BTCUSDT", "ETHUSDT")
INSTRUMENTS = tuple(
    Instrument(
        id=number,
        symbol=symbol,
        tick=Step.of("0.1"),
        size_unit=Step.of("0.001"),
        base=symbol[:3],
        quote="USDT",
        market_type="perpetual",
    )
    for number, symbol in enumerate(SYMBOLS)
)


@dataclass
class ReferenceVenue(Asker):
    """Open orders by client id, and how often something goes wrong."""

    orders: dict[str, str]
    """Symbol by client id."""
    rng: random.Random
    fault_share: float = 0.0
    refuses: set[str] = field(default_factory=set)
    """Client ids that no cancel reaches."""
    touched: list[str] = field(default_factory=list)

    @property
    def venue(self) -> str:
        return "binance_usdm"

    def ask(self, kind: CallKind, *, symbol: str = "") -> Outcome:
        if self.rng.random() < self.fault_share:
            return answer(kind, None, action=Action.resolve)
        if kind is CallKind.open_orders:
            return answer(kind, tuple(row(text) for text, own in self.orders.items() if own == symbol), symbol=symbol)
        if kind is CallKind.positions:
            return answer(kind, (VenuePosition(symbol="BTCUSDT", size_units=-12, entry_price=Decimal("65000.5")),))
        return answer(kind, (Balance(asset="USDT", free=Decimal(100), locked=Decimal(0)),))

    def order(self, kind: CallKind, spec: OrderSpec) -> Outcome | Refused:
        text = IDS.text(spec.client_order_id)
        self.touched.append(text)
        is_lost = self.rng.random() < self.fault_share
        if text not in self.refuses and not (is_lost and self.rng.random() < 0.5):
            self.orders.pop(text, None)
        if is_lost:
            return answer(kind, None, action=Action.resolve)
        return answer(kind, None) if text not in self.orders else answer(kind, None, action=Action.refuse)


def row(text: str, symbol: str = "BTCUSDT") -> VenueOrder:
    return VenueOrder(
        symbol=symbol,
        client_text=text,
        venue_id="1",
        side=0,
        price_ticks=1,
        size_units=1,
        filled_units=0,
        is_open=True,
        status="NEW",
        ts_venue_ns=0,
    )


def answer(kind: CallKind, document: Document, *, action: Action | None = None, symbol: str = "") -> Outcome:
    call = Call(number=1, kind=kind, way=Way.rest, ts_ns=0, symbol=symbol)
    return Outcome(
        call=call, is_accepted=action is None, action=action, document=document, code=0 if action is None else 9
    )


def venue_of(ours: int, strangers: int, seed: int = 0, fault_share: float = 0.0) -> ReferenceVenue:
    orders = {IDS.text(number): SYMBOLS[0] for number in range(1, ours + 1)}
    orders |= {f"web_{number}": SYMBOLS[0] for number in range(strangers)}
    return ReferenceVenue(orders, random.Random(seed), fault_share)


def test_ours_are_cancelled_and_strangers_are_left_alone() -> None:
    venue = venue_of(3, 2)

    found = cancel_ours(venue, INSTRUMENTS, IDS, lambda seconds: None)

    assert found.is_confirmed
    assert found.cancelled == [IDS.text(number) for number in (1, 2, 3)]
    assert found.strangers == ["web_0", "web_1"]
    assert set(venue.orders) == {"web_0", "web_1"}


def test_nothing_to_cancel_is_confirmed_by_the_first_list() -> None:
    found = cancel_ours(venue_of(0, 1), INSTRUMENTS, IDS, lambda seconds: None)

    assert (found.is_confirmed, found.cancelled) == (True, [])


def test_a_prefix_that_only_begins_like_ours_is_a_strangers() -> None:
    venue = ReferenceVenue({"lobster-1": SYMBOLS[0], "lob-notanumber": SYMBOLS[0]}, random.Random(1))

    assert cancel_ours(venue, INSTRUMENTS, IDS, lambda seconds: None).is_confirmed
    assert len(venue.orders) == 2


def test_an_order_that_does_not_go_is_named_and_never_called_gone() -> None:
    venue = venue_of(2, 0)
    venue.refuses = {IDS.text(2)}
    waits: list[float] = []

    found = cancel_ours(venue, INSTRUMENTS, IDS, waits.append)

    assert not found.is_confirmed
    assert (found.cancelled, found.left) == ([IDS.text(1)], [IDS.text(2)])
    assert len(waits) == 7
    assert waits == sorted(waits)
    assert found.problems


def test_a_venue_that_never_answers_confirms_nothing() -> None:
    found = cancel_ours(venue_of(1, 0, fault_share=1.0), INSTRUMENTS, IDS, lambda seconds: None)

    assert (found.is_confirmed, found.cancelled, found.left) == (False, [], [])
    assert found.problems == ["open orders of BTCUSDT: 9"]


@given(ours=st.integers(0, 12), strangers=st.integers(0, 4), seed=st.integers(), share=st.floats(0.0, 0.6))
def test_what_is_confirmed_is_true_whatever_goes_wrong(ours: int, strangers: int, seed: int, share: float) -> None:
    venue = venue_of(ours, strangers, seed, share)

    found = cancel_ours(venue, INSTRUMENTS, IDS, lambda seconds: None)

    left = [text for text in venue.orders if IDS.number(text) is not None]
    assert not (found.is_confirmed and left)
    assert sum(text.startswith("web_") for text in venue.orders) == strangers
    assert all(IDS.number(text) is not None for text in venue.touched)
    if share == 0.0:
        assert found.is_confirmed


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_what_is_held_is_told_where_the_venue_says_it(share: float) -> None:
    venue = venue_of(0, 0)
    found = cancel_ours(venue, INSTRUMENTS, IDS, lambda seconds: None)
    venue.fault_share = share

    note_holdings(venue, INSTRUMENTS, found)

    told = (["binance_usdm:BTCUSDT -0.012 at 65000.5"], ["USDT 100 free, 0 locked"])
    assert (found.positions, found.balances) == (([], []) if share else told)
