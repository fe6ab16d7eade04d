"""Settings: one frozen object, unknown keys named with their path."""

from pathlib import Path

import pytest

from streaming.errors import SettingsError
from streaming.settings import load_settings


def test_projects_own_settings_load_with_an_absolute_data_folder(settings_file: Path) -> None:
    settings = load_settings()

    assert settings.data_dir == settings_file.parent / "data"
    assert settings.grid_named("main").reference == "binance_usdm:BTCUSDT"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[streaming]\nmodee = 1\n", "streaming.modee"),
        ("[native.signal]\nedge = 1\n", "native.signal.edge"),
        ("[strategy]\na = 1\n", "strategy"),
        ("[native]\nstale_ms = 0\n", "native.stale_ms"),
        ('[native.limits."binance:x:y"]\norder_size = "1"\n', "native.limits.binance:x:y"),
    ],
)
def test_wrong_key_is_named_with_its_path(settings_file: Path, text: str, key: str) -> None:
    grid = '[[grid]]\nname = "g"\ninstruments = ["bybit_spot:A"]\nreference = "bybit_spot:A"\n'
    settings_file.write_text(grid + text)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert str(settings_file) in str(caught.value)
    assert key in str(caught.value)


def test_environment_overrides_the_file(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_NATIVE__STALE_MS", "7")

    assert load_settings().native.stale_ms == 7


def test_environment_that_names_no_section_is_refused(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_STREMING__GRID", "x")

    with pytest.raises(SettingsError, match="LOB_STREMING__GRID"):
        load_settings()


def test_misspelt_environment_key_is_refused(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOB_STREAMING__GIRD", "x")

    with pytest.raises(SettingsError, match=r"streaming\.gird"):
        load_settings()


def test_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not found; set LOB_SETTINGS"):
        load_settings(tmp_path / "none.toml")


def test_unknown_grid_is_told_the_known_ones(settings_file: Path) -> None:
    with pytest.raises(SettingsError, match="no grid is called 'x'; the file has: main"):
        load_settings().grid_named("x")
