"""What came of forecasts: each held against the mid that followed, from the views of the last minutes. No I/O, clock.

A move is the log return of the mid in basis points, from the step that the forecast was made in to the one it speaks
of, as the trader scores it. The mid of a step is taken from the forecast of that step where it is known, else from the
view that is nearest, within a step of it.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from dashboards.snapshot import History, Point
from streaming.bus_view import ForecastView

BPS = 1e4
BINS = 8
PER_BIN_MIN = 5
"""Settled forecasts that a point of the calibration is made of, at least."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A forecast whose moment has come."""

    ts_step_ns: int
    forecast_bps: float
    move_bps: float

    @property
    def error_bps(self) -> float:
        """Move less forecast."""
        return self.move_bps - self.forecast_bps


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about one size."""

    forecast_bps: float
    """Their mean."""
    move_bps: float
    """The mean of what followed."""
    count: int


class Mids:
    """Mids of one instrument by time."""

    def __init__(self, history: History, instrument: str, since_ns: int = 0) -> None:
        self._by_step: dict[int, float] = {}
        for forecast in history.forecasts:
            mid = mid_in(forecast, instrument)
            if mid is not None:
                self._by_step[forecast.ts_step_ns] = mid
        self.points = [point for point in points_since(history, since_ns) if instrument in point.mids]
        self._times_ns = [point.ts_ns for point in self.points]
        self._instrument = instrument

    def at(self, ts_ns: int, step_ns: int) -> float | None:
        """Return the mid at a step; None where nothing near enough was heard, or nothing from then on."""
        if (exact := self._by_step.get(ts_ns)) is not None:
            return exact
        place = bisect_left(self._times_ns, ts_ns)
        if place == len(self.points):
            return None
        near = [number for number in (place - 1, place) if number >= 0]
        best = min(near, key=lambda number: abs(self._times_ns[number] - ts_ns))
        if abs(self._times_ns[best] - ts_ns) > step_ns:
            return None
        return self.points[best].mids[self._instrument]


def points_since(history: History, since_ns: int) -> list[Point]:
    """Return the points of a moment and later, oldest first."""
    newest_first = takewhile(lambda point: point.ts_ns >= since_ns, reversed(history.points))
    return list(newest_first)[::-1]


def mid_in(forecast: ForecastView, instrument: str) -> float | None:
    """Return the mid that a forecast of an instrument began at; None where it is not told."""
    slot = slot_of(forecast, instrument)
    mid = None if slot is None else forecast.mids[slot]
    return None if mid is None else float(mid)


def slot_of(forecast: ForecastView, instrument: str) -> int | None:
    """Return the slot of an instrument."""
    return forecast.instruments.index(instrument) if instrument in forecast.instruments else None


def settled(history: History, instrument: str, horizon: int) -> list[Settled]:
    """Return the forecasts for `horizon` steps ahead that have come to pass, oldest first."""
    mids, found = Mids(history, instrument), []
    for forecast in history.forecasts:
        slot = slot_of(forecast, instrument)
        if slot is None or not 1 <= horizon <= len(forecast.mid_bps[slot]):
            continue
        begin = mids.at(forecast.ts_step_ns, forecast.step_ns)
        end = mids.at(forecast.ts_step_ns + horizon * forecast.step_ns, forecast.step_ns)
        if begin is not None and end is not None:
            move_bps = BPS * math.log(end / begin)
            found.append(Settled(forecast.ts_step_ns, forecast.mid_bps[slot][horizon - 1], move_bps))
    return found


def calibration(pairs: Sequence[Settled]) -> list[Bin]:
    """Return forecasts of like size and what followed them on average; nothing before there are enough."""
    ordered = sorted(pairs, key=lambda pair: pair.forecast_bps)
    bins = min(BINS, len(ordered) // PER_BIN_MIN)
    if bins < 2:
        return []
    edges = [len(ordered) * number // bins for number in range(bins + 1)]
    return [_bin(ordered[begin:end]) for begin, end in pairwise(edges)]


def _bin(pairs: Sequence[Settled]) -> Bin:
    count = len(pairs)
    return Bin(sum(pair.forecast_bps for pair in pairs) / count, sum(pair.move_bps for pair in pairs) / count, count)
