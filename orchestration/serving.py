"""Servers that run in the foreground and end with us: told alone to stop, several leave children of theirs behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from streaming.settings import PROJECT_ROOT
from warehouse.config import WarehouseConfig

STOP_S = 10.0
WORKSPACE = ("-w", "workspace.yaml")


def command_of(name: str, folders: WarehouseConfig, host: str = "", port: int = 0) -> list[str]:
    """Return the command of a server: `dagster` (all of it), `webserver`, `daemon` or `mlflow`."""
    place = ["--host", host, "--port", str(port)]
    if name == "mlflow":
        return [_program("mlflow"), "server", *place, *_mlflow_words(folders.mlflow_path)]
    if name == "daemon":
        return [_program("dagster-daemon"), "run", *WORKSPACE]
    program = [_program("dagster"), "dev"] if name == "dagster" else [_program("dagster-webserver")]
    return [*program, *WORKSPACE, *place]


def serve(command: Sequence[str]) -> int:
    """Run it until Ctrl-C or SIGTERM; return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    child = subprocess.Popen(command, cwd=PROJECT_ROOT, start_new_session=True, preexec_fn=_hear_interrupts)
    try:
        return child.wait()
    except KeyboardInterrupt:
        _stop(child)
        return 0


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _mlflow_words(database: Path) -> list[str]:
    database.parent.mkdir(parents=True, exist_ok=True)
    artifacts = database.with_name("artifacts")
    # One worker: the store is a file of one machine, and each worker costs half a GB.
    return ["--backend-store-uri", f"sqlite:///{database}", "--artifacts-destination", str(artifacts), "--workers", "1"]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _hear_interrupts() -> None:
    # A parent shell may have left SIGINT ignored, and a child inherits that: it would never stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt the whole group, then kill what is left of it."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_S)
    with suppress(ProcessLookupError):  # nothing is left: the clean end
        os.killpg(child.pid, signal.SIGKILL)
