"""The kinds of panels that the boards are made of. Where there is no data they say so by a dash, never by a zero."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as looks
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana_boards.influxql import SOURCE, InfluxQuery, InfluxTarget, Series

NOTHING: Final = "–"
INTERVAL_MIN: Final = "2s"
"""Points come once a second: with shorter intervals most would be empty."""
GAP_MS: Final = 60_000
"""Points further apart are not joined: an outage is a hole in the line."""
REF_IDS: Final = "ABCDEFGHIJKL"
GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "#808080"
Steps = Sequence[tuple[float | None, str]]
"""Value from which a colour holds; the first has none."""
WORDS: Final = {
    "active": GREEN,
    "reducing": YELLOW,
    "flattening": YELLOW,
    "halted": RED,
    "starting": BLUE,
    "recording": GREEN,
    "stopping": YELLOW,
}
"""Colours of states, which stand there as words too."""


class PanelBuilder(Protocol):
    """What the kits' panels have in common."""

    def build(self) -> model.Panel: ...
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: model.DataSourceRef) -> Self: ...
    def with_target(self, target: Builder[Dataquery]) -> Self: ...
    def height(self, h: int) -> Self: ...
    def span(self, w: int) -> Self: ...
    def unit(self, unit: str) -> Self: ...
    def decimals(self, decimals: float) -> Self: ...
    def min(self, min_val: float) -> Self: ...
    def max(self, max_val: float) -> Self: ...
    def interval(self, interval: str) -> Self: ...
    def no_value(self, no_value: str) -> Self: ...
    def mappings(self, mappings: list[model.ValueMapping]) -> Self: ...
    def thresholds(self, thresholds: Builder[model.ThresholdsConfig]) -> Self: ...
    def color_scheme(self, color: Builder[model.FieldColor]) -> Self: ...


PanelT = TypeVar("PanelT", bound=PanelBuilder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How values are shown: Grafana's unit, bounds of the axis, colours, width of 24 and height."""

    unit: str = "short"
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    steps: Steps = ()
    span: int = 12
    height: int = 8
    is_stacked: bool = False


def lines(title: str, words: str, series: Sequence[Series], look: Look | None = None) -> timeseries.Panel:
    """Return values over time."""
    look = look or Look()
    panel = _panel(timeseries.Panel(), title, words, series, look)
    panel = panel.line_width(1).fill_opacity(8).show_points(looks.VisibilityMode.AUTO).insert_nulls(GAP_MS)
    panel = panel.tooltip(common.VizTooltipOptions().mode(looks.TooltipDisplayMode.MULTI))
    if look.is_stacked:
        panel = panel.stacking(common.StackingConfig().mode(looks.StackingMode.NORMAL)).fill_opacity(40)
    legend = common.VizLegendOptions().show_legend(True).display_mode(looks.LegendDisplayMode.LIST)
    return panel.legend(legend.placement(looks.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))


def number(title: str, words: str, series: Sequence[Series], look: Look | None = None) -> stat.Panel:
    """Return the newest values as large figures."""
    panel = _panel(stat.Panel(), title, words, series, look or Look(span=4, height=4))
    options = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("")
    return panel.reduce_options(options).graph_mode(looks.BigValueGraphMode.AREA).color_mode(_color_mode(look))


def state(title: str, words: str, series: Sequence[Series], look: Look | None = None) -> stat.Panel:
    """Return the newest words as large text, states in their colours."""
    panel = _panel(stat.Panel(), title, words, series, look or Look(span=4, height=4)).mappings(_state_colours())
    options = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("/.*/")
    return panel.reduce_options(options).graph_mode(looks.BigValueGraphMode.NONE)


def bars(title: str, words: str, series: Sequence[Series], look: Look | None = None) -> bargauge.Panel:
    """Return the newest values as bars beside one another."""
    panel = _panel(bargauge.Panel(), title, words, series, look or Look())
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields(""))
    return panel.orientation(looks.VizOrientation.HORIZONTAL).display_mode(looks.BarGaugeDisplayMode.BASIC)


def states(
    title: str, words: str, series: Sequence[Series], look: Look | None = None, *, flags: tuple[str, str] | None = None
) -> statetimeline.Panel:
    """Return states over time, as words in colours; `flags` are the words for 1 and 0."""
    panel = _panel(statetimeline.Panel(), title, words, series, look or Look())
    panel = panel.mappings(_state_colours() if flags is None else _flag_words(*flags))
    return panel.show_value(looks.VisibilityMode.AUTO).merge_values(True).fill_opacity(70).line_width(0)


def rows(title: str, words: str, series: Series, look: Look | None = None) -> table.Panel:
    """Return a query's rows as a table."""
    return _panel(table.Panel(), title, words, [series], look or Look(), is_table=True).show_header(True)


def _panel(
    panel: PanelT, title: str, words: str, series: Sequence[Series], look: Look, *, is_table: bool = False
) -> PanelT:
    panel = panel.title(title).description(words).datasource(SOURCE).span(look.span).height(look.height)
    panel = panel.unit(look.unit).interval(INTERVAL_MIN).no_value(NOTHING)
    for ref_id, one in zip(REF_IDS, series, strict=False):
        panel = panel.with_target(InfluxTarget(InfluxQuery(one, ref_id, is_table)))
    settings: list[tuple[Callable[[float], PanelT], float | None]] = [
        (panel.min, look.low),
        (panel.max, look.high),
        (panel.decimals, look.decimals),
    ]
    for use, value in settings:
        if value is not None:
            use(value)
    if not look.steps:
        return panel
    steps = [model.Threshold(value, colour) for value, colour in look.steps]
    panel = panel.thresholds(dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    return panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))


def _color_mode(look: Look | None) -> looks.BigValueColorMode:
    is_coloured = look is not None and bool(look.steps)
    return looks.BigValueColorMode.VALUE if is_coloured else looks.BigValueColorMode.NONE


def _state_colours() -> list[model.ValueMapping]:
    options = {word: model.ValueMappingResult(text=word, color=colour) for word, colour in WORDS.items()}
    return [model.ValueMap(options=options)]


def _flag_words(yes: str, no: str) -> list[model.ValueMapping]:
    found = {"1": model.ValueMappingResult(text=yes, color=GREEN), "0": model.ValueMappingResult(text=no, color=RED)}
    return [model.ValueMap(options=found)]
