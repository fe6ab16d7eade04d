"""`python -m ml models`: what people see, what machines read, and the exit codes."""

import json
import shutil
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


def test_list_is_a_table_with_role_verdict_and_dates(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--models", str(models)]) == 0

    header, line = capsys.readouterr().out.splitlines()
    assert header.split("  ")[0] == "HASH" and header.index("GATE") == line.index("passed")
    assert line.split()[1:4] == ["champion", "passed", "nano_short"]
    assert "2026-01-01 00:39:59" in line and "2026-01-08 00:39:59" in line


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
    assert "champion    generation 1 since 1970-01-01 00:00:00 by job: gate passed" in shown

    assert main(["models", "show", bundle_hash[:10], "--models", str(models)]) == 0
    assert capsys.readouterr().out == shown and "mid_vs_persistence" in shown


def test_rollback_without_an_earlier_champion_is_refused(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "rollback", "--reason", "slippage", "--models", str(models)]) == 3

    assert capsys.readouterr().err.startswith("error: ")


def test_show_as_json_holds_roles_and_manifest(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "champion", "--json", "--models", str(models)]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["roles"]["champion"]["by"] == "job" and document["manifest"]["format"] == "lob-bundle"


def test_a_hash_that_names_nothing_is_a_slip_told_in_one_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "ffff", "--models", str(models)]) == 2

    assert capsys.readouterr().err.splitlines() == [
        f"error: {models}: expected one bundle beginning with 'ffff', found 0; see `trader models list`"
    ]


def test_a_beginning_that_several_hashes_share_names_them(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sealed = next(models.glob("*/manifest.json")).parent
    twin = sealed.name[:6] + ("0" if sealed.name[6] != "0" else "1") + sealed.name[7:]
    shutil.copytree(sealed, models / twin)

    assert main(["models", "show", sealed.name[:6], "--models", str(models)]) == 2

    error = capsys.readouterr().err
    assert "found 2 (" in error and sealed.name[:10] in error and twin[:10] in error


def test_an_altered_bundle_is_refused_in_one_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(models.glob("*/constants.safetensors")).write_bytes(b"")

    assert main(["models", "show", "champion", "--models", str(models)]) == 3

    assert "constants.safetensors: altered since it was sealed" in capsys.readouterr().err


def test_a_role_that_nobody_holds_is_refused(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "challenger", "--models", str(models)]) == 3

    assert "no challenger yet" in capsys.readouterr().err


def test_an_empty_folder_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--models", str(tmp_path)]) == 0

    assert "train one first" in capsys.readouterr().out


def test_rollback_needs_a_reason(models: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["models", "rollback", "--models", str(models)])

    assert stop.value.code == 2
