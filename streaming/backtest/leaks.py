"""Whether forecasts know what they cannot: by construction, and by how well they fit.

By construction: no forecast is delivered at or before its step, since a step is closed by the first input after it.

By fit: the forecast of step t is compared with the move that follows t, and the forecast of the step before (all that
was known a step earlier) with the same move. What one more step can honestly teach is little. A forecast that has seen
the next step knows all of that step's share of the variance, about 1 / horizon, and loses it when it is shifted.
"""

from dataclasses import dataclass

import numpy as np

from streaming.backtest.kpi import Floats, Ints
from streaming.errors import BadDataError

PAIRS_MIN = 200
"""With fewer pairs a skill is mostly chance."""
SHARE_OF_A_STEP = 0.5
"""Of the variance that one step holds: how much of it a forecast may lose when it comes a step later."""
SKILL_MAX = 0.6
"""Share of variance that no honest forecast of a market explains."""


@dataclass(frozen=True, slots=True)
class LeakVerdict:
    """What the comparison gave; skill is the squared correlation of forecast and move, with its sign."""

    pairs: int
    skill: float
    skill_one_step_late: float
    jump_max: float
    warning: str
    """Empty: nothing speaks for a leak."""


def check_causal(ts_ns: Ints, ts_step_ns: Ints) -> None:
    """Raise BadDataError where a forecast would be delivered before its step closed, or out of order."""
    early = np.flatnonzero(ts_ns <= ts_step_ns)
    if len(early):
        first = int(early[0])
        raise BadDataError(
            f"forecast of step {ts_step_ns[first]} ns: expected delivery after the step closed, found "
            f"{ts_ns[first]} ns; a forecast that looks ahead is worth nothing"
        )
    if np.any(np.diff(ts_ns) < 0):
        raise BadDataError("forecasts: expected delivery times that never go back")


def leak_verdict(forecast_bps: Floats, realised_bps: Floats, horizon_steps: int) -> LeakVerdict:
    """Compare forecasts [T] of consecutive steps with the moves [T] that followed; NaN where there is none."""
    skill, pairs = _skill(forecast_bps[1:], realised_bps[1:])
    late, _ = _skill(forecast_bps[:-1], realised_bps[1:])
    jump_max = SHARE_OF_A_STEP / horizon_steps
    return LeakVerdict(pairs, skill, late, jump_max, _warning(pairs, skill, late, jump_max))


def _warning(pairs: int, skill: float, late: float, jump_max: float) -> str:
    if pairs < PAIRS_MIN:
        return ""
    if skill > SKILL_MAX:
        return f"forecasts explain {skill:.0%} of the moves: no honest forecast does; look for the future in its inputs"
    if skill - late > jump_max:
        return (
            f"forecasts explain {skill:.1%} of the moves, but {late:.1%} when they come one step later: one step "
            f"cannot teach more than {jump_max:.1%}; look for a step of the future in their inputs"
        )
    if late > skill + jump_max / 2:
        return (
            f"forecasts fit better when they come one step later ({late:.1%} of the moves, {skill:.1%} as given): they "
            "stand a step too early"
        )
    return ""


def _skill(forecast: Floats, realised: Floats) -> tuple[float, int]:
    known = np.isfinite(forecast) & np.isfinite(realised)
    pairs = int(known.sum())
    if pairs < 2 or np.ptp(forecast[known]) == 0.0 or np.ptp(realised[known]) == 0.0:
        return 0.0, pairs
    correlation = float(np.corrcoef(forecast[known], realised[known])[0, 1])
    return correlation * abs(correlation), pairs
