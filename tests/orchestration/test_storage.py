"""Where Dagster keeps its runs: what stands on disk, and what never does."""

import os
from pathlib import Path

import pytest

from orchestration import environment
from orchestration.environment import DAGSTER_YAML, SERVED_YAML
from orchestration.settings import load_settings
from streaming.errors import SettingsError
from streaming.overlay import write_overlay
from streaming.settings import load_settings as load_traders_settings

ADDRESS = "postgresql://dagster:hidden-word@127.0.0.1:5432/dagster"


@pytest.fixture(autouse=True)
def keep_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("DAGSTER_HOME", "DAGSTER_STORAGE_URL"):
        monkeypatch.setenv(name, "")


def test_a_database_is_named_and_its_password_is_not_written_down(tmp_path: Path):
    environment.prepare(tmp_path, ADDRESS)

    assert (tmp_path / "dagster.yaml").read_text() == SERVED_YAML
    assert "hidden-word" not in SERVED_YAML
    assert os.environ["DAGSTER_STORAGE_URL"] == ADDRESS.replace("postgresql:", "postgresql+psycopg2:")


def test_settings_that_change_change_the_file_back_and_forth(tmp_path: Path):
    for address, text in (("", DAGSTER_YAML), (ADDRESS, SERVED_YAML), ("", DAGSTER_YAML)):
        environment.prepare(tmp_path, address)
        assert (tmp_path / "dagster.yaml").read_text() == text


def test_a_file_that_somebody_changed_stays_as_it_is(tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    environment.prepare(tmp_path, ADDRESS)

    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_an_address_that_is_no_database_is_refused_without_being_shown(house, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOB_ORCHESTRATION__STORAGE_URL", "mysql://dagster:hidden-word@127.0.0.1/dagster")

    with pytest.raises(SettingsError, match="expected postgresql://USER") as caught:
        load_settings()

    assert "hidden-word" not in str(caught.value)


def test_a_demo_keeps_its_runs_to_itself(house, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("LOB_ORCHESTRATION__STORAGE_URL", ADDRESS)
    own = load_traders_settings()

    write_overlay(tmp_path / "settings.toml", own, tmp_path, own.grid[0], {})

    assert "hidden-word" not in (tmp_path / "settings.toml").read_text()
