"""Calls of both Binance gateways, made and failed for tests."""

import orjson
import pytest
from binance_account import START_NS, gateway_of, instrument_of

from streaming.emulator.exchange_info import spot_exchange_info, usdm_exchange_info
from streaming.venues.binance_orders import BinanceOrders
from streaming.venues.gateway import (
    Call,
    CallKind,
    HttpReply,
    OrderSpec,
    Outcome,
    Way,
)
from streaming.venues.signing import Ed25519Signer, HmacSigner

VENUES = ("binance_usdm", "binance_spot")
INFORMATION = {"binance_usdm": usdm_exchange_info, "binance_spot": spot_exchange_info}
both = pytest.mark.parametrize("venue", VENUES)


def ready(venue: str, signer: Ed25519Signer | HmacSigner | None = None) -> BinanceOrders:
    gateway = gateway_of(venue, signer)
    call = gateway.ask(CallKind.rules, START_NS)
    assert gateway.on_http(call, HttpReply(status=200, body=INFORMATION[venue](1)), START_NS).is_accepted
    return gateway


def spec_of(venue: str, number: int = 1, **words: object) -> OrderSpec:
    one = instrument_of(venue)
    usual = {"price_ticks": one.tick.count("60000.1"), "size_units": one.size_unit.count("0.002")}
    return OrderSpec(client_order_id=number, instrument=one.id, **{**usual, **words})  # type: ignore[arg-type]


def place(gateway: BinanceOrders, way: Way = Way.order_socket, number: int = 1, **words: object) -> Call:
    call = gateway.order(CallKind.place, spec_of(gateway.venue, number, **words), way, START_NS)
    assert isinstance(call, Call), call
    return call


def failed(gateway: BinanceOrders, call: Call, status: int, body: bytes, **headers: str) -> Outcome:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.on_http(call, HttpReply(status=status, body=body, headers=told), START_NS)


def error(code: int, text: str = "words") -> bytes:
    return orjson.dumps({"code": code, "msg": text})
