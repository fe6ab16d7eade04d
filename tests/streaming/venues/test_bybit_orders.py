"""The gateway of Bybit spot: what it sends to the byte, and what it makes of answers."""

from dataclasses import replace

import orjson
import pytest
from bybit_messages import (
    KEY,
    NOW_NS,
    NS_PER_MS,
    NS_PER_S,
    NUMBER,
    ORDER,
    SECRET,
    SPEC,
    TEXT,
    answered,
    gateway,
    outcome_of,
    signed,
    told,
)

from streaming.venues.gateway import (
    Action,
    CallKind,
    HttpReply,
    LimitUse,
    OrderType,
    Outcome,
    Refused,
    StreamEvent,
    TimeInForce,
    Told,
    Way,
)
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason


def test_order_over_rest_is_signed_as_the_bytes_that_are_sent():
    call = gateway().order(CallKind.place, SPEC, Way.rest, NOW_NS)
    assert (call.method, call.target, call.pool) == ("POST", "/v5/order/create", "create")
    assert orjson.loads(call.body) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "orderLinkId": TEXT,
        "side": "Buy",
        "orderType": "Limit",
        "qty": "0.001",
        "price": "60000.1",
        "timeInForce": "PostOnly",
        "isLeverage": 0,
        "orderFilter": "Order",
        "smpType": "CancelMaker",
    }
    assert call.headers["X-BAPI-SIGN"] == signed(f"1790000000000{KEY}5000{call.body.decode()}")
    assert call.headers["X-BAPI-TIMESTAMP"] == "1790000000000"


def test_question_is_signed_as_the_query_that_is_sent():
    call = gateway().ask(CallKind.fees, NOW_NS, symbol="BTCUSDT")
    assert call.target == "/v5/account/fee-rate?category=spot&symbol=BTCUSDT"
    assert call.headers["X-BAPI-SIGN"] == "f247e75157dd8018ac85618f0b65efb3d99e881466f8202b16da6df09be749de"


def test_logon_of_a_socket_is_signed_until_it_expires():
    auth, subscribe = gateway().on_open(Way.user_socket, NOW_NS)
    signature = "e5a4300126c1629e54ff1e76ca45162c22bdc690a3b7b4cda7b564fdf6b3d2f8"
    assert orjson.loads(auth.body)["args"] == [KEY, 1_790_000_010_000, signature]
    assert orjson.loads(subscribe.body)["args"] == ["order.spot", "execution.spot", "wallet"]
    assert [orjson.loads(call.body).get("reqId") for call in gateway().on_open(Way.order_socket, NOW_NS)] == ["2"]


def test_order_over_the_trade_socket_carries_its_time_and_no_signature():
    call = gateway().order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    message = orjson.loads(call.body)
    assert (message["op"], message["reqId"]) == ("order.create", str(call.number))
    assert message["header"] == {"X-BAPI-TIMESTAMP": "1790000000000", "X-BAPI-RECV-WINDOW": "5000"}
    assert SECRET.encode() not in call.body


def test_venues_clock_is_in_what_is_signed():
    made = gateway()
    made.set_clock_offset(-250 * NS_PER_MS)
    call = made.order(CallKind.cancel, SPEC, Way.rest, NOW_NS)
    assert call.headers["X-BAPI-TIMESTAMP"] == "1789999999750"
    assert call.is_cancel


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        ({"time_in_force": TimeInForce.gtc}, {"timeInForce": "GTC", "price": "60000.1"}),
        ({"time_in_force": TimeInForce.ioc, "side": 1}, {"timeInForce": "IOC", "side": "Sell"}),
        ({"time_in_force": TimeInForce.fok}, {"timeInForce": "FOK"}),
        ({"type": OrderType.market, "price_ticks": 0}, {"orderType": "Market", "marketUnit": "baseCoin"}),
    ],
)
def test_every_kind_of_order_has_its_words(change, sent):
    call = gateway().order(CallKind.place, replace(SPEC, **change), Way.rest, NOW_NS)
    found = orjson.loads(call.body)
    assert {name: found[name] for name in sent} == sent
    assert ("price" in found) == (found["orderType"] == "Limit")


def test_amend_names_the_order_and_the_new_totals():
    call = gateway().order(CallKind.amend, replace(SPEC, price_ticks=600_002), Way.rest, NOW_NS)
    assert (call.target, call.pool) == ("/v5/order/amend", "amend")
    assert orjson.loads(call.body) == {
        "category": "spot",
        "symbol": "BTCUSDT",
        "orderLinkId": TEXT,
        "qty": "0.001",
        "price": "60000.2",
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"price_ticks": 600_002}, {"price": "60000.2"}),
        ({"size_units": 900}, {"qty": "0.0009"}),
        ({"price_ticks": 600_002, "size_units": 900}, {"price": "60000.2", "qty": "0.0009"}),
        ({}, {"price": "60000.1", "qty": "0.001"}),
    ],
)
def test_amend_names_only_what_differs_from_how_the_venue_stated_the_order(change, named):
    made = gateway()
    told(made, "order.spot", ORDER)
    told(made, "order.spot", {**ORDER, "price": "60000.2", "qty": "0.0009", "updatedTime": "1790000000132"})
    body = orjson.loads(made.order(CallKind.amend, replace(SPEC, **change), Way.rest, NOW_NS).body)
    assert {name: body[name] for name in ("price", "qty") if name in body} == named


def test_amend_names_everything_while_another_one_is_under_way():
    made = gateway()
    told(made, "order.spot", ORDER)
    for price_ticks in (600_002, 600_003):
        call = made.order(CallKind.amend, replace(SPEC, price_ticks=price_ticks), Way.rest, NOW_NS)
    assert orjson.loads(call.body)["qty"] == "0.001"


def test_cancel_all_and_countdown_are_asked_only_by_name():
    made = gateway()
    assert orjson.loads(made.ask(CallKind.cancel_all, NOW_NS, symbol="BTCUSDT").body) == {
        "category": "spot",
        "symbol": "BTCUSDT",
    }
    countdown = made.ask(CallKind.countdown, NOW_NS, value=30_000)
    assert orjson.loads(countdown.body) == {"product": "SPOT", "timeWindow": 30}


@pytest.mark.parametrize("kind", [CallKind.positions, CallKind.listen_key, CallKind.rate_limits])
def test_what_spot_does_not_have_is_a_mistake_to_ask(kind):
    with pytest.raises(ValueError, match=f"bybit_spot has no call '{kind}'"):
        gateway().ask(kind, NOW_NS)


def test_trades_are_listed_from_the_time_asked_for_and_at_most_a_week_back():
    made = gateway()
    call = made.ask(CallKind.trades, NOW_NS, symbol="BTCUSDT", since=NOW_NS - 30 * NS_PER_S)
    assert "startTime=1789999970000" in call.target
    old = made.ask(CallKind.trades, NOW_NS, symbol="BTCUSDT", since=1)
    assert f"startTime={1790000060000 - 7 * 86_400_000}" in old.target


def test_order_that_breaks_a_filter_never_leaves():
    refusal = gateway().order(CallKind.place, replace(SPEC, size_units=12), Way.rest, NOW_NS)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.reply.kind) == ("minOrderAmt", ReplyKind.rejected)
    reduce = gateway().order(CallKind.place, replace(SPEC, is_reduce_only=True), Way.rest, NOW_NS)
    assert isinstance(reduce, Refused)
    assert reduce.reply.reason is VenueReason.reduce_only


def test_nothing_is_placed_before_the_filters_are_known_but_cancels_go():
    made = gateway(has_rules=False)
    refusal = made.order(CallKind.place, SPEC, Way.rest, NOW_NS)
    assert isinstance(refusal, Refused)
    assert (refusal.rule, refusal.reply.reason) == ("RULES", VenueReason.never_sent)
    assert not isinstance(made.order(CallKind.cancel, SPEC, Way.rest, NOW_NS), Refused)


def test_secrets_are_shown_nowhere():
    made = gateway()
    calls = [*made.on_open(Way.user_socket, NOW_NS), made.order(CallKind.place, SPEC, Way.rest, NOW_NS)]
    shown = " ".join(map(repr, [made, *calls, *vars(made).values()]))
    assert SECRET not in shown
    assert KEY not in shown


def test_key_in_the_venues_own_words_is_not_shown():
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    outcome = outcome_of(made, call, 10004, text=f"error sign! origin_string[1790000000000{KEY}5000]")
    assert outcome.text == "error sign! origin_string[1790000000000(key)5000]"


@pytest.mark.parametrize("code", [10014, 20006, 170141])
def test_request_that_the_venue_has_seen_before_may_have_been_taken(code):
    made = gateway()
    outcome = outcome_of(made, made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS), code)
    assert (outcome.action, outcome.replies[0].kind) == (Action.resolve, ReplyKind.unanswered)


def test_placement_that_was_taken_is_acknowledged():
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    header = {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "19", "X-Bapi-Limit-Reset-Timestamp": "1790000000008"}
    outcome = outcome_of(made, call, header=header)
    assert outcome.is_accepted
    assert [(reply.kind, reply.client_order_id, reply.size_units) for reply in outcome.replies] == [
        (ReplyKind.ack, NUMBER, 1_000)
    ]
    assert outcome.limits == (LimitUse(name="create", used=1, limit=20, reset_ns=1_790_000_000_008 * NS_PER_MS),)


def test_cancel_and_amend_that_were_taken_say_nothing_yet():
    made = gateway()
    for kind in (CallKind.cancel, CallKind.amend):
        outcome = outcome_of(made, made.order(kind, SPEC, Way.order_socket, NOW_NS))
        assert outcome.is_accepted
        assert outcome.replies == ()


@pytest.mark.parametrize(
    ("kind", "code", "action", "reply"),
    [
        (CallKind.place, 170131, Action.refuse, ReplyKind.rejected),
        (CallKind.place, 10016, Action.resolve, ReplyKind.unanswered),
        (CallKind.place, 170141, Action.resolve, ReplyKind.unanswered),
        (CallKind.place, 10004, Action.halt, ReplyKind.rejected),
        (CallKind.place, 170151, Action.halt_instrument, ReplyKind.rejected),
        (CallKind.place, 10429, Action.retry, None),
        (CallKind.place, 10002, Action.resync_clock, None),
        (CallKind.amend, 170313, Action.refuse, ReplyKind.amend_rejected),
        (CallKind.amend, 170213, Action.settle, ReplyKind.unanswered),
        (CallKind.amend, 170310, Action.resolve, ReplyKind.unanswered),
        (CallKind.cancel, 170213, Action.settle, ReplyKind.cancel_rejected),
        (CallKind.cancel, 170139, Action.settle, ReplyKind.cancel_rejected),
        (CallKind.cancel, 170147, Action.resolve, ReplyKind.unanswered),
    ],
)
def test_each_error_tells_the_engine_what_is_known(kind, code, action, reply):
    made = gateway()
    outcome = outcome_of(made, made.order(kind, SPEC, Way.order_socket, NOW_NS), code, text="words")
    assert (outcome.action, outcome.code, outcome.text) == (action, code, "words")
    assert [each.kind for each in outcome.replies] == ([] if reply is None else [reply])
    assert all(each.code == code for each in outcome.replies)


def test_limited_pool_waits_until_the_venues_time_in_our_clock():
    made = gateway()
    made.set_clock_offset(NS_PER_S)
    header = {"X-Bapi-Limit": "20", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": "1790000001500"}
    outcome = outcome_of(made, made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS), 10006, header=header)
    assert (outcome.action, outcome.retry_at_ns) == (Action.wait, NOW_NS + 500 * NS_PER_MS)


def test_forbidden_address_waits_ten_minutes():
    made = gateway()
    call = made.order(CallKind.cancel, SPEC, Way.rest, NOW_NS)
    outcome = made.on_http(call, HttpReply(status=403, body=b"<html>access too frequent</html>"), NOW_NS)
    assert (outcome.action, outcome.code) == (Action.wait, 403)
    assert outcome.retry_at_ns == NOW_NS + 600 * NS_PER_S


def test_overloaded_edge_is_tried_again_when_it_says():
    made = gateway()
    call = made.order(CallKind.cancel, SPEC, Way.rest, NOW_NS)
    outcome = made.on_http(call, HttpReply(status=429, body=b"", headers={"retry-after": "3"}), NOW_NS)
    assert (outcome.action, outcome.retry_at_ns) == (Action.retry, NOW_NS + 3 * NS_PER_S)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_failing_server_leaves_an_order_unknown(status):
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.rest, NOW_NS)
    outcome = made.on_http(call, HttpReply(status=status, body=b""), NOW_NS)
    assert (outcome.action, [reply.kind for reply in outcome.replies]) == (Action.resolve, [ReplyKind.unanswered])


def test_call_that_is_given_up_is_unknown_and_its_late_answer_still_heard():
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    given_up = made.on_unanswered(call, NOW_NS, "no answer within 2000 ms")
    assert (given_up.action, given_up.replies[0].kind) == (Action.resolve, ReplyKind.unanswered)
    assert given_up.replies[0].origin is Origin.shell
    assert outcome_of(made, call).replies[0].kind is ReplyKind.ack


@pytest.mark.parametrize("number", ["9" * 5_000, "\u00b2", "77", ""])
def test_answer_to_no_call_of_ours_is_counted_and_not_fatal(number):
    made = gateway()
    (event,) = made.on_text(Way.order_socket, orjson.dumps({"reqId": number, "retCode": 0, "op": "order.create"}), 1)
    assert event.told is Told.unknown
    assert made.unknown == {"answer to no call of ours": 1}


def test_call_that_never_left_is_not_unknown():
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    outcome = made.on_unanswered(call, NOW_NS, "never sent: no budget")
    assert (outcome.action, outcome.reason, outcome.replies) == (Action.retry, VenueReason.never_sent, ())


def test_socket_that_is_lost_names_what_was_under_way_on_it():
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    entry, _ = made.on_open(Way.user_socket, NOW_NS)
    assert made.on_lost(Way.order_socket) == [call]
    assert made.on_lost(Way.order_socket) == []
    assert entry in made.on_lost(Way.user_socket)


def test_restart_of_the_trade_service_asks_for_another_socket():
    made = gateway()
    outcome, closing = answered(made, made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS), 10019)
    assert isinstance(outcome, Outcome)
    assert outcome.action is Action.retry
    assert closing == StreamEvent(told=Told.closing)


def test_logon_and_subscription_are_answered_by_their_operation():
    made = gateway()
    made.on_open(Way.user_socket, NOW_NS)
    auth = made.on_text(Way.user_socket, b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}', NOW_NS)
    ready = made.on_text(Way.user_socket, b'{"success":true,"ret_msg":"","op":"subscribe","conn_id":"c"}', NOW_NS)
    assert auth[0].is_accepted
    assert ready[0].is_accepted
    assert ready[1] == StreamEvent(told=Told.ready)


def test_refused_logon_of_the_trade_socket_halts_and_of_the_private_one_is_tried_again():
    made = gateway()
    made.on_open(Way.order_socket, NOW_NS)
    (trade,) = made.on_text(Way.order_socket, b'{"retCode":10004,"retMsg":"bad sign","op":"auth"}', NOW_NS)
    made.on_open(Way.user_socket, NOW_NS)
    (private,) = made.on_text(Way.user_socket, b'{"success":false,"ret_msg":"expired","op":"auth"}', NOW_NS)
    assert (trade.action, private.action) == (Action.halt, Action.retry)


@pytest.mark.parametrize(
    ("way", "data"),
    [
        (Way.user_socket, b'{"req_id":"p1","op":"pong","args":["1790000020000"],"conn_id":"c"}'),
        (Way.order_socket, b'{"retCode":0,"retMsg":"OK","op":"pong","data":["1790000020000"],"connId":"c"}'),
        (Way.user_socket, b'{"success":true,"ret_msg":"pong","conn_id":"c","op":"ping"}'),
    ],
)
def test_every_form_of_a_pong_is_a_sign_of_life(way, data):
    assert gateway().on_text(way, data, NOW_NS) == [StreamEvent(told=Told.alive)]
    assert orjson.loads(gateway().ping(way, 3))["op"] == "ping"
