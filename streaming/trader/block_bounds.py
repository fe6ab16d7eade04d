"""Bounds for means of series whose neighbours depend on each other, as errors of overlapping horizons do.

Theory. The moving-block bootstrap draws blocks of `block` neighbours. The variance that it gives to a mean has a
closed form: with B = n / block, var = sum over all overlapping blocks of (block mean - mean)^2 / (their number x
(B - 1)) (Künsch 1989, Annals of Statistics 17; B - 1 for B, as blocks are few). So nothing is drawn, and the same
series gives the same bounds. Quantiles are normal. A ratio of means is bounded by the mean of its residuals (delta
method).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A value and where it lies with the asked confidence; infinite where fewer than two blocks exist."""

    value: float
    lower: float
    upper: float


def mean_bounds(values: Doubles, block: int, confidence: float) -> Bounds:
    """Return the mean of `values` (in order of time, without NaN) with two-sided bounds; `block` is at least 1."""
    mean = float(values.mean()) if len(values) else 0.0
    reach = _deviation(values, block) * _quantile(confidence)
    return Bounds(mean, mean - reach, mean + reach)


def ratio_bounds(top: Doubles, bottom: Doubles, block: int, confidence: float) -> Bounds:
    """Return sum(top) / sum(bottom) with two-sided bounds, `bottom` being 0 or more; unbounded where it is all 0."""
    whole = float(bottom.sum())
    if whole <= 0.0:
        return Bounds(0.0, -math.inf, math.inf)
    value = float(top.sum()) / whole
    reach = _deviation(top - value * bottom, block) * _quantile(confidence) * len(bottom) / whole
    return Bounds(value, value - reach, value + reach)


def _deviation(values: Doubles, block: int) -> float:
    """Return the standard deviation of the mean of `values`."""
    count = len(values) / block
    if count < 2:
        return math.inf
    total = np.concatenate(([0.0], np.cumsum(values - values.mean())))
    means = (total[block:] - total[:-block]) / block
    return math.sqrt(float((means**2).mean()) / (count - 1))


def _quantile(confidence: float) -> float:
    return NormalDist().inv_cdf((1.0 + confidence) / 2.0)
