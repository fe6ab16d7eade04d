"""The drift level of a sealed model as running traders hear of it: the verdict's file, and a message to read it now."""

from collections.abc import Callable

from orchestration.defs.drift.verdict import DriftVerdict
from orchestration.progress import warn
from orchestration.settings import Settings
from streaming.bus import Drift
from streaming.shell.bus_client import publish_drift


def announce(settings: Settings, verdict: DriftVerdict, ts_ns: int, told: Callable[[str], None] = warn) -> Drift | None:
    """Publish the level of a verdict whose file is written; None where nothing was judged or no model was sealed.

    `ts_ns` is the world's time, UTC.
    """
    if verdict.not_judged or not verdict.bundle:
        return None
    level = Drift(
        hash=verdict.bundle,
        level=verdict.level,
        severity=verdict.severity,
        name=verdict.run,
        words=verdict.words,
        first_step_ns=verdict.newer.first_ns,
        last_step_ns=verdict.newer.last_ns,
        ts_ns=ts_ns,
    )
    publish_drift(settings, level, told)
    return level
