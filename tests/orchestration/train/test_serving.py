"""What the trader is served is what was judged: no skew between a validation and a live forecast."""

from pathlib import Path

import numpy as np
import pytest

import native
from ml.bundle import seal
from ml.dataset import build, load
from ml.train import open_predictor, train
from ml.validate import validate
from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.train.assets import candidate_dir
from orchestration.settings import Settings, load_settings
from streaming.segments import KIND_FORECAST, read_block
from streaming.trading_records import FORECAST_PREFIX
from streaming.trading_run import StartRequest, start_replay

LIMITS = """
[native.limits."{name}"]
order_size = "0.01"
max_order_size = "0.05"
max_position = "0.05"
"""
RISK = """
[native.risk]
price_deviation_bps = 50.0
max_exposure_quote = "100000"
forecast_age_max_ms = 500
"""


@pytest.fixture
def trading_house(converted_house: Settings) -> Settings:
    """A house whose trader may trade."""
    file = converted_house.data_dir.parent / "settings.toml"
    limits = "".join(LIMITS.format(name=name) for name in converted_house.learning_grid.instruments)
    file.write_text(file.read_text() + RISK + limits)
    return load_settings()


def journalled_forecasts(journal: bytes) -> dict[int, np.ndarray]:
    found = {}
    for record in native.scan_records(journal):
        if record["kind"] == KIND_FORECAST:
            begin = int(record["offset"])
            payload = journal[begin : begin + int(record["length"])]
            ts_step_ns, _model, _count = FORECAST_PREFIX.unpack_from(payload)
            found[ts_step_ns] = np.frombuffer(payload, np.float32, offset=FORECAST_PREFIX.size)
    return found


def test_every_forecast_in_a_traders_journal_is_bit_for_bit_the_validated_one(trading_house: Settings) -> None:
    settings = trading_house
    folder, out = dataset_dir(settings), candidate_dir(settings)
    build(settings.lake, "main", settings.ml, folder, instruments=settings.learning_grid.instruments)
    candidate = train(folder, settings.ml, out)
    bundle = seal(candidate, validate(out, folder, settings.ml), settings.folders.models_dir)

    summary = start_replay(settings, StartRequest(grid="main", model=bundle), lambda *_line: None)

    served = journalled_forecasts(read_block(Path(summary.journal)))
    dataset, predictor = load(folder), open_predictor(candidate)
    anchors = np.concatenate(list(dataset.anchors.values()))
    assert len(anchors) > 1_000 and len(served) > 1_000
    for anchor in anchors[::10]:
        judged = predictor.forecast_anchors(dataset, np.array([anchor]))
        values = served[int(dataset.ts_step_ns[anchor])].reshape(5, 3, 20)
        assert np.array_equal(values[:, :, 0].T, judged.mid_bps_BPH[0].astype(np.float32))
        assert np.array_equal(values[:, :, 1:].transpose(1, 2, 0), judged.shape_BPSH[0].astype(np.float32))
