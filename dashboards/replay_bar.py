"""Play, pause, speed and the scrubber of a replay, in the head of every page."""

from collections.abc import Callable
from datetime import UTC, datetime

from nicegui import ui
from nicegui.events import GenericEventArguments

from dashboards.desk import Desk, Update
from dashboards.snapshot import Snapshot
from dashboards.tape import NS_PER_S, SPEEDS, TapeFeed

SLIDER_STEPS = 1_000
JUMP_S = 10


def build(desk: Desk) -> Update:
    """Draw the bar where a journal is shown; return what brings it up to date."""
    if desk.player is None:
        return lambda snapshot: None
    return _draw(desk, desk.player)


def _draw(desk: Desk, player: TapeFeed) -> Update:
    board = desk.board
    with ui.element("section").classes("replay").props('aria-label="Replay"'):
        _button("−10 s", "replay-back", lambda: player.seek(player.position_ns - JUMP_S * NS_PER_S))
        play = ui.element("button").props('type="button" data-testid="replay-play"').classes("action play")
        play.on("click", lambda: player.pause() if player.is_playing else player.play())
        with play:
            word = board.cell(test_id="replay-word")
        _button("+10 s", "replay-ahead", lambda: player.seek(player.position_ns + JUMP_S * NS_PER_S))
        _speeds(player)
        slider = ui.element("input").classes("scrubber")
        slider.props(f'type="range" min="0" max="{SLIDER_STEPS}" step="1" data-testid="replay-scrubber"')
        slider.props('aria-label="Time in the journal" id="replay-scrubber"')
        slider.on("change", lambda event: _jump(player, event), js_handler="(event) => emit(event.target.value)")
        at = board.cell(test_id="replay-at", label="Time in the journal")
        if player.tape.problem:
            board.cell(test_id="replay-problem").put(player.tape.problem, state="bad")

    def update(snapshot: Snapshot) -> None:
        word.put("❚❚ pause" if player.is_playing else "▶ play")
        at.put(f"{_clock(player.position_ns)} UTC, {_passed(player)}", source=player.tape.journal)
        board.change("v", "replay-scrubber", round(player.share * SLIDER_STEPS))

    return update


def _button(title: str, test_id: str, act: Callable[[], None]) -> None:
    ui.element("button").props(f'type="button" data-testid="{test_id}" innerHTML="{title}"').on("click", act)


def _speeds(player: TapeFeed) -> None:
    choice = ui.element("select").props('data-testid="replay-speed" aria-label="Speed"')
    with choice:
        for speed in SPEEDS:
            chosen = " selected" if speed == player.speed else ""
            ui.element("option").props(f'value="{speed}" innerHTML="{speed:g} ×"{chosen}')
    choice.on("change", lambda event: _set_speed(player, event), js_handler="(event) => emit(event.target.value)")


def _set_speed(player: TapeFeed, event: GenericEventArguments) -> None:
    speed = _number(event)
    if speed in SPEEDS:
        player.set_speed(speed)


def _jump(player: TapeFeed, event: GenericEventArguments) -> None:
    place = _number(event)
    if place is not None and 0.0 <= place <= SLIDER_STEPS:
        player.seek_share(place / SLIDER_STEPS)


def _number(event: GenericEventArguments) -> float | None:
    """Return the number that a page sent, None for anything else."""
    try:
        return float(event.args)
    except (TypeError, ValueError):
        return None


def _clock(ts_ns: int) -> str:
    at = datetime.fromtimestamp(ts_ns // NS_PER_S, tz=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{ts_ns % NS_PER_S // 100_000_000}"


def _passed(player: TapeFeed) -> str:
    passed_s, whole_s = (
        (ts_ns - player.tape.first_ns) // NS_PER_S for ts_ns in (player.position_ns, player.tape.last_ns)
    )
    return f"{passed_s // 60}:{passed_s % 60:02d} of {whole_s // 60}:{whole_s % 60:02d}"
