"""Orders and account on Binance spot: requests and answers. Events are in `binance_spot_orders_events`.

Sources: spot "Trading endpoints", "Account endpoints", "WebSocket API" ("Trading requests", "User Data Stream
requests").
Everything has a method of the WebSocket API but the rules, whose reply is long, and the key's permissions.

A change takes one of two ways. Less of the same price keeps the order and its place in the queue. Anything else
cancels it and places another in its stead, in one request that does neither if it cannot do the first; and it asks
that the order be cancelled only if nothing of it has filled, for what fills in between would be bought twice. So an
order that has filled in part is not replaced: cancel it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import orjson

from streaming.venues.binance_errors import SPOT
from streaming.venues.binance_failures import Failed
from streaming.venues.binance_orders import Answer, BinanceOrders, Limits
from streaming.venues.binance_orders_documents import (
    order_counts,
    spot_account,
    spot_balances,
    spot_fees,
    spot_permissions,
    time_of,
)
from streaming.venues.binance_orders_fields import Fields, each, shown
from streaming.venues.binance_orders_known import KnownOrder
from streaming.venues.binance_orders_wire import Endpoint, Params, Security
from streaming.venues.binance_spot_orders_answers import SpotAnswers, halves_of
from streaming.venues.binance_spot_orders_events import SpotEvents
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import (
    Call,
    CallKind,
    Document,
    OrderSpec,
    OrderType,
    Outcome,
    TimeInForce,
    Way,
)
from streaming.venues.instruments import Instruments
from streaming.venues.order_rules import Breach
from streaming.venues.signing import Signer
from streaming.venues.venue_reply import VenueReason

TRADES_PER_PAGE: Final = 1_000
WEIGHT_OF_ALL_OPEN: Final = 80
_FORCES: Final[Mapping[TimeInForce, str]] = MappingProxyType(
    {TimeInForce.gtc: "GTC", TimeInForce.ioc: "IOC", TimeInForce.fok: "FOK"}
)
ENDPOINTS: Final[Mapping[CallKind, Endpoint]] = MappingProxyType(
    {
        CallKind.place: Endpoint(method="POST", path="/api/v3/order", socket="order.place", orders=1),
        CallKind.amend: Endpoint(
            method="PUT", path="/api/v3/order/amend/keepPriority", socket="order.amend.keepPriority", weight=4
        ),
        CallKind.cancel: Endpoint(method="DELETE", path="/api/v3/order", socket="order.cancel", is_cancel=True),
        CallKind.query: Endpoint(path="/api/v3/order", socket="order.status", weight=4),
        CallKind.cancel_all: Endpoint(
            method="DELETE", path="/api/v3/openOrders", socket="openOrders.cancelAll", is_cancel=True
        ),
        CallKind.open_orders: Endpoint(path="/api/v3/openOrders", socket="openOrders.status", weight=6),
        CallKind.trades: Endpoint(path="/api/v3/myTrades", socket="myTrades", weight=20),
        CallKind.balances: Endpoint(path="/api/v3/account", socket="account.status", weight=20),
        CallKind.account: Endpoint(path="/api/v3/account", socket="account.status", weight=20),
        CallKind.fees: Endpoint(path="/api/v3/account/commission", socket="account.commission", weight=20),
        CallKind.rules: Endpoint(path="/api/v3/exchangeInfo", weight=20, security=Security.none),
        CallKind.time: Endpoint(path="/api/v3/time", socket="time", security=Security.none),
        CallKind.permissions: Endpoint(path="/sapi/v1/account/apiRestrictions"),
        CallKind.logon: Endpoint(path="", socket="session.logon", weight=2),
        CallKind.subscribe: Endpoint(path="", socket="userDataStream.subscribe.signature", weight=2),
        CallKind.rate_limits: Endpoint(path="/api/v3/rateLimit/order", socket="account.rateLimits.orders", weight=40),
    }
)
REPLACE: Final = Endpoint(method="POST", path="/api/v3/order/cancelReplace", socket="order.cancelReplace", orders=1)
_OF_SYMBOL: Final = frozenset((CallKind.cancel_all, CallKind.open_orders, CallKind.trades, CallKind.fees))
_DOCUMENTS: Final[Mapping[CallKind, Callable[[object, bytes], Document]]] = MappingProxyType(
    {
        CallKind.balances: spot_balances,
        CallKind.account: spot_account,
        CallKind.time: time_of,
        CallKind.permissions: spot_permissions,
        CallKind.rate_limits: order_counts,
    }
)


class BinanceSpotOrders(BinanceOrders):
    """See `Gateway`. Spot knows no reduce-only orders: the word is not sent."""

    venue = "binance_spot"
    order_path = "/ws-api/v3"
    codes = SPOT
    endpoints = ENDPOINTS
    events = SpotEvents

    def __init__(
        self,
        api_key: str,
        signer: Signer,
        instruments: Instruments,
        ids: ClientIds,
        *,
        recv_window_ms: int = 5_000,
        key_base: str = "",
    ) -> None:
        super().__init__(api_key, signer, instruments, ids, recv_window_ms=recv_window_ms, key_base=key_base)
        self._answers = SpotAnswers(self._replies)

    def on_open(self, way: Way, ts_ns: int) -> Sequence[Call]:
        """Return the logon, where the key may, and the subscription to the account's events."""
        calls = super().on_open(way, ts_ns)
        if way is not Way.order_socket:
            return calls
        return [*calls, self._send(CallKind.subscribe, {}, way, ts_ns)]

    # --- what is asked ---

    def _place(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        symbol = self._instruments.of_id(spec.instrument).symbol
        params = self._order_params(spec, self._ids.text(spec.client_order_id))
        self._replies.known.place(spec)
        if not spec.replaces_client_order_id:
            return self._send(CallKind.place, params, way, ts_ns, spec=spec, symbol=symbol)
        old = self._replies.known.find(spec.replaces_client_order_id)
        text = self._ids.text(spec.replaces_client_order_id, 0 if old is None else old.revision)
        params |= {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": text}
        return self._send(CallKind.place, params, way, ts_ns, spec=spec, symbol=symbol, endpoint=REPLACE)

    def _order_params(self, spec: OrderSpec, text: str) -> Params:
        instrument = self._instruments.of_id(spec.instrument)
        is_post_only = spec.type is OrderType.limit and spec.time_in_force is TimeInForce.post_only
        params: Params = {
            "symbol": instrument.symbol,
            "side": "SELL" if spec.side else "BUY",
            "type": "MARKET" if spec.type is OrderType.market else "LIMIT_MAKER" if is_post_only else "LIMIT",
            "quantity": instrument.size_unit.text(spec.size_units),
            "newClientOrderId": text,
            "newOrderRespType": "ACK" if is_post_only else "FULL",
        }
        if spec.type is OrderType.limit:
            params["price"] = instrument.tick.text(spec.price_ticks)
            if not is_post_only:
                params["timeInForce"] = _FORCES[spec.time_in_force]
        return params

    def _amend(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        known = self._replies.known.find(spec.client_order_id)
        if known is None or not known.size_units:
            return Breach("ORDER", VenueReason.unknown_order, "nothing is known of the order: ask for it first")
        if known.asked_revision is not None or known.is_change_unknown or not known.venue_ids:
            return Breach("ORDER", VenueReason.busy, "what became of the last request about the order is not known yet")
        if spec.price_ticks != known.price_ticks or spec.size_units > known.size_units:
            return self._replace(spec, known, way, ts_ns)
        if spec.size_units == known.size_units:
            return Breach("ORDER", VenueReason.unchanged, "the change changes nothing")
        return self._lessen(spec, known, way, ts_ns)

    def _lessen(self, spec: OrderSpec, known: KnownOrder, way: Way, ts_ns: int) -> Call | Breach:
        instrument = self._instruments.of_id(known.instrument)
        most = self.rules[known.instrument].amends_max
        if most and known.amends >= most:  # the venue takes no more of this order
            return self._replace(spec, known, way, ts_ns)
        if spec.size_units <= known.filled_units:
            filled = instrument.size_unit.text(known.filled_units)
            return Breach("LOT_SIZE", VenueReason.filter, f"expected more than the {filled} that have filled")
        text = self._ids.text(known.client_order_id, known.revision)
        params: Params = {
            "symbol": instrument.symbol,
            "origClientOrderId": text,
            "newClientOrderId": text,  # the venue would make one up
            "newQty": instrument.size_unit.text(spec.size_units),
        }
        known.amends += 1
        return self._send(CallKind.amend, params, way, ts_ns, spec=spec, symbol=instrument.symbol)

    def _replace(self, spec: OrderSpec, known: KnownOrder, way: Way, ts_ns: int) -> Call | Breach:
        if known.filled_units:
            text = "the order has filled in part: cancel it and place another"
            return Breach("PARTIALLY_FILLED", VenueReason.other, text)
        placed = replace(spec, side=known.side, type=known.type, time_in_force=known.time_in_force)
        before = self._ids.text(known.client_order_id, known.revision)
        params = self._order_params(placed, self._ids.text(known.client_order_id, known.ask_revision(ts_ns)))
        params |= {
            "cancelReplaceMode": "STOP_ON_FAILURE",
            "cancelOrigClientOrderId": before,
            "cancelRestrictions": "ONLY_NEW",
        }
        symbol = self._instruments.of_id(known.instrument).symbol
        return self._send(CallKind.amend, params, way, ts_ns, spec=placed, symbol=symbol, endpoint=REPLACE)

    def _text_of(self, spec: OrderSpec, kind: CallKind) -> str:
        known = self._replies.known.find(spec.client_order_id)
        return self._ids.text(spec.client_order_id, 0 if known is None else known.asked_after)

    def _question(self, kind: CallKind, symbol: str, since: int, value: int) -> tuple[Params, int | None]:
        params: Params = {"symbol": symbol} if symbol and kind in _OF_SYMBOL else {}
        match kind:
            case CallKind.open_orders if not symbol:
                return params, WEIGHT_OF_ALL_OPEN
            case CallKind.trades:
                return params | {"limit": TRADES_PER_PAGE} | ({"fromId": since} if since else {}), None
            case CallKind.balances:
                return {"omitZeroBalances": "true"}, None
            case CallKind.rules:
                return {"symbols": orjson.dumps([one.symbol for one in self._instruments.all]).decode()}, None
            case _:
                return params, None

    # --- answers ---

    def _accepted(self, call: Call, document: object, data: bytes, ts_ns: int) -> Answer:
        match call.kind:
            case CallKind.place | CallKind.amend:
                return self._answers.changed(call, Fields(document, data)), None
            case CallKind.cancel:
                return (self._answers.cancelled(call, Fields(document, data)),), None
            case CallKind.query:
                return self._answers.queried(call, Fields(document, data))
            case CallKind.open_orders:
                found = (self._replies.order(row) for row in each(document, data))
                return (), tuple(order for order in found if order is not None)
            case CallKind.trades:
                return (), tuple(self._answers.trade(row) for row in each(document, data))
            case CallKind.rules:
                return self._rules_of(data)
            case CallKind.fees:
                fees = spot_fees(Fields(document, data))
                self._replies.rates |= {row.symbol: row for row in fees}
                return (), fees
            case _:
                read = _DOCUMENTS.get(call.kind)
                return (), read(document, data) if read else None

    def _failure(self, call: Call, failed: Failed, ts_ns: int, limits: Limits) -> Outcome:
        spec, halves = call.spec, halves_of(failed.data)
        if spec is not None and halves is not None and call.kind in (CallKind.place, CallKind.amend):
            outcome = Outcome(call=call, code=failed.code, text=shown(failed.text), limits=limits, retry_at_ns=ts_ns)
            return self._answers.halved(outcome, spec, halves)
        outcome = super()._failure(call, failed, ts_ns, limits)
        if spec is None or call.kind is not CallKind.query:
            return outcome
        return self._answers.unfound(spec, outcome, ts_ns)
