"""Reduce, halt, flatten, resume: the same words, in the same place, on every page.

Two steps: press, then confirm within `ARMED_S`. After it the counts are shown as they fall, until the trader says that
nothing is left; what was asked stays latched until a person resumes, with a reason. What is not known forbids nothing:
with a trader that is stale, or that this page cannot hear, every word but `resume` can still be sent.
"""

import time
from dataclasses import dataclass, replace
from typing import Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboards.board import Cell, CellState
from dashboards.desk import Desk, Update
from dashboards.errors import DeskError
from dashboards.snapshot import Snapshot

ARMED_S: Final = 20.0
"""A press that nobody confirms is forgotten: the next click on that place may be meant for something else."""
REASON_SIGNS_MAX: Final = 300
DEFAULT_REASON: Final = "from the dashboard"
WORDS: Final = {
    "reduce": "orders that would raise a position are cancelled, and only orders that lower one are sent.",
    "halt": "every order is cancelled and none is sent. Positions stay.",
    "flatten": "every order is cancelled, every position is closed step by step, then it is halted.",
    "resume": "trade again. A person's word alone, with a reason.",
}
ALLOWED: Final = {
    "active": ("reduce", "halt", "flatten"),
    "reducing": ("reduce", "halt", "flatten", "resume"),
    "flattening": ("halt", "flatten"),
    "halted": ("halt", "flatten", "resume"),
}
"""By trading state, as the core's table has it."""
UNKNOWN: Final = ("reduce", "halt", "flatten")
PRESSED: Final = "() => { document.getElementById('kill-reason').value = ''; emit(); }"
"""Emptied by the press itself: emptied later, when the panel is there, what a quick person wrote would be lost."""
FOCUS: Final = "setTimeout(() => document.getElementById('kill-reason').focus(), 60);"


@dataclass(frozen=True, slots=True)
class Asked:
    """A word that was sent, and what has come of it."""

    op: str
    asked_s: float
    """Monotonic."""
    open_before: int
    held_before: int
    answered_ms: int | None = None
    problem: str = ""
    done_ms: int | None = None
    """When the views said that nothing was left."""

    @property
    def falling(self) -> tuple[int, int]:
        """Orders and positions from which the counts are to fall to zero; 0 where this word leaves them."""
        is_closing = self.op == "flatten"
        return self.open_before if is_closing or self.op == "halt" else 0, self.held_before if is_closing else 0

    @property
    def is_ended(self) -> bool:
        """Whether there is nothing more to wait for."""
        return bool(self.problem) or self.done_ms is not None


def build(desk: Desk) -> Update:
    """Draw the control and return what brings it up to date."""
    return KillControl(desk).update


class KillControl:
    """The control on one open page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._armed = ""
        self._armed_s = 0.0
        self._asked: Asked | None = None
        self._enabled: tuple[str, ...] | None = None
        with ui.element("section").classes("kill") as section:
            with ui.element("div").classes("kill-line"):
                self._buttons = {op: self._button(op) for op in WORDS}
                self._counts = self._draw_counts()
            self._confirm = self._draw_confirm()
            with ui.element("div").classes("kill-told").props('role="status" tabindex="0"'):
                self._latch = desk.board.cell(test_id="kill-latch")
                self._told = desk.board.cell(test_id="kill-told")
        section.props('aria-label="Kill control" data-testid="kill"')
        section.on("keydown.esc", self._disarm, js_handler="() => emit()")

    def update(self, snapshot: Snapshot) -> None:
        """Show how things stand."""
        if self._armed and time.monotonic() - self._armed_s > ARMED_S:
            self._disarm()
        self._enable(self._allowed(snapshot))
        self._show_counts(snapshot)
        words, kind = latched(snapshot)
        self._latch.put(words, state=kind)
        if self._asked is not None:
            self._asked = followed(self._asked, snapshot, time.monotonic())
            self._tell(self._asked, snapshot)

    # --- drawing ---

    def _button(self, op: str) -> ui.element:
        button = ui.element("button").classes(f"kill-{op}")
        button.props(f'type="button" data-testid="kill-{op}" innerHTML="{op.capitalize()}"')
        return button.on("click", lambda: self._arm(op), js_handler=PRESSED)

    def _draw_counts(self) -> dict[str, Cell]:
        board = self._desk.board
        with ui.element("div").classes("kill-counts"):
            return {
                "orders": board.stat("Open orders", test_id="kill-orders"),
                "positions": board.stat("Open positions", test_id="kill-positions"),
            }

    def _draw_confirm(self) -> ui.element:
        board = self._desk.board
        with ui.element("div").classes("kill-confirm").props('role="group" aria-label="Confirm"') as panel:
            self._words = board.cell(test_id="kill-words", classes="kill-words")
            ui.element("label").props('for="kill-reason" innerHTML="Reason"')
            ui.element("input").props(
                f'id="kill-reason" type="text" maxlength="{REASON_SIGNS_MAX}" autocomplete="off"'
                ' data-testid="kill-reason"'
            )
            confirm = ui.element("button").classes("danger").props('type="button" data-testid="kill-confirm"')
            with confirm:
                self._confirm_word = board.cell(test_id="kill-confirm-word")
            confirm.on("click", self._confirmed, js_handler="() => emit(document.getElementById('kill-reason').value)")
            cancel = ui.element("button").props('type="button" data-testid="kill-cancel" innerHTML="Not now"')
            cancel.on("click", self._disarm, js_handler="() => emit()")
        panel.set_visibility(False)
        return panel

    # --- the two steps ---

    def _arm(self, op: str) -> None:
        self._armed, self._armed_s = op, time.monotonic()
        self._words.put(f"{op.upper()}: {WORDS[op]}", state="warn")
        self._confirm_word.put(f"Confirm {op}")
        self._confirm.set_visibility(True)
        self._desk.board.flush()
        ui.run_javascript(FOCUS)

    def _disarm(self) -> None:
        self._armed = ""
        self._confirm.set_visibility(False)

    async def _confirmed(self, event: GenericEventArguments) -> None:
        op, reason = self._armed, str(event.args or "").strip()[:REASON_SIGNS_MAX]
        if not op:  # twice confirmed, or too late
            return
        if op == "resume" and not reason:
            self._words.put("RESUME: write a reason first; it stands in the journal.", state="bad")
            return
        self._disarm()
        await self._send(op, reason or DEFAULT_REASON)

    async def _send(self, op: str, reason: str) -> None:
        open_before, held_before = counts(self._desk.snapshot()) or (0, 0)
        asked = self._asked = Asked(op, time.monotonic(), open_before, held_before)
        problem = ""
        try:
            await self._desk.ask(op, reason)
        except DeskError as error:
            problem = str(error)
        if self._asked.asked_s == asked.asked_s:  # nothing else was asked meanwhile
            answered_ms = round((time.monotonic() - asked.asked_s) * 1_000)
            self._asked = replace(self._asked, answered_ms=answered_ms, problem=problem)

    # --- showing ---

    def _allowed(self, snapshot: Snapshot) -> tuple[str, ...]:
        if self._desk.is_replay:
            return ()
        age_s, view = snapshot.age_s("view"), snapshot.view
        is_stale = age_s is None or age_s * 1_000 > self._desk.surroundings.dashboards.stale_ms
        if view is None or is_stale or not snapshot.is_connected:
            return UNKNOWN
        return ALLOWED.get(view.state, UNKNOWN)

    def _enable(self, allowed: tuple[str, ...]) -> None:
        if allowed == self._enabled:
            return
        self._enabled = allowed
        for op, button in self._buttons.items():
            button.props(remove="disabled") if op in allowed else button.props("disabled")
        if self._armed and self._armed not in allowed:
            self._disarm()

    def _show_counts(self, snapshot: Snapshot) -> None:
        found, age_s = counts(snapshot), snapshot.age_s("view")
        asked = self._asked
        before = (0, 0) if asked is None else asked.falling
        for cell, place in ((self._counts["orders"], 0), (self._counts["positions"], 1)):
            now = None if found is None else found[place]
            cell.put(None if now is None else str(now), source="view", age_s=age_s)
            cell.bar(now / before[place] if now is not None and before[place] else None)

    def _tell(self, asked: Asked, snapshot: Snapshot) -> None:
        words, kind = told(asked, counts(snapshot))
        self._told.put(words, state=kind)


def counts(snapshot: Snapshot) -> tuple[int, int] | None:
    """Return how many orders and positions are open; None where no view says."""
    view = snapshot.view
    if view is None:
        return None
    return view.open_orders, sum(float(market.position) != 0.0 for market in view.markets)


STATES_OF: Final = {"reduce": "reducing", "halt": "halted", "flatten": "halted", "resume": "active"}


def followed(asked: Asked, snapshot: Snapshot, now_s: float) -> Asked:
    """Return what was asked with what the newest view makes of it."""
    view, found = snapshot.view, counts(snapshot)
    if asked.is_ended or asked.answered_ms is None or view is None or found is None:
        return asked
    is_left = found[0] > 0 if asked.op == "halt" else sum(found) > 0 if asked.op == "flatten" else False
    if view.state != STATES_OF[asked.op] or is_left:
        return asked
    return replace(asked, done_ms=round((now_s - asked.asked_s) * 1_000))


def told(asked: Asked, found: tuple[int, int] | None) -> tuple[str, CellState]:
    """Return what is said of a word that was sent."""
    word = asked.op.upper()
    if asked.problem:
        return f"{word} was not done: {asked.problem}", "bad"
    if asked.answered_ms is None:
        return f"{word}: asked, no answer yet", "warn"
    answered, left = f"{word}: answered after {asked.answered_ms} ms", "" if found is None else _falls(asked, found)
    if asked.done_ms is None:
        return f"{answered}; {left or 'waiting for the trader to say what is left'}", "warn"
    return f"{answered}, confirmed after {asked.done_ms} ms{'; ' if left else ''}{left}", "ok"


def _falls(asked: Asked, found: tuple[int, int]) -> str:
    if asked.op == "resume":
        return ""
    orders, positions = f"open orders {asked.open_before} → {found[0]}", f"positions {asked.held_before} → {found[1]}"
    return f"{orders}, {positions}" if asked.op == "flatten" else orders


def latched(snapshot: Snapshot) -> tuple[str, CellState]:
    """Return why nothing, or not everything, is traded."""
    view = snapshot.view
    if view is None or view.state not in ALLOWED or view.state == "active":
        return "", "ok"
    reason = f": {view.reason}" if view.reason else ""
    return f"LATCHED {view.state.upper()} by {view.trigger}{reason}. Only Resume, with a reason, opens it.", "bad"
