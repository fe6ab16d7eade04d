"""The lines of the forecast's chart: the mid's path, the fan ahead of it, and what was said before of moments now past.

Across: seconds from the step of the newest forecast. Up: prices. No I/O, no clock.
"""

import math
from typing import Final

from pydantic import JsonValue

from dashboards.board import Points
from dashboards.model.truth import BPS, Bin, Mids, slot_of
from dashboards.snapshot import History
from streaming.bus_view import ForecastView

SHOWN_S_MIN: Final = 4.0
SHOWN_S_MAX: Final = 20.0
SHOWN_FANS: Final = 8
"""So much of the past stands beside the fan, in its own lengths and within those bounds."""
NS_PER_S: Final = 1e9
MID, AHEAD, LOW, HIGH, SAID = "mid", "forecast", "band", "band above", "earlier"
STYLES: Final[dict[str, tuple[str, float, str]]] = {
    MID: ("#3d85c6", 2, "solid"),
    AHEAD: ("#c9701a", 2, "dashed"),
    LOW: ("#c9701a", 1, "dotted"),
    HIGH: ("#c9701a", 1, "dotted"),
    SAID: ("#9a6bd0", 1.5, "solid"),
}
RIGHT, FOUND = "sizes are right", "what followed"


def shown_s(forecast: ForecastView | None) -> float:
    """Return how much of the past is shown."""
    if forecast is None or not forecast.mid_bps:
        return SHOWN_S_MAX
    fan_s = len(forecast.mid_bps[0]) * forecast.step_ns / NS_PER_S
    return min(max(SHOWN_FANS * fan_s, SHOWN_S_MIN), SHOWN_S_MAX)


def told_bps(forecast: ForecastView | None, instrument: str, horizon: int) -> float | None:
    """Return what a forecast says of one horizon; None where it does not reach it."""
    slot = None if forecast is None else slot_of(forecast, instrument)
    if forecast is None or slot is None or not 1 <= horizon <= len(forecast.mid_bps[slot]):
        return None
    return forecast.mid_bps[slot][horizon - 1]


def fan_lines(history: History, forecast: ForecastView | None, instrument: str, horizon: int) -> dict[str, Points]:
    """Return the chart's lines by name; those without data are empty."""
    lines: dict[str, Points] = {name: [] for name in STYLES}
    slot = None if forecast is None else slot_of(forecast, instrument)
    if forecast is None or slot is None:
        return lines
    now_ns = forecast.ts_step_ns
    since_ns = now_ns - round(shown_s(forecast) * NS_PER_S)
    mids = Mids(history, instrument, since_ns - horizon * forecast.step_ns)
    lines[MID] = [
        ((point.ts_ns - now_ns) / NS_PER_S, point.mids[instrument]) for point in mids.points if point.ts_ns >= since_ns
    ]
    lines[SAID] = _said(history, mids, instrument, horizon, now_ns, since_ns)
    begin = mids.at(now_ns, forecast.step_ns)
    return lines if begin is None else {**lines, **_ahead(forecast, slot, begin)}


def calibration_lines(bins: list[Bin]) -> dict[str, Points]:
    """Return the line of right sizes, and what was found."""
    told = [found.forecast_bps for found in bins]
    ends: Points = [(min(told), min(told)), (max(told), max(told))] if told else []
    return {RIGHT: ends, FOUND: [(found.forecast_bps, found.move_bps) for found in bins]}


def _said(history: History, mids: Mids, instrument: str, horizon: int, now_ns: int, since_ns: int) -> Points:
    """Return what was said `horizon` steps before each moment."""
    points: list[tuple[float, float | None]] = []
    for forecast in history.forecasts:
        at_ns = forecast.ts_step_ns + horizon * forecast.step_ns
        told = told_bps(forecast, instrument, horizon)
        if at_ns < since_ns or told is None:
            continue
        begin = mids.at(forecast.ts_step_ns, forecast.step_ns)
        points.append(((at_ns - now_ns) / NS_PER_S, None if begin is None else _moved(begin, told)))
    return points


def _ahead(forecast: ForecastView, slot: int, mid: float) -> dict[str, Points]:
    step_s, path = forecast.step_ns / NS_PER_S, forecast.mid_bps[slot]
    ahead = [(0.0, mid), *((steps * step_s, _moved(mid, bps)) for steps, bps in enumerate(path, start=1))]
    told = zip(forecast.horizons, forecast.band_bps[slot], strict=True) if forecast.band_bps else ()
    bands = [(steps, band) for steps, band in told if band is not None and steps <= len(path)]
    if not bands:
        return {AHEAD: ahead}
    low = [(0.0, mid), *((steps * step_s, _moved(mid, path[steps - 1] - band)) for steps, band in bands)]
    high = [(0.0, mid), *((steps * step_s, _moved(mid, path[steps - 1] + band)) for steps, band in bands)]
    return {AHEAD: ahead, LOW: low, HIGH: high}


def _moved(mid: float, bps: float) -> float:
    return mid * math.exp(bps / BPS)


# --- how the charts look ---

GRID: Final[JsonValue] = {"left": 8, "right": 16, "top": 36, "bottom": 26, "containLabel": True}
SPLIT: Final[JsonValue] = {"lineStyle": {"color": "#8884", "width": 1}}


def fan_options() -> dict[str, JsonValue]:
    """Return the chart of the forecast, without data."""
    lines: list[JsonValue] = [
        {
            "name": name,
            "type": "line",
            "showSymbol": False,
            "data": [],
            "itemStyle": {"color": colour},
            "lineStyle": {"color": colour, "width": width, "type": kind},
        }
        for name, (colour, width, kind) in STYLES.items()
    ]
    return {**_axes("{value} s"), "series": lines, "legend": _legend([MID, AHEAD, LOW, SAID])}


def calibration_options() -> dict[str, JsonValue]:
    """Return the chart of the calibration, without data."""
    ideal: JsonValue = {
        "name": RIGHT,
        "type": "line",
        "showSymbol": False,
        "data": [],
        "itemStyle": {"color": "#8a97a5"},
        "lineStyle": {"color": "#8a97a5", "width": 1, "type": "dashed"},
    }
    found: JsonValue = {
        "name": FOUND,
        "type": "line",
        "symbol": "circle",
        "symbolSize": 8,
        "data": [],
        "itemStyle": {"color": "#3d85c6"},
        "lineStyle": {"color": "#3d85c6", "width": 1},
    }
    return {
        **_axes("{value}", "bps forecast", "bps that followed"),
        "series": [ideal, found],
        "legend": _legend([RIGHT, FOUND]),
    }


def _legend(names: list[str]) -> JsonValue:
    return {"data": [*names], "top": 0, "left": 0, "selectedMode": False, "textStyle": {"color": "#8a97a5"}}


def _axes(across: str, across_name: str = "", up_name: str = "") -> dict[str, JsonValue]:
    """Return axes; `across` is how a number of the lower one is written."""
    label: dict[str, JsonValue] = {"color": "#8a97a5", "hideOverlap": True}
    return {
        "animation": False,
        "grid": GRID,
        "xAxis": {
            "type": "value",
            "name": across_name,
            "nameLocation": "middle",
            "nameGap": 26,
            "nameTextStyle": {"color": "#8a97a5"},
            "axisLabel": {**label, "formatter": across},
            "splitLine": {"show": False},
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "name": up_name,
            "nameTextStyle": {"color": "#8a97a5", "align": "left"},
            "axisLabel": label,
            "splitLine": SPLIT,
        },
    }
