"""Promote or roll back, in two steps and with a reason: the same commands as on the command line, their words shown."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from dashboards.board import CellState
from dashboards.desk import Desk, Update
from dashboards.errors import DeskError
from dashboards.model.choice import CHOSEN, refill
from dashboards.model.command import ModelCommands, commands_of, promotion, rollback, typed
from dashboards.model.folder import BundleCard, ModelsOnDisk
from dashboards.snapshot import Snapshot

HASH_SIGNS: Final = 12
REASON_SIGNS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is about to do."""

    words: tuple[str, ...]
    """Of the command."""
    telling: str
    """What it does."""
    warning: str
    """What of it they should know before; may be empty."""


def asked_promotion(disk: ModelsOnDisk, bundle: str, reason: str) -> Asked:
    """Return a promotion to be confirmed; DeskError when it cannot be meant."""
    why = _reason(reason)
    card, champion = disk.bundles.get(bundle), disk.pointers.get("champion")
    if card is None:
        raise DeskError("choose a bundle first")
    if champion is not None and champion.hash == bundle:
        raise DeskError(f"{bundle[:HASH_SIGNS]} is the champion already")
    now = "there is no champion" if champion is None else f"champion is {champion.hash[:HASH_SIGNS]}"
    telling = f"Make {bundle[:HASH_SIGNS]} the champion ({now}). Running traders take it up at once, on probation."
    return Asked(promotion(bundle, why), telling, overridden(card))


def asked_rollback(disk: ModelsOnDisk, reason: str) -> Asked:
    """Return a rollback to be confirmed; DeskError when it cannot be meant."""
    why, champion = _reason(reason), disk.pointers.get("champion")
    if champion is None:
        raise DeskError("there is no champion to roll back from")
    telling = (
        f"Go back from {champion.hash[:HASH_SIGNS]} to the champion before it. Running traders take it up at once."
    )
    return Asked(rollback(why), telling, "")


def overridden(card: BundleCard) -> str:
    """Return what a reason overrides, and what it does not."""
    failed = [rule for rule in card.rules if not rule.passed]
    data = [rule.name for rule in failed if rule.kind == "data"]
    if data:
        return f"It will be refused: no reason overrides {', '.join(data)}."
    weak = [rule.name for rule in failed]
    by_gate = (
        f"Your reason overrides {', '.join(weak)}, and" if weak else "Its gate is open. Your reason would override"
    )
    return f"{by_gate} rules of money, which are judged now; checks of data it does not override."


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if not reason:
        raise DeskError("give a reason first: it is kept in the history")
    return reason[:REASON_SIGNS_MAX]


class ChangePanel:
    """The panel of one open page; build it while the page is being built."""

    def __init__(self, desk: Desk, found: Callable[[], ModelsOnDisk]) -> None:
        self._desk = desk
        self._found = found
        self._commands: ModelCommands = commands_of(desk.surroundings.settings_file)
        self._reason = ""
        self._chosen = ""
        self._offered: tuple[str, ...] = ()
        self._asked: Asked | None = None

    def build(self) -> Update:
        """Draw it; return what brings it up to date."""
        with ui.element("section").classes("panel change"):
            TextElement(tag="h2", text="Promote or roll back")
            if self._desk.is_replay:
                TextElement(tag="p", text="This is a replay: models are changed beside a running trader.").classes(
                    "soft"
                )
            self._build_form()
            self._build_confirmation()
            self._outcome = self._desk.board.cell(test_id="change-outcome")
            self._words = self._desk.board.cell(test_id="change-words", classes="words")
        return self._update

    def _build_form(self) -> None:
        with ui.element("div").classes("form") as self._form:
            with TextElement(tag="label", text="Bundle"), ui.element("select") as self._list:
                self._list.props('data-testid="choose-bundle"')
                self._list.on("change", self._on_chosen, js_handler=CHOSEN)
            with TextElement(tag="label", text="Reason"), ui.element("input") as self._input:
                self._input.props(f'data-testid="change-reason" maxlength="{REASON_SIGNS_MAX}" autocomplete="off"')
                self._input.on("input", self._on_reason, js_handler=CHOSEN)
            with ui.element("div").classes("buttons"):
                self._button("Promote…", "promote", self._ask_promotion)
                self._button("Roll back…", "rollback", self._ask_rollback)
            self._problem = TextElement(tag="p", text="").props('role="alert" data-testid="change-problem"')

    def _build_confirmation(self) -> None:
        with ui.element("div").classes("confirmation").props('role="group" aria-label="Confirm"') as self._confirmation:
            self._telling = TextElement(tag="p", text="").props('data-testid="change-telling"')
            self._warning = TextElement(tag="p", text="").props('data-testid="change-warning"')
            self._command = TextElement(tag="code", text="")
            with ui.element("div").classes("buttons"):
                self._button("Yes, do it", "change-confirm", self._confirm, "danger")
                self._button("No", "change-cancel", self._cancel)
        self._confirmation.set_visibility(False)

    def _button(self, text: str, test_id: str, act: Callable[[], None], classes: str = "") -> None:
        button = TextElement(tag="button", text=text).props(f'type="button" data-testid="{test_id}"').classes(classes)
        if self._desk.is_replay:
            button.props("disabled")
        else:
            button.on("click", lambda _: act())

    # --- steps ---

    def _ask_promotion(self) -> None:
        self._ask(lambda: asked_promotion(self._found(), self._chosen, self._reason))

    def _ask_rollback(self) -> None:
        self._ask(lambda: asked_rollback(self._found(), self._reason))

    def _ask(self, make: Callable[[], Asked]) -> None:
        try:
            if self._commands.is_running:
                raise DeskError("another command about models is under way; wait until it is over")
            asked = make()
        except DeskError as error:
            self._problem.set_text(str(error))
            return
        self._asked = asked
        self._problem.set_text("")
        self._telling.set_text(asked.telling)
        self._warning.set_text(asked.warning)
        self._command.set_text(typed(asked.words))
        self._confirmation.set_visibility(True)

    def _confirm(self) -> None:
        asked, self._asked = self._asked, None
        self._confirmation.set_visibility(False)
        if asked is None:
            return
        try:
            self._commands.begin(asked.words)
        except DeskError as error:
            self._problem.set_text(str(error))

    def _cancel(self) -> None:
        self._asked = None
        self._confirmation.set_visibility(False)

    # --- what is typed and chosen ---

    def _on_reason(self, event: GenericEventArguments) -> None:
        self._reason = str(event.args)[:REASON_SIGNS_MAX]

    def _on_chosen(self, event: GenericEventArguments) -> None:
        if event.args in self._offered:
            self._chosen = str(event.args)

    # --- what is shown ---

    def _update(self, _: Snapshot) -> None:
        self._offer(self._found())
        course = self._commands.course
        if course is None:
            self._outcome.put("")
            return
        state: CellState = "ok" if course.exit_code == 0 else "warn" if course.ended_s is None else "bad"
        self._outcome.put(f"{course.text}: {course.outcome(time.monotonic())}", state=state)
        self._words.put("\n".join(course.lines))

    def _offer(self, disk: ModelsOnDisk) -> None:
        """Offer the bundles that there are, the challenger first; it is chosen until a person chooses."""
        challenger = disk.pointers.get("challenger")
        first = challenger.hash if challenger is not None else ""
        offered = tuple(sorted(disk.bundles, key=lambda name: name != first))
        if offered == self._offered:
            return
        self._offered = offered
        if self._chosen not in offered:
            self._chosen = offered[0] if offered else ""
        refill(self._list, [(name, option_text(disk, name)) for name in offered], self._chosen)


def option_text(disk: ModelsOnDisk, name: str) -> str:
    """Return how a bundle is offered: its hash, its role and its gate."""
    roles = [role for role, pointer in disk.pointers.items() if pointer.hash == name]
    gate = "gate passed" if disk.bundles[name].is_passed else "gate refused"
    return ", ".join([name[:HASH_SIGNS], *roles, gate])
