"""The steps one by one: what each does with a trader that answers, refuses, is silent or is gone; the latch itself."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from streaming.watchdog.heartbeat import ENDED, FORM, MAGIC, RUNNING, TRADER, Heartbeat, HeartbeatReader
from streaming.watchdog.ladder import LADDER, SOCKET_NAME, Case, Process, climb, end, halt
from streaming.watchdog.latch import Latch, clear_latch, read_latch, set_latch
from streaming.watchdog.process import Watchdog

LONG_AGO_NS = 60 * 10**9
HALTED = {"ok": True, "state": "halted"}
STARTING = {"ok": False, "error": "the trader is starting", "exit_code": 3}
MISTAKE = {"ok": False, "error": "control: a mistake", "exit_code": 1}


@contextmanager
def sleeper():
    """A process that does nothing, in place of a trader."""
    child = subprocess.Popen([sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"], stdout=-1)
    try:
        child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@contextmanager
def answering(run_dir, answer):
    """A control socket that answers every request alike; yields what was asked."""
    asked = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(run_dir / SOCKET_NAME))
        server.listen()

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(json.loads(connection.makefile().readline()))
                    connection.sendall(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def case_of(run_dir, pid):
    return Case(run_dir, Process(pid), "watchdog", "it is silent", 0.1)


def beat(run_dir, pid, life=RUNNING):
    """A heartbeat that stopped long ago."""
    (run_dir / TRADER).write_bytes(FORM.pack(MAGIC, pid, life, time.monotonic_ns() - LONG_AGO_NS))


@pytest.mark.parametrize("answer", [HALTED, STARTING])
def test_a_trader_that_says_it_is_harmless_is_latched_and_left_to_run(tmp_path, answer):
    with sleeper() as child, answering(tmp_path, answer) as asked:
        said = climb(case_of(tmp_path, child.pid))

        assert child.poll() is None
    assert asked == [{"op": "halt", "reason": "it is silent", "by": "watchdog"}]
    assert "answers and runs on" in said[2] and read_latch(tmp_path).reason == "it is silent"


def test_a_trader_that_answers_with_a_mistake_of_its_own_is_ended(tmp_path):
    with sleeper() as child, answering(tmp_path, MISTAKE):
        said = climb(case_of(tmp_path, child.pid))

        assert child.wait(5) == -signal.SIGTERM
    assert "a mistake" in said[0] and "ended by SIGTERM" in said[2]


def test_a_trader_that_is_gone_is_latched_and_nobody_else_is_signalled(tmp_path):
    with sleeper() as child:
        case = case_of(tmp_path, child.pid)
        child.kill()
        child.wait()
        said = climb(case)

    assert said[0] == "halt: the process is gone" and said[2] == f"end: process {child.pid} is gone"
    assert read_latch(tmp_path).pid == child.pid and Process(child.pid).has_ended()


def test_a_step_that_fails_does_not_keep_the_next_from_being_taken(tmp_path):
    def broken(case):
        raise OSError("the disk is gone")

    with sleeper() as child:
        said = climb(case_of(tmp_path, child.pid), (broken, *LADDER))

        assert child.wait(5) == -signal.SIGTERM
    assert said[0] == "broken: failed: the disk is gone" and len(said) == 4


def test_a_silent_trader_that_answers_is_acted_on_once_and_watched_on(tmp_path, capfd):
    with sleeper() as child, answering(tmp_path, HALTED) as asked:
        beat(tmp_path, child.pid)
        heart = HeartbeatReader(tmp_path)
        watchdog = Watchdog(tmp_path, heart, Process(child.pid), 0.3, 0.1)
        codes = []
        thread = threading.Thread(target=lambda: codes.append(watchdog.run()), daemon=True)
        thread.start()
        while not asked:
            time.sleep(0.01)
        watched_on = [thread.join(0.5), thread.is_alive(), len(asked)]
        child.kill()
        child.wait()
        thread.join(5)
        heart.close()

    assert watched_on == [None, True, 1] and codes == [1]
    assert "no heartbeat for" in read_latch(tmp_path).reason and "answers and runs on" in capfd.readouterr().err


def test_a_trader_that_ended_in_order_is_left_in_peace_however_old_its_heartbeat(tmp_path):
    with sleeper() as child:
        beat(tmp_path, child.pid, ENDED)
        heart = HeartbeatReader(tmp_path)

        assert Watchdog(tmp_path, heart, Process(child.pid), 0.1, 0.1).run() == 0
        heart.close()
    assert read_latch(tmp_path) is None


def test_a_heartbeat_is_read_while_it_is_written_and_after_its_end(tmp_path):
    mine = Heartbeat(tmp_path)
    reader = HeartbeatReader(tmp_path)
    first = reader.read()
    mine.touch()
    second = reader.read()
    mine.end()
    mine.close()
    third = reader.read()
    Heartbeat(tmp_path).close()  # of the next trader: another file

    assert first.pid == os.getpid() and second.beat_ns > first.beat_ns
    assert [first.has_ended, second.has_ended, third.has_ended, reader.read().has_ended] == [False, False, True, True]
    reader.close()


def test_a_file_that_is_no_heartbeat_is_refused(tmp_path):
    (tmp_path / TRADER).write_bytes(b"something else")
    reader = HeartbeatReader(tmp_path)

    with pytest.raises(ValueError, match="expected a heartbeat"):
        reader.read()
    reader.close()


def test_a_latch_keeps_its_first_reason_until_it_is_cleared(tmp_path):
    set_latch(tmp_path, "first", "watchdog", 7)
    set_latch(tmp_path, "second", "operator", 8)
    first = read_latch(tmp_path)
    clear_latch(tmp_path)
    cleared = read_latch(tmp_path)
    clear_latch(tmp_path)

    assert isinstance(first, Latch) and (first.reason, first.by, first.pid, cleared) == ("first", "watchdog", 7, None)


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"reason": "x"}'])
def test_a_latch_that_cannot_be_read_is_a_latch(tmp_path, text):
    (tmp_path / "trader.halted").write_text(text)

    assert "without a reason that can be read" in read_latch(tmp_path).reason


def test_a_live_trader_that_hangs_has_its_orders_cancelled_before_and_after_its_end(tmp_path):
    states = []
    with sleeper() as child:
        child.send_signal(signal.SIGSTOP)
        case = Case(tmp_path, Process(child.pid), "watchdog", "silent", 0.1)

        def cancel_ours(silence_s):
            states.append(case.trader.has_ended())
            return "2 of ours cancelled"

        case.cancel_ours = cancel_ours
        said = climb(case)

    assert [line.partition(":")[0] for line in said] == ["halt", "latch", "cancel", "end", "confirm"]
    assert states == [False, True]
    assert said[2] == "cancel: 2 of ours cancelled" and said[4] == "confirm: 2 of ours cancelled"


def test_a_live_trader_that_comes_back_while_its_orders_are_cancelled_halts_and_is_left_to_run(tmp_path):
    with sleeper() as child:
        case = Case(tmp_path, Process(child.pid), "watchdog", "silent", 0.1, cancel_ours=lambda silence_s: "none left")
        assert halt(case).startswith("halt: no answer")
        with answering(tmp_path, {"ok": True, "state": "halted"}):
            said = end(case)

        assert said == f"end: not needed, process {child.pid} answers and runs on"
        assert not case.trader.has_ended()


def test_a_cancel_that_fails_does_not_keep_the_trader_from_being_ended(tmp_path):
    def cancel_ours(silence_s):
        raise OSError("no network")

    with sleeper() as child:
        case = Case(tmp_path, Process(child.pid), "watchdog", "silent", 0.1, cancel_ours=cancel_ours)
        said = climb(case)

        assert case.trader.has_ended(5.0)
    assert "cancel: failed: no network" in said and "confirm: failed: no network" in said
