"""Train: baselines, network and blend on the training part."""

from pathlib import Path

import dagster as dg

from orchestration.defs.dataset.assets import dataset, dataset_dir
from orchestration.defs.resources import House
from orchestration.progress import say
from orchestration.settings import Settings


def candidate_dir(settings: Settings) -> Path:
    """Return the folder of the candidate last trained."""
    return dataset_dir(settings) / "candidate"


@dg.asset(group_name="train", kinds={"pytorch", "mlflow"}, deps=[dataset])
def candidate(house: House) -> dg.MaterializeResult[None]:
    """A trained model, not yet judged; parameters and losses stand in MLflow."""
    from ml.tracking import sqlite_address
    from ml.train import train

    settings = house.settings()
    tracking_uri = sqlite_address(settings.folders.mlflow_path)
    trained = train(dataset_dir(settings), settings.ml, candidate_dir(settings), say, tracking_uri=tracking_uri)
    return dg.MaterializeResult(
        metadata={
            "preset": settings.ml.preset,
            "steps": settings.ml.steps,
            "parameters": trained.document["parameters"],
            "dataset": str(trained.document["dataset_hash"]),
            "mlflow_run": str(trained.document["mlflow_run"]),
            "folder": dg.MetadataValue.path(str(trained.directory)),
        }
    )
