"""A training run leaves its parameters and losses in the embedded store, a backtest what decided it and its figures."""

import json
from pathlib import Path

from ml.__main__ import main
from ml.config import MlConfig
from ml.dataset import Dataset
from ml.tracking import BACKTEST_EXPERIMENT, EXPERIMENT_NAME, sqlite_address
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


def test_a_backtest_is_logged_with_what_decided_it_and_every_defined_figure(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    names = ("run", "bundle", "grid", "span", "queue", "latency", "fees_bps", "strategies", "settings_hash")
    document = {
        **{name: f"{name} of it" for name in names},
        "masked_share": 0.25,
        "prediction": {"mse_bps2": 1.5, "count": 7},
        "execution": {"fill_rate": None, "orders": 3},
        "earnings": {"pnl_e8": -5, "pnl_interval": {"low": -9.0, "high": 2.0}, "profit_factor": "inf", "quote": "USDT"},
    }
    file, database = tmp_path / "backtest.json", tmp_path / "mlflow" / "mlflow.db"
    file.write_text(json.dumps(document))

    assert main(["backtest", "log", str(file), "--tracking-uri", f"sqlite:///{database}"]) == 0

    client = MlflowClient(tracking_uri=sqlite_address(database))
    experiment = client.get_experiment_by_name(BACKTEST_EXPERIMENT)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params == {name: f"{name} of it" for name in names}
    assert run.data.metrics == {
        "masked_share": 0.25,
        "prediction.mse_bps2": 1.5,
        "prediction.count": 7.0,
        "execution.orders": 3.0,
        "earnings.pnl_e8": -5.0,
        "earnings.pnl_interval.low": -9.0,
        "earnings.pnl_interval.high": 2.0,
    }
