"""How well models forecast live: each forecast is held against what the mid did afterwards, per model and horizon.

Sans I/O. Theory, over the forecasts f and moves y (bps) of one slot that were both there, n of them:

    MSE       = sum (y - f)^2 / n
    MAE       = sum |y - f| / n
    skill     = 1 - sum (y - f)^2 / sum y^2            against persistence, which forecasts no move
    slope     = sum (f - mean f)(y - mean y) / sum (f - mean f)^2       1: sizes are right; below 0: the sign is wrong
    intercept = mean y - slope x mean f

MSE, MAE and intercept are pooled over slots as they are; for skill and slope each slot counts in units of its own
root-mean-square move, since otherwise the noisiest would decide. Bounded: sums, the last `KEPT_STEPS` scored steps at
the judged horizon, and `WAITING_MAX` forecasts whose truth is not known yet.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import native
from native.config import JsonObject
from streaming.latency_histogram import LatencyHistogram
from streaming.trader.truth import Doubles, Structured, Truth

FORECAST_WIDTH, MID_BPS = 20, 0
"""Values a slot in a forecast of one step, and the place of the mid's move among them."""
WAITING_MAX = 256
KEPT_STEPS = 20_000
OF_THIS_MACHINE = ("age_ms",)
"""Features that tell how loaded this machine is, and nothing of the market: they may lie wherever they like."""
_N, _F, _Y, _FF, _FY, _YY, _SQUARES, _ABSOLUTE = range(8)


@dataclass(slots=True)
class Delivery:
    """What became of the windows that a model was given."""

    windows: int = 0
    forecasts: int = 0
    late: int = 0
    """Forecasts that came too late to be acted on."""
    skipped: int = 0
    """Windows that a newer one pushed out."""
    failed: int = 0

    @property
    def lost_share(self) -> float:
        """Share of the windows that gave nothing to act on."""
        return (self.late + self.skipped + self.failed) / self.windows if self.windows else 0.0


@dataclass(frozen=True, slots=True)
class Scored:
    """The last scored steps of a model at one horizon."""

    steps: NDArray[np.int64]
    forecast_bps: Doubles
    """[step, slot]; NaN where nothing was to be scored."""
    move_bps: Doubles


@dataclass(slots=True)
class _Clipping:
    """How often each feature was outside of what the model's training knew."""

    rows: NDArray[np.int64]
    """By slot."""
    outside: NDArray[np.int64]
    """[slot, feature]."""


class Scorecard:
    """One model's live record."""

    def __init__(self, horizons: Sequence[int], judged_horizon: int, slots: int) -> None:
        assert judged_horizon in horizons, "the judged horizon is one of those that are scored"
        self.delivery = Delivery()
        self.latency = LatencyHistogram()
        """From the input that closed a step to the forecast being there, real ns."""
        self._horizons = tuple(horizons)
        self._judged = self._horizons.index(judged_horizon)
        self._sums = np.zeros((8, len(horizons), slots))
        self._waiting: deque[tuple[int, Doubles]] = deque(maxlen=WAITING_MAX)
        self._scored: deque[tuple[int, Doubles, Doubles]] = deque(maxlen=KEPT_STEPS)
        self._clipping: _Clipping | None = None

    @property
    def scored_steps(self) -> int:
        """Steps whose forecast at the judged horizon was held against what happened, as far as they are kept."""
        return len(self._scored)

    def forecast(self, number: int, values: NDArray[np.float32], latency_ns: int) -> None:
        """Take the forecast [H, V * 20] of a step; one that does not reach a horizon is not scored there."""
        self.delivery.forecasts += 1
        self.latency.add(latency_ns)
        mids_bps = values.reshape(len(values), -1, FORECAST_WIDTH)[:, :, MID_BPS].astype(np.float64)
        found = np.full(self._sums.shape[1:], np.nan)
        for place, steps in enumerate(self._horizons):
            if steps <= len(mids_bps):
                found[place] = mids_bps[steps - 1]
        self._waiting.append((number, found))

    def features(self, outside: NDArray[np.bool_], valid: NDArray[np.uint8]) -> None:
        """Take which features [V, F] of a window's last row were outside of the training's range, and its validity."""
        if self._clipping is None:
            self._clipping = _Clipping(np.zeros(len(valid), dtype=np.int64), np.zeros(outside.shape, dtype=np.int64))
        self._clipping.rows += valid != 0
        self._clipping.outside += outside & (valid != 0)[:, None]

    def score(self, truth: Truth, closed: int) -> None:
        """Hold the forecasts against the truth that step `closed` completes."""
        while self._waiting and self._waiting[0][0] + max(self._horizons) <= closed:
            number, forecast_bps = self._waiting.popleft()
            self._add(number, forecast_bps, truth.moves_bps(number, self._horizons))

    def scored(self) -> Scored:
        """Return the last scored steps at the judged horizon."""
        slots = self._sums.shape[2]
        if not self._scored:
            return Scored(np.zeros(0, dtype=np.int64), np.zeros((0, slots)), np.zeros((0, slots)))
        steps, forecasts, moves = zip(*self._scored, strict=True)
        return Scored(np.array(steps, dtype=np.int64), np.stack(forecasts), np.stack(moves))

    @property
    def horizons(self) -> tuple[int, ...]:
        """Steps ahead at which forecasts are scored."""
        return self._horizons

    def band_bps(self) -> list[list[float | None]]:
        """Return the root of the mean squared error, [slot][horizon]; None where nothing was scored."""
        counts, squares = self._sums[_N].T.tolist(), self._sums[_SQUARES].T.tolist()
        return [
            [round((square / count) ** 0.5, 4) if count else None for count, square in zip(*row, strict=True)]
            for row in zip(counts, squares, strict=True)
        ]

    def clipped(self) -> tuple[float, int, int, int]:
        """Return share, slot, feature and rows of what was outside the training's range most often; share 0: none."""
        if self._clipping is None or not self._clipping.rows.any():
            return 0.0, 0, 0, 0
        shares = self._clipping.outside / np.maximum(self._clipping.rows, 1)[:, None]
        shares[:, [native.FEATURE_NAMES.index(name) for name in OF_THIS_MACHINE]] = 0.0
        slot, feature = np.unravel_index(int(shares.argmax()), shares.shape)
        return float(shares[slot, feature]), int(slot), int(feature), int(self._clipping.rows[slot])

    def to_json(self) -> JsonObject:
        """Return counts, measures by horizon (null before anything was scored) and latency."""
        share, slot, feature, rows = self.clipped()
        measures: list[JsonObject] = [self._measures(place) for place in range(len(self._horizons))]
        return {
            "windows": self.delivery.windows,
            "forecasts": self.delivery.forecasts,
            "late": self.delivery.late,
            "skipped": self.delivery.skipped,
            "failed": self.delivery.failed,
            "horizons": [*measures],
            "latency": self.latency.to_json(),
            "outside_training": {"share": round(share, 4), "slot": slot, "feature": feature, "rows": rows},
        }

    def _add(self, number: int, forecast_bps: Doubles, move_bps: Doubles) -> None:
        is_known = np.isfinite(forecast_bps) & np.isfinite(move_bps)
        f, y = np.where(is_known, forecast_bps, 0.0), np.where(is_known, move_bps, 0.0)
        self._sums += (is_known, f, y, f * f, f * y, y * y, (y - f) ** 2, np.abs(y - f))
        judged = is_known[self._judged]
        if judged.any():
            both = [np.where(judged, array[self._judged], np.nan) for array in (forecast_bps, move_bps)]
            self._scored.append((number, both[0], both[1]))

    def _measures(self, place: int) -> JsonObject:
        sums = self._sums[:, place]
        count = sums[_N].sum()
        if not count:
            nothing: JsonObject = dict.fromkeys(("mse", "mae", "skill", "slope", "intercept_bps"))
            return {"steps": self._horizons[place], "scored": 0, **nothing}
        slope = _slope(sums)
        intercept = None if slope is None else (sums[_Y].sum() - slope * sums[_F].sum()) / count
        return {
            "steps": self._horizons[place],
            "scored": int(count),
            "mse": _rounded(sums[_SQUARES].sum() / count),
            "mae": _rounded(sums[_ABSOLUTE].sum() / count),
            "skill": _rounded(_skill(sums)),
            "slope": _rounded(slope),
            "intercept_bps": _rounded(intercept),
        }


@dataclass(slots=True)
class Scoreboard:
    """The live records of the models that forecast the same steps, by hash."""

    truth: Truth
    horizons: Sequence[int]
    judged_horizon: int
    cards: dict[str, Scorecard] = field(default_factory=dict)

    def begin(self, model: str) -> Scorecard:
        """Begin a model's record, anew where there is one."""
        self.cards[model] = Scorecard(self.horizons, self.judged_horizon, self.truth.slot_count)
        return self.cards[model]

    def keep(self, models: Collection[str]) -> None:
        """Have a record of exactly these models: others are dropped, missing ones begun."""
        for model in [model for model in self.cards if model not in models]:
            del self.cards[model]
        for model in models:
            if model not in self.cards:
                self.begin(model)

    def card(self, model: str) -> Scorecard | None:
        """Return a model's record; None for one that is not scored, or no more."""
        return self.cards.get(model)

    def card_of(self, model_id: int) -> Scorecard | None:
        """Return the record of the model that the engine knows by the first 32 bits of its hash."""
        return next((card for model, card in self.cards.items() if int(model[:8], 16) == model_id), None)

    def step(self, rows: Structured) -> None:
        """Take the grid's rows of the steps that closed, whole steps in order, and score what they complete."""
        for closed in self.truth.add(rows):
            for card in self.cards.values():
                card.score(self.truth, closed)


def _skill(sums: Doubles) -> float | None:
    """Return the skill over slots in units of their own moves; None where nothing moved."""
    moved = sums[_YY] > 0.0
    if not moved.any():
        return None
    wrong = sums[_SQUARES, moved] / sums[_YY, moved]
    return float(1.0 - np.average(wrong, weights=sums[_N, moved]))


def _slope(sums: Doubles) -> float | None:
    """Return the slope of moves on forecasts, slots in units of their own moves; None where no forecast differs."""
    moved = sums[_YY] > 0.0
    n, f, y, ff, fy, yy = (sums[row, moved] for row in (_N, _F, _Y, _FF, _FY, _YY))
    top, bottom = ((fy - f * y / n) * n / yy).sum(), ((ff - f * f / n) * n / yy).sum()
    return float(top / bottom) if bottom > 0.0 else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)
