"""Sharpe ratios and how much of the best of many is luck.

All ratios here are per return, not per year. `returns` are changes of equity in money over equal spans of time; a
Sharpe ratio does not ask in which unit.

Sources: Bailey and Lopez de Prado, *The Sharpe Ratio Efficient Frontier* (Journal of Risk 15(2), 2012) for the
probabilistic Sharpe ratio; the same, *The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting
and Non-Normality* (Journal of Portfolio Management 40(5), 2014) for the deflated one; Bailey, Borwein, Lopez de Prado
and Zhu, *The Probability of Backtest Overfitting* (Journal of Computational Finance 20(4), 2017) for the last.
"""

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

EULER_GAMMA = 0.5772156649015329
NORMAL = NormalDist()
Returns = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Shape of a sample of returns; `kurtosis` is 3 for a normal distribution."""

    count: int
    sharpe: float
    skew: float
    kurtosis: float


def sharpe_ratio(returns: Returns) -> float:
    """Return mean / standard deviation (n - 1); 0 where nothing ever moved or there are fewer than two returns."""
    if len(returns) < 2:
        return 0.0
    deviation = float(np.std(returns, ddof=1))
    return 0.0 if deviation == 0.0 else float(np.mean(returns)) / deviation


def moments(returns: Returns) -> Moments:
    """Return the moments of a sample: skew m3 / m2^1.5 and kurtosis m4 / m2^2 with m_k the central moments."""
    centred = returns - np.mean(returns) if len(returns) else returns
    m2 = float(np.mean(centred**2)) if len(returns) else 0.0
    if m2 == 0.0:
        return Moments(len(returns), 0.0, 0.0, 3.0)
    skew = float(np.mean(centred**3)) / m2**1.5
    return Moments(len(returns), sharpe_ratio(returns), skew, float(np.mean(centred**4)) / m2**2)


def probabilistic_sharpe(sample: Moments, benchmark: float) -> float:
    """Return the probability that the true Sharpe ratio exceeds `benchmark`.

    PSR = Z[(SR - benchmark) sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)], Z the normal distribution.
    A sample of fewer than two returns says nothing: 0.
    """
    if sample.count < 2:
        return 0.0
    ratio = sample.sharpe
    variance = 1.0 - sample.skew * ratio + (sample.kurtosis - 1.0) / 4.0 * ratio**2
    assert variance > 0.0, "kurtosis >= 1 + skew^2 holds for every sample"
    return NORMAL.cdf((ratio - benchmark) * math.sqrt(sample.count - 1) / math.sqrt(variance))


def expected_best_sharpe(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of `trials` worthless sets is expected to show.

    SR0 = sqrt(V) ((1 - g) Z^-1[1 - 1/N] + g Z^-1[1 - 1/(N e)]), V the variance of the trials' Sharpe ratios, g the
    Euler-Mascheroni constant. One trial is no selection: 0.
    """
    if trials < 2:
        return 0.0
    far = NORMAL.inv_cdf(1.0 - 1.0 / trials)
    farther = NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return math.sqrt(variance) * ((1.0 - EULER_GAMMA) * far + EULER_GAMMA * farther)


def deflated_sharpe(sample: Moments, trials: int, variance: float) -> float:
    """Return the deflated Sharpe ratio: the probability that it is more than the luck of the best of `trials`."""
    return probabilistic_sharpe(sample, expected_best_sharpe(trials, variance))


@dataclass(frozen=True, slots=True)
class Parts:
    """Sums over the parts that a train window is cut into, [trials, parts]: enough for any Sharpe ratio of them."""

    count: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]

    def sharpe_of(self, chosen: tuple[int, ...]) -> NDArray[np.float64]:
        """Return every trial's Sharpe ratio over the chosen parts taken together."""
        count = self.count[:, chosen].sum(axis=1)
        mean = self.total[:, chosen].sum(axis=1) / count
        variance = np.maximum(self.squares[:, chosen].sum(axis=1) - count * mean**2, 0.0) / (count - 1.0)
        moved = variance > 0.0
        return np.where(moved, mean / np.sqrt(np.where(moved, variance, 1.0)), 0.0)


def overfitting_probability(parts: Parts) -> float | None:
    """Return how often the best set of one half of the parts is in the worse half of the sets in the other.

    Combinatorially symmetric cross-validation: over all ways to take half of the parts, w = rank / (sets + 1) is the
    relative rank (near 1 the best) of the chosen set in the other half, and the probability is the share of ways with
    log(w / (1 - w)) <= 0.
    Equal sets share their ranks. None for fewer than two sets or parts, and where no set ever moved.
    """
    trials, count = parts.count.shape
    if trials < 2 or count < 2 or not parts.squares.any():
        return None
    whole, losses = range(count), 0
    ways = list(combinations(whole, count // 2))
    for inside in ways:
        outside = tuple(part for part in whole if part not in inside)
        best = int(np.argmax(parts.sharpe_of(inside)))
        judged = parts.sharpe_of(outside)
        below = float(np.sum(judged < judged[best])) + 0.5 * (float(np.sum(judged == judged[best])) - 1.0)
        losses += (below + 1.0) / (trials + 1.0) <= 0.5
    return losses / len(ways)
