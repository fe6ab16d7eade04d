"""Measures of skill with honest intervals: errors of neighbouring windows overlap, so blocks are resampled, not rows.

Errors are pooled over venues in units of each venue's own sigma * sqrt(h); otherwise the noisiest venue would decide.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.layout import BoolArray, DoubleArray, IntArray

LEVELS: Final = 5


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the bounds of its bootstrap interval; the bounds are infinite where too few blocks exist."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.value:+.4f} [{self.lower:+.4f}, {self.upper:+.4f}]"


class BlockBootstrap:
    """Moving-block bootstrap of sums over a series of `count` anchors; one draw of blocks serves every measure."""

    def __init__(self, count: int, block: int, *, resamples: int, confidence: float, seed: int) -> None:
        self.count = count
        self.block = max(1, min(block, count))
        self.block_count = count // block
        self.tails = ((1 - confidence) / 2, (1 + confidence) / 2)
        draws = math.ceil(count / self.block) if count else 0
        random = np.random.default_rng(seed)
        self.starts = random.integers(0, max(1, count - self.block + 1), size=(resamples, draws))

    def ratio(self, top: DoubleArray, bottom: DoubleArray) -> Interval:
        """Return 1 - sum(top) / sum(bottom), a skill: 0 where nothing was to explain and nothing was wrong.

        Where nothing was to explain and the forecast was wrong all the same, it is minus infinity.
        """
        resampled = 1 - _quotient(self._sums(top), self._sums(bottom))
        return self._interval(float(1 - _quotient(top.sum(), bottom.sum())), resampled)

    def ratio_difference(self, top: DoubleArray, other: DoubleArray, bottom: DoubleArray) -> Interval:
        """Return sum(other)/sum(bottom) - sum(top)/sum(bottom): how much skill `top` has over `other`, paired."""
        difference = other - top
        resampled = _share(self._sums(difference), self._sums(bottom))
        return self._interval(float(_share(difference.sum(), bottom.sum())), resampled)

    def total(self, series: DoubleArray) -> Interval:
        """Return sum(series); each resample is scaled to as many rows as there are."""
        scale = self.count / max(1, self.starts.shape[1] * self.block)
        return self._interval(float(series.sum()), self._sums(series) * scale)

    def _sums(self, series: DoubleArray) -> DoubleArray:
        total = np.concatenate([[0.0], np.cumsum(series)])
        blocks = total[self.block :] - total[: -self.block]
        return np.asarray(blocks[self.starts].sum(axis=1), dtype=np.float64)

    def _interval(self, value: float, resampled: DoubleArray) -> Interval:
        if self.block_count < 2:
            return Interval(value, -math.inf, math.inf)
        # No interpolation: between minus infinity and a number there is none.
        lower, upper = np.quantile(resampled, self.tails, method="inverted_cdf")
        return Interval(value, float(lower), float(upper))


def _quotient(top: DoubleArray, bottom: DoubleArray) -> DoubleArray:
    # Nothing to explain: a quotient of one, hence a skill of zero, where nothing is wrong either.
    empty = np.where(top > 0, np.inf, 1.0)
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), empty)


def _share(part: DoubleArray, whole: DoubleArray) -> DoubleArray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), 0.0)


def pooled_squares(error_BP: DoubleArray, scored_BP: BoolArray) -> DoubleArray:
    """Return the sum over scored slots of squared errors, one value an anchor."""
    return np.asarray((np.where(scored_BP, error_BP, 0.0) ** 2).sum(axis=1), dtype=np.float64)


def diebold_mariano_p(loss: DoubleArray, loss_other: DoubleArray, lags: int) -> float:
    """Return the two-sided p-value that both losses are equal on average, with a Newey-West variance over `lags`."""
    difference = loss_other - loss
    count = len(difference)
    centred = difference - difference.mean()
    variance = float(centred @ centred) / count
    for lag in range(1, min(lags, count - 1) + 1):
        covariance = float(centred[lag:] @ centred[:-lag]) / count
        variance += 2 * (1 - lag / (lags + 1)) * covariance
    if variance <= 0:
        return 1.0
    return math.erfc(abs(float(difference.mean())) / math.sqrt(2 * variance / count))


def rank_ic(forecast: DoubleArray, outcome: DoubleArray) -> float:
    """Return Spearman's rank correlation, ties sharing their mean rank; 0 where either is constant."""
    if len(forecast) < 2:
        return 0.0
    x, y = _ranks(forecast), _ranks(outcome)
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / size if size > 0 else 0.0


def block_rank_ic(forecast_BP: DoubleArray, outcome_BP: DoubleArray, scored_BP: BoolArray, block: int) -> float:
    """Return the mean rank IC over consecutive blocks of `block` anchors (600 steps of 100 ms are a minute)."""
    values = []
    for start in range(0, len(forecast_BP), block):
        rows = slice(start, start + block)
        keep = scored_BP[rows]
        if keep.sum() > 2:
            values.append(rank_ic(forecast_BP[rows][keep], outcome_BP[rows][keep]))
    return float(np.mean(values)) if values else 0.0


def _ranks(values: DoubleArray) -> DoubleArray:
    _unique, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Direction:
    """Direction on moves only, and what it is read beside: how often the mid moves, and the larger side's share."""

    accuracy: float
    move_rate: float
    majority_rate: float


def direction(forecast: DoubleArray, outcome: DoubleArray) -> Direction:
    """Score signs where the outcome moved; a forecast of exactly zero is wrong."""
    moved = outcome != 0
    if not moved.any():
        return Direction(0.0, 0.0, 0.0)
    hits = np.sign(forecast[moved]) == np.sign(outcome[moved])
    up = float((outcome[moved] > 0).mean())
    return Direction(float(hits.mean()), float(moved.mean()), max(up, 1 - up))


def order_violations(prices: IntArray) -> int:
    """Count snapshots [..., 10] (bid 1-5, ask 1-5, in ticks) in which any two neighbouring prices are out of order."""
    bid, ask = prices[..., :LEVELS], prices[..., LEVELS:]
    broken = (np.diff(bid, axis=-1) >= 0).any(-1) | (np.diff(ask, axis=-1) <= 0).any(-1) | (bid[..., 0] >= ask[..., 0])
    return int(broken.sum())


def planted_share(forecast: DoubleArray, truth: DoubleArray) -> float | None:
    """Return 1 - sum (f - m)^2 / sum m^2, the share of the planted signal found; None where nothing was planted."""
    planted = float((truth**2).sum())
    return 1 - float(((forecast - truth) ** 2).sum()) / planted if planted > 0 else None
