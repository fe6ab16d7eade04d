"""The latch `data/run/trader.halted`: while it stands, a trader begins halted, until a person resumes with a reason.

Set by the watchdog and by `trader kill`, cleared by an accepted `resume` alone. A file that cannot be read, an empty
one that somebody touched say, is a latch as well. Standard library alone.
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "trader.halted"


@dataclass(frozen=True, slots=True)
class Latch:
    """Why nobody trades here before a person says so."""

    reason: str
    by: str
    """`watchdog` or `operator`."""
    ts_ns: int
    pid: int
    """Of the trader that it was set for."""


def set_latch(run_dir: Path, reason: str, by: str, pid: int) -> Path:
    """Write the latch whole, and put it on the disk; one that stands already keeps its first reason."""
    path = run_dir / FILE_NAME
    if path.exists():
        return path
    run_dir.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{FILE_NAME}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(asdict(Latch(reason, by, time.time_ns(), pid)), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return path


def read_latch(run_dir: Path) -> Latch | None:
    """Return the latch, None when there is none."""
    path = run_dir / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    try:
        return Latch(**json.loads(text))
    except (ValueError, TypeError):
        return Latch(f"{path} stands, without a reason that can be read", "unknown", 0, 0)


def clear_latch(run_dir: Path) -> None:
    """Remove the latch; a resume was accepted."""
    with suppress(FileNotFoundError):
        (run_dir / FILE_NAME).unlink()
