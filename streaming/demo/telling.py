"""How a demo tells what it does: one line as a stage begins, its progress in between, its time at the end."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from streaming.cli.grammar import ProgressLine

PROGRESS_S = 5.0
"""Between two progress lines where stderr is no terminal."""


@dataclass(slots=True)
class Teller:
    """Prints, and keeps the wall time of every stage."""

    is_quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage, in the order in which they began."""
    _shown: str = ""
    _shown_s: float = 0.0
    _line: ProgressLine = field(default_factory=ProgressLine)

    def say(self, what: str, text: str) -> None:
        """Print one line."""
        self._line.close()
        if not self.is_quiet:
            print(f"  {what:<12} {text}".rstrip(), flush=True)

    @contextmanager
    def stage(self, name: str, text: str) -> Iterator[None]:
        """Tell that a stage begins, and note how long it took."""
        self.say(name, text)
        begun_s = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun_s
            self._line.close()

    def progress(self, text: str) -> None:
        """Show what a stage is at, seldom where nobody watches."""
        now_s = time.monotonic()
        if text != self._shown and (sys.stderr.isatty() or now_s - self._shown_s >= PROGRESS_S):
            self._shown, self._shown_s = text, now_s
            self._line(f"               {text}"[: _columns()])


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size((120, 24)).columns - 1
