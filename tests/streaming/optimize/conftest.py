"""Two small generated lakes, made once, and settings over each of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import searched_market

from streaming.emulator.generator import generate
from streaming.optimize.request import Places, places_of
from streaming.settings import Settings, load_settings

HOURS = 0.04


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the planted effect, and what the generator itself expected, as `truth.parquet` beside it."""
    return _generated(tmp_path_factory.mktemp("effect"), effect=1.0)


@pytest.fixture(scope="session")
def barren_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake in which nothing can be forecast."""
    return _generated(tmp_path_factory.mktemp("barren"), effect=0.0)


def _generated(folder: Path, effect: float) -> Path:
    return generate(folder / "lake", HOURS, 1, effect=effect).truth


Searching = Callable[..., tuple[Settings, Places]]


@pytest.fixture
def searching(settings_file: Path) -> Searching:
    """Return a function that gives settings with a search over the lake of a truth file, forecasts laid ready."""
    searched_market.with_search(settings_file)

    def ready(truth: Path, write=searched_market.oracle, name: str = "main") -> tuple[Settings, Places]:
        settings = load_settings()
        if not settings.lake_root.exists():
            settings.lake_root.parent.mkdir(parents=True)
            settings.lake_root.symlink_to(truth.parents[1])
        places = places_of(settings, name)
        write(places.forecasts, truth)
        return settings, places

    return ready
