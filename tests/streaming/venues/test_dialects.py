"""What is said to the venues, and what their answers mean."""

import orjson
import pytest

from streaming.venues.dialect import ControlKind, FrameIds, StreamKind
from streaming.venues.dialects import DIALECTS
from streaming.venues.replies import Reply, problem_of

USDM, SPOT, BYBIT = (DIALECTS[name] for name in ("binance_usdm", "binance_spot", "bybit_spot"))


def test_usdm_trades_and_mark_prices_are_on_another_route_than_books():
    names = {route.name: [s.name for s in USDM.streams(route.name, "BTCUSDT")] for route in USDM.routes}
    assert names == {
        "public": ["btcusdt@depth@100ms", "btcusdt@bookTicker"],
        "market": ["btcusdt@aggTrade", "btcusdt@markPrice@1s"],
    }


@pytest.mark.parametrize("dialect", [USDM, SPOT])
def test_binance_subscribes_by_numbered_messages_of_bounded_size(dialect):
    messages = [orjson.loads(data) for data in dialect.subscribe([f"s{n}" for n in range(250)], 7)]
    assert [message["id"] for message in messages] == [7, 8, 9]
    assert [len(message["params"]) for message in messages] == [100, 100, 50]
    assert {message["method"] for message in messages} == {"SUBSCRIBE"}


def test_bybit_subscribes_to_ten_topics_a_message_at_most():
    messages = [orjson.loads(data) for data in BYBIT.subscribe([f"t{n}" for n in range(12)], 1)]
    assert [len(message["args"]) for message in messages] == [10, 2]


@pytest.mark.parametrize(
    ("dialect", "data", "kind"),
    [
        (USDM, b'{"result":null,"id":1}', ControlKind.ack),
        (USDM, b'{"error":{"code":2,"msg":"Invalid request"},"id":6}', ControlKind.refusal),
        (SPOT, b'{"code":2,"msg":"Invalid request","id":1}', ControlKind.refusal),
        (SPOT, b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', ControlKind.shutdown),
        (SPOT, b"<html>", ControlKind.unknown),
        (SPOT, b"[1]", ControlKind.unknown),
        (BYBIT, b'{"success":true,"ret_msg":"pong","conn_id":"x","op":"ping"}', ControlKind.pong),
        (BYBIT, b'{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}', ControlKind.ack),
        (BYBIT, b'{"success":false,"ret_msg":"bad topic","op":"subscribe"}', ControlKind.refusal),
        (BYBIT, b'{"success":false,"ret_msg":"not subscribed","op":"unsubscribe"}', ControlKind.ack),
        (BYBIT, b"", ControlKind.unknown),
    ],
)
def test_control_messages_are_known(dialect, data, kind):
    assert dialect.stream_of(data) is None
    assert dialect.control_of(data).kind is kind


def test_a_subscription_is_renewed_without_losing_a_frame_where_the_venue_allows_it():
    assert USDM.renew(["a"], 4) == USDM.subscribe(["a"], 4)
    operations = [orjson.loads(data) for data in BYBIT.renew(["a"], 4)]
    assert [(message["op"], message["req_id"]) for message in operations] == [
        ("unsubscribe", "s4"),
        ("subscribe", "s5"),
    ]


@pytest.mark.parametrize(
    ("dialect", "data", "name"),
    [
        (USDM, b'{"stream":"btcusdt@depth@100ms","data":{}}', "btcusdt@depth@100ms"),
        (SPOT, b'{"data":{},"stream":"btcusdt@trade"}', "btcusdt@trade"),
        (BYBIT, b'{"topic":"publicTrade.BTCUSDT","data":[]}', "publicTrade.BTCUSDT"),
        (BYBIT, b'{"ts":1,"topic":"orderbook.50.BTCUSDT"}', "orderbook.50.BTCUSDT"),
    ],
)
def test_frames_name_their_stream_in_any_order_of_keys(dialect, data, name):
    assert dialect.stream_of(data) == name


@pytest.mark.parametrize(
    ("dialect", "kind", "data", "ids"),
    [
        (USDM, StreamKind.book, {"stream": "x", "data": {"U": 5, "u": 9, "pu": 3}}, FrameIds(5, 9, 3)),
        (SPOT, StreamKind.book, {"stream": "x", "data": {"U": 5, "u": 9}}, FrameIds(5, 9)),
        (SPOT, StreamKind.trade, {"stream": "x", "data": {"e": "trade", "t": 7}}, FrameIds(keys=("7",))),
        (USDM, StreamKind.trade, {"stream": "x", "data": {"e": "aggTrade", "a": 8}}, FrameIds(keys=("8",))),
        (USDM, StreamKind.quote, {"stream": "x", "data": {"u": 4}}, FrameIds(last=4)),
        (USDM, StreamKind.mark, {"stream": "x", "data": {"e": "markPriceUpdate", "E": 6}}, FrameIds(keys=("6",))),
        (USDM, StreamKind.mark, {"stream": "x", "data": {"e": "markPriceUpdate"}}, None),
        (BYBIT, StreamKind.book, {"type": "snapshot", "data": {"u": 4}}, FrameIds(4, 4, None, True)),
        (BYBIT, StreamKind.trade, {"data": [{"i": "1"}, {"i": "2"}]}, FrameIds(keys=("1", "2"))),
        (SPOT, StreamKind.book, {"stream": "x", "data": {}}, None),
        (BYBIT, StreamKind.book, {}, None),
        (USDM, StreamKind.book, {"stream": "x", "data": {"U": 5, "u": "9", "pu": 3}}, None),
        (USDM, StreamKind.book, {"stream": "x", "data": {"U": 5, "u": 9, "pu": "3"}}, None),
        (SPOT, StreamKind.quote, {"stream": "x", "data": {"u": None}}, None),
        (SPOT, StreamKind.trade, {"stream": "x", "data": {"e": "trade", "t": {}}}, None),
        (BYBIT, StreamKind.book, {"type": "delta", "data": {"u": "4"}}, None),
        (BYBIT, StreamKind.trade, {"data": [{"i": "1"}, 2]}, None),
        (BYBIT, StreamKind.trade, {"data": {"i": "1"}}, None),
    ],
)
def test_frames_are_known_by_their_ids(dialect, kind, data, ids):
    assert dialect.ids_of(kind, orjson.dumps(data)) == ids


def test_bybit_has_no_snapshot_to_fetch_and_binance_asks_for_the_deepest():
    assert BYBIT.depth("BTCUSDT") is None
    usdm, spot = USDM.depth("BTCUSDT"), SPOT.depth("BTCUSDT")
    assert usdm is not None and (usdm.target, usdm.weight) == ("/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20)
    assert spot is not None and (spot.target, spot.weight) == ("/api/v3/depth?symbol=BTCUSDT&limit=5000", 250)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"<html>blocked</html>", 403, "HTTP 403 <html>blocked</html>"),
        (b"<html></html>", 200, "expected JSON"),
        (b"", 200, "empty reply"),
        (b"[]", 200, "expected a JSON object"),
        (b'{"lastUpdateId":1,"bids":[]}', 200, "found no asks"),
        (b'{"code":-1121,"msg":"Invalid symbol."}', 200, "error -1121: Invalid symbol."),
        (b'{"retCode":10006,"retMsg":"Too many visits!"}', 200, "retCode 10006: Too many visits!"),
    ],
)
def test_a_reply_that_is_no_snapshot_says_why(body, status, words):
    request = SPOT.depth("BTCUSDT")
    assert request is not None
    problem = problem_of(request, Reply(status, body))
    assert problem is not None and words in problem


def test_a_whole_snapshot_has_no_problem():
    request = SPOT.depth("BTCUSDT")
    assert request is not None
    assert problem_of(request, Reply(200, b'{"lastUpdateId":1,"bids":[],"asks":[]}')) is None
