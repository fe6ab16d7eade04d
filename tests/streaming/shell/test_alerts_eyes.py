"""What is seen of processes by heartbeat, lock and socket; and of models and drift by their files."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import pytest
from alert_sights import recorder_status, trader_status
from serving_control import serving
from waiting import until

from streaming.alerts.config import AlertSettings
from streaming.lock import held
from streaming.shell import recorder_names, trader_names
from streaming.shell.alerts_eyes import DriftReports, Eyes, Hearing
from streaming.watchdog.heartbeat import Heartbeat
from streaming.watchdog.latch import set_latch
from warehouse.config import WarehouseConfig


@pytest.fixture
def folders(tmp_path: Path) -> WarehouseConfig:
    found = WarehouseConfig(data_dir=tmp_path)
    found.run_dir.mkdir()
    return found


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def eyes(folders: WarehouseConfig, hearing: Hearing) -> Eyes:
    return Eyes(AlertSettings.model_validate({"rules": {"heartbeat_s_max": 0.2}}), folders, hearing)


def look(eyes: Eyes):
    return eyes.look(1, (), "")


@contextmanager
def heart(folders: WarehouseConfig) -> Iterator[Heartbeat]:
    beating = Heartbeat(folders.run_dir)
    try:
        yield beating
    finally:
        beating.close()


def left_socket(path: Path) -> None:
    """Leave a socket's file behind, as a killed process does."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def test_house_where_nothing_ever_ran_is_empty(eyes: Eyes) -> None:
    seen = look(eyes)

    assert [process.life for process in seen.processes] == ["absent", "absent"]
    assert seen.latch == "" and seen.drift is None and seen.disk_free_bytes


def test_beating_heart_is_a_running_trader_and_one_that_ended_has_ended(eyes: Eyes, folders: WarehouseConfig) -> None:
    with heart(folders) as beating:
        assert look(eyes).trader.life == "running"
        beating.end()
        assert look(eyes).trader.life == "ended"


def test_heart_that_stopped_is_a_death_without_the_lock_and_hangs_with_it(eyes: Eyes, folders: WarehouseConfig) -> None:
    with heart(folders):
        until(lambda: look(eyes).trader.life == "dead", "the death")
        with held(folders.run_dir / trader_names.LOCK_NAME):
            seen = look(eyes).trader

    assert seen.life == "hanging"
    assert "holds its lock" in seen.words


def test_status_is_asked_for_over_the_socket_where_the_bus_brings_none(eyes: Eyes, folders: WarehouseConfig) -> None:
    model = {"hash": "cd" * 32}
    manifest = folders.models_dir / model["hash"] / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_bytes(orjson.dumps({"trained_until_ns": 77}))
    answer = trader_status(model=model)

    with heart(folders), serving(folders.run_dir / trader_names.SOCKET_NAME, lambda _: answer):
        seen = look(eyes)

    assert seen.trader.status is not None and seen.trader.status["run"] == "session-1"
    assert seen.trained_until_ns == 77


def test_status_that_the_bus_brought_is_not_asked_for(eyes: Eyes, folders: WarehouseConfig, hearing: Hearing) -> None:
    hearing.note("trader", trader_status(run="told"))
    asked = threading.Event()

    def answer(_: object):
        asked.set()
        return {}

    with heart(folders), serving(folders.run_dir / trader_names.SOCKET_NAME, answer):
        seen = look(eyes)

    assert seen.trader.status is not None and seen.trader.status["run"] == "told"
    assert not asked.is_set()


def test_recorder_is_running_while_it_answers_and_dead_when_only_its_socket_is_left(
    eyes: Eyes, folders: WarehouseConfig
) -> None:
    place = folders.run_dir / recorder_names.SOCKET_NAME
    with ExitStack() as stack:
        stack.enter_context(held(folders.run_dir / recorder_names.LOCK_NAME))
        stack.enter_context(serving(place, lambda _: recorder_status()))
        assert look(eyes).recorder.life == "running"
    assert look(eyes).recorder.life == "ended"

    left_socket(place)
    fresh = Eyes(AlertSettings(), folders, Hearing())

    assert look(fresh).recorder.life == "dead"


def test_recorder_that_holds_its_lock_and_never_answers_hangs(eyes: Eyes, folders: WarehouseConfig) -> None:
    left_socket(folders.run_dir / recorder_names.SOCKET_NAME)

    with held(folders.run_dir / recorder_names.LOCK_NAME):
        until(lambda: look(eyes).recorder.life == "hanging", "the hang")


def test_latch_is_seen_with_who_set_it(eyes: Eyes, folders: WarehouseConfig) -> None:
    set_latch(folders.run_dir, "a drill", "operator", 1)

    assert look(eyes).latch == "a drill (by operator)"


def test_newest_verdict_that_judged_is_the_drift(folders: WarehouseConfig) -> None:
    folder = folders.reports_dir / "drift"
    reports = DriftReports(folders.reports_dir)
    assert reports.newest() is None
    folder.mkdir(parents=True)

    (folder / "a.json").write_bytes(
        orjson.dumps(
            {"bundle": "ab", "level": 2, "features": [1, 2], "compared": 40, "severity": 2.5, "not_judged": ""}
        )
    )
    (folder / "b.json").write_bytes(orjson.dumps({"bundle": "ab", "level": 0, "not_judged": "too short"}))
    (folder / "c.json").write_text("{torn")

    found = reports.newest()
    assert found is not None
    assert (found.name, found.level, found.words) == ("a", 2, "2 of 40 measures beyond their threshold, severity 2.5")
