"""Documents of Binance USD-M, and a gateway that hears them."""

import orjson
from binance_account import START_NS, SYMBOL, gateway_of, instrument_of

from streaming.emulator.exchange_info import usdm_exchange_info
from streaming.venues.binance_orders import BinanceOrders
from streaming.venues.gateway import (
    Call,
    CallKind,
    HttpReply,
    OrderSpec,
    Outcome,
    StreamEvent,
    Way,
)
from streaming.venues.venue_reply import VenueReply

OURS = "test-0000000000000007"
ONE = instrument_of("binance_usdm")
SPEC = OrderSpec(
    client_order_id=7, instrument=ONE.id, price_ticks=ONE.tick.count("60000.1"), size_units=ONE.size_unit.count("0.002")
)
ORDER = {
    "orderId": 90000000001,
    "symbol": SYMBOL,
    "status": "NEW",
    "clientOrderId": OURS,
    "price": "60000.10",
    "origQty": "0.002",
    "executedQty": "0.000",
    "side": "BUY",
    "updateTime": 1790000000500,
}
TRADE = {
    "symbol": SYMBOL,
    "id": 5000000013,
    "orderId": 90000000001,
    "side": "BUY",
    "price": "60000.10",
    "qty": "0.002",
    "commission": "-0.02400004",
    "commissionAsset": "USDT",
    "maker": True,
    "time": 1790000003000,
}
EVENT = {
    "s": SYMBOL,
    "c": OURS,
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTX",
    "q": "0.002",
    "p": "60000.10",
    "ap": "60000.10",
    "sp": "0",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "i": 90000000001,
    "l": "0.001",
    "z": "0.001",
    "L": "60000.10",
    "N": "USDT",
    "n": "0.01200002",
    "T": 1790000003005,
    "t": 5000000013,
    "b": "60.00010",
    "a": "0",
    "m": True,
    "R": False,
    "wt": "CONTRACT_PRICE",
    "ot": "LIMIT",
    "ps": "BOTH",
    "cp": False,
    "rp": "0",
    "pP": False,
    "si": 0,
    "ss": 0,
    "V": "EXPIRE_MAKER",
    "pm": "NONE",
    "gtd": 0,
    "er": "0",
}


def ready() -> BinanceOrders:
    gateway = gateway_of("binance_usdm")
    heard(gateway, CallKind.rules, orjson.loads(usdm_exchange_info(1)))
    return gateway


def heard(gateway: BinanceOrders, kind: CallKind, document: object, status: int = 200) -> Outcome:
    call = gateway.ask(kind, START_NS, symbol=SYMBOL)
    return gateway.on_http(call, HttpReply(status=status, body=orjson.dumps(document)), START_NS)


def about(gateway: BinanceOrders, kind: CallKind, **changed: object) -> Outcome:
    call = gateway.order(kind, SPEC, Way.rest, START_NS)
    assert isinstance(call, Call), call
    return gateway.on_http(call, HttpReply(status=200, body=orjson.dumps({**ORDER, **changed})), START_NS)


def events(gateway: BinanceOrders, document: dict[str, object]) -> list[StreamEvent]:
    found = gateway.on_text(
        Way.user_socket, orjson.dumps({"E": 1790000003010, "T": 1790000003005, **document}), START_NS
    )
    return [one for one in found if isinstance(one, StreamEvent)]


def told(gateway: BinanceOrders, **changed: object) -> VenueReply | None:
    (event, *_) = events(gateway, {"e": "ORDER_TRADE_UPDATE", "o": {**EVENT, **changed}})
    return event.replies[0] if event.replies else None
