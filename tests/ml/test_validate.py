"""What a validation says and leaves on disk."""

import json
from pathlib import Path

import pytest
from synthetic_grid import INSTRUMENTS, make_market, write_lake

from ml import dataset as datasets
from ml.config import MlConfig
from ml.errors import CandidateError, DatasetError
from ml.train import Candidate, train
from ml.validate import ValidationReport, validate


def test_the_table_shows_baselines_intervals_share_and_every_rule(report: ValidationReport) -> None:
    table = report.skill_table_markdown

    for words in (
        "ridge R2",
        "vs AR(1)-shrink",
        "vs persistence",
        "move rate",
        "oracle R2",
        "share found",
        "Gate: passed",
    ):
        assert words in table
    assert all(rule.name in table for rule in report.gate.rules)
    assert all(instrument in table for instrument in INSTRUMENTS)


def test_no_forecast_book_is_out_of_order_nor_is_the_truth(report: ValidationReport) -> None:
    assert report.violations == {"model": 0, "persistence": 0, "truth": 0}


def test_report_table_and_plots_lie_beside_the_candidate(candidate: Candidate, report: ValidationReport) -> None:
    stored = json.loads((candidate.directory / "validation.json").read_bytes())

    assert stored == json.loads(json.dumps(report.as_json()))
    assert (candidate.directory / "skill.md").read_text() == report.skill_table_markdown
    assert [path.name for path in report.plots] == ["skill.png", "blend.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in report.plots)


def test_judging_twice_gives_the_same_numbers(
    candidate: Candidate, report: ValidationReport, dataset_dir: Path, short_config: MlConfig, lake: Path
) -> None:
    again = validate(candidate.directory, dataset_dir, short_config, lake / "truth" / "run.parquet")

    assert again == report


def test_a_candidate_of_another_dataset_is_refused(
    candidate: Candidate, short_config: MlConfig, tmp_path: Path
) -> None:
    lake = write_lake(tmp_path / "lake", make_market(1_000, seed=9))
    datasets.build(lake, "main", short_config, tmp_path / "out")

    with pytest.raises(CandidateError, match="trained on another dataset"):
        validate(candidate.directory, tmp_path / "out", short_config)


def test_a_truth_file_of_another_market_is_refused(
    candidate: Candidate, dataset_dir: Path, short_config: MlConfig, tmp_path: Path
) -> None:
    make_market(10, seed=1).truth.write_parquet(tmp_path / "truth.parquet")

    with pytest.raises(DatasetError, match="of another generated market"):
        validate(candidate.directory, dataset_dir, short_config, tmp_path / "truth.parquet")


def test_two_venues_of_a_three_slot_grid_are_judged_and_too_few_steps_refused(tmp_path: Path) -> None:
    config = MlConfig(steps=3, batch=8, validation_anchors_max=50)
    lake = write_lake(tmp_path / "lake", make_market(1_500, seed=4, slots=(0, 1)))
    datasets.build(lake, "main", config, tmp_path / "out", instruments=INSTRUMENTS)
    train(tmp_path / "out", config, tmp_path / "candidate")

    report = validate(tmp_path / "candidate", tmp_path / "out", config)

    failed = {rule.name for rule in report.gate.rules if not rule.passed}
    assert {"contiguous_test_steps", "test_blocks"} <= failed and report.gate.data_passed
    assert [row.instrument for row in report.venues] == list(INSTRUMENTS[:2])
