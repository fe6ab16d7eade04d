"""Errors of the forecasts that were traded on, as truth arrives: sums by slot, at the horizon that is decided by.

As `backtest.kpi.prediction_error`: f is the forecast log return of the mid in bps, r what came between the two steps,
both of which must be valid. Persistence says that nothing moves. Bounded: mids and forecasts of the last steps alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SPARE_STEPS = 64
"""Steps beyond the horizon for which a forecast may come late."""


@dataclass(frozen=True, slots=True)
class ErrorFigures:
    """Mean errors over `count` pairs; None without one."""

    count: int
    mse_bps2: float | None
    mae_bps: float | None
    persistence_mse_bps2: float | None
    persistence_mae_bps: float | None


@dataclass(slots=True)
class ErrorSums:
    """Sums of one slot."""

    count: int = 0
    squares: float = 0.0
    absolute: float = 0.0
    moved_squares: float = 0.0
    moved_absolute: float = 0.0

    def add(self, forecast_bps: float, realised_bps: float) -> None:
        """Take a pair."""
        error = forecast_bps - realised_bps
        self.count += 1
        self.squares += error * error
        self.absolute += abs(error)
        self.moved_squares += realised_bps * realised_bps
        self.moved_absolute += abs(realised_bps)


def figures_of(sums: Sequence[ErrorSums]) -> ErrorFigures:
    """Return the mean errors of several slots together."""
    count = sum(each.count for each in sums)
    if count == 0:
        return ErrorFigures(0, None, None, None, None)
    return ErrorFigures(
        count=count,
        mse_bps2=sum(each.squares for each in sums) / count,
        mae_bps=sum(each.absolute for each in sums) / count,
        persistence_mse_bps2=sum(each.moved_squares for each in sums) / count,
        persistence_mae_bps=sum(each.moved_absolute for each in sums) / count,
    )


class ForecastErrors:
    """See the head of the file. Steps are numbered by ts_step_ns / step_ns."""

    def __init__(self, slots: int, horizon_step: int) -> None:
        self.horizon_step = horizon_step
        self.sums = [ErrorSums() for _ in range(slots)]
        self._mids: dict[int, list[int]] = {}
        self._forecasts: dict[int, Sequence[float]] = {}

    def mid(self, step: int, slot: int, mid_x2_ticks: int) -> None:
        """Take a slot's mid, twice, at a step that closed; 0 where it is not valid."""
        if step not in self._mids:
            self._mids[step] = [0] * len(self.sums)
            self._forget(step - self.horizon_step - SPARE_STEPS)
        self._mids[step][slot] = mid_x2_ticks
        begin = step - self.horizon_step
        forecast = self._forecasts.get(begin)
        if forecast is not None:
            self._score(slot, forecast, self._mids.get(begin), mid_x2_ticks)

    def forecast(self, step: int, mid_bps: Sequence[float]) -> None:
        """Take the forecast moves [slot] of a step that closed."""
        self._forecasts[step] = mid_bps
        came = self._mids.get(step + self.horizon_step)
        if came is not None:
            for slot, mid_x2_ticks in enumerate(came):
                self._score(slot, mid_bps, self._mids.get(step), mid_x2_ticks)

    def _score(self, slot: int, forecast: Sequence[float], began: Sequence[int] | None, mid_x2_ticks: int) -> None:
        if began is not None and began[slot] > 0 and mid_x2_ticks > 0 and math.isfinite(forecast[slot]):
            self.sums[slot].add(forecast[slot], 1e4 * math.log(mid_x2_ticks / began[slot]))

    def _forget(self, before: int) -> None:
        for kept in (self._mids, self._forecasts):
            while kept and next(iter(kept)) < before:
                del kept[next(iter(kept))]
