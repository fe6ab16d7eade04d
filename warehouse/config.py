"""Section `[warehouse]` of the settings: where everything the project writes stands."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

MARTS_FILE = "lob.duckdb"
"""Name of the marts' database; views inside it carry its stem, so a build must bear the same name."""


class WarehouseConfig(BaseModel):
    """Folders under one data directory. A relative `data_dir` makes them relative."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data_dir: Path = Path("data")

    @property
    def lake_dir(self) -> Path:
        """Raw segments and Parquet tables."""
        return self.data_dir / "lake"

    @property
    def marts_path(self) -> Path:
        """The published marts, which readers open read-only."""
        return self.data_dir / "marts" / MARTS_FILE

    @property
    def marts_build_path(self) -> Path:
        """The database that dbt writes before it is published."""
        return self.data_dir / "marts" / "build" / MARTS_FILE

    @property
    def dbt_dir(self) -> Path:
        """dbt's `target` and `logs`."""
        return self.data_dir / "dbt"

    @property
    def datasets_dir(self) -> Path:
        """Training arrays with their manifests."""
        return self.data_dir / "datasets"

    @property
    def models_dir(self) -> Path:
        """Sealed bundles and the pointers to them."""
        return self.data_dir / "models"

    @property
    def mlflow_path(self) -> Path:
        """The embedded MLflow store."""
        return self.data_dir / "mlflow" / "mlflow.db"

    @property
    def dagster_dir(self) -> Path:
        """DAGSTER_HOME."""
        return self.data_dir / "dagster"

    @property
    def journal_dir(self) -> Path:
        """Journals of trading runs."""
        return self.data_dir / "journal"

    @property
    def reports_dir(self) -> Path:
        """Documents for people: drift, validation, data docs."""
        return self.data_dir / "reports"

    @property
    def run_dir(self) -> Path:
        """Locks and sockets of running processes."""
        return self.data_dir / "run"
