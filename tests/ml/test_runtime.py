"""The trader's door: the same forecast as in validation, never NaN, and torch only when a model is loaded."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic_grid import INSTRUMENTS

from ml.bundle import feature_schema_hash, seal
from ml.dataset import Dataset
from ml.errors import BundleError, ForecastError
from ml.runtime import Forecaster
from ml.train import Candidate, open_predictor
from ml.validate import ValidationReport

SCHEMA = feature_schema_hash(INSTRUMENTS, 100_000_000)


@pytest.fixture(scope="module")
def models(candidate: Candidate, report: ValidationReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    seal(candidate, report, folder)
    return folder


@pytest.fixture(scope="module")
def forecaster(models: Path, dataset: Dataset) -> Forecaster:
    bundle_hash = next(path.name for path in models.iterdir())
    return Forecaster.load(models, bundle_hash, SCHEMA, dataset.manifest.last_step_ns)


def window(dataset: Dataset, anchor: int) -> tuple[np.ndarray, np.ndarray]:
    rows = slice(anchor - 9, anchor + 1)
    return dataset.features[rows].copy(), dataset.valid[rows].astype(np.uint8)


def test_importing_the_runtime_does_not_import_torch() -> None:
    code = "import sys, ml.runtime; sys.exit(any(name in sys.modules for name in ('torch', 'mlflow', 'polars')))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_live_forecast_is_the_validated_one(forecaster: Forecaster, candidate: Candidate, dataset: Dataset) -> None:
    anchor = int(dataset.anchors["test"][100])
    validated = open_predictor(candidate).forecast_anchors(dataset, np.array([anchor]))

    values = forecaster.forecast(*window(dataset, anchor))

    assert values.shape == (5, 60) and values.dtype == np.float32
    assert np.array_equal(values[:, 20], validated.mid_bps_BPH[0, 1].astype(np.float32))
    assert np.array_equal(values[2, 41:60], validated.shape_BPSH[0, 2, :, 2].astype(np.float32))


def test_the_same_window_gives_the_same_bytes(forecaster: Forecaster, dataset: Dataset) -> None:
    features, valid = window(dataset, int(dataset.anchors["test"][7]))

    assert forecaster.forecast(features, valid).tobytes() == forecaster.forecast(features, valid).tobytes()


def test_an_invalid_venue_gets_zero_return_and_its_mean_book(forecaster: Forecaster, dataset: Dataset) -> None:
    features, valid = window(dataset, int(dataset.anchors["test"][7]))
    valid[-1, 0], features[-1, 0] = 0, np.nan

    values = forecaster.forecast(features, valid)

    assert np.isfinite(values).all() and not values[:, 0].any() and values[:, 20].any()
    assert np.allclose(values[:, 1:20], forecaster.predictor.baselines.ar.mean[0])


def test_nothing_valid_at_all_still_gives_a_finite_forecast(forecaster: Forecaster) -> None:
    features = np.full((10, 3, 58), np.nan, dtype=np.float32)

    values = forecaster.forecast(features, np.zeros((10, 3), dtype=np.uint8))

    assert np.isfinite(values).all() and not values[:, [0, 20, 40]].any()


def test_a_window_of_the_wrong_length_is_refused(forecaster: Forecaster) -> None:
    with pytest.raises(ForecastError, match=r"expected features \(10, 3, 58\)"):
        forecaster.forecast(np.zeros((9, 3, 58), dtype=np.float32), np.zeros((9, 3), dtype=np.uint8))


def test_an_expired_bundle_is_not_loaded(models: Path, forecaster: Forecaster) -> None:
    with pytest.raises(BundleError, match="expired"):
        Forecaster.load(models, forecaster.bundle.hash, SCHEMA, forecaster.bundle.expires_ns + 1)
