"""Forecasts are made once, whole or not at all, and each window reads its own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from streaming.errors import UsageError
from streaming.optimize.folds import Window
from streaming.optimize.forecasts import Material, Model, prepare, read_forecasts
from streaming.optimize.request import MADE
from streaming.settings import load_settings

S = 1_000_000_000
MODEL_ID = 77


@dataclass
class Counting:
    """Forecasts the row number of each step; counts how often it was asked."""

    context_steps: int = 5
    horizon_steps: int = 20
    asked: int = 0

    def forecast_batch(self, features, valid, steps):
        self.asked += len(steps)
        values = np.zeros((len(steps), self.horizon_steps, features.shape[1] * 20), dtype=np.float32)
        values[:, :, 0] = np.asarray(steps, dtype=np.float32)[:, None]
        return values


def made(searching, lake: Path, folder: Path, model: Counting | None, span=(None, None)) -> Material:
    settings, _ = searching(lake, name=folder.name)
    given = None if model is None else Model(model, MODEL_ID)
    return prepare(folder, settings, settings.grid_named("main"), span, given, lambda words: None)


def test_every_whole_context_is_forecast_once_and_kept(searching, lake: Path, tmp_path: Path) -> None:
    model = Counting()

    first = made(searching, lake, tmp_path / "kept", model)
    asked = model.asked
    again = prepare_again(searching, tmp_path / "kept", model)

    assert first == again and model.asked == asked == first.forecasts
    assert first.forecasts == pytest.approx(first.span.length_ns / (S // 10), abs=10)
    assert (first.horizon_steps, first.width, first.model_id) == (20, 60, MODEL_ID)


def prepare_again(searching, folder: Path, model: Counting) -> Material:
    settings = load_settings()
    return prepare(
        folder, settings, settings.grid_named("main"), (None, None), Model(model, MODEL_ID), lambda words: None
    )


def test_a_folder_that_is_half_made_is_made_again(searching, lake: Path, tmp_path: Path) -> None:
    model = Counting()
    first = made(searching, lake, tmp_path / "half", model)
    (tmp_path / "half" / MADE).unlink()

    assert prepare_again(searching, tmp_path / "half", model) == first
    assert model.asked == 2 * first.forecasts


def test_a_window_reads_the_forecasts_of_its_steps_each_behind_its_step(searching, lake: Path, tmp_path: Path) -> None:
    material = made(searching, lake, tmp_path / "read", Counting())
    begin = material.ts_from_ns // S * S
    window = Window(begin + 30 * S, begin + 40 * S)

    ts_ns, ts_step_ns, values = read_forecasts(tmp_path / "read", material, window)

    assert ts_step_ns.tolist() == list(range(window.from_ns, window.to_ns, S // 10))
    assert set((ts_ns - ts_step_ns).tolist()) == {20_000_000}
    assert values.shape == (100, 20, 60) and np.all(np.diff(values[:, 0, 0]) > 0)


def test_without_a_model_only_the_span_is_found(searching, lake: Path, tmp_path: Path) -> None:
    material = made(searching, lake, tmp_path / "none", None)

    assert (material.forecasts, material.width) == (0, 0)
    assert material.span.length_ns == pytest.approx(144 * S, abs=2 * S)


def test_the_span_that_was_asked_for_bounds_steps_and_forecasts(searching, lake: Path, tmp_path: Path) -> None:
    whole = made(searching, lake, tmp_path / "whole", None).span
    span = (whole.from_ns + 20 * S, whole.from_ns + 60 * S)

    material = made(searching, lake, tmp_path / "part", Counting(), span)

    assert material.ts_from_ns == span[0] and span[1] - S < material.ts_to_ns <= span[1]
    assert material.forecasts == pytest.approx(400, abs=1)


def test_a_span_without_frames_is_refused(searching, lake: Path, tmp_path: Path) -> None:
    end_ns = made(searching, lake, tmp_path / "whole", None).ts_to_ns

    with pytest.raises(UsageError, match="holds no"):
        made(searching, lake, tmp_path / "behind", None, (end_ns + 100 * S, end_ns + 200 * S))
