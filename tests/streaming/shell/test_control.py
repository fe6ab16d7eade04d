"""The control socket: one JSON object a line, for its owner alone."""

import socket
import stat
from pathlib import Path
from threading import Event, Thread

import orjson
import pytest
from serving_control import serving
from waiting import until

from native.config import JsonObject
from streaming.errors import NotRunningError, RefusedError
from streaming.shell.control import ask


def answer(request: JsonObject) -> JsonObject:
    if request["op"] == "refuse":
        raise RefusedError("a rule says no")
    if request["op"] == "break":
        raise KeyError("a mistake of ours")
    return {"heard": request["op"]}


def test_a_request_is_answered_and_the_socket_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "run" / "trader.sock"
    with serving(path, answer):
        assert ask(path, {"op": "status"}) == {"ok": True, "heard": "status"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_a_refusal_carries_its_words_and_exit_code(tmp_path: Path) -> None:
    path = tmp_path / "trader.sock"
    with serving(path, answer):
        refusal = ask(path, {"op": "refuse"})
    assert refusal == {"ok": False, "error": "a rule says no", "exit_code": 3}


@pytest.mark.parametrize("request_", [{"word": "status"}, {"op": 1}])
def test_what_is_no_request_is_told_so(tmp_path: Path, request_: JsonObject) -> None:
    path = tmp_path / "trader.sock"
    with serving(path, answer):
        assert ask(path, request_)["exit_code"] == 2


def test_asking_where_nobody_listens_says_that_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="nothing is running there"):
        ask(tmp_path / "trader.sock", {"op": "status"})


def test_a_socket_left_by_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "trader.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with pytest.raises(NotRunningError):
        ask(path, {"op": "status"})
    with serving(path, answer):
        assert ask(path, {"op": "status"})["ok"] is True


def test_a_place_longer_than_the_kernel_takes_works_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 30) / "trader.sock"
    path.parent.mkdir()
    with serving(path, answer):
        assert ask(path, {"op": "status"})["ok"] is True


def test_a_mistake_of_the_process_is_answered_and_the_connection_lives_on(tmp_path: Path) -> None:
    path = tmp_path / "trader.sock"
    with serving(path, answer):
        found = ask(path, {"op": "break"})
        assert (found["ok"], found["exit_code"]) == (False, 1)
        assert "runs on" in str(found["error"]) and "KeyError" in str(found["error"])
        assert ask(path, {"op": "status"})["ok"] is True


def test_a_request_whose_asker_gave_up_while_the_process_hung_is_not_acted_upon(tmp_path: Path) -> None:
    path, wakes_up = tmp_path / "trader.sock", Event()
    heard: list[object] = []

    def hanging(request: JsonObject) -> JsonObject:
        heard.append(request["op"])
        assert wakes_up.wait(10)
        return {}

    with serving(path, hanging):
        asking = Thread(target=ask, args=(path, {"op": "status"}))
        asking.start()
        until(lambda: bool(heard), "the first request to be heard")
        with pytest.raises(NotRunningError, match=r"no answer in 0\.05 s"):
            ask(path, {"op": "resume"}, timeout_s=0.05)
        wakes_up.set()
        asking.join()
        assert ask(path, {"op": "orders"})["ok"] is True

    assert heard == ["status", "orders"]


@pytest.mark.parametrize(("answer_by_ns", "exit_code"), [(1, 3), ("soon", 2)])
def test_a_time_that_is_over_or_none_is_refused(tmp_path: Path, answer_by_ns: object, exit_code: int) -> None:
    line = orjson.dumps({"op": "resume", "answer_by_ns": answer_by_ns}) + b"\n"
    path = tmp_path / "trader.sock"
    with serving(path, answer), socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(line)
        assert orjson.loads(raw.makefile().readline())["exit_code"] == exit_code
