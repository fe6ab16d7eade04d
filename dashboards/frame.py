"""What stands on every page: navigation, mode and state in words, how fresh all of it is, and the kill control."""

from types import ModuleType

from nicegui import ui

from dashboards import kill_control, replay_bar
from dashboards.board import Board, Cell, CellState, age_text
from dashboards.desk import Desk, Update
from dashboards.pages_table import PAGES
from dashboards.snapshot import Snapshot

LIVE = "live"
STATE_SIGNS = {"active": "ok", "reducing": "warn", "flattening": "warn", "halted": "bad", "starting": "warn"}


def draw(page: ModuleType, desk: Desk) -> Update:
    """Draw a whole page; return what brings it up to date."""
    ui.page_title(f"{page.TITLE} - order books")
    ui.element("a").props('href="#content" innerHTML="Skip to content"').classes("skip")
    with ui.element("header").classes("top"):
        head = _draw_head(desk)
        _draw_navigation(page)
        replay = replay_bar.build(desk)
    banner = _draw_banner(desk.board)
    kill = kill_control.build(desk)
    with ui.element("main").props('id="content" tabindex="-1"'):
        ui.element("h1").props(f'innerHTML="{page.TITLE}"').classes("unseen")  # the navigation shows it
        body = page.build(desk)
    parts = (head, replay, banner, kill, body)

    def update(snapshot: Snapshot) -> None:
        for part in parts:
            part(snapshot)
        desk.board.flush()

    return update


def _draw_head(desk: Desk) -> Update:
    board = desk.board
    with ui.element("div").classes("head"):
        mode = board.cell(test_id="mode", classes="badge mode")
        state = board.cell(test_id="state", classes="badge")
        run = board.cell(test_id="run", classes="run")
        fresh = board.cell(test_id="freshness", classes="fresh")
        ui.element("button").props(
            'type="button" data-testid="theme" data-action="theme" aria-label="Switch between light and dark"'
            ' innerHTML="◐ theme"'
        ).classes("quiet")

    def update(snapshot: Snapshot) -> None:
        view = snapshot.view
        age_s = snapshot.age_s("view")
        mode.put(
            "REPLAY" if desk.is_replay else None if view is None else view.mode.upper(),
            source="view",
            age_s=age_s,
            state="warn" if view is not None and view.mode == LIVE and not desk.is_replay else None,
        )
        _put_state(state, snapshot)
        run.put(None if view is None else view.run, source="view", age_s=age_s)
        words, kind = _freshness(desk, snapshot)
        fresh.put(words, state=kind)

    return update


def _put_state(cell: Cell, snapshot: Snapshot) -> None:
    view = snapshot.view
    if view is None:
        cell.put(None)
        return
    why = f"{view.trigger}: {view.reason}" if view.reason else view.trigger
    cell.put(view.state.upper(), source=why, age_s=snapshot.age_s("view"), state=_sign(view.state))


def _sign(state: str) -> CellState:
    found = STATE_SIGNS.get(state, "warn")
    return "ok" if found == "ok" else "bad" if found == "bad" else "warn"


def _freshness(desk: Desk, snapshot: Snapshot) -> tuple[str, CellState]:
    age_s = snapshot.age_s("view")
    if desk.is_replay:
        return "journal", "ok"
    if not snapshot.is_connected:
        return "DISCONNECTED", "bad"
    if age_s is None:
        return "no trader yet", "none"
    if age_s * 1_000 > desk.surroundings.dashboards.stale_ms:
        return f"STALE, {age_text(age_s)}", "bad"
    return "live", "ok"


def _draw_banner(board: Board) -> Update:
    with ui.element("div").classes("banner").props('role="status"'):
        words = board.cell(test_id="banner")

    def update(snapshot: Snapshot) -> None:
        if snapshot.is_replay or snapshot.is_connected:
            words.put("")
        else:
            words.put(f"Not connected: {snapshot.problem}. What is shown is what was last known.", state="bad")

    return update


def _draw_navigation(page: ModuleType) -> None:
    with ui.element("nav").props('aria-label="Pages"'):
        for each in PAGES:
            current = ' aria-current="page"' if each is page else ""
            ui.element("a").props(
                f'href="{each.PATH}" data-testid="nav-{each.TITLE.lower()}" innerHTML="{each.TITLE}"{current}'
            )
