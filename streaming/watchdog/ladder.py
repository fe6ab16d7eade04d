"""What is done about a trader that does not answer for itself: a list of steps, each with what is left.

    halt     ask over the control socket: a trader that answers halts itself, and is left to run
    latch    the next start begins halted, whatever becomes of this one
    cancel   live: what is ours at the venues, over connections and with keys of the watchdog's own
    end      SIGTERM, then SIGKILL: a loop that hangs must not wake up and trade on
    confirm  live: cancel once more, as a trader may have sent its last order until it ended, and see that none is left

Every step is taken, whatever the one before brought; each says in a line what it found. In paper and shadow mode
nothing of ours rests at a venue: the simulated venue ends with the trader. Standard library alone: what speaks to
venues is handed in by whoever could load it (`guard.py`).
"""

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streaming.socket_name import short_name
from streaming.watchdog.latch import set_latch

SOCKET_NAME = "trader.sock"
REFUSED = 3
"""Exit code in an answer: it is starting, or ending already."""
ASK_S = 1.0
"""For an answer of the control socket: a loop that turns answers within milliseconds."""
ANSWER_BYTES_MAX = 1 << 20
CANCEL_S, CONFIRM_S = 8.0, 120.0
"""For a venue that is silent: before the trader is ended, which must not wait long, and after, when nothing waits."""
KILLED_S = 5.0
"""For the kernel to end a process that was sent SIGKILL."""


class Process:
    """A process that cannot be taken for a later one of the same number; one that is gone already has ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor: int | None = None
        with suppress(ProcessLookupError):
            self._descriptor = os.pidfd_open(pid)

    def has_ended(self, wait_s: float = 0.0) -> bool:
        """Tell whether it has ended, waiting for that at most so long; a zombie has."""
        return self._descriptor is None or bool(select.select([self._descriptor], [], [], wait_s)[0])

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended meanwhile is left in peace."""
        if self._descriptor is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)


@dataclass(slots=True)
class Case:
    """One intervention."""

    run_dir: Path
    trader: Process
    by: str
    reason: str
    patience_s: float
    """For the trader's own end after SIGTERM."""
    is_harmless: bool = False
    """The trader itself said that it is halted, or that it has no session to halt."""
    cancel_ours: Callable[[float], str] | None = None
    """Live: cancels ours at every venue and says in a line what came of it; a venue that is silent for so many seconds
    is given up. None: nothing of ours rests at one."""
    said: list[str] = field(default_factory=list)


Step = Callable[[Case], str]


def halt(case: Case) -> str:
    """Ask the trader to halt. No time by which it must be read: a halt that is read late is still right."""
    if case.trader.has_ended():
        return "halt: the process is gone"
    request = {"op": "halt", "reason": case.reason, "by": case.by}
    try:
        answer = _ask(case.run_dir / SOCKET_NAME, request)
    except (OSError, ValueError) as error:
        return f"halt: no answer ({error or type(error).__name__})"
    case.is_harmless = answer.get("state") == "halted" or answer.get("exit_code") == REFUSED
    return f"halt: {answer.get('state') or answer.get('error') or answer}"


def latch(case: Case) -> str:
    """Make the next start begin halted."""
    return f"latch: {set_latch(case.run_dir, case.reason, case.by, case.trader.pid)}"


def cancel(case: Case) -> str:
    """Cancel what is ours at the venues."""
    return "cancel: nothing rests at a venue" if case.cancel_ours is None else f"cancel: {case.cancel_ours(CANCEL_S)}"


def confirm(case: Case) -> str:
    """Cancel again, now that no order can come after."""
    if case.cancel_ours is None:
        return "confirm: nothing rests at a venue"
    return f"confirm: {case.cancel_ours(CONFIRM_S)}"


def end(case: Case) -> str:
    """End a trader that gave no answer to rely on; one that came back during the cancels halts, and is left to run."""
    if case.cancel_ours is not None and not case.is_harmless:
        halt(case)
    if case.is_harmless:
        return f"end: not needed, process {case.trader.pid} answers and runs on"
    return end_by_signals(case.trader, case.patience_s)


def end_by_signals(trader: Process, patience_s: float) -> str:
    """End a process, by SIGKILL when it does not end by itself within `patience_s`, and say how it went."""
    if trader.has_ended():
        return f"end: process {trader.pid} is gone"
    trader.send(signal.SIGTERM)
    if trader.has_ended(patience_s):
        return f"end: process {trader.pid} ended by SIGTERM"
    trader.send(signal.SIGKILL)
    if trader.has_ended(KILLED_S):
        return f"end: process {trader.pid} did not end in {patience_s:g} s, killed by SIGKILL"
    return f"end: process {trader.pid} is still there after SIGKILL; the kernel holds it: look at its disk"


LADDER: tuple[Step, ...] = (halt, latch, end)
LIVE_LADDER: tuple[Step, ...] = (halt, latch, cancel, end, confirm)


def climb(case: Case, ladder: tuple[Step, ...] | None = None) -> list[str]:
    """Take every step, by default those that the case needs, and return what each said."""
    for step in ladder or (LADDER if case.cancel_ours is None else LIVE_LADDER):
        try:
            case.said.append(step(case))
        except OSError as error:  # one step that fails must not keep the next from being taken
            case.said.append(f"{step.__name__}: failed: {error}")
    return case.said


def _ask(path: Path, request: dict[str, str]) -> dict[str, object]:
    """Ask over the control socket; OSError without an answer, ValueError for one that is none."""
    answer = b""
    with short_name(path) as place, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ASK_S)
        connection.connect(place)
        connection.sendall(json.dumps(request).encode() + b"\n")
        while not answer.endswith(b"\n") and len(answer) < ANSWER_BYTES_MAX and (part := connection.recv(1 << 16)):
            answer += part
    found = json.loads(answer)
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, found {answer[:40]!r}")
    return found
