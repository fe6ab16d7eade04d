"""`trader emulate` as a process: announces itself, serves, and ends cleanly."""

import argparse
import hmac
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streaming.cli.emulate import EPILOG, add_commands, run_emulate
from streaming.emulator.faults import FaultKind
from streaming.errors import TraderError, UsageError

PROGRAM = (
    "import argparse, sys; from streaming.cli.emulate import add_commands;"
    "parser = argparse.ArgumentParser(); add_commands(parser.add_subparsers(required=True));"
    "options = parser.parse_args(); sys.exit(options.run(options))"
)


@contextmanager
def started(tmp_path: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict]]:
    file = tmp_path / "emulator.json"
    command = [sys.executable, "-c", PROGRAM, "emulate", "--port", "0", "--addresses", str(file), *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 15
        while not file.exists() and child.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        yield child, json.loads(file.read_text())
    finally:
        child.kill()
        child.communicate()


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def options_of(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(required=True))
    return parser.parse_args(["emulate", *words])


def fetch(address: str, path: str, method: str = "GET") -> dict:
    with urllib.request.urlopen(urllib.request.Request(f"http://{address}{path}", method=method), timeout=5) as reply:
        return json.loads(reply.read())


def signed(document: dict, venue: str, path: str, query: str) -> dict:
    """Return what a signed question is answered; the emulator's clock is the addresses file's."""
    clock, keys = document["clock"], document["accounts"][venue]
    now_ns = clock["epoch_ns"] + (time.monotonic_ns() - clock["start_ns"]) * clock["speed"]
    text = "&".join(filter(None, [query, f"timestamp={int(now_ns) // 1_000_000}"]))
    signature = hmac.new(keys["secret"].encode(), text.encode(), "sha256").hexdigest()
    url = f"http://{document['addresses'][venue]}{path}?{text}&signature={signature}"
    request = urllib.request.Request(url, headers={"X-MBX-APIKEY": keys["api_key"]})
    with urllib.request.urlopen(request, timeout=5) as reply:
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
        (["--instruments", "x:Y", "--from-time", "1"], "--instruments, --from-time: expected --from LAKE"),
        (["--to", "lake"], "--to: expected --hours N"),
        (["--hours", "1", "--speed", "2", "--port", "0"], "leave it out, or --speed, --port"),
        (["--hours", "1", "--from", "lake"], "leave it out, or --from"),
        (["--from", "lake", "--seed", "2", "--start", "5"], "leave it out, or --seed, --start"),
        (["--faults-per-hour", "1", "--fault-kinds", "fly"], "known: drop_depth"),
        (["--from", "nowhere"], "holds no raw segment"),
        (["--port", "65535"], "--port: expected 0 or a port up to"),
        (["--lifetime", "0"], "--lifetime: expected 1 s or more"),
    ],
)
def test_options_that_make_no_sense_are_usage(words: list[str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        run_emulate(options_of(*words))


@pytest.mark.parametrize(
    ("words", "rates"),
    [
        ([], {"binance_usdm": ("0.000200", "0.000500"), "binance_spot": ("0.00100000", "0.00100000")}),
        (
            ["--fees", "0", "-0.5"],
            {"binance_usdm": ("0.000000", "-0.000050"), "binance_spot": ("0.00000000", "-0.00005000")},
        ),
    ],
    ids=["usual", "given"],
)
def test_accounts_pay_what_venues_take_unless_told_otherwise(
    tmp_path: Path, words: list[str], rates: dict[str, tuple[str, str]]
) -> None:
    with started(tmp_path, *words) as (_, document):
        usdm = signed(document, "binance_usdm", "/fapi/v1/commissionRate", "symbol=BTCUSDT")
        spot = signed(document, "binance_spot", "/api/v3/account", "")["commissionRates"]
    assert (usdm["makerCommissionRate"], usdm["takerCommissionRate"]) == rates["binance_usdm"]
    assert (spot["maker"], spot["taker"]) == rates["binance_spot"]


@pytest.mark.parametrize("rate", ["much", "nan", "101", "Infinity"])
def test_a_fee_that_cannot_be_is_usage(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options_of("--fees", "1", rate)
    assert "expected a rate of at most 100 bps" in capsys.readouterr().err


def test_a_taken_port_is_named_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        if port > 65_531:
            pytest.skip("no room for three ports behind it")

        with pytest.raises(TraderError, match=rf"port {port} on 127\.0\.0\.1, for control, is taken.*--port 0"):
            run_emulate(options_of("--port", str(port)))


def test_help_names_every_fault() -> None:
    assert all(f"\n  {kind.value} " in EPILOG for kind in FaultKind)


def test_another_emulators_addresses_stay(tmp_path: Path) -> None:
    with started(tmp_path) as (child, _):
        (tmp_path / "emulator.json").write_text("{}")
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=10)

    assert (tmp_path / "emulator.json").read_text() == "{}"


def test_it_ends_with_the_process_that_started_it_if_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "emulator.json"
    words = [sys.executable, "-c", PROGRAM, "emulate", "--port", "0", "--addresses", str(file), "--with-parent"]
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess; subprocess.run({words!r})"], stdout=subprocess.PIPE
    )
    try:
        wait_until(file.exists)
        pid = json.loads(file.read_text())["pid"]
    finally:
        parent.kill()
        parent.communicate(timeout=15)  # the emulator holds the pipe's other end: this returns when it has ended

    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    assert not file.exists()


def test_connections_are_cut_after_the_lifetime_of_the_shared_clock(tmp_path: Path) -> None:
    with started(tmp_path, "--speed", "50", "--lifetime", "60") as (_, document):
        host, port = document["addresses"]["binance_spot"].split(":")
        with socket.create_connection((host, int(port)), timeout=15) as connection:
            connection.sendall(
                b"GET /ws/nothing@depth HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            heard = b""
            while b"\x88" not in heard and (data := connection.recv(65_536)):
                heard += data
        rows = fetch(document["addresses"]["control"], "/connections")

    assert b'{"e":"serverShutdown","E":' in heard
    assert b"\x03\xe9lifetime" in heard
    assert rows[0]["ending"] == "lifetime"
    assert 60 <= (rows[0]["ts_ended_ns"] - rows[0]["ts_opened_ns"]) / 1e9 < 90
