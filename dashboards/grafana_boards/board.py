"""What all boards share: the choice of a session, annotations, links to one another, and their form as a file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana_boards.influxql import RUN, SOURCE
from dashboards.grafana_boards.panels import BLUE, RED, YELLOW

TAG: Final = "lob"
REFRESH: Final = "5s"
SCHEMA_VERSION: Final = 39
RUN_QUERY: Final = 'SHOW TAG VALUES FROM "trader" WITH KEY = "run"'
ALL_RUNS: Final = ".*"
ANNOTATIONS: Final = {
    "Trips and states": ("trip|state", RED),
    "Promotions": ("model_swap|probation", BLUE),
    "Drift": ("drift", YELLOW),
}
"""By name: kinds of events, as a regular expression, and colour."""

Panels = Sequence[Builder[model.Panel]]
Rows = Sequence[tuple[str, Panels]]
"""Titles, and the panels below them."""


class EventTarget(model.AnnotationTarget):
    """A query of annotations as Grafana's InfluxDB source keeps it."""

    def __init__(self, kinds: str) -> None:
        super().__init__()
        self._kinds = kinds

    def to_json(self) -> dict[str, object]:
        """Return it as Grafana's JSON."""
        return {
            "refId": "Anno",
            "rawQuery": True,
            "fromAnnotations": True,
            "textEditor": True,
            "query": f'SELECT "title", "words", "kind" FROM "event" WHERE {RUN} AND "kind" =~ /^({self._kinds})$/ '
            "AND $timeFilter ORDER BY time DESC LIMIT 500",
            "textColumn": "words",
            "titleColumn": "title",
            "tagsColumn": "kind",
        }


@dataclass(frozen=True, slots=True)
class _Target(Builder[model.AnnotationTarget]):
    kinds: str

    def build(self) -> model.AnnotationTarget:
        return EventTarget(self.kinds)


def make_board(uid: str, title: str, description: str, rows: Rows) -> model.Dashboard:
    """Return a board; panels stand in the order given, rows of 24 columns."""
    board = dashboard.Dashboard(f"LOB / {title}").uid(uid).description(description).tags([TAG])
    board = board.readonly().refresh(REFRESH).time("now-30m", "now").timezone("utc").link(_links())
    board = board.tooltip(model.DashboardCursorSync.CROSSHAIR).with_variable(_runs())
    for name, (kinds, colour) in ANNOTATIONS.items():
        found = dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour)
        board = board.annotation(found.target(_Target(kinds)))
    for heading, panels in rows:
        board = board.with_row(dashboard.Row(heading))
        for panel in panels:
            board = board.with_panel(panel)
    found_board = board.build()
    found_board.schema_version = SCHEMA_VERSION
    for number, item in enumerate(found_board.panels or [], start=1):
        item.id_val = number
    return found_board


def board_text(board: model.Dashboard) -> str:
    """Return a board as its file's text."""
    return json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _links() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Boards").type(model.DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.include_vars(True).keep_time(True)


def _runs() -> dashboard.QueryVariable:
    runs = dashboard.QueryVariable("run").label("session").datasource(SOURCE).query(RUN_QUERY)
    runs = runs.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(model.VariableSort.ALPHABETICAL_DESC)
    everything = model.VariableOption(text="All", value="$__all", selected=True)
    return runs.include_all(True).all_value(ALL_RUNS).multi(False).current(everything)
