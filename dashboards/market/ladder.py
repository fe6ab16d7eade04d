"""A ladder on a page: one table that is altered in place, told by one change a tick."""

from collections.abc import Sequence

from nicegui import ui
from pydantic import JsonValue

from dashboards.board import Board, title_of
from dashboards.market.figures import Rung

HEADS = ("Ours · ahead", "Size", "Price", "")
"""The last: where the forecast sees the mid."""
MARKS = {"": "", "at": "◆", "band": "┊"}


class Ladder:
    """See the head of the file. Made where the page is being drawn."""

    def __init__(self, board: Board, number: str, test_id: str, caption: str) -> None:
        self._board = board
        self._number = number
        element = ui.element("div").classes("ladder").props(f'id={number} data-testid="{test_id}"')
        element.props["data-caption"] = caption

    def put(self, rungs: Sequence[Rung], middle: str | None, *, source: str, age_s: float | None) -> None:
        """Show asks over `middle` (the mid, in words) over bids."""
        rows: list[JsonValue] = [
            [rung.side, rung.own, rung.size, round(rung.share * 100.0, 1), rung.price, MARKS[rung.mark]]
            for rung in rungs
        ]
        self._board.change("l", self._number, [[*HEADS], rows, middle, title_of(source, age_s)])
