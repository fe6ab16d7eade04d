"""Messages as Bybit documents them, a gateway that has its filters, and ways to hand it answers."""

import hashlib
import hmac

import orjson

from streaming.venues.bybit_orders import BybitOrders
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    CallKind,
    HttpReply,
    OrderSpec,
    StreamEvent,
    TimeInForce,
    Way,
)
from streaming.venues.instruments import Instrument, Instruments, Step
from streaming.venues.signing import HmacSigner

KEY, SECRET = "TESTKEY0001", "test-secret-0001"
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NOW_NS = 1_790_000_000_000 * NS_PER_MS
BTC = Instrument(id=4, symbol="BTCUSDT", tick=Step.of("0.1"), size_unit=Step.of("0.000001"), base="BTC", quote="USDT")
NUMBER = (7 << 32) | 1
TEXT = "lob-0000000700000001"
SPEC = OrderSpec(
    client_order_id=NUMBER,
    instrument=4,
    price_ticks=600_001,
    size_units=1_000,
    time_in_force=TimeInForce.post_only,
)
LISTED = {
    "symbol": "BTCUSDT",
    "status": "Trading",
    "lotSizeFilter": {
        "basePrecision": "0.000001",
        "quotePrecision": "0.0000001",
        "minOrderQty": "0.000011",
        "minOrderAmt": "5",
        "maxLimitOrderQty": "83",
        "maxMarketOrderQty": "41.5",
        "postOnlyMaxLimitOrderSize": "415",
    },
    "priceFilter": {"tickSize": "0.1"},
}
ORDER = {
    "category": "spot",
    "orderId": "1890000000000000001",
    "orderLinkId": TEXT,
    "symbol": "BTCUSDT",
    "price": "60000.1",
    "qty": "0.001",
    "side": "Buy",
    "orderStatus": "New",
    "cancelType": "UNKNOWN",
    "rejectReason": "EC_NoError",
    "avgPrice": "",
    "leavesQty": "0.001",
    "cumExecQty": "0",
    "timeInForce": "PostOnly",
    "orderType": "Limit",
    "createdTime": "1790000000131",
    "updatedTime": "1790000000133",
    "somethingNew": {"of": ["next", "year"]},
}
EXECUTION = {
    "category": "spot",
    "symbol": "BTCUSDT",
    "orderId": "1890000000000000001",
    "orderLinkId": TEXT,
    "side": "Buy",
    "orderPrice": "60000.1",
    "orderQty": "0.001",
    "leavesQty": "0.0006",
    "execFee": "0.0000004",
    "execId": "2290000000112345679",
    "execPrice": "60000.1",
    "execQty": "0.0004",
    "execType": "Trade",
    "execTime": "1790000000709",
    "isMaker": True,
    "feeRate": "0.001",
    "feeCurrency": "BTC",
    "seq": 7961638750,
}


def ok(result, **more):
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1790000000130, **more}


def http(document, status=200, **headers):
    return HttpReply(status=status, body=orjson.dumps(document), headers=headers)


def gateway(*, has_rules=True):
    made = BybitOrders(KEY, HmacSigner(SECRET), Instruments([BTC]), ClientIds("lob"))
    if has_rules:
        outcome = made.on_http(made.ask(CallKind.rules, NOW_NS), http(ok({"list": [LISTED]})), NOW_NS)
        assert outcome.is_accepted
    return made


def topic(name, *rows):
    return orjson.dumps({"id": "1", "topic": name, "creationTime": 1790000000712, "data": list(rows)})


def told(made, name, *rows, ts_ns=NOW_NS):
    (event,) = made.on_text(Way.user_socket, topic(name, *rows), ts_ns)
    assert isinstance(event, StreamEvent)
    return event


def answered(made, call, code=0, text="OK", **more):
    document = {"reqId": str(call.number), "retCode": code, "retMsg": text, "op": "order.create", "data": {}, **more}
    return made.on_text(Way.order_socket, orjson.dumps(document), NOW_NS)


def outcome_of(made, call, code=0, **more):
    return answered(made, call, code, **more)[0]


def signed(text):
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def asked(made, kind, result, **more):
    return made.on_http(made.ask(kind, NOW_NS, **more), http(ok(result)), NOW_NS)


def queried(made, *rows, ts_ns=NOW_NS):
    call = made.order(CallKind.query, SPEC, Way.rest, ts_ns)
    return call, made.on_http(call, http(ok({"list": list(rows)})), ts_ns)
