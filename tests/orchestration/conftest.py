"""A small generated market, made once, and a house of its own for each test that writes."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from parsed_dbt import give_manifest

from orchestration.defs.ingest.capture import convert_grid_hours, convert_venue_hours
from orchestration.defs.quality.span import capturable_grid_hours, captured_hours, grid_venues
from orchestration.settings import Settings, load_settings

SETTINGS = """
[warehouse]
data_dir = "data"

[[grid]]
name = "main"
instruments = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
reference = "binance_usdm:BTCUSDT"

[ml]
preset = "nano_short"
steps = 20

[ml.gate]
contiguous_test_steps_min = 50
blocks_min = 1
skill_vs_persistence_min = -1.0
skill_vs_ridge_min = -1.0
volume_skill_min = -1.0

[orchestration]
retraining_cron = "0 3 * * *"
"""
HERE = Path(__file__).parent

# Four minutes of market over a full hour: two partitions of each venue.
MARKET_START = datetime(2026, 1, 5, 0, 58, tzinfo=UTC)
MARKET_HOURS = 4 / 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Dagster reads a deprecated attribute of pydantic; that is not ours to act on."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated"))


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that holds raw segments only."""
    from streaming.emulator.generator import generate

    root = tmp_path_factory.mktemp("market")
    generate(root, MARKET_HOURS, 1, 1.0, MARKET_START)
    return root


@pytest.fixture
def make_house(tmp_path: Path, market: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Make a named house with the market in its lake; the last one made is what assets find."""

    def make(name: str) -> Settings:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "settings.toml").write_text(SETTINGS)
        shutil.copytree(market, folder / "data" / "lake")
        monkeypatch.setenv("LOB_SETTINGS", str(folder / "settings.toml"))
        return load_settings()

    return make


@pytest.fixture
def house(make_house: Callable[[str], Settings]) -> Settings:
    """One such house."""
    return make_house("house")


def convert(settings: Settings) -> None:
    """Convert everything that the house's lake holds, as the ingest assets do."""
    lake, grid = settings.lake, settings.learning_grid
    convert_venue_hours(lake, settings.native, captured_hours(lake, grid_venues(grid)))
    convert_grid_hours(lake, settings.native, grid, capturable_grid_hours(lake, grid))


@pytest.fixture
def converted_house(house: Settings) -> Settings:
    """A house whose segments are all converted, by nobody that Dagster knows of."""
    convert(house)
    return house


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The code location, loaded once over a house of its own: it needs dbt's manifest."""
    folder = tmp_path_factory.mktemp("definitions")
    (folder / "settings.toml").write_text(SETTINGS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOB_SETTINGS", str(folder / "settings.toml"))
        patch.setenv("DAGSTER_HOME", str(folder))
        give_manifest(load_settings().folders)
        from orchestration.definitions import defs

        return defs()


@pytest.fixture
def give_manifest_to_house(house: Settings) -> None:
    """Let other processes load the definitions over this house."""
    give_manifest(house.folders)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance that remembers runs and checks for one test."""
    folder = tmp_path / "dagster"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder), overrides={"telemetry": {"enabled": False}}) as made:
        yield made
