"""`dagster dev` as a child that ends with us: told alone to stop, it leaves its code server behind."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

from streaming.settings import PROJECT_ROOT

STOP_S = 10.0


def serve(port: int) -> int:
    """Run the Dagster UI and daemon in the foreground until Ctrl-C or SIGTERM; return the exit code."""
    command = [str(Path(sys.executable).with_name("dagster")), "dev", "-w", "workspace.yaml", "-p", str(port)]
    child = subprocess.Popen(command, cwd=PROJECT_ROOT, start_new_session=True, preexec_fn=_hear_interrupts)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return child.wait()
    except KeyboardInterrupt:
        _stop(child)
        return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _hear_interrupts() -> None:
    # A parent shell may have left SIGINT ignored, and a child inherits that: it would never stop.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Interrupt the whole group, then kill what is left of it."""
    os.killpg(child.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_S)
    with suppress(ProcessLookupError):  # nothing is left: the clean end
        os.killpg(child.pid, signal.SIGKILL)
