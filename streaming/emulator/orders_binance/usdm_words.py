"""Documents of USD-M's private side: orders, fills, balances, positions. Pages "Trade" and "Account" of the venue."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.exchange.words import ExchangeOrder, Held, PerpetualPosition, Side, Trade
from streaming.emulator.orders_binance.words import (
    SELF_TRADE_WORDS,
    SIDE_WORDS,
    STATES,
    USDM,
    USDM_FORCE_WORDS,
    Json,
    Print,
    average_price,
    decimal_text,
    milliseconds,
    type_word,
)

MONEY_DECIMALS: Final = 8
LEVERAGE: Final = 20
"""Of every symbol, as `requiredMarginPercent` of the exchange information says."""
MAINTENANCE: Final = Decimal("0.025")
NOTIONAL_MAX: Final = "50000000"
NOT_PRINTED: Final = "0"


def order_document(order: ExchangeOrder, form: Print) -> Json:
    """Return an order as placing, changing and cancelling answer it: no average price, no quote volume."""
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": STATES[order.state],
        "clientOrderId": order.client_id,
        "price": form.price(order.price),
        "origQty": form.size(order.size),
        "executedQty": form.size(order.filled),
        "cumQty": form.size(order.filled),
        "timeInForce": USDM_FORCE_WORDS[order.force],
        "type": type_word(order, USDM),
        "reduceOnly": order.is_reduce_only,
        "closePosition": False,
        "side": SIDE_WORDS[order.side],
        "positionSide": "BOTH",
        "stopPrice": form.price(Decimal(0)),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": type_word(order, USDM),
        "priceMatch": "NONE",
        "selfTradePreventionMode": SELF_TRADE_WORDS[order.self_trade],
        "goodTillDate": 0,
        "updateTime": milliseconds(order.ts_changed_ns),
    }


def queried_document(order: ExchangeOrder, form: Print) -> Json:
    """Return an order as queries answer it."""
    document = order_document(order, form)
    del document["cumQty"]
    average, quote = form.price(average_price(order)), decimal_text(order.filled_quote, 5)
    return document | {"avgPrice": average, "cumQuote": quote, "time": milliseconds(order.ts_made_ns)}


def trade_document(trade: Trade, form: Print) -> Json:
    """Return one row of `userTrades`."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": SIDE_WORDS[trade.side],
        "price": form.price(trade.price),
        "qty": form.size(trade.size),
        "realizedPnl": decimal_text(trade.realised, MONEY_DECIMALS),
        "quoteQty": decimal_text(trade.price * trade.size, 5),
        "commission": money(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": milliseconds(trade.ts_ns),
        "positionSide": "BOTH",
        "buyer": trade.side is Side.buy,
        "maker": trade.is_maker,
    }


def balance_rows(exchange: Exchange, account: str, now_ms: int) -> list[Json]:
    """Return the rows of `balance`."""
    unrealised = _unrealised(exchange, account)
    return [
        {
            "accountAlias": account,
            "asset": held.asset,
            "balance": money(held.free + held.locked),
            "crossWalletBalance": money(held.free + held.locked),
            "crossUnPnl": money(unrealised),
            "availableBalance": money(held.free),
            "maxWithdrawAmount": money(held.free),
            "marginAvailable": True,
            "updateTime": now_ms,
        }
        for held in exchange.balances(account)
    ]


def position_row(exchange: Exchange, account: str, position: PerpetualPosition, form: Print, now_ms: int) -> Json:
    """Return one row of `positionRisk`."""
    symbol = position.symbol
    mark = exchange.mark_price(symbol) or position.entry_price
    notional = position.size * mark
    margin = abs(notional) / LEVERAGE
    bids, asks = _open_notional(exchange.open_orders(account, symbol))
    ordered = max(bids, asks) / LEVERAGE
    return {
        "symbol": symbol,
        "positionSide": "BOTH",
        "positionAmt": form.size(position.size),
        "entryPrice": decimal_text(position.entry_price, 1) if position.size else "0.0",
        "breakEvenPrice": decimal_text(position.entry_price, 1) if position.size else "0.0",
        "markPrice": money(mark),
        "unRealizedProfit": money(exchange.unrealised(account, symbol)),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": money(notional),
        "marginAsset": form.quote,
        "isolatedWallet": "0",
        "initialMargin": money(margin + ordered),
        "maintMargin": money(abs(notional) * MAINTENANCE),
        "positionInitialMargin": money(margin),
        "openOrderInitialMargin": money(ordered),
        "adl": 1,
        "bidNotional": money(bids),
        "askNotional": money(asks),
        "updateTime": now_ms,
    }


def account_document(exchange: Exchange, account: str, rows: Sequence[Json], now_ms: int) -> Json:
    """Return `account`, whose positions are `rows` of `positionRisk`."""
    held = exchange.balances(account)
    wallet, unrealised = sum((each.free + each.locked for each in held), Decimal(0)), _unrealised(exchange, account)
    maintenance = sum((Decimal(str(row["maintMargin"])) for row in rows), Decimal(0))
    initial = sum((each.locked for each in held), Decimal(0))
    return {
        "totalInitialMargin": money(initial),
        "totalMaintMargin": money(maintenance),
        "totalWalletBalance": money(wallet),
        "totalUnrealizedProfit": money(unrealised),
        "totalMarginBalance": money(wallet + unrealised),
        "totalPositionInitialMargin": money(initial),
        "totalOpenOrderInitialMargin": NOT_PRINTED,
        "totalCrossWalletBalance": money(wallet),
        "totalCrossUnPnl": money(unrealised),
        "availableBalance": money(wallet - initial),
        "maxWithdrawAmount": money(wallet - initial),
        "assets": [_asset_row(each, unrealised, maintenance, now_ms) for each in held],
        "positions": [_account_position(row) for row in rows],
    }


def money(value: Decimal) -> str:
    """Return an amount as the account pages print it."""
    return decimal_text(value, MONEY_DECIMALS)


def _asset_row(held: Held, unrealised: Decimal, maintenance: Decimal, now_ms: int) -> Json:
    wallet = held.free + held.locked
    return {
        "asset": held.asset,
        "walletBalance": money(wallet),
        "unrealizedProfit": money(unrealised),
        "marginBalance": money(wallet + unrealised),
        "maintMargin": money(maintenance),
        "initialMargin": money(held.locked),
        "positionInitialMargin": money(held.locked),
        "openOrderInitialMargin": NOT_PRINTED,
        "crossWalletBalance": money(wallet),
        "crossUnPnl": money(unrealised),
        "availableBalance": money(held.free),
        "maxWithdrawAmount": money(held.free),
        "updateTime": now_ms,
    }


def _account_position(row: Json) -> Json:
    same = ("symbol", "positionSide", "positionAmt", "isolatedMargin", "notional", "isolatedWallet")
    more = ("initialMargin", "maintMargin", "updateTime")
    return {name: row[name] for name in (*same, *more)} | {"unrealizedProfit": row["unRealizedProfit"]}


def _unrealised(exchange: Exchange, account: str) -> Decimal:
    symbols = [position.symbol for position in exchange.positions(account) if position.size]
    return sum((exchange.unrealised(account, symbol) for symbol in symbols), Decimal(0))


def _open_notional(orders: Sequence[ExchangeOrder]) -> tuple[Decimal, Decimal]:
    """Return what rests to buy, and to sell."""
    rests = [(order.side, (order.size - order.filled) * order.price) for order in orders if not order.is_reduce_only]
    bids = sum((value for side, value in rests if side is Side.buy), Decimal(0))
    return bids, sum((value for side, value in rests if side is Side.sell), Decimal(0))
