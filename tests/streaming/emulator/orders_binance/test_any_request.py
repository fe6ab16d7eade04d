"""Whatever a client sends to the emulated Binance markets, the answer is in the venue's form, never an exception."""

import random

import orjson
import pytest
from binance_client import ACCOUNT, SPOT, SYMBOL, USDM, BinanceClient

from streaming.emulator.orders_binance.routes import API_METHODS, API_PATHS, PUBLIC_METHODS, REST_ROUTES

BOTH = pytest.mark.parametrize("venue", (USDM, SPOT))
WORDS = {
    "symbol": [SYMBOL, SYMBOL, SYMBOL, "NOSUCH", "", "币安USDT"],
    "side": ["BUY", "SELL", "buy"],
    "type": ["LIMIT", "LIMIT", "MARKET", "LIMIT_MAKER", "STOP", "STOP_LOSS"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    "quantity": ["0.01", "0.02", "15", "0", "1e5", "0.00001", "99999999999999999999"],
    "newQty": ["0.005", "0.01", "0", "x"],
    "price": ["25900.0", "26000.0", "26100.0", "0", "-1", "1." + "1" * 25],
    "quoteOrderQty": ["1000", "0", "abc"],
    "reduceOnly": ["true", "false", "maybe"],
    "orderId": ["90000000001", "28000000001", "1", "-1", "x", "9" * 30],
    "origClientOrderId": ["mm-0", "mm-1", "x" * 40, "", "' or 1=1"],
    "newClientOrderId": ["mm-0", "mm-1", "mm-2", "bad id", "x" * 40],
    "cancelReplaceMode": ["STOP_ON_FAILURE", "ALLOW_FAILURE", "NEITHER"],
    "cancelOrigClientOrderId": ["mm-0", "mm-1", "none"],
    "cancelRestrictions": ["ONLY_NEW", "ONLY_PARTIALLY_FILLED", "ANY"],
    "batchOrders": ["[]", "{", '[{"symbol":"BTCUSDT"}]', "[1]", '[{"symbol":null}]'],
    "orderIdList": ["[1]", "[]", "x", '["a"]', "[[1]]"],
    "countdownTime": ["0", "1000", "-5", "x", ""],
    "limit": ["1", "0", "1001", "x"],
    "fromId": ["1", "x"],
    "startTime": ["0", "1767571200000", "x"],
    "endTime": ["1767571200000", "9" * 19, "x"],
    "leverage": ["20", "x"],
    "marginType": ["CROSSED", "ISOLATED"],
    "dualSidePosition": ["true", "false", "x"],
    "newOrderRespType": ["ACK", "RESULT", "FULL", "NONE"],
    "selfTradePreventionMode": ["NONE", "EXPIRE_BOTH", "x"],
    "recvWindow": ["5000", "0.5", "60001", "x"],
    "timestamp": ["", "x", "0", "9" * 19],
    "subscriptionId": ["0", "x", "-1"],
    "listenKey": ["x" * 64],
}


def some_words(draw):
    # Most requests are of the right shape, so that they come far enough to do something.
    names = [name for name in WORDS if name not in ("timestamp", "recvWindow") or draw.random() < 0.05]
    likely = ["symbol", "side", "type", "timeInForce", "quantity", "price", "newClientOrderId"]
    chosen = {*draw.sample(names, draw.randint(0, 4)), *(likely if draw.random() < 0.6 else ())}
    return {name: draw.choice(WORDS[name][:2] if draw.random() < 0.7 else WORDS[name]) for name in sorted(chosen)}


@BOTH
@pytest.mark.parametrize("seed", range(2))
def test_every_request_is_answered_over_rest(venue, seed):
    client, draw = BinanceClient(venue), random.Random(seed)
    routes = [*REST_ROUTES[venue], ("PATCH", "/api/v3/order"), ("GET", "/nothing")]
    counts = {}
    for _ in range(250):
        method, path = draw.choice([routes[0], *routes])
        query = client.signed(some_words(draw))
        cut = draw.randrange(len(query)) if draw.random() < 0.05 else len(query)
        reply = client.raw(method, path, query[:cut], body=draw.choice((b"", b"", b"a=1&\xff", b"&&==")))
        document = orjson.loads(reply.body)
        assert reply.status in (200, 400, 401, 404, 409, 410, 418, 429), (reply.status, document)
        assert reply.status == 200 or {"code", "msg"} <= document.keys()
        counts[reply.status] = counts.get(reply.status, 0) + 1
        client.play(0.3)
    assert {200, 400} <= counts.keys()
    assert all(held.free >= 0 and held.locked >= 0 for held in client.exchange.balances(ACCOUNT)) or venue == USDM


@BOTH
@pytest.mark.parametrize("seed", range(2))
def test_every_request_is_answered_over_a_socket(venue, seed):
    client, draw = BinanceClient(venue), random.Random(seed)
    socket = client.open(API_PATHS[venue])
    own = ("session.logon", "session.status", "session.logout", "session.subscriptions", "userDataStream.subscribe")
    more = ("userDataStream.subscribe.signature", "userDataStream.unsubscribe", "no.such.method", "")
    methods = [*API_METHODS[venue], *PUBLIC_METHODS[venue], *own, *more]
    for _ in range(200):
        words = {
            name: int(word) if word.isdecimal() and len(word) < 15 else word for name, word in some_words(draw).items()
        }
        ask = draw.choice((socket.signed, socket.signed, socket.stamped))
        answer = ask(draw.choice(["order.place", *methods]), **words)
        assert answer["status"] == 200 or {"code", "msg"} <= answer["error"].keys(), answer
        socket.events()
        client.play(0.3)


@BOTH
def test_bytes_that_are_no_request_are_refused_and_the_connection_lives(venue):
    client, draw = BinanceClient(venue), random.Random(7)
    socket = client.open(API_PATHS[venue])
    good = orjson.dumps({"id": 1, "method": "time", "params": {}})
    for _ in range(300):
        data = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        socket.session.receive_text(bytes(data), client.now_ns)
        (answer,) = socket.hear()
        assert answer["status"] in (200, 400)
        socket.events()
        socket.told.clear()
        client.now_ns += 10**9
    assert socket.send("time", {})["status"] == 200
