"""What can be asked of Binance spot's private side, and the answers: orders, cancel-replace, amends, history, account.

Sources: spot REST and WebSocket API, "Trading endpoints" and "Account endpoints"; "Order Amend Keep Priority". Not
served, and refused with the venue's own words: conditional, iceberg and pegged orders, order lists.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from streaming.emulator.exchange.order_faults import RequestKind
from streaming.emulator.exchange.words import ExchangeOrder, NewOrder, OrderState, Refusal, RefusedError
from streaming.emulator.orders_binance.errors import (
    BAD_REQUEST,
    CONFLICT,
    GONE,
    TOO_MANY,
    UNKNOWN_ORDER_TEXT,
    refused,
)
from streaming.emulator.orders_binance.ids import MadeIds, Remembered
from streaming.emulator.orders_binance.limits import OrderCounts
from streaming.emulator.orders_binance.params import spot_id, spot_order, spot_response
from streaming.emulator.orders_binance.requests import (
    Ask,
    Operation,
    Params,
    Security,
    listed_symbol,
    named_symbol,
    names,
    one_or,
    rows_asked,
    span_ns,
    which,
)
from streaming.emulator.orders_binance.spot_words import (
    NO_RATES,
    account_document,
    amended_document,
    cancelled_document,
    placed_document,
    queried_document,
    rates_document,
    trade_document,
)
from streaming.emulator.orders_binance.words import SPOT, Json, Print
from streaming.emulator.orders_front import FrontVenue
from streaming.emulator.rest import RefusalError

DAY_NS: Final = 86_400_000_000_000
ORDER_NAMES: Final = names(
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode pegPriceType pegOffsetValue pegOffsetType "
    "computeCommissionRates"
)
CANCEL_NAMES: Final = names("symbol orderId origClientOrderId newClientOrderId cancelRestrictions")
REPLACE_NAMES: Final = ORDER_NAMES | names(
    "cancelReplaceMode cancelNewClientOrderId cancelOrigClientOrderId cancelOrderId cancelRestrictions "
    "orderRateLimitExceededMode"
)
SPAN: Final = names("symbol orderId startTime endTime fromId limit")
RESTRICTIONS: Final = {"ONLY_NEW": OrderState.new, "ONLY_PARTIALLY_FILLED": OrderState.partially_filled}
MODES: Final = {"STOP_ON_FAILURE": 0, "ALLOW_FAILURE": 0}
LIMIT_MODES: Final = {"DO_NOTHING": 0, "CANCEL_ONLY": 0}
CHECKED_FIRST: Final = frozenset(
    {
        Refusal.unknown_symbol,
        Refusal.price_tick,
        Refusal.price_range,
        Refusal.price_band,
        Refusal.lot,
        Refusal.size_min,
        Refusal.size_max,
        Refusal.notional_min,
        Refusal.precision,
        Refusal.bad_id,
    }
)
"""Refusals of a replacement that come before anything is cancelled; all others come from the engine, after it."""


@dataclass(frozen=True, slots=True)
class _Half:
    """What one half of a cancel-replace came to."""

    result: str
    """`SUCCESS`, `FAILURE` or `NOT_ATTEMPTED`."""
    response: Json | None

    @property
    def is_done(self) -> bool:
        return self.result == "SUCCESS"


class SpotDesk:
    """Carries out what clients ask of spot."""

    def __init__(
        self,
        venue: FrontVenue,
        prints: Mapping[str, Print],
        counts: OrderCounts,
        execution_id: Callable[[str, int], int],
    ) -> None:
        """`execution_id`: number of the newest event of an account's order."""
        self._exchange = venue.exchange
        self._prints, self._counts, self._execution_id = prints, counts, execution_id
        self._ids = MadeIds("spot")
        self.cancel_ids: Remembered[int] = Remembered()
        """By order: client id of the cancel that ended it, for the event of it."""
        self.former_ids: Remembered[tuple[int, int]] = Remembered()
        """By order and number of its amend: the client id that it had before."""

    def operations(self) -> dict[str, Operation]:
        """Return everything that can be asked, by a name of ours."""
        return {**self._order_operations(), **self._history_operations(), **self._account_operations()}

    def _order_operations(self) -> dict[str, Operation]:
        trade = Security.trade
        amend = names("symbol orderId origClientOrderId newClientOrderId newQty")
        return {
            "place": Operation(
                run=self._place,
                names=ORDER_NAMES,
                security=trade,
                is_free_when_done=True,
                orders=1,
                fault=RequestKind.place,
            ),
            "test": Operation(run=self._test, names=ORDER_NAMES, security=trade),
            "cancel": Operation(
                run=self._cancel,
                names=CANCEL_NAMES,
                security=trade,
                is_free_when_done=True,
                fault=RequestKind.cancel,
                is_change=True,
            ),
            "cancel_all": Operation(
                run=self._cancel_all, names=names("symbol"), security=trade, is_free_when_done=True
            ),
            "replace": Operation(
                run=self._replace,
                names=REPLACE_NAMES,
                security=trade,
                is_free_when_done=True,
                orders=1,
                counts_itself=True,
                fault=RequestKind.amend,
            ),
            "amend": Operation(run=self._amend, names=amend, security=trade, weight=4, fault=RequestKind.amend),
        }

    def _history_operations(self) -> dict[str, Operation]:
        return {
            "query": Operation(run=self._query, names=names("symbol orderId origClientOrderId"), weight=4),
            "open_orders": Operation(run=self._open_orders, names=names("symbol"), weight=one_or(6, 80)),
            "all_orders": Operation(run=self._all_orders, names=SPAN, weight=20),
            "trades": Operation(run=self._trades, names=SPAN, weight=lambda params: 5 if "orderId" in params else 20),
        }

    def _account_operations(self) -> dict[str, Operation]:
        return {
            "account": Operation(run=self._account, names=names("omitZeroBalances"), weight=20),
            "commission": Operation(run=self._commission, names=names("symbol"), weight=20),
            "trade_fee": Operation(run=self._trade_fee, names=names("symbol")),
            "order_limits": Operation(run=self._order_limits, names=frozenset(), weight=40),
            "listen_key": Operation(run=_gone, names=names("listenKey"), security=Security.none),
        }

    # -- orders

    def _place(self, ask: Ask) -> Json:
        response = spot_response(ask.params)
        order = self._exchange.place(ask.account, spot_order(ask.params), ask.now_ns)
        return self._placed(order, response)

    def _placed(self, order: ExchangeOrder, response: str) -> Json:
        fills = []
        if response == "FULL" and order.filled:
            fills = self._exchange.trades(order.account, order.symbol, order_id=order.order_id)
        return placed_document(order, self._prints[order.symbol], fills, response)

    def _test(self, ask: Ask) -> Json:
        spot_response(ask.params)
        order = spot_order(ask.params)
        self._exchange.check(ask.account, order, ask.now_ns)
        if not ask.params.flag("computeCommissionRates"):
            return {}
        rates = rates_document(self._exchange.fees(ask.account, order.symbol))
        standard, none = ({name: each[name] for name in ("maker", "taker")} for each in (rates, NO_RATES))
        document: Json = {"standardCommissionForOrder": standard, "specialCommissionForOrder": none}
        return document | {"taxCommissionForOrder": none, "discount": _discount()}

    def _cancel(self, ask: Ask) -> Json:
        symbol, params = listed_symbol(ask.params, self._prints), ask.params
        if "orderId" in params and "origClientOrderId" in params:
            found = self._exchange.order(ask.account, symbol, ask.now_ns, order_id=params.whole("orderId"))
            if found.client_id != params["origClientOrderId"]:
                raise RefusalError(BAD_REQUEST, -2039, "Client order ID is not correct for this order ID")
        order = self._found(ask, symbol, "orderId", "origClientOrderId")
        return self._cancelled(ask, order, spot_id(params))

    def _found(self, ask: Ask, symbol: str, order_name: str, client_name: str) -> ExchangeOrder:
        """Return the order to be cancelled, where the request's restrictions permit; RefusedError, RefusalError."""
        order = self._exchange.order(ask.account, symbol, ask.now_ns, **which(ask.params, order_name, client_name))
        restriction = ask.params.get("cancelRestrictions")
        if restriction is not None:
            text = "Invalid cancelRestrictions"
            wanted = RESTRICTIONS[ask.params.one_of("cancelRestrictions", RESTRICTIONS, -1145, text)]
            if order.is_open and order.state is not wanted:
                raise RefusalError(BAD_REQUEST, -2011, "Order was not canceled due to cancel restrictions.")
        return order

    def _cancelled(self, ask: Ask, order: ExchangeOrder, cancel_id: str) -> Json:
        cancel_id = cancel_id or self._ids.next()
        only = RESTRICTIONS.get(ask.params.get("cancelRestrictions", ""))  # a fill may come before the cancel still
        ended = self._exchange.cancel(ask.account, order.symbol, ask.now_ns, order_id=order.order_id, only=only)
        return self._ended(ended, cancel_id)

    def _cancel_all(self, ask: Ask) -> list[Json]:
        symbol = listed_symbol(ask.params, self._prints)
        ended = self._exchange.cancel_all(ask.account, symbol, ask.now_ns)
        if not ended:
            raise RefusalError(BAD_REQUEST, -2011, UNKNOWN_ORDER_TEXT)
        return [self._ended(each, self._ids.next()) for each in ended]

    def _ended(self, order: ExchangeOrder, cancel_id: str) -> Json:
        self.cancel_ids.put(order.order_id, cancel_id)
        return cancelled_document(order, self._prints[order.symbol], cancel_id)

    # -- cancel-replace

    def _replace(self, ask: Ask) -> Json:
        symbol, params = listed_symbol(ask.params, self._prints), ask.params
        mode = params.one_of("cancelReplaceMode", MODES, -1130, "Invalid cancelReplaceMode.")
        limit_mode = params.one_of(
            "orderRateLimitExceededMode", LIMIT_MODES, -1130, "Invalid orderRateLimitExceededMode.", "DO_NOTHING"
        )
        wanted, response, cancel_id = (
            spot_order(params),
            spot_response(params),
            spot_id(params, "cancelNewClientOrderId"),
        )
        which(params, "cancelOrderId", "cancelOrigClientOrderId")
        self._check_first(ask, wanted)
        limited = self._order_limit(ask)
        if limited is not None and limit_mode == "DO_NOTHING":
            raise limited
        gone = self._half(lambda: self._cancelled(ask, self._replaced(ask, symbol), cancel_id), is_change=True)
        if limited is not None:
            made = _Half("FAILURE", {"code": limited.code, "msg": limited.text})
            return _replace_answer(gone, made, TOO_MANY)
        if not gone.is_done and mode == "STOP_ON_FAILURE":
            self._counts.add(ask.account, 1, ask.now_ns)
            return _replace_answer(gone, _Half("NOT_ATTEMPTED", None))
        made = self._half(
            lambda: self._placed(self._exchange.place(ask.account, wanted, ask.now_ns), response), is_change=False
        )
        return _replace_answer(gone, made)

    def _replaced(self, ask: Ask, symbol: str) -> ExchangeOrder:
        return self._found(ask, symbol, "cancelOrderId", "cancelOrigClientOrderId")

    def _check_first(self, ask: Ask, wanted: NewOrder) -> None:
        """Refuse a replacement that no engine would see; RefusedError."""
        try:
            self._exchange.check(ask.account, wanted, ask.now_ns)
        except RefusedError as error:
            if error.refusal in CHECKED_FIRST:
                raise

    def _order_limit(self, ask: Ask) -> RefusalError | None:
        try:
            self._counts.check(ask.account, 1, ask.now_ns)
        except RefusalError as error:
            return error
        return None

    def _half(self, run: Callable[[], Json], *, is_change: bool) -> _Half:
        try:
            return _Half("SUCCESS", run())
        except RefusalError as error:
            return _Half("FAILURE", {"code": error.code, "msg": error.text})
        except RefusedError as error:
            shown = refused(SPOT, error, is_change=is_change)
            return _Half("FAILURE", {"code": shown.code, "msg": shown.text})

    def _amend(self, ask: Ask) -> Json:
        symbol, params = listed_symbol(ask.params, self._prints), ask.params
        meant, size = which(params), params.need_decimal("newQty")
        former = self._exchange.order(ask.account, symbol, ask.now_ns, **meant)
        order = self._exchange.amend(
            ask.account,
            symbol,
            ask.now_ns,
            order_id=former.order_id,
            size=size,
            new_client_id=spot_id(params) or self._ids.next(),
            keeps_priority=True,
        )
        self.former_ids.put((order.order_id, order.amends), former.client_id)
        number = self._execution_id(ask.account, order.order_id)
        return amended_document(order, self._prints[symbol], former.client_id, number)

    # -- history

    def _query(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        order = self._exchange.order(ask.account, symbol, ask.now_ns, **which(ask.params))
        return queried_document(order, self._prints[symbol])

    def _open_orders(self, ask: Ask) -> list[Json]:
        symbol = named_symbol(ask.params, self._prints)
        found = self._exchange.open_orders(ask.account, symbol)
        return [queried_document(each, self._prints[each.symbol]) for each in found]

    def _all_orders(self, ask: Ask) -> list[Json]:
        symbol, (from_ns, to_ns) = listed_symbol(ask.params, self._prints), _day_at_most(ask.params)
        from_id = ask.params.whole("orderId") or 0
        found = self._exchange.orders(ask.account, symbol, from_id=from_id, from_ns=from_ns, to_ns=to_ns)
        return [queried_document(each, self._prints[symbol]) for each in rows_asked(found, ask.params, "orderId")]

    def _trades(self, ask: Ask) -> list[Json]:
        symbol, (from_ns, to_ns), params = listed_symbol(ask.params, self._prints), _day_at_most(ask.params), ask.params
        found = self._exchange.trades(
            ask.account,
            symbol,
            from_id=params.whole("fromId") or 0,
            from_ns=from_ns,
            to_ns=to_ns,
            order_id=params.whole("orderId"),
        )
        return [trade_document(each, self._prints[symbol]) for each in rows_asked(found, params, "fromId")]

    # -- account

    def _account(self, ask: Ask) -> Json:
        held, key = self._exchange.balances(ask.account), self._exchange.find_key(ask.api_key)
        rates = self._exchange.fees(ask.account, next(iter(self._prints)))
        omits_zero = ask.params.flag("omitZeroBalances")
        return account_document(ask.account, key, held, rates, ask.now_ms, omits_zero=omits_zero)

    def _commission(self, ask: Ask) -> Json:
        symbol = listed_symbol(ask.params, self._prints)
        standard = rates_document(self._exchange.fees(ask.account, symbol))
        document: Json = {"symbol": symbol, "standardCommission": standard, "specialCommission": NO_RATES}
        return document | {"taxCommission": NO_RATES, "discount": _discount()}

    def _trade_fee(self, ask: Ask) -> list[Json]:
        asked = [listed_symbol(ask.params, self._prints)] if "symbol" in ask.params else [*self._prints]
        rates = {symbol: self._exchange.fees(ask.account, symbol) for symbol in asked}
        return [
            {"symbol": symbol, "makerCommission": f"{each.maker:f}", "takerCommission": f"{each.taker:f}"}
            for symbol, each in rates.items()
        ]

    def _order_limits(self, ask: Ask) -> list[Json]:
        return self._counts.rows(ask.account, ask.now_ns)


def _replace_answer(gone: _Half, made: _Half, status: int = 0) -> Json:
    """Return both halves; RefusalError unless both were done. `status` where it is not that of the halves."""
    document: Json = {
        "cancelResult": gone.result,
        "newOrderResult": made.result,
        "cancelResponse": gone.response,
        "newOrderResponse": made.response,
    }
    if gone.is_done and made.is_done:
        return document
    if gone.is_done or made.is_done:
        raise RefusalError(status or CONFLICT, -2021, "Order cancel-replace partially failed.", document)
    raise RefusalError(status or BAD_REQUEST, -2022, "Order cancel-replace failed.", document)


def _day_at_most(params: Params) -> tuple[int, int | None]:
    from_ns, to_ns = span_ns(params)
    if from_ns and to_ns is not None and to_ns - from_ns > DAY_NS:
        raise RefusalError(BAD_REQUEST, -1127, "More than 24 hours between startTime and endTime.")
    return from_ns, to_ns


def _discount() -> Json:
    enabled = {"enabledForAccount": False, "enabledForSymbol": False}
    return {**enabled, "discountAsset": "BNB", "discount": "0.25000000"}


def _gone(ask: Ask) -> Json:
    text = "This endpoint has been retired; use userDataStream.subscribe of the WebSocket API."
    raise RefusalError(GONE, -1000, text)
