"""Model & drift: what forecasts are worth live, how they are delivered, and how far the data have moved."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana_boards.board import Panels, make_board
from dashboards.grafana_boards.influxql import last, rate
from dashboards.grafana_boards.panels import GREEN, RED, YELLOW, Look, lines, number, state

CHAMPION = "\"role\" = 'champion'"
ALL = "\"venue\" = 'all' AND \"strategy\" = 'all'"
BY_HORIZON = "$tag_horizon steps"
LEVELS = Look(span=6, height=4, decimals=0, steps=((None, GREEN), (1, YELLOW), (2, RED)))
LEFT = Look(unit="s", decimals=0, span=6, height=4, steps=((None, RED), (3_600, YELLOW), (86_400, GREEN)))
BY_ROLE = "$tag_role $tag_model"


def model_drift() -> Dashboard:
    """Return the board."""
    return make_board(
        "lob-model-drift",
        "Model & drift",
        "What forecasts are worth as the truth arrives, by role and horizon, and how far the data have drifted.",
        [
            ("Now", _now()),
            ("Worth", _worth()),
            ("Delivery and drift", _delivery_and_drift()),
        ],
    )


def _now() -> Panels:
    return [
        state("Champion", "Beginning of its hash.", [last("life", "model")], Look(span=6, height=4)),
        state("Probation", "Phase of the champion's.", [last("life", "phase")], Look(span=6, height=4)),
        number("Drift level", "0 none, 1 halve sizes, 2 reduce, 3 halt.", [last("life", "drift_level")], LEVELS),
        number("Expires in", "Until the champion may not trade any more.", [last("life", "expires_s")], LEFT),
    ]


def _worth() -> Panels:
    return [
        lines(
            "Skill of the champion",
            "1 less squared error by that of no move; above 0 is better than persistence.",
            [last("score", "skill", "horizon", where=CHAMPION, alias=BY_HORIZON)],
            Look(decimals=3),
        ),
        lines(
            "Calibration of the champion",
            "Slope of moves on forecasts: 1 is right, below 0 the sign is wrong.",
            [last("score", "slope", "horizon", where=CHAMPION, alias=BY_HORIZON)],
            Look(decimals=2),
        ),
        lines(
            "Squared error beside persistence",
            "Mean, in squared bps, at the horizon that is traded on.",
            [
                last("performance", "mse_bps2", where=ALL, alias="forecast"),
                last("performance", "persistence_mse_bps2", where=ALL, alias="no move"),
            ],
            Look(low=0, decimals=3),
        ),
        lines(
            "Absolute error beside persistence",
            "Mean, in bps, at the horizon that is traded on.",
            [
                last("performance", "mae_bps", where=ALL, alias="forecast"),
                last("performance", "persistence_mae_bps", where=ALL, alias="no move"),
            ],
            Look(low=0, decimals=3),
        ),
        lines(
            "Mean absolute error by horizon",
            "Of each role, in bps.",
            [last("score", "mae", "role", "horizon", alias=f"$tag_role {BY_HORIZON}")],
            Look(low=0, decimals=3),
        ),
        lines(
            "Scored forecasts",
            "Held against what the mid did, by role and horizon.",
            [last("score", "scored", "role", "horizon", alias=f"$tag_role {BY_HORIZON}")],
            Look(low=0),
        ),
    ]


def _delivery_and_drift() -> Panels:
    return [
        lines(
            "Windows and forecasts",
            "A second, by role.",
            [
                rate("model", "windows", "role", "model", alias=f"{BY_ROLE} windows"),
                rate("model", "forecasts", "role", "model", alias=f"{BY_ROLE} forecasts"),
            ],
            Look(unit="cps", low=0),
        ),
        lines(
            "Windows that came to nothing",
            "Late, skipped as the model was busy, failed.",
            [last("model", name, "role", alias=f"$tag_role {name}") for name in ("late", "skipped", "failed")],
            Look(low=0, decimals=0),
        ),
        lines(
            "Step to forecast",
            "From the input that closed a step to its forecast.",
            [
                last("model", "p50_us", "role", alias="$tag_role p50"),
                last("model", "p99_us", "role", alias="$tag_role p99"),
            ],
            Look(unit="µs", low=0),
        ),
        lines(
            "Outside of training",
            "Share of rows in which the worst feature is outside of what training knew.",
            [last("model", "outside_share", "role", alias="$tag_role")],
            Look(unit="percentunit", low=0),
        ),
        lines(
            "Drift level over time",
            "What the newest verdict says.",
            [last("life", "drift_level", alias="level")],
            Look(low=0, high=3, decimals=0),
        ),
        lines(
            "Swaps and refusals",
            "Changes of the model that trades, and bundles that were not taken.",
            [last("life", "swaps", alias="swaps"), last("life", "refused", alias="refused")],
            Look(low=0, decimals=0),
        ),
    ]
