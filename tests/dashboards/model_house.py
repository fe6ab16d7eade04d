"""A house whose trader forecasts with real sealed bundles and follows the champion pointer."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dashboard_house import DashboardHouse
from live_bundles import changed_copy, seal_bundle

from ml.registry import challenge, promote
from streaming.shell.trader_names import SOCKET_NAME
from streaming.supervisor import Supervisor


class ModelHouse(DashboardHouse):
    """`bundles` are the hashes of `good`, which trades, `twin`, which was champion before, and `next`."""

    bundles: dict[str, str]

    @property
    def models_dir(self) -> Path:
        """Where the bundles are."""
        return self.settings.warehouse.models_dir

    def start_trader(self) -> None:
        """Trade with the champion, until a forecast was scored."""
        emulator = str(self.house.addresses_file)
        self._begin("trader", [sys.executable, "-m", "streaming", "start", "--emulator", emulator, "--no-watchdog"])
        self._await("trader", self._is_forecasting)

    def _is_forecasting(self) -> bool:
        if not (self.run_dir / SOCKET_NAME).exists():
            return False
        with suppress(Exception):  # it listens in a moment
            card = self.ask("status")["scores"]["champion"]
            return bool(card["horizons"][0]["scored"])
        return False


def put_models(house: ModelHouse, source: Path, good: str) -> None:
    """Put three bundles there and move the pointers: twin was champion, good is, next is the challenger."""
    models = house.models_dir
    models.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source / good, models / good)
    house.bundles = {"good": good, **{name: changed_copy(models, good, name) for name in ("twin", "next")}}
    promote(models, house.bundles["twin"], "ann", "the first one", time.time_ns())
    promote(models, good, "ann", "it forecasts better", time.time_ns())
    challenge(models, house.bundles["next"], "dagster", "trained and sealed", time.time_ns())


@contextmanager
def running_model_house(folder: Path, bundles: Path) -> Iterator[ModelHouse]:
    """Start emulator, trader and dashboard over real bundles, which are trained in the folder `bundles` once."""
    source, good = seal_bundle(bundles)
    with Supervisor(folder / "log", patience_s=0.0) as supervisor:
        house = ModelHouse(folder, supervisor, 1.0)
        put_models(house, source, good)
        house.start()
        yield house
