"""Page Overview: what is traded, how it goes, and whether all that it rests on is well."""

from collections.abc import Mapping, Sequence
from typing import Final

from nicegui import ui
from pydantic import JsonValue

from dashboards.board import Align, Board, CellState
from dashboards.desk import Desk, Update
from dashboards.overview.health import clock_words, dead_man_words, health_rows
from dashboards.overview.money import course, position_rows, shown_money, split_rows
from dashboards.overview.newest import FILLS, ORDERS, ROWS_SHOWN, fill_rows, order_rows
from dashboards.panels import absent, age_note, panel
from dashboards.performance import figures
from dashboards.snapshot import Document, Snapshot
from streaming.bus import AlertNotice

PATH = "/"
TITLE = "Overview"

CHART_EVERY: Final = 5
"""Updates between two drawings of the course: it changes little in a fifth of a second."""
CHART: Final[Mapping[str, JsonValue]] = {
    "useUTC": True,
    "animation": False,
    "grid": {"left": 8, "right": 16, "top": 30, "bottom": 4, "containLabel": True},
    "legend": {"top": 0, "right": 16, "icon": "roundRect"},
    "tooltip": {"trigger": "axis"},
    "xAxis": {"type": "time", "axisLabel": {"hideOverlap": True}},
    "yAxis": {
        "type": "value",
        "scale": True,
        "nameTextStyle": {"align": "left"},
        "splitLine": {"lineStyle": {"opacity": 0.25}},
    },
    "series": [
        {"name": "pnl", "type": "line", "showSymbol": False, "stack": "course", "color": "#4f9cf0", "data": []},
        {
            "name": "below its highest",
            "type": "line",
            "showSymbol": False,
            "stack": "course",
            "stackStrategy": "all",
            "color": "#d9705f",
            "lineStyle": {"width": 0},
            "areaStyle": {"opacity": 0.28},
            "data": [],
        },
    ],
}
FIGURES: Final = (
    ("Pnl", "pnl"),
    ("Max drawdown", "max_drawdown"),
    ("Sharpe", "sharpe"),
    ("Profit factor", "profit_factor"),
    ("Hit rate", "hit_rate"),
    ("Fill rate", "fill_rate"),
)
COUNTS: Final = ("Orders", "Fills", "Frames")


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    with ui.element("div").classes("panels overview"):
        parts = [
            _draw_figures(desk.board),
            _draw_house(desk),
            _draw_course(desk.board),
            _draw_split(desk.board),
            _draw_positions(desk.board),
            _draw_orders(desk.board),
            _draw_health(desk),
            _draw_fills(desk.board),
        ]

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update


def _draw_figures(board: Board) -> Update:
    with panel(board, "Session") as note, ui.element("div").classes("stats"):
        cells = {key: board.stat(name, test_id=f"overview-{key}") for name, key in FIGURES}
        counts = {name: board.stat(name, test_id=f"overview-{name.lower()}") for name in COUNTS}

    def update(snapshot: Snapshot) -> None:
        view, age_s = snapshot.view, snapshot.age_s("status")
        total = figures.total_of(figures.section(snapshot.status))
        note.put(age_note(f"status, money in {_quote(snapshot)}", age_s))
        for key, cell in cells.items():
            text, words = _figure(key, total)
            cell.put(text, source=f"status: {words}" if words else "status", age_s=age_s)
        if view is not None:  # fresher than the status
            cells["pnl"].put(shown_money(view.pnl), source=f"view: exactly {view.pnl}", age_s=snapshot.age_s("view"))
        for name, cell in counts.items():
            count = None if view is None else getattr(view, name.lower())
            cell.put(figures.count(count), source="view", age_s=snapshot.age_s("view"))

    return update


def _figure(key: str, total: Mapping[str, JsonValue]) -> tuple[str | None, str]:
    """Return a key figure as it is shown, and what its title says of it."""
    told = total.get(key)
    exact = "" if told is None else f"exactly {told}"
    if key == "sharpe":  # of a few minutes its size means nothing, and would be the largest figure on the page
        return None if total.get("sharpe_period_s") == 1 else figures.sharpe(total), figures.sharpe_words(total)
    if key == "profit_factor":
        found = figures.factor(total)
        return (str(found["text"]), str(found["title"])) if isinstance(found, dict) else (None, "")
    if key in ("hit_rate", "fill_rate"):
        return figures.share(told), exact
    return (shown_money(told) if key == "pnl" else figures.money_text(told)), exact


def _quote(snapshot: Snapshot) -> str:
    """Return the currency that the session's money is in, in words where nobody tells it yet."""
    return str(figures.section(snapshot.status).get("quote") or "the quote currency")


def _draw_split(board: Board) -> Update:
    with panel(board, "Where the pnl comes from") as note:
        rows = board.rows(["part", ("amount", "right")], test_id="pnl-split")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note(f"status, {_quote(snapshot)}", snapshot.age_s("status")))
        total = figures.total_of(figures.section(snapshot.status))
        found, keys = split_rows(total)
        rows.put(found if total else [], keys=keys, empty=absent(snapshot, "no trader tells it yet"))

    return update


def _draw_course(board: Board) -> Update:
    with panel(board, "Pnl and drawdown") as note:
        label = "Pnl of the last ten minutes over the market's time, and how far it is below its highest"
        chart = board.chart(CHART, height="10rem", test_id="overview-course", label=label)
    ticks = [0]

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("views of the last ten minutes, market time in UTC", snapshot.age_s("view")))
        if ticks[0] % CHART_EVERY == 0:
            chart.put(course(snapshot.history.points), yAxis={"name": _quote(snapshot)})
        ticks[0] += 1

    return update


def _draw_positions(board: Board) -> Update:
    columns: list[str | tuple[str, Align]] = [
        "instrument", ("position", "right"), ("average price", "right"),
        ("unrealised", "right"), ("pnl", "right"), ("open orders", "right"),
    ]  # fmt: skip
    with panel(board, "Positions") as note:
        rows = board.rows(columns, test_id="overview-positions")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note(f"view, money in {_quote(snapshot)}", snapshot.age_s("view")))
        found, keys = position_rows(snapshot.view)
        rows.put(found, keys=keys, empty="no trader is heard yet")

    return update


def _draw_orders(board: Board) -> Update:
    with panel(board, "Orders under way") as note:
        rows = board.rows(ORDERS, test_id="overview-orders-open")

    def update(snapshot: Snapshot) -> None:
        view, age_s = snapshot.view, snapshot.age_s("view")
        count = 0 if view is None else view.open_orders
        note.put(age_note(f"view, newest {ROWS_SHOWN} of {count}" if count > ROWS_SHOWN else "view", age_s))
        found, keys = order_rows(view)
        rows.put(found, keys=keys, empty="no trader is heard yet" if view is None else "none")

    return update


def _draw_fills(board: Board) -> Update:
    with panel(board, "Newest fills") as note:
        rows = board.rows(FILLS, test_id="overview-fills-newest")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("events, market time in UTC", snapshot.age_s("events")))
        found, keys = fill_rows(snapshot.events)
        rows.put(found, keys=keys, empty="none since the bus remembers")

    return update


def _draw_house(desk: Desk) -> Update:
    board = desk.board
    with panel(board, "Model, alerts, recorder") as note, ui.element("div").classes("stats"):
        names = ("Model", "Drift level", "Alerts firing", "Recorder")
        cells = {name: board.stat(name, test_id=f"overview-{name.lower().replace(' ', '-')}") for name in names}

    def update(snapshot: Snapshot) -> None:
        status, age_s = snapshot.status, snapshot.age_s("status")
        note.put(age_note("status", age_s))
        cells["Model"].put(_model(status), source="status", age_s=age_s)
        level = _within(status, "facts", "drift_level")
        cells["Drift level"].put(_text(level), source="status", age_s=age_s, state="warn" if level else None)
        firing = _firing(snapshot.alerts)
        is_watched = snapshot.watcher is not None or bool(snapshot.alerts)
        cells["Alerts firing"].put(
            str(len(firing)) if is_watched else "not kept" if snapshot.is_replay else "nobody watches",
            source="; ".join(notice.title for notice in firing[:5]) or "alerts",
            age_s=snapshot.age_s("alerts"),
            state=_alarm(firing) if is_watched else "none",
        )
        recorder = (
            ("not kept" if snapshot.is_replay else "not heard")
            if snapshot.recorder is None
            else str(snapshot.recorder.get("state"))
        )
        state: CellState = "none" if snapshot.recorder is None else "ok"
        cells["Recorder"].put(recorder, source="recorder", age_s=snapshot.age_s("recorder"), state=state)

    return update


def _draw_health(desk: Desk) -> Update:
    columns: list[str | tuple[str, Align]] = [
        "venue", "connection", "books valid", ("feed age", "right"), ("lag", "right"), ("connections lost", "right"),
        ("snapshots", "right"), "private", "limits", "last problem",
    ]  # fmt: skip
    with panel(desk.board, "Venues") as note:
        rows = desk.board.rows(columns, test_id="overview-venues")

    def update(snapshot: Snapshot) -> None:
        note.put(f"{age_note('view and status', snapshot.age_s('view'))}{_house_words(snapshot.status)}")
        found, keys = health_rows(snapshot.status, snapshot.view, desk.surroundings.dashboards.stale_ms)
        rows.put(found, keys=keys, empty="no trader is heard yet")

    return update


def _model(status: Document | None) -> str | None:
    found = _within(status, "model", "hash")
    return str(found)[:12] if found else "none" if status is not None and "model" in status else None


def _house_words(status: Document | None) -> str:
    """Return how far our clock is off, and how many messages never came to windows such as this one."""
    offset, dropped, sent = clock_words(status), _within(status, "bus", "dropped"), _within(status, "bus", "published")
    words = "" if offset is None else f"; clock {offset} off the venues'"
    switch = dead_man_words(status)
    words += "" if switch is None else f"; {switch}"
    if isinstance(dropped, int) and isinstance(sent, int):
        words += f"; windows missed {dropped:,} of {dropped + sent:,} messages"
    return words


def _firing(alerts: Sequence[AlertNotice]) -> list[AlertNotice]:
    return [notice for notice in alerts if notice.state == "firing"]


def _alarm(firing: list[AlertNotice]) -> CellState | None:
    if not firing:
        return None
    return "bad" if any(notice.severity == "critical" for notice in firing) else "warn"


def _within(document: Document | None, *keys: str) -> JsonValue:
    found: JsonValue = dict(document) if document is not None else None
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _text(value: JsonValue) -> str | None:
    return None if value is None else str(value)
