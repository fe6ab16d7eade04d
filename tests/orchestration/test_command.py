"""`python -m orchestration` as people call it: exit codes and one-line errors."""

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


def test_promotion_of_an_unknown_hash_is_refused(house: Settings, capsys):
    assert main(["promote", "abc"]) == 3
    assert "expected one bundle beginning with 'abc', found 0" in capsys.readouterr().err


def test_misspelt_settings_key_is_named_with_exit_code_2(house: Settings, capsys):
    file = house.data_dir.parent / "settings.toml"
    file.write_text(file.read_text().replace("retraining_cron", "retraining_corn"))

    assert main(["promote"]) == 2
    assert "orchestration.retraining_corn: unknown key" in capsys.readouterr().err


def test_dagster_is_told_not_to_phone_home_on_first_use(house: Settings):
    main(["promote"])

    assert "enabled: false" in (house.folders.dagster_dir / "dagster.yaml").read_text()
