"""How sure a result is: circular block bootstrap intervals, seeded.

Changes of equity follow each other (a position is held over many), so single ones must not be drawn: blocks of
neighbours are (Kuensch 1989, The Jackknife and the Bootstrap for General Stationary Observations). A resample is made
of as many changes as there were, in blocks of one length that begin anywhere and go on from the end to the begin
(Politis and Romano 1992, A Circular Block-Resampling Procedure for Stationary Data), so that the first and the last
changes are drawn as often as the others.

Few blocks differ less from each other than the truth does from them. So the distance of each end to the figure is
widened by what Student's t asks with B blocks: sqrt(B / (B - 1)) t(B - 1) / z, 1.6 with five, 1.03 with sixty.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from streaming.backtest.kpi import YEAR_NS, Floats, Ints, sharpe_ratio

DRAWS = 2_000
LEVEL = 0.95
SEED = 1
BLOCKS_MIN, BLOCKS_MAX = 4, 2_000
"""With fewer blocks an interval says nothing and none is given; more would only take memory."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Both ends of a 95 % interval."""

    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        """Tell whether nothing was shown."""
        return self.low <= 0.0 <= self.high


def block_length(count: int) -> int:
    """Return the length of a block: count^(1/3), the rate at which it must grow; 60 where that leaves blocks enough.

    Sixty changes of a second each are longer than any forecast's horizon, so that a block holds whole positions.
    """
    wanted: int = max(60, math.ceil(math.cbrt(count)), count // BLOCKS_MAX)
    return max(1, min(wanted, count // BLOCKS_MIN))


def total_interval(increments_e8: Ints, seed: int = SEED) -> Interval | None:
    """Return the interval of the sum of `increments_e8`, None when there are too few."""
    if len(increments_e8) < 2 * BLOCKS_MIN:
        return None
    totals, _ = _resampled(increments_e8.astype(np.float64), seed)
    return _ends(totals, float(increments_e8.sum()), len(increments_e8))


def sharpe_interval(increments_e8: Ints, period_ns: int, seed: int = SEED) -> Interval | None:
    """Return the interval of `kpi.sharpe_ratio`, None when there are too few periods or equity never moved."""
    count, ratio = len(increments_e8), sharpe_ratio(increments_e8, period_ns)
    if count < 2 * BLOCKS_MIN or ratio is None:
        return None
    totals, squares = _resampled(increments_e8.astype(np.float64), seed)
    mean = totals / count
    variance = np.maximum(squares - count * mean**2, 0.0) / (count - 1)
    moved = variance > 0.0  # a draw of nothing but standstill has no ratio
    return _ends(mean[moved] / np.sqrt(variance[moved]) * math.sqrt(YEAR_NS / period_ns), ratio, count)


def widening(blocks: float) -> float:
    """Return by how much few blocks widen an interval: sqrt(B / (B - 1)) t(B - 1) / z.

    t is Student's quantile of the level, by its expansion in 1 / (B - 1) (Abramowitz and Stegun 26.7.5).
    """
    free = blocks - 1.0
    z = NormalDist().inv_cdf((1.0 + LEVEL) / 2.0)
    terms = ((z**3 + z) / 4.0, (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0)
    student = z + terms[0] / free + terms[1] / free**2
    return math.sqrt(blocks / free) * student / z


def _resampled(values: Floats, seed: int) -> tuple[Floats, Floats]:
    """Return sums and sums of squares of the resamples; blocks are differences of running sums."""
    count, length = len(values), block_length(len(values))
    random = np.random.default_rng(seed)
    round_about = np.concatenate([[0.0], values, values[:length]])
    sums = np.stack([np.cumsum(part) for part in (round_about, round_about**2)])
    totals = np.zeros((2, DRAWS))
    whole, rest = divmod(count, length)
    for size, blocks in ((length, whole), (rest, 1 if rest else 0)):
        begins = random.integers(0, count, size=(DRAWS, blocks))
        totals += (sums[:, begins + size] - sums[:, begins]).sum(axis=2)
    return totals[0], totals[1]


def _ends(values: Floats, figure: float, count: int) -> Interval | None:
    if not len(values):
        return None
    wider = widening(count / block_length(count))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(figure + wider * (float(low) - figure), figure + wider * (float(high) - figure))
