"""Data platform: the recorder, the bus, the writer of these series, and what processes take of the machine."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import Series, last
from dashboards.grafana_boards.influxql import rate as rate_of_run
from dashboards.grafana_boards.panels import GREEN, RED, YELLOW, Look, lines, number, state, states

RECORDER = "\"process\" = 'recorder'"
BY_PROCESS = "$tag_process"
FREE = Look(unit="bytes", decimals=1, span=6, height=4, steps=((None, RED), (5e8, YELLOW), (5e9, GREEN)))
LOST = Look(span=6, height=4, decimals=0, steps=((None, GREEN), (1, RED)))


def newest(measurement: str, field: str, *by: str, **words: str) -> Series:
    """Return the newest value, of what has no session."""
    return last(measurement, field, *by, is_of_run=False, **words)


def rate(measurement: str, field: str, *by: str, **words: str) -> Series:
    """Return how fast a counter counts, of what has no session."""
    return rate_of_run(measurement, field, *by, is_of_run=False, **words)


def data_platform() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-data-platform",
        "Data platform",
        "The recorder and its disk, the bus, the writer of these series, and what processes take of the machine.",
        [
            ("Now", _now()),
            ("Recorder", _recorder()),
            ("Bus and series", _bus_and_series()),
            ("Machine", _machine()),
        ],
    )


def _now() -> Panels:
    return [
        state("Recorder", "Its state.", [newest("recorder", "state")], Look(span=6, height=4)),
        number("Disk free", "Where the data folder is.", [newest("process", "disk_free_bytes")], FREE),
        number(
            "Messages given up",
            "By the bus, of each process.",
            [newest("bus", "dropped", "process", alias=BY_PROCESS)],
            LOST,
        ),
        number(
            "Points given up",
            "By the writer of series, of each process.",
            [newest("writer", "dropped", "process", alias=BY_PROCESS)],
            LOST,
        ),
    ]


def _recorder() -> Panels:
    return [
        lines(
            "Frames",
            "Received a second, by venue.",
            [rate("feed", "frames", "venue", where=RECORDER, alias="$tag_venue")],
            Look(unit="cps", low=0, is_stacked=True),
        ),
        lines(
            "Bytes",
            "A second, as received and as written.",
            [
                rate("feed", "payload_bytes", "venue", where=RECORDER, alias="$tag_venue received"),
                rate("feed", "written_bytes", "venue", where=RECORDER, alias="$tag_venue written"),
            ],
            Look(unit="Bps", low=0),
        ),
        lines(
            "Waiting for the disk",
            "Frames received and not yet written.",
            [newest("recorder", "waiting_bytes", alias="bytes")],
            Look(unit="bytes", low=0),
        ),
        lines(
            "Pauses and new runs",
            "How often sockets waited for the disk, and runs ended by a change of rules.",
            [
                newest("recorder", "pauses", alias="pauses"),
                newest("recorder", "runs_ended", alias="runs ended"),
            ],
            Look(low=0, decimals=0),
        ),
    ]


def _bus_and_series() -> Panels:
    return [
        states(
            "Redis",
            "Whether it is there, by who asks.",
            [newest("bus", "is_connected", "process", alias=BY_PROCESS)],
            flags=("connected", "not there"),
        ),
        lines(
            "Messages",
            "Sent a second.",
            [rate("bus", "published", "process", alias=BY_PROCESS)],
            Look(unit="cps", low=0),
        ),
        lines(
            "Points written",
            "A second.",
            [rate("writer", "written", "process", alias=BY_PROCESS)],
            Look(unit="cps", low=0),
        ),
        lines(
            "Points that wait or were lost",
            "On the disk while this database was away, refused by it, given up.",
            [
                newest("writer", name, "process", alias=f"{BY_PROCESS} {name}")
                for name in ("spilled", "refused", "dropped")
            ],
            Look(low=0, decimals=0),
        ),
    ]


def _machine() -> Panels:
    return [
        lines(
            "Processor",
            "Cores in use.",
            [rate("process", "cpu_s", "process", alias=BY_PROCESS)],
            Look(low=0, decimals=2),
        ),
        lines(
            "Memory",
            "At its highest.",
            [newest("process", "rss_bytes", "process", alias=BY_PROCESS)],
            Look(unit="bytes", low=0),
        ),
        lines(
            "Threads",
            "Of Python.",
            [newest("process", "threads", "process", alias=BY_PROCESS)],
            Look(low=0, decimals=0),
        ),
        lines(
            "Room on the disk",
            "Where the data folder is.",
            [newest("process", "disk_free_bytes", "process", alias=BY_PROCESS)],
            Look(unit="bytes", low=0),
        ),
    ]
