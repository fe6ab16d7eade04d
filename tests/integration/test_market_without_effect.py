"""A generated market without effect is a martingale: the gate refuses it, whatever the seed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml.config import MlConfig
from ml.dataset import build
from ml.train import train
from ml.validate import ValidationReport, validate
from native.config import EngineSettings, GridConfig
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from streaming.emulator.generator import generate
from warehouse.lake import Lake

GRID = GridConfig(
    name="main",
    instruments=("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"),
    reference="binance_usdm:BTCUSDT",
)


def learn_without_dagster(folder: Path, effect: float, seed: int) -> ValidationReport:
    """The same functions that the graph calls, on 0.65 h: 4,600 test steps, as many as the gate asks for."""
    lake = Lake(folder / "lake")
    start = datetime(2026, 1, 5, tzinfo=UTC)
    run = generate(folder / "lake", hours=0.65, seed=seed, effect=effect, start=start)
    for venue in ("binance_usdm", "binance_spot", "bybit_spot"):
        convert_hour(lake, venue, start, settings=EngineSettings())
    for hour in grid_hours(lake, GRID):
        convert_grid_hour(lake, GRID, hour, settings=EngineSettings())
    config = MlConfig(steps=150)
    build(lake, "main", config, folder / "dataset", instruments=GRID.instruments)
    train(folder / "dataset", config, folder / "candidate")
    return validate(folder / "candidate", folder / "dataset", config, run.truth)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_market_without_effect_is_refused(tmp_path: Path, seed: int) -> None:
    report = learn_without_dagster(tmp_path, effect=0.0, seed=seed)

    refused = {rule.name for rule in report.gate.rules if not rule.passed}
    assert not report.gate.passed
    assert "mid_vs_persistence" in refused
    assert refused.isdisjoint({"contiguous_test_steps", "test_blocks"})
