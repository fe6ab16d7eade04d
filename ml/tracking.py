"""Experiments and aliases in MLflow's embedded sqlite store. Imported only where a tracking address is given.

MLflow is a record, never a dependency of trading: the pointers of `ml.registry` are the truth, and aliases mirror them.
"""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeAlias

EXPERIMENT_NAME: Final = "order_book_forecast"
MODEL_NAME: Final = "order_book_forecaster"

# MLflow ships no types that survive a strict check; its client is used here alone.
MlflowClient: TypeAlias = Any


def sqlite_address(database: Path) -> str:
    """Return MLflow's address of a local database file; its folder is made."""
    database.parent.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{database.resolve()}"


class RunLog:
    """One training run. With no tracking address every call does nothing."""

    def __init__(self, tracking_uri: str | None, name: str, parameters: Mapping[str, object]) -> None:
        self._client: MlflowClient = None
        self.run_id = ""
        if tracking_uri is None:
            return
        self._client = _client(tracking_uri)
        run = self._client.create_run(_experiment_id(self._client, tracking_uri), run_name=name)
        self.run_id = str(run.info.run_id)
        for key, value in parameters.items():
            self._client.log_param(self.run_id, key, value)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Log several metrics at one optimiser step."""
        if self._client is not None:
            for name, value in values.items():
                self._client.log_metric(self.run_id, name, float(value), step=step)

    def text(self, name: str, text: str) -> None:
        """Keep a text as an artifact of the run."""
        if self._client is not None:
            self._client.log_text(self.run_id, text, name)

    def finish(self, status: str) -> None:
        """Close the run as FINISHED or FAILED."""
        if self._client is not None:
            self._client.set_terminated(self.run_id, status=status)


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


def _client(tracking_uri: str) -> MlflowClient:
    mlflow = _mlflow()
    return mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def _mlflow() -> ModuleType:
    # MLflow reads these when it is imported; it takes the word "true" and not 1.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    return import_module("mlflow")


def _experiment_id(client: MlflowClient, tracking_uri: str) -> str:
    found = client.get_experiment_by_name(EXPERIMENT_NAME)
    if found is not None:
        return str(found.experiment_id)
    location = None
    if tracking_uri.startswith("sqlite:///"):
        location = (Path(tracking_uri.removeprefix("sqlite:///")).parent / "artifacts").as_uri()
    return str(client.create_experiment(EXPERIMENT_NAME, artifact_location=location))
