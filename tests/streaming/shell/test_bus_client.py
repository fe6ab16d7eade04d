"""The bus beside a real Redis that is there, stopped, hanging, restarted, strange or missing."""

import logging
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis_processes import is_gone, redis_pids, signal_server
from waiting import until

from ml.runtime import Pointer
from native.config import JsonObject
from streaming.bus import (
    CONTROL,
    REPLIES,
    STREAM_LENGTHS,
    TELEMETRY,
    ControlReply,
    ControlRequest,
    Promotion,
    Telemetry,
    message_from_json,
    reply_to,
)
from streaming.bus_config import RedisSettings
from streaming.control_key import control_key
from streaming.errors import NotRunningError, RefusedError, UsageError
from streaming.redis_server import EmbeddedRedis, packaged_binary
from streaming.settings import load_settings
from streaming.shell.bus_client import BusClient, ask_over_redis, publish_promotion
from streaming.shell.bus_outbox import QUEUE_MAX

EMBEDDED = RedisSettings()
PASSWORD = "s3cr3t"


@pytest.fixture(autouse=True)
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """No test leaves a server."""
    yield
    until(lambda: is_gone(tmp_path), "the embedded server to end")


def telemetry(number: int = 0, text: str = "") -> Telemetry:
    return Telemetry(process="trader", run="r", mode="paper", ts_ns=number, body={"text": text})


def request(request_id: str, ts_ns: int | None = None, op: str = "status") -> ControlRequest:
    return ControlRequest(id=request_id, op=op, ts_ns=time.time_ns() if ts_ns is None else ts_ns)


def signed(run_dir: Path, asked: ControlRequest) -> bytes:
    return asked.signed(control_key(run_dir)).to_json()


class Listener:
    """A process that answers: a bus and what it heard."""

    def __init__(self, run_dir: Path, config: RedisSettings = EMBEDDED) -> None:
        self.requests: list[ControlRequest] = []
        self.promotions: list[Promotion] = []
        self.bus = BusClient(config, run_dir, "trader", self._answer, self.promotions.append)

    def _answer(self, asked: ControlRequest) -> None:
        self.requests.append(asked)
        self.bus.reply(reply_to(asked, answer))


def answer(asked: JsonObject) -> JsonObject:
    if asked["op"] == "resume":
        raise RefusedError("a rule says no")
    return {"heard": asked["op"]}


@contextmanager
def listening(run_dir: Path, config: RedisSettings = EMBEDDED) -> Iterator[Listener]:
    """Run a bus that is connected when the block begins."""
    listener = Listener(run_dir, config)
    listener.bus.start()
    try:
        until(lambda: listener.bus.reading().is_connected, "the connection")
        yield listener
    finally:
        listener.bus.stop()


@contextmanager
def redis_of(run_dir: Path) -> Iterator["Redis"]:
    with Redis(unix_socket_path=str(run_dir / "redis.sock")) as redis:
        yield redis


@contextmanager
def own_redis(folder: Path, *options: str) -> Iterator[int]:
    """Run a server as a user would have one, on TCP with a password; yields its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(packaged_binary()), "--port", str(port), "--requirepass", PASSWORD, "--save", "", *options]
    server = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.kill()
        server.wait()


def url_of(port: int, password: str = PASSWORD) -> RedisSettings:
    return RedisSettings(url=f"redis://:{password}@127.0.0.1:{port}/0")  # type: ignore[arg-type]


def test_a_request_over_redis_is_answered_as_over_the_control_socket(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        found = ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "halt", "reason": "a try", "limit": 5})
        refused = ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "resume"})

    assert found == {"ok": True, "heard": "halt"}
    assert refused == {"ok": False, "error": "a rule says no", "exit_code": 3}
    assert listener.requests[0].to_control() == {"op": "halt", "reason": "a try", "limit": 5}


def test_messages_arrive_in_order_and_the_stream_stays_bounded(tmp_path: Path) -> None:
    count = 5 * STREAM_LENGTHS[TELEMETRY]
    with listening(tmp_path) as listener, redis_of(tmp_path) as redis:
        for begin in range(0, count, QUEUE_MAX):
            for number in range(begin, begin + QUEUE_MAX):
                listener.bus.publish(telemetry(number))
            until(lambda end=begin + QUEUE_MAX: listener.bus.reading().published == end, "all to be sent")

        entries = redis.xrange(TELEMETRY)
        numbers = [message_from_json(Telemetry, fields[b"json"]).ts_ns for _, fields in entries]
        assert numbers == list(range(count - len(numbers), count))
        assert STREAM_LENGTHS[TELEMETRY] <= len(numbers) <= 2 * STREAM_LENGTHS[TELEMETRY]
        assert listener.bus.reading().dropped == 0


def test_what_waits_at_the_end_is_sent(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path), redis_of(tmp_path) as redis:
        with listening(tmp_path) as listener:
            for number in range(QUEUE_MAX):
                listener.bus.publish(telemetry(number))
        assert listener.bus.reading().published + listener.bus.reading().dropped == QUEUE_MAX
        assert redis.xlen(TELEMETRY) == listener.bus.reading().published == QUEUE_MAX


def test_a_full_queue_drops_the_oldest_and_counts_them(tmp_path: Path) -> None:
    bus = BusClient(url_of(1), tmp_path, "trader")
    for number in range(QUEUE_MAX + 7):
        bus.publish(telemetry(number))

    assert bus.reading().dropped == 7


def test_a_hanging_redis_holds_up_nobody_and_control_works_again_when_it_wakes(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        signal_server(tmp_path, signal.SIGSTOP)
        for number in range(3 * QUEUE_MAX):
            listener.bus.publish(telemetry(number))
        until(lambda: not listener.bus.reading().is_connected, "the hang to be noticed")
        reading = listener.bus.reading()
        assert reading.dropped > 0
        assert "hangs" in reading.last_problem or "Timeout" in reading.last_problem

        signal_server(tmp_path, signal.SIGCONT)
        until(lambda: listener.bus.reading().is_connected, "the connection")
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})["ok"] is True
        until(lambda: listener.bus.reading().published >= QUEUE_MAX, "what waited to be sent")


def test_a_hanging_redis_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        signal_server(tmp_path, signal.SIGSTOP)
        listener.bus.publish(telemetry())
        listener.bus.stop()

    assert listener.bus.reading().dropped == 1


def test_a_killed_embedded_server_is_started_again_and_control_works(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})["ok"] is True
        signal_server(tmp_path, signal.SIGKILL)
        until(lambda: listener.bus.reading().reconnects == 1, "another connection")

        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "orders"}) == {"ok": True, "heard": "orders"}
        assert [asked.op for asked in listener.requests] == ["status", "orders"]
        listener.bus.publish(telemetry())
        with redis_of(tmp_path) as redis:
            until(lambda: redis.xlen(TELEMETRY) == 1, "telemetry to arrive")


def test_a_redis_that_remembers_does_not_replay_a_halt(tmp_path: Path) -> None:
    """The rule of ten seconds, with a server of the user's own, which outlives its traders."""
    (tmp_path / "own").mkdir()
    long_ago_ns = time.time_ns() - 3_600 * 10**9
    with own_redis(tmp_path / "own") as port, Redis(host="127.0.0.1", port=port, password=PASSWORD) as redis:
        until(lambda: pings(redis), "the server")
        with listening(tmp_path, url_of(port)) as listener:
            redis.xadd(CONTROL, {"json": signed(tmp_path, request("old", long_ago_ns, "halt"))})
            redis.xadd(CONTROL, {"json": signed(tmp_path, request("new", op="status"))})
            until(lambda: redis.xlen(REPLIES) == 2, "both answers")
            replies = [message_from_json(ControlReply, fields[b"json"]) for _, fields in redis.xrange(REPLIES)]
        with listening(tmp_path, url_of(port)) as later:
            redis.xadd(CONTROL, {"json": signed(tmp_path, request("newer", op="orders"))})
            until(lambda: later.requests, "the request")

    assert [(reply.id, reply.ok) for reply in replies] == [("old", False), ("new", True)]
    assert "3600" in replies[0].error and "ask again" in replies[0].error
    assert [asked.id for asked in listener.requests] == ["new"]
    assert [asked.id for asked in later.requests] == ["newer"]


def pings(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisConnectionError:
        return False


def test_an_id_is_answered_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with listening(tmp_path) as listener, redis_of(tmp_path) as redis:
        same = signed(tmp_path, request("same"))
        for _ in range(3):
            redis.xadd(CONTROL, {"json": same})
        redis.xadd(CONTROL, {"json": signed(tmp_path, request("last"))})
        until(lambda: redis.xlen(REPLIES) >= 2 and listener.requests[-1].id == "last", "the last answer")

        replies = [message_from_json(ControlReply, fields[b"json"]).id for _, fields in redis.xrange(REPLIES)]
        assert replies == ["same", "last"]


def test_nonsense_is_answered_with_an_error_and_the_bus_goes_on(tmp_path: Path) -> None:
    with listening(tmp_path) as listener, redis_of(tmp_path) as redis:
        redis.xadd(CONTROL, {"json": b"\xff\x00"})
        redis.xadd(CONTROL, {"other": "field"})
        redis.xadd(CONTROL, {"json": signed(tmp_path, request("x", op="fly"))})
        redis.xadd("lob:promotions", {"json": b"{}"})
        until(lambda: redis.xlen(REPLIES) == 3, "three errors")

        replies = [message_from_json(ControlReply, fields[b"json"]) for _, fields in redis.xrange(REPLIES)]
        assert not any(reply.ok for reply in replies)
        assert "unknown op 'fly'" in replies[2].error
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})["ok"] is True
        assert listener.bus.reading().reconnects == 0
        assert "Promotion" in listener.bus.reading().last_problem


def test_a_callback_that_fails_does_not_silence_the_bus(tmp_path: Path) -> None:
    heard: list[str] = []

    def fail_once(asked: ControlRequest) -> None:
        heard.append(asked.op)
        if len(heard) == 1:
            raise RuntimeError("the loop is closed")
        bus.reply(reply_to(asked, answer))

    bus = BusClient(EMBEDDED, tmp_path, "trader", fail_once)
    bus.start()
    until(lambda: bus.reading().is_connected, "the connection")
    with pytest.raises(NotRunningError, match="no answer over Redis"):
        ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"}, timeout_s=0.2)
    until(lambda: bus.reading().reconnects == 1, "the next connection")

    assert "the loop is closed" in bus.reading().last_problem
    assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "orders"})["ok"] is True
    bus.stop()


def test_a_message_too_large_or_not_json_is_dropped_alone(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        listener.bus.publish(telemetry(text="x" * (1 << 20)))
        listener.bus.publish(Telemetry(process="t", run="r", mode="m", ts_ns=0, body={"wide": 1 << 70}))
        listener.bus.publish(telemetry())
        until(lambda: listener.bus.reading().published == 1, "the good one")

        assert listener.bus.reading().dropped == 2
        assert listener.bus.reading().is_connected


def test_an_answer_too_long_for_redis_is_refused_in_words(tmp_path: Path) -> None:
    bus = BusClient(
        EMBEDDED,
        tmp_path,
        "trader",
        lambda asked: bus.reply(ControlReply(id=asked.id, ok=True, body={"orders": ["x" * 1_000] * 1_000})),
    )
    bus.start()
    until(lambda: bus.reading().is_connected, "the connection")
    found = ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "orders"})
    bus.stop()

    assert found["ok"] is False and "ask for less" in str(found["error"])


def test_a_reason_too_long_to_ask_with_is_usage(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path), pytest.raises(UsageError, match="reason"):
        ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "halt", "reason": "x" * 1_001})


def test_a_full_redis_refuses_and_the_drops_are_counted(tmp_path: Path) -> None:
    with listening(tmp_path) as listener, redis_of(tmp_path) as redis:
        redis.config_set("maxmemory", "1mb")
        for _ in range(40):
            listener.bus.publish(telemetry(text="x" * 100_000))
        until(lambda: listener.bus.reading().published + listener.bus.reading().dropped == 40, "all to be tried")

        assert listener.bus.reading().dropped > 0
        assert "maxmemory" in listener.bus.reading().last_problem
        assert listener.bus.reading().is_connected


def test_a_request_that_is_not_signed_moves_nothing_and_the_desk_goes_on(tmp_path: Path) -> None:
    with listening(tmp_path) as listener, redis_of(tmp_path) as redis:
        redis.xadd(CONTROL, {"json": request("forged", op="halt").to_json()})
        redis.xadd(CONTROL, {"json": request("forged", op="halt").signed(b"another key").to_json()})
        until(lambda: redis.xlen(REPLIES) == 2, "both refusals")
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "halt"})["ok"] is True

        replies = [message_from_json(ControlReply, fields[b"json"]) for _, fields in redis.xrange(REPLIES)]
    assert [asked.op for asked in listener.requests] == ["halt"] and listener.requests[0].id != "forged"
    assert [reply.ok for reply in replies] == [False, False, True]


def test_a_key_that_was_replaced_counts_at_once_and_one_that_others_can_read_never(tmp_path: Path) -> None:
    with listening(tmp_path):
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})["ok"] is True
        (tmp_path / "control.key").unlink()
        assert ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})["ok"] is True
        (tmp_path / "control.key").chmod(0o644)
        with pytest.raises(RefusedError, match="expected mode 600, found 644"):
            ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})


def test_where_redis_is_off_nothing_is_started_or_counted(tmp_path: Path) -> None:
    off = RedisSettings(url="off")  # type: ignore[arg-type]
    bus = BusClient(off, tmp_path / "run", "trader")
    bus.start()
    bus.publish(telemetry())
    bus.stop()

    assert (bus.reading().published, bus.reading().dropped) == (0, 0)
    assert not (tmp_path / "run").exists()
    with pytest.raises(NotRunningError, match="off"):
        ask_over_redis(off, tmp_path, "trader", {"op": "status"})


def test_asking_where_nothing_runs_says_so_and_starts_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="nothing is running there"):
        ask_over_redis(EMBEDDED, tmp_path, "trader", {"op": "status"})

    assert list(tmp_path.iterdir()) == [] and redis_pids(tmp_path) == []


def test_a_password_is_in_no_problem_error_or_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "wr0ng%2Fone"
    with own_redis(tmp_path) as port, Redis(host="127.0.0.1", port=port, password=PASSWORD) as redis:
        until(lambda: pings(redis), "the server")
        bus = BusClient(url_of(port, wrong), tmp_path, "trader")
        bus.start()
        until(lambda: bus.reading().last_problem, "the refusal")
        with pytest.raises(NotRunningError) as caught:
            ask_over_redis(url_of(port, wrong), tmp_path, "trader", {"op": "status"})
        bus.stop()

    said = bus.reading().last_problem
    assert f"redis://127.0.0.1:{port}/0" in said and "invalid username-password" in said
    assert "wr0ng" not in said + str(caught.value) + repr(bus.__dict__) + caplog.text


def test_a_port_where_no_redis_listens_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        other.settimeout(20)
        bus = BusClient(url_of(other.getsockname()[1]), tmp_path, "trader")
        bus.start()
        connection, _ = other.accept()
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        until(lambda: bus.reading().last_problem, "the problem")
        connection.close()
        bus.stop()

    assert not bus.reading().is_connected


def test_a_promotion_is_heard_at_once(settings_file: Path, data_dir: Path) -> None:
    pointer = Pointer(hash="ab" * 32, generation=4, reason="better", by="ada", ts_ns=time.time_ns())
    warnings: list[str] = []
    with listening(data_dir / "run") as listener:
        publish_promotion(load_settings(), pointer, warnings.append)
        until(lambda: listener.promotions, "the notice")

    assert (listener.promotions[0].hash, listener.promotions[0].generation) == (pointer.hash, 4)
    assert warnings == []


def test_a_promotion_never_fails_for_want_of_redis(
    settings_file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pointer = Pointer(hash="ab" * 32, generation=4, reason="better", by="ada", ts_ns=1)
    warnings: list[str] = []
    publish_promotion(load_settings(), pointer, warnings.append)
    assert warnings == [] and not data_dir.exists()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        url = f"redis://:{PASSWORD}@127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("LOB_STREAMING__REDIS__URL", url)
        publish_promotion(load_settings(), pointer, warnings.append)

    assert len(warnings) == 1 and "not told of the promotion" in warnings[0]
    assert PASSWORD not in warnings[0]


def test_a_deep_data_folder_works_for_bus_and_asker(tmp_path: Path) -> None:
    run_dir = tmp_path / ("deep" * 30) / "run"
    with listening(run_dir):
        assert ask_over_redis(EMBEDDED, run_dir, "trader", {"op": "status"})["ok"] is True
        assert len(os.fsencode(run_dir)) > 107
        assert stat.S_ISSOCK((run_dir / "redis.sock").stat().st_mode)
