"""Constants that bring features to a common scale: fitted here on train rows, applied by `native.normalize`.

Normalised value = clip((x - offset) * scale, lo, hi) in float32, per slot and feature. A z-score takes the mean and one
over the standard deviation; the paper's min-max takes the minimum and one over the range.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.layout import FEATURE_COUNT, PRICE_PCT, SIZE_BASE, BoolArray, FloatArray

CLIP_SD: Final = 10.0
RANGE_MIN: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Normaliser:
    """Four float32[V, 58] tables. A slot that was absent in training has scale 0: it normalises to 0."""

    offset: FloatArray
    scale: FloatArray
    lo: FloatArray
    hi: FloatArray

    def apply(self, features_TVF: FloatArray, valid_TV: BoolArray) -> FloatArray:
        """Return normalised features; rows that are not valid become 0, whatever they hold."""
        import native

        normalised = native.normalize(np.ascontiguousarray(features_TVF), self.offset, self.scale, self.lo, self.hi)
        return np.asarray(normalised * valid_TV[:, :, None].astype(np.float32), dtype=np.float32)


def fit_normaliser(features_TVF: FloatArray, valid_TV: BoolArray) -> Normaliser:
    """Fit on rows of the train part only (the caller cuts them); slots without a valid row get scale 0."""
    slots = features_TVF.shape[1]
    offset, scale = np.zeros((slots, FEATURE_COUNT)), np.zeros((slots, FEATURE_COUNT))
    lo, hi = np.zeros((slots, FEATURE_COUNT)), np.zeros((slots, FEATURE_COUNT))
    for slot in range(slots):
        rows = features_TVF[valid_TV[:, slot], slot].astype(np.float64)
        if not len(rows):
            continue
        offset[slot], scale[slot] = rows.mean(axis=0), _inverse(rows.std(axis=0))
        lo[slot], hi[slot] = -CLIP_SD, CLIP_SD
        for block in (PRICE_PCT, SIZE_BASE):
            low, high = rows[:, block].min(axis=0), rows[:, block].max(axis=0)
            offset[slot, block], scale[slot, block] = low, _inverse(high - low)
            lo[slot, block], hi[slot, block] = 0.0, 1.0
    return Normaliser(*(np.ascontiguousarray(table, dtype=np.float32) for table in (offset, scale, lo, hi)))


def _inverse(
    spread: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    # A column that never moves (the reference's basis) carries nothing: it becomes 0, not noise divided by dust.
    return np.where(spread > RANGE_MIN, 1.0 / np.maximum(spread, RANGE_MIN), 0.0)
