"""Orders, fills and wallets in Bybit's words: what a request says, and the rows that REST and private topics share.

v5 "Place Order", "Order" and "Execution" (private topics), "Get Wallet Balance", "Enums Definitions". Numbers are text,
flags are JSON booleans, times are milliseconds as text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

from streaming.emulator.exchange.words import (
    ExchangeOrder,
    Force,
    Held,
    NewOrder,
    OrderKind,
    OrderState,
    SelfTrade,
    Side,
    Trade,
)
from streaming.emulator.orders_bybit.errors import PARAMS, BybitError

Json = dict[str, object]
T = TypeVar("T")
Params = Mapping[str, object]
NS_PER_MS: Final = 1_000_000
CATEGORY: Final = "spot"
UNKNOWN: Final = "UNKNOWN"
NO_ERROR: Final = "EC_NoError"

SIDES: Final = {"Buy": Side.buy, "Sell": Side.sell}
SIDE_WORDS: Final = {side: word for word, side in SIDES.items()}
KINDS: Final = {"Limit": OrderKind.limit, "Market": OrderKind.market}
KIND_WORDS: Final = {kind: word for word, kind in KINDS.items()}
FORCES: Final = {"GTC": Force.gtc, "IOC": Force.ioc, "FOK": Force.fok, "PostOnly": Force.post_only}
FORCE_WORDS: Final = {force: word for word, force in FORCES.items()}
SELF_TRADES: Final = {
    "None": SelfTrade.none,
    "CancelMaker": SelfTrade.expire_maker,
    "CancelTaker": SelfTrade.expire_taker,
    "CancelBoth": SelfTrade.expire_both,
}
SELF_TRADE_WORDS: Final = {mode: word for word, mode in SELF_TRADES.items()}
OPEN_STATES: Final = {OrderState.new: "New", OrderState.partially_filled: "PartiallyFilled"}
END_REASONS: Final = {
    "user": ("CancelByUser", "EC_PerCancelRequest"),
    "ioc": (UNKNOWN, "EC_NoImmediateQtyToFill"),
    "fok": (UNKNOWN, "EC_CancelForNoFullFill"),
    "market": (UNKNOWN, "EC_NoImmediateQtyToFill"),
    "would_take": (UNKNOWN, "EC_PostOnlyWillTakeLiquidity"),
    "self_trade": ("CancelBySmp", "EC_CancelByOrderValueZero"),
    "countdown": ("CancelByDCP", "EC_PerCancelRequest"),
    "halted": ("CancelBySettle", "EC_SecurityStatus"),
}
"""`cancelType` and `rejectReason` by why an order ended."""
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,36}")


@dataclass(frozen=True, slots=True)
class OrderName:
    """Which order a request means; `orderId` counts where both are given."""

    symbol: str
    order_id: int | None
    client_id: str | None


def text(value: Decimal) -> str:
    """Return a number as Bybit prints it: no exponent, no trailing zeros."""
    return format(value.normalize(), "f") if value else "0"


def milliseconds(ts_ns: int) -> str:
    """Return a time as rows state it."""
    return str(ts_ns // NS_PER_MS)


def named(params: Params, name: str) -> str:
    """Return a parameter that must be there; BybitError 10001 otherwise."""
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise BybitError(PARAMS, f"params error: {name} is required and must be a string.")
    return value


def check_category(params: Params) -> None:
    """Refuse what is not about spot."""
    if params.get("category") != CATEGORY:
        raise BybitError(PARAMS, "Illegal category")


def optional(params: Params, name: str) -> str | None:
    """Return a parameter that may be left out."""
    return named(params, name) if params.get(name) else None


def whole(params: Params, name: str, default: int) -> int:
    """Return a whole number; `default` where it is left out."""
    value = str(params.get(name) or default)
    if not value.isdecimal():
        raise BybitError(PARAMS, f"params error: {name} invalid.")
    return int(value)


def _number(params: Params, name: str) -> Decimal | None:
    """Return a number given as text, None where there is none; a JSON number is refused, as the venue does."""
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        found = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or found <= 0:
        raise BybitError(PARAMS, f"params error: {name} invalid.")
    return found


def _one_of(params: Params, name: str, words: Mapping[str, T], default: str | None = None) -> T:
    word = params.get(name) or default
    if not isinstance(word, str) or word not in words:
        raise BybitError(PARAMS, f"params error: {name} invalid.")
    return words[word]


def client_id(params: Params) -> str:
    """Return `orderLinkId`, empty where there is none."""
    value = params.get("orderLinkId") or ""
    if not isinstance(value, str) or (value and _ID.fullmatch(value) is None):
        raise BybitError(PARAMS, "params error: orderLinkId is illegal.")
    return value


def read_order(params: Params) -> NewOrder:
    """Return the order of a creation. A market buy states what it spends unless `marketUnit` says `baseCoin`."""
    if params.get("orderFilter", "Order") != "Order" or params.get("triggerPrice"):
        raise BybitError(PARAMS, "params error: conditional orders are not supported here.")
    kind, side = _one_of(params, "orderType", KINDS), _one_of(params, "side", SIDES)
    size, price = _number(params, "qty"), _number(params, "price")
    if size is None or (kind is OrderKind.limit and price is None):
        raise BybitError(PARAMS, "params error: qty and, of a limit order, price are required.")
    unit = params.get("marketUnit") or ("quoteCoin" if side is Side.buy else "baseCoin")
    if unit not in ("baseCoin", "quoteCoin"):
        raise BybitError(PARAMS, "params error: marketUnit invalid.")
    is_quote = kind is OrderKind.market and unit == "quoteCoin"
    return NewOrder(
        symbol=named(params, "symbol"),
        side=side,
        kind=kind,
        force=Force.ioc if kind is OrderKind.market else _one_of(params, "timeInForce", FORCES, "GTC"),
        size=None if is_quote else size,
        quote_size=size if is_quote else None,
        price=price if kind is OrderKind.limit else None,
        client_id=client_id(params),
        self_trade=_one_of(params, "smpType", SELF_TRADES, "None"),
    )


def read_name(params: Params) -> OrderName:
    """Return which order a change or a cancel means."""
    order_id = params.get("orderId") or None
    if order_id is not None and not (isinstance(order_id, str) and order_id.isdecimal()):
        raise BybitError(PARAMS, "params error: orderId invalid.")
    link = client_id(params) or None
    if order_id is None and link is None:
        raise BybitError(PARAMS, "params error: orderId or orderLinkId is required.")
    return OrderName(named(params, "symbol"), None if order_id is None else int(order_id), link)


def read_amounts(params: Params) -> tuple[Decimal | None, Decimal | None]:
    """Return the new price and the new total size of a change."""
    price, size = _number(params, "price"), _number(params, "qty")
    if price is None and size is None:
        raise BybitError(PARAMS, "params error: nothing to modify.")
    return price, size


def status_word(order: ExchangeOrder) -> str:
    """Return `orderStatus`; an order that ended with a part filled has a word of its own on spot."""
    if order.is_open:
        return OPEN_STATES[order.state]
    if order.state is OrderState.filled:
        return "Filled"
    if order.filled:
        return "PartiallyFilledCanceled"
    return "Rejected" if order.state is OrderState.rejected else "Cancelled"


def _end_words(order: ExchangeOrder) -> tuple[str, str]:
    if order.is_open or order.state is OrderState.filled:
        return UNKNOWN, NO_ERROR
    if order.state is OrderState.expired_in_match:
        return END_REASONS["self_trade"]
    return END_REASONS.get(order.end_reason, (UNKNOWN, "EC_Others"))


def order_row(order: ExchangeOrder, fees: Mapping[str, Decimal]) -> Json:
    """Return an order as REST lists it and the topic `order` tells it. `fees` paid so far, by coin."""
    left = order.size - order.filled if order.is_open else Decimal(0)
    cancel, reject = _end_words(order)
    return {
        "orderId": str(order.order_id),
        "orderLinkId": order.client_id,
        "blockTradeId": "",
        "symbol": order.symbol,
        "price": text(order.price),
        "qty": text(order.size),
        "side": SIDE_WORDS[order.side],
        "isLeverage": "0",
        "positionIdx": 0,
        "orderStatus": status_word(order),
        "cancelType": cancel,
        "rejectReason": reject,
        "avgPrice": text(order.filled_quote / order.filled) if order.filled else "",
        "leavesQty": text(left),
        "leavesValue": text(left * order.price),
        "cumExecQty": text(order.filled),
        "cumExecValue": text(order.filled_quote),
        "cumExecFee": text(sum(fees.values(), Decimal(0))),
        "timeInForce": FORCE_WORDS[order.force],
        "orderType": KIND_WORDS[order.kind],
        **_CONSTANT_ORDER,
        "smpType": SELF_TRADE_WORDS[order.self_trade],
        "createdTime": milliseconds(order.ts_made_ns),
        "updatedTime": milliseconds(order.ts_changed_ns),
        "cumFeeDetail": {coin: text(fee) for coin, fee in fees.items()},
    }


_CONSTANT_ORDER: Final[Json] = {
    "stopOrderType": "",
    "orderIv": "",
    "marketUnit": "",
    "triggerPrice": "0",
    "takeProfit": "",
    "stopLoss": "",
    "tpTriggerBy": "",
    "slTriggerBy": "",
    "triggerDirection": 0,
    "triggerBy": "",
    "lastPriceOnCreated": "",
    "basePrice": "",
    "reduceOnly": False,
    "closeOnTrigger": False,
    "smpGroup": 0,
    "smpOrderId": "",
    "tpLimitPrice": "",
    "slLimitPrice": "",
    "placeType": "",
}
"""What only derivatives, conditional orders and groups of accounts use."""


def raced_row(row: Json) -> Json:
    """Return the second `Filled` that a cancel gets which came as the order filled."""
    return {**row, "cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist"}


def execution_row(trade: Trade, order: ExchangeOrder, sequence: int, rate: Decimal) -> Json:
    """Return a fill as REST lists it and the topic `execution` tells it."""
    return {
        "symbol": trade.symbol,
        "isLeverage": "0",
        "orderId": str(trade.order_id),
        "orderLinkId": order.client_id,
        "side": SIDE_WORDS[trade.side],
        "orderPrice": text(order.price),
        "orderQty": text(order.size),
        "leavesQty": text(order.size - order.filled),
        "orderType": KIND_WORDS[order.kind],
        "stopOrderType": UNKNOWN,
        "execFee": text(trade.fee),
        "execId": str(trade.trade_id),
        "execPrice": text(trade.price),
        "execQty": text(trade.size),
        "execType": "Trade",
        "execValue": text(trade.price * trade.size),
        "execTime": milliseconds(trade.ts_ns),
        "isMaker": trade.is_maker,
        "feeRate": text(rate),
        "feeCurrency": trade.fee_asset,
        "seq": sequence,
        **_CONSTANT_EXECUTION,
    }


_CONSTANT_EXECUTION: Final[Json] = {
    "tradeIv": "",
    "markIv": "",
    "markPrice": "",
    "indexPrice": "",
    "underlyingPrice": "",
    "blockTradeId": "",
    "closedSize": "",
    "execPnl": "0",
    "marketUnit": "",
    "extraFees": "",
}
FAST_FIELDS: Final = ("symbol", "execId", "execPrice", "execQty", "orderId", "isMaker", "side", "execTime", "seq")


def fast_row(row: Json) -> Json:
    """Return what the topic `execution.fast` says of a fill: a maker's order id of its own is left out."""
    link = "" if row["isMaker"] else row["orderLinkId"]
    return {"category": CATEGORY, **{name: row[name] for name in FAST_FIELDS}, "orderLinkId": link}


def wallet_row(held: Sequence[Held], usd: Mapping[str, Decimal]) -> Json:
    """Return a unified account's wallet as REST and the topic `wallet` state it. `usd` values of one coin, by coin."""
    coins = [_coin_row(each, usd.get(each.asset, Decimal(0))) for each in held]
    total = sum(((each.free + each.locked) * usd.get(each.asset, Decimal(0)) for each in held), Decimal(0))
    free = sum((each.free * usd.get(each.asset, Decimal(0)) for each in held), Decimal(0))
    return {
        "accountType": "UNIFIED",
        "accountIMRate": "",
        "accountMMRate": "",
        "totalEquity": text(total),
        "totalWalletBalance": text(total),
        "totalMarginBalance": text(total),
        "totalAvailableBalance": text(free),
        "totalPerpUPL": "0",
        "totalInitialMargin": "0",
        "totalMaintenanceMargin": "0",
        "accountLTV": "0",
        "coin": coins,
    }


def _coin_row(held: Held, usd: Decimal) -> Json:
    balance = held.free + held.locked
    return {
        "coin": held.asset,
        "equity": text(balance),
        "usdValue": text(balance * usd),
        "walletBalance": text(balance),
        "locked": text(held.locked),
        **_CONSTANT_COIN,
    }


_CONSTANT_COIN: Final[Json] = {
    "borrowAmount": "0",
    "accruedInterest": "0",
    "totalOrderIM": "0",
    "totalPositionIM": "0",
    "totalPositionMM": "0",
    "unrealisedPnl": "0",
    "cumRealisedPnl": "0",
    "bonus": "0",
    "collateralSwitch": True,
    "marginCollateral": True,
    "spotHedgingQty": "0",
    "spotBorrow": "0",
    "availableToWithdraw": "",
    "availableToBorrow": "",
}
