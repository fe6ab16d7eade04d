"""Figures on a page that change several times a second, at the price of one small message a tick.

A page's elements are made once. What changes in them is collected here and sent as one call of `lob.apply` in
`static/lob.js`, which alters the document in place; what stays as it is costs nothing. Every figure carries its source
and age as a title; one that is not there is a dash, never a zero.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import orjson
from nicegui import Client, ui
from pydantic import JsonValue

CellState = Literal["ok", "warn", "bad", "none"]
Align = Literal["left", "right"]
Points = Sequence[tuple[float, float | None]]

DASH: Final = "–"
POINTS_MAX: Final = 600
"""Of one line of a chart; more are thinned."""
SILENT_TICKS_MAX: Final = 5
AGE_SHOWN_S: Final = 1.0
"""Ages are told in whole steps of this, so that a title does not change with every tick."""


class Cell:
    """One figure or word."""

    def __init__(self, board: "Board", number: str) -> None:
        self._board = board
        self._number = number

    def put(
        self, text: str | None, *, source: str = "", age_s: float | None = None, state: CellState | None = None
    ) -> None:
        """Show `text`; None is no data. `state` adds a sign beside the colour."""
        shown = DASH if text is None else text
        kind = state or ("none" if text is None else "ok")
        self._board.change("c", self._number, [shown, title_of(source, age_s), kind])

    def bar(self, share: float | None, *, state: CellState = "ok") -> None:
        """Fill the element from its side by a share of its width from 0 to 1; None for no bar."""
        width = None if share is None else round(min(1.0, max(0.0, share)) * 100.0, 1)
        self._board.change("b", self._number, [width, state])


class Rows:
    """A table whose rows change."""

    def __init__(self, board: "Board", number: str) -> None:
        self._board = board
        self._number = number

    def put(self, rows: Sequence[Sequence[JsonValue]], *, keys: Sequence[str] = (), empty: str = "nothing yet") -> None:
        """Show rows of texts in the order of the columns; None is no data. `keys` become the rows' `data-key`.

        A cell may be `{"text", "title", "state", "href", "share"}` instead of a text; styles read a share as `--share`.
        """
        self._board.change("r", self._number, [[list(row) for row in rows], list(keys), empty])


class Chart:
    """Lines over time or another axis."""

    def __init__(self, board: "Board", element: ui.echart) -> None:
        self._board = board
        self._element = element

    def put(self, series: Mapping[str, Points], **options: JsonValue) -> None:
        """Show these lines by their names; further words are options of ECharts, merged."""
        lines: list[JsonValue] = [
            {"name": name, "data": [list(point) for point in thinned(points)]} for name, points in series.items()
        ]
        self._board.change("x", str(self._element.id), {"series": lines, **options})

    def option(self, **options: JsonValue) -> None:
        """Merge options of ECharts: for charts that are not lines."""
        self._board.change("x", str(self._element.id), {**options})


class Board:
    """All that changes on one open page. Make its elements while the page is built; `flush` once a tick."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._shown: dict[tuple[str, str], bytes] = {}
        self._changed: dict[tuple[str, str], bytes] = {}
        self._count = 0
        self.ticks = 0
        self._silent = 0

    def cell(self, *, test_id: str = "", classes: str = "", label: str = "") -> Cell:
        """Make a figure where the page is being built; `label` names it for people who hear the page."""
        number = self._next()
        element = ui.element("span").props(f'id={number} data-testid="{test_id or number}"')
        element.classes(f"cell {classes}")
        if label:
            element.props(f'aria-label="{label}"')
        return Cell(self, number)

    def stat(self, title: str, *, test_id: str, classes: str = "") -> Cell:
        """Make a figure with its title above it."""
        with ui.element("div").classes(f"stat {classes}"):
            ui.element("span").classes("stat-title").props(f'innerHTML="{title}"')
            return self.cell(test_id=test_id, classes="stat-value")

    def rows(self, columns: Sequence[str | tuple[str, Align]], *, test_id: str, caption: str = "") -> Rows:
        """Make a table; a column is its title, or title and alignment."""
        number = self._next()
        plain = [[column, "left"] if isinstance(column, str) else list(column) for column in columns]
        with (
            ui.element("div")
            .classes("table-scroll")
            .props('tabindex="0" role="region"')
            .props(f'aria-label="{caption or test_id}"')
        ):
            holder = ui.element("div").props(f'id={number} data-testid="{test_id}"').classes("rows")
            holder.props["data-columns"] = orjson.dumps([plain, caption]).decode()
        return Rows(self, number)

    def chart(self, options: Mapping[str, JsonValue], *, height: str = "16rem", test_id: str = "", label: str) -> Chart:
        """Make a chart; `label` says in words what it shows."""
        element = ui.echart(dict(options)).style(f"height:{height};width:100%").classes("chart")
        element.props(f'data-testid="{test_id}" role="img" aria-label="{label}"')
        return Chart(self, element)

    def change(self, kind: str, number: str, value: JsonValue) -> None:
        """Take a change; one that shows what is shown already is dropped."""
        payload = orjson.dumps(value)
        if self._shown.get((kind, number)) != payload:
            self._shown[kind, number] = payload
            self._changed[kind, number] = payload

    def flush(self) -> None:
        """Send what has changed since the last time; now and then also that nothing has, or a page thinks us gone."""
        self.ticks += 1
        self._silent += 1
        if not self._changed and self._silent < SILENT_TICKS_MAX:
            return
        self._silent = 0
        parts = b",".join(
            b"[" + orjson.dumps(kind) + b"," + orjson.dumps(number) + b"," + payload + b"]"
            for (kind, number), payload in self._changed.items()
        )
        self._changed.clear()
        with self._client:
            ui.run_javascript(f"lob.apply([{parts.decode()}])")

    def _next(self) -> str:
        self._count += 1
        return f"n{self._count}"


def title_of(source: str, age_s: float | None) -> str:
    """Return the words that a figure carries: where it is from, and how old it is."""
    age = "" if age_s is None else age_text(age_s)
    return ", ".join(word for word in (source, age) if word)


def age_text(age_s: float) -> str:
    """Return an age for people."""
    if age_s < AGE_SHOWN_S:
        return "under 1 s old"
    if age_s < 120:
        return f"{int(age_s)} s old"
    return f"{int(age_s // 60)} min old" if age_s < 7_200 else f"{int(age_s // 3_600)} h old"


def thinned(points: Points) -> Points:
    """Return at most `POINTS_MAX` of them: of each stretch the lowest and the highest, so that no peak is lost."""
    if len(points) <= POINTS_MAX:
        return points
    stretches = POINTS_MAX // 2
    kept: list[tuple[float, float | None]] = []
    for number in range(stretches):
        part = points[len(points) * number // stretches : len(points) * (number + 1) // stretches]
        known = [(value, place) for place, (_, value) in enumerate(part) if value is not None]
        places = {min(known)[1], max(known)[1]} if known else {0}
        kept += [part[place] for place in sorted(places)]
    return kept
