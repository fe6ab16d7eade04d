"""Page Trading: what was earned and of what, by venue and strategy; positions, orders, fills; earlier sessions."""

from typing import Final

from nicegui import ui

from dashboards.board import Board, Chart
from dashboards.desk import Desk, Update
from dashboards.overview.money import course
from dashboards.panels import absent, age_note, panel
from dashboards.performance import figures, tables
from dashboards.performance.courses import LINE_CHART, position_series
from dashboards.performance.earlier import SESSIONS_SQL, Earlier, session_rows
from dashboards.performance.earlier_panel import draw_earlier
from dashboards.snapshot import Snapshot

PATH = "/trading"
TITLE = "Trading"

CHART_EVERY: Final = 5
"""Updates between two drawings of a course: it changes little in a fifth of a second."""
"""How often the lake is asked for earlier sessions while the page is open."""
STATS: Final = (("Pnl", "pnl"), ("Inventory", "inventory"), ("Spread paid", "spread"), ("Fees paid", "fees"))
STATS_MORE: Final = (("Funding paid", "funding"), ("Max drawdown", "max_drawdown"))


def build(desk: Desk) -> Update:
    """Draw the page and return what brings it up to date."""
    with ui.element("div").classes("panels trading"):
        parts = [
            _draw_result(desk.board),
            _draw_courses(desk.board),
            _draw_positions(desk.board),
            _draw_scopes(desk.board),
            _draw_orders(desk.board),
            _draw_fills(desk.board),
        ]
        draw_earlier(desk, SESSIONS_SQL, Earlier.COLUMNS, session_rows, test_id="earlier", source="lake")

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)

    return update


def _draw_result(board: Board) -> Update:
    with panel(board, "Result", is_wide=True) as note:
        with ui.element("div").classes("stats"):
            cells = {name: board.stat(title, test_id=f"trading-{name}") for title, name in (*STATS, *STATS_MORE)}
            rate = board.stat("Fill rate", test_id="trading-fill_rate")
            trades = board.stat("Closed trades", test_id="trading-trades")
            sharpe = board.stat("Sharpe", test_id="trading-sharpe")
        with ui.element("p").classes("soft words"):
            span = board.cell(test_id="trading-span")

    def update(snapshot: Snapshot) -> None:
        performance, age_s = figures.section(snapshot.status), snapshot.age_s("status")
        total = figures.total_of(performance)
        note.put(age_note("status", age_s))
        for name, cell in cells.items():
            words = figures.PNL_WORDS if name == "pnl" else figures.PARTS.get(name, name.replace("_", " "))
            exact = total.get(name)
            source = words if exact is None else f"{words}; exactly {exact}"
            cell.put(figures.money_text(exact), source=source, age_s=age_s)
        rate.put(figures.share(total.get("fill_rate")), source="filled lots by submitted lots", age_s=age_s)
        trades.put(figures.count(total.get("trades")), source="fills that closed something", age_s=age_s)
        sharpe.put(figures.sharpe(total), source=figures.sharpe_words(total), age_s=age_s)
        span.put(figures.span_words(performance))

    return update


def _draw_courses(board: Board) -> Update:
    with panel(board, "Last ten minutes", is_wide=True) as note:
        pnl = _chart(board, "course-pnl", "Pnl, and how far it stood below its highest, over the last ten minutes")
        held = _chart(board, "course-positions", "Position of each instrument over the last ten minutes")
    ticks = 0

    def update(snapshot: Snapshot) -> None:
        nonlocal ticks
        note.put(age_note("views, market time in UTC", snapshot.age_s("view")))
        if ticks % CHART_EVERY == 0:
            points = [*snapshot.history.points]
            pnl.put(course(points))
            held.option(series=position_series(points))
        ticks += 1

    return update


def _chart(board: Board, test_id: str, label: str) -> Chart:
    return board.chart(LINE_CHART[test_id], height="13rem", test_id=test_id, label=label)


def _draw_positions(board: Board) -> Update:
    with panel(board, "Positions", is_wide=True) as note:
        rows = board.rows(tables.POSITIONS, test_id="positions", caption="Positions by instrument")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("view", snapshot.age_s("view")))
        found, keys = tables.position_rows(snapshot.view)
        rows.put(found, keys=keys, empty="no trader was heard yet; next: trader start")

    return update


def _draw_scopes(board: Board) -> Update:
    with panel(board, "By venue and strategy", is_wide=True) as note:
        rows = board.rows(
            figures.COLUMNS,
            test_id="scopes",
            caption="Pnl is inventory less what was paid; closing orders belong to no strategy, their money to holders",
        )

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status", snapshot.age_s("status")))
        found, keys = figures.scope_rows(figures.section(snapshot.status))
        rows.put(found, keys=keys, empty=absent(snapshot, "no trader tells its figures yet"))

    return update


def _draw_orders(board: Board) -> Update:
    with panel(board, "Newest orders", is_wide=True) as note:
        rows = board.rows(tables.ORDERS, test_id="orders", caption="Newest first; an order's number leads to its way")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("status", snapshot.age_s("status")))
        found, keys = tables.order_rows(snapshot.status)
        is_told = snapshot.status is not None and "orders" in snapshot.status
        empty = "no order was sent yet" if is_told else absent(snapshot, "no trader tells its orders yet")
        rows.put(found, keys=keys, empty=empty)

    return update


def _draw_fills(board: Board) -> Update:
    with panel(board, "Newest fills", is_wide=True) as note:
        rows = board.rows(tables.FILLS, test_id="fills", caption="Newest first")

    def update(snapshot: Snapshot) -> None:
        note.put(age_note("events", snapshot.age_s("events")))
        found, keys = tables.fill_rows(snapshot.events)
        rows.put(found, keys=keys, empty="no fill was heard of since the bus remembers")

    return update
