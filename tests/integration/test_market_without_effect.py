"""A generated market without effect is a martingale: the gate refuses it and nothing is promoted, whatever the seed."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from ml.bundle import seal
from ml.config import MlConfig
from ml.dataset import build
from ml.registry import read_pointer
from ml.train import train
from ml.validate import ValidationReport, validate
from native.config import EngineSettings, GridConfig
from orchestration.defs.promote.promotion import crown, decide
from orchestration.errors import RefusedError
from orchestration.settings import load_settings
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from streaming.emulator.generator import generate
from warehouse.lake import Lake

GRID = GridConfig(
    name="main",
    instruments=("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"),
    reference="binance_usdm:BTCUSDT",
)


SETTINGS = """
[warehouse]
data_dir = "."

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"
"""


def learn_without_dagster(folder: Path, effect: float, seed: int) -> tuple[ValidationReport, str]:
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
    candidate = train(folder / "dataset", config, folder / "candidate")
    report = validate(folder / "candidate", folder / "dataset", config, run.truth)
    return report, seal(candidate, report, folder / "models")


@pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")  # inside Dagster
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_market_without_effect_is_refused_and_promotes_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS)
    monkeypatch.setenv("LOB_SETTINGS", str(tmp_path / "settings.toml"))
    settings = load_settings()
    report, bundle = learn_without_dagster(tmp_path, effect=0.0, seed=seed)

    with dg.DagsterInstance.ephemeral() as instance:
        decision = decide(settings, instance, bundle)

    refused = {rule.name for rule in report.gate.rules if not rule.passed}
    assert not report.gate.passed
    assert "mid_vs_persistence" in refused
    assert refused.isdisjoint({"contiguous_test_steps", "test_blocks"})
    assert any(line.startswith("mid_vs_persistence: ") for line in decision.weaknesses)
    with pytest.raises(RefusedError, match="is not promoted"):
        crown(settings, decision, "the graph")
    assert read_pointer(settings.folders.models_dir, "champion") is None
