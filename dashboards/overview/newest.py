"""The newest orders under way and the newest fills as short rows; Market and Trading have them whole. No I/O."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from dashboards.board import Align
from dashboards.clocks import market_time
from dashboards.market.figures import fixed, places_of
from streaming.bus import FillEvent, TradingEvent
from streaming.bus_view import View

Row = list[JsonValue]
Columns = tuple[str | tuple[str, Align], ...]
ROWS_SHOWN: Final = 4
ORDERS: Final[Columns] = ("instrument", "side", ("left", "right"), ("price", "right"), ("queue ahead", "right"))
FILLS: Final[Columns] = ("at", "instrument", "side", ("size", "right"), ("price", "right"))


def order_rows(view: View | None) -> tuple[list[Row], list[str]]:
    """Return a row an order under way, newest first, and its id."""
    markets = () if view is None else view.markets
    found = [(market, order) for market in markets for order in market.orders]
    found.sort(key=lambda each: -each[1].ts_sent_ns)
    shown = found[:ROWS_SHOWN]
    rows: list[Row] = [
        [
            market.instrument,
            order.side,
            {"text": f"{Decimal(order.size) - Decimal(order.filled):f}", "title": f"of {order.size}, {order.strategy}"},
            fixed(order.price, places_of(market.tick)),
            {"text": order.queue_ahead, "title": "size that trades before ours: an estimate, never too small"},
        ]
        for market, order in shown
    ]
    return rows, [order.client_order_id for _, order in shown]


def fill_rows(events: Iterable[TradingEvent]) -> tuple[list[Row], list[str]]:
    """Return a row a fill, newest first, and a key of each."""
    fills = [event for event in events if isinstance(event, FillEvent)][: -ROWS_SHOWN - 1 : -1]
    rows: list[Row] = [[market_time(fill.ts_ns), fill.instrument, fill.side, fill.size, fill.price] for fill in fills]
    return rows, [f"{fill.client_order_id}-{fill.ts_ns}" for fill in fills]
