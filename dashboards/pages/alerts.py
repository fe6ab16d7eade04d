"""Page Alerts: what is the matter, who was told, what is kept quiet, and what was."""

import time

from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboards.alert_cards import AlertCards, SilencePanel
from dashboards.alert_facts import (
    FILTERS,
    HISTORY_SQL,
    SIGNS,
    START,
    count_of,
    history_row,
    objects_at,
    route_row,
    watch_words,
)
from dashboards.desk import Desk, Update
from dashboards.errors import DeskError
from dashboards.panels import element, panel
from dashboards.snapshot import Snapshot

PATH = "/alerts"
TITLE = "Alerts"

READ_S = 5.0
"""How often the lake is asked while the page is open."""
STATUS = "status of the alerts' process"


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    with ui.element("div").classes("panels alerts"):
        parts = [_draw_watch(desk), AlertCards(desk).update, SilencePanel(desk).update, _draw_routes(desk)]
        history = _History(desk)
    desk.on_interval(READ_S, history.read)

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)
        history.age()

    return update


def _draw_watch(desk: Desk) -> Update:
    board = desk.board
    with panel(board, "Watch", is_wide=True), ui.element("div").classes("stats"):
        watched = board.stat("Alerts' process", test_id="watched")
        cells = {
            severity: board.stat(title, test_id=f"open-{severity}")
            for severity, title in (("critical", "Critical"), ("warning", "Warnings"), ("info", "Infos"))
        }
        unknown = board.stat("Not acknowledged", test_id="unacknowledged")

    def update(snapshot: Snapshot) -> None:
        age_s = snapshot.age_s("alerts")
        words, state = ("a replay has none", "none") if desk.is_replay else watch_words(snapshot)
        watched.put(words, source=STATUS, age_s=age_s, state="none" if desk.is_replay else state)
        for severity, cell in cells.items():
            count = count_of(snapshot.watcher, severity)
            cell.put(
                None if count is None else str(count),
                source=STATUS,
                age_s=age_s,
                state=None if count is None else SIGNS[severity] if count else "ok",
            )
        left = (snapshot.watcher or {}).get("unacknowledged")
        unknown.put(str(left) if isinstance(left, int) else None, source=STATUS, age_s=age_s)

    return update


def _draw_routes(desk: Desk) -> Update:
    board = desk.board
    with panel(board, "Who is told", is_wide=True):
        element("p", "An alert is told once; what begins together goes in one message.", classes="soft")
        rows = board.rows(
            [
                "Address",
                "Kind",
                "What",
                "Quiet hours",
                ("Sent", "right"),
                ("Waiting", "right"),
                ("Given up", "right"),
                "Last, UTC",
                "Last problem",
            ],
            test_id="routes",
            caption="Addresses",
        )
        with ui.element("p").classes("alert-buttons"):
            button = element("button", "Send a test message", type="button", data_testid="test-route")
            told = board.cell(test_id="test-told")
        if desk.is_replay:
            button.props("disabled")

    async def send() -> None:
        try:
            answer = await desk.ask("test", to="alerts")
        except DeskError as error:
            told.put(str(error), state="bad")
            return
        names = answer.get("routes")
        told.put(f"under way to {', '.join(map(str, names))}" if isinstance(names, list) else None)

    button.on("click", send, js_handler="() => emit()")

    def update(snapshot: Snapshot) -> None:
        watcher, age_s = snapshot.watcher, snapshot.age_s("alerts")
        found = [route_row(route, watcher, age_s) for route in objects_at(watcher, "routes")]
        lost = (watcher or {}).get("routes_without_address")
        found += [
            [str(name), None, {"text": "has no address in this process's environment", "state": "bad"}, *[None] * 6]
            for name in (lost if isinstance(lost, list) else [])
        ]
        nobody = "nobody is told: no address in streaming.alerts.urls, see docs/alerts.md"
        rows.put(found, empty=START if watcher is None else nobody)

    return update


class _History:
    """How alerts stood last, from the lake."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._filter = "all"
        self._read_s: float | None = None
        with panel(desk.board, "History", is_wide=True) as self._note:
            choice = ui.element("select").props('aria-label="Which alerts" data-testid="history-filter"')
            with choice:
                for value, words in FILTERS.items():
                    ui.element("option").props(f'value="{value}" innerHTML="{words}"')
            choice.on("change", self._choose, js_handler="(event) => emit(event.target.value)")
            self._rows = desk.board.rows(
                ["Began, UTC", "Severity", "State", "Alert", ("Seen", "right"), "Words", "Acknowledged by", "Told"],
                test_id="history",
                caption="Newest first",
            )

    async def read(self) -> None:
        """Ask the lake, and show what it says."""
        chosen = self._filter
        try:
            found = await self._desk.query(HISTORY_SQL, [chosen])
        except DeskError as error:
            self._note.put(f"the lake could not be asked: {error}", state="bad")
            return
        if chosen == self._filter:  # else another choice was made meanwhile, and is being read
            self._read_s = time.monotonic()
            self._rows.put(
                [history_row(row) for row in found], keys=[str(row["id"]) for row in found], empty="no alert"
            )

    def age(self) -> None:
        """Tell how old it is."""
        if self._read_s is not None:
            age_s = time.monotonic() - self._read_s
            self._note.put("of the lake", source="lake, read by this dashboard", age_s=age_s, state="none")

    async def _choose(self, event: GenericEventArguments) -> None:
        self._filter = str(event.args) if str(event.args) in FILTERS else "all"
        await self.read()
