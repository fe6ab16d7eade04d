"""Latency: how long each stage takes, in real time."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import Series, last, rate
from dashboards.grafana_boards.panels import Look, bars, lines, rows

US = Look(unit="µs", low=0)
NO_VENUE = "\"venue\" = ''"
OF_VENUES = "\"venue\" != ''"
NEWEST = Series(
    measurement="latency",
    expression='last("count") AS "count", last("p50_us") AS "p50", last("p90_us") AS "p90", last("p99_us") AS "p99", '
    'last("p999_us") AS "p99.9", last("max_us") AS "longest"',
    by=("stage", "venue"),
    is_over_time=False,
)


def latency() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-latency",
        "Latency",
        "How long each stage of the way from a venue's clock to an order takes, in real time.",
        [
            ("Stages", _stages()),
            ("Age of feeds", _age_of_feeds()),
            ("Counts", _counts()),
        ],
    )


def _stages() -> Panels:
    return [
        bars(
            "p99 now",
            "Of the last minute.",
            [last("latency", "recent_p99_us", "stage", where=NO_VENUE, alias="$tag_stage")],
            Look(unit="µs", low=0, span=24, height=7),
        ),
        *_percentiles(),
    ]


def _age_of_feeds() -> Panels:
    return [
        lines(
            "Feed age p99",
            "From the venue's clock to ours; both clocks' errors are in it.",
            [last("latency", "recent_p99_us", "venue", where=OF_VENUES, alias="$tag_venue")],
            US,
        ),
        lines(
            "Feed age p50",
            "From the venue's clock to ours; both clocks' errors are in it.",
            [last("latency", "recent_p50_us", "venue", where=OF_VENUES, alias="$tag_venue")],
            US,
        ),
    ]


def _counts() -> Panels:
    return [
        lines(
            "Durations a second",
            "How many of each stage.",
            [rate("latency", "count", "stage", "venue", alias="$tag_stage $tag_venue")],
            Look(unit="cps", low=0, span=12),
        ),
        rows("Since the process began", "Percentiles in µs.", NEWEST, Look(unit="none", span=12)),
    ]


def _percentiles() -> Panels:
    return [
        lines(
            f"{name} by stage",
            f"{words}, of the durations of the last minute.",
            [last("latency", f"recent_{field}", "stage", where=NO_VENUE, alias="$tag_stage")],
            US,
        )
        for name, field, words in (
            ("p50", "p50_us", "The median"),
            ("p99", "p99_us", "99 % are shorter"),
            ("p99.9", "p999_us", "99.9 % are shorter"),
            ("Longest", "max_us", "The longest"),
        )
    ]
