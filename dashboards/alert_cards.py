"""Open alerts, each a card with what a person can do about it; and silences. A fixed number of places, made once."""

from dataclasses import dataclass, field
from typing import Final

import orjson
from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboards.alert_facts import SIGNS, facts_of, objects_at, open_alerts, silence_words
from dashboards.board import Board, Cell
from dashboards.desk import Desk
from dashboards.errors import DeskError
from dashboards.panels import element, panel
from dashboards.snapshot import Snapshot
from streaming.bus import AlertNotice

CARDS: Final = 12
SILENCES: Final = 6
SPANS: Final = {"1800": "30 minutes", "7200": "2 hours", "28800": "8 hours", "86400": "a day", "604800": "a week"}
SIGNS_MAX: Final = 300
FIELDS: Final = ("silence-rule", "silence-subject", "silence-span", "silence-reason")
TAKE_FIELDS: Final = f"() => emit({orjson.dumps(FIELDS).decode()}.map((id) => document.getElementById(id).value))"
FILL: Final = (
    "for (const [id, value] of {values}) document.getElementById(id).value = value;"
    "document.getElementById('silence-reason').focus();"
)
CLEAR: Final = (
    "for (const id of ['silence-rule', 'silence-subject', 'silence-reason']) document.getElementById(id).value = '';"
)


@dataclass(slots=True)
class _Place:
    """One place for an alert or a silence; hidden while there is none."""

    box: ui.element
    cells: dict[str, Cell] = field(default_factory=dict)
    button: ui.element | None = None
    """Only for alerts that nobody knows of yet."""

    def show(self, *, is_shown: bool, is_new: bool = True) -> None:
        """Show or hide it; costs nothing where it is so already."""
        if is_shown != self.box.visible:
            self.box.set_visibility(is_shown)
        if self.button is not None and is_new != self.button.visible:
            self.button.set_visibility(is_new)


class AlertCards:
    """The panel of open alerts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: list[AlertNotice] = []
        board = desk.board
        with panel(board, "Open", is_wide=True) as self._note:
            self._none = board.cell(test_id="no-alert", classes="soft")
            self._places = [self._draw(board, number) for number in range(CARDS)]
            with ui.element("div").classes("alert-note"):
                element("label", "Note for whoever comes next", **{"for": "alert-reason"})
                ui.element("input").props(
                    f'id="alert-reason" type="text" maxlength="{SIGNS_MAX}" autocomplete="off"'
                    ' data-testid="alert-reason"'
                )
            with ui.element("div").props('role="status"'):
                self._told = board.cell(test_id="alert-told")

    def update(self, snapshot: Snapshot) -> None:
        """Show the alerts that are open, the gravest first."""
        found = open_alerts(snapshot.alerts)
        self._shown = found[:CARDS]
        age_s = snapshot.age_s("alerts")
        self._none.put("" if found else "no alert is open" if age_s is not None else None)
        left = f", {len(found) - CARDS} more: trader alerts list" if len(found) > CARDS else ""
        self._note.put(f"{len(found)}{left}" if age_s is not None else None, source="lob:alerts", age_s=age_s)
        for number, place in enumerate(self._places):
            notice = self._shown[number] if number < len(self._shown) else None
            place.show(is_shown=notice is not None, is_new=notice is not None and notice.state == "firing")
            if notice is not None:
                _fill(place.cells, notice, age_s)

    def _draw(self, board: Board, number: int) -> _Place:
        place = _Place(ui.element("article").classes("alert").props(f'data-testid="alert-{number}"'))
        with place.box:
            with ui.element("div").classes("alert-head"):
                for name in ("severity", "title", "state"):
                    place.cells[name] = board.cell(test_id=f"alert-{number}-{name}", classes=f"alert-{name}")
            for name in ("words", "facts", "told"):
                with ui.element("p"):
                    place.cells[name] = board.cell(test_id=f"alert-{number}-{name}", classes=f"alert-{name}")
            with ui.element("p").classes("alert-buttons"):
                acknowledge = element("button", "Acknowledge", type="button", data_testid=f"ack-{number}")
                place.button = acknowledge
                silence = element("button", "Silence …", type="button", data_testid=f"silence-{number}")
        emit = "() => emit(document.getElementById('alert-reason').value)"
        acknowledge.on("click", lambda event: self._acknowledge(number, event), js_handler=emit)
        silence.on("click", lambda: self._prepare_silence(number), js_handler="() => emit()")
        if self._desk.is_replay:
            acknowledge.props("disabled")
            silence.props("disabled")
        place.box.set_visibility(False)
        return place

    async def _acknowledge(self, number: int, event: GenericEventArguments) -> None:
        if number >= len(self._shown):
            return
        notice, reason = self._shown[number], str(event.args or "").strip()[:SIGNS_MAX]
        try:
            await self._desk.ask("ack", reason, to="alerts", id=notice.id)
        except DeskError as error:
            self._told.put(str(error), state="bad")
            return
        self._told.put(f"acknowledged: {notice.title}")
        ui.run_javascript("document.getElementById('alert-reason').value = ''")

    def _prepare_silence(self, number: int) -> None:
        if number < len(self._shown):
            notice = self._shown[number]
            values = [["silence-rule", notice.rule], ["silence-subject", notice.subject]]
            ui.run_javascript(FILL.replace("{values}", orjson.dumps(values).decode()))


def _fill(cells: dict[str, Cell], notice: AlertNotice, age_s: float | None) -> None:
    source = f"alert {notice.id}"
    state = SIGNS[notice.severity]
    cells["severity"].put(notice.severity.upper(), source=source, age_s=age_s, state=state)
    cells["title"].put(notice.title, source=source, age_s=age_s)
    cells["state"].put(notice.state, source=source, age_s=age_s)
    cells["words"].put(notice.words or None, source=source, age_s=age_s)
    cells["facts"].put(facts_of(notice), source=f"{source}, the world's clock", age_s=age_s)
    cells["told"].put(notice.delivered or None, source=source, age_s=age_s)


class SilencePanel:
    """The panel of silences: those that hold, each with its end, and a form for another."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ids: list[str] = []
        board = desk.board
        with panel(board, "Silences", is_wide=True) as self._note:
            self._none = board.cell(test_id="no-silence", classes="soft")
            self._places = [self._draw(board, number) for number in range(SILENCES)]
            self._draw_form()
            with ui.element("div").props('role="status"'):
                self._told = board.cell(test_id="silence-told")

    def update(self, snapshot: Snapshot) -> None:
        """Show the silences that hold."""
        found, age_s = [*objects_at(snapshot.watcher, "silences")], snapshot.age_s("alerts")
        self._ids = [str(silence.get("id")) for silence in found[:SILENCES]]
        self._none.put("" if found else None if snapshot.watcher is None else "nothing is kept quiet")
        left = f", {len(found) - SILENCES} more: trader alerts list" if len(found) > SILENCES else ""
        self._note.put(None if snapshot.watcher is None else f"{len(found)}{left}", source="status", age_s=age_s)
        for number, place in enumerate(self._places):
            place.show(is_shown=number < len(self._ids))
            if number < len(self._ids):
                place.cells["words"].put(silence_words(found[number]), source="the world's clock", age_s=age_s)

    def _draw(self, board: Board, number: int) -> _Place:
        place = _Place(ui.element("div").classes("silence").props(f'data-testid="silence-place-{number}"'))
        with place.box:
            place.cells["words"] = board.cell(test_id=f"silence-{number}-words")
            button = element("button", "End it", type="button", data_testid=f"unsilence-{number}")
        button.on("click", lambda: self._end(number), js_handler="() => emit()")
        place.box.set_visibility(False)
        return place

    def _draw_form(self) -> None:
        with ui.element("div").classes("silence-form").props('role="group" aria-label="A new silence"'):
            _field("silence-rule", "Rule", hint="* any")
            _field("silence-subject", "Subject", hint="* any")
            with ui.element("div"):
                element("label", "For", **{"for": "silence-span"})
                with ui.element("select").props('id="silence-span" data-testid="silence-span"'):
                    for value, words in SPANS.items():
                        ui.element("option").props(f'value="{value}" innerHTML="{words}"')
            _field("silence-reason", "Reason")
            button = element("button", "Silence", classes="action", type="button", data_testid="silence-begin")
            button.on("click", self._begin, js_handler=TAKE_FIELDS)
            if self._desk.is_replay:
                button.props("disabled")

    async def _begin(self, event: GenericEventArguments) -> None:
        rule, subject, span, reason = (str(word).strip()[:SIGNS_MAX] for word in event.args)
        if not reason:
            self._told.put("write a reason first: whoever comes next wants to know", state="warn")
            return
        seconds = int(span) if span in SPANS else 1_800
        try:
            await self._desk.ask("silence", reason, to="alerts", rule=rule, subject=subject, seconds=seconds)
        except DeskError as error:
            self._told.put(str(error), state="bad")
            return
        self._told.put(f"kept quiet for {SPANS[str(seconds)]}: rule {rule or '*'}, subject {subject or '*'}")
        ui.run_javascript(CLEAR)

    async def _end(self, number: int) -> None:
        if number >= len(self._ids):
            return
        try:
            await self._desk.ask("unsilence", to="alerts", id=self._ids[number])
        except DeskError as error:
            self._told.put(str(error), state="bad")
            return
        self._told.put("ended")


def _field(name: str, label: str, *, hint: str = "") -> None:
    """Draw a field; it begins empty, as a value given here would be put back whenever the page is drawn again."""
    with ui.element("div"):
        element("label", label, **{"for": name})
        made = ui.element("input").props(f'id="{name}" type="text" maxlength="{SIGNS_MAX}" autocomplete="off"')
        made.props(f'placeholder="{hint}" data-testid="{name}"')
