"""How far one sample is from another, and how far equal stretches of one span are from the rest of it. Pure functions.

Theory. The effect is Evidently's normed Wasserstein distance: mean horizontal distance of the two distributions, in
standard deviations of the reference. What an effect means depends on the feature: a basis wanders for minutes, a trade
count does not. So no constant is compared with. The reference is cut into blocks as long as what is judged; each is
held against the rest; a feature's threshold is `margin` times (mean + 3 standard deviations) of those effects. Blocks
overlap where fewer than `BLOCKS_WANTED` fit side by side; with fewer than `BLOCKS_MIN` nothing is judged.

Many features are compared at once and some always stand out: a span has drifted when several do, or one by far.
`severity` says how far, in multiples of what was learned: `structure` has further checks, of which one is enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
Sample: TypeAlias = Mapping[str, Values]
"""Columns of equal length in the order of time, by name."""

NORM_MIN = 0.001
"""Evidently's least standard deviation: a constant feature is compared in its own unit times a thousand."""
CONSTANT_EFFECT = 10.0
"""Threshold of a feature that the reference holds constant: a hundredth of its unit on average. Its blocks teach 0, and
beyond 0 is every single step that is rarer than the reference is long."""
DEVIATIONS = 3.0
BLOCKS_WANTED, BLOCKS_MIN = 16, 8
OVERLAPS = (1, 2, 4)
"""Blocks begin a whole, a half or a quarter of their length apart, whichever first gives enough of them."""
LENGTHS_MIN = 3
"""A reference shorter than this many blocks says nothing of how much they differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What was learned from a reference: by column, up to which effect chance goes, times the margin."""

    by_column: Mapping[str, float]
    blocks: int
    block_steps: int
    overlap: int
    """How many blocks a step of the reference lies in: 1 means side by side."""


@dataclass(frozen=True, slots=True)
class FeatureEffect:
    """One column's effect and what it is held against."""

    name: str
    effect: float
    threshold: float

    @property
    def is_beyond(self) -> bool:
        """Tell whether the effect exceeds its threshold."""
        return self.effect > self.threshold

    @property
    def ratio(self) -> float:
        """Effect over threshold; 0 where both are 0, as for a constant feature that stays so."""
        if self.threshold > 0.0:
            return self.effect / self.threshold
        return float("inf") if self.effect > 0.0 else 0.0


def effect(before: Values, now: Values) -> float:
    """Return the distance of two samples without NaN, in standard deviations of `before`; both hold a value."""
    every = np.sort(np.concatenate([before, now]))
    share_before = np.searchsorted(np.sort(before), every[:-1], side="right") / len(before)
    share_now = np.searchsorted(np.sort(now), every[:-1], side="right") / len(now)
    distance = float(np.sum(np.abs(share_before - share_now) * np.diff(every)))
    return distance / max(float(np.std(before)), NORM_MIN)


def learn(reference: Sample, block_steps: int, margin: float, sample_rows: int) -> Thresholds | None:
    """Return the thresholds for a sample of `block_steps` rows, None when the reference holds too few blocks.

    The rest that a block is held against is thinned to at most `sample_rows` rows, as the reference itself is when
    something is judged.
    """
    rows = len(next(iter(reference.values()), ()))
    overlap, starts = block_starts(rows, block_steps)
    if len(starts) < BLOCKS_MIN:
        return None
    by_column = {}
    for name, values in reference.items():
        found = [
            effect(thinned(_without(values, at, block_steps), sample_rows), values[at : at + block_steps])
            for at in starts
        ]
        by_column[name] = CONSTANT_EFFECT if np.ptp(values) == 0.0 else beyond_chance(found, margin)
    return Thresholds(by_column=by_column, blocks=len(starts), block_steps=block_steps, overlap=overlap)


def held_against(reference: Sample, now: Sample, thresholds: Thresholds, sample_rows: int) -> list[FeatureEffect]:
    """Return every column's effect beside its threshold, the largest ratio first; both samples have the columns."""
    found = [
        FeatureEffect(name, effect(thinned(reference[name], sample_rows), now[name]), threshold)
        for name, threshold in thresholds.by_column.items()
    ]
    return sorted(found, key=lambda item: (-item.ratio, item.name))


def severity(features: Sequence[FeatureEffect], structure: Iterable[FeatureEffect], few: int, far: float) -> float:
    """Return how far a span is from its reference, in multiples of the learned thresholds; above 1 it has drifted.

    It is the largest of: the ratio that `few` features reach, the ratio of the furthest feature over `far`, and the
    ratio of any check of the structure.
    """
    ratios = sorted((item.ratio for item in features), reverse=True)
    several = ratios[few - 1] if len(ratios) >= few else 0.0
    furthest = ratios[0] / far if ratios else 0.0
    return max(several, furthest, *(item.ratio for item in structure), 0.0)


def level_of(found: float, begins: Sequence[float]) -> int:
    """Return how many of the ascending `begins` the severity `found` exceeds."""
    return sum(found > beginning for beginning in begins)


def block_starts(rows: int, block_steps: int) -> tuple[int, list[int]]:
    """Return how far blocks of a reference of `rows` rows overlap, and where they begin; none where it is too short."""
    if block_steps < 1 or rows < LENGTHS_MIN * block_steps:
        return 1, []
    for overlap in OVERLAPS:
        starts = list(range(0, rows - block_steps + 1, max(1, block_steps // overlap)))
        if len(starts) >= BLOCKS_WANTED:
            break
    return overlap, starts


def beyond_chance(found: Sequence[float], margin: float) -> float:
    """Return the threshold that effects of blocks of the reference teach: `margin` times (mean + 3 sd)."""
    return margin * float(np.mean(found) + DEVIATIONS * np.std(found, ddof=1))


def thinned(values: Values, rows: int) -> Values:
    """Return at most `rows` values, evenly spread over time, so that equal input gives equal output."""
    if len(values) <= rows:
        return values
    return values[np.linspace(0, len(values) - 1, rows).astype(np.int64)]


def _without(values: Values, at: int, length: int) -> Values:
    return np.concatenate([values[:at], values[at + length :]])
