"""Rules about the house: processes alive or not, the latch, the disk, Redis, and what others report."""

from collections.abc import Iterator
from typing import Final

from streaming.alerts.looking import Look
from streaming.alerts.sight import Finding, ProcessSight
from streaming.bus import ProbationEvent

GIB: Final = 1 << 30
STARTING_S: Final = 2.0
"""A trader that starts has its lock for a moment before its heart beats."""
CRITICAL_DISK_SHARE: Final = 0.25
NEXT: Final = {
    "trader": "look why (its last lines, trader report), then: trader start",
    "recorder": "look why (its last lines), then: trader record",
}


def dead(look: Look) -> Iterator[Finding]:
    """A process is gone that had not ended in order: killed, out of memory, a failure."""
    for process in look.sight.processes:
        if process.life == "dead":
            words = f"{process.words}; {NEXT[process.name]}"
            if process.name == "trader" and look.sight.latch:
                words += "; it begins halted until: trader resume --reason TEXT"
            yield look.finding("process_dead", f"The {process.name} died", words, subject=process.name)


def hanging(look: Look) -> Iterator[Finding]:
    """A process lives and gives no sign of it; one that is starting may look so for a moment."""
    for process in look.sight.processes:
        hanging_s = look.held_s("hanging", process.name, holds=process.life == "hanging")
        if hanging_s > min(STARTING_S, look.rules.heartbeat_s_max):
            words = f"{process.words}; next: {_end_text(process)}"
            title = f"The {process.name} lives but does not turn"
            yield look.finding("no_heartbeat", title, words, subject=process.name)


def _end_text(process: ProcessSight) -> str:
    return "trader kill" if process.name == "trader" else "end that process; the next start recovers what it wrote"


def absent(look: Look) -> Iterator[Finding]:
    """A process that the settings expect does not run."""
    for process in look.sight.processes:
        is_expected = process.name in look.settings.expect
        if is_expected and process.life in ("absent", "ended"):
            words = f"streaming.alerts.expect names it; next: trader {_start_word(process)}"
            title = f"The {process.name} does not run"
            yield look.finding("not_running", title, words, subject=process.name)


def _start_word(process: ProcessSight) -> str:
    return "start" if process.name == "trader" else "record"


def latched(look: Look) -> Iterator[Finding]:
    """The next trader begins halted. While one runs its state tells that, and a death tells it itself."""
    if look.sight.latch and look.sight.trader.life in ("absent", "ended"):
        words = f"{look.sight.latch}; next: look why, trader start, then: trader resume --reason TEXT"
        yield look.finding("latched", "The next trader begins halted", words)


def disk(look: Look) -> Iterator[Finding]:
    """The disk of the data folder is nearly full."""
    free, limit = look.sight.disk_free_bytes, look.rules.disk_free_gib_min * GIB
    if free is None or free >= limit:
        return
    words = (
        f"{free / GIB:.1f} GiB free under {look.sight.disk_place}, expected {look.rules.disk_free_gib_min:g}; "
        "next: free some space, or name another disk by warehouse.data_dir"
    )
    is_grave = free < limit * CRITICAL_DISK_SHARE
    yield look.finding("disk", "The disk is nearly full", words, severity="critical" if is_grave else None)


def bus(look: Look) -> Iterator[Finding]:
    """Redis is not there: windows are blind, trading goes on."""
    silent_s = look.held_s("bus", holds=bool(look.sight.bus_problem))
    if silent_s > look.rules.bus_s_max:
        words = f"for {silent_s:.0f} s: {look.sight.bus_problem}; trading goes on, next: trader doctor"
        yield look.finding("bus", "Redis is not there", words)


def reported(look: Look) -> Iterator[Finding]:
    """Others put a report into the inbox."""
    for report in look.sight.reports:
        yield look.finding(
            report.rule, report.title, report.words, subject=report.subject, severity=report.severity, events=1
        )


def rolled_back(look: Look) -> Iterator[Finding]:
    """A promoted model broke a rule of its probation."""
    for event in look.sight.events:
        if isinstance(event, ProbationEvent) and event.outcome in ("failed", "rolled_back", "not_rolled_back"):
            is_stuck = event.outcome == "not_rolled_back"
            words = f"{event.hash[:12]}: {event.outcome.replace('_', ' ')}: {event.reason}; next: trader models list"
            yield look.finding(
                "model_rolled_back",
                "A model failed its probation" + (" and could not be rolled back" if is_stuck else ""),
                words,
                subject=event.hash[:12],
                severity="critical" if is_stuck else None,
                events=1,
            )
