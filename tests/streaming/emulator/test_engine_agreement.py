"""The engine, fed with generated segments, sees the model's market: no gap, no reject, the same tops at each step."""

from datetime import UTC, datetime

import numpy as np
import orjson
import pytest

import native
from streaming.emulator import feeds
from streaming.emulator.book import near_keys
from streaming.emulator.generator import generate
from streaming.emulator.instruments import INSTRUMENTS
from streaming.emulator.market_model import MarketModel
from streaming.segments import read_block, read_header

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = 600


def engine_outputs(root, new_fields=False):
    """Drained outputs of an engine fed with a whole run."""
    run = generate(root, STEPS / 36_000, 7, 1.0, START, new_fields=new_fields)
    header = read_header(run.segments[0])
    document = {
        "instruments": header.instrument_rows(),
        "sources": header.source_rows(),
        "emit": {"book_updates": True, "trades": True, "quotes": True, "grid": True, "book_snapshot_every_steps": 100},
        "grid": {
            "step_ns": 100_000_000,
            "slots": [0, 1, 2],
            "reference": 0,
            "stale_ns": 2_000_000_000,
            "window_steps": 60,
            "max_catchup_steps": 600,
        },
    }
    engine = native.Engine(orjson.dumps(document).decode())
    engine.process(native.merge_blocks([read_block(path) for path in run.segments]))
    engine.timer(10**9, run.ts_last_step_ns + 1)
    return engine.drain(), engine.counters()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    return engine_outputs(tmp_path_factory.mktemp("lake"))


def test_no_frame_is_rejected_and_no_gap_opens(outputs):
    drained, counters = outputs

    assert len(drained["rejects"]) == len(drained["gaps"]) == 0
    assert counters["unknown_symbols"] == 0
    assert counters["snapshots_applied"] == 3


def test_grid_rows_hold_the_models_tops(outputs):
    grid = outputs[0]["grid"]
    block = MarketModel(7, 1.0).advance(STEPS)

    for instrument in INSTRUMENTS:
        rows = grid[grid["instrument"] == instrument.slot]
        units_per_lot = native.parse_decimal(instrument.lot, instrument.size_unit)
        assert len(rows) == STEPS
        assert rows["is_valid"][1:].all()  # Binance's books are there from the second step on
        np.testing.assert_array_equal(rows["price_ticks"][1:], np.abs(near_keys(instrument, block))[1:])
        np.testing.assert_array_equal(rows["size_units"][1:], block.size_lots[1:, instrument.slot] * units_per_lot)


def test_trade_flow_of_the_grid_has_the_models_signs(outputs):
    grid = outputs[0]["grid"]
    block = MarketModel(7, 1.0).advance(STEPS)
    flow = native.FEATURE_NAMES.index("trade_flow")

    for instrument in INSTRUMENTS:
        rows = grid[grid["instrument"] == instrument.slot]
        signs = np.sign(rows["features"][1:, flow])
        np.testing.assert_array_equal(signs, block.trade_sign[1:, instrument.slot])


def test_new_fields_change_no_output(outputs, tmp_path):
    drained, _ = engine_outputs(tmp_path, new_fields=True)

    for name in ("grid", "book_updates", "trades", "quotes"):
        assert len(drained[name]) > 0
        assert drained[name].tobytes() == outputs[0][name].tobytes()


def test_a_market_that_walked_far_is_still_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(feeds, "SNAPSHOT_DRIFT_MODEL_TICKS", 20)

    drained, counters = engine_outputs(tmp_path)

    assert counters["snapshots_applied"] > 10
    assert len(drained["rejects"]) == len(drained["gaps"]) == 0
    assert len(drained["grid"]) == 3 * STEPS
    assert drained["grid"]["is_valid"][6:].all()
