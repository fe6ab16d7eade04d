"""Processes that use the embedded Redis, and what runs of it: for tests that kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USER = """
import sys
from pathlib import Path
from streaming.redis_server import EmbeddedRedis
use = EmbeddedRedis(Path(sys.argv[1]))
use.ensure()
print("joined", flush=True)
sys.stdin.read()
"""


@contextmanager
def users_of(run_dir: Path, count: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Run processes that join the server of `run_dir` at once; killed with -9 at the end, if not before."""
    words = [sys.executable, "-c", USER, str(run_dir)]
    users = [subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for user in users:
            assert user.stdout is not None and user.stdout.readline() == "joined\n"
        yield users
    finally:
        for user in users:
            user.kill()
            user.communicate()


def processes_in(run_dir: Path) -> list[tuple[int, bytes]]:
    """Return (process id, command) of what works in or under a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "cwd").readlink().is_relative_to(run_dir):
                found.append((int(folder.name), (folder / "cmdline").read_bytes()))
    return found


def redis_pids(run_dir: Path) -> list[tuple[str, int]]:
    """Return (`keeper` or `server`, process id) of what runs in or under a folder, sorted."""
    commands = [(pid, command) for pid, command in processes_in(run_dir) if b"redis" in command]
    return sorted(("keeper" if b"redis_keeper" in command else "server", pid) for pid, command in commands)


def is_gone(run_dir: Path) -> bool:
    """Return whether nothing runs in a folder."""
    return not redis_pids(run_dir)


def signal_server(run_dir: Path, number: signal.Signals) -> int:
    """Send a signal to the server of a folder and return its process id."""
    pid = dict(redis_pids(run_dir))["server"]
    os.kill(pid, number)
    return pid
