"""Risk & pnl: limits in use, what risk objected to, and what was earned by whom."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import Series, last
from dashboards.grafana_boards.panels import GREEN, RED, YELLOW, Look, bars, lines, number, rows

ALL = "\"venue\" = 'all' AND \"strategy\" = 'all'"
BY_VENUE = "\"venue\" != 'all' AND \"strategy\" = 'all'"
BY_STRATEGY = "\"venue\" = 'all' AND \"strategy\" != 'all'"
PARTS = ("inventory", "spread", "fees", "funding")
SHARE = Look(
    unit="percentunit", low=0, high=1, decimals=0, span=24, height=9, steps=((None, GREEN), (0.7, YELLOW), (1.0, RED))
)
MONEY = Look(decimals=4)
FIGURE = Look(span=4, height=4, decimals=2)
OBJECTED = Series(
    measurement="risk",
    expression='last("count") AS "times"',
    by=("when", "rule"),
    where='"count" > 0',
    is_over_time=False,
)


def risk_pnl() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-risk-pnl",
        "Risk & pnl",
        "What of each limit is in use, what risk objected to, and what was earned by whom and with what.",
        [
            ("Figures", _figures()),
            ("Limits", _limits()),
            ("Earned", _earned()),
        ],
    )


def _limits() -> Panels:
    return [
        bars(
            "Limits in use",
            "Share of each limit that records tell; the others look at single orders.",
            [last("limit", "used_share", "when", "rule", "of", alias="$tag_when $tag_rule $tag_of")],
            SHARE,
        ),
        lines(
            "Exposure",
            "Net and gross, at the mid, of each quote currency.",
            [
                last("money", "net_exposure", "group", alias="net $tag_group"),
                last("money", "gross_exposure", "group", alias="gross $tag_group"),
            ],
        ),
        lines(
            "Positions",
            "In base units, by instrument.",
            [last("instrument", "position", "venue", "instrument", alias="$tag_venue:$tag_instrument")],
            MONEY,
        ),
        rows(
            "What risk objected to",
            "Rules with their refusals of orders, and trips of the watch.",
            OBJECTED,
        ),
        lines(
            "Refusals and trips",
            "Since the session began, by rule, of rules that objected.",
            [last("risk", "count", "when", "rule", where='"count" > 0', alias="$tag_when $tag_rule")],
            Look(low=0, decimals=0),
        ),
    ]


def _earned() -> Panels:
    return [
        lines(
            "Equity",
            "Of each quote currency.",
            [last("money", "equity", "group", alias="group $tag_group")],
            MONEY,
        ),
        lines(
            "Parts of the pnl",
            "Pnl is inventory less spread, fees and funding.",
            [last("performance", name, where=ALL, alias=name) for name in ("pnl", *PARTS)],
            MONEY,
        ),
        lines(
            "Pnl by venue",
            "After fees and funding.",
            [last("performance", "pnl", "venue", where=BY_VENUE, alias="$tag_venue")],
            MONEY,
        ),
        lines(
            "Pnl by strategy",
            "After fees and funding.",
            [last("performance", "pnl", "strategy", where=BY_STRATEGY, alias="$tag_strategy")],
            MONEY,
        ),
        lines(
            "Fill rate by venue",
            "Filled by submitted lots.",
            [last("performance", "fill_rate", "venue", where=BY_VENUE, alias="$tag_venue")],
            Look(unit="percentunit", low=0, high=1),
        ),
        lines(
            "Realised and unrealised",
            "By instrument, before fees and funding.",
            [
                last("instrument", name, "venue", "instrument", alias=f"{name} $tag_venue:$tag_instrument")
                for name in ("realised", "unrealised")
            ],
            MONEY,
        ),
    ]


def _figures() -> Panels:
    return [
        number(title, words, [last("performance", field, where=ALL)], FIGURE)
        for title, field, words in (
            ("Pnl", "pnl", "After fees and funding, in quote."),
            ("Drawdown", "max_drawdown", "Largest fall of the equity from its peak, in quote."),
            ("Sharpe", "sharpe", "Of a year; of minutes it says little."),
            ("Profit factor", "profit_factor", "Profit by loss of closing fills."),
            ("Hit rate", "hit_rate", "Share of closing fills that gained."),
            ("Closing fills", "trades", "Fills that closed something."),
        )
    ]
