"""Errors of the trader; each class is one exit code of the `trader` command.

    TraderError                1  something failed
    ├── UsageError             2  the command or its options do not make sense
    │   └── SettingsError         a settings key is unknown, misspelt or has no value
    ├── RefusedError           3  a safety rule says no
    ├── NotRunningError        4  the process asked is not there
    └── BadDataError           5  data cannot be trusted
        ├── RecordingError        an imported file: names file and line
        └── SegmentError          a segment or journal file: names file and byte
            └── TornError         its last block is cut off: the writer died in the middle

Each message is one line that says what was expected, what was found and what to do next.
"""

from pathlib import Path

MAKE_AGAIN = "make it again: trader import --replace, trader emulate, or trader start for a journal"


class TraderError(Exception):
    """A failure that the command reports in one line."""

    exit_code = 1


class UsageError(TraderError):
    """The command line does not say something that can be done."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings key is unknown or has a wrong value; `key` is its dotted path."""

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(f"settings {source}: {key}: {problem}")
        self.key = key


class RefusedError(TraderError):
    """A safety rule refused; overriding it needs a person's act, which the message names."""

    exit_code = 3


class NotRunningError(TraderError):
    """The process or its socket is not there."""

    exit_code = 4


class BadDataError(TraderError):
    """Data that must not be used."""

    exit_code = 5


def mistake_text(error: Exception) -> str:
    """Return, for whoever asked a running process, that it made a mistake of its own, and which."""
    return f"control: the process runs on but made a mistake, report it: {type(error).__name__}: {error}"


def refusal_of(text: str, exit_code: object) -> TraderError:
    """Return the error that another process answered with, of the class whose exit code it named."""
    kinds = (UsageError, RefusedError, NotRunningError, BadDataError)
    return next((kind(text) for kind in kinds if kind.exit_code == exit_code), TraderError(text))


class RecordingError(BadDataError):
    """A recording that cannot be imported; `line` counts from 1, 0 means the file as a whole."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        place = f"{path}: line {line}" if line else str(path)
        super().__init__(f"{place}: {problem}")
        self.path = path
        self.line = line


class SegmentError(BadDataError):
    """A segment or journal file is damaged; `byte` counts in the file, None where the problem says a place itself."""

    def __init__(self, path: Path, byte: int | None, problem: str) -> None:
        place = str(path) if byte is None else f"{path}: byte {byte}"
        super().__init__(f"{place}: {problem}; {MAKE_AGAIN}")
        self.path = path
        self.byte = byte


class TornError(SegmentError):
    """A file whose last block is cut off, as a writer leaves it that died while it wrote."""
