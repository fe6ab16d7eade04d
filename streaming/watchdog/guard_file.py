"""Where the watchdog's guard says at which venues it could act: `data/run/watchdog.guard.json`."""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

READY_FILE: Final = "watchdog.guard.json"
FRESH_S: Final = 20.0
"""How often the guard asks the venues, and says so."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Where a guard could act, as it said last."""

    run: str
    ready: Mapping[str, bool]
    """By venue."""
    ts_monotonic_ns: int


def write_readiness(run_dir: Path, run: str, ready: Mapping[str, bool]) -> None:
    """Say it; a full disk is no reason not to watch."""
    path = run_dir / READY_FILE
    temporary = path.with_name(f".{READY_FILE}.{os.getpid()}.tmp")
    with suppress(OSError):
        temporary.write_text(json.dumps({"run": run, "ready": ready, "ts_monotonic_ns": time.monotonic_ns()}))
        temporary.replace(path)


def read_readiness(run_dir: Path, run: str) -> Readiness | None:
    """Return what the guard of a run said last; None when it has not."""
    try:
        document = json.loads((run_dir / READY_FILE).read_text())
        found = Readiness(document["run"], document["ready"], document["ts_monotonic_ns"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.run == run else None
