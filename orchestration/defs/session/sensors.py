"""Watches for sealed journals, and, where the settings say so, for drifted sessions."""

from collections.abc import Iterator

import dagster as dg

from orchestration.defs.drift.verdict import read_flags
from orchestration.defs.ingest.due import fingerprint
from orchestration.defs.resources import House
from orchestration.defs.session.assets import RUN_TAG
from orchestration.defs.session.jobs import sessions
from orchestration.defs.session.journals import sealed_journals
from orchestration.defs.train.jobs import retraining
from orchestration.settings import load_settings
from streaming.trader.modes import Mode

_interval_s = load_settings().orchestration.sensor_interval_s


@dg.sensor(job=sessions, minimum_interval_seconds=_interval_s)
def new_journals(house: House) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask once for each sealed journal, whoever landed it: its replay, skew and drift are to be seen here."""
    found = sealed_journals(house.settings())
    for run, path in found.items():
        yield dg.RunRequest(run_key=f"session {run} {fingerprint([path])}", tags={RUN_TAG: run})
    if not found:
        yield dg.SkipReason("no sealed journal of a session")


@dg.sensor(job=retraining, minimum_interval_seconds=_interval_s)
def drifted_sessions(house: House) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Ask for one retraining a drifted session, where `orchestration.drift.retrains` is set."""
    settings = house.settings()
    if not settings.orchestration.drift.retrains:
        yield dg.SkipReason("orchestration.drift.retrains is false: a person decides on retraining")
        return
    flags = {
        run: flagged for mode in Mode for run, flagged in read_flags(settings.folders.reports_dir, f"{mode}-").items()
    }
    drifted = [run for run, flagged in flags.items() if flagged]
    for run in drifted:
        yield dg.RunRequest(run_key=f"drift {run}", tags={RUN_TAG: run})
    if not drifted:
        yield dg.SkipReason(f"{len(flags)} sessions judged, none drifted")
