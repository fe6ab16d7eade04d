"""Progress lines: shown in Dagster's log of the run (a managed logger) and printed by `python -m orchestration`."""

import logging
import sys
import time
from collections.abc import Callable

LOGGER = "orchestration"
"""Name in `python_logs` of dagster.yaml, which copies the lines into the run's own log."""
SECONDS_BETWEEN = 3.0


def say(line: str) -> None:
    """Tell people one line."""
    logging.getLogger(LOGGER).info(line)


def warn(line: str) -> None:
    """Tell people one line about something that went wrong beside the work."""
    logging.getLogger(LOGGER).warning("warning: %s", line)


def counter(what: str) -> Callable[[int, int], None]:
    """Return a callback (done, in all) that tells the share done, at most every few seconds."""
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN:
            told = now
            say(f"{what}: {100 * done // max(total, 1)} %")

    return tell


def print_lines() -> None:
    """Print progress lines of this process on stderr, so that stdout stays the command's answer."""
    logger = logging.getLogger(LOGGER)
    if not logger.handlers:
        logger.addHandler(_Stderr())
    logger.setLevel(logging.INFO)


class _Stderr(logging.Handler):
    """Prints to what stderr is when a line is told, not when the handler was made."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)
