"""The whole job on markets where the right answer is known: nothing to find, all to find, and a leak."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file
from synthetic_grid import INSTRUMENTS, Market, make_market, write_lake

from ml import dataset as datasets
from ml.config import MlConfig
from ml.dataset import Dataset, Labels
from ml.predictor import CONSTANTS_NAME, WEIGHTS_NAME
from ml.tracking import RunLog
from ml.train import fit_predictor, silent, train
from ml.validate import ValidationReport, validate_predictor

CONFIG = MlConfig(preset="nano_short", steps=60)


class ShuffledDataset(Dataset):
    """Labels of another moment: whatever is found in them is false."""

    def labels(self, anchors: np.ndarray) -> Labels:
        every = np.concatenate(list(self.anchors.values()))
        moved = dict(zip(every.tolist(), np.random.default_rng(11).permutation(every).tolist(), strict=True))
        return super().labels(np.array([moved[int(anchor)] for anchor in anchors]))


class LeakingDataset(Dataset):
    """Labels one step early: the first step of the outcome stands in the window."""

    def labels(self, anchors: np.ndarray) -> Labels:
        return super().labels(anchors - 1)


def judge(dataset: Dataset, truth: Path | None = None) -> ValidationReport:
    log = RunLog(None, "", {})
    return validate_predictor(fit_predictor(dataset, CONFIG, silent, log), dataset, CONFIG, truth)


def as_kind(kind: type[Dataset], dataset: Dataset) -> Dataset:
    return kind(**{name: getattr(dataset, name) for name in Dataset.__dataclass_fields__})


def test_labels_shuffled_in_time_leave_no_skill(dataset: Dataset) -> None:
    report = judge(as_kind(ShuffledDataset, dataset))

    for row in report.mid:
        assert row.vs_persistence.lower <= 0.0 and row.vs_persistence.value < 0.002
    assert not report.gate.passed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_market_without_effect_is_refused(seed: int, tmp_path: Path) -> None:
    lake = write_lake(tmp_path / "lake", make_market(24_000, seed=seed, effect=0.0))
    datasets.build(lake, "main", CONFIG, tmp_path / "out", instruments=INSTRUMENTS)

    report = judge(datasets.load(tmp_path / "out"), lake / "truth" / "run.parquet")

    failed = {rule.name for rule in report.gate.rules if not rule.passed}
    assert "mid_vs_persistence" in failed and report.gate.data_passed


def test_a_planted_effect_passes_the_gate_and_its_share_is_told(report: ValidationReport) -> None:
    at_one_step = report.mid[0]

    assert report.gate.passed, report.gate.reasons
    assert at_one_step.share is not None and 0.4 < at_one_step.share <= 1.0
    assert at_one_step.ridge_share is not None and at_one_step.oracle_r2 is not None
    assert at_one_step.vs_persistence.value < at_one_step.oracle_r2.upper


def test_more_skill_than_was_planted_is_called_a_leak(dataset: Dataset, lake: Path) -> None:
    report = judge(as_kind(LeakingDataset, dataset), lake / "truth" / "run.parquet")

    assert not report.gate.data_passed
    assert any("look for a leak of the future" in reason for reason in report.gate.reasons)


def spoiled_after(market: Market, share: float) -> Market:
    """The same market up to a share of its time; from there on other prices, sizes and features, all of them valid."""
    grid, random = market.grid, np.random.default_rng(5)
    is_later = grid["ts_step_ns"] >= grid["ts_step_ns"][int(share * len(grid))]
    moved = {}
    for name in grid.columns:
        if grid[name].dtype == pl.Float32:
            moved[name] = pl.Series(random.normal(9.0, 5.0, len(grid))).cast(pl.Float32)
        elif name.endswith(tuple("12345")) and "price_ticks" in name:
            moved[name] = grid[name] * 2 + pl.Series(random.integers(0, 2, len(grid)))
    return Market(
        grid.with_columns(
            **{
                name: pl.select(pl.when(is_later).then(new).otherwise(grid[name])).to_series()
                for name, new in moved.items()
            }
        ),
        market.truth,
    )


def fitted_constants(folder: Path, market: Market) -> dict[str, np.ndarray]:
    config = MlConfig(preset="nano_short", steps=10, batch=16)
    lake = write_lake(folder / "lake", market)
    datasets.build(lake, "main", config, folder / "dataset", instruments=INSTRUMENTS)
    made = train(folder / "dataset", config, folder / "out")
    return {**load_file(made.directory / CONSTANTS_NAME), **load_file(made.directory / WEIGHTS_NAME)}


def test_no_constant_and_no_weight_knows_anything_of_the_test_part(tmp_path: Path) -> None:
    market = make_market(3_000, seed=4)

    clean = fitted_constants(tmp_path / "a", market)
    other_test = fitted_constants(tmp_path / "b", spoiled_after(market, 0.81))
    other_validation = fitted_constants(tmp_path / "c", spoiled_after(market, 0.62))

    assert all(np.array_equal(clean[name], other_test[name]) for name in clean)
    changed = {name for name in clean if not np.array_equal(clean[name], other_validation[name])}
    assert changed and all(name.startswith("blend.") for name in changed)
