"""What can be asked of USD-M's orders, and the answers: placing, changing, cancelling, batches, the countdown.

Sources: the venue's page "Trade REST", and of the WebSocket API "Trade". Not served, and refused with the venue's
own words: conditional orders, price match, good-till-date.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

import orjson

from streaming.emulator.exchange.order_faults import RequestKind
from streaming.emulator.exchange.words import (
    ExchangeOrder,
    Force,
    NewOrder,
    OrderKind,
    OrderState,
    RefusedError,
)
from streaming.emulator.orders_binance.errors import BAD_REQUEST, refused
from streaming.emulator.orders_binance.ids import Remembered
from streaming.emulator.orders_binance.limits import OrderCounts
from streaming.emulator.orders_binance.params import usdm_order, usdm_response
from streaming.emulator.orders_binance.requests import (
    Ask,
    Operation,
    Params,
    Security,
    as_sent,
    listed_symbol,
    names,
    which,
)
from streaming.emulator.orders_binance.usdm_account import UsdmAccount
from streaming.emulator.orders_binance.usdm_words import order_document
from streaming.emulator.orders_binance.words import NS_PER_MS, SIDES, USDM, Json, Print
from streaming.emulator.orders_front import FrontVenue
from streaming.emulator.rest import RefusalError

BATCH_ORDERS_MAX, BATCH_CANCELS_MAX = 5, 10
ORDER_NAMES: Final = names(
    "symbol side positionSide type timeInForce quantity reduceOnly price newClientOrderId closePosition priceMatch "
    "newOrderRespType selfTradePreventionMode goodTillDate stopPrice activationPrice callbackRate workingType "
    "priceProtect pegPriceType pegOffsetType pegOffsetValue icebergQty modifyId"
)
WHICH: Final = names("symbol orderId origClientOrderId")


class UsdmDesk:
    """Carries out what clients ask of USD-M."""

    def __init__(self, venue: FrontVenue, prints: Mapping[str, Print], counts: OrderCounts) -> None:
        self._exchange = venue.exchange
        self._prints, self._counts = prints, counts
        self._account = UsdmAccount(venue, prints, counts)
        self.modify_ids: Remembered[tuple[int, int]] = Remembered()
        """By order and number of its change: the client's `modifyId`, for the event of it."""

    def operations(self) -> dict[str, Operation]:
        """Return everything that can be asked, by a name of ours."""
        return {**self._order_operations(), **self._account.operations()}

    def _order_operations(self) -> dict[str, Operation]:
        trade = Security.trade
        place, amend, cancel = RequestKind.place, RequestKind.amend, RequestKind.cancel
        modify = names("symbol orderId origClientOrderId side quantity price priceMatch modifyId positionSide")
        return {
            "place": Operation(run=self._place, names=ORDER_NAMES, security=trade, weight=0, orders=1, fault=place),
            "test": Operation(run=self._test, names=ORDER_NAMES, security=trade),
            "modify": Operation(run=self._modify, names=modify, security=trade, weight=0, orders=1, fault=amend),
            "cancel": Operation(run=self._cancel, names=WHICH, security=trade, fault=cancel, is_change=True),
            "cancel_all": Operation(run=self._cancel_all, names=names("symbol"), security=trade),
            "batch_place": Operation(
                run=self._batch_place, names=names("batchOrders"), security=trade, weight=5, orders=5
            ),
            "batch_modify": Operation(
                run=self._batch_modify, names=names("batchOrders"), security=trade, weight=5, orders=5
            ),
            "batch_cancel": Operation(
                run=self._batch_cancel, names=names("symbol orderIdList origClientOrderIdList"), security=trade
            ),
            "countdown": Operation(run=self._countdown, names=names("symbol countdownTime"), security=trade, weight=10),
        }

    # -- orders

    def _place(self, ask: Ask) -> Json:
        return self._placed(ask, ask.params)

    def _placed(self, ask: Ask, params: Params) -> Json:
        response = usdm_response(params)
        order = self._exchange.place(ask.account, usdm_order(params), ask.now_ns)
        shown = order if response == "RESULT" and _ends_at_once(order) else _as_taken(order)
        return order_document(shown, self._prints[order.symbol])

    def _test(self, ask: Ask) -> Json:
        wanted = usdm_order(ask.params)
        self._exchange.check(ask.account, wanted, ask.now_ns)
        return order_document(_imagined(ask.account, wanted, ask.now_ns), self._prints[wanted.symbol])

    def _modify(self, ask: Ask) -> Json:
        return self._modified(ask, ask.params)

    def _modified(self, ask: Ask, params: Params) -> Json:
        symbol, meant = listed_symbol(params, self._prints), which(params)
        side = SIDES[params.one_of("side", SIDES, -1117, "Invalid side.")]
        size, price = params.need_decimal("quantity"), params.need_decimal("price")
        found = self._exchange.order(ask.account, symbol, ask.now_ns, **meant)
        if found.side is not side:
            raise RefusalError(BAD_REQUEST, -1117, "Invalid side.")
        order = self._exchange.amend(ask.account, symbol, ask.now_ns, **meant, price=price, size=size)
        if "modifyId" in params:
            self.modify_ids.put((order.order_id, order.amends), params["modifyId"])
        self._counts.add(ask.account, 1, ask.now_ns)
        return order_document(order, self._prints[symbol])

    def _cancel(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        order = self._exchange.cancel(ask.account, symbol, ask.now_ns, **which(ask.params))
        return order_document(order, self._prints[symbol])

    def _cancel_all(self, ask: Ask) -> Json:
        self._exchange.cancel_all(ask.account, listed_symbol(ask.params, self._prints), ask.now_ns)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _batch_place(self, ask: Ask) -> list[Json]:
        return [self._each(ask, each, self._placed) for each in _batch(ask.params)]

    def _batch_modify(self, ask: Ask) -> list[Json]:
        return [self._each(ask, each, self._modified) for each in _batch(ask.params)]

    def _batch_cancel(self, ask: Ask) -> list[Json]:
        symbol = listed_symbol(ask.params, self._prints)
        name, single = (
            ("orderIdList", "orderId")
            if "orderIdList" in ask.params
            else (
                "origClientOrderIdList",
                "origClientOrderId",
            )
        )
        ids = _json_list(ask.params.need(name), name)
        if len(ids) > BATCH_CANCELS_MAX:
            raise RefusalError(BAD_REQUEST, -4083, "Exceed maximum batch size.")
        rows = [Params({"symbol": symbol, single: as_sent(each)}) for each in ids]
        return [self._each(ask, row, self._cancelled, is_change=True) for row in rows]

    def _cancelled(self, ask: Ask, params: Params) -> Json:
        symbol = params["symbol"]
        order = self._exchange.cancel(ask.account, symbol, ask.now_ns, **which(params))
        return order_document(order, self._prints[symbol])

    def _each(self, ask: Ask, params: Params, run: Callable[[Ask, Params], Json], *, is_change: bool = False) -> Json:
        """Return one element of a batch's answer: its document or its error."""
        try:
            return run(ask, params)
        except RefusalError as error:
            return {"code": error.code, "msg": error.text}
        except RefusedError as error:
            shown = refused(USDM, error, is_change=is_change)
            return {"code": shown.code, "msg": shown.text}

    def _countdown(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        ask.params.need("countdownTime")
        after_ms = ask.params.whole("countdownTime") or 0
        self._exchange.set_countdown(ask.account, symbol, after_ms * NS_PER_MS, ask.now_ns)
        return {"symbol": symbol, "countdownTime": str(after_ms)}


def _ends_at_once(order: ExchangeOrder) -> bool:
    return order.kind is OrderKind.market or order.force in (Force.ioc, Force.fok)


def _as_taken(order: ExchangeOrder) -> ExchangeOrder:
    """Return the order as it was taken: an answer of type ACK says nothing of what it then met."""
    none = Decimal(0)
    return replace(order, state=OrderState.new, filled=none, filled_quote=none, ts_changed_ns=order.ts_made_ns)


def _batch(params: Params) -> list[Params]:
    rows = _json_list(params.need("batchOrders"), "batchOrders")
    if len(rows) > BATCH_ORDERS_MAX:
        raise RefusalError(BAD_REQUEST, -4082, "Invalid number of batch place orders.")
    if not all(isinstance(row, dict) for row in rows):
        raise RefusalError(BAD_REQUEST, -1130, "Data sent for parameter 'batchOrders' is not valid.")
    return [Params({str(name): as_sent(value) for name, value in row.items()}) for row in rows if isinstance(row, dict)]


def _json_list(text: str, name: str) -> list[object]:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        rows = None
    if not isinstance(rows, list) or not rows:
        raise RefusalError(BAD_REQUEST, -1130, f"Data sent for parameter '{name}' is not valid.")
    return rows


def _imagined(account: str, wanted: NewOrder, now_ns: int) -> ExchangeOrder:
    """Return what a test order would have been, with no id."""
    return ExchangeOrder(
        account=account,
        order_id=0,
        client_id=wanted.client_id,
        symbol=wanted.symbol,
        side=wanted.side,
        kind=wanted.kind,
        force=wanted.force,
        price=wanted.price or Decimal(0),
        size=wanted.size or Decimal(0),
        is_reduce_only=wanted.is_reduce_only,
        self_trade=wanted.self_trade,
        ts_made_ns=now_ns,
        ts_changed_ns=now_ns,
    )
