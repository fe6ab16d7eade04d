"""What the Binance gateways make of answers: outcomes, limits, pages of proxies, strange messages."""

import orjson
import pytest
from binance_account import MS, START_NS, SYMBOL, S, gateway_of
from binance_calls import both, error, failed, place, ready, spec_of
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
    FrameError,
    Outcome,
    StreamEvent,
    Told,
    Way,
)
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason


@both
@pytest.mark.parametrize(
    ("code", "status", "action", "kind"),
    [
        (-2015, 401, Action.halt, ReplyKind.rejected),
        (-1013, 400, Action.refuse, ReplyKind.rejected),
        (-1121, 400, Action.halt_instrument, ReplyKind.rejected),
        (-1007, 408, Action.resolve, ReplyKind.unanswered),
        (-1000, 500, Action.resolve, ReplyKind.unanswered),
        (-1021, 400, Action.resync_clock, None),
        (-1003, 429, Action.wait, None),
        (-1008, 503, Action.retry, None),
    ],
)
def test_error_of_a_placement_tells_the_engine_what_is_certain(
    venue: str, code: int, status: int, action: Action, kind: ReplyKind | None
) -> None:
    gateway = ready(venue)

    over_rest = failed(gateway, place(gateway, Way.rest), status, error(code))
    call = place(gateway, number=2)
    answer = orjson.dumps({"id": call.number, "status": status, "error": {"code": code, "msg": "words"}})
    (over_socket,) = gateway.on_text(Way.order_socket, answer, START_NS)

    for outcome in (over_rest, over_socket):
        assert isinstance(outcome, Outcome)
        assert (outcome.is_accepted, outcome.action, outcome.code) == (False, action, code)
        assert [reply.kind for reply in outcome.replies] == ([] if kind is None else [kind])


@both
@pytest.mark.parametrize(
    ("kind", "code", "expected"),
    [
        (CallKind.cancel, -2011, ReplyKind.cancel_rejected),
        (CallKind.cancel, -1007, ReplyKind.unanswered),
        (CallKind.query, -2013, None),
        (CallKind.query, -1007, None),
    ],
)
def test_error_of_a_cancel_or_a_query_never_ends_an_order(
    venue: str, kind: CallKind, code: int, expected: ReplyKind | None
) -> None:
    gateway = ready(venue)
    call = gateway.order(kind, spec_of(venue), Way.rest, START_NS)
    assert isinstance(call, Call)

    outcome = failed(gateway, call, 400, error(code))

    assert [reply.kind for reply in outcome.replies] == ([] if expected is None else [expected])


@both
def test_call_without_an_answer_leaves_its_outcome_open_and_a_late_answer_closes_it(venue: str) -> None:
    gateway = ready(venue)
    call = place(gateway)

    given_up = gateway.on_unanswered(call, START_NS, "no answer within 2 s")
    late = orjson.dumps({"id": call.number, "status": 400, "error": {"code": -1013, "msg": "Filter failure: LOT_SIZE"}})
    (heard,) = gateway.on_text(Way.order_socket, late, START_NS)
    (again,) = gateway.on_text(Way.order_socket, late, START_NS)

    assert (given_up.action, [reply.kind for reply in given_up.replies]) == (Action.resolve, [ReplyKind.unanswered])
    assert given_up.replies[0].origin is Origin.shell
    assert isinstance(heard, Outcome)
    assert [reply.kind for reply in heard.replies] == [ReplyKind.rejected]
    assert isinstance(again, StreamEvent)
    assert again.told is Told.unknown


@both
def test_question_without_an_answer_is_asked_again(venue: str) -> None:
    gateway = ready(venue)

    outcome = gateway.on_unanswered(gateway.ask(CallKind.balances, START_NS), START_NS, "no answer")

    assert (outcome.action, outcome.replies) == (Action.retry, ())


@both
def test_call_that_never_left_leaves_nothing_open(venue: str) -> None:
    gateway = ready(venue)

    outcome = gateway.on_unanswered(place(gateway), START_NS, "never sent: no budget")

    assert (outcome.action, outcome.reason, outcome.replies) == (Action.retry, VenueReason.never_sent, ())


@both
def test_lost_socket_names_the_calls_under_way_on_it(venue: str) -> None:
    gateway = ready(venue)
    call, _ = place(gateway), place(gateway, Way.rest, 2)

    assert [*gateway.on_lost(Way.order_socket)] == [call]


@both
@pytest.mark.parametrize(
    ("status", "headers", "wait_s"),
    [(429, {"retry_after": "7"}, 7), (429, {}, 60), (418, {}, 120), (418, {"retry_after": "never"}, 120)],
)
def test_limits_hold_until_the_venue_says(venue: str, status: int, headers: dict[str, str], wait_s: int) -> None:
    gateway = ready(venue)

    outcome = failed(gateway, place(gateway, Way.rest), status, error(-1003), **headers)

    assert (outcome.action, outcome.retry_at_ns) == (Action.wait, START_NS + wait_s * S)


@both
def test_limit_told_over_a_socket_is_of_the_venues_clock(venue: str) -> None:
    gateway = ready(venue)
    gateway.set_clock_offset(2 * S)
    call = place(gateway)
    data = {"serverTime": 1, "retryAfter": (START_NS + 9 * S) // MS}
    answer = {"id": call.number, "status": 429, "error": {"code": -1003, "msg": "words", "data": data}}

    (outcome,) = gateway.on_text(Way.order_socket, orjson.dumps(answer), START_NS)

    assert isinstance(outcome, Outcome)
    assert outcome.retry_at_ns == START_NS + 7 * S


@both
def test_what_headers_and_answers_say_of_limits_is_told(venue: str) -> None:
    gateway = ready(venue)

    outcome = failed(gateway, place(gateway, Way.rest), 400, error(-2010), x_mbx_used_weight_1m="37")

    assert [(use.name, use.used) for use in outcome.limits] == [("weight_1m", 37)]


@both
@pytest.mark.parametrize("body", [b"<html>Bad Gateway</html>", b"", b"[]", b'{"code":"x"}', b"\xff\xfe"])
def test_page_of_a_proxy_is_judged_by_its_status(venue: str, body: bytes) -> None:
    gateway = ready(venue)

    outcome = failed(gateway, place(gateway, Way.rest), 502, body)

    assert (outcome.action, outcome.code) == (Action.resolve, 502)


@both
def test_error_under_a_status_of_success_is_an_error(venue: str) -> None:
    gateway = ready(venue)

    assert failed(gateway, place(gateway, Way.rest), 200, error(-2010)).action is Action.refuse


@both
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"orderId":"x"}', b'{"orderId":1.5}'])
def test_success_that_cannot_be_read_is_named_with_its_frame(venue: str, body: bytes) -> None:
    gateway = ready(venue)

    with pytest.raises(FrameError, match="expected"):
        failed(gateway, place(gateway, Way.rest), 200, body)


@both
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_message_brings_out_another_error_than_the_documented_one(venue: str, data: bytes) -> None:
    gateway = gateway_of(venue)

    for way in (Way.order_socket, Way.user_socket):
        try:
            gateway.on_text(way, data, START_NS)
        except FrameError as problem:
            assert len(str(problem)) < 600


_TEXTS = st.sampled_from(["", "0", "--5", "-1", "1e-40", "9" * 30, "0.001", "60000.1", "NEW", "TRADE", "BUY", "USDT"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _TEXTS | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("apswu"), inner, max_size=3),
    max_leaves=4,
)
_USDM = {
    "e": "ORDER_TRADE_UPDATE",
    "s": SYMBOL,
    "c": "test-0000000000000007",
    "S": "BUY",
    "q": "0.002",
    "p": "60000.1",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "i": 9,
    "l": "0.001",
    "z": "0.001",
    "L": "60000.1",
    "N": "USDT",
    "n": "0.01",
    "T": 1,
    "t": 5,
    "m": True,
    "E": 1,
    "C": "",
}


@both
@given(st.dictionaries(st.sampled_from(sorted(_USDM.keys() - {"e", "s"})), _JSON, max_size=3), st.booleans())
def test_events_of_any_shape_are_read_or_refused_and_fit_the_journal(
    venue: str, changed: dict[str, object], is_account: bool
) -> None:
    gateway = gateway_of(venue)
    fields = {**_USDM, **changed}
    account = {"m": "FUNDING_FEE", "S": SYMBOL, "B": [{"a": "USDT", "wb": "1", "bc": changed.get("n")}]}
    event = {"e": "ACCOUNT_UPDATE", "a": account, "T": changed.get("T")} if is_account else {**fields, "o": fields}
    if venue == "binance_spot":
        event = {**fields, "e": "executionReport"}

    try:
        heard = gateway.on_text(Way.user_socket, orjson.dumps(event), START_NS)
    except FrameError as problem:
        assert str(problem)
        return

    replies = [reply for one in heard if isinstance(one, StreamEvent) for reply in one.replies]
    assert [type(reply).decode(reply.encode()) for reply in replies] == replies


@both
def test_message_of_no_known_form_is_counted(venue: str) -> None:
    gateway = ready(venue)

    heard = [*gateway.on_text(Way.order_socket, b'{"what":1}', START_NS)]
    heard += gateway.on_text(Way.order_socket, b'{"e":"somethingNew","E":1}', START_NS)

    assert [one.told for one in heard if isinstance(one, StreamEvent)] == [Told.unknown, Told.unknown]
    assert sum(gateway.unknown.values()) == 2


@both
def test_key_that_is_revoked_while_the_session_stands_ends_it(venue: str) -> None:
    gateway = ready(venue)
    message = b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}'

    (heard,) = gateway.on_text(Way.order_socket, message, START_NS)

    assert isinstance(heard, StreamEvent)
    assert heard.told is Told.ended
