"""The lines of the Trading page's charts, out of the history of views. No I/O."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from dashboards.board import Points, thinned
from dashboards.clocks import NS_PER_MS
from dashboards.snapshot import Point

PNL, BELOW = "pnl", "below its highest"
INKS: Final = ("#4f9cf0", "#c9701a", "#9a6bd0", "#3f9d76", "#c05f8f", "#8a8a2a")
DASHES: Final = ("solid", "dashed", "dotted")


def _options(series: Sequence[dict[str, JsonValue]]) -> dict[str, JsonValue]:
    return {
        "useUTC": True,
        "animation": False,
        "grid": {"left": 8, "right": 16, "top": 40, "bottom": 8, "containLabel": True},
        "legend": {"top": 0, "left": 0, "type": "scroll", "icon": "roundRect"},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "time", "axisLabel": {"hideOverlap": True}},
        "yAxis": {
            "type": "value",
            "scale": True,
            "splitLine": {"lineStyle": {"opacity": 0.25}},
        },
        "series": [*series],
    }


def _line(name: str, place: int) -> dict[str, JsonValue]:
    return {
        "name": name,
        "type": "line",
        "showSymbol": False,
        "color": INKS[place % len(INKS)],
        "lineStyle": {"width": 2, "type": DASHES[place % len(DASHES)]},
        "data": [],
    }


_BELOW: Final[dict[str, JsonValue]] = {
    "name": BELOW,
    "type": "line",
    "showSymbol": False,
    "stack": "course",
    "stackStrategy": "all",
    "color": "#d9705f",
    "lineStyle": {"width": 0},
    "areaStyle": {"opacity": 0.28},
    "data": [],
}
LINE_CHART: Final[dict[str, dict[str, JsonValue]]] = {
    "course-pnl": _options([{**_line(PNL, 0), "stack": "course"}, _BELOW]),
    "course-positions": _options([]),
}


def position_series(points: Sequence[Point]) -> list[JsonValue]:
    """Return a stepped line an instrument: its position by ms of the market's clock, only where it changed."""
    names = sorted({name for point in points for name in point.positions})
    return [
        {**_line(name, place), "step": "end", "data": [list(each) for each in thinned(_changes(points, name))]}
        for place, name in enumerate(names)
    ]


def _changes(points: Sequence[Point], name: str) -> Points:
    found: list[tuple[float, float | None]] = []
    before: float | None = None
    for number, point in enumerate(points):
        held = point.positions.get(name)
        if held != before or number in (0, len(points) - 1):
            found.append((float(point.ts_ns // NS_PER_MS), held))
            before = held
    return found
