"""The process environment of everything that is conducted: nobody phones home, and Dagster keeps its files in data/.

Call `prepare` before the first import of dagster, great_expectations, evidently, dbt or mlflow: they read the
variables while they are imported.
"""

import os
import warnings
from pathlib import Path

from orchestration.progress import LOGGER
from warehouse.files import write_atomically

# mlflow takes the word `true` only.
QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes for jobs that nobody gives it
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
}

# One run at a time: an hour goes on from the one before it, and marts, dataset and candidate have one writer.
DAGSTER_YAML = f"""telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  managed_python_loggers: [{LOGGER}]
  python_log_level: INFO
concurrency:
  runs:
    max_concurrent_runs: 1
"""

STORAGE_VARIABLE = "DAGSTER_STORAGE_URL"
DRIVER = "postgresql+psycopg2://"  # the one that comes with dagster-postgres; SQLAlchemy would look for another
# Named, not written down: the address holds a password.
SERVED_YAML = f"""{DAGSTER_YAML}storage:
  postgres:
    postgres_url:
      env: {STORAGE_VARIABLE}
"""


def silence() -> None:
    """Set the variables that keep the tools from phoning home and from chatting; values that are set already stay."""
    warnings.filterwarnings("ignore", message="Parameter `backfill_policy`")  # beta in Dagster, known and wanted
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def prepare(dagster_home: Path, storage_url: str = "") -> None:
    """Silence the tools and make `dagster_home` the folder of Dagster, with telemetry off from the first start.

    With `storage_url` runs and events stand in that PostgreSQL database, else in sqlite files of the folder. A
    `dagster.yaml` that somebody changed stays as it is.
    """
    silence()
    dagster_home.mkdir(parents=True, exist_ok=True)
    config, wanted = dagster_home / "dagster.yaml", SERVED_YAML if storage_url else DAGSTER_YAML
    if not config.exists() or config.read_text() in {DAGSTER_YAML, SERVED_YAML} - {wanted}:
        write_atomically(config, wanted.encode())
    os.environ["DAGSTER_HOME"] = str(dagster_home)
    if storage_url:
        os.environ[STORAGE_VARIABLE] = storage_url.replace("postgresql://", DRIVER, 1)
