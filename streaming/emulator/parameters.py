"""Constants of the generated market, in the steps and ticks of its own grid.

The figures were tried before they were written down here: about 0.92 of the perpetual's returns over one step are zero,
and an observer who knows everything explains 3 to 5 % of its variance at 0.1 to 2 s, 8 to 20 % of the spots'.
One tick of the model is 0.1 USDT, 0.0385 bp of the starting price.
"""

from dataclasses import dataclass

STEP_NS = 100_000_000
STEPS_PER_HOUR = 36_000
HORIZONS = (1, 5, 10, 20)
"""Horizons of the truth file, in steps."""

MODEL_TICK = 0.1
"""Price of one tick of the model, in quote units."""
START_TICKS = 260_000
"""Where all three mids begin: 26,000 USDT."""

JUMP_MEAN_TICKS = 12.0
"""Mean of the geometric size of a jump of the perpetual."""
JUMP_RATE = 0.0175
"""Probability a step of a jump up, and of one down, without drift."""
DRIFT_MAX = 0.45
FLOW_DRIFT = 0.022
"""Drift a unit of trade flow."""
IMBALANCE_DRIFT = (0.025, 0.11)
"""Drift a unit of imbalance while the perpetual's spread is tight, wide."""
IMBALANCE_SCALE = 1.2
"""Log ratio of the best sizes, bid over ask, for a unit of imbalance."""

LAGGED_SHARE = 0.4
"""Share of the perpetual's jumps that the spots hear of only when they refresh."""
NOISE_RATE = 0.02
NOISE_MEAN_TICKS = 6.0
"""A spot's own jumps: rate a step, mean of the geometric size."""

IMBALANCE_PHI = 0.8
FLOW_PHI = 0.9
SIZE_PHI = 0.75
VENUE_FACTOR_PHI = 0.97
SIZE_SD = 0.75
VENUE_FACTOR_SD = 0.3
PAIR_SD = 0.4
"""Log size that both best levels share."""

TRADE_SHARE = 0.05
"""Median size of a trade, as a share of the two best sizes together."""
TRADE_SIZE_SD = 0.3
GAP_RATE = 0.03
"""Probability a step that the gap below a level is drawn anew."""


@dataclass(frozen=True, slots=True)
class VenueParameters:
    """What differs between the venues of the model."""

    trade_rate: float
    """Probability of a trade a step."""
    to_wide: float
    to_tight: float
    """Probability a step that the spread goes from 1 to 3 ticks, and back."""
    refresh: tuple[float, float]
    """Probability a step, at a tight and at a wide spread, that a spot catches up with the perpetual."""
    delay: int
    """Steps by which what it catches up with is old."""
    gap_mean_ticks: float
    """Mean gap between levels, in the venue's own ticks."""
    size_median_lots: float
    """Median size of the best levels, in the venue's lots; deeper ones hold more."""


VENUES = (
    VenueParameters(0.40, 0.020, 0.060, (0.0, 0.0), 0, 1.6, 4_000.0),
    VenueParameters(0.30, 0.015, 0.035, (0.10, 0.45), 0, 9.0, 150_000.0),
    VenueParameters(0.30, 0.015, 0.035, (0.07, 0.35), 1, 2.2, 900_000.0),
)
"""By slot: the perpetual, which leads, and the two spots."""
PERPETUAL = 0
SPOTS = (1, 2)

FAR_CHANGES = 3.0
"""Mean number of lattice levels a venue whose size changes in a step."""
FAR_PLACE_MEAN = 9.0
FAR_SIZE_RATIO = 2.0
"""Median size of a lattice level against the best."""
