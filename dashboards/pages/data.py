"""Page Data: what of the market is held, what was lost and repaired, what the checks say, and the reports."""

import asyncio
import time
from dataclasses import dataclass

from nicegui import ui
from pydantic import JsonValue

from dashboards.board import Cell, CellState, Rows
from dashboards.coverage import WORDS, Coverage, duration, moment, second, share_text, strip_html, summary
from dashboards.data_facts import WINDOWS_H, Checked, DataFacts, read_facts
from dashboards.desk import Desk, Row, Update
from dashboards.errors import DeskError
from dashboards.panels import absent
from dashboards.reports import Report
from dashboards.snapshot import Snapshot

PATH = "/data"
TITLE = "Data"

READ_S = 15.0
"""How often the lake is asked while the page is open."""
FIRST_WINDOW_H = 24
WINDOW_WORDS = {1: "1 hour", 6: "6 hours", 24: "24 hours", 168: "7 days", 720: "30 days"}
LAKE = "lake and gap ledger, read by this dashboard"
STATES = {"clean": "ok", "warned": "warn", "refused": "bad"}


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    live = _draw_live(desk)
    shown = _Shown(desk)
    desk.on_interval(READ_S, shown.read)

    def update(snapshot: Snapshot) -> None:
        live(snapshot)
        shown.age()

    return update


# --- what is being recorded now ---


def _draw_live(desk: Desk) -> Update:
    board = desk.board
    with ui.element("section").classes("panel data-live").props('aria-label="Now"'):
        ui.element("h2").props('innerHTML="Now"')
        with ui.element("div").classes("stats"):
            opened = board.stat("Gaps, this session", test_id="session-gaps")
            closed = board.stat("of them closed", test_id="session-gaps-closed")
            recorder = board.stat("Recorder", test_id="recorder")
        venues = board.rows(
            ["Venue", "Book", ("Frames", "right"), ("Gaps", "right"), ("Lag", "right"), "Last problem"],
            test_id="recorder-venues",
            caption="Recorder, by venue",
        )

    def update(snapshot: Snapshot) -> None:
        counts = (snapshot.status or {}).get("counts")
        age_s = snapshot.age_s("status")
        for cell, name in ((opened, "gaps_opened"), (closed, "gaps_closed")):
            found = counts.get(name) if isinstance(counts, dict) else None
            cell.put(None if found is None else str(found), source="status of the trader", age_s=age_s)
        _put_recorder(recorder, venues, snapshot)

    return update


def _put_recorder(cell: Cell, rows: Rows, snapshot: Snapshot) -> None:
    document, age_s = snapshot.recorder, snapshot.age_s("recorder")
    if document is None:
        cell.put(None, source="no recorder was heard; next: trader record")
        rows.put([], empty=absent(snapshot, "no recorder was heard; next: trader record"))
        return
    venues = document.get("venues")
    found = [venue for venue in venues if isinstance(venue, dict)] if isinstance(venues, list) else []
    is_whole = all(venue.get("is_synced") for venue in found)
    words = "every book whole" if is_whole else "waits for a book"
    cell.put(words, source="status of the recorder", age_s=age_s, state="ok" if is_whole else "warn")
    rows.put([_recorder_row(venue) for venue in found], keys=[str(venue.get("venue")) for venue in found])


def _recorder_row(venue: dict[str, JsonValue]) -> list[JsonValue]:
    waiting = venue.get("waiting_for")
    names = ", ".join(map(str, waiting)) if isinstance(waiting, list) else ""
    lag_ms = venue.get("lag_ms")
    book: JsonValue = {"text": f"waits for {names}", "state": "warn"} if names else "whole"
    return [
        str(venue.get("venue")),
        book,
        _number(venue.get("frames")),
        _number(venue.get("gaps_opened")),
        f"{lag_ms:.0f} ms" if isinstance(lag_ms, int | float) else None,
        str(venue.get("last_problem") or "none"),
    ]


def _number(value: JsonValue) -> str | None:
    return f"{value:,}" if isinstance(value, int) else None


# --- what is held ---


@dataclass(slots=True)
class _Strip:
    """One instrument's line on the page."""

    share: Cell
    words: Cell
    bar: ui.html


class _Shown:
    """The part of the page that is read from the lake."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._hours = FIRST_WINDOW_H
        self._facts: DataFacts | None = None
        self._read_s: float | None = None
        self._strips: dict[str, _Strip] = {}
        self._draw()

    async def read(self) -> None:
        """Ask the lake, and show what it says."""
        hours = self._hours
        try:
            facts = await asyncio.to_thread(read_facts, self._desk.surroundings, hours)
        except DeskError as error:
            self._problem.put(f"The lake could not be asked: {error}", state="bad")
            return
        if hours != self._hours:  # another window was chosen meanwhile, and is being read
            return
        self._facts, self._read_s = facts, time.monotonic()
        self._problem.put("")
        self._show(facts)

    def age(self) -> None:
        """Tell how old all of it is."""
        facts, age_s = self._facts, self._age_s()
        if facts is None:
            self._window.put(None, source="being read")
            return
        self._gaps.put(str(facts.gaps) if facts.covered else None, source=LAKE, age_s=age_s)
        if not facts.covered:
            self._window.put("the lake holds no market yet; next: trader record", state="none")
            return
        begin, end = (moment(ts_ns) for ts_ns in facts.window)
        self._window.put(f"{begin} to {end}, receive time", source=LAKE, age_s=age_s)

    def _age_s(self) -> float | None:
        return None if self._read_s is None else time.monotonic() - self._read_s

    # --- drawing ---

    def _draw(self) -> None:
        board = self._desk.board
        self._problem = board.cell(test_id="lake-problem")
        with ui.element("section").classes("panel").props('aria-label="Coverage"'):
            self._draw_coverage_head()
            self._holder = ui.element("div").props('data-testid="coverage"')
            _draw_legend()
        with ui.element("section").classes("panel").props('aria-label="Gap ledger"'):
            ui.element("h2").props('innerHTML="Gap ledger"')
            self._gaps = board.stat("Rows in this window", test_id="ledger-count")
            self._ledger = board.rows(
                ["Instrument", "From, UTC", ("Lasted", "right"), "Cause", "Repaired by", "State", "Ids", "Run"],
                test_id="ledger",
                caption="Newest first",
            )
        with ui.element("section").classes("panel").props('aria-label="Checks"'):
            ui.element("h2").props('innerHTML="Checks"')
            self._checks = board.rows(
                [
                    "Check",
                    "State",
                    ("Clean", "right"),
                    ("Warned", "right"),
                    ("Refused", "right"),
                    "Newest finding",
                    "Run",
                ],
                test_id="checks",
                caption="By the newest verdict on each partition",
            )
            _draw_links(self._desk)
        with ui.element("section").classes("panel").props('aria-label="Reports"'):
            ui.element("h2").props('innerHTML="Reports"')
            self._reports = board.rows(
                ["Report", "Kind", "Written, UTC", "Finding"], test_id="reports", caption="Newest first"
            )

    def _draw_coverage_head(self) -> None:
        with ui.element("div").classes("data-head"):
            ui.element("h2").props('innerHTML="Coverage"')
            choice = ui.element("select").props('aria-label="Window" data-testid="window"')
            with choice:
                for hours in WINDOWS_H:
                    chosen = " selected" if hours == FIRST_WINDOW_H else ""
                    ui.element("option").props(f'value="{hours}" innerHTML="{WINDOW_WORDS[hours]}"{chosen}')
            choice.on("change", self._choose, js_handler="(event) => emit(event.target.value)")
            self._window = self._desk.board.cell(test_id="coverage-window", classes="data-window")

    async def _choose(self, event: object) -> None:
        chosen = getattr(event, "args", "")
        self._hours = int(chosen) if str(chosen) in map(str, WINDOWS_H) else FIRST_WINDOW_H
        await self.read()

    # --- showing ---

    def _show(self, facts: DataFacts) -> None:
        for found in facts.covered:
            if found.name not in self._strips:
                self._strips[found.name] = self._make_strip(found)
            self._show_strip(self._strips[found.name], found, facts)
        self._ledger.put([_ledger_row(row) for row in facts.ledger], empty="no gap in this window")
        rows = [row for checked in facts.checked for row in _check_rows(checked, self._desk)]
        rows += [_unreadable_row(name) for name in facts.unreadable]
        self._checks.put(rows, empty="no check has run yet; next: make dagster, or trader demo")
        self._reports.put([_report_row(report) for report in facts.reports], empty="no report has been written yet")

    def _make_strip(self, found: Coverage) -> _Strip:
        board = self._desk.board
        with self._holder, ui.element("div").classes("coverage-line"):
            with ui.element("div").classes("coverage-words"):
                board.cell(classes="coverage-name").put(found.name)
                share = board.cell(test_id=f"coverage-share-{found.name}")
                words = board.cell(test_id=f"coverage-words-{found.name}", classes="soft")
            bar = ui.html("", sanitize=False).props(f'data-testid="coverage-strip-{found.name}"')
        return _Strip(share, words, bar)

    def _show_strip(self, strip: _Strip, found: Coverage, facts: DataFacts) -> None:
        state: CellState = "bad" if found.gaps else "warn" if found.repaired or found.missing else "ok"
        strip.share.put(share_text(found.valid_share), source=LAKE, age_s=self._age_s(), state=state)
        strip.words.put(summary(found).partition("; ")[2], source=LAKE, age_s=self._age_s())
        drawn = strip_html(found, facts.window)
        if strip.bar.content != drawn:
            strip.bar.set_content(drawn)


def _draw_legend() -> None:
    with ui.element("ul").classes("legend").props('aria-label="What the marks mean"'):
        for kind, words in WORDS.items():
            with ui.element("li"):
                mark = f"<span class='strip small'><i class='{kind}' style='left:0;width:100%'></i></span>"
                ui.html(mark, sanitize=False, tag="span")
                ui.element("span").props(f'innerHTML="{words}"')


def _draw_links(desk: Desk) -> None:
    """Links to where the data are made; what has no address in the settings is not linked to."""
    config = desk.surroundings.dashboards
    places = {
        "Dagster: asset graph": config.dagster_url and f"{config.dagster_url}/asset-groups",
        "Dagster: runs": config.dagster_url and f"{config.dagster_url}/runs",
        "MLflow": config.mlflow_url,
        "Grafana": config.grafana_url,
    }
    with ui.element("p").classes("data-links"):
        for words, address in places.items():
            if address:
                ui.element("a").props(f'href="{address}" target="_blank" rel="noopener noreferrer" innerHTML="{words}"')


def _ledger_row(row: Row) -> list[JsonValue]:
    first_ns, last_ns = int(str(row["ts_from_ns"])), int(str(row["ts_whole_ns"] or 0))
    cause = str(row["cause_name"])
    is_lost = cause == "not_recorded"
    ids = f"{row['sequence_from']} to {row['sequence_to']}" if row["sequence_from"] or row["sequence_to"] else None
    opened: JsonValue = {"text": "open", "state": "warn" if is_lost else "bad"}
    repaired = str(row["repaired_by_name"])
    return [
        f"{row['venue']}:{row['instrument']}",
        moment(first_ns),
        duration(last_ns - first_ns) if last_ns > first_ns else None,
        cause.replace("_", " "),
        None if repaired == "none" else repaired.replace("_", " "),
        "closed" if row["is_closed"] else opened,
        ids,
        str(row["run"]) or None,
    ]


def _check_rows(checked: Checked, desk: Desk) -> list[list[JsonValue]]:
    rows: list[list[JsonValue]] = []
    for check in checked.checks:
        worst = next((word for word in ("refused", "warned", "clean") if check.count(word)), None)
        finding = check.findings[0] if check.findings else "none in the last run"
        state: JsonValue = None if worst is None else {"text": worst, "state": STATES[worst]}
        rows.append(
            [
                {"text": f"{checked.asset}: {check.name}", "title": check.meaning},
                state,
                *(f"{check.count(word):,}" for word in STATES),
                {"text": _cut(finding), "title": "\n".join(check.findings)},
                _run_cell(checked, desk),
            ]
        )
    return rows


def _run_cell(checked: Checked, desk: Desk) -> JsonValue:
    words, address = f"{checked.run_id[:8]}, {second(checked.ts_ns)}", desk.surroundings.dashboards.dagster_url
    return {"text": words, "href": f"{address}/runs/{checked.run_id}"} if address else words


def _unreadable_row(name: str) -> list[JsonValue]:
    return [name, {"text": "cannot be read", "state": "bad"}, None, None, None, "next: run the checks again", None]


def _report_row(report: Report) -> list[JsonValue]:
    finding: JsonValue = {"text": report.words or None, "state": "warn" if report.is_bad else "ok"}
    return [
        {"text": report.name, "href": report.address},
        report.subject or None,
        second(report.ts_ns),
        finding if report.words else None,
    ]


def _cut(text: str, signs: int = 90) -> str:
    return text if len(text) <= signs else f"{text[: signs - 1]}…"
