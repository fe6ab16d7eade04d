"""The conductor's settings: every section typed, none unknown."""

from pathlib import Path

import pytest

from orchestration.settings import load_settings
from streaming.errors import SettingsError

GRID = '[[grid]]\nname = "main"\ninstruments = ["binance_usdm:BTCUSDT"]\nreference = "binance_usdm:BTCUSDT"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text + GRID)
    return path


def test_sections_of_ml_and_orchestration_are_typed(tmp_path: Path):
    settings = load_settings(
        write(tmp_path, '[ml]\npreset = "nano_short"\n[orchestration.quality]\nsilence_s_max = 5\n')
    )

    assert settings.ml.preset == "nano_short"
    assert settings.orchestration.quality.silence_s_max == 5


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[orchestra]\n", "orchestra"),
        ("[orchestration]\nretraining = 1\n", "orchestration.retraining"),
        ("[ml.gate]\nskill = 1\n", "ml.gate.skill"),
    ],
)
def test_unknown_section_or_key_is_named(tmp_path: Path, text: str, key: str):
    with pytest.raises(SettingsError, match=key.replace(".", r"\.")):
        load_settings(write(tmp_path, text))


def test_folders_stand_beside_the_settings_file(tmp_path: Path):
    settings = load_settings(write(tmp_path, ""))

    assert settings.folders.dagster_dir == tmp_path / "data" / "dagster"
    assert settings.lake.root == tmp_path / "data" / "lake"
