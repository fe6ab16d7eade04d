"""What page tests share while they run, and what ends behind the last of them.

A fixture of the whole session would live until the last test of all, and a trader, a browser and three venues would
take their part of the processors from everybody else's tests.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Generic, TypeVar

import pytest

T = TypeVar("T")
_STARTED: pytest.StashKey[list["Shared[Any]"]] = pytest.StashKey()


class Shared(Generic[T]):
    """Something that is started when it is first asked for, and anew after it was ended."""

    def __init__(self, session: pytest.Session, make: Callable[[], AbstractContextManager[T]]) -> None:
        self._make = make
        self._stack = ExitStack()
        self._found: list[T] = []
        session.stash.setdefault(_STARTED, []).append(self)

    def get(self) -> T:
        """Return it, started."""
        if not self._found:
            self._found.append(self._stack.enter_context(self._make()))
        return self._found[0]

    def end(self) -> None:
        """End it; the next `get` starts it anew."""
        self._found.clear()
        self._stack.close()


def end_shared(session: pytest.Session) -> None:
    """End all that is shared, the newest first."""
    for shared in reversed(session.stash.get(_STARTED, [])):
        shared.end()
