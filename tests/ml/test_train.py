"""Training repeats bit for bit, its blend stays in the box, and it leaves torch as it was."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ml.config import MlConfig
from ml.dataset import Dataset
from ml.errors import CandidateError
from ml.train import Candidate, box_least_squares, learning_rate_share, load_candidate, open_predictor, train_dataset

QUICK = MlConfig(preset="nano_short", steps=8, batch=16, validation_anchors_max=200)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(dataset: Dataset, tmp_path: Path) -> None:
    configs = (QUICK, QUICK, QUICK.model_copy(update={"seed": 2}))

    first, again, other = (train_dataset(dataset, c, tmp_path / str(i)).files for i, c in enumerate(configs))

    assert first == again
    assert first["weights.safetensors"] != other["weights.safetensors"]


def test_training_leaves_torchs_seed_and_threads_as_they_were(dataset: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(99)
    expected = torch.rand(3)
    torch.manual_seed(99)
    threads = torch.get_num_threads()

    train_dataset(dataset, QUICK, tmp_path)

    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_progress_is_told_in_parts_to_the_last_step(dataset: Dataset, tmp_path: Path) -> None:
    lines: list[str] = []

    train_dataset(dataset, QUICK, tmp_path, lines.append)

    assert lines[0].startswith("baselines: ") and lines[-1].startswith("blend: ")
    assert any(line.startswith("train: step 8/8, loss ") for line in lines)


def test_the_blend_lies_between_zero_and_one(candidate: Candidate) -> None:
    blend = open_predictor(candidate).blend

    for shares in (blend.ridge_H, blend.net_H, blend.gap_H, blend.size_H):
        assert shares.shape == (5,) and (shares >= 0).all() and (shares <= 1).all()


@pytest.mark.parametrize(
    ("truth", "expected"), [((0.5, 0.25), (0.5, 0.25)), ((-1.0, -1.0), (0, 0)), ((3.0, 3.0), (1, 1))]
)
def test_the_box_fit_finds_inside_and_edge_solutions(random, truth, expected) -> None:
    ridge, net = random.normal(size=(2, 400, 1))

    found = box_least_squares(ridge, net, truth[0] * ridge + truth[1] * net)

    assert found == pytest.approx(expected, abs=1e-6)


def test_the_box_fit_is_never_worse_than_any_point_of_a_lattice(random) -> None:
    for _trial in range(20):
        ridge, net, noise = random.normal(size=(3, 50, 1))
        outcome = random.normal() * ridge + random.normal() * net + noise
        best = box_least_squares(ridge, net, outcome)

        errors = [
            ((outcome - a * ridge - b * net) ** 2).sum() for a in np.linspace(0, 1, 11) for b in np.linspace(0, 1, 11)
        ]

        assert ((outcome - best[0] * ridge - best[1] * net) ** 2).sum() <= min(errors) + 1e-9


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    shares = [learning_rate_share(step, 100, 0.1) for step in range(100)]

    assert shares[0] == pytest.approx(0.1) and max(shares) == 1.0 and shares[9] == shares[10] == 1.0
    assert shares[99] < 0.001 and shares[10:] == sorted(shares[10:], reverse=True)


def test_a_changed_weight_file_is_refused_by_name(dataset: Dataset, tmp_path: Path) -> None:
    train_dataset(dataset, QUICK, tmp_path)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\xff")

    with pytest.raises(CandidateError, match=r"weights\.safetensors: missing or not the bytes"):
        load_candidate(tmp_path)


def test_a_candidate_remembers_data_settings_and_size(candidate: Candidate, dataset: Dataset) -> None:
    document = json.loads((candidate.directory / "candidate.json").read_bytes())

    assert document["dataset_hash"] == dataset.manifest.hash and document["config"]["preset"] == "nano_short"
    assert document["parameters"] > 10_000 and load_candidate(candidate.directory) == candidate


def test_hiding_a_venue_leaves_finite_forecasts_for_the_others(candidate: Candidate, dataset: Dataset) -> None:
    anchors = dataset.anchors["test"][:8]
    x_BLPF, valid_BLP = dataset.windows(anchors)
    valid_BLP = valid_BLP.copy()
    valid_BLP[:, -1, 1] = False

    forecasts = open_predictor(candidate).forecast_windows(x_BLPF, valid_BLP, dataset.last_shape(anchors))

    assert np.isfinite(forecasts.mid_bps_BPH).all() and np.isfinite(forecasts.shape_BPSH).all()
    assert not forecasts.mid_bps_BPH[:, 1].any() and forecasts.mid_bps_BPH[:, 2].any()


def test_a_predictor_reads_back_to_the_same_forecast(candidate: Candidate, dataset: Dataset) -> None:
    anchors = dataset.anchors["test"][:8]

    first, again = (open_predictor(candidate).forecast_anchors(dataset, anchors) for _ in range(2))

    assert np.array_equal(first.mid_bps_BPH, again.mid_bps_BPH)
    assert replace(candidate) == candidate
