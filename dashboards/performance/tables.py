"""Positions, orders and fills as rows for people. No I/O."""

from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.clocks import market_time
from dashboards.overview.money import average_price
from dashboards.performance.figures import money
from dashboards.snapshot import Document
from streaming.bus import FillEvent, TradingEvent
from streaming.bus_view import View

Row = list[JsonValue]
Columns = tuple[str | tuple[str, Align], ...]
ROWS_SHOWN: Final = 15
"""Of orders, and of fills."""
BUNDLE_SIGNS: Final = 12
POSITIONS: Final[Columns] = (
    "Instrument",
    ("Position", "right"),
    ("Average", "right"),
    ("Realised", "right"),
    ("Unrealised", "right"),
    ("Fees", "right"),
    ("Funding", "right"),
    ("Pnl", "right"),
    ("Open orders", "right"),
)
ORDERS: Final[Columns] = (
    "Order",
    "Sent, UTC",
    "Side",
    ("Size", "right"),
    ("Price", "right"),
    ("Filled", "right"),
    "State",
    "Instrument",
    "Strategy",
    "Model",
)
FILLS: Final[Columns] = (
    "Order",
    "Market time, UTC",
    "Side",
    ("Size", "right"),
    ("Price", "right"),
    ("Fee", "right"),
    "Instrument",
    "Model",
)


def position_rows(view: View | None) -> tuple[list[Row], list[str]]:
    """Return a row an instrument and its key."""
    markets = () if view is None else view.markets
    rows: list[Row] = [
        [
            market.instrument,
            market.position,
            average_price(market),
            *(money(amount) for amount in (market.realised, market.unrealised, market.fees, market.funding)),
            money(market.pnl),
            str(len(market.orders)),
        ]
        for market in markets
    ]
    return rows, [market.instrument for market in markets]


def order_rows(status: Document | None) -> tuple[list[Row], list[str]]:
    """Return a row an order, newest first, and its id; one that was sent leads to its way."""
    orders = None if status is None else status.get("orders")
    rows: list[Row] = []
    keys: list[str] = []
    for order in orders[:ROWS_SHOWN] if isinstance(orders, list) else ():
        if isinstance(order, dict):
            number = str(order.get("client_order_id"))
            keys.append(number)
            rows.append(_order_row(order, number))
    return rows, keys


def _order_row(order: dict[str, JsonValue], number: str) -> Row:
    sent, refused = order.get("ts_sent_ns"), order.get("refused_by")
    state = str(order.get("state")).replace("_", " ")
    shown: JsonValue = {"text": f"{state}: {refused}", "state": "warn"} if refused else state
    link: JsonValue = {"text": number[-6:], "title": f"order {number}"}
    if order.get("strategy") is not None:
        link = {
            "text": number[-6:],
            "title": f"order {number}: where its time went",
            "href": f"/latency?order={number}",
        }
    return [
        link,
        market_time(sent) if isinstance(sent, int) else None,
        str(order.get("side")),
        str(order.get("size")),
        str(order.get("price")),
        str(order.get("filled")),
        shown,
        str(order.get("instrument")),
        _text(order.get("strategy")),
        _bundle(str(order.get("bundle") or "")),
    ]


def fill_rows(events: Iterable[TradingEvent]) -> tuple[list[Row], list[str]]:
    """Return a row a fill, newest first, and a key of each."""
    fills = [event for event in events if isinstance(event, FillEvent)][-ROWS_SHOWN:]
    rows: list[Row] = [
        [
            {"text": fill.client_order_id[-6:], "title": f"order {fill.client_order_id}"},
            market_time(fill.ts_ns),
            fill.side,
            fill.size,
            fill.price,
            money(fill.fee),
            fill.instrument,
            _bundle(fill.bundle),
        ]
        for fill in reversed(fills)
    ]
    return rows, [f"{fill.client_order_id}-{fill.ts_ns}" for fill in reversed(fills)]


def _bundle(name: str) -> JsonValue:
    return {"text": name[:BUNDLE_SIGNS], "title": f"bundle {name}"} if name else None


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)
