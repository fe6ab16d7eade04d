"""Page Market: every venue's book with our orders in it, what the model expects of it, and how its feed fares."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments
from pydantic import JsonValue

from dashboards.clocks import market_time
from dashboards.coverage import share_text, strip_html, summary
from dashboards.data_facts import DataFacts, read_facts
from dashboards.desk import Desk, Update
from dashboards.errors import DeskError
from dashboards.market.panel import MarketPanel
from dashboards.performance.figures import money
from dashboards.snapshot import Snapshot
from streaming.bus import FillEvent
from streaming.bus_view import OwnOrder, View
from warehouse.schema import FORECAST_HORIZONS

PATH = "/market"
TITLE = "Market"

HORIZON_FIRST: Final = 5
"""Steps that every preset of the model reaches."""
FILLS: Final = 15
COVERAGE_S: Final = 30.0
"""How often the lake is asked while the page is open."""
COVERAGE_H: Final = 24
CHOSEN: Final = "(event) => emit(event.target.value)"


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    markets = _Markets(desk)
    parts = (markets.update, _build_orders(desk), _build_fills(desk))
    _build_coverage(desk)

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update


class _Markets:
    """A panel a market, made once it is known which there are."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._horizon = HORIZON_FIRST
        self._names: tuple[str, ...] = ()
        self._panels: list[MarketPanel] = []
        self._made = 0
        self._draw_horizon()
        self._waiting = desk.board.cell(test_id="market-waiting")
        self._holder = ui.element("div").classes("panels markets")
        ui.html(
            "<b>◆</b> where the model sees the mid, <b>┊</b> within its band (root of the live mean squared error). In "
            "the chart: mid (blue, solid), forecast and band (orange, dashed and dotted), what was forecast before "
            "for each moment (violet). Queue ahead is an estimate, never too small: what was shown when the order was "
            "first seen less what was printed since, at most what is shown.",
            sanitize=False,
        ).classes("soft market-words")

    def update(self, snapshot: Snapshot) -> None:
        """Show how the markets stand."""
        view = snapshot.view
        if view is None:
            self._waiting.put("no trader was heard yet; next: trader start", state="none")
            return
        self._waiting.put("")
        self._make(view)
        for panel in self._panels:
            panel.update(snapshot, self._horizon)

    def _make(self, view: View) -> None:
        names = tuple(market.instrument for market in view.markets)
        if names == self._names:
            return
        self._names = names
        self._holder.clear()
        with self._holder:
            self._panels = [MarketPanel(self._desk, name, self._made + place) for place, name in enumerate(names)]
        self._made += len(names)  # a ladder's name is never given twice

    def _draw_horizon(self) -> None:
        with ui.element("div").classes("choices"), TextElement(tag="label", text="Forecast, steps ahead "):
            with ui.element("select").props('data-testid="horizon"') as choice:
                for steps in FORECAST_HORIZONS:
                    chosen = " selected" if steps == self._horizon else ""
                    TextElement(tag="option", text=str(steps)).props(f'value="{steps}"{chosen}')
            choice.on("change", self._choose, js_handler=CHOSEN)

    def _choose(self, event: GenericEventArguments) -> None:
        if str(event.args) in {str(steps) for steps in FORECAST_HORIZONS}:
            self._horizon = int(str(event.args))


# --- what is ours ---


def _build_orders(desk: Desk) -> Update:
    with ui.element("section").classes("panel").props('aria-label="Own orders"'):
        TextElement(tag="h2", text="Own orders under way")
        rows = desk.board.rows(
            [
                "Side",
                ("Price", "right"),
                ("Size", "right"),
                ("Filled", "right"),
                ("Queue ahead", "right"),
                "Instrument",
                "State",
                "Strategy",
                ("Age", "right"),
            ],
            test_id="own-orders",
            caption="Oldest first",
        )

    def update(snapshot: Snapshot) -> None:
        view = snapshot.view
        if view is None:
            rows.put([], empty="no trader was heard yet")
            return
        found = [(market.instrument, order) for market in view.markets for order in market.orders]
        rows.put(
            [_order_row(name, order, view.ts_ns) for name, order in found],
            keys=[order.client_order_id for _, order in found],
            empty="none",
        )

    return update


def _order_row(instrument: str, order: OwnOrder, now_ns: int) -> list[JsonValue]:
    ahead: JsonValue = {"text": order.queue_ahead, "title": "estimate: see the words under the ladders"}
    strategy = ", ".join(word for word in (order.strategy, order.purpose) if word)
    age_s = (now_ns - order.ts_sent_ns) / 1e9
    return [
        order.side,
        order.price,
        order.size,
        order.filled,
        ahead,
        instrument,
        order.state.replace("_", " "),
        strategy,
        f"{age_s:.1f} s",
    ]


def _build_fills(desk: Desk) -> Update:
    with ui.element("section").classes("panel").props('aria-label="Own fills"'):
        TextElement(tag="h2", text="Own fills")
        rows = desk.board.rows(
            ["At, UTC", "Side", ("Price", "right"), ("Size", "right"), "Instrument", ("Fee", "right"), "Model"],
            test_id="own-fills",
            caption="Newest first",
        )

    def update(snapshot: Snapshot) -> None:
        fills = [event for event in snapshot.events if isinstance(event, FillEvent)][: -FILLS - 1 : -1]
        rows.put([_fill_row(fill) for fill in fills], empty="none was heard yet")

    return update


def _fill_row(fill: FillEvent) -> list[JsonValue]:
    return [
        market_time(fill.ts_ns),
        fill.side,
        fill.price,
        fill.size,
        fill.instrument,
        money(fill.fee),
        fill.bundle or None,
    ]


# --- what is held ---


def _build_coverage(desk: Desk) -> None:
    with ui.element("section").classes("panel").props('aria-label="Coverage"'):
        TextElement(tag="h2", text=f"Recorded, the last {COVERAGE_H} hours of the lake")
        strip = _Coverage(desk)
        ui.html('By the gap ledger; more on <a href="/data">Data</a>.', sanitize=False).classes("soft")
    desk.on_interval(COVERAGE_S, strip.read)


class _Coverage:
    """A strip an instrument, read from the lake now and then."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._words = desk.board.cell(test_id="market-coverage-words")
        self._bars = ui.html("", sanitize=False).props('data-testid="market-coverage"')

    async def read(self) -> None:
        """Ask the lake, and show what it says."""
        begun_s = time.monotonic()
        try:
            facts = await asyncio.to_thread(read_facts, self._desk.surroundings, COVERAGE_H)
        except DeskError as error:
            self._words.put(f"The lake could not be asked: {error}", state="bad")
            return
        self._words.put(_coverage_words(facts.covered), source="lake", age_s=time.monotonic() - begun_s)
        self._bars.set_content("".join(_strip(facts)))


def _coverage_words(covered: Sequence[object]) -> str:
    return "" if covered else "the lake holds no market yet; next: trader record"


def _strip(facts: DataFacts) -> list[str]:
    return [
        f'<div class="coverage-line"><div class="coverage-words"><span class="coverage-name">{found.name}</span>'
        f'<span>{share_text(found.valid_share)}</span><span class="soft">{summary(found).partition("; ")[2]}</span>'
        f"</div>{strip_html(found, facts.window)}</div>"
        for found in facts.covered
    ]
