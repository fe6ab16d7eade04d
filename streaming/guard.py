"""Stands between a supervisor and one child of it, so that nothing below the child outlives the supervisor.

Run by path (`python -I -S guard.py COMMAND...`), with the standard library alone, as it must be up at once. Standard
input is the line to the supervisor: a number there, or its end (however the supervisor died), ends the child with
SIGTERM, that many seconds of patience, then SIGKILL to its session and to whatever it left behind.

Where the kernel can (Linux), orphans below the child come to us, whatever session they made for themselves, and the
child dies with us. Elsewhere the child's session alone is killed.
"""

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
ORPHAN_PATIENCE_S = 2.0
"""For a child whose supervisor is gone: nobody waits for what it would still do."""
RETRY_S = 0.02
CANNOT_START = 127


def prctl() -> Callable[[int, int], int] | None:
    """Return the kernel's call of that name, None where there is none."""
    found: Callable[[int, int], int] | None = getattr(ctypes.CDLL(None), "prctl", None)
    return found


class Guard:
    """The child and everything below it."""

    def __init__(self, command: list[str]) -> None:
        """Start `command` in a session of its own."""
        self._status: int | None = None
        self._is_told_to_end = False
        self._woken, wake = os.pipe()  # a signal writes there, so that waiting for two things is one `select`
        for end in (self._woken, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._tell)
        call = prctl()
        self._owns_orphans = call is not None and call(PR_SET_CHILD_SUBREAPER, 1) == 0
        own = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _become(command, own)

    def run(self) -> int:
        """Wait for the child's end or the order to end it; return its exit code, 128 + n after signal n."""
        patience_s: float | None = None
        while self._status is None and patience_s is None:
            if self._wait([0]):
                patience_s = _number(os.read(0, 64))
            elif self._is_told_to_end:
                patience_s = ORPHAN_PATIENCE_S
        if self._status is None:
            self._end(patience_s or 0.0)
        self._sweep()
        assert self._status is not None
        code = os.waitstatus_to_exitcode(self._status)
        return 128 - code if code < 0 else code

    def _tell(self, _number: int, _frame: object) -> None:
        self._is_told_to_end = True

    def _wait(self, others: list[int], patience_s: float | None = None) -> list[int]:
        """Wait for a signal or one of `others`; bury who has died and return which others are ready."""
        readable, _, _ = select.select([*others, self._woken], [], [], patience_s)
        if self._woken in readable:
            os.read(self._woken, 4096)
            self._bury(os.WNOHANG)
        return [each for each in others if each in readable]

    def _bury(self, options: int) -> None:
        with suppress(ChildProcessError):
            while self._status is None or options:
                pid, status = os.waitpid(-1, options)
                if pid == 0:
                    return
                if pid == self.pid:
                    self._status = status

    def _end(self, patience_s: float) -> None:
        """Ask the child to end, wait, then kill its session."""
        os.kill(self.pid, signal.SIGTERM)
        give_up_s = time.monotonic() + patience_s
        while self._status is None and (left_s := give_up_s - time.monotonic()) > 0:
            self._wait([], left_s)
        if self._status is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._bury(0)

    def _sweep(self) -> None:
        """Kill what the child left; each that dies hands its own children to us, until there is none."""
        if not self._owns_orphans:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            return
        with suppress(ChildProcessError):
            while True:
                for pid in _children_of(os.getpid()):
                    os.kill(pid, signal.SIGKILL)
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(RETRY_S)


def _become(command: list[str], parent: int) -> None:
    """Turn the forked process into `command`: own session, usual signals, ends with its parent. Never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):  # a shell may have left SIGINT ignored
            signal.signal(number, signal.SIG_DFL)
        call = prctl()
        if call is not None:
            call(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == parent:  # else it died before the kernel was told
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(CANNOT_START)


def _number(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:  # the line's end: the supervisor is gone
        return ORPHAN_PATIENCE_S


def _children_of(parent: int) -> list[int]:
    """Return the direct children as /proc tells them; none where there is no /proc."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_bytes().rpartition(b")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(path.parent.name))
    return found


if __name__ == "__main__":
    sys.exit(Guard(sys.argv[1:]).run())
