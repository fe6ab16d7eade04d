"""Probation and drift: how far the champion has come, what happens if it fails, and what is said of its data."""

from typing import Final

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from pydantic import JsonValue

from dashboards.board import CellState
from dashboards.desk import Desk, Update
from dashboards.model.scores_panel import HASH_SIGNS, part
from dashboards.model.times import span_text, utc_text
from dashboards.snapshot import Document, Snapshot

SOURCE: Final = "trader's status"
PHASES: Final = {"settled": "no probation", "on_probation": "ON PROBATION", "rolling_back": "ROLLING BACK"}
LEVELS: Final[dict[int, tuple[str, CellState]]] = {
    0: ("0: none", "ok"),
    1: ("1: sizes are halved", "warn"),
    2: ("2: only orders that reduce", "warn"),
    3: ("3: trading halts", "bad"),
}
FAILED_SHOWN: Final = 5
NEWS_SHOWN: Final = 12
NEWS: Final = ("model_swap", "probation")


def build(desk: Desk) -> Update:
    """Draw the panel; return what brings it up to date."""
    board = desk.board
    with ui.element("section").classes("panel"):
        TextElement(tag="h2", text="Probation and drift")
        with ui.element("div").classes("stats"):
            phase = board.stat("Probation", test_id="probation-phase")
            against = board.stat("Kept for a way back", test_id="probation-against")
            steps = board.stat("Steps", test_id="probation-steps", classes="meter")
            left = board.stat("Left, session clock", test_id="probation-left")
            drift = board.stat("Drift level", test_id="drift-level")
        with ui.element("div").classes("share-bar"):
            bar = board.cell(test_id="probation-bar", classes="bar")

    def update(snapshot: Snapshot) -> None:
        status, age_s = snapshot.status or {}, snapshot.age_s("status")
        probation = part(status, "probation")
        word = probation.get("phase")
        state: CellState = "ok" if word == "settled" else "warn"
        phase.put(PHASES.get(str(word)) if word else None, source=SOURCE, age_s=age_s, state=state if word else None)
        previous = probation.get("previous")
        against.put(str(previous)[:HASH_SIGNS] if previous else None, source=SOURCE, age_s=age_s)
        done, whole = _steps(probation)
        steps.put(None if whole is None else f"{done:,} of {whole:,}", source=SOURCE, age_s=age_s)
        bar.put("")
        bar.bar(None if whole is None else done / whole, state="warn")
        left.put(_left(snapshot, done, whole), source=SOURCE, age_s=age_s)
        level, sign = drift_words(status)
        drift.put(level, source=SOURCE, age_s=age_s, state=sign)

    return update


def build_news(desk: Desk) -> Update:
    """Draw what happened to models; return what brings it up to date."""
    board = desk.board
    with ui.element("section").classes("panel wide texts"):
        TextElement(tag="h2", text="What happened to models")
        news = board.rows(
            ["session time, UTC", "what", "model", "why"], test_id="model-news", caption="Told by the trader"
        )
        failed = board.rows(
            ["model", ("generation", "right"), "why"], test_id="probation-failed", caption="Failed their probation"
        )
        drifts = board.rows(
            ["judged, UTC", "model", ("level", "right"), ("severity", "right"), "words"],
            test_id="drift-verdicts",
            caption="Verdicts of drift",
        )

    def update(snapshot: Snapshot) -> None:
        failed.put(failed_rows(part(snapshot.status or {}, "probation")), empty="none has failed")
        news.put(news_rows(snapshot), empty="no model has come or gone")
        drifts.put(drift_rows(snapshot), empty="no verdict was heard")

    return update


def drift_words(status: Document) -> tuple[str | None, CellState]:
    """Return the level that the trader acts by, in words."""
    level = part(status, "facts").get("drift_level")
    if not isinstance(level, int):
        return None, "none"
    return LEVELS.get(level, (str(level), "bad"))


def failed_rows(probation: Document) -> list[list[JsonValue]]:
    """Return the models that failed their probation, newest first."""
    failed = probation.get("failed")
    found = [item for item in failed if isinstance(item, dict)] if isinstance(failed, list) else []
    return [
        [str(item.get("hash"))[:HASH_SIGNS], str(item.get("generation")), str(item.get("why"))]
        for item in found[::-1][:FAILED_SHOWN]
    ]


def news_rows(snapshot: Snapshot) -> list[list[JsonValue]]:
    """Return what was told of models coming and going, newest first."""
    rows: list[list[JsonValue]] = []
    for event in reversed(snapshot.events):
        words = event.model_dump()
        if words.get("kind") not in NEWS or len(rows) >= NEWS_SHOWN:
            continue
        if words["kind"] == "model_swap":
            what, model = "took over", words["hash_to"]
        else:
            what, model = f"probation {words['outcome'].replace('_', ' ')}", words["hash"]
        rows.append([utc_text(event.ts_ns), what, str(model)[:HASH_SIGNS], str(words["reason"])])
    return rows


def drift_rows(snapshot: Snapshot) -> list[list[JsonValue]]:
    """Return the verdicts that were heard, newest first."""
    return [
        [utc_text(drift.ts_ns), drift.hash[:HASH_SIGNS], str(drift.level), f"{drift.severity:.2f}", drift.words]
        for drift in reversed(snapshot.drifts)
    ]


def _steps(probation: Document) -> tuple[int, int | None]:
    """Return steps that are over and steps in all; None for those outside of a probation."""
    done, whole = probation.get("steps"), probation.get("of_steps")
    if probation.get("phase") != "on_probation" or not isinstance(done, int) or not isinstance(whole, int) or not whole:
        return 0, None
    return done, whole


def _left(snapshot: Snapshot, done: int, whole: int | None) -> str | None:
    forecast = None if snapshot.view is None else snapshot.view.forecast
    if whole is None or forecast is None:
        return None
    return span_text(max(whole - done, 0) * forecast.step_ns)
