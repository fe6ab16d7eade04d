"""Child processes that live at most as long as this one, whatever ends it; each writes to a log of its own.

Between us and a child stands `guard.py`, which hears from us through a pipe. The pipe closes when we end, by return,
exception, signal or kill -9, and the guard then ends the child and everything below it. A guard that is itself killed
takes the child along; what lived below that is found by a mark in its environment and killed when we next look.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from streaming import guard
from streaming.errors import TraderError

Progress = Callable[[str], None]
Condition = Callable[[], bool]

PATIENCE_S = 10.0
"""Between SIGTERM and SIGKILL, for a child that writes files when it ends."""
KILL_S = 5.0
"""What the guard may need beyond that."""
LOOK_S = 0.05
LINES_TOLD = 5
TAIL_BYTES = 8_192
MARK = "TRADER_SUPERVISED"
"""Variable of the environment that everything below one child shares."""


def caveat() -> str:
    """Return what this system cannot promise, empty where it can all."""
    if guard.prctl() is not None:
        return ""
    return "this system tells no process of its parent's death: what a child puts into another session may outlive it"


class Child:
    """One child; its standard output is `<name>.out`, its errors are `<name>.log`."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Start it; the command's first word is looked up on the path."""
        self.name = name
        self.out, self.log = folder / f"{name}.out", folder / f"{name}.log"
        self._mark = uuid.uuid4().hex
        self._is_swept = False
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, *command],
                env={**environment, MARK: self._mark},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=log,
                start_new_session=True,  # Ctrl-C in our terminal is ours to hand on
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs; 128 + n after signal n, 127 if it could not be started, -n if its guard was killed."""
        code = self._guard.poll()
        if code is not None and code < 0 and not self._is_swept:
            self._is_swept = True
            _kill_marked(f"{MARK}={self._mark}".encode())
        return code

    def last_lines(self, count: int = LINES_TOLD) -> list[str]:
        """Return the last lines of its log, what it printed where the log is empty."""
        return _last_lines(self.log, count) or _last_lines(self.out, count)

    def tell_to_end(self, patience_s: float) -> None:
        """Have it sent SIGTERM, and SIGKILL after `patience_s`; does not wait."""
        pipe = self._guard.stdin
        assert pipe is not None
        if not pipe.closed:
            with suppress(BrokenPipeError):  # it has ended by itself
                os.write(pipe.fileno(), f"{patience_s}\n".encode())
            pipe.close()

    def join(self, limit_s: float) -> int:
        """Wait for its end and return the exit code; a guard that does not answer in time is killed."""
        try:
            self._guard.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # its child dies by that where the kernel can
            self._guard.wait()
        code = self.exit_code
        assert code is not None, "it was waited for"
        return code


class Supervisor:
    """Starts children and ends them, the last one first, when its block is left."""

    def __init__(self, folder: Path, patience_s: float = PATIENCE_S) -> None:
        """Use `folder` for the children's logs (it is made) and `patience_s` when the block is left."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._patience_s = patience_s
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._children:
                self.stop(self._children[-1])
        finally:  # a second Ctrl-C: nobody is waited for any more, the guards do the rest
            for child in self._children:
                child.tell_to_end(0.0)

    @property
    def running(self) -> list[Child]:
        """Children that were started and neither stopped nor waited for, the oldest first."""
        return list(self._children)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a child; a second one of the same name writes its log anew."""
        child = Child(name, command, environment, self._folder)
        self._children.append(child)
        return child

    def await_ready(
        self, child: Child, is_ready: Condition, limit_s: float, what: str, progress: Progress | None = None
    ) -> None:
        """Wait until `is_ready`; TraderError with the child's last lines when it ends before, or takes longer."""
        give_up_s = time.monotonic() + limit_s
        while not is_ready():
            self.check(child)
            if time.monotonic() > give_up_s:
                raise TraderError(f"{child.name}: expected {what} within {limit_s:g} s; {_words(child)}")
            self._look_after(child, progress)

    def wait(self, child: Child, limit_s: float, progress: Progress | None = None) -> int:
        """Wait for a child that ends by itself and return its exit code; TraderError when it takes longer."""
        give_up_s = time.monotonic() + limit_s
        while (code := child.exit_code) is None:
            if time.monotonic() > give_up_s:
                raise TraderError(f"{child.name}: expected its end within {limit_s:g} s; {_words(child)}")
            self._look_after(child, progress)
        self._children.remove(child)
        child.tell_to_end(0.0)
        return code

    def check(self, *children: Child) -> None:
        """Raise TraderError with the last lines of a child that has ended; without arguments look at all."""
        for child in children or self._children:
            if child.exit_code is not None:
                raise TraderError(f"{child.name}: ended with exit code {child.exit_code}; {_words(child)}")

    def stop(self, child: Child, patience_s: float | None = None) -> int:
        """End a child: SIGTERM, wait, then kill whatever is left below it; return its exit code."""
        patience_s = self._patience_s if patience_s is None else patience_s
        child.tell_to_end(patience_s)
        code = child.join(patience_s + KILL_S)
        self._children.remove(child)
        return code

    def _look_after(self, child: Child, progress: Progress | None) -> None:
        if progress is not None and (lines := _last_lines(child.log, 1)):  # its output is an answer
            progress(lines[0])
        time.sleep(LOOK_S)


def _kill_marked(mark: bytes) -> None:
    """Kill every process with `mark` in its environment, until a look finds none; nothing where there is no /proc."""
    give_up_s = time.monotonic() + KILL_S
    while (found := _marked(mark)) and time.monotonic() < give_up_s:
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_S)


def _marked(mark: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's, or gone; a zombie's is empty
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _words(child: Child) -> str:
    lines = child.last_lines()
    return f"it said: {' / '.join(lines)} ({child.log})" if lines else f"it said nothing ({child.log})"


def _last_lines(path: Path, count: int) -> list[str]:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    return [line for line in lines if line][-count:]
