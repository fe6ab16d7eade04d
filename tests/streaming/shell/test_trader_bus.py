"""A trader beside a real Redis: the same words as over its socket, and trading that does not care whether it lives."""

import json
import signal
import time

import pytest
from paper_house import EagerModel, eager, emulator, make_house
from redis import Redis
from redis_processes import is_gone, signal_server
from waiting import until

from ml.runtime import Pointer
from streaming.bus import (
    DRIFT,
    EVENTS,
    FIELD,
    TELEMETRY,
    Drift,
    FillEvent,
    ModelSwapEvent,
    ProbationEvent,
    StateEvent,
    Telemetry,
    event_from_json,
    message_from_json,
)
from streaming.cli.main import main
from streaming.redis_server import socket_path
from streaming.shell.bus_client import publish_promotion

FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture
def house(settings_file):
    text = settings_file.read_text()
    assert "model_watch_ms = 1000" in text
    settings_file.write_text(text.replace("model_watch_ms = 1000", "model_watch_ms = 600000"))
    house = make_house(settings_file, redis="")
    yield house
    until(lambda: is_gone(house.run_dir), "the embedded server to end")


@pytest.fixture
def market(house):
    with emulator(house.addresses_file) as running:
        yield running


def tell_drift(house):
    """Put a verdict where the trader looks, and say so on the bus: it would look by itself after ten minutes."""
    folder = house.settings.warehouse.reports_dir / "drift"
    folder.mkdir(parents=True)
    (folder / "watch.json").write_text(json.dumps({"bundle": SECOND, "level": 1, "not_judged": ""}))
    words = {"hash": SECOND, "level": 1, "severity": 1.5, "name": "watch", "words": "DRIFT"}
    told = Drift(**words, first_step_ns=1, last_step_ns=2, ts_ns=time.time_ns())
    with Redis(unix_socket_path=str(socket_path(house.run_dir))) as redis:
        redis.xadd(DRIFT, {FIELD: told.to_json()})


def entries(house, stream):
    with Redis(unix_socket_path=str(socket_path(house.run_dir))) as redis:
        return [fields[FIELD.encode()] for _, fields in redis.xrange(stream)]


def test_words_telemetry_events_and_promotions_go_over_redis(house, market, capsys):
    models = house.settings.warehouse.models_dir
    models.mkdir(parents=True)

    def script(house):
        house.until(lambda status: status["bus"]["is_connected"] and status["counts"]["fills"] >= 3)
        capsys.readouterr()
        assert main(["status", "--via", "redis", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["state"] == "active"
        assert main(["reduce", "--via", "redis", "--reason", "lunch"]) == 0
        assert main(["resume", "--via", "redis"]) == 3
        assert main(["resume", "--via", "redis", "--reason", "back"]) == 0
        assert main(["orders", "--via", "redis", "--limit", "2"]) == 0
        pointer = Pointer(SECOND, 2, "better", "test", time.time_ns())
        (models / "champion.json").write_text(json.dumps({name: getattr(pointer, name) for name in pointer.__slots__}))
        publish_promotion(house.settings, pointer, pytest.fail)
        house.until(lambda status: status["model"]["hash"] == SECOND)
        tell_drift(house)
        house.until(lambda status: status["facts"].get("drift_level") == 1)
        until(lambda: len(entries(house, TELEMETRY)) >= 2, "telemetry")
        until(lambda: any(b"model_swap" in entry for entry in entries(house, EVENTS)), "the swap's event")
        house.events = [event_from_json(entry) for entry in entries(house, EVENTS)]
        house.telemetry = message_from_json(Telemetry, entries(house, TELEMETRY)[-1])
        assert main(["stop", "--via", "redis"]) == 0

    summary = house.trade(script, eager(FIRST, generation=1), lambda bundle: EagerModel())

    assert house.telemetry.run == summary.status["run"] and house.telemetry.body["state"] == "active"
    states = [event.state for event in house.events if isinstance(event, StateEvent)]
    assert states == ["active", "reducing", "active"]
    assert sum(isinstance(event, FillEvent) for event in house.events) >= 3
    assert all(event.bundle in (FIRST[:12], SECOND[:12]) for event in house.events if isinstance(event, FillEvent))
    assert [event.outcome for event in house.events if isinstance(event, ProbationEvent)] == ["begun"]
    (swap,) = [event for event in house.events if isinstance(event, ModelSwapEvent)]
    assert (swap.hash_from, swap.hash_to) == (FIRST, SECOND)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_redis_that_dies_or_hangs_holds_no_step_up(house, market, number):
    def script(house):
        house.until(lambda status: status["bus"]["is_connected"] and status["counts"]["fills"] >= 1)
        signal_server(house.run_dir, number)
        before = house.ask("status")["counts"]
        house.until(lambda status: status["counts"]["steps"] > before["steps"] + 100)
        house.after = house.until(lambda status: status["counts"]["fills"] > before["fills"])
        if number is signal.SIGSTOP:
            signal_server(house.run_dir, signal.SIGCONT)
        house.until(lambda status: status["bus"]["is_connected"])

    summary = house.trade(script, eager())

    assert summary.landed.identical and summary.status["counts"]["gaps_opened"] == 0
