"""A small generated lake, and forecasts of it that no model made: the market's own expectation, or noise."""

from pathlib import Path

import numpy as np
import polars as pl

from streaming.optimize.folds import Window
from streaming.optimize.forecasts import TIMES, VALUES, Material
from streaming.optimize.request import MADE

HORIZON, SLOTS, WIDTH = 20, 3, 20
DELAY_NS = 20_000_000
SIGNAL_HORIZON = 5
SEARCH = """
[streaming.optimize]
batch_trials = 4
fills_min = 5
sample_steps = 5

[streaming.optimize.space]
"native.signal.cost_multiple" = { low = 0.5, high = 4.0 }
"native.signal.edge_bps" = { low = 0, high = 1 }
"""
"""Beside the project's settings: a search over two keys, small enough for a test."""


def with_search(settings_file: Path, words: str = SEARCH) -> Path:
    """Add a search to the settings and return their file."""
    settings_file.write_text(settings_file.read_text() + words)
    return settings_file


def oracle(folder: Path, truth: Path) -> Material:
    """Write as forecasts what the generator itself expects at the signal's horizon."""
    rows = pl.read_parquet(truth)
    moves = rows.select([f"m_{slot}_h{SIGNAL_HORIZON}_bps" for slot in range(SLOTS)]).to_numpy()
    return write(folder, rows["ts_step_ns"].to_numpy(), moves)


def noise(folder: Path, truth: Path, deviation_bps: float = 1.0, seed: int = 7) -> Material:
    """Write forecasts that know nothing."""
    steps = pl.read_parquet(truth)["ts_step_ns"].to_numpy()
    moves = np.random.default_rng(seed).normal(scale=deviation_bps, size=(len(steps), SLOTS))
    return write(folder, steps, moves)


def write(folder: Path, ts_step_ns: np.ndarray, moves_bps: np.ndarray) -> Material:
    """Write mid moves [T, V] as the forecasts of a search that is yet to begin in `folder`."""
    values = np.zeros((len(ts_step_ns), HORIZON, SLOTS * WIDTH), dtype=np.float32)
    values[:, :, ::WIDTH] = moves_bps[:, None, :]
    folder.mkdir(parents=True)
    (folder / VALUES).write_bytes(values.tobytes())
    np.save(folder / TIMES, np.stack([ts_step_ns + DELAY_NS, ts_step_ns]))
    span = Window(int(ts_step_ns[0]), int(ts_step_ns[-1]))
    material = Material(
        ts_from_ns=span.from_ns,
        ts_to_ns=span.to_ns,
        forecasts=len(values),
        withheld=0,
        horizon_steps=HORIZON,
        width=SLOTS * WIDTH,
        model_id=1,
    )
    (folder / MADE).write_bytes(material.to_json())
    return material
