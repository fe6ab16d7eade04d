"""`python -m orchestration` as people call it: exit codes and one-line errors."""

import json

import pytest

from orchestration.__main__ import main
from orchestration.settings import Settings


@pytest.fixture(autouse=True)
def keep_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGSTER_HOME", "")  # the command sets it for its own process


def test_promotion_without_a_challenger_is_refused_and_says_what_to_do(house: Settings, capsys):
    assert main(["promote", "--reason", "because"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        f"error: {house.folders.models_dir}: no challenger to promote; run `python -m orchestration learn` first"
    ]


def test_promotion_of_a_hash_that_names_nothing_is_a_slip(house: Settings, capsys):
    assert main(["promote", "abc"]) == 2
    assert "expected one bundle beginning with 'abc', found 0" in capsys.readouterr().err


def test_promotion_of_a_challenger_whose_bundle_is_gone_is_refused_whatever_the_reason(house: Settings, capsys):
    pointer = {"hash": "a" * 64, "generation": 1, "reason": "trained", "by": "job", "ts_ns": 1}
    house.folders.models_dir.mkdir(parents=True)
    (house.folders.models_dir / "challenger.json").write_text(json.dumps(pointer))

    assert main(["promote", "--reason", "because"]) == 3

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: bundle aaaaaaaaaaaa is not promoted (no reason overrides data checks): ")
    assert "expected a sealed bundle, cannot read it (No such file or directory)" in line


def test_a_pointer_that_cannot_be_read_is_refused(house: Settings, capsys):
    house.folders.models_dir.mkdir(parents=True)
    (house.folders.models_dir / "challenger.json").write_text("{")

    assert main(["promote"]) == 3
    assert "challenger.json: expected hash, generation" in capsys.readouterr().err


def test_misspelt_settings_key_is_named_with_exit_code_2(house: Settings, capsys):
    file = house.data_dir.parent / "settings.toml"
    file.write_text(file.read_text().replace("retraining_cron", "retraining_corn"))

    assert main(["promote"]) == 2
    assert "orchestration.retraining_corn: unknown key" in capsys.readouterr().err


def test_dagster_is_told_not_to_phone_home_on_first_use(house: Settings):
    main(["promote"])

    assert "enabled: false" in (house.folders.dagster_dir / "dagster.yaml").read_text()
