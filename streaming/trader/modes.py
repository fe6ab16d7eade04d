"""How a session trades. The name of its run begins with the word, which so stands in all that is told of it."""

from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    """What orders meet."""

    paper = "paper"
    """The simulated venue; no key is read."""
    shadow = "shadow"
    """The simulated venue; keys, accounts and the venues' order rules are the real ones, and nothing is sent."""
    live = "live"
    """The venues, with money."""


def mode_of(run: str) -> Mode:
    """Return the mode of a session's run; ValueError for the name of another run."""
    word = run.partition("-")[0]
    try:
        return Mode(word)
    except ValueError:
        raise ValueError(f"run {run!r}: expected a session's, beginning with {', '.join(Mode)} and a dash") from None


def session_files(folder: Path, suffix: str) -> list[Path]:
    """Return the sessions' files of a folder that end with `suffix`, whatever their mode, the oldest first."""
    found = [path for mode in Mode for path in folder.glob(f"{mode}-*{suffix}")]
    return sorted(found, key=lambda path: path.name.partition("-")[2])
