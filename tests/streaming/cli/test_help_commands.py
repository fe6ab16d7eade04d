"""`trader demo` refuses what does not go together, before anything is written."""

from pathlib import Path

import pytest

from streaming.cli.main import main


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--recordings", "/r", "--clean", "--speed", "2"], "--clean, --speed: recordings are replayed"),
        (["--speed", "0"], "--speed: expected a number above 0, found 0"),
        (["--record-minutes", "-1"], "--record-minutes: expected a number above 0, found -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    words: list[str], problem: str, settings_file: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", *words]) == 2

    assert problem in capsys.readouterr().err
    assert not data_dir.exists()
