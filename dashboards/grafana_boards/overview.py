"""Overview: how the house stands, in one screen."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import Series, highest, last, rate
from dashboards.grafana_boards.panels import GREEN, RED, YELLOW, Look, lines, number, rows, state, states

ALL = "\"venue\" = 'all' AND \"strategy\" = 'all'"
SMALL = Look(span=4, height=4)
MONEY = Look(unit="short", decimals=2, span=4, height=4)
LAG = Look(unit="ms", decimals=0, span=4, height=4, steps=((None, GREEN), (250, YELLOW), (1_000, RED)))
EVENTS = Series(measurement="event", expression='"kind", "title", "words"', is_over_time=False)


def overview() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-overview",
        "Overview",
        "How the trader and the recorder stand, what was earned, and what happened.",
        [
            ("Now", _now()),
            ("Over time", _over_time()),
        ],
    )


def _now() -> Panels:
    return [
        state("Trading", "Trading state of the trader.", [last("trader", "state")]),
        state(
            "Recording",
            "State of the recorder.",
            [last("recorder", "state", is_of_run=False)],
        ),
        state("Model", "Beginning of the hash of the model that trades.", [last("trader", "model")]),
        number("Pnl", "Of all instruments after fees and funding, in quote.", [last("trader", "pnl")], MONEY),
        number(
            "Drawdown",
            "Largest fall of the equity from its peak, in quote.",
            [last("performance", "max_drawdown", where=ALL)],
            MONEY,
        ),
        number(
            "Oldest feed",
            "Longest way of a book frame from the venue's clock to ours.",
            [highest("feed", "lag_ms", where="\"process\" = 'trader'")],
            LAG,
        ),
        number("Open orders", "Orders that have not ended.", [last("trader", "open_orders")], SMALL),
        number(
            "Fill rate",
            "Filled by submitted lots.",
            [last("performance", "fill_rate", where=ALL)],
            Look(unit="percentunit", decimals=1, span=4, height=4),
        ),
        number(
            "Sharpe",
            "Of a year; of minutes it says little.",
            [last("performance", "sharpe", where=ALL)],
            Look(decimals=1, span=4, height=4),
        ),
        number(
            "Step to order p99",
            "From the input that closed a grid step to its order, in the last minute.",
            [last("latency", "recent_p99_us", where="\"stage\" = 'socket_to_order'")],
            Look(unit="µs", decimals=0, span=4, height=4),
        ),
        number(
            "Broken books",
            "Breaks of a book since the session began.",
            [last("trader", "gaps_opened")],
            SMALL,
        ),
        number("Refused orders", "Orders that risk refused.", [last("trader", "refused")], SMALL),
    ]


def _over_time() -> Panels:
    return [
        lines(
            "Pnl and equity",
            "Pnl after fees and funding; equity of each quote currency.",
            [
                last("trader", "pnl", alias="pnl"),
                last("money", "equity", "group", alias="equity of group $tag_group"),
            ],
        ),
        lines(
            "Orders and fills",
            "A minute.",
            [
                rate("trader", "orders", per="1m", alias="orders"),
                rate("trader", "fills", per="1m", alias="fills"),
            ],
            Look(unit="short", low=0),
        ),
        states(
            "Trading state",
            "As told once a second.",
            [last("trader", "state", alias="trader")],
            Look(height=5),
        ),
        states(
            "Books",
            "Whether each book is whole.",
            [last("instrument", "is_synced", "venue", "instrument", alias="$tag_venue:$tag_instrument")],
            Look(height=5),
            flags=("whole", "broken"),
        ),
        rows("Events", "States, trips, promotions, gaps.", EVENTS, Look(span=24, height=8)),
    ]
