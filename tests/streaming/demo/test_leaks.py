"""A demo that is interrupted or killed leaves no emulator, no recorder and nothing of theirs."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

UP_S, GONE_S = 60.0, 30.0


def start_demo(folder: Path) -> "subprocess.Popen[str]":
    words = ["demo", "--record-only", "--record-minutes", "600", "--data-dir", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "streaming", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def await_recording(process: "subprocess.Popen[str]", folder: Path) -> list[psutil.Process]:
    """Wait until frames reach the disk and return every process below the demo's."""
    give_up_s = time.monotonic() + UP_S
    while not any(path.stat().st_size > 10_000 for path in folder.glob("lake/raw/*/*/*/*.part")):
        assert process.poll() is None and time.monotonic() < give_up_s, "the demo does not record"
        time.sleep(0.05)
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_ended_leaves_no_process(number: signal.Signals, settings_file: Path, tmp_path: Path) -> None:
    process = start_demo(tmp_path / "demo")
    try:
        tree = await_recording(process, tmp_path / "demo")
        commands = [" ".join(each.cmdline()) for each in tree]
        assert len([command for command in commands if "guard.py" in command]) == 2  # of emulator and recorder

        process.send_signal(number)
        _, error = process.communicate(timeout=GONE_S)
    finally:
        process.kill()

    _, left = psutil.wait_procs(tree, timeout=GONE_S)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
    if number is signal.SIGINT:
        assert process.returncode == 1 and "Traceback" not in error
        assert error.strip().splitlines()[-1].startswith("trader: stopped by Ctrl-C")
        sealed = [path.name for path in (tmp_path / "demo").glob("lake/raw/*/*/*/*")]
        assert sealed and not [name for name in sealed if name.endswith(".part")]  # it had time to end cleanly
