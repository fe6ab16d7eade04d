"""Messages of Binance spot as its documentation prints them, and a gateway that is fed them by hand."""

import orjson
from binance_account import START_NS, SYMBOL, gateway_of, instrument_of

from streaming.emulator.exchange_info import spot_exchange_info
from streaming.venues.binance_orders import BinanceOrders
from streaming.venues.gateway import Call, CallKind, HttpReply, OrderSpec, Outcome, StreamEvent, Way
from streaming.venues.venue_reply import ReplyKind, VenueReply

OURS, SECOND = "test-0000000000000007", "test-0000000000000007r1"
ONE = instrument_of("binance_spot")
PRICE, SIZE = ONE.tick.count("60000.1"), ONE.size_unit.count("0.002")
SPEC = OrderSpec(client_order_id=7, instrument=ONE.id, price_ticks=PRICE, size_units=SIZE)
MOVED = OrderSpec(client_order_id=7, instrument=ONE.id, price_ticks=PRICE + 100, size_units=SIZE)
LESS = OrderSpec(client_order_id=7, instrument=ONE.id, price_ticks=PRICE, size_units=SIZE // 2)
ACK = {"symbol": SYMBOL, "orderId": 11, "orderListId": -1, "clientOrderId": OURS, "transactTime": 1790000000500}
RESULT = {
    **ACK,
    "price": "60000.10000000",
    "origQty": "0.00200000",
    "executedQty": "0.00000000",
    "status": "NEW",
    "side": "BUY",
}
GONE = {**RESULT, "origClientOrderId": OURS, "clientOrderId": "cxl-1", "status": "CANCELED"}
NEW = {**ACK, "orderId": 12, "clientOrderId": SECOND}
FILL = {
    "price": "60000.10000000",
    "qty": "0.00100000",
    "commission": "0.00000100",
    "commissionAsset": "BTC",
    "tradeId": 41,
}
REPORT = {
    "e": "executionReport",
    "E": 1790000000710,
    "s": SYMBOL,
    "c": OURS,
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "0.00200000",
    "p": "60000.10000000",
    "P": "0",
    "F": "0",
    "g": -1,
    "C": "",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "r": "NONE",
    "i": 11,
    "l": "0.00100000",
    "z": "0.00100000",
    "L": "60000.10000000",
    "n": "0.00000100",
    "N": "BTC",
    "T": 1790000000700,
    "t": 41,
    "I": 9,
    "w": True,
    "m": True,
    "M": True,
    "O": 1790000000500,
    "Z": "60.0",
    "Y": "60.0",
    "Q": "0",
    "W": 1790000000500,
    "V": "EXPIRE_MAKER",
}
QUIET = {"t": -1, "l": "0.00000000", "L": "0.00000000", "z": "0.00000000", "N": None, "n": "0"}
FAILED = {"cancelResult": "FAILURE", "newOrderResult": "NOT_ATTEMPTED", "newOrderResponse": None}


def ready() -> BinanceOrders:
    gateway = gateway_of("binance_spot")
    heard(gateway, CallKind.rules, orjson.loads(spot_exchange_info(1)))
    return gateway


def resting() -> BinanceOrders:
    gateway = ready()
    done(gateway, CallKind.place, SPEC, RESULT)
    return gateway


def heard(gateway: BinanceOrders, kind: CallKind, document: object) -> Outcome:
    call = gateway.ask(kind, START_NS, symbol=SYMBOL)
    return gateway.on_http(call, HttpReply(status=200, body=orjson.dumps(document)), START_NS)


def asked(gateway: BinanceOrders, kind: CallKind, spec: OrderSpec = SPEC, ts_ns: int = START_NS) -> Call:
    call = gateway.order(kind, spec, Way.order_socket, ts_ns)
    assert isinstance(call, Call), call
    return call


def answer(gateway: BinanceOrders, call: Call, result: object, ts_ns: int = START_NS) -> Outcome:
    data = orjson.dumps({"id": call.number, "status": 200, "result": result})
    (found,) = gateway.on_text(Way.order_socket, data, ts_ns)
    assert isinstance(found, Outcome)
    return found


def refuse(
    gateway: BinanceOrders, call: Call, code: int, text: str = "", ts_ns: int = START_NS, **error: object
) -> Outcome:
    failed = {"code": code, "msg": text, **error}
    data = orjson.dumps({"id": call.number, "status": 409 if error else 400, "error": failed})
    (found,) = gateway.on_text(Way.order_socket, data, ts_ns)
    assert isinstance(found, Outcome)
    return found


def done(gateway: BinanceOrders, kind: CallKind, spec: OrderSpec, result: object) -> tuple[VenueReply, ...]:
    return answer(gateway, asked(gateway, kind, spec), result).replies


def told(gateway: BinanceOrders, **changed: object) -> VenueReply | None:
    data = orjson.dumps({"subscriptionId": 0, "event": {**REPORT, **changed}})
    (event, *_) = gateway.on_text(Way.order_socket, data, START_NS)
    assert isinstance(event, StreamEvent)
    return event.replies[0] if event.replies else None


def sent(call: Call) -> dict[str, object]:
    message = orjson.loads(call.body)
    return {"method": message["method"], **message["params"]}


def kinds(replies: tuple[VenueReply, ...]) -> list[ReplyKind]:
    return [reply.kind for reply in replies]
