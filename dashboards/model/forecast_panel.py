"""The forecast as a fan and what came true of it, and how well sizes were told in the last minutes."""

from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from dashboards.desk import Desk, Update
from dashboards.model.choice import Choice
from dashboards.model.fan import calibration_lines, calibration_options, fan_lines, fan_options, shown_s, told_bps
from dashboards.model.truth import calibration, settled
from dashboards.snapshot import Snapshot

SETTLE_EVERY: Final = 5
"""Ticks between two settlings: there are hundreds of forecasts to hold against what followed."""
HASH_SIGNS: Final = 12


def build(desk: Desk) -> Update:
    """Draw both panels; return what brings them up to date."""
    choice, ticks = Choice(), 0
    fan = _build_fan(desk, choice)
    came_true = _build_calibration(desk, choice)

    def update(snapshot: Snapshot) -> None:
        nonlocal ticks
        fan(snapshot)
        if choice.is_new() or ticks % SETTLE_EVERY == 0:
            came_true(snapshot)
        ticks += 1

    return update


def _build_fan(desk: Desk, choice: Choice) -> Update:
    board = desk.board
    with ui.element("section").classes("panel wide"):
        TextElement(tag="h2", text="Forecast and what came true")
        choice.build()
        with ui.element("div").classes("stats"):
            model = board.stat("Model", test_id="forecast-model")
            now = board.stat("Told now", test_id="forecast-now")
        chart = board.chart(
            fan_options(),
            height="20rem",
            test_id="forecast-fan",
            label="The mid, the forecast with its band, and what was forecast before",
        )
        TextElement(
            tag="p",
            text="Across: seconds from the step of the newest forecast, on the session's clock. Band: the root of the "
            "live mean squared error to both sides. Earlier: what was forecast so many steps before each moment.",
        ).classes("soft")

    def update(snapshot: Snapshot) -> None:
        forecast = None if snapshot.view is None else snapshot.view.forecast
        if forecast is not None:
            choice.offer(forecast.instruments, len(forecast.mid_bps[0]) if forecast.mid_bps else 0)
        age_s = snapshot.age_s("view")
        model.put(None if forecast is None else forecast.model[:HASH_SIGNS], source="view", age_s=age_s)
        now.put(_bps(told_bps(forecast, choice.instrument, choice.horizon)), source="view", age_s=age_s)
        lines = fan_lines(snapshot.history, forecast, choice.instrument, choice.horizon)
        chart.put(lines, xAxis={"min": -shown_s(forecast)})

    return update


def _build_calibration(desk: Desk, choice: Choice) -> Update:
    board = desk.board
    with ui.element("section").classes("panel"):
        TextElement(tag="h2", text="What came true, last minutes")
        with ui.element("div").classes("stats"):
            told = board.stat("Last that came due", test_id="settled-told")
            moved = board.stat("What followed", test_id="settled-moved")
            count = board.stat("Came due", test_id="settled-count")
            sign = board.stat("Sign was right, of moves", test_id="settled-sign")
        chart = board.chart(
            calibration_options(),
            height="17rem",
            test_id="calibration",
            label="Mean move that followed forecasts of about one size, in bps",
        )
        words = board.cell(test_id="calibration-words", classes="soft")

    def update(snapshot: Snapshot) -> None:
        pairs = settled(snapshot.history, choice.instrument, choice.horizon)
        source, age_s = "views of the last minutes", snapshot.age_s("view")
        told.put(_bps(pairs[-1].forecast_bps if pairs else None), source=source, age_s=age_s)
        moved.put(_bps(pairs[-1].move_bps if pairs else None), source=source, age_s=age_s)
        count.put(str(len(pairs)) if pairs else None, source=source, age_s=age_s)
        moves = [pair for pair in pairs if pair.move_bps and pair.forecast_bps]
        right = sum((pair.forecast_bps > 0) == (pair.move_bps > 0) for pair in moves)
        sign.put(f"{right} of {len(moves)}" if moves else None, source=source, age_s=age_s)
        bins = calibration(pairs)
        words.put("Mean move by mean forecast, in bps." if bins else "Too few have come due to tell sizes.")
        chart.put(calibration_lines(bins))

    return update


def _bps(value: float | None) -> str | None:
    return None if value is None else f"{value:+.3f} bps"
