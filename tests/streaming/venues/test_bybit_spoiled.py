"""Whatever Bybit might send is read, or is an error by name; nothing else comes out."""

from contextlib import suppress

import orjson
from bybit_messages import EXECUTION, LISTED, NOW_NS, ORDER, SPEC, gateway, ok
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.venues.gateway import (
    CallKind,
    FrameError,
    HttpReply,
    Way,
)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["0.1", "-1", "1e30", "99999999999999999999.9", "Infinity", "Filled", "2026-13-41T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEY_DOCUMENT = {
    "readOnly": 0,
    "permissions": {"Spot": ["SpotTrade"], "Wallet": []},
    "ips": ["*"],
    "expiredAt": "2026-12-21T10:00:00Z",
    "userID": 1,
    "uta": 1,
}
RESULTS = {
    CallKind.open_orders: {"list": [ORDER]},
    CallKind.trades: {"list": [EXECUTION]},
    CallKind.balances: {"list": [{"coin": [{"coin": "BTC", "walletBalance": "1", "locked": "0"}]}]},
    CallKind.fees: {"list": [{"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "0.001"}]},
    CallKind.time: {"timeNano": "1790000000123456789"},
    CallKind.permissions: KEY_DOCUMENT,
    CallKind.account: KEY_DOCUMENT,
    CallKind.rules: {"list": [LISTED]},
}


def spoiled(draw, document):
    """A document with one value, somewhere in it, that is anything."""
    if isinstance(document, dict) and document and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(document)))
        return {**document, name: spoiled(draw, document[name])}
    if isinstance(document, list) and document and draw(st.integers(0, 4)):
        return [spoiled(draw, document[0]), *document[1:]]
    return draw(ANYTHING)


@settings(max_examples=200)
@given(st.data())
def test_spoiled_event_is_read_or_named_and_what_is_read_fits_the_journal(data):
    made = gateway()
    coins = {"accountType": "UNIFIED", "coin": [{"coin": "BTC", "walletBalance": "1", "locked": "0"}]}
    name, row = data.draw(st.sampled_from([("order.spot", ORDER), ("execution.spot", EXECUTION), ("wallet", coins)]))
    spoilt = {**row, data.draw(st.sampled_from(sorted(row))): data.draw(ANYTHING)}
    message = {"topic": name, "creationTime": 1790000000712, "data": [spoilt]}
    frame = orjson.dumps(data.draw(st.sampled_from([message, spoiled(data.draw, message)])))
    try:
        heard = made.on_text(Way.user_socket, frame, NOW_NS)
    except FrameError:
        return
    for event in heard:
        for reply in event.replies:
            assert reply.decode(reply.encode()).trade_id == reply.trade_id


@settings(max_examples=200)
@given(st.data())
def test_spoiled_answer_is_read_or_named(data):
    made = gateway()
    kind = data.draw(st.sampled_from(sorted(RESULTS)))
    call = made.ask(kind, NOW_NS, symbol="BTCUSDT", since=NOW_NS)
    body = orjson.dumps(spoiled(data.draw, ok(RESULTS[kind])))
    with suppress(FrameError):
        outcome = made.on_http(call, HttpReply(status=200, body=body), NOW_NS)
        assert outcome.is_accepted == (outcome.action is None)


@settings(max_examples=100)
@given(st.data())
def test_spoiled_answer_over_the_trade_socket_is_read_or_named(data):
    made = gateway()
    call = made.order(CallKind.place, SPEC, Way.order_socket, NOW_NS)
    answer = {"reqId": str(call.number), "retCode": 0, "retMsg": "OK", "op": "order.create", "data": {}, "header": {}}
    with suppress(FrameError):
        made.on_text(Way.order_socket, orjson.dumps(spoiled(data.draw, answer)), NOW_NS)
