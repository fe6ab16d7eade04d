"""One market on the page: how its feed fares, its ladder, the forecast over it, and the newest public trades."""

from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from pydantic import JsonValue

from dashboards.board import CellState
from dashboards.clocks import NS_PER_MS, market_time
from dashboards.desk import Desk
from dashboards.market.figures import (
    Came,
    Expected,
    expected_of,
    fixed,
    ladder,
    last_come,
    microprice_text,
    mid_text,
    places_of,
    spread_text,
)
from dashboards.market.ladder import Ladder
from dashboards.model.fan import fan_lines, fan_options
from dashboards.snapshot import Snapshot
from streaming.bus_view import MarketView, View

LEVELS: Final = 10
TRADES: Final = 8
BOOK_AGE_MS_MAX: Final = 2_000
"""Of the session's clock; an older book is marked, as the grid does not use it either."""
SLOW_EVERY: Final = 5
"""Ticks between two drawings of the chart, which is slow to draw and slow to change."""


class MarketPanel:
    """Made where the page is being drawn; `update` with every snapshot."""

    def __init__(self, desk: Desk, instrument: str, number: int) -> None:
        self._instrument = instrument
        self._ticks = 0
        board = desk.board
        with ui.element("section").classes("panel market").props(f'aria-label="{instrument}"'):
            TextElement(tag="h2", text=instrument)
            with ui.element("div").classes("market-head"):
                self._feed = board.cell(test_id=f"feed-{instrument}", classes="badge", label="Feed")
                self._valid = board.cell(test_id=f"valid-{instrument}", classes="badge", label="Book in the grid")
                self._position = board.cell(test_id=f"position-{instrument}", classes="market-position")
            with ui.element("div").classes("stats market-stats"):
                self._age = board.stat("Book age", test_id=f"book-age-{instrument}")
                self._lag = board.stat("Lag", test_id=f"lag-{instrument}")
                self._sequence = board.stat("Sequence", test_id=f"sequence-{instrument}")
                self._spread = board.stat("Spread", test_id=f"spread-{instrument}")
                self._micro = board.stat("Microprice", test_id=f"microprice-{instrument}")
            self._ladder = Ladder(board, f"ladder{number}", f"ladder-{instrument}", f"Order book of {instrument}")
            with ui.element("div").classes("stats market-stats"):
                self._expected = board.stat("Forecast", test_id=f"expected-{instrument}")
                self._came = board.stat("What came of the last", test_id=f"came-{instrument}")
            self._chart = board.chart(
                _options(), height="11rem", test_id=f"fan-{instrument}", label=f"Mid and forecast of {instrument}"
            )
            self._trades = board.rows(
                ["Received, UTC", "Taker", ("Price", "right"), ("Size", "right")],
                test_id=f"trades-{instrument}",
                caption="Public trades, newest first",
            )

    def update(self, snapshot: Snapshot, horizon: int) -> None:
        """Show how the market stands."""
        view = snapshot.view
        market = None if view is None else next((m for m in view.markets if m.instrument == self._instrument), None)
        if view is None or market is None:
            return
        age_s = snapshot.age_s("view")
        expected = expected_of(view.forecast, self._instrument, horizon)
        self._put_feed(view, market, age_s)
        self._ladder.put(ladder(market, LEVELS, expected), _middle(market), source=_source(view, market), age_s=age_s)
        self._put_forecast(view, expected, age_s)
        self._trades.put(_trade_rows(market), empty="none was printed yet")
        if self._ticks % SLOW_EVERY == 0:
            self._put_slow(snapshot, view, horizon)
        self._ticks += 1

    def _put_feed(self, view: View, market: MarketView, age_s: float | None) -> None:
        is_synced = market.feed == "synced"
        self._feed.put(f"feed {market.feed}", source="view", age_s=age_s, state="ok" if is_synced else "bad")
        words = "book valid" if market.is_valid else "book NOT valid"
        self._valid.put(words, source="newest grid step", age_s=age_s, state="ok" if market.is_valid else "bad")
        self._position.put(f"position {market.position}", source="view", age_s=age_s)
        text, state = _book_age(view, market)
        self._age.put(text, source="receive time, session clock", age_s=age_s, state=state)
        lag = None if market.lag_ms is None else f"{market.lag_ms:.1f} ms"
        self._lag.put(lag, source="received less the venue's time", age_s=age_s)
        self._sequence.put(str(market.update_id) if market.update_id else None, source="venue's own", age_s=age_s)
        self._spread.put(spread_text(market), source="view", age_s=age_s)
        self._micro.put(microprice_text(market), source="best levels, weighted by size", age_s=age_s)

    def _put_forecast(self, view: View, expected: Expected | None, age_s: float | None) -> None:
        model = "" if view.forecast is None else f"model {view.forecast.model}"
        self._expected.put(_expected_text(expected, view, self._instrument), source=model, age_s=age_s)

    def _put_slow(self, snapshot: Snapshot, view: View, horizon: int) -> None:
        came = last_come(snapshot.history, self._instrument, horizon)
        self._came.put(_came_text(came), source="views of the last minutes", age_s=snapshot.age_s("view"))
        self._chart.put(fan_lines(snapshot.history, view.forecast, self._instrument, horizon))


def _options() -> dict[str, JsonValue]:
    """Return the Model page's chart, smaller: without its legend, which stands once under the markets."""
    options = fan_options()
    return {
        **options,
        "legend": {"show": False},
        "grid": {"left": 4, "right": 14, "top": 10, "bottom": 4, "containLabel": True},
    }


def _middle(market: MarketView) -> str | None:
    mid = mid_text(market)
    return None if mid is None else f"mid {mid}"


def _source(view: View, market: MarketView) -> str:
    return f"book of {market.instrument}, {market_time(market.ts_book_ns)} UTC of the session's clock, run {view.run}"


def _book_age(view: View, market: MarketView) -> tuple[str | None, CellState]:
    if not market.ts_book_ns:
        return None, "none"
    age_ms = max(0, view.ts_ns - market.ts_book_ns) / NS_PER_MS
    text = f"{age_ms:.0f} ms" if age_ms < 10_000 else f"{age_ms / 1_000:.0f} s"
    return text, "ok" if age_ms <= BOOK_AGE_MS_MAX else "warn"


def _expected_text(expected: Expected | None, view: View, instrument: str) -> str | None:
    if expected is None:
        return None
    tick = next(market.tick for market in view.markets if market.instrument == instrument)
    band = "" if expected.band_bps is None else f" ± {expected.band_bps:.2f}"
    return f"{round(expected.bps, 2) + 0.0:+.2f}{band} bps → {fixed(str(expected.price), places_of(tick) + 1)}"


def _came_text(came: Came | None) -> str | None:
    return (
        None if came is None else f"told {round(came.bps, 2) + 0.0:+.2f}, came {round(came.move_bps, 2) + 0.0:+.2f} bps"
    )


def _trade_rows(market: MarketView) -> list[list[JsonValue]]:
    places = places_of(market.tick)
    return [
        [market_time(trade.ts_ns), trade.side, fixed(trade.price, places), trade.size]
        for trade in market.trades[:TRADES]
    ]
