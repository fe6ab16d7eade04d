"""Faults of orders: what strikes, once, and what is true all the same."""

from decimal import Decimal

import pytest
from small_exchange import SECOND_NS, SYMBOL, SmallExchange

from streaming.emulator.exchange.order_faults import BadAnswer, RequestKind
from streaming.emulator.exchange.words import EventKind, OrderState, Refusal, RefusedError
from streaming.emulator.faults import FaultKind

FIVE_S = {"duration_ms": 5_000}


@pytest.fixture
def small() -> SmallExchange:
    """Return an exchange of spot."""
    return SmallExchange("binance_spot")


@pytest.mark.parametrize(
    ("kind", "answer", "is_executed", "status"),
    [
        (FaultKind.order_unknown_done, BadAnswer.unknown, True, 503),
        (FaultKind.order_unknown_lost, BadAnswer.unknown, False, 503),
        (FaultKind.order_cut_done, BadAnswer.cut, True, 503),
        (FaultKind.order_cut_lost, BadAnswer.cut, False, 503),
        (FaultKind.order_refused, BadAnswer.refused, False, 418),
    ],
)
def test_a_fault_of_a_request_says_whether_it_is_executed_and_what_is_answered(
    small: SmallExchange, kind: FaultKind, answer: BadAnswer, is_executed: bool, status: int
) -> None:
    small.arm(kind, status=418, retry_after_s=3)

    fault = small.exchange.request_fault(RequestKind.place, SYMBOL, small.now_ns)

    assert fault is not None
    assert [fault.answer, fault.is_executed, fault.status] == [answer, is_executed, status]
    assert small.exchange.request_fault(RequestKind.place, SYMBOL, small.now_ns) is None


def test_a_fault_of_cancels_spares_placements(small: SmallExchange) -> None:
    small.arm(FaultKind.order_cut_done, request="cancel")
    assert small.exchange.request_fault(RequestKind.place, SYMBOL, small.now_ns) is None
    hit = small.exchange.request_fault(RequestKind.cancel, SYMBOL, small.now_ns)
    assert hit is not None
    assert hit.answer is BadAnswer.cut


def test_a_refused_amend_leaves_the_order_as_it_was(small: SmallExchange) -> None:
    order = small.place("buy", "9900", "2")
    small.arm(FaultKind.amend_refused)
    with pytest.raises(RefusedError) as error:
        small.exchange.amend("a", SYMBOL, small.now_ns, order_id=order.order_id, size=Decimal(1))
    assert error.value.refusal is Refusal.forced
    assert small.exchange.open_orders("a") == [order]


def test_a_hidden_order_is_unknown_to_queries_for_a_while_though_it_is_open(small: SmallExchange) -> None:
    small.arm(FaultKind.order_hidden, **FIVE_S)
    order = small.place("buy", "9900", "2", client_id="x-1")

    with pytest.raises(RefusedError):
        small.exchange.order("a", SYMBOL, small.now_ns + 4 * SECOND_NS, client_id="x-1")

    assert small.exchange.open_orders("a") == [order]
    assert small.exchange.order("a", SYMBOL, small.now_ns + 6 * SECOND_NS, client_id="x-1") == order


def test_a_fill_just_before_the_cancel_is_heard_of_after_it(small: SmallExchange) -> None:
    order, feed = small.place("buy", "9900", "2"), small.exchange.subscribe("a", small.now_ns)
    small.arm(FaultKind.fill_after_cancel, **FIVE_S)

    cancelled = small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=order.order_id)

    assert [cancelled.state, cancelled.filled] == [OrderState.cancelled, 1]
    soon, late = feed.due(small.now_ns), feed.due(small.now_ns + 5 * SECOND_NS)
    assert EventKind.order_trade not in [event.kind for event in soon]
    assert EventKind.order_cancelled in [event.kind for event in soon]
    assert [event.trade.size for event in late if event.trade is not None] == [1]
    assert small.locked("USDT") == 0


def test_a_cancel_that_races_a_fill_is_refused_and_the_order_has_filled_once(small: SmallExchange) -> None:
    order, feed = small.place("buy", "9900", "2"), small.exchange.subscribe("a", small.now_ns)
    small.arm(FaultKind.cancel_races_fill, **FIVE_S)

    with pytest.raises(RefusedError) as error:
        small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=order.order_id)

    assert error.value.refusal is Refusal.unknown_order
    assert small.exchange.order("a", SYMBOL, small.now_ns, order_id=order.order_id).state is OrderState.filled
    small.trade("9890", "9", is_buyer_taker=False)
    assert [trade.size for trade in small.exchange.trades("a", SYMBOL)] == [2]
    assert EventKind.order_trade in [event.kind for event in feed.due(small.now_ns + 5 * SECOND_NS)]


def test_a_silent_stream_loses_events_for_ever_and_then_goes_on(small: SmallExchange) -> None:
    feed = small.exchange.subscribe("a", small.now_ns)
    small.arm(FaultKind.stream_silent, **FIVE_S)
    small.place("buy", None, "1")
    assert feed.due(small.now_ns + 60 * SECOND_NS) == []

    small.now_ns += 6 * SECOND_NS
    small.place("buy", "9900", "1")

    assert EventKind.order_new in [event.kind for event in feed.due(small.now_ns)]
    assert EventKind.order_trade in [event.kind for event in small.exchange.events_since("a", 0)]


def test_fills_are_told_late_or_twice(small: SmallExchange) -> None:
    feed = small.exchange.subscribe("a", small.now_ns)
    small.arm(FaultKind.stream_late, **FIVE_S)
    small.place("buy", None, "1")
    assert EventKind.order_trade not in [event.kind for event in feed.due(small.now_ns)]
    assert [event.kind for event in feed.due(small.now_ns + 5 * SECOND_NS)] == [EventKind.order_trade]

    small.arm(FaultKind.stream_repeated, count=3)
    small.place("buy", None, "1")

    assert [event.seq for event in feed.due(small.now_ns)] == [4, 4, 5, 5, 6, 6]


def test_a_feed_that_a_fault_ends_says_nothing_more(small: SmallExchange) -> None:
    feed = small.exchange.subscribe("a", small.now_ns)
    small.arm(FaultKind.stream_expired)
    small.place("buy", "9900", "1")
    assert feed.is_expired
    assert feed.due(small.now_ns) == []


def test_a_halted_listing_takes_cancels_alone(small: SmallExchange) -> None:
    order = small.place("buy", "9900", "1")
    small.arm(FaultKind.listing_halted, symbol=SYMBOL, **FIVE_S)

    assert small.refusal("buy", "9900", "1") is Refusal.market_closed
    assert small.exchange.is_halted(SYMBOL)
    with pytest.raises(RefusedError):
        small.exchange.amend("a", SYMBOL, small.now_ns, order_id=order.order_id, size=Decimal("0.5"))
    assert small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=order.order_id).state is OrderState.cancelled

    small.now_ns += 6 * SECOND_NS
    assert small.place("buy", "9900", "1").is_open
