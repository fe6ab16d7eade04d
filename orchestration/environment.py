"""The process environment of everything that is conducted: nobody phones home, and Dagster keeps its files in data/.

Call `prepare` before the first import of dagster, great_expectations, evidently, dbt or mlflow: they read the
variables while they are imported.
"""

import os
import warnings
from pathlib import Path

from orchestration.progress import LOGGER

# mlflow takes the word `true` only.
QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
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


def silence() -> None:
    """Set the variables that keep the tools from phoning home and from chatting; values that are set already stay."""
    warnings.filterwarnings("ignore", message="Parameter `backfill_policy`")  # beta in Dagster, known and wanted
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def prepare(dagster_home: Path) -> None:
    """Silence the tools and make `dagster_home` the folder of Dagster, with telemetry off from the first start."""
    silence()
    dagster_home.mkdir(parents=True, exist_ok=True)
    config = dagster_home / "dagster.yaml"
    if not config.exists():
        config.write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(dagster_home)
