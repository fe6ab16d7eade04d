"""`python -m ml models`: what people see, what machines read, and the exit codes."""

import json
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.bundle import seal
from ml.registry import promote
from ml.train import Candidate
from ml.validate import ValidationReport


@pytest.fixture
def models(candidate: Candidate, report: ValidationReport, tmp_path: Path) -> Path:
    promote(tmp_path, seal(candidate, report, tmp_path), "job", "gate passed", 1)
    return tmp_path


def test_list_shows_verdict_and_role(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--models", str(models)]) == 0

    assert "nano_short" in (line := capsys.readouterr().out) and "gate passed  champion" in line


def test_list_as_json_holds_bundles_and_history(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json", "--models", str(models)]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["bundles"][0]["roles"] == ["champion"] and document["history"][0]["reason"] == "gate passed"


def test_an_altered_bundle_is_listed_with_its_defect(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(models.glob("*/weights.safetensors")).write_bytes(b"")

    assert main(["models", "list", "--models", str(models)]) == 0

    assert "altered since it was sealed" in capsys.readouterr().out


def test_show_takes_a_role_or_the_beginning_of_a_hash(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "champion", "--models", str(models)]) == 0
    shown = capsys.readouterr().out
    bundle_hash = shown.split()[1]

    assert main(["models", "show", bundle_hash[:10], "--models", str(models)]) == 0
    assert capsys.readouterr().out == shown and "mid_vs_persistence" in shown


def test_rollback_without_an_earlier_champion_is_refused(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "rollback", "--reason", "slippage", "--models", str(models)]) == 3

    assert capsys.readouterr().err.startswith("error: ")


def test_an_unknown_bundle_is_refused_in_one_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "ffff", "--models", str(models)]) == 3

    assert capsys.readouterr().err.count("\n") == 1


def test_an_empty_folder_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--models", str(tmp_path)]) == 0

    assert "train one first" in capsys.readouterr().out


def test_rollback_needs_a_reason(models: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["models", "rollback", "--models", str(models)])

    assert stop.value.code == 2
