"""recordings.toml: every key checked, errors name file and key."""

from pathlib import Path

import pytest

from streaming.errors import RecordingError
from streaming.recordings import read_recordings


def test_entries_become_imports(tmp_path: Path) -> None:
    (tmp_path / "recordings.toml").write_text(
        '[[recording]]\nfiles = ["a.gz", "b.gz"]\nvenue = "bybit_spot"\ninstrument = "ETHUSDT"\nmarket = "spot"\n'
    )

    (ask,) = read_recordings(tmp_path)

    assert ask.files == (tmp_path / "a.gz", tmp_path / "b.gz")
    assert (ask.instrument, ask.market, ask.tick) == ("bybit_spot:ETHUSDT", "spot", None)


def test_misspelt_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "recordings.toml").write_text(
        '[[recording]]\nfiles = ["a"]\nvenue = "bybit_spot"\ninstrument = "X"\nticks = "1"\n'
    )

    with pytest.raises(RecordingError, match=r"recordings\.toml: recording\.0\.ticks"):
        read_recordings(tmp_path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"recordings\.toml: not found"):
        read_recordings(tmp_path)
