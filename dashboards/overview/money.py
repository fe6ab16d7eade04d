"""What a session earned: the split of its pnl, its positions, and its course for a chart. No I/O."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from pydantic import JsonValue

from dashboards.board import Points
from dashboards.clocks import NS_PER_MS
from dashboards.market.figures import places_of
from dashboards.snapshot import Point
from streaming.bus_view import MarketView, View

Row = list[JsonValue]
PARTS: Final = {
    "inventory": "earned or lost by what was held as the market moved",
    "spread": "paid at our fills against the mid; negative: earned",
    "fees": "paid to the venues; negative: rebates received",
    "funding": "paid for perpetual positions; negative: received",
    "pnl": "inventory, less spread, fees and funding",
}
PAID: Final = ("spread", "fees", "funding")
"""Told as costs."""


def split_rows(total: Mapping[str, JsonValue]) -> tuple[list[Row], list[str]]:
    """Return a row a part of the pnl."""
    rows: list[Row] = [
        [{"text": f"less {part} paid" if part in PAID else part, "title": words}, _part(part, total.get(part))]
        for part, words in PARTS.items()
    ]
    return rows, list(PARTS)


def _part(part: str, told: JsonValue) -> JsonValue:
    if told is None:
        return None
    shown = str(shown_money(told))
    return {"text": shown.removeprefix("+") if part in PAID else shown, "title": f"exactly {told}", "state": "ok"}


def position_rows(view: View | None) -> tuple[list[Row], list[str]]:
    """Return a row an instrument."""
    markets = () if view is None else view.markets
    rows: list[Row] = [
        [
            market.instrument,
            market.position,
            average_price(market),
            _money(market.unrealised),
            _money(market.pnl),
            str(len(market.orders)),
        ]
        for market in markets
    ]
    return rows, [market.instrument for market in markets]


def average_price(market: MarketView) -> JsonValue:
    """Return what a position cost a coin, with one digit more than the tick has; None where nothing is held."""
    if market.average_price is None:
        return None
    shown = f"{Decimal(market.average_price):.{places_of(market.tick) + 1}f}"
    return {"text": shown, "title": f"exactly {market.average_price}"}


def course(points: Iterable[Point]) -> dict[str, Points]:
    """Return pnl by ms of the market's clock, and how far it is below its highest so far."""
    pnl: list[tuple[float, float | None]] = []
    below: list[tuple[float, float | None]] = []
    peak: float | None = None
    for point in points:
        at_ms = float(point.ts_ns // NS_PER_MS)
        peak = point.pnl if peak is None else max(peak, point.pnl)
        pnl.append((at_ms, point.pnl))
        below.append((at_ms, round(peak - point.pnl, 8)))
    return {"pnl": pnl, "below its highest": below}


def shown_money(text: JsonValue) -> str | None:
    """Return an amount with two digits, for people, with its sign unless it is zero then; None stays none."""
    if text is None:
        return None
    shown = f"{Decimal(str(text)):+.2f}"
    return shown if Decimal(shown) else shown[1:]


def _money(text: JsonValue) -> JsonValue:
    if text is None:
        return None
    return {"text": shown_money(text), "title": f"exactly {text}", "state": "ok"}
