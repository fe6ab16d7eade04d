"""`trader emulate-live` as a process: announces itself, serves, and ends cleanly."""

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streaming.cli.live_emulator import add_commands, run_live
from streaming.errors import TraderError, UsageError

PROGRAM = (
    "import argparse, sys; from streaming.cli.live_emulator import add_commands;"
    "parser = argparse.ArgumentParser(); add_commands(parser.add_subparsers(required=True));"
    "options = parser.parse_args(); sys.exit(options.run(options))"
)


@contextmanager
def started(tmp_path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    file = tmp_path / "emulator.json"
    command = [sys.executable, "-c", PROGRAM, "emulate-live", "--port", "0", "--addresses", str(file), *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 15
        while not file.exists() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        yield child, json.loads(file.read_text())
    finally:
        child.kill()
        child.communicate()


def options_of(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    return parser.parse_args(["emulate-live", *words])


def fetch(address: str, path: str, method: str = "GET") -> dict:
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method), timeout=5) as reply:
        return json.loads(reply.read())


@pytest.mark.parametrize("end", ["SIGTERM", "SIGINT", "control"])
def test_it_serves_until_told_to_stop_and_leaves_nothing(tmp_path: Path, end: str) -> None:
    with started(tmp_path, "--speed", "10", "--faults-per-hour", "60") as (child, document):
        addresses = document["addresses"]
        depth = fetch(addresses["binance_spot"], "/api/v3/depth?symbol=BTCUSDT&limit=5")
        if end == "control":
            fetch(addresses["control"], "/stop", "POST")
        else:
            child.send_signal(signal.Signals[end])
        out, error = child.communicate(timeout=10)

    assert (child.returncode, error) == (0, "")
    assert len(depth["bids"]) == 5
    assert all(address in out for address in addresses.values())
    assert "stopped" in out
    assert not [*tmp_path.iterdir()]
    for address in addresses.values():
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(address.split(":")[1])))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--speed", "0"], "--speed"),
        (["--effect", "2"], "--effect"),
        (["--instruments", "x:Y"], "--from LAKE"),
        (["--faults-per-hour", "1", "--fault-kinds", "fly"], "known: drop_depth"),
        (["--from", "nowhere"], "holds no raw segment"),
    ],
)
def test_options_that_make_no_sense_are_usage(words: list[str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run_live(options_of(*words))


def test_a_taken_port_is_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(TraderError, match=r"port.*taken"):
            run_live(options_of("--port", str(port)))
