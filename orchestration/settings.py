"""Settings of the conductor: the trader's, plus the sections of ml and of orchestration. Unknown sections fail."""

from pathlib import Path

from ml.config import MlConfig
from native.config import GridConfig
from orchestration import environment
from orchestration.config import OrchestrationConfig
from streaming import settings as streaming_settings
from warehouse.config import WarehouseConfig
from warehouse.lake import Lake


class Settings(streaming_settings.Settings):
    """Every section of `settings.toml`, typed."""

    ml: MlConfig = MlConfig()  # type: ignore[assignment]  # the trader carries this section unread
    orchestration: OrchestrationConfig = OrchestrationConfig()  # type: ignore[assignment]  # likewise

    @property
    def folders(self) -> WarehouseConfig:
        """The folders under the data directory, absolute."""
        return self.warehouse.model_copy(update={"data_dir": self.data_dir})

    def prepare_environment(self) -> None:
        """Make this process's environment that of Dagster, see `orchestration.environment`."""
        environment.prepare(self.folders.dagster_dir, self.orchestration.storage_url.get_secret_value())

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.lake_root)

    @property
    def learning_grid(self) -> GridConfig:
        """The grid that the model learns from; SettingsError lists the names that exist."""
        return self.grid_named(self.orchestration.grid)


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings of this process; streaming.errors.SettingsError names file and key."""
    return streaming_settings.load_settings_as(Settings, path)
