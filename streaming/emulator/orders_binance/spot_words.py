"""Documents of spot's private side: orders, cancels, fills, account. Page "Trading endpoints", "Account endpoints"."""

from collections.abc import Sequence
from typing import Final

from streaming.emulator.exchange.accounts import ApiKey, FeeRates
from streaming.emulator.exchange.words import ExchangeOrder, Held, OrderState, Side, Trade
from streaming.emulator.orders_binance.words import (
    SELF_TRADE_WORDS,
    SIDE_WORDS,
    SPOT,
    SPOT_DECIMALS,
    SPOT_EXPIRE_REASONS,
    SPOT_FORCE_WORDS,
    STATES,
    Json,
    Print,
    decimal_text,
    milliseconds,
    type_word,
)

ZERO: Final = "0.00000000"
NO_RATES: Final[Json] = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}


def placed_document(order: ExchangeOrder, form: Print, trades: Sequence[Trade], response: str) -> Json:
    """Return a new order as `response` asks: ACK, RESULT or FULL with `trades`, its fills."""
    document: Json = {"symbol": order.symbol, "orderId": order.order_id, "orderListId": -1}
    document |= {"clientOrderId": order.client_id, "transactTime": milliseconds(order.ts_changed_ns)}
    if response == "ACK":
        return document
    document |= _state(order, form) | {"workingTime": milliseconds(order.ts_made_ns)}
    document |= {"selfTradePreventionMode": SELF_TRADE_WORDS[order.self_trade]} | _expiry(order)
    return document if response == "RESULT" else document | {"fills": [_fill(each, form) for each in trades]}


def cancelled_document(order: ExchangeOrder, form: Print, cancel_id: str) -> Json:
    """Return the answer of a cancel: `origClientOrderId` is the order's own, `clientOrderId` the cancel's."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": cancel_id,
        "transactTime": milliseconds(order.ts_changed_ns),
        **_state(order, form),
        "selfTradePreventionMode": SELF_TRADE_WORDS[order.self_trade],
    }


def queried_document(order: ExchangeOrder, form: Print) -> Json:
    """Return an order as queries answer it."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        **_state(order, form),
        "stopPrice": ZERO,
        "icebergQty": ZERO,
        "time": milliseconds(order.ts_made_ns),
        "updateTime": milliseconds(order.ts_changed_ns),
        "isWorking": True,
        "workingTime": milliseconds(order.ts_made_ns),
        "selfTradePreventionMode": SELF_TRADE_WORDS[order.self_trade],
        **_expiry(order),
    }


def amended_document(order: ExchangeOrder, form: Print, former_id: str, execution_id: int) -> Json:
    """Return the answer of a change that kept priority; it spells `qty` and `cumulativeQuoteQty` its own way."""
    amended: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "origClientOrderId": former_id,
        "clientOrderId": order.client_id,
        "price": form.price(order.price),
        "qty": form.size(order.size),
        "executedQty": form.size(order.filled),
        "preventedQty": ZERO,
        "quoteOrderQty": ZERO,
        "cumulativeQuoteQty": decimal_text(order.filled_quote, SPOT_DECIMALS),
        "status": STATES[order.state],
        "timeInForce": SPOT_FORCE_WORDS[order.force],
        "type": type_word(order, SPOT),
        "side": SIDE_WORDS[order.side],
        "workingTime": milliseconds(order.ts_made_ns),
        "selfTradePreventionMode": SELF_TRADE_WORDS[order.self_trade],
    }
    ts_ms = milliseconds(order.ts_changed_ns)
    return {"transactTime": ts_ms, "executionId": execution_id, "amendedOrder": amended}


def trade_document(trade: Trade, form: Print) -> Json:
    """Return one row of `myTrades`."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": -1,
        "price": form.price(trade.price),
        "qty": form.size(trade.size),
        "quoteQty": decimal_text(trade.price * trade.size, SPOT_DECIMALS),
        "commission": decimal_text(trade.fee, SPOT_DECIMALS),
        "commissionAsset": trade.fee_asset,
        "time": milliseconds(trade.ts_ns),
        "isBuyer": trade.side is Side.buy,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account_document(
    account: str, key: ApiKey | None, held: Sequence[Held], rates: FeeRates, now_ms: int, *, omits_zero: bool
) -> Json:
    """Return `account`."""
    shown = [each for each in held if not omits_zero or each.free or each.locked]
    return {
        "makerCommission": int(rates.maker * 10_000),
        "takerCommission": int(rates.taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates_document(rates),
        "canTrade": key is None or key.may_trade,
        "canWithdraw": key is not None and key.may_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": now_ms,
        "accountType": "SPOT",
        "balances": [balance_row(each) for each in shown],
        "permissions": ["SPOT"],
        "uid": int(account) if account.isdecimal() else 0,
    }


def balance_row(held: Held) -> Json:
    """Return one asset of `account`."""
    free, locked = decimal_text(held.free, SPOT_DECIMALS), decimal_text(held.locked, SPOT_DECIMALS)
    return {"asset": held.asset, "free": free, "locked": locked}


def rates_document(rates: FeeRates) -> Json:
    """Return what orders cost, as shares."""
    shown = {"maker": decimal_text(rates.maker, SPOT_DECIMALS), "taker": decimal_text(rates.taker, SPOT_DECIMALS)}
    return {**NO_RATES, **shown}


def restrictions_document(key: ApiKey) -> Json:
    """Return `GET /sapi/v1/account/apiRestrictions`: what a key may do."""
    document: Json = {
        "ipRestrict": bool(key.addresses),
        "createTime": milliseconds(key.made_ns),
        "enableReading": True,
        "enableWithdrawals": key.may_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": key.may_trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": True,
        "enableSpotAndMarginTrading": key.may_trade,
        "enablePortfolioMarginTrading": False,
    }
    ends = {"tradingAuthorityExpirationTime": milliseconds(key.expires_ns)} if key.expires_ns else {}
    return document | ends


def _state(order: ExchangeOrder, form: Print) -> Json:
    return {
        "price": form.price(order.price),
        "origQty": form.size(order.size),
        "executedQty": form.size(order.filled),
        "origQuoteOrderQty": ZERO,
        "cummulativeQuoteQty": decimal_text(order.filled_quote, SPOT_DECIMALS),
        "status": STATES[order.state],
        "timeInForce": SPOT_FORCE_WORDS[order.force],
        "type": type_word(order, SPOT),
        "side": SIDE_WORDS[order.side],
    }


def _expiry(order: ExchangeOrder) -> Json:
    reason = SPOT_EXPIRE_REASONS.get(order.end_reason)
    return {"expiryReason": reason} if order.state is OrderState.expired and reason else {}


def _fill(trade: Trade, form: Print) -> Json:
    return {
        "price": form.price(trade.price),
        "qty": form.size(trade.size),
        "commission": decimal_text(trade.fee, SPOT_DECIMALS),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    }
