"""Page Latency: what each stage takes, how that is spread, and where the time of one order went."""

from collections.abc import Mapping
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from dashboards.desk import Desk, Update
from dashboards.errors import DeskError
from dashboards.panels import absent, age_note, panel
from dashboards.performance import stages, ways
from dashboards.performance.earlier import STAGES_SQL, Earlier, stage_rows
from dashboards.performance.earlier_panel import draw_earlier
from dashboards.performance.stage_charts import histogram, histogram_options, waterfall, waterfall_options
from dashboards.snapshot import Snapshot

PATH = "/latency"
TITLE = "Latency"

CHOSEN: Final = "(event) => emit(event.target.value)"
STAGE_FIRST: Final = "socket_to_order"
"""How often the lake is asked for earlier sessions while the page is open."""
CHART_EVERY: Final = 5
"""Updates between two drawings; a status comes once a second."""
NUMBER_SIGNS: Final = 20
LOOK_S: Final = 0.5
"""How soon the trader is asked for an order that a link named."""


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    with ui.element("div").classes("panels latency"):
        parts = [_draw_stages(desk), _draw_histogram(desk), _draw_way(desk)]
        draw_earlier(
            desk,
            STAGES_SQL,
            Earlier.STAGES,
            stage_rows,
            test_id="earlier-stages",
            source="lake: median of ten-second medians, highest of ten-second p99",
        )

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update


def _select(label: str, test_id: str, offered: Mapping[str, str], chosen: str) -> ui.element:
    with ui.element("div").classes("choices"), TextElement(tag="label", text=f"{label} "):
        select = ui.element("select").props(f'data-testid="{test_id}"')
    with select:
        for value, words in offered.items():
            mark = " selected" if value == chosen else ""
            TextElement(tag="option", text=words).props(f'value="{value}"{mark}')
    return select


def _draw_stages(desk: Desk) -> Update:
    span = "recent"

    def choose(event: GenericEventArguments) -> None:
        nonlocal span
        span = str(event.args) if str(event.args) in stages.SPANS else span

    with panel(desk.board, "Stages") as note:
        _select("Over", "latency-span", stages.SPANS, span).on("change", choose, js_handler=CHOSEN)
        rows = desk.board.rows(
            stages.COLUMNS,
            test_id="stages",
            caption="Real time, in the order in which a frame meets them; a percentile is at most an eighth too long",
        )

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status", snapshot.age_s("status")))
        found, keys = stages.stage_rows(snapshot.status, span)
        rows.put(found, keys=keys, empty=absent(snapshot, "no trader tells its latencies yet"))

    return update


def _draw_histogram(desk: Desk) -> Update:
    stage, ticks = STAGE_FIRST, 0
    offered = {name: stages.title_of(name) for name in stages.STAGES}

    def choose(event: GenericEventArguments) -> None:
        nonlocal stage, ticks
        stage, ticks = str(event.args)[:100], 0

    with panel(desk.board, "How it is spread") as note:
        select = _select("Stage", "latency-stage", offered, stage)
        select.on("change", choose, js_handler=CHOSEN)
        chart = desk.board.chart(
            histogram_options(),
            height="20rem",
            test_id="latency-histogram",
            label="How often the stage took how long, since the start",
        )
    venues: set[str] = set()

    def update(snapshot: Snapshot) -> None:
        nonlocal ticks
        note.put(age_note("since the start; status", snapshot.age_s("status")))
        new = [name for name in stages.latencies_of(snapshot.status) if name not in offered and name not in venues]
        for name in new:
            venues.add(name)
            with select:
                TextElement(tag="option", text=stages.title_of(name)).props(f'value="{name}"')
        if ticks % CHART_EVERY == 0:
            chart.option(**histogram(stages.bars_of(snapshot.status, stage)))
        ticks += 1

    return update


def _draw_way(desk: Desk) -> Update:
    chosen = ways.ChosenWay(_asked_order())

    def choose(event: GenericEventArguments) -> None:
        chosen.choose(str(event.args))

    with panel(desk.board, "The way of one order", is_wide=True) as note:
        select = _select("Order", "latency-order", {"": "the one asked for", **ways.CHOICES}, _first(chosen))
        select.on("change", choose, js_handler=CHOSEN)
        with ui.element("p").classes("words"):
            told = desk.board.cell(test_id="way-words")
        with ui.element("div").classes("way"):
            chart = desk.board.chart(
                waterfall_options(), height="20rem", test_id="waterfall", label="When each stage began and what it took"
            )
            rows = desk.board.rows(ways.STAGE_COLUMNS, test_id="way-stages", caption="Stages of that order")
        orders = desk.board.rows(ways.ORDER_COLUMNS, test_id="way-orders", caption="Newest orders; choose one")
    desk.on_interval(LOOK_S, lambda: _look_up(desk, chosen))

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status", snapshot.age_s("status")))
        way = chosen.of(snapshot.status)
        told.put(ways.way_words(way, chosen.problem), state="bad" if way is None and chosen.problem else None)
        found, keys = ways.stage_rows(way)
        rows.put(found, keys=keys, empty="no order was answered yet")
        chart.option(**waterfall(ways.stages_of(way)))
        listed, numbers = ways.order_rows(snapshot.status, way)
        orders.put(listed, keys=numbers, empty="no order was sent yet")

    return update


async def _look_up(desk: Desk, chosen: ways.ChosenWay) -> None:
    """Ask the trader for the order that the page's address names: it knows more of them than it tells of."""
    if not chosen.is_wanted or desk.snapshot().status is None:
        return
    number = chosen.number
    try:
        answer = await desk.ask("way", client_order_id=number)
    except DeskError as error:
        chosen.problem = str(error) if chosen.number == number else ""
        return
    way = answer.get("way")
    if chosen.number == number and isinstance(way, dict):
        chosen.keep(way)


def _first(chosen: ways.ChosenWay) -> str:
    return "" if chosen.number else chosen.choice


def _asked_order() -> str:
    """Return the order that the page's address names; anything else than digits is none."""
    request = ui.context.client.request
    number = request.query_params.get("order", "") if request is not None else ""
    return number if number.isdigit() and len(number) <= NUMBER_SIGNS else ""
