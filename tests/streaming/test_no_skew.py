"""No skew between training and trading: the grid that the model learns from is what the trader's engine computed."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pytest

import native
from native.config import GridConfig
from streaming.convert import convert_grid_hour, convert_hour
from streaming.emulator.generator import generate
from streaming.segments import header_of, read_block
from streaming.settings import load_settings
from streaming.trading_run import StartRequest, start_replay
from warehouse.lake import Lake
from warehouse.schema import FEATURE_NAMES

HOUR = datetime(2026, 1, 5, tzinfo=UTC)
VENUES = ("binance_spot", "binance_usdm", "bybit_spot")


def silent(message: str) -> None:
    """Progress for tests."""


@pytest.fixture
def grid(settings_file: Path) -> GridConfig:
    return load_settings().grid_named("main")


def test_features_of_the_training_grid_equal_the_traders_bit_for_bit(settings_file: Path, grid: GridConfig) -> None:
    settings = load_settings()
    lake = Lake(settings.warehouse.lake_dir)
    generate(lake.root, 0.01, 11, start=HOUR)
    for venue in VENUES:
        convert_hour(lake, venue, HOUR, settings=settings.native)
    convert_grid_hour(lake, grid, HOUR, settings=settings.native)
    summary = start_replay(settings, StartRequest(grid="main", model=None), silent)

    block = read_block(Path(summary.journal))
    header = header_of(Path(summary.journal), block)
    engine = native.Engine(orjson.dumps(header.engine).decode())
    engine.process(block)
    traded = engine.drain()["grid"]

    names = [entry.name for entry in header.instruments]
    slots = np.array([grid.instruments.index(name) for name in names])[traded["instrument"]]
    by_key = {(int(row["ts_step_ns"]), int(slot)): row for row, slot in zip(traded, slots, strict=True)}
    learned = lake.scan("grid").sort("ts_step_ns", "slot").collect()
    keys = list(zip(learned["ts_step_ns"].to_list(), learned["slot"].to_list(), strict=True))
    stored = learned.select(FEATURE_NAMES).to_numpy().astype(np.float32)
    assert len(keys) > 1_000
    assert stored.tobytes() == np.stack([by_key[key]["features"] for key in keys]).tobytes()
    assert learned["is_valid"].to_list() == [bool(by_key[key]["is_valid"]) for key in keys]
