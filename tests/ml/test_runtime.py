"""The trader's door: the same forecast as in validation, never NaN, and torch only when a model is loaded."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from synthetic_grid import INSTRUMENTS, make_market, write_lake

from ml.bundle import feature_schema_hash, seal
from ml.config import MlConfig
from ml.dataset import Dataset, build, load
from ml.errors import BundleError, ForecastError
from ml.layout import LOG_SPREAD
from ml.runtime import Forecaster
from ml.train import Candidate, open_predictor, train
from ml.validate import ValidationReport, validate

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


def test_live_forecasts_are_the_validated_ones_window_by_window(
    forecaster: Forecaster, candidate: Candidate, dataset: Dataset
) -> None:
    anchors = dataset.anchors["test"][::150]
    predictor = open_predictor(candidate)
    single = [predictor.forecast_anchors(dataset, anchors[i : i + 1]) for i in range(len(anchors))]
    batch = predictor.forecast_anchors(dataset, anchors)

    for i, anchor in enumerate(anchors):
        values = forecaster.forecast(*window(dataset, int(anchor))).reshape(5, 3, 20)
        assert np.array_equal(values[:, :, 0].T, single[i].mid_bps_BPH[0].astype(np.float32))
        assert np.array_equal(values[:, :, 1:].transpose(1, 2, 0), single[i].shape_BPSH[0].astype(np.float32))
        # Many windows in one product are summed in another order: the same forecast, but for the last bits.
        assert np.allclose(values[:, :, 0].T, batch.mid_bps_BPH[i], rtol=1e-5, atol=1e-6)


def test_a_slot_absent_from_the_data_passes_through_every_step(tmp_path: Path) -> None:
    config = MlConfig(preset="nano_short", steps=10, batch=16)
    lake = write_lake(tmp_path / "lake", make_market(3_000, seed=2, slots=(0, 2)))
    build(lake, "main", config, tmp_path / "dataset", instruments=INSTRUMENTS)
    made = train(tmp_path / "dataset", config, tmp_path / "out")
    judged = validate(made.directory, tmp_path / "dataset", config, lake / "truth" / "run.parquet")
    bundle_hash = seal(made, judged, tmp_path / "models")
    dataset = load(tmp_path / "dataset")
    last_ns = dataset.manifest.last_step_ns
    forecaster = Forecaster.load(tmp_path / "models", bundle_hash, SCHEMA, last_ns, instruments=INSTRUMENTS)
    anchor = int(dataset.anchors["test"][5])
    validated = open_predictor(made).forecast_anchors(dataset, np.array([anchor]))

    features, valid = window(dataset, anchor)
    values = forecaster.forecast(features, valid).reshape(5, 3, 20)
    features[:, 1], valid[:, 1] = 7.0, 1  # the venue comes to life: the model knows nothing of it
    alive = forecaster.forecast(features, valid).reshape(5, 3, 20)

    assert [row.instrument for row in judged.venues] == [INSTRUMENTS[0], INSTRUMENTS[2]]
    assert np.array_equal(values[:, [0, 2], 0].T, validated.mid_bps_BPH[0].astype(np.float32))
    assert not values[:, 1].any() and np.array_equal(values, alive)


def test_a_slot_with_too_little_of_its_window_is_not_forecast_and_does_not_lead_others(
    forecaster: Forecaster, dataset: Dataset
) -> None:
    features, valid = window(dataset, int(dataset.anchors["test"][7]))
    valid[:2, 0] = 0  # eight rows of ten, where training asked for nine
    thin = forecaster.forecast(features, valid)
    valid[:, 0] = 0
    hidden = forecaster.forecast(features, valid)

    assert not thin[:, 0].any() and thin.tobytes() == hidden.tobytes()


def test_a_row_that_is_not_a_number_counts_as_not_valid(forecaster: Forecaster, dataset: Dataset) -> None:
    features, valid = window(dataset, int(dataset.anchors["test"][7]))
    broken = features.copy()
    broken[4, 1, 50], valid_without = np.nan, valid.copy()
    valid_without[4, 1] = 0

    assert forecaster.forecast(broken, valid).tobytes() == forecaster.forecast(features, valid_without).tobytes()


def test_forecasts_in_batch_agree_with_single_windows_also_where_slots_are_invalid(
    forecaster: Forecaster, dataset: Dataset
) -> None:
    features, valid = dataset.features[:400].copy(), dataset.valid[:400].astype(np.uint8)
    valid[30:33, 0], valid[120:140, 1], features[200, 2, 50] = 0, 0, np.nan
    steps = np.arange(9, 400, 7)

    batch = forecaster.forecast_batch(features, valid, steps)

    assert batch.shape == (len(steps), 5, 60) and batch.dtype == np.float32
    for values, step in zip(batch, steps, strict=True):
        rows = slice(step - 9, step + 1)
        single = forecaster.forecast(features[rows], valid[rows])
        assert np.allclose(values, single, rtol=1e-5, atol=1e-5)
        assert np.array_equal(values == 0.0, single == 0.0)


def test_a_model_says_until_when_it_was_fitted(forecaster: Forecaster, dataset: Dataset) -> None:
    anchors = dataset.anchors

    assert dataset.ts_step_ns[anchors["validation"][-1]] <= forecaster.fitted_until_ns
    assert forecaster.fitted_until_ns < dataset.ts_step_ns[anchors["test"][0]]


def test_a_batch_with_a_step_that_has_no_whole_window_is_refused(forecaster: Forecaster, dataset: Dataset) -> None:
    with pytest.raises(ForecastError, match="expected steps from 9 to 49, found 8 to 20: a window needs 10 rows"):
        forecaster.forecast_batch(dataset.features[:50], dataset.valid[:50], [8, 20])


def test_a_model_of_other_instruments_is_refused(models: Path, forecaster: Forecaster) -> None:
    others = tuple(name.replace("BTCUSDT", "ETHUSDT") for name in INSTRUMENTS)

    with pytest.raises(BundleError, match=r"trained on binance_usdm:BTCUSDT.*this grid has binance_usdm:ETHUSDT"):
        Forecaster.load(models, forecaster.bundle.hash, SCHEMA, 0, instruments=others)


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


def test_what_training_could_not_have_shown_lies_outside_of_it(forecaster: Forecaster, dataset: Dataset) -> None:
    features, valid = dataset.features[50].copy(), np.ones(3, dtype=np.uint8)
    constants = forecaster.predictor.normaliser
    inside = forecaster.outside_training(features, valid)
    features[1, LOG_SPREAD] = constants.offset[1, LOG_SPREAD] + 11.0 / constants.scale[1, LOG_SPREAD]
    features[2, LOG_SPREAD] = np.nan

    outside = forecaster.outside_training(features, np.array([1, 1, 0], dtype=np.uint8))

    assert not inside.any()
    assert np.argwhere(outside).tolist() == [[1, LOG_SPREAD]]
    assert forecaster.expires_ns == forecaster.bundle.expires_ns


def test_a_model_tells_where_each_valid_slots_forecast_looked(forecaster: Forecaster, dataset: Dataset) -> None:
    features, valid = window(dataset, int(dataset.anchors["test"][7]))
    valid[-1, 1] = 0

    found = forecaster.attention(features, valid)

    assert found.readers == (0, 2) and len(found.tokens) == 3 * 25
    assert found.weights_RNS.shape == (2, 75, 1) and (found.weights_RNS >= 0).all()
    assert np.allclose(found.weights_RNS.sum(axis=(1, 2)), 1.0, atol=1e-6)
    assert [(token.slot, token.side, token.level, token.feature) for token in found.tokens[24:35:10]] == [
        (1, "bid", 1, "price"),
        (1, "bid", 1, "volume"),
    ]
    assert [token.feature for token in found.tokens[20:24]] == ["ofi_l1", "imbalance_l5", "micro_bps", "trade_flow"]
    assert {(token.side, token.level, token.feature) for token in found.tokens[72:]} == {("both", 0, "readout")}


def test_attention_follows_what_a_model_sees(forecaster: Forecaster, dataset: Dataset) -> None:
    first, second = (window(dataset, int(dataset.anchors["test"][at])) for at in (7, 400))

    looks = [forecaster.attention(*asked).weights_RNS for asked in (first, second, first)]

    assert not np.allclose(looks[0], looks[1], atol=1e-4) and np.array_equal(looks[0], looks[2])


def test_where_a_model_looks_is_asked_of_a_whole_window_only(forecaster: Forecaster) -> None:
    with pytest.raises(ForecastError, match=r"expected features \(10, 3, 58\)"):
        forecaster.attention(np.zeros((9, 3, 58), dtype=np.float32), np.zeros((9, 3), dtype=np.uint8))
