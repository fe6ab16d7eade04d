"""What Bybit is asked, as endpoints and parameters.

Sources: Bybit v5 "Place Order", "Amend Order", "Cancel Order", "Get Open & Closed Orders", "Get Order History", "Get
Trade History", "Get Wallet Balance", "Get Fee Rate", "Get API Key Information", "Get Instruments Info". Numbers are
text. Spot orders are cash (`isLeverage` 0); of our own orders that would meet, the resting one goes, as on Binance.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from streaming.venues.bybit_orders_wire import (
    AMEND,
    CANCEL,
    CANCEL_ALL,
    CATEGORY,
    COUNTDOWN,
    CREATE,
    EXECUTIONS,
    FEES,
    HISTORY,
    KEY,
    REALTIME,
    RULES,
    TIME,
    WALLET,
    Endpoint,
)
from streaming.venues.client_ids import ClientIds
from streaming.venues.gateway import CallKind, OrderSpec, OrderType, TimeInForce
from streaming.venues.instruments import Instrument

NS_PER_MS: Final = 1_000_000
WEEK_MS: Final = 7 * 86_400_000
ORDERS_A_PAGE: Final = 50
TRADES_A_PAGE: Final = 100
SIDES: Final = ("Buy", "Sell")
FORCES: Final[Mapping[TimeInForce, str]] = MappingProxyType(
    {
        TimeInForce.gtc: "GTC",
        TimeInForce.ioc: "IOC",
        TimeInForce.fok: "FOK",
        TimeInForce.post_only: "PostOnly",
    }
)
Question = tuple[Endpoint, dict[str, object]]


def order_question(
    kind: CallKind,
    spec: OrderSpec,
    instrument: Instrument,
    ids: ClientIds,
    *,
    is_second: bool = False,
    kept: frozenset[str] = frozenset(),
) -> Question:
    """Return a request about one order. `is_second`: a query of the table of ended orders; `kept`: what of `price` and
    `qty` a change leaves as it is, which must not be named ("Amend Order").

    ValueError for a kind that is about no order.
    """
    named: dict[str, object] = {
        "category": CATEGORY,
        "symbol": instrument.symbol,
        "orderLinkId": ids.text(spec.client_order_id),
    }
    match kind:
        case CallKind.place:
            return CREATE, named | _terms(spec, instrument)
        case CallKind.amend:
            price, size = instrument.tick.text(spec.price_ticks), instrument.size_unit.text(spec.size_units)
            terms = {"qty": size, "price": price}
            return AMEND, named | {name: text for name, text in terms.items() if name not in kept}
        case CallKind.cancel:
            return CANCEL, named
        case CallKind.query:
            return HISTORY if is_second else REALTIME, named
        case _:
            raise ValueError(f"expected a request about an order, found {kind.value!r}")


def question(kind: CallKind, symbol: str, since: int, value: int, ts_ns: int) -> Question:
    """Return any other request; ValueError for one that the venue does not take."""
    spot: dict[str, object] = {"category": CATEGORY, "symbol": symbol} if symbol else {"category": CATEGORY}
    match kind:
        case CallKind.cancel_all:
            return CANCEL_ALL, spot
        case CallKind.open_orders:
            return REALTIME, spot | {"openOnly": "0", "limit": str(ORDERS_A_PAGE)}
        case CallKind.trades:
            return EXECUTIONS, spot | _span(since, ts_ns) | {"limit": str(TRADES_A_PAGE)}
        case CallKind.balances:
            return WALLET, {"accountType": "UNIFIED"}
        case CallKind.fees:
            return FEES, spot
        case CallKind.rules:
            return RULES, spot
        case CallKind.time:
            return TIME, {}
        case CallKind.permissions | CallKind.account:
            return KEY, {}
        case CallKind.countdown:
            return COUNTDOWN, {"product": "SPOT", "timeWindow": max(3, -(-value // 1_000))}
        case _:
            raise ValueError(f"bybit_spot has no call {kind.value!r}")


def _terms(spec: OrderSpec, instrument: Instrument) -> dict[str, object]:
    terms: dict[str, object] = {
        "side": SIDES[spec.side],
        "orderType": "Limit",
        "qty": instrument.size_unit.text(spec.size_units),
        "isLeverage": 0,
        "orderFilter": "Order",
        "smpType": "CancelMaker",
    }
    if spec.type is OrderType.market:  # without a unit, a market purchase would be told in the quote coin
        return terms | {"orderType": "Market", "marketUnit": "baseCoin"}
    return terms | {"price": instrument.tick.text(spec.price_ticks), "timeInForce": FORCES[spec.time_in_force]}


def _span(since_ns: int, ts_ns: int) -> dict[str, object]:
    """Return from when to when; the venue lists at most a week at once."""
    to_ms = ts_ns // NS_PER_MS + 60_000  # its clock may be ahead of ours
    return {"startTime": str(max(since_ns // NS_PER_MS, to_ms - WEEK_MS, 0)), "endTime": str(to_ms)}
