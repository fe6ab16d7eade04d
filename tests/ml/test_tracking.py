"""A training run leaves its parameters and losses in the embedded store."""

from pathlib import Path

from ml.config import MlConfig
from ml.dataset import Dataset
from ml.tracking import EXPERIMENT_NAME, sqlite_address
from ml.train import train_dataset


def test_a_run_is_logged_with_parameters_and_losses(dataset: Dataset, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    address = sqlite_address(tmp_path / "mlflow" / "mlflow.db")
    config = MlConfig(preset="nano_short", steps=4, batch=8, validation_anchors_max=100)

    made = train_dataset(dataset, config, tmp_path / "out", tracking_uri=address)

    client = MlflowClient(tracking_uri=address)
    experiment = client.get_experiment_by_name(EXPERIMENT_NAME)
    run = client.get_run(str(made.document["mlflow_run"]))
    assert experiment is not None and run.info.experiment_id == experiment.experiment_id
    assert run.info.status == "FINISHED" and run.data.params["preset"] == "nano_short"
    assert run.data.params["dataset"] == dataset.manifest.hash and "blend_net" in run.data.metrics
    assert len(client.get_metric_history(run.info.run_id, "loss")) == 4
