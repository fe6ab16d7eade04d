"""What a person chose to look at: one instrument, and how far ahead."""

from collections.abc import Sequence
from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from warehouse.schema import FORECAST_HORIZONS

HORIZON_FIRST: Final = 10
CHOSEN: Final = "(event) => emit(event.target.value)"


class Choice:
    """Two lists to choose from; what is chosen counts at the next tick."""

    def __init__(self) -> None:
        self.instrument = ""
        self.horizon = HORIZON_FIRST
        self._offered: tuple[str, ...] = ()
        self._steps: tuple[int, ...] = ()
        self._is_new = False
        self._is_horizon_chosen = False
        self._lists: tuple[ui.element, ui.element] | None = None

    def build(self) -> None:
        """Draw the lists where the page is being built."""
        with ui.element("div").classes("choices"):
            with TextElement(tag="label", text="Instrument "):
                instruments = ui.element("select").props('data-testid="choose-instrument"')
                instruments.on("change", self._on_instrument, js_handler=CHOSEN)
            with TextElement(tag="label", text="Steps ahead "):
                horizons = ui.element("select").props('data-testid="choose-horizon"')
                horizons.on("change", self._on_horizon, js_handler=CHOSEN)
        self._lists = instruments, horizons

    def offer(self, instruments: Sequence[str], reach: int) -> None:
        """Offer the instruments that there are, and the horizons that a model reaches which forecasts `reach` steps.

        Where what was chosen is not offered any more, the first instrument is chosen, or the farthest horizon up to
        `HORIZON_FIRST`.
        """
        offered = tuple(name for name in instruments if name)
        steps = tuple(steps for steps in FORECAST_HORIZONS if steps <= reach)
        if self._lists is None or not offered or not steps or (offered, steps) == (self._offered, self._steps):
            return
        self._offered, self._steps, self._is_new = offered, steps, True
        if self.instrument not in offered:
            self.instrument = offered[0]
        if self.horizon not in steps or not self._is_horizon_chosen:
            self.horizon = max([each for each in steps if each <= HORIZON_FIRST], default=steps[0])
        refill(self._lists[0], [(name, name) for name in offered], self.instrument)
        refill(self._lists[1], [(str(each), str(each)) for each in steps], str(self.horizon))

    def is_new(self) -> bool:
        """Tell, once, whether something else was chosen."""
        is_new, self._is_new = self._is_new, False
        return is_new

    def _on_instrument(self, event: GenericEventArguments) -> None:
        if event.args in self._offered:
            self.instrument, self._is_new = str(event.args), True

    def _on_horizon(self, event: GenericEventArguments) -> None:
        if str(event.args) in {str(steps) for steps in self._steps}:
            self.horizon, self._is_new, self._is_horizon_chosen = int(str(event.args)), True, True


def refill(select: ui.element, options: Sequence[tuple[str, str]], chosen: str) -> None:
    """Have a list offer these values and texts, and nothing else."""
    select.clear()
    with select:
        for value, text in options:
            option = TextElement(tag="option", text=text)
            option.props["value"] = value
            if value == chosen:
                option.props["selected"] = True
