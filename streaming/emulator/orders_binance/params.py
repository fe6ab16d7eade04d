"""New orders out of Binance's parameters: what each type needs and may not have, and the code for each lapse."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.words import Force, NewOrder, OrderKind, SelfTrade
from streaming.emulator.orders_binance.errors import BAD_REQUEST, illegal, not_required
from streaming.emulator.orders_binance.requests import Params
from streaming.emulator.orders_binance.words import SELF_TRADES, SIDES, SPOT_FORCES, USDM_FORCES
from streaming.emulator.rest import RefusalError

USDM_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
SPOT_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,36}")
SPOT_ID_LEGAL: Final = "^[a-zA-Z0-9-_]{1,36}$"
USDM_CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
SPOT_CONDITIONAL: Final = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
USDM_TYPES: Final = {"LIMIT": OrderKind.limit, "MARKET": OrderKind.market}
SPOT_TYPES: Final = {**USDM_TYPES, "LIMIT_MAKER": OrderKind.limit}
ILLEGAL_RESPONSE: Final = "Illegal characters found in parameter 'newOrderRespType'."
RESPONSES: Final = {"ACK": 0, "RESULT": 0, "FULL": 0}


def usdm_order(params: Params) -> NewOrder:
    """Return what `POST /fapi/v1/order` asks for; RefusalError."""
    symbol, side = params.need("symbol"), params.one_of("side", SIDES, -1117, "Invalid side.")
    if params.get("type") in USDM_CONDITIONAL:
        text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
        raise RefusalError(BAD_REQUEST, -4120, text)
    kind = USDM_TYPES[params.one_of("type", USDM_TYPES, -1116, "Invalid orderType.")]
    if params.get("positionSide", "BOTH") != "BOTH":
        raise RefusalError(BAD_REQUEST, -4061, "Order's position side does not match user's setting.")
    if params.get("priceMatch", "NONE") != "NONE":
        raise RefusalError(BAD_REQUEST, -5037, "Invalid price match.")
    if params.get("closePosition", "false") != "false":
        raise RefusalError(BAD_REQUEST, -4136, "Target strategy invalid for orderType and closePosition.")
    return NewOrder(
        symbol=symbol,
        side=SIDES[side],
        kind=kind,
        force=_force(params, kind, USDM_FORCES),
        size=_above_zero(params, "quantity", -4003, "Quantity less than or equal to zero."),
        price=_price(params, kind, -4001, "Price less than 0."),
        client_id=usdm_id(params),
        is_reduce_only=params.flag("reduceOnly"),
        self_trade=_self_trade(params, -5039),
    )


def usdm_id(params: Params) -> str:
    """Return a client order id, empty where none was sent; RefusalError -4015."""
    text = params.get("newClientOrderId", "")
    if text and USDM_ID.fullmatch(text) is None:
        reason = "length should not be more than 36 chars" if len(text) > 36 else "is not valid"
        raise RefusalError(BAD_REQUEST, -4015, f"Client order id {reason}.")
    return text


def usdm_response(params: Params) -> str:
    """Return what form of answer a new order asks for; RefusalError."""
    return params.one_of("newOrderRespType", RESPONSES, -1100, ILLEGAL_RESPONSE, "ACK")


def spot_order(params: Params) -> NewOrder:
    """Return what `POST /api/v3/order` asks for; RefusalError."""
    symbol, side = params.need("symbol"), params.one_of("side", SIDES, -1117, "Invalid side.")
    word = params.get("type", "")
    if word in SPOT_CONDITIONAL:
        raise RefusalError(BAD_REQUEST, -2010, "Stop loss orders are not supported for this symbol.")
    kind = SPOT_TYPES[params.one_of("type", SPOT_TYPES, -1116, "Invalid orderType.")]
    if "icebergQty" in params:
        raise RefusalError(BAD_REQUEST, -2010, "Iceberg orders are not supported for this symbol.")
    is_by_quote = kind is OrderKind.market and "quoteOrderQty" in params
    if "quoteOrderQty" in params and (not is_by_quote or "quantity" in params):
        raise not_required("quoteOrderQty")
    if word == "LIMIT_MAKER" and "timeInForce" in params:
        raise not_required("timeInForce")
    return NewOrder(
        symbol=symbol,
        side=SIDES[side],
        kind=kind,
        force=Force.post_only if word == "LIMIT_MAKER" else _force(params, kind, SPOT_FORCES),
        size=None if is_by_quote else _above_zero(params, "quantity", -1013, "Invalid quantity."),
        quote_size=_above_zero(params, "quoteOrderQty", -1013, "Invalid quote order quantity.")
        if is_by_quote
        else None,
        price=_price(params, kind, -1013, "Invalid price."),
        client_id=spot_id(params),
        self_trade=_self_trade(params, -1013),
    )


def spot_id(params: Params, name: str = "newClientOrderId") -> str:
    """Return a client order id, empty where none was sent; RefusalError -1100."""
    text = params.get(name, "")
    if text and SPOT_ID.fullmatch(text) is None:
        raise illegal(name, SPOT_ID_LEGAL)
    return text


def spot_response(params: Params) -> str:
    """Return what form of answer a new order asks for; RefusalError."""
    usual = "ACK" if params.get("type") == "LIMIT_MAKER" else "FULL"
    return params.one_of("newOrderRespType", RESPONSES, -1100, ILLEGAL_RESPONSE, usual)


def _force(params: Params, kind: OrderKind, forces: Mapping[str, Force]) -> Force:
    if kind is OrderKind.market:
        if "timeInForce" in params:
            raise not_required("timeInForce")
        return Force.gtc
    return forces[params.one_of("timeInForce", forces, -1115, "Invalid timeInForce.")]


def _price(params: Params, kind: OrderKind, code: int, text: str) -> Decimal | None:
    if kind is OrderKind.market:
        if "price" in params:
            raise not_required("price")
        return None
    return _above_zero(params, "price", code, text)


def _above_zero(params: Params, name: str, code: int, text: str) -> Decimal:
    value = params.need_decimal(name)
    if not value:
        raise RefusalError(BAD_REQUEST, code, text)
    return value


def _self_trade(params: Params, code: int) -> SelfTrade:
    text = "Invalid selfTradePreventionMode."
    return SELF_TRADES[params.one_of("selfTradePreventionMode", SELF_TRADES, code, text, "EXPIRE_MAKER")]
