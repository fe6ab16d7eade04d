"""Changes of orders on Binance spot of which nobody knows what became."""

from binance_account import START_NS, S
from binance_spot_words import (
    GONE,
    MOVED,
    NEW,
    OURS,
    PRICE,
    RESULT,
    SECOND,
    answer,
    asked,
    kinds,
    refuse,
    resting,
    sent,
)

from streaming.venues.binance_orders import BinanceOrders
from streaming.venues.binance_orders_known import PROOF_NS
from streaming.venues.gateway import Action, CallKind, VenueOrder
from streaming.venues.venue_reply import ReplyKind


def lost_change() -> BinanceOrders:
    gateway = resting()
    gateway.on_unanswered(asked(gateway, CallKind.amend, MOVED), START_NS, "no answer")
    return gateway


def test_query_after_a_lost_change_asks_for_the_new_one_first() -> None:
    gateway = lost_change()
    call = asked(gateway, CallKind.query)

    outcome = answer(gateway, call, {**RESULT, "orderId": 12, "clientOrderId": SECOND, "price": "60001.10"})

    assert sent(call)["origClientOrderId"] == SECOND
    assert [(one.kind, one.price_ticks) for one in outcome.replies] == [(ReplyKind.amended, PRICE + 100)]
    assert isinstance(outcome.document, tuple)
    (order,) = outcome.document
    assert isinstance(order, VenueOrder)
    assert order.client_text == OURS


def test_old_order_proves_nothing_until_a_lagging_copy_would_have_caught_up() -> None:
    gateway, late_ns = lost_change(), START_NS + PROOF_NS

    early = refuse(gateway, asked(gateway, CallKind.query), -2013)
    again = sent(asked(gateway, CallKind.query))["origClientOrderId"]
    late = refuse(gateway, asked(gateway, CallKind.query), -2013, ts_ns=late_ns)
    found = answer(gateway, asked(gateway, CallKind.query), RESULT, late_ns)

    assert (early.action, early.replies, again) == (Action.retry, (), SECOND)
    assert (late.action, late.replies) == (Action.settle, ())
    assert [(one.kind, one.price_ticks) for one in found.replies] == [(ReplyKind.amended, PRICE)]
    assert sent(asked(gateway, CallKind.cancel))["origClientOrderId"] == OURS


def test_query_that_left_before_a_change_says_nothing_of_it() -> None:
    gateway = resting()
    query = asked(gateway, CallKind.query)
    asked(gateway, CallKind.amend, MOVED)

    outcome = answer(gateway, query, {**RESULT, "status": "CANCELED"}, START_NS + PROOF_NS)

    assert outcome.replies == ()
    assert sent(asked(gateway, CallKind.query))["origClientOrderId"] == SECOND


def test_old_order_that_is_gone_with_no_new_one_is_cancelled() -> None:
    gateway, late_ns = lost_change(), START_NS + PROOF_NS + S

    refuse(gateway, asked(gateway, CallKind.query), -2013, ts_ns=late_ns)
    outcome = answer(gateway, asked(gateway, CallKind.query), {**RESULT, "status": "CANCELED"}, late_ns)

    assert kinds(outcome.replies) == [ReplyKind.cancelled]


def test_replacement_after_a_lost_one_never_reuses_its_id() -> None:
    gateway, late_ns = lost_change(), START_NS + PROOF_NS
    refuse(gateway, asked(gateway, CallKind.query), -2013, ts_ns=late_ns)
    answer(gateway, asked(gateway, CallKind.query), RESULT, late_ns)

    assert sent(asked(gateway, CallKind.amend, MOVED))["newClientOrderId"] == f"{OURS}r2"


def test_change_that_never_left_leaves_the_order_as_it_was() -> None:
    gateway = resting()

    gateway.on_unanswered(asked(gateway, CallKind.amend, MOVED), START_NS, "never sent: no budget")

    assert sent(asked(gateway, CallKind.query))["origClientOrderId"] == OURS


def test_late_answer_to_a_lost_change_closes_it() -> None:
    gateway = resting()
    call = asked(gateway, CallKind.amend, MOVED)
    gateway.on_unanswered(call, START_NS, "no answer")

    outcome = answer(gateway, call, {"cancelResponse": GONE, "newOrderResponse": NEW})

    assert kinds(outcome.replies) == [ReplyKind.amended]
    assert sent(asked(gateway, CallKind.cancel))["origClientOrderId"] == SECOND
