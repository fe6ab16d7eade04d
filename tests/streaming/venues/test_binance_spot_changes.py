"""Spot orders that are changed: in place, or by others in their place, and what is known when an answer is lost."""

from dataclasses import replace

import orjson
import pytest
from binance_account import START_NS
from binance_spot_words import (
    ACK,
    FAILED,
    FILL,
    GONE,
    LESS,
    MOVED,
    NEW,
    ONE,
    OURS,
    PRICE,
    QUIET,
    RESULT,
    SECOND,
    SIZE,
    SPEC,
    answer,
    asked,
    done,
    kinds,
    ready,
    refuse,
    resting,
    sent,
    told,
)

from streaming.venues.binance_orders_known import ENDED_MAX, OPEN_MAX, KnownOrders
from streaming.venues.gateway import Action, Call, CallKind, HttpReply, OrderSpec, Refused, TimeInForce, Way
from streaming.venues.venue_reply import ReplyKind, VenueReason

# --- changes ---


def test_less_at_the_same_price_keeps_the_order_and_its_id() -> None:
    call = asked(resting(), CallKind.amend, LESS)

    said = sent(call)
    assert (said["method"], said["newQty"]) == ("order.amend.keepPriority", "0.001")
    assert said["origClientOrderId"] == said["newClientOrderId"] == OURS
    assert (call.weight, call.orders) == (4, 0)


def test_another_price_replaces_the_order_only_if_nothing_of_it_has_filled() -> None:
    call = asked(resting(), CallKind.amend, MOVED)

    said = sent(call)
    assert (said["method"], said["cancelOrigClientOrderId"]) == ("order.cancelReplace", OURS)
    assert (said["newClientOrderId"], said["price"]) == (SECOND, "60001.1")
    assert (said["cancelReplaceMode"], said["cancelRestrictions"]) == ("STOP_ON_FAILURE", "ONLY_NEW")
    assert call.orders == 1


def test_post_only_order_is_replaced_by_a_post_only_one() -> None:
    gateway = ready()
    done(gateway, CallKind.place, replace(SPEC, time_in_force=TimeInForce.post_only), ACK)

    assert sent(asked(gateway, CallKind.amend, MOVED))["type"] == "LIMIT_MAKER"


def test_replaced_order_is_the_engines_one_order_with_another_price() -> None:
    gateway = resting()
    call = asked(gateway, CallKind.amend, MOVED)

    before = told(gateway, **{**QUIET, "x": "CANCELED", "X": "CANCELED", "c": "cxl", "C": OURS})
    replies = answer(gateway, call, {"cancelResponse": GONE, "newOrderResponse": NEW}).replies
    after = told(gateway, **{**QUIET, "x": "NEW", "X": "NEW", "c": SECOND, "i": 12, "p": "60001.10"})
    fill = told(gateway, c=SECOND, i=12, p="60001.10", L="60001.10")
    (gone,) = done(gateway, CallKind.cancel, SPEC, {**GONE, "orderId": 12, "origClientOrderId": SECOND})

    assert before is None
    assert [(one.kind, one.price_ticks, one.size_units) for one in replies] == [(ReplyKind.amended, PRICE + 100, SIZE)]
    assert after is not None and (after.kind, after.price_ticks) == (ReplyKind.ack, PRICE + 100)
    assert fill is not None and fill.client_order_id == 7
    assert gone.client_order_id == 7


def test_replacement_told_by_the_stream_first_is_a_change() -> None:
    gateway = resting()
    call = asked(gateway, CallKind.amend, MOVED)

    told(gateway, **{**QUIET, "x": "CANCELED", "X": "CANCELED", "c": "cxl", "C": OURS})
    rests = told(gateway, **{**QUIET, "x": "NEW", "X": "NEW", "c": SECOND, "i": 12, "p": "60001.10"})
    replies = answer(gateway, call, {"cancelResponse": GONE, "newOrderResponse": NEW}).replies

    assert rests is not None
    assert (rests.kind, rests.price_ticks) == (ReplyKind.amended, PRICE + 100)
    assert kinds(replies) == [ReplyKind.amended]


def test_cancel_and_query_after_a_replacement_name_the_new_one() -> None:
    gateway = resting()
    answer(gateway, asked(gateway, CallKind.amend, MOVED), {"cancelResponse": GONE, "newOrderResponse": NEW})

    assert {sent(asked(gateway, kind))["origClientOrderId"] for kind in (CallKind.cancel, CallKind.query)} == {SECOND}


def test_replacement_that_took_at_once_tells_its_fills() -> None:
    gateway = resting()
    new = {**RESULT, **NEW, "status": "FILLED", "executedQty": "0.002", "fills": [{**FILL, "qty": "0.00200000"}]}

    replies = answer(
        gateway, asked(gateway, CallKind.amend, MOVED), {"cancelResponse": GONE, "newOrderResponse": new}
    ).replies

    assert kinds(replies) == [ReplyKind.amended, ReplyKind.fill]


@pytest.mark.parametrize(
    ("data", "action", "reason", "kind"),
    [
        (
            {**FAILED, "cancelResponse": {"code": -2011, "msg": "Unknown order sent."}},
            Action.settle,
            VenueReason.unknown_order,
            ReplyKind.unanswered,
        ),
        (
            {**FAILED, "cancelResponse": {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."}},
            Action.refuse,
            VenueReason.other,
            ReplyKind.amend_rejected,
        ),
        (
            {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": GONE,
                "newOrderResponse": {"code": -2010, "msg": "Order would immediately match and take."},
            },
            Action.refuse,
            VenueReason.would_take,
            ReplyKind.cancelled,
        ),
        (
            {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": GONE,
                "newOrderResponse": {"code": -1007, "msg": "Timeout waiting for response from backend server."},
            },
            Action.resolve,
            VenueReason.other,
            ReplyKind.unanswered,
        ),
        (
            {
                "cancelResult": "FAILURE",
                "newOrderResult": "SUCCESS",
                "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
                "newOrderResponse": NEW,
            },
            Action.settle,
            VenueReason.unknown_order,
            ReplyKind.unanswered,
        ),
        (
            {
                **FAILED,
                "newOrderResult": "FAILURE",
                "cancelResponse": {"code": -2011, "msg": "Order was not canceled due to cancel restrictions."},
                "newOrderResponse": {"code": -2010, "msg": "Account has insufficient balance for requested action."},
            },
            Action.refuse,
            VenueReason.other,
            ReplyKind.amend_rejected,
        ),
    ],
)
def test_half_of_a_replacement_is_told_for_what_it_is(
    data: dict[str, object], action: Action, reason: VenueReason, kind: ReplyKind
) -> None:
    gateway = resting()

    outcome = refuse(gateway, asked(gateway, CallKind.amend, MOVED), -2021, "partially failed", data=data)

    assert (outcome.action, outcome.reason, kinds(outcome.replies)) == (action, reason, [kind])


def test_half_of_a_replacement_over_rest_is_read_alike() -> None:
    gateway = resting()
    call = gateway.order(CallKind.amend, MOVED, Way.rest, START_NS)
    assert isinstance(call, Call)
    data = {**FAILED, "cancelResponse": {"code": -2011, "msg": "Unknown order sent."}}
    body = orjson.dumps({"code": -2022, "msg": "Order cancel-replace failed.", "data": data})

    outcome = gateway.on_http(call, HttpReply(status=400, body=body), START_NS)

    assert (outcome.code, outcome.action, kinds(outcome.replies)) == (-2011, Action.settle, [ReplyKind.unanswered])


def test_order_count_that_is_used_up_leaves_the_order_as_it_was() -> None:
    gateway = resting()

    outcome = refuse(gateway, asked(gateway, CallKind.amend, MOVED), -1015, "Too many new orders.")

    assert (outcome.action, outcome.replies) == (Action.wait, ())
    assert sent(asked(gateway, CallKind.cancel))["origClientOrderId"] == OURS


def test_further_change_waits_for_the_outcome_of_the_one_before() -> None:
    gateway = resting()
    asked(gateway, CallKind.amend, MOVED)

    found = gateway.order(CallKind.amend, LESS, Way.rest, START_NS)

    assert isinstance(found, Refused)
    assert found.reply.reason is VenueReason.busy


@pytest.mark.parametrize(
    ("spec", "rule", "reason"),
    [
        (SPEC, "ORDER", VenueReason.unchanged),
        (
            OrderSpec(client_order_id=8, instrument=ONE.id, price_ticks=PRICE, size_units=SIZE),
            "ORDER",
            VenueReason.unknown_order,
        ),
    ],
)
def test_change_that_makes_no_sense_does_not_leave(spec: OrderSpec, rule: str, reason: VenueReason) -> None:
    found = resting().order(CallKind.amend, spec, Way.rest, START_NS)

    assert isinstance(found, Refused)
    assert (found.rule, found.reply.reason, found.reply.kind) == (rule, reason, ReplyKind.amend_rejected)


def test_order_is_not_lessened_to_what_has_filled() -> None:
    gateway = resting()
    told(gateway)

    filled = gateway.order(CallKind.amend, LESS, Way.rest, START_NS)

    assert isinstance(filled, Refused)
    assert filled.rule == "LOT_SIZE"


def test_order_that_was_lessened_as_often_as_the_venue_takes_is_replaced() -> None:
    gateway = resting()
    gateway.rules[ONE.id] = replace(gateway.rules[ONE.id], amends_max=2)
    specs = [replace(SPEC, size_units=SIZE - 10_000 * times) for times in (1, 2, 3)]
    for spec in specs[:2]:
        amended = {**RESULT, "qty": ONE.size_unit.text(spec.size_units)}
        answer(gateway, asked(gateway, CallKind.amend, spec), {"transactTime": 1, "amendedOrder": amended})

    third = sent(asked(gateway, CallKind.amend, specs[2]))

    assert (third["method"], third["quantity"]) == ("order.cancelReplace", ONE.size_unit.text(specs[2].size_units))


# --- one order in another's place, two to the engine ---


OTHER = OrderSpec(client_order_id=8, instrument=ONE.id, price_ticks=PRICE, size_units=SIZE, replaces_client_order_id=7)
OTHER_NEW = {**NEW, "clientOrderId": "test-0000000000000008"}


def test_order_that_replaces_another_ends_it_and_begins() -> None:
    gateway = resting()
    call = asked(gateway, CallKind.place, OTHER)

    replies = answer(gateway, call, {"cancelResponse": GONE, "newOrderResponse": OTHER_NEW}).replies

    said = sent(call)
    assert (said["cancelOrigClientOrderId"], said["newClientOrderId"]) == (OURS, "test-0000000000000008")
    assert [(one.kind, one.client_order_id) for one in replies] == [(ReplyKind.cancelled, 7), (ReplyKind.ack, 8)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {**FAILED, "cancelResponse": {"code": -2011, "msg": "Unknown order sent."}},
            [(ReplyKind.cancel_rejected, 7), (ReplyKind.rejected, 8)],
        ),
        (
            {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": GONE,
                "newOrderResponse": {"code": -2010, "msg": "Market is closed."},
            },
            [(ReplyKind.cancelled, 7), (ReplyKind.rejected, 8)],
        ),
        (
            {
                "cancelResult": "SUCCESS",
                "newOrderResult": "FAILURE",
                "cancelResponse": GONE,
                "newOrderResponse": {"code": -1007, "msg": "Timeout"},
            },
            [(ReplyKind.cancelled, 7), (ReplyKind.unanswered, 8)],
        ),
        (
            {
                "cancelResult": "FAILURE",
                "newOrderResult": "SUCCESS",
                "cancelResponse": {"code": -2011, "msg": "Unknown order sent."},
                "newOrderResponse": OTHER_NEW,
            },
            [(ReplyKind.cancel_rejected, 7), (ReplyKind.ack, 8)],
        ),
    ],
)
def test_each_half_of_a_replacing_order_has_its_own_end(
    data: dict[str, object], expected: list[tuple[ReplyKind, int]]
) -> None:
    gateway = resting()

    outcome = refuse(gateway, asked(gateway, CallKind.place, OTHER), -2021, "partially failed", data=data)

    assert [(one.kind, one.client_order_id) for one in outcome.replies] == expected


# --- memory ---


def test_memory_of_orders_is_bounded() -> None:
    known = KnownOrders()

    for number in range(1, ENDED_MAX + OPEN_MAX + 101):
        order = known.place(OrderSpec(client_order_id=number, instrument=1))
        known.name(order, number)

    found = [number for number in range(1, ENDED_MAX + OPEN_MAX + 101) if known.find(number) is not None]
    assert len(found) == ENDED_MAX + OPEN_MAX
    assert known.of_venue_id(1, 100) is None
    assert known.of_venue_id(1, 101) is not None
