"""Sealed journals of sessions: which there are, and which the lake does not hold yet. Pure of Dagster."""

from pathlib import Path

from orchestration.settings import Settings
from streaming.errors import UsageError
from streaming.trader.modes import session_files

SUFFIX = ".seg.zst"
RUNS_NAMED = 3
"""Sessions that an error about an unknown one names."""


def sealed_journals(settings: Settings) -> dict[str, Path]:
    """Return the sealed journals by run, the oldest first: a run is named after its beginning."""
    found = session_files(settings.folders.journal_dir, SUFFIX)
    return {path.name.removesuffix(SUFFIX): path for path in found}


def journal_of(settings: Settings, run: str) -> Path:
    """Return the sealed journal of a run; UsageError names the newest ones when there is none."""
    found = sealed_journals(settings)
    if run not in found:
        newest = ", ".join(list(found)[: -RUNS_NAMED - 1 : -1]) or "none"
        raise UsageError(
            f"{settings.folders.journal_dir}: no sealed journal of a session {run!r}; the newest are: {newest}; "
            "a session is sealed when its trader ends"
        )
    return found[run]


def is_landed(settings: Settings, run: str) -> bool:
    """Tell whether the lake holds what the trader of a run saw."""
    return next((settings.lake.root / "session_grid" / f"run={run}").rglob("*.parquet"), None) is not None


def sessions_wanted(settings: Settings, run: str | None) -> dict[str, Path]:
    """Return the journals to land: that of `run`; without one all that wait, or the newest where none does."""
    if run is not None:
        return {run: journal_of(settings, run)}
    found = sealed_journals(settings)
    waiting = {name: path for name, path in found.items() if not is_landed(settings, name)}
    return waiting or dict(list(found.items())[-1:])


def session_judged(settings: Settings, run: str | None) -> str:
    """Return the run that checks and drift look at: `run`, or the newest landed; UsageError when there is none."""
    if run is not None:
        journal_of(settings, run)
        return run
    landed = [name for name in sealed_journals(settings) if is_landed(settings, name)]
    if not landed:
        raise UsageError(f"{settings.folders.journal_dir}: no session is in the lake yet; trade one first")
    return landed[-1]
