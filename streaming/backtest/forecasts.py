"""Forecasts in batch ahead: windows of the grid through the model, each told at the moment at which it would have come.

The rules are those of a replay: a step is forecast once as many steps lie behind it as the model looks back on, none is
missing among them, and one slot at least is valid at it. Beside that no forecast is given whose context touches a
ledgered gap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streaming.backtest.gaps import MaskedSpan, touched
from streaming.backtest.kpi import Floats, Ints
from streaming.backtest.leaks import check_causal
from streaming.backtest.market import GridSteps
from streaming.backtest.request import LatencyModel

BATCH_STEPS = 512
"""Steps forecast between two words of progress; a few MB of windows."""
FORECAST_WIDTH = 20

Progress = Callable[[int, int], None]
"""Called with steps forecast and steps to forecast, of the stretch at hand."""


class BatchForecasting(Protocol):
    """What is asked of a model: `ml.runtime.Forecaster`."""

    @property
    def context_steps(self) -> int:
        """Rows of a window."""

    @property
    def horizon_steps(self) -> int:
        """Steps that a forecast reaches ahead."""

    @property
    def fitted_until_ns(self) -> int:
        """Last moment of the data that it was fitted on."""

    def forecast_batch(
        self,
        features: NDArray[np.float32],
        valid: NDArray[np.uint8] | NDArray[np.bool_],
        steps: NDArray[np.int64] | Sequence[int],
    ) -> NDArray[np.float32]:
        """Return float32[N, H, V * 20]."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Forecasts and when they come; refused where one comes before its step closed."""

    ts_ns: Ints
    ts_step_ns: Ints
    values: NDArray[np.float32]
    """[N, H, V * 20]."""

    def __post_init__(self) -> None:
        """Raise BadDataError for a forecast that looks ahead."""
        check_causal(self.ts_ns, self.ts_step_ns)

    def mid_bps(self, horizon_step: int) -> Floats:
        """Return the forecast mid moves [N, V] at a horizon; NaN where the forecasts do not reach it."""
        slots = self.values.shape[2] // FORECAST_WIDTH
        if horizon_step > self.values.shape[1]:
            return np.full((len(self.values), slots), np.nan)
        return self.values[:, horizon_step - 1, ::FORECAST_WIDTH].astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When forecasts are made and when they come."""

    step_ns: int
    delay_ns: int
    latency: LatencyModel
    """A drawn one is drawn for forecasts too, around `delay_ns`."""
    ts_from_ns: int
    ts_to_ns: int


class ForecastMaker:
    """Takes the grid's steps in order and gives the forecasts of them."""

    def __init__(self, model: BatchForecasting, timing: Timing, slots: int) -> None:
        self._model = model
        self._timing = timing
        self._behind = GridSteps.empty(slots)
        self._random = np.random.default_rng(timing.latency.seed)
        self._last_ns = 0
        self.withheld = 0
        """Forecasts not given since their context touches a gap."""

    def forecasts(self, steps: GridSteps, masked: Sequence[MaskedSpan], progress: Progress) -> Delivery:
        """Return the forecasts of `steps`, which follow those given before."""
        whole = self._behind.then(steps)
        context, timing = self._model.context_steps, self._timing
        self._behind = whole.tail(context - 1)
        rows = forecastable(whole, context, timing.step_ns)
        rows = rows[rows >= len(whole.ts_step_ns) - len(steps.ts_step_ns)]
        at_ns = whole.ts_step_ns[rows]
        rows = rows[(at_ns >= timing.ts_from_ns) & (at_ns < timing.ts_to_ns)]
        is_masked = touched(masked, whole.ts_step_ns[rows], (context - 1) * timing.step_ns)
        self.withheld += int(is_masked.sum())
        rows = rows[~is_masked]
        return Delivery(
            self._times(whole.ts_step_ns[rows]), whole.ts_step_ns[rows], self._values(whole, rows, progress)
        )

    def _values(self, whole: GridSteps, rows: Ints, progress: Progress) -> NDArray[np.float32]:
        parts = [self._model.forecast_batch(whole.features, whole.valid, rows[:0])]
        for begin in range(0, len(rows), BATCH_STEPS):
            chunk = rows[begin : begin + BATCH_STEPS]
            parts.append(self._model.forecast_batch(whole.features, whole.valid, chunk))
            progress(begin + len(chunk), len(rows))
        return np.concatenate(parts)

    def _times(self, ts_step_ns: Ints) -> Ints:
        """Return when forecasts come; one that takes long holds up the ones behind it."""
        timing, count = self._timing, len(ts_step_ns)
        drawn = timing.latency.delays_ns(timing.delay_ns, count, self._random)
        times = np.maximum(np.maximum.accumulate(ts_step_ns + np.maximum(drawn, 1)), self._last_ns)
        self._last_ns = int(times[-1]) if count else self._last_ns
        return np.asarray(times, dtype=np.int64)


def forecastable(steps: GridSteps, context: int, step_ns: int) -> Ints:
    """Return the rows behind which `context` steps lie without a hole and at which a slot is valid."""
    rows = np.arange(context - 1, len(steps.ts_step_ns), dtype=np.int64)
    span_ns = steps.ts_step_ns[rows] - steps.ts_step_ns[rows - context + 1]
    is_whole = span_ns == (context - 1) * step_ns
    found: Ints = rows[is_whole & steps.valid[rows].any(axis=1)]
    return found


def realised_bps(ts_step_ns: Ints, mid_x2_ticks: Ints, at_ns: Ints, horizon_ns: int) -> Floats:
    """Return the mid's log return in bps from each of `at_ns` to a horizon later, per slot; NaN where not known.

    `ts_step_ns` [T] and `mid_x2_ticks` [T, V] are the grid's, 0 where not valid.
    """
    now, then = (_mids(ts_step_ns, mid_x2_ticks, moment) for moment in (at_ns, at_ns + horizon_ns))
    with np.errstate(invalid="ignore"):
        moves: Floats = 1e4 * np.log(then / now)
    return moves


def _mids(ts_step_ns: Ints, mid_x2_ticks: Ints, at_ns: Ints) -> Floats:
    if not len(ts_step_ns):
        return np.full((len(at_ns), mid_x2_ticks.shape[1]), np.nan)
    index = np.minimum(np.searchsorted(ts_step_ns, at_ns), len(ts_step_ns) - 1)
    mids = mid_x2_ticks[index].astype(np.float64)
    mids[(ts_step_ns[index] != at_ns)[:, None] | (mids <= 0)] = np.nan
    return mids
