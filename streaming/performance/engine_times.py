"""How long the engine took for its inputs, as a session notes it: two readings of a watch and one append a frame.

A session reads no clock of its own: whoever runs it hands it the watch, and takes what was noted about once a second.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

NOTES_MAX = 65_536
"""Of each kind; beyond them the oldest are forgotten."""


def no_watch() -> int:
    """Stand in where nobody measures."""
    return 0


def _notes() -> deque[int]:
    return deque(maxlen=NOTES_MAX)


@dataclass(slots=True)
class EngineTimes:
    """Real ns of the engine's call."""

    now_ns: Callable[[], int] = no_watch
    closing_begin_ns: int = 0
    """When the engine was given the input that closed a step last, by the watch."""
    frame: deque[int] = field(default_factory=_notes)
    """Of frames that closed no step: decoded, checked for continuity, into the book."""
    closing: deque[int] = field(default_factory=_notes)
    """Of inputs that closed a step: the features of all slots beside, and what strategies decide on a step."""

    def close(self, begin_ns: int) -> None:
        """Take note of an input that closed a step, which the engine was given at `begin_ns` and has now taken."""
        self.closing_begin_ns = begin_ns
        self.closing.append(self.now_ns() - begin_ns)
