"""Experiments and aliases in MLflow's embedded sqlite store. Imported only where a tracking address is given.

MLflow is a record, never a dependency of trading: the pointers of `ml.registry` are the truth, and aliases mirror them.
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

EXPERIMENT_NAME: Final = "order_book_forecast"
BACKTEST_EXPERIMENT: Final = "backtest"
MODEL_NAME: Final = "order_book_forecaster"
SQLITE: Final = "sqlite:///"

# MLflow ships no types that survive a strict check; its client is used here alone.
MlflowClient: TypeAlias = Any


def sqlite_address(database: Path) -> str:
    """Return MLflow's address of a local database file; its folder is made."""
    database.parent.mkdir(parents=True, exist_ok=True)
    return f"{SQLITE}{database.resolve()}"


class RunLog:
    """One training run. With no tracking address every call does nothing."""

    def __init__(self, tracking_uri: str | None, name: str, parameters: Mapping[str, object]) -> None:
        self._client: MlflowClient = None
        self.run_id = ""
        if tracking_uri is None:
            return
        self._client = _client(tracking_uri)
        experiment = _experiment_id(self._client, tracking_uri, EXPERIMENT_NAME)
        run = self._client.create_run(experiment, run_name=name)
        self.run_id = str(run.info.run_id)
        entities = import_module("mlflow.entities")
        self._client.log_batch(
            self.run_id, params=[entities.Param(key, str(value)) for key, value in parameters.items()]
        )

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log several metrics at one optimiser step."""
        if self._client is not None:
            self._client.log_batch(self.run_id, metrics=_metrics(values, step))

    def finish(self, status: str) -> None:
        """Close the run as FINISHED or FAILED."""
        if self._client is not None:
            self._client.set_terminated(self.run_id, status=status)


def log_skill(tracking_uri: str, run_id: str, skill: Mapping[str, float], verdict: str) -> None:
    """Add to the run that trained a model what it was judged to be: its skill and the gate's verdict."""
    client, entities = _client(tracking_uri), import_module("mlflow.entities")
    client.log_batch(run_id, metrics=_metrics(skill, step=0), tags=[entities.RunTag("gate", verdict)])


def log_backtest(tracking_uri: str, document: Mapping[str, Any]) -> str:
    """Write a backtest's document as one finished run and return its id: what decided it, and every figure.

    KeyError when it is no such document. A figure that is not defined is left out.
    """
    client, entities = _client(tracking_uri), import_module("mlflow.entities")
    run = client.create_run(_experiment_id(client, tracking_uri, BACKTEST_EXPERIMENT), run_name=document["run"])
    run_id = str(run.info.run_id)
    decided_by = ("run", "bundle", "grid", "span", "queue", "latency", "fees_bps", "strategies", "settings_hash")
    parameters = [entities.Param(key, str(document[key])) for key in decided_by]
    figures = {"masked_share": float(document["masked_share"])}
    for group in ("prediction", "execution", "earnings"):
        figures |= _numbers(group, document[group])
    client.log_batch(run_id, metrics=_metrics(figures, step=0), params=parameters)
    client.set_terminated(run_id, status="FINISHED")
    return run_id


def _numbers(prefix: str, value: object) -> dict[str, float]:
    """Return the numbers in a document of documents by their path."""
    if isinstance(value, Mapping):
        parts = (_numbers(f"{prefix}.{name}", part) for name, part in value.items())
        return {path: number for part in parts for path, number in part.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {prefix: float(value)}
    return {}


def mirror_alias(tracking_uri: str, alias: str, bundle_hash: str, bundle_dir: Path, run_id: str) -> int:
    """Point a registry alias at the version of a bundle, registering it first if need be; return the version."""
    client = _client(tracking_uri)
    missing: type[Exception] = import_module("mlflow.exceptions").MlflowException
    try:
        client.get_registered_model(MODEL_NAME)
    except missing:
        client.create_registered_model(MODEL_NAME)
    found = [v for v in client.search_model_versions(f"name='{MODEL_NAME}'") if v.tags.get("bundle") == bundle_hash]
    if not found:
        source = bundle_dir.resolve().as_uri()
        tags = {"bundle": bundle_hash}
        found = [client.create_model_version(MODEL_NAME, source, run_id=run_id or None, tags=tags)]
    client.set_registered_model_alias(MODEL_NAME, alias, found[0].version)
    return int(found[0].version)


def _metrics(values: Mapping[str, float], step: int) -> list[object]:
    metric, now_ms = import_module("mlflow.entities").Metric, int(time.time() * 1000)
    return [metric(name, float(value), now_ms, step) for name, value in values.items()]


def _client(tracking_uri: str) -> MlflowClient:
    _require_database(tracking_uri)
    mlflow = _mlflow()
    return mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _require_database(tracking_uri: str) -> None:
    """Raise sqlite3.Error for a local database that cannot be read: MLflow would try again for two minutes."""
    if tracking_uri.startswith(SQLITE):
        with closing(sqlite3.connect(tracking_uri.removeprefix(SQLITE))) as connection:
            connection.execute("pragma schema_version")


def _mlflow() -> ModuleType:
    # MLflow reads these when it is imported; it takes the word "true" and not 1.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    return import_module("mlflow")


def _experiment_id(client: MlflowClient, tracking_uri: str, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None
    if tracking_uri.startswith(SQLITE):
        location = (Path(tracking_uri.removeprefix(SQLITE)).parent / "artifacts").as_uri()
    return str(client.create_experiment(name, artifact_location=location))
