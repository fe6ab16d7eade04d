"""What can be asked of USD-M beside orders: their history, fills, income, balances, positions, settings.

Sources: the venue's pages "Trade REST" and "Account REST". Settings that the emulator has not are refused.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from streaming.emulator.exchange.words import (
    PerpetualPosition,
    Trade,
)
from streaming.emulator.orders_binance.errors import BAD_REQUEST
from streaming.emulator.orders_binance.limits import OrderCounts
from streaming.emulator.orders_binance.requests import (
    Ask,
    Operation,
    Security,
    listed_symbol,
    named_symbol,
    names,
    one_or,
    rows_asked,
    span_ns,
    which,
)
from streaming.emulator.orders_binance.usdm_words import (
    LEVERAGE,
    MAINTENANCE,
    NOTIONAL_MAX,
    account_document,
    balance_rows,
    money,
    position_row,
    queried_document,
    trade_document,
)
from streaming.emulator.orders_binance.words import Json, Print, decimal_text, milliseconds
from streaming.emulator.orders_front import FrontVenue
from streaming.emulator.rest import RefusalError

WHICH: Final = names("symbol orderId origClientOrderId")
SPAN: Final = names("symbol orderId startTime endTime fromId limit")
NOT_SERVED: Final = (BAD_REQUEST, -4084, "Method is not allowed currently. Coming soon.")


class UsdmAccount:
    """Answers what clients ask of their account."""

    def __init__(self, venue: FrontVenue, prints: Mapping[str, Print], counts: OrderCounts) -> None:
        self._exchange = venue.exchange
        self._prints, self._counts = prints, counts

    def operations(self) -> dict[str, Operation]:
        """Return everything that can be asked, by a name of ours."""
        return {**self._history_operations(), **self._account_operations()}

    def _history_operations(self) -> dict[str, Operation]:
        return {
            "query": Operation(run=self._query, names=WHICH),
            "open_order": Operation(run=self._open_order, names=WHICH),
            "open_orders": Operation(run=self._open_orders, names=names("symbol"), weight=one_or(1, 40)),
            "all_orders": Operation(run=self._all_orders, names=SPAN, weight=5),
            "trades": Operation(run=self._trades, names=SPAN, weight=5),
            "income": Operation(
                run=self._income, names=names("symbol incomeType startTime endTime page limit"), weight=30
            ),
        }

    def _account_operations(self) -> dict[str, Operation]:
        symbol = names("symbol")
        change = names("symbol leverage marginType dualSidePosition multiAssetsMargin")
        return {
            "balances": Operation(run=self._balances, names=frozenset(), weight=5),
            "positions": Operation(run=self._positions, names=symbol, weight=5),
            "account": Operation(run=self._account, names=frozenset(), weight=5),
            "commission": Operation(run=self._commission, names=symbol, weight=20),
            "order_limits": Operation(run=self._order_limits, names=frozenset()),
            "dual_side": Operation(run=_constant({"dualSidePosition": False}), names=frozenset(), weight=30),
            "set_dual_side": Operation(run=self._set_dual_side, names=change, security=Security.trade),
            "multi_assets": Operation(run=_constant({"multiAssetsMargin": False}), names=frozenset(), weight=30),
            "leverage": Operation(run=self._leverage, names=change, security=Security.trade),
            "margin_type": Operation(run=self._margin_type, names=change, security=Security.trade),
            "brackets": Operation(run=self._brackets, names=symbol),
            "account_config": Operation(run=self._account_config, names=frozenset(), weight=5),
            "symbol_config": Operation(run=self._symbol_config, names=symbol, weight=5),
        }

    # -- history

    def _query(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        order = self._exchange.order(ask.account, symbol, ask.now_ns, **which(ask.params))
        return queried_document(order, self._prints[symbol])

    def _open_order(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        order = self._exchange.order(ask.account, symbol, ask.now_ns, **which(ask.params))
        if not order.is_open:
            raise RefusalError(BAD_REQUEST, -2013, "Order does not exist.")
        return queried_document(order, self._prints[symbol])

    def _open_orders(self, ask: Ask) -> list[Json]:
        symbol = named_symbol(ask.params, self._prints)
        return [
            queried_document(each, self._prints[each.symbol])
            for each in self._exchange.open_orders(ask.account, symbol)
        ]

    def _all_orders(self, ask: Ask) -> list[Json]:
        symbol = named_symbol(ask.params, self._prints)
        from_id, from_ns, to_ns = ask.params.whole("orderId") or 0, *span_ns(ask.params)
        found = self._exchange.orders(ask.account, symbol, from_id=from_id, from_ns=from_ns, to_ns=to_ns)
        return [queried_document(each, self._prints[each.symbol]) for each in rows_asked(found, ask.params, "orderId")]

    def _trades(self, ask: Ask) -> list[Json]:
        symbol, params = listed_symbol(ask.params, self._prints), ask.params
        from_ns, to_ns = span_ns(params)
        found = self._exchange.trades(
            ask.account,
            symbol,
            from_id=params.whole("fromId") or 0,
            from_ns=from_ns,
            to_ns=to_ns,
            order_id=params.whole("orderId"),
        )
        return [trade_document(each, self._prints[symbol]) for each in rows_asked(found, params, "fromId")]

    def _income(self, ask: Ask) -> list[Json]:
        symbol = named_symbol(ask.params, self._prints)
        from_ns, to_ns = span_ns(ask.params)
        trades = self._exchange.trades(ask.account, symbol, from_ns=from_ns, to_ns=to_ns)
        rows = [row for trade in trades for row in _incomes(trade, self._prints[trade.symbol].quote)]
        for event in self._exchange.funding(ask.account):
            charged = event.position.symbol if event.position is not None else ""
            if from_ns <= event.ts_ns and (to_ns is None or event.ts_ns <= to_ns) and symbol in (None, charged):
                quote = self._prints[charged].quote if charged in self._prints else ""
                rows.append(_income("FUNDING_FEE", charged, -event.amount, quote, event.ts_ns, event.seq, ""))
        kind = ask.params.get("incomeType")
        wanted = [row for row in rows if kind in (None, row["incomeType"])]
        return rows_asked(sorted(wanted, key=lambda row: str(row["time"])), ask.params, "startTime")

    # -- account

    def _balances(self, ask: Ask) -> list[Json]:
        return balance_rows(self._exchange, ask.account, ask.now_ms)

    def _positions(self, ask: Ask) -> list[Json]:
        return self._position_rows(ask, self._symbols(ask))

    def _symbols(self, ask: Ask) -> list[str]:
        """Return the symbol asked for, or all."""
        return [listed_symbol(ask.params, self._prints)] if "symbol" in ask.params else [*self._prints]

    def _position_rows(self, ask: Ask, symbols: Sequence[str]) -> list[Json]:
        """Return rows of symbols that have a position or an open order."""
        account, exchange = ask.account, self._exchange
        held: list[PerpetualPosition] = [exchange.position(account, symbol) for symbol in symbols]
        return [
            position_row(exchange, account, each, self._prints[each.symbol], ask.now_ms)
            for each in held
            if each.size or exchange.open_orders(account, each.symbol)
        ]

    def _account(self, ask: Ask) -> Json:
        return account_document(self._exchange, ask.account, self._position_rows(ask, [*self._prints]), ask.now_ms)

    def _commission(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        rates = self._exchange.fees(ask.account, symbol)
        maker, taker = decimal_text(rates.maker, 6), decimal_text(rates.taker, 6)
        document: Json = {"symbol": symbol, "makerCommissionRate": maker, "takerCommissionRate": taker}
        return document | {"rpiCommissionRate": "0.000000"}

    def _order_limits(self, ask: Ask) -> list[Json]:
        return self._counts.rows(ask.account, ask.now_ns)

    def _set_dual_side(self, ask: Ask) -> Json:
        if ask.params.flag("dualSidePosition"):
            raise RefusalError(*NOT_SERVED)
        raise RefusalError(BAD_REQUEST, -4059, "No need to change position side.")

    def _leverage(self, ask: Ask) -> Json:
        symbol, leverage = listed_symbol(ask.params, self._prints), ask.params.need("leverage")
        if leverage != str(LEVERAGE):
            raise RefusalError(BAD_REQUEST, -4028, f"Leverage {leverage} is not valid")
        return {"symbol": symbol, "leverage": LEVERAGE, "maxNotionalValue": NOTIONAL_MAX}

    def _margin_type(self, ask: Ask) -> Json:
        listed_symbol(ask.params, self._prints)
        if ask.params.need("marginType") != "CROSSED":
            raise RefusalError(*NOT_SERVED)
        raise RefusalError(BAD_REQUEST, -4046, "No need to change margin type.")

    def _brackets(self, ask: Ask) -> list[Json]:
        symbols = self._symbols(ask)
        bracket: Json = {"bracket": 1, "initialLeverage": LEVERAGE, "notionalCap": int(NOTIONAL_MAX)}
        bracket |= {"notionalFloor": 0, "maintMarginRatio": float(MAINTENANCE), "cum": 0.0}
        return [{"symbol": symbol, "brackets": [bracket]} for symbol in symbols]

    def _account_config(self, ask: Ask) -> Json:
        key = self._exchange.find_key(ask.api_key)
        may_trade, may_withdraw = (key.may_trade, key.may_withdraw) if key is not None else (True, False)
        document: Json = {"feeTier": 0, "canTrade": may_trade, "canDeposit": True, "canWithdraw": may_withdraw}
        return document | {
            "dualSidePosition": False,
            "updateTime": 0,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
        }

    def _symbol_config(self, ask: Ask) -> list[Json]:
        symbols = self._symbols(ask)
        same: Json = {"marginType": "CROSSED", "isAutoAddMargin": False, "leverage": LEVERAGE}
        return [{"symbol": symbol, **same, "maxNotionalValue": NOTIONAL_MAX} for symbol in symbols]


def _incomes(trade: Trade, quote: str) -> list[Json]:
    rows = []
    for kind, amount, asset in (
        ("REALIZED_PNL", trade.realised, quote),
        ("COMMISSION", -trade.fee, trade.fee_asset),
    ):
        if amount:
            rows.append(_income(kind, trade.symbol, amount, asset, trade.ts_ns, trade.trade_id, str(trade.trade_id)))
    return rows


def _income(kind: str, symbol: str, amount: Decimal, asset: str, ts_ns: int, number: int, trade_id: str) -> Json:
    document: Json = {"symbol": symbol, "incomeType": kind, "income": money(amount), "asset": asset}
    return document | {"info": trade_id or kind, "time": milliseconds(ts_ns), "tranId": number, "tradeId": trade_id}


def _constant(document: Json) -> Callable[[Ask], Json]:
    return lambda ask: document
