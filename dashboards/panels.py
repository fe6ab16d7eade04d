"""The boxes that a page is made of."""

from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from dashboards.board import Board, Cell, age_text
from dashboards.snapshot import Snapshot


@contextmanager
def panel(board: Board, title: str, *, is_wide: bool = False) -> Iterator[Cell]:
    """Draw a titled box around the block; the cell beside its title is for what holds of all in it, such as its age."""
    with ui.element("section").classes("panel wide" if is_wide else "panel").props(f'aria-label="{title}"'):
        with ui.element("div").classes("panel-head"):
            element("h2", title)
            note = board.cell(test_id=f"note-{title.lower().replace(' ', '-')}", classes="soft")
        yield note


def age_note(source: str, age_s: float | None) -> str:
    """Return what stands beside a box's title: where its figures are from, and how old they are."""
    return f"{source}: {'never heard' if age_s is None else age_text(age_s)}"


def absent(snapshot: Snapshot, words: str) -> str:
    """Return why there is nothing: `words`, or in a replay that journals do not keep it, which is another thing."""
    return "a journal does not keep it" if snapshot.is_replay else words


def element(tag: str, words: str, *, classes: str = "", **props: str) -> ui.element:
    """Draw an element with fixed words, which are ours: nothing that came from outside may pass here."""
    made = ui.element(tag).classes(classes)
    made.props(f'innerHTML="{words}"')
    for name, value in props.items():
        made.props(f'{name.replace("_", "-")}="{value}"')
    return made
