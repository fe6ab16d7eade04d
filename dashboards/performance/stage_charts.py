"""The Latency page's charts: a stage's histogram, and the waterfall of one order. Options of ECharts; no I/O."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from dashboards.performance.ways import words

INK: Final = "#4f9cf0"
US_PER_MS: Final = 1_000
Options = dict[str, JsonValue]


def histogram_options() -> Options:
    """Return an empty histogram."""
    return {
        "animation": False,
        "grid": {"left": 8, "right": 16, "top": 16, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [], "axisLabel": {"rotate": 60, "hideOverlap": True}},
        "yAxis": {"type": "value", "splitLine": {"lineStyle": {"opacity": 0.25}}},
        "series": [{"name": "times", "type": "bar", "barCategoryGap": "5%", "color": INK, "data": []}],
    }


def histogram(bars: Sequence[tuple[str, int]]) -> Options:
    """Return what changes: the bars by their upper edges."""
    return {
        "xAxis": {"data": [edge for edge, _ in bars]},
        "series": [{"name": "times", "data": [count for _, count in bars]}],
    }


def waterfall_options() -> Options:
    """Return an empty waterfall: each stage a bar from its begin on, the first at the top."""
    return {
        "animation": False,
        "grid": {"left": 8, "right": 24, "top": 8, "bottom": 8, "containLabel": True},
        "xAxis": {
            "type": "value",
            "axisLabel": {"formatter": "{value} ms", "hideOverlap": True},
            "splitLine": {"lineStyle": {"opacity": 0.25}},
        },
        "yAxis": {"type": "category", "inverse": True, "data": []},
        "series": [
            {"name": "began", "type": "bar", "stack": "way", "silent": True, "color": "transparent", "data": []},
            {"name": "took", "type": "bar", "stack": "way", "barMinHeight": 2, "color": INK, "data": []},
        ],
    }


def waterfall(stages: Sequence[tuple[str, float, float]]) -> Options:
    """Return what changes: stages by name, begin and duration in microseconds."""
    return {
        "yAxis": {"data": [words(name)[0] for name, _, _ in stages]},
        "series": [
            {"name": "began", "data": [round(begin / US_PER_MS, 4) for _, begin, _ in stages]},
            {"name": "took", "data": [round(took / US_PER_MS, 4) for _, _, took in stages]},
        ],
    }
