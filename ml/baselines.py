"""The forecasts that a network must beat, fitted on the train part only.

- persistence: zero return, last gaps and sizes;
- AR(1)-shrink per slot, variable and horizon: mean + beta_h (last - mean), beta_h in [0, 1]: the bar for gaps, volumes;
- ridge-flow: mid returns from every venue's own recent flows, imbalances, spread and basis, with the other venues'
  lags in the same regression: the bar for the mid.

Shapes: B anchors, L context, H horizon, P present slots, F features, R flow inputs of a slot, S shape values (19).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ml.layout import (
    AGE_MS,
    BASIS_BPS,
    IMBALANCE_L1,
    IMBALANCE_L5,
    LOG_SPREAD,
    MICRO_BPS,
    MID_RETURN_BPS,
    OFI_L1,
    TRADE_COUNT,
    TRADE_FLOW,
    BoolArray,
    DoubleArray,
    FloatArray,
    IntArray,
)

if TYPE_CHECKING:
    from ml.dataset import Dataset

PATH_COLUMNS: Final = [MID_RETURN_BPS, OFI_L1, TRADE_FLOW]
NOW_COLUMNS: Final = [IMBALANCE_L1, IMBALANCE_L5, MICRO_BPS, BASIS_BPS, LOG_SPREAD, TRADE_COUNT, AGE_MS]
LAGS_MAX: Final = 10
EWMA_DECAY: Final = 0.9
RIDGE_PENALTIES: Final = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
INNER_TRAIN_SHARE: Final = 0.8
CHUNK_ANCHORS: Final = 2048
AR_ANCHORS_MAX: Final = 10_000
SIGMA_BPS_MIN: Final = 1e-4


def flow_width(context: int) -> int:
    """Return R, the number of flow inputs of one slot for a window of `context` rows."""
    return len(PATH_COLUMNS) * (min(LAGS_MAX, context) + 1) + len(NOW_COLUMNS)


def flow_inputs(x_BLPF: FloatArray) -> FloatArray:
    """Return [B, P, R]: the last lags and the running mean of each flow, and the present state, all normalised."""
    batch, context, slots, _features = x_BLPF.shape
    paths = x_BLPF[..., PATH_COLUMNS]
    weights = EWMA_DECAY ** np.arange(context - 1, -1, -1, dtype=np.float32)
    running = np.einsum("l,blpc->bpc", weights / weights.sum(), paths)
    lags = paths[:, -min(LAGS_MAX, context) :].transpose(0, 2, 1, 3).reshape(batch, slots, -1)
    now = x_BLPF[:, -1][..., NOW_COLUMNS]
    return np.concatenate([lags, running, now], axis=2, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class RidgeFlow:
    """Linear mid forecast in bps; `weights[P, 1 + P*R, H]`, intercept first. Every slot sees every slot's flows."""

    weights: DoubleArray

    def predict(self, flow_BPR: FloatArray) -> DoubleArray:
        """Return cumulative mid log returns in bps, [B, P, H]."""
        design = _design(flow_BPR)
        return np.asarray(np.einsum("bd,pdh->bph", design, self.weights, optimize=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ShrinkAr:
    """AR(1)-shrink of log gaps and log sizes: `mean[P, S]`, `beta[P, S, H]`, and the train spread `sd[P, S]`."""

    mean: DoubleArray
    beta: DoubleArray
    sd: DoubleArray

    def predict(self, last_BPS: FloatArray) -> DoubleArray:
        """Return [B, P, S, H]; a value of zero or more stays so, since it is a mix of two such."""
        departure = last_BPS.astype(np.float64) - self.mean
        return self.mean[..., None] + self.beta * departure[..., None]


@dataclass(frozen=True, slots=True)
class Baselines:
    """All that is fitted on train; `sigma_bps[P]` is the spread of one-step mid returns."""

    ridge: RidgeFlow
    ar: ShrinkAr
    sigma_bps: DoubleArray


def fit_baselines(dataset: "Dataset", anchors: IntArray) -> Baselines:
    """Fit ridge-flow, AR(1)-shrink and sigma on `anchors`, which must be of the train part."""
    ridge, sigma_bps = _fit_ridge(dataset, anchors)
    stride = max(1, len(anchors) // AR_ANCHORS_MAX)
    return Baselines(ridge, _fit_ar(dataset, anchors[::stride]), sigma_bps)


def scale_of(sigma_bps: DoubleArray, horizon: int) -> DoubleArray:
    """Return sigma * sqrt(h) in bps, [P, H]: the unit in which mids of all venues and horizons are alike."""
    return np.asarray(sigma_bps[:, None] * np.sqrt(np.arange(1, horizon + 1)), dtype=np.float64)


def chunks(anchors: IntArray, size: int = CHUNK_ANCHORS) -> Iterator[IntArray]:
    """Yield `anchors` in pieces, so that windows never fill the memory."""
    for start in range(0, len(anchors), size):
        yield anchors[start : start + size]


def _design(flow_BPR: FloatArray) -> DoubleArray:
    flat = flow_BPR.reshape(len(flow_BPR), -1).astype(np.float64)
    return np.concatenate([np.ones((len(flat), 1)), flat], axis=1)


class _Moments:
    """Sums of x x', x y and y y per slot: all that least squares needs."""

    def __init__(self, slots: int, width: int, horizon: int) -> None:
        self.count = np.zeros(slots)
        self.xx = np.zeros((slots, width, width))
        self.xy = np.zeros((slots, width, horizon))
        self.yy = np.zeros((slots, horizon))

    def add(self, design: DoubleArray, mid_BPH: DoubleArray, scored_BP: BoolArray) -> None:
        for slot in range(len(self.count)):
            rows = scored_BP[:, slot]
            x, y = design[rows], mid_BPH[rows, slot]
            self.count[slot] += len(x)
            self.xx[slot] += x.T @ x
            self.xy[slot] += x.T @ y
            self.yy[slot] += (y * y).sum(axis=0)

    def joined(self, other: "_Moments") -> "_Moments":
        both = _Moments(len(self.count), self.xx.shape[1], self.xy.shape[2])
        for name in ("count", "xx", "xy", "yy"):
            getattr(both, name)[...] = getattr(self, name) + getattr(other, name)
        return both

    def solve(self, slot: int, penalty: float) -> DoubleArray:
        diagonal = np.full(self.xx.shape[1], penalty * max(self.count[slot], 1.0))
        diagonal[0] = 1e-9  # The intercept is free.
        return np.linalg.solve(self.xx[slot] + np.diag(diagonal), self.xy[slot])

    def squared_error(self, slot: int, weights: DoubleArray) -> float:
        cross = (weights * self.xy[slot]).sum(axis=0)
        square = (weights * (self.xx[slot] @ weights)).sum(axis=0)
        # Horizons are made alike by their own variance.
        return float(((self.yy[slot] - 2 * cross + square) / np.maximum(self.yy[slot], 1e-12)).sum())


def _fit_ridge(dataset: "Dataset", anchors: IntArray) -> tuple[RidgeFlow, DoubleArray]:
    slots, horizon = len(dataset.present), dataset.manifest.horizon
    width = 1 + slots * flow_width(dataset.manifest.context)
    inner, between, outer = (_Moments(slots, width, horizon) for _ in range(3))
    for moments, part in zip((inner, between, outer), penalty_parts(dataset, anchors), strict=True):
        for chunk in chunks(part):
            x_BLPF, _valid = dataset.windows(chunk)
            labels = dataset.labels(chunk)
            moments.add(_design(flow_inputs(x_BLPF)), labels.mid_bps_BPH, labels.scored_BP)
    penalties = [_best_penalty(inner, outer, slot) for slot in range(slots)]
    whole = inner.joined(between).joined(outer)
    weights = np.stack([whole.solve(slot, penalty) for slot, penalty in enumerate(penalties)])
    sigma_bps = np.sqrt(whole.yy[:, 0] / np.maximum(whole.count, 1.0))
    return RidgeFlow(weights), np.maximum(sigma_bps, SIGMA_BPS_MIN)


def penalty_parts(dataset: "Dataset", anchors: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return the train anchors that weights are tried on, those of the purge between, and those that judge a penalty.

    The purge is one window and label, or half of what is left where train is short.
    """
    cut = int(len(anchors) * INNER_TRAIN_SHARE)
    later = anchors[cut:]
    span = dataset.manifest.context + dataset.manifest.horizon
    purged = min(int(np.searchsorted(later, later[0] + span)), len(later) // 2) if len(later) else 0
    return anchors[:cut], later[:purged], later[purged:]


def _best_penalty(inner: _Moments, outer: _Moments, slot: int) -> float:
    return min(RIDGE_PENALTIES, key=lambda penalty: outer.squared_error(slot, inner.solve(slot, penalty)))


def _fit_ar(dataset: "Dataset", anchors: IntArray) -> ShrinkAr:
    now, then, count = 0.0, 0.0, 0.0
    square, cross = 0.0, 0.0
    for chunk in chunks(anchors):
        labels = dataset.labels(chunk)
        weight = labels.scored_BP[..., None].astype(np.float64)
        last = dataset.last_shape(chunk).astype(np.float64) * weight
        future = labels.shape_BPSH.astype(np.float64)
        count = count + weight.sum(axis=0)
        now, square = now + last.sum(axis=0), square + (last * last).sum(axis=0)
        then, cross = then + future.sum(axis=0), cross + (last[..., None] * future).sum(axis=0)
    count = np.maximum(np.asarray(count), 1.0)
    mean = np.asarray(now) / count
    variance = np.maximum(np.asarray(square) / count - mean**2, 0.0)
    covariance = np.asarray(cross) / count[..., None] - mean[..., None] * np.asarray(then) / count[..., None]
    beta = np.clip(covariance / np.maximum(variance, 1e-9)[..., None], 0.0, 1.0)
    return ShrinkAr(mean, beta, np.sqrt(np.maximum(variance, 1e-6)))
