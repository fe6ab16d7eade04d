"""Moves the champion pointer back by the command that a person would use, as a process of the floor that owns it."""

import asyncio
import subprocess
import sys
from collections.abc import Callable

from streaming.cli.children import environment
from streaming.errors import RefusedError
from streaming.settings import Settings

ATTEMPTS_MAX = 3
PAUSE_S = 5.0
"""Between two attempts."""
LIMIT_S = 120.0
"""For one attempt: it verifies a bundle, moves a file and tells MLflow."""
BY = "trader"


class MoveBack:
    """One rollback at a time. `on_end` hears on the event loop how it ended: empty text, or what was wrong."""

    def __init__(self, settings: Settings, on_end: Callable[[str], None]) -> None:
        self._settings = settings
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None

    def begin(self, generation: int, reason: str) -> None:
        """Begin to move the pointer back from `generation`; nothing happens while one is under way."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(generation, reason))

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self, generation: int, reason: str) -> None:
        problem = ""
        for attempt in range(ATTEMPTS_MAX):
            if attempt:
                await asyncio.sleep(PAUSE_S)
            problem, is_final = await asyncio.to_thread(self._move, generation, reason)
            if is_final:
                break
        self._on_end(problem)

    def _move(self, generation: int, reason: str) -> tuple[str, bool]:
        """Return what is wrong, empty when it was moved, and whether asking again is of no use."""
        folders = self._settings.warehouse
        words = ["models", "rollback", "--reason", reason, "--by", BY, "--generation", str(generation)]
        words += ["--models", str(folders.models_dir), "--tracking-uri", f"sqlite:///{folders.mlflow_path}"]
        try:
            done = subprocess.run(
                [sys.executable, "-m", "ml", *words],
                env=environment(),
                check=False,
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error), False
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        is_final = done.returncode in (0, RefusedError.exit_code)
        return "" if done.returncode == 0 else lines[-1], is_final
