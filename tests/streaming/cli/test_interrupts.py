"""Ctrl-C, the signal that ends a process, and a disk that takes no more: nothing stays that looks whole."""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import spot_recording as recording

from streaming.cli.main import main

FILE_BYTES_MAX = 20_000


def start(words: list[str], settings_file: Path, limit_bytes: int | None = None) -> "subprocess.Popen[str]":
    def limit() -> None:
        if limit_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    return subprocess.Popen(
        [sys.executable, "-m", "streaming", *words],
        env={"LOB_SETTINGS": str(settings_file), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )


def wait_for(folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size for path in folder.glob(pattern)):
        assert time.monotonic() < deadline, f"no {pattern} in {folder}"
        time.sleep(0.01)


def long_command(what: str, updates: int, settings_file: Path, folder: Path) -> list[str]:
    """Return the words of a command that takes a while, over a recording of `updates`."""
    settings_file.write_text(settings_file.read_text().replace("BTCUSDT", "ETHUSDT"))
    file = recording.write(folder / "file", recording.lines(recording.messages(updates)))
    importing = ["import", str(file), *recording.VENUE, *recording.STEPS]
    if what == "start":
        assert main(importing) == 0
        return ["start", "--mode", "replay", "--no-model"]
    return importing if what == "import" else ["emulate", "--hours", "9"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("what", ["import", "emulate", "start"])
def test_interrupted_command_leaves_nothing(
    what: str, number: signal.Signals, settings_file: Path, data_dir: Path, tmp_path: Path
) -> None:
    words = long_command(what, 100_000, settings_file, tmp_path)
    process = start(words, settings_file)
    wait_for(data_dir, "journal/.*.tmp" if what == "start" else "lake/raw/*/*/*/.*.tmp")
    before = set(data_dir.glob("lake/raw/*/*/*/*.zst"))

    process.send_signal(number)
    output, error = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "Traceback" not in output + error
    assert error.strip().splitlines()[-1].startswith("trader: stopped by ")
    left = {path for path in data_dir.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert left == before | set(data_dir.glob("lake/raw/_runs/*.json") if what == "start" else ())


def test_interrupted_query_is_one_line(settings_file: Path, data_dir: Path) -> None:
    process = start(["sql", "select count(*) from range(100000000000) t"], settings_file)
    time.sleep(1.0)

    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)

    assert (process.returncode, error) == (1, "trader: stopped by Ctrl-C; nothing half-written stays\n")


@pytest.mark.parametrize("what", ["import", "emulate", "start"])
def test_disk_that_takes_no_more_is_named_and_nothing_stays(
    what: str, settings_file: Path, data_dir: Path, tmp_path: Path
) -> None:
    words = long_command(what, 20_000, settings_file, tmp_path)
    before = {path for path in data_dir.rglob("*") if path.is_file()}

    process = start(words, settings_file, limit_bytes=FILE_BYTES_MAX)
    _, error = process.communicate(timeout=60)

    assert process.returncode == 1
    assert f"trader: {data_dir}" in error.splitlines()[-1] and "File too large" in error.splitlines()[-1]
    assert {path for path in data_dir.rglob("*") if path.is_file() and path.suffix != ".lock"} == before
