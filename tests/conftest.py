"""Fixtures that every room uses."""

import os
import signal
from pathlib import Path

import pytest

# Whoever runs the tests in a shell's background or under nohup hands ignored signals on to every child of theirs; the
# tests of clean ends need them as a terminal has them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings that the setting LOB_RECORDINGS names; tests that need it skip without it."""
    folder = os.environ.get("LOB_RECORDINGS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LOB_RECORDINGS names no folder of recordings")
    return Path(folder).resolve()


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's settings with a data folder of the test's own; LOB_SETTINGS names it."""
    text = (Path(__file__).resolve().parents[1] / "settings.toml").read_text(encoding="utf-8")
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("LOB_") and "__" in name]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LOB_SETTINGS", str(file))
    return file


@pytest.fixture
def data_dir(settings_file: Path) -> Path:
    """The data folder that those settings name; it does not exist yet."""
    return settings_file.parent / "data"
