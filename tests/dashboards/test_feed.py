"""The dashboard's ear on a real Redis: what was said before, what is said now, and a Redis that goes and comes."""

import asyncio
import os
import signal
import time

import pytest
from redis_processes import signal_server

from dashboards.asking import ask
from dashboards.errors import DeskError
from dashboards.feed import LiveFeed
from dashboards.surroundings import Surroundings
from streaming.bus import AlertNotice, StateEvent, Telemetry, reply_to
from streaming.bus_config import RedisSettings
from streaming.bus_view import View
from streaming.control_key import control_key
from streaming.redis_server import EmbeddedRedis
from streaming.shell.bus_client import BusClient
from streaming.shell.bus_connection import BusConnection

WAIT_S = 20.0


def view(number, run="paper-1", **words):
    return View(run=run, mode="paper", ts_ns=1_000 + number, number=number, state="active", pnl="1.5", **words)


@pytest.fixture
def redis(tmp_path):
    embedded = EmbeddedRedis(tmp_path)
    embedded.ensure()
    yield embedded
    embedded.close()


@pytest.fixture
def surroundings(tmp_path, redis):
    return Surroundings.model_validate(
        {
            "warehouse": {"data_dir": tmp_path},
            "redis_socket": redis.socket,
            "token": "t",
            "control_key": control_key(tmp_path).hex(),
            "settings_file": tmp_path / "settings.toml",
        }
    )


def say(redis, *messages):
    connection = BusConnection(RedisSettings(), redis.ensure())
    assert connection.add([(message.stream, message.to_json()) for message in messages]) == []
    connection.close()


async def until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)


def run(surroundings, script):
    async def act():
        feed = LiveFeed(surroundings)
        feed.start()
        try:
            await script(feed)
        finally:
            await feed.stop()

    asyncio.run(act())


def test_what_was_said_before_is_caught_up_with(surroundings, redis):
    say(
        redis,
        view(1),
        view(2),
        Telemetry(process="trader", run="paper-1", mode="paper", ts_ns=1, body={"state": "active"}),
        Telemetry(process="recorder", run="r", mode="record", ts_ns=1, body={"frames": 3}),
        StateEvent(run="paper-1", ts_ns=1, state="halted", reason="asked"),
    )

    async def script(feed):
        await until(lambda: feed.snapshot().view is not None and feed.snapshot().view.number == 2)
        snapshot = feed.snapshot()
        assert snapshot.status == {"state": "active"} and snapshot.recorder == {"frames": 3}
        assert [event.state for event in snapshot.events] == ["halted"]
        assert len(snapshot.history.points) == 2
        assert snapshot.age_s("view") is not None and snapshot.age_s("alerts") is None

    run(surroundings, script)


def test_the_newest_notice_of_an_alert_is_how_it_stands(surroundings, redis):
    words = {"rule": "drawdown", "severity": "critical", "title": "drawdown", "ts_first_ns": 1, "ts_ns": 2}

    async def script(feed):
        await until(lambda: feed.snapshot().is_connected)
        say(redis, AlertNotice(id="a", state="firing", **words), AlertNotice(id="b", state="firing", **words))
        say(redis, AlertNotice(id="a", state="resolved", **words))
        await until(
            lambda: [(item.id, item.state) for item in feed.snapshot().alerts] == [("b", "firing"), ("a", "resolved")]
        )

    run(surroundings, script)


def test_a_message_that_nobody_can_read_is_passed_over(surroundings, redis):
    async def script(feed):
        await until(lambda: feed.snapshot().is_connected)
        connection = BusConnection(RedisSettings(), redis.ensure())
        connection.add([("lob:view", b"not a view"), ("lob:events", b"{}")])
        connection.close()
        say(redis, view(3))
        await until(lambda: feed.snapshot().view is not None)

    run(surroundings, script)


def test_another_run_begins_its_history_anew(surroundings, redis):
    async def script(feed):
        say(redis, view(1), view(2), view(1, run="paper-2"))
        await until(lambda: feed.snapshot().view is not None and feed.snapshot().view.run == "paper-2")
        assert len(feed.snapshot().history.points) == 1

    run(surroundings, script)


def test_a_redis_that_is_killed_and_started_anew_is_heard_again(surroundings, redis, tmp_path):
    async def script(feed):
        say(redis, view(1))
        await until(lambda: feed.snapshot().view is not None)
        signal_server(tmp_path, signal.SIGKILL)
        await until(lambda: not feed.snapshot().is_connected)
        assert feed.snapshot().problem and feed.snapshot().view.number == 1, (
            "what was known stays, and is said to be old"
        )
        say(redis, view(7))
        await until(lambda: feed.snapshot().is_connected and feed.snapshot().view.number == 7)

    run(surroundings, script)


def test_a_redis_that_hangs_is_said_to_be_disconnected(surroundings, redis, tmp_path):
    async def script(feed):
        await until(lambda: feed.snapshot().is_connected)
        pid = signal_server(tmp_path, signal.SIGSTOP)
        try:
            await until(lambda: not feed.snapshot().is_connected)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: feed.snapshot().is_connected)

    run(surroundings, script)


def test_a_request_is_signed_heard_once_and_answered(surroundings, redis, tmp_path):
    heard = []

    def answer(asked):
        heard.append((asked.op, asked.reason))
        client.reply(reply_to(asked, lambda _: {"state": "halted"}))

    client = BusClient(RedisSettings(), tmp_path, "trader", on_control=answer)
    client.start()
    try:
        deadline = time.monotonic() + WAIT_S
        while not client.reading().is_connected:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert asyncio.run(ask(surroundings, "trader", "halt", "test", {})) == {"state": "halted"}
        assert heard == [("halt", "test")]
    finally:
        client.stop()


def test_without_redis_a_request_names_the_way_that_needs_none(surroundings, tmp_path):
    nowhere = surroundings.model_copy(update={"redis_socket": tmp_path / "none.sock"})

    with pytest.raises(DeskError, match="trader halt"):
        asyncio.run(ask(nowhere, "trader", "halt", "test", {}))
