"""Waiting in tests: for a condition, never for a time."""

import time
from collections.abc import Callable

PATIENCE_S = 20.0
STEP_S = 0.005


def until(condition: Callable[[], object], what: str = "the condition") -> None:
    """Return when `condition` holds; fail when it never does."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, f"waited {PATIENCE_S:g} s for {what}"
        time.sleep(STEP_S)
