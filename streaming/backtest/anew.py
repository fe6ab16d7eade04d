"""A session's forecasts made anew: in the places of its own, or of every step a stated delay after it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

import native
from streaming.backtest.forecasts import FORECAST_WIDTH, Delivery, forecastable
from streaming.backtest.kpi import Ints
from streaming.backtest.market import GridSteps, table_steps
from streaming.backtest.session import Rewrite, Session
from streaming.errors import BadDataError
from streaming.journal import JournalStep
from streaming.segments import KIND_FORECAST, RECORD_HEAD_BYTES
from streaming.settings import Settings
from streaming.trading_records import FORECAST_PREFIX
from streaming.trading_run import load_forecaster
from warehouse.lake import Lake

if TYPE_CHECKING:
    from ml.runtime import Forecaster

TOLERANCE_BPS = 1e-5
"""Forecasts of many windows at once are summed in another order than live ones."""

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ForecastDifference:
    """Forecasts made anew beside the session's."""

    compared: int
    differing: int
    """With a mid move that is off by more than `TOLERANCE_BPS`."""
    max_bps: float
    mean_bps: float


@dataclass(slots=True)
class Given:
    """The session's forecasts, each with the seq of its record."""

    seq: list[int] = field(default_factory=list)
    ts_step_ns: list[int] = field(default_factory=list)
    model_id: list[int] = field(default_factory=list)
    values: list[Values] = field(default_factory=list)

    def add(self, step: JournalStep, slots: int) -> None:
        """Take those among a step's inputs."""
        for row in step.records[step.records["kind"] == KIND_FORECAST]:
            begin, end = int(row["offset"]), int(row["offset"]) + int(row["length"])
            ts_step_ns, model_id, horizon = FORECAST_PREFIX.unpack_from(step.block, begin)
            values = np.frombuffer(step.block[begin + FORECAST_PREFIX.size : end], dtype=np.float32)
            if values.size != horizon * slots * FORECAST_WIDTH:
                continue  # the engine refused it
            self.seq.append(int(row["seq"]))
            self.ts_step_ns.append(ts_step_ns)
            self.model_id.append(model_id)
            self.values.append(values.reshape(horizon, slots * FORECAST_WIDTH))


def seen(settings: Settings, session: Session) -> GridSteps:
    """Return the grid that the session saw; a replayed session saw the lake's own."""
    lake, run = Lake(settings.warehouse.lake_dir), session.header.run
    rows = lake.scan("session_grid").filter(pl.col("run") == run).collect()
    if rows.is_empty():
        rows = lake.scan("grid").filter(pl.col("grid") == _grid_name(settings, session)).collect()
    if rows.is_empty():
        raise BadDataError(f"run {run}: expected the grid that it saw in the lake, found none; land the session again")
    return table_steps(rows.sort("ts_step_ns"), session.slots)


def _grid_name(settings: Settings, session: Session) -> str:
    name = session.grid.get("name")
    return name if isinstance(name, str) else settings.streaming.grid


def models_of(settings: Settings, session: Session, given: Given, now_ns: int) -> "dict[int, Forecaster]":
    """Load each model that the session ran, by the id on its forecasts: the first 8 digits of the bundle's hash."""
    config = settings.grid_named(_grid_name(settings, session))
    models: dict[int, Forecaster] = {}
    for model_id in sorted(set(given.model_id)):
        found = sorted(settings.warehouse.models_dir.glob(f"{model_id:08x}*/manifest.json"))
        if len(found) != 1:
            raise BadDataError(
                f"run {session.header.run}: expected one bundle {model_id:08x}… in {settings.warehouse.models_dir}, "
                f"found {len(found)}: its forecasts cannot be made anew"
            )
        models[model_id] = load_forecaster(settings, config, found[0].parent.name, now_ns)
    return models


def made_anew(given: Given, grid: GridSteps, models: "Mapping[int, Forecaster]") -> dict[int, Values]:
    """Return forecasts made anew by the seq of the record they stand for; a window that is not there gives none."""
    steps, ids = np.array(given.ts_step_ns, dtype=np.int64), np.array(given.model_id, dtype=np.int64)
    made: dict[int, Values] = {}
    for model_id, model in models.items():
        places = np.flatnonzero(ids == model_id)
        rows = np.searchsorted(grid.ts_step_ns, steps[places])
        is_there = (rows >= model.context_steps - 1) & (rows < len(grid.ts_step_ns))
        is_there[is_there] &= grid.ts_step_ns[rows[is_there]] == steps[places[is_there]]
        values = model.forecast_batch(grid.features, grid.valid, rows[is_there])
        made |= {given.seq[place]: value for place, value in zip(places[is_there].tolist(), values, strict=True)}
    return made


def all_steps(
    given: Given, grid: GridSteps, models: "Mapping[int, Forecaster]", step_ns: int, delay_ns: int
) -> Delivery:
    """Return forecasts of every step between the session's first and last, each by the model that ran then."""
    if not models:
        nothing: Ints = np.zeros(0, np.int64)
        return Delivery(nothing, nothing, np.zeros((0, 1, FORECAST_WIDTH * grid.valid.shape[1]), np.float32))
    steps, ids = np.array(given.ts_step_ns, dtype=np.int64), np.array(given.model_id, dtype=np.int64)
    chosen: list[tuple[Ints, Values]] = []
    for model_id, model in models.items():
        rows = forecastable(grid, model.context_steps, step_ns)
        at_ns = grid.ts_step_ns[rows]
        inside = (at_ns >= steps.min()) & (at_ns <= steps.max())
        running = ids[np.maximum(np.searchsorted(steps, at_ns, side="right") - 1, 0)] == model_id
        rows = rows[inside & running]
        chosen.append((grid.ts_step_ns[rows], model.forecast_batch(grid.features, grid.valid, rows)))
    at_ns = np.concatenate([part for part, _ in chosen])
    values = np.concatenate([part for _, part in chosen])
    order = np.argsort(at_ns, kind="stable")
    return Delivery(at_ns[order] + delay_ns, at_ns[order], values[order])


def difference_of(given: Given, made: Mapping[int, Values]) -> ForecastDifference:
    """Return how far forecasts made anew are from the session's."""
    off = [
        np.abs(values[:, ::FORECAST_WIDTH] - made[seq][:, ::FORECAST_WIDTH])
        for seq, values in zip(given.seq, given.values, strict=True)
        if seq in made
    ]
    if not off:
        return ForecastDifference(0, 0, 0.0, 0.0)
    worst = np.array([part.max() for part in off])
    mean = float(np.mean([part.mean() for part in off]))
    return ForecastDifference(len(off), int((worst > TOLERANCE_BPS).sum()), float(worst.max()), mean)


def rewriting(made: Mapping[int, Values]) -> Rewrite:
    """Return a rewriting that puts forecasts made anew in the place of the journal's."""

    def rewrite(step: JournalStep) -> bytes | memoryview:
        return _replaced(step, lambda number: _encoded(step, number, made))

    return rewrite


def without_forecasts(step: JournalStep) -> bytes | memoryview:
    """Return a step's inputs without its forecasts."""
    return _replaced(step, lambda _number: b"")


def _replaced(step: JournalStep, encode: Callable[[int], bytes]) -> bytes | memoryview:
    """Return a step's inputs with each forecast record, by its number, replaced."""
    is_forecast = step.records["kind"] == KIND_FORECAST
    if not is_forecast.any():
        return step.inputs
    parts: list[bytes] = []
    at = _record(step, 0)[0]
    for number in np.flatnonzero(is_forecast).tolist():
        begin, end = _record(step, number)
        parts += [step.block[at:begin], encode(number)]
        at = end
    return b"".join([*parts, step.block[at : _record(step, len(step.records) - 1)[1]]])


def _encoded(step: JournalStep, number: int, made: Mapping[int, Values]) -> bytes:
    row = step.records[number]
    values = made.get(int(row["seq"]))
    if values is None:  # its window is not in the grid: what the session had stays
        begin, end = _record(step, number)
        return step.block[begin:end]
    prefix = step.block[int(row["offset"]) : int(row["offset"]) + FORECAST_PREFIX.size]
    payload = prefix + np.ascontiguousarray(values).tobytes()
    return native.encode_record(KIND_FORECAST, 0, int(row["seq"]), int(row["ts_ns"]), payload)


def _record(step: JournalStep, number: int) -> tuple[int, int]:
    """Return where a record of a step begins and ends in its block."""
    offsets = step.records["offset"]
    first = int(offsets[0]) - RECORD_HEAD_BYTES
    begin = int(offsets[number]) - RECORD_HEAD_BYTES
    is_last = number == len(step.records) - 1
    return begin, first + len(step.inputs) if is_last else int(offsets[number + 1]) - RECORD_HEAD_BYTES
