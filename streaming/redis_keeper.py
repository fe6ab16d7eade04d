"""Keeps one redis-server alive for as long as somebody holds `redis.users` open for writing, and not a moment longer.

A program of its own (`python redis_keeper.py BINARY WORDS...`, in the folder of the socket) that imports nothing of
ours, so that it starts in milliseconds and stays small. How it knows: reading a FIFO gives end-of-file when its last
writer is gone, however it went; kill -9 of all users closes their descriptors too. Whoever joins does so under
`redis.lock`, and so does the end here: nobody can join a server that is about to be stopped.

If this process is killed, the kernel kills the server with it (PR_SET_PDEATHSIG). Its standard output is a pipe to
who started it: end-of-file there says that server and keeper are gone, and what stands before it says why.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

USERS_NAME = "redis.users"
LOCK_NAME = "redis.lock"
SOCKET_NAME = "redis.sock"
PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> None:
    """Run the server until its last user is gone or it ends by itself."""
    if os.fork():
        os._exit(0)  # nobody's child: who started us may close its use and live on, without a zombie
    os.umask(0o077)  # the server makes its socket before it sets the permissions
    users = os.open(USERS_NAME, os.O_RDONLY | os.O_NONBLOCK)  # not waiting: who started us may be dead already
    _remove(SOCKET_NAME)
    own = os.getpid()
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=lambda: _die_with(own))
    threading.Thread(target=_follow, args=(server,), daemon=True).start()
    while not _stop_if_unused(users, server):
        pass


def _stop_if_unused(users: int, server: "subprocess.Popen[bytes]") -> bool:
    """Wait until no writer is left, then stop the server; False when somebody joined in between."""
    os.set_blocking(users, True)
    while os.read(users, 4096):
        pass
    try:
        lock = os.open(LOCK_NAME, os.O_RDWR)
    except FileNotFoundError:  # the folder was removed: nobody can join here any more
        server.kill()
        return True
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        os.set_blocking(users, False)
        try:
            is_used = bool(os.read(users, 4096))
        except BlockingIOError:  # a writer is there, and silent
            is_used = True
        if not is_used:
            if _is_named(users):
                _remove(SOCKET_NAME)
                _remove(USERS_NAME)
            server.kill()  # nothing is kept, so there is nothing to say farewell to
        return not is_used
    finally:
        os.close(lock)


def _follow(server: "subprocess.Popen[bytes]") -> None:
    """End with the server: the next user then starts another."""
    server.wait()
    os._exit(0)


def _is_named(users: int) -> bool:
    """Tell whether the FIFO is still ours: another keeper's, made after somebody removed ours, and its socket stay."""
    try:
        return os.path.samestat(os.fstat(users), Path(USERS_NAME).stat())
    except FileNotFoundError:
        return False


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was told
        os._exit(1)


def _remove(name: str) -> None:
    with suppress(FileNotFoundError):
        Path(name).unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
