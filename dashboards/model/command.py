"""Promoting and rolling back: the commands that a person would type, as child processes whose words are shown.

One at a time for the whole dashboard, whoever's page began it; a page that is closed does not end it.
"""

import asyncio
import os
import shlex
import signal
import sys
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from dashboards.errors import DeskError

LIMIT_S: Final = 900.0
"""For one command: a promotion may run the backtests that its rules of money want."""
LINES_MAX: Final = 200
LINE_BYTES_MAX: Final = 4_096
CHUNK_BYTES: Final = 1 << 14
OUTCOMES: Final = {0: "done", 1: "failed", 2: "was asked wrongly", 3: "refused", 5: "found bad data"}


@dataclass(slots=True)
class Course:
    """One command, from its start on."""

    words: tuple[str, ...]
    began_s: float
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_MAX))
    exit_code: int | None = None
    ended_s: float | None = None

    @property
    def text(self) -> str:
        """Return the command as a person types it."""
        return typed(self.words)

    def outcome(self, now_s: float) -> str:
        """Return how it stands in words."""
        if self.ended_s is None:
            return f"running, {now_s - self.began_s:.0f} s"
        word = "was ended" if self.exit_code is None else OUTCOMES.get(self.exit_code, "failed")
        code = "" if self.exit_code is None else f", exit code {self.exit_code}"
        return f"{word} after {self.ended_s - self.began_s:.1f} s{code}"


class ModelCommands:
    """Use on the event loop."""

    def __init__(self, settings_file: Path) -> None:
        self._settings_file = settings_file
        self._task: asyncio.Task[None] | None = None
        self.course: Course | None = None
        """The last one, running or over."""

    @property
    def is_running(self) -> bool:
        """Whether one is under way."""
        return self._task is not None and not self._task.done()

    def begin(self, words: Sequence[str]) -> None:
        """Begin `trader` with these words; DeskError while another is under way."""
        if self.is_running:
            raise DeskError("another command about models is under way; wait until it is over")
        course = self.course = Course(tuple(words), time.monotonic())
        self._task = asyncio.get_running_loop().create_task(self._run(course))

    async def _run(self, course: Course) -> None:
        try:
            await asyncio.wait_for(self._follow(course), LIMIT_S)
        except TimeoutError:
            course.lines.append(f"it was ended: not over after {LIMIT_S:.0f} s")
        except OSError as error:
            course.lines.append(f"it could not be started: {error}")
        finally:
            course.ended_s = time.monotonic()

    async def _follow(self, course: Course) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "streaming",
            *course.words,
            env={**os.environ, "LOB_SETTINGS": str(self._settings_file)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # It starts processes of its own, which must end with it.
            start_new_session=True,
        )
        assert process.stdout is not None, "asked for above"
        try:
            await _keep_lines(process.stdout, course)
            course.exit_code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()


async def _keep_lines(stream: asyncio.StreamReader, course: Course) -> None:
    tail = b""
    while chunk := await stream.read(CHUNK_BYTES):
        *whole, tail = (tail + chunk).split(b"\n")
        course.lines.extend(line.decode(errors="replace").rstrip() for line in whole)
        tail = tail[-LINE_BYTES_MAX:]
    if tail:
        course.lines.append(tail.decode(errors="replace").rstrip())


def typed(words: Sequence[str]) -> str:
    """Return a command as a person types it."""
    return shlex.join(("trader", *words))


def promotion(bundle: str, reason: str) -> tuple[str, ...]:
    """Return the words that make a bundle champion; `=` keeps a reason from being read as an option."""
    return ("models", "promote", bundle, f"--reason={reason}")


def rollback(reason: str) -> tuple[str, ...]:
    """Return the words that go back to the champion before."""
    return ("models", "rollback", f"--reason={reason}")


@cache
def commands_of(settings_file: Path) -> ModelCommands:
    """Return the one of this process."""
    return ModelCommands(settings_file)
