"""A short generated market in a lake, and models that need no training."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from native.config import EngineSettings, GridConfig
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from streaming.emulator.generator import generate
from streaming.settings import load_settings
from warehouse.lake import Lake

START = datetime(2026, 1, 5, tzinfo=UTC)
START_NS = int(START.timestamp()) * 1_000_000_000
GRID = GridConfig(
    name="main",
    instruments=("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"),
    reference="binance_usdm:BTCUSDT",
)
VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
MID_RETURN_BPS, IMBALANCE = 49, 51
HORIZON = 20


def silent(_message):
    """Progress for tests."""


def write_market(hours, *, seed=3, effect=1.0, is_converted=True):
    """Fill the lake of the settings in force; return them."""
    settings = load_settings()
    make_lake(settings.warehouse.lake_dir, hours, seed=seed, effect=effect, is_converted=is_converted)
    return settings


def make_lake(root, hours, *, seed=3, effect=1.0, is_converted=True):
    """Fill the lake at `root` with a generated market, converted or only recorded."""
    lake = Lake(root)
    generate(lake.root, hours=hours, seed=seed, effect=effect, start=START)
    if not is_converted:
        return
    for venue in VENUES:
        convert_hour(lake, venue, START, settings=EngineSettings())
    for hour in grid_hours(lake, GRID):
        convert_grid_hour(lake, GRID, hour, settings=EngineSettings())


@dataclass
class ImbalanceModel:
    """Says that the mid goes where more size stands, by `gain` bps at the most."""

    gain: float = 2.0
    context_steps: int = 5
    horizon_steps: int = HORIZON
    fitted_until_ns: int = 0

    def forecast_batch(self, features, valid, steps):
        steps = np.asarray(steps, dtype=np.int64)
        values = np.zeros((len(steps), HORIZON, features.shape[1], 20), dtype=np.float32)
        values[..., 0] = (self.gain * features[steps, :, IMBALANCE] * valid[steps])[:, None, :]
        return values.reshape(len(steps), HORIZON, 20 * features.shape[1])

    def forecast(self, features, valid):
        return self.forecast_batch(features, valid, [len(features) - 1])[0]


def imbalance_model(_settings, _grid, _bundle, _now_ns):
    """Stand in for the bundle that a request names."""
    return ImbalanceModel()


BUNDLE = "b" * 64
