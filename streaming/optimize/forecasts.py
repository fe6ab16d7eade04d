"""The market's forecasts over the whole span, made once and kept in a folder that every worker maps into its memory.

`values.f4` holds float32[N, H, V * 20] as it is, `times.npy` delivery and step of each, and `made.json`, written last,
what they are: a folder without it is half made and made again.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from native.config import GridConfig, engine_document
from streaming.backtest.forecasts import FORECAST_WIDTH, BatchForecasting, ForecastMaker, Timing
from streaming.backtest.market import market_of
from streaming.backtest.request import LatencyModel, check_delay
from streaming.errors import UsageError
from streaming.optimize.folds import Window
from streaming.optimize.request import MADE
from streaming.settings import Settings
from streaming.shell.feed import Feed, open_feed
from warehouse.files import replacing, write_atomically
from warehouse.lake import Lake

VALUES, TIMES = "values.f4", "times.npy"
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a search is made on: the span that the lake holds, and the forecasts of it."""

    ts_from_ns: int
    ts_to_ns: int
    forecasts: int
    withheld: int
    """Forecasts not given since their context touches a ledgered gap."""
    horizon_steps: int
    width: int
    """Values of a horizon: slots x 20; 0 without a model."""
    model_id: int

    def to_json(self) -> bytes:
        """Return the content of `made.json`."""
        return orjson.dumps(asdict(self))

    @property
    def span(self) -> Window:
        """The whole span."""
        return Window(self.ts_from_ns, self.ts_to_ns)


@dataclass(frozen=True, slots=True)
class Model:
    """A model and the id that its forecasts bear."""

    forecasting: BatchForecasting
    model_id: int


def prepare(
    folder: Path,
    settings: Settings,
    grid: GridConfig,
    span: tuple[int | None, int | None],
    model: Model | None,
    say: Told,
) -> Material:
    """Return the material of `folder`, made now where it does not stand there whole.

    UsageError when the lake holds nothing of the grid in that span, BadDataError for damaged segments.
    """
    made = folder / MADE
    if made.is_file():
        return Material(**orjson.loads(made.read_bytes()))
    folder.mkdir(parents=True, exist_ok=True)
    lake = Lake(settings.lake_root)
    feed = open_feed(lake, grid.instruments, *span)
    material = _made(folder, settings, lake, grid, feed, model, say)
    if material.ts_to_ns <= material.ts_from_ns:
        raise UsageError(
            f"the lake holds no frames of {', '.join(grid.instruments)} in that span; see trader instruments"
        )
    write_atomically(made, material.to_json())
    return material


def read_forecasts(
    folder: Path, material: Material, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return delivery times, steps and values of the forecasts whose steps lie in `window`."""
    times = np.load(folder / TIMES)
    begin, end = np.searchsorted(times[1], [window.from_ns, window.to_ns])
    shape = (material.forecasts, material.horizon_steps, material.width)
    values = np.memmap(folder / VALUES, dtype=np.float32, mode="r", shape=shape)
    return times[0, begin:end], times[1, begin:end], np.asarray(values[begin:end])


def _made(
    folder: Path, settings: Settings, lake: Lake, grid: GridConfig, feed: Feed, model: Model | None, say: Told
) -> Material:
    """Hear the whole feed once: its span, and the forecasts of it."""
    first_ns = last_ns = 0
    instruments, sources = ([asdict(entry) for entry in entries] for entries in (feed.instruments, feed.sources))
    market = market_of(lake, grid, feed, engine_document(instruments, sources, settings.native, grid))
    maker = None if model is None else _maker(settings, grid, feed, model)
    times: list[NDArray[np.int64]] = []
    with replacing(folder / VALUES) as path, path.open("wb") as file:
        for number, hour in enumerate(feed.read()):
            heard = hour.records["ts_ns"][hour.records["ts_ns"] < feed.ts_to_ns]
            if len(heard) == 0:
                continue
            first_ns, last_ns = first_ns or int(heard[0]), int(heard[-1])
            if maker is not None:
                given = maker.forecasts(market.steps_of(hour), market.masked(), lambda done, of: None)
                times.append(np.stack([given.ts_ns, given.ts_step_ns]))
                file.write(np.ascontiguousarray(given.values, dtype=np.float32).tobytes())
            say(f"forecasts: hour {number + 1} of {len(feed.hours)}")
    joined = np.concatenate(times, axis=1) if times else np.zeros((2, 0), dtype=np.int64)
    with replacing(folder / TIMES) as path, path.open("wb") as file:
        np.save(file, joined)
    return Material(
        ts_from_ns=max(first_ns, feed.ts_from_ns),
        ts_to_ns=min(last_ns, feed.ts_to_ns),
        forecasts=joined.shape[1],
        withheld=0 if maker is None else maker.withheld,
        horizon_steps=0 if model is None else model.forecasting.horizon_steps,
        width=0 if model is None else len(grid.instruments) * FORECAST_WIDTH,
        model_id=0 if model is None else model.model_id,
    )


def _maker(settings: Settings, grid: GridConfig, feed: Feed, model: Model) -> ForecastMaker:
    timing = Timing(
        step_ns=grid.step_ns,
        delay_ns=check_delay(settings, grid),
        latency=LatencyModel(0),
        ts_from_ns=feed.ts_from_ns,
        ts_to_ns=feed.ts_to_ns,
    )
    return ForecastMaker(model.forecasting, timing, len(grid.instruments))
