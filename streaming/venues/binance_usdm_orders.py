"""Orders and account on Binance USD-M perpetuals: requests and answers. Events are in `binance_usdm_orders_events`.

Sources: USD-M "New Order", "Modify Order", "Cancel Order", "Query Order", "Current All Open Orders", "Account Trade
List", "Futures Account Balance V3", "Position Information V3", "Auto-Cancel All Open Orders", "Start User Data Stream",
and the "WebSocket API" pages of the same. Orders, their changes, cancels and queries, balances and positions have
methods of the WebSocket API; lists of orders and trades, fees, listen keys and the countdown are asked over REST alone.

Placements ask for an ACK: their fills and ends come of the stream, in order, with fees; the longer answer would tell an
end before the fills that made it. A balance is the wallet's, which orders do not lock.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

from streaming.venues.binance_errors import USDM, Verdict
from streaming.venues.binance_failures import Failed
from streaming.venues.binance_orders import Answer, BinanceOrders
from streaming.venues.binance_orders_documents import (
    order_counts,
    time_of,
    usdm_account,
    usdm_balances,
    usdm_fees,
    usdm_mode,
    usdm_permissions,
    usdm_positions,
)
from streaming.venues.binance_orders_fields import Fields, each
from streaming.venues.binance_orders_replies import LISTED_FILL, count_of, side_of, status_of
from streaming.venues.binance_orders_wire import Endpoint, Params, Security
from streaming.venues.binance_usdm_orders_events import EVENTS, UsdmEvents
from streaming.venues.gateway import (
    Action,
    Call,
    CallKind,
    Document,
    Heard,
    OrderSpec,
    OrderType,
    StreamEvent,
    TimeInForce,
    Told,
    VenueTrade,
    Way,
)
from streaming.venues.order_rules import Breach
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReply

TRADES_PER_PAGE: Final = 1_000
WOULD_TAKE: Final = -5022
WEIGHT_OF_ALL_OPEN: Final = 40
FORCES: Final[Mapping[TimeInForce, str]] = MappingProxyType(
    {TimeInForce.gtc: "GTC", TimeInForce.ioc: "IOC", TimeInForce.post_only: "GTX", TimeInForce.fok: "FOK"}
)
_OF_SYMBOL: Final = frozenset(
    (
        CallKind.cancel_all,
        CallKind.open_orders,
        CallKind.trades,
        CallKind.positions,
        CallKind.fees,
        CallKind.countdown,
    )
)
_DOCUMENTS: Final[Mapping[CallKind, Callable[[object, bytes], Document]]] = MappingProxyType(
    {
        CallKind.balances: usdm_balances,
        CallKind.time: time_of,
        CallKind.permissions: usdm_permissions,
        CallKind.account: usdm_account,
        CallKind.position_mode: usdm_mode,
        CallKind.rate_limits: order_counts,
    }
)
_KEY: Final = Security.key
ENDPOINTS: Final[Mapping[CallKind, Endpoint]] = MappingProxyType(
    {
        CallKind.place: Endpoint(method="POST", path="/fapi/v1/order", socket="order.place", weight=0, orders=1),
        CallKind.amend: Endpoint(method="PUT", path="/fapi/v1/order", socket="order.modify", weight=0, orders=1),
        CallKind.cancel: Endpoint(method="DELETE", path="/fapi/v1/order", socket="order.cancel", is_cancel=True),
        CallKind.query: Endpoint(path="/fapi/v1/order", socket="order.status"),
        CallKind.cancel_all: Endpoint(method="DELETE", path="/fapi/v1/allOpenOrders", is_cancel=True),
        CallKind.open_orders: Endpoint(path="/fapi/v1/openOrders"),
        CallKind.trades: Endpoint(path="/fapi/v1/userTrades", weight=5),
        CallKind.balances: Endpoint(path="/fapi/v3/balance", socket="v2/account.balance", weight=5),
        CallKind.positions: Endpoint(path="/fapi/v3/positionRisk", socket="v2/account.position", weight=5),
        CallKind.fees: Endpoint(path="/fapi/v1/commissionRate", weight=20),
        CallKind.rules: Endpoint(path="/fapi/v1/exchangeInfo", security=Security.none),
        CallKind.time: Endpoint(path="/fapi/v1/time", socket="time", security=Security.none),
        CallKind.permissions: Endpoint(path="/sapi/v1/account/apiRestrictions"),
        CallKind.account: Endpoint(path="/fapi/v3/balance", weight=5),
        CallKind.position_mode: Endpoint(path="/fapi/v1/positionSide/dual", weight=30),
        CallKind.logon: Endpoint(path="", socket="session.logon", weight=2),
        CallKind.listen_key: Endpoint(method="POST", path="/fapi/v1/listenKey", security=_KEY),
        CallKind.renew_listen_key: Endpoint(method="PUT", path="/fapi/v1/listenKey", security=_KEY),
        CallKind.end_listen_key: Endpoint(method="DELETE", path="/fapi/v1/listenKey", security=_KEY),
        CallKind.countdown: Endpoint(method="POST", path="/fapi/v1/countdownCancelAll", weight=10, is_cancel=True),
        CallKind.rate_limits: Endpoint(path="/fapi/v1/rateLimit/order"),
    }
)


class BinanceUsdmOrders(BinanceOrders):
    """See `Gateway`. The account must hold one-way positions."""

    venue = "binance_usdm"
    order_path = "/ws-fapi/v1"
    codes = USDM
    endpoints = ENDPOINTS
    events = UsdmEvents
    _listen_key = ""

    @property
    def user_path(self) -> str | None:
        """Path of the user socket, which holds the listen key; None while there is no key."""
        key = quote(self._listen_key, safe="")
        return f"/private/ws?listenKey={key}&events={'/'.join(EVENTS)}" if key else None

    # --- what is asked ---

    def _place(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        instrument = self._instruments.of_id(spec.instrument)
        params: Params = {
            "symbol": instrument.symbol,
            "side": "SELL" if spec.side else "BUY",
            "type": "MARKET" if spec.type is OrderType.market else "LIMIT",
            "quantity": instrument.size_unit.text(spec.size_units),
            "newClientOrderId": self._ids.text(spec.client_order_id),
            "newOrderRespType": "ACK",
        }
        if spec.type is OrderType.limit:
            params |= {"price": instrument.tick.text(spec.price_ticks), "timeInForce": FORCES[spec.time_in_force]}
        if spec.is_reduce_only:
            params["reduceOnly"] = "true"
        self._replies.known.place(spec)
        return self._send(CallKind.place, params, way, ts_ns, spec=spec, symbol=instrument.symbol)

    def _amend(self, spec: OrderSpec, way: Way, ts_ns: int) -> Call | Breach:
        instrument = self._instruments.of_id(spec.instrument)
        params: Params = {
            "symbol": instrument.symbol,
            "side": "SELL" if spec.side else "BUY",
            "quantity": instrument.size_unit.text(spec.size_units),
            "price": instrument.tick.text(spec.price_ticks),
            "origClientOrderId": self._ids.text(spec.client_order_id),
        }
        return self._send(CallKind.amend, params, way, ts_ns, spec=spec, symbol=instrument.symbol)

    def _question(self, kind: CallKind, symbol: str, since: int, value: int) -> tuple[Params, int | None]:
        params: Params = {"symbol": symbol} if symbol and kind in _OF_SYMBOL else {}
        match kind:
            case CallKind.open_orders if not symbol:
                return params, WEIGHT_OF_ALL_OPEN
            case CallKind.trades:
                return params | {"limit": TRADES_PER_PAGE} | ({"fromId": since} if since else {}), None
            case CallKind.countdown:
                return params | {"countdownTime": value}, None
            case _:
                return params, None

    # --- answers ---

    def _accepted(self, call: Call, document: object, data: bytes, ts_ns: int) -> Answer:
        match call.kind:
            case CallKind.place | CallKind.amend | CallKind.cancel:
                return (self._changed(call, Fields(document, data)),), None
            case CallKind.query:
                return self._queried(call, Fields(document, data))
            case CallKind.open_orders:
                found = (self._replies.order(row) for row in each(document, data))
                return (), tuple(order for order in found if order is not None)
            case CallKind.trades:
                return (), tuple(self._trade(row) for row in each(document, data))
            case CallKind.rules:
                return self._rules_of(data)
            case CallKind.positions:
                return (), usdm_positions(document, data, self._instruments)
            case CallKind.fees:
                fees = usdm_fees(Fields(document, data))
                self._replies.rates |= {row.symbol: row for row in fees}
                return (), fees
            case CallKind.listen_key:
                self._listen_key = Fields(document, data).text("listenKey")
                return (), self._listen_key
            case CallKind.end_listen_key:
                self._listen_key = ""
                return (), None
            case _:
                read = _DOCUMENTS.get(call.kind)
                return (), read(document, data) if read else None

    def _changed(self, call: Call, fields: Fields) -> VenueReply:
        """Read the order of an answer to a placement, a change or a cancel: each states it as it is then."""
        assert call.spec is not None, "calls about orders have one"
        known = self._replies.known_or_new(call.spec)
        instrument = self._instruments.of_id(known.instrument)
        self._replies.known.name(known, fields.integer("orderId"))
        kind, reason = status_of(fields, "status")
        known.price_ticks = count_of(instrument.tick, fields, "price")
        known.size_units = count_of(instrument.size_unit, fields, "origQty")
        if call.kind is CallKind.amend and kind is ReplyKind.ack:
            kind = ReplyKind.amended
            known.is_change_unknown = False
        return self._replies.state(
            known,
            kind,
            ts_venue_ns=fields.ns("updateTime"),
            origin=Origin.answer,
            cumulative_units=count_of(instrument.size_unit, fields, "executedQty"),
            reason=reason,
        )

    def _queried(self, call: Call, fields: Fields) -> Answer:
        assert call.spec is not None, "calls about orders have one"
        order = self._replies.order(fields)
        known = self._replies.known.find(call.spec.client_order_id)
        if order is None or known is None:
            return (), None
        return (self._replies.queried(known, order),), (order,)

    def _trade(self, row: Fields) -> VenueTrade:
        is_maker = row.flag("maker")
        # the venue's samples show what was paid with a minus sign here, and with a plus sign in events
        is_paid = self._replies.is_charged(row.text("symbol"), is_maker=is_maker)
        return self._replies.trade(row, LISTED_FILL, side=side_of(row, "side"), is_maker=is_maker, is_paid=is_paid)

    def _verdict(self, call: Call, failed: Failed) -> Verdict:
        if call.kind is CallKind.amend and failed.code == WOULD_TAKE:
            return Verdict(Action.resolve)  # a post-only change that would take may have ended the order
        return super()._verdict(call, failed)

    def _heard(self, event: Fields) -> Sequence[Heard]:
        found = super()._heard(event)
        if any(isinstance(one, StreamEvent) and one.told is Told.ended for one in found):
            self._listen_key = ""
        return found
