"""The recorder for an hour of market in three minutes: its memory stays where it is."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SPEED, REAL_S, WARM_S = 20, 180, 60
SLOPE_MAX_MIB_PER_MINUTE = 2.0


def rss_mib(pid):
    """Resident memory of a process, None when it has ended."""
    try:
        words = Path(f"/proc/{pid}/statm").read_text().split()
    except FileNotFoundError:
        return None
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@pytest.mark.torture
def test_memory_does_not_grow_with_what_was_recorded(tmp_path, settings_file):
    trader = [sys.executable, "-m", "streaming.cli.main"]
    addresses = tmp_path / "emulator.json"
    emulator = subprocess.Popen(
        [*trader, "emulate", "--speed", str(SPEED), "--port", "0", "--addresses", str(addresses)],
        stdout=subprocess.DEVNULL,
    )
    rows = []
    try:
        deadline_s = time.monotonic() + 30
        while not addresses.exists():
            assert time.monotonic() < deadline_s and emulator.poll() is None
            time.sleep(0.05)
        words = ["record", "--emulator", str(addresses), "--seconds", str(SPEED * REAL_S), "--json"]
        with subprocess.Popen([*trader, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as recorder:
            begun_s = time.monotonic()
            while recorder.poll() is None:
                found, now_s = rss_mib(recorder.pid), time.monotonic() - begun_s
                if found and WARM_S < now_s < REAL_S:
                    rows.append((now_s / 60, found))
                time.sleep(0.5)
            summary = json.loads(recorder.stdout.read())
    finally:
        emulator.kill()
        emulator.wait()

    slope, _ = np.polyfit(*np.array(rows).T, 1)
    frames = sum(venue["frames"] for venue in summary["venues"])
    assert frames > 100_000 and all(venue["gaps_opened"] == 0 for venue in summary["venues"])
    assert slope < SLOPE_MAX_MIB_PER_MINUTE, f"{slope:.2f} MiB a minute over {frames} frames"
