"""What a child process is told."""

from pathlib import Path

import pytest

from streaming.cli.children import environment
from streaming.settings import load_settings


def test_child_with_our_settings_hears_the_environment_too(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOB_NATIVE__STALE_MS", "1")

    assert environment()["LOB_NATIVE__STALE_MS"] == "1"


def test_child_with_settings_of_its_own_hears_only_them(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The user's data folder must not win over the one that the demo wrote into its settings."""
    monkeypatch.setenv("LOB_WAREHOUSE__DATA_DIR", "/elsewhere")
    monkeypatch.setenv("LOB_NATIVE", "{}")

    found = environment(settings_file)

    assert {name for name in found if name.startswith("LOB_")} - {"LOB_RECORDINGS"} == {"LOB_SETTINGS"}
    assert found["LOB_SETTINGS"] == str(settings_file.resolve())


def test_settings_with_the_environments_words_are_read_without_it(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOB_WAREHOUSE__DATA_DIR", "/elsewhere")

    assert load_settings(settings_file).data_dir == Path("/elsewhere")
    assert load_settings(settings_file, reads_environment=False).data_dir != Path("/elsewhere")
