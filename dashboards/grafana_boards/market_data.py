"""Market data quality: whether books are whole, feeds fresh and frames understood."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import highest, last, rate
from dashboards.grafana_boards.panels import GREEN, RED, YELLOW, Look, lines, number, states

TRADER = "\"process\" = 'trader'"
RECORDER = "\"process\" = 'recorder'"
COUNT = Look(low=0, decimals=0)
FEW = Look(span=6, height=4, decimals=0, steps=((None, GREEN), (1, YELLOW), (10, RED)))


def market_data() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-market-data",
        "Market data quality",
        "Whether books are whole, feeds fresh and frames understood; trader and recorder hear sockets of their own.",
        [
            ("Now", _now()),
            ("Books", _books()),
            ("Frames and troubles", [*_frames(), *_troubles()]),
        ],
    )


def _now() -> Panels:
    return [
        number("Books broken", "Since the session began.", [last("trader", "gaps_opened")], FEW),
        number(
            "Books repaired",
            "Since the session began.",
            [last("trader", "gaps_closed")],
            Look(span=6, height=4),
        ),
        number(
            "Connections lost",
            "By the trader, of each venue.",
            [last("feed", "connections_lost", "venue", where=TRADER, alias="$tag_venue")],
            FEW,
        ),
        number("Inputs refused", "By the engine.", [last("trader", "rejects")], FEW),
    ]


def _books() -> Panels:
    return [
        states(
            "Books of the trader",
            "Whether each book is whole.",
            [last("instrument", "is_synced", "venue", "instrument", alias="$tag_venue:$tag_instrument")],
            flags=("whole", "broken"),
        ),
        states(
            "Books of the recorder",
            "Whether all books of a venue are whole.",
            [last("feed", "is_synced", "venue", where=RECORDER, alias="$tag_venue", is_of_run=False)],
            flags=("whole", "broken"),
        ),
        lines(
            "Lag",
            "Receive time less the venue's, of the newest book frame. Both clocks' errors are in it.",
            [highest("feed", "lag_ms", "process", "venue", alias="$tag_process $tag_venue", is_of_run=False)],
            Look(unit="ms"),
        ),
        lines(
            "Spread",
            "Ask less bid, in bps of the mid.",
            [last("instrument", "spread_bps", "venue", "instrument", alias="$tag_venue:$tag_instrument")],
            Look(low=0, decimals=2),
        ),
        lines(
            "Books without data",
            "Instruments without a whole book, by who hears them.",
            [last("feed", "waiting", "process", "venue", alias="$tag_process $tag_venue", is_of_run=False)],
            COUNT,
        ),
        lines(
            "Mid",
            "Between best bid and ask.",
            [last("instrument", "mid", "venue", "instrument", alias="$tag_venue:$tag_instrument")],
            Look(decimals=2),
        ),
    ]


def _frames() -> Panels:
    return [
        lines(
            "Frames recorded",
            "A second, by venue.",
            [rate("feed", "frames", "venue", where=RECORDER, alias="$tag_venue", is_of_run=False)],
            Look(unit="cps", low=0),
        ),
        lines(
            "Frames traded on",
            "A second.",
            [rate("trader", "frames", alias="trader")],
            Look(unit="cps", low=0),
        ),
        lines(
            "Breaks of books",
            "Since the run began.",
            [
                last("trader", "gaps_opened", alias="trader"),
                last(
                    "feed",
                    "gaps_opened",
                    "venue",
                    where=RECORDER,
                    alias="recorder $tag_venue",
                    is_of_run=False,
                ),
            ],
            COUNT,
        ),
    ]


def _troubles() -> Panels:
    return [
        lines(
            "Connections",
            "Lost, and given up for their silence.",
            [
                last(
                    "feed",
                    "connections_lost",
                    "process",
                    "venue",
                    alias="$tag_process $tag_venue lost",
                    is_of_run=False,
                ),
                last(
                    "feed",
                    "stalls",
                    "process",
                    "venue",
                    alias="$tag_process $tag_venue silent",
                    is_of_run=False,
                ),
            ],
            COUNT,
        ),
        lines(
            "REST failures",
            "Requests for snapshots and listings that failed.",
            [
                last(
                    "feed",
                    "rest_failures",
                    "process",
                    "venue",
                    alias="$tag_process $tag_venue",
                    is_of_run=False,
                )
            ],
            COUNT,
        ),
        lines(
            "Frames not understood or heard twice",
            "By the recorder.",
            [
                last(
                    "feed",
                    "rejects",
                    "venue",
                    where=RECORDER,
                    alias="$tag_venue not understood",
                    is_of_run=False,
                ),
                last("feed", "duplicates", "venue", where=RECORDER, alias="$tag_venue twice", is_of_run=False),
            ],
            COUNT,
        ),
    ]
