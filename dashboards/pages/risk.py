"""Page Risk: each limit and how much of it is in use, what objected, how trading stands, and the drill."""

import asyncio
from typing import Final

from nicegui import ui

from dashboards.board import Align, Board, Cell, CellState
from dashboards.clocks import market_time
from dashboards.desk import Desk, Update
from dashboards.kill_control import latched
from dashboards.overview.health import dead_man_words, trust_words
from dashboards.panels import absent, age_note, element, panel
from dashboards.risk.drill import hold_drill, why_not
from dashboards.risk.event_rows import event_rows
from dashboards.risk.limit_rows import count_of, limits_of, objections, off_words, table_rows
from dashboards.snapshot import Document, Snapshot

PATH = "/risk"
TITLE = "Risk"

EVENTS_SHOWN: Final = 25
GUARDS: Final = ("Dead-man switch", "Venues trusted")
"""Of a live trader alone."""
NOT_TOLD: Final = "no trader tells its limits yet"
COLUMNS: Final[tuple[tuple[str, Align], ...]] = (
    ("rule", "left"),
    ("used", "left"),
    ("in use", "right"),
    ("limit", "right"),
    ("then", "left"),
    ("objected", "right"),
)
TABLES: Final = {
    "step": "Limits while something is held",
    "order": "Limits before an order leaves",
}


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    with ui.element("div").classes("panels risk"):
        parts = [_draw_state(desk), _draw_objections(desk), *(_draw_limits(desk, when) for when in TABLES)]
        parts += [_draw_events(desk.board)]

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update


def _draw_state(desk: Desk) -> Update:
    board = desk.board
    with panel(board, "Trading state") as note:
        with ui.element("div").classes("stats"):
            names = ("State", "Since", "Open orders", "Refused by risk", "Trips")
            cells = {name: board.stat(name, test_id=f"risk-{name.lower().replace(' ', '-')}") for name in names}
            guards = {name: board.stat(name, test_id=f"risk-{name.lower().replace(' ', '-')}") for name in GUARDS}
        with ui.element("p").classes("words"):
            why = board.cell(test_id="risk-why")
        drill = _draw_drill(desk)

    def update(snapshot: Snapshot) -> None:
        view, age_s = snapshot.view, snapshot.age_s("view")
        note.put(age_note("view", age_s))
        words, kind = latched(snapshot)
        cells["State"].put(None if view is None else view.state.upper(), source="view", age_s=age_s, state=kind)
        since = None if view is None or not view.since_ns else market_time(view.since_ns)
        cells["Since"].put(since, source="market time, UTC", age_s=age_s)
        cells["Open orders"].put(None if view is None else str(view.open_orders), source="view", age_s=age_s)
        _put_counts(cells, snapshot)
        _put_guards(guards, snapshot)
        why.put(words or ("Nothing is latched." if view is not None else None), state=kind if words else None)
        drill(snapshot)

    return update


def _put_guards(cells: dict[str, Cell], snapshot: Snapshot) -> None:
    """Say of a live trader how long the venue waits before it cancels by itself, and where risk may be opened."""
    age_s, words, trust = snapshot.age_s("status"), dead_man_words(snapshot.status), trust_words(snapshot.status)
    is_armed = words is not None and words.endswith("left")
    text = None if words is None else words.removeprefix("dead-man's switch ") if is_armed else "NOT ARMED"
    why = "status: USD-M cancels our orders by itself when it has not heard from us for so long"
    cells["Dead-man switch"].put(text, source=why, age_s=age_s, state=None if words is None or is_armed else "bad")
    count, blocked = trust or (None, "")
    state: CellState | None = "bad" if blocked else None
    cells["Venues trusted"].put(count, source=f"status: {blocked}" if blocked else "status", age_s=age_s, state=state)


def _put_counts(cells: dict[str, Cell], snapshot: Snapshot) -> None:
    limits, age_s = limits_of(snapshot.status, None), snapshot.age_s("status")
    for name, when in (("Refused by risk", "order"), ("Trips", "step")):
        count = count_of(limits, when)
        state: CellState | None = "warn" if count and when == "step" else None
        cells[name].put(str(count) if limits else None, source="status", age_s=age_s, state=state)


def _draw_drill(desk: Desk) -> Update:
    """Draw the drill in two steps, as everything that moves the trading state has."""
    board = desk.board
    with ui.element("div").classes("drill").props('role="group" aria-label="Drill"'):
        press = element("button", "Drill (paper)", type="button", data_testid="drill")
        confirm = element("button", "Confirm: halt, then resume", classes="danger", type="button")
        confirm.props('data-testid="drill-confirm"').set_visibility(False)
        told = board.cell(test_id="drill-told")
    running: set[asyncio.Task[None]] = set()

    def say(words: str, is_bad: bool) -> None:
        told.put(words, state="bad" if is_bad else "ok")

    def begin() -> None:
        confirm.set_visibility(False)
        if not running:
            task = asyncio.get_running_loop().create_task(hold_drill(desk, say))
            running.add(task)
            task.add_done_callback(running.discard)

    press.on("click", lambda: confirm.set_visibility(True), js_handler="() => emit()")
    confirm.on("click", begin, js_handler="() => emit()")
    told.put("Not held on this page yet.")
    shown: list[str] = [""]

    def update(snapshot: Snapshot) -> None:
        problem = why_not(snapshot, desk.surroundings.dashboards.stale_ms)
        if problem == shown[0]:
            return
        shown[0] = problem
        press.props("disabled") if problem else press.props(remove="disabled")
        press.props(f'title="{problem}"')
        if problem:
            confirm.set_visibility(False)

    return update


def _draw_limits(desk: Desk, when: str) -> Update:
    title = TABLES[when]
    with panel(desk.board, title, is_wide=True) as note:
        rows = desk.board.rows(COLUMNS, test_id=f"limits-{when}")
        with ui.element("details"):
            element("summary", "Rules that are off")
            with ui.element("p").classes("words"):
                off = desk.board.cell(test_id=f"limits-off-{when}")

    shown: list[Document | None] = []

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status", snapshot.age_s("status")))
        if shown and shown[0] is snapshot.status:  # tables follow the status, about once a second
            return
        shown[:] = [snapshot.status]
        limits = limits_of(snapshot.status, snapshot.view)
        found, keys = table_rows(limits, when)
        rows.put(found, keys=keys, empty="no rule is on" if limits else absent(snapshot, NOT_TOLD))
        off.put(off_words(limits, when) if limits else None)

    return update


def _draw_objections(desk: Desk) -> Update:
    with panel(desk.board, "What objected") as note:
        rows = desk.board.rows(["rule", "did", ("times", "right")], test_id="objections")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status, of the whole session", snapshot.age_s("status")))
        limits = limits_of(snapshot.status, None)
        rows.put(objections(limits), empty="no rule refused or tripped" if limits else absent(snapshot, NOT_TOLD))

    return update


def _draw_events(board: Board) -> Update:
    with panel(board, "Refusals and changes of state", is_wide=True) as note:
        columns: list[str | tuple[str, Align]] = ["market time, UTC", "what", "of", "why"]
        rows = board.rows(columns, test_id="risk-events")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("events", snapshot.age_s("events")))
        rows.put(
            event_rows(snapshot.events)[:EVENTS_SHOWN],
            empty="nothing was refused, and no state changed, as far as the bus remembers",
        )

    return update
