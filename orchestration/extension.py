"""The lake taken further without training: what `python -m orchestration extend` does.

One run of the job `extension`: whatever waits is converted, judged, and the marts are built over it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from orchestration.conduct import BAD_DATA, DONE, failure_of, refused_checks, run_job
from orchestration.errors import OrchestrationError
from orchestration.settings import Settings

CONVERTED = ("venue_hours_converted", "grid_hours_converted")
BOOK_COUNTS = ("frames", "gaps", "holes_between_runs", "rejected_frames")
GRID_COUNTS = ("steps", "rows")


@dataclass(frozen=True, slots=True)
class Extended:
    """What came of it. `reasons` say what was refused or failed."""

    exit_code: int
    counts: Mapping[str, int]
    """Hours converted, and over those hours frames, gaps, steps and rows."""
    checks: Mapping[str, int]
    """Checks of the lake by outcome: passed, warned, refused."""
    reasons: tuple[str, ...]
    run_id: str

    def as_json(self) -> Mapping[str, object]:
        """Return the outcome for machines."""
        return {
            "extended": self.exit_code == DONE,
            **self.counts,
            "checks": self.checks,
            "reasons": list(self.reasons),
            "run_id": self.run_id,
        }


def extend(settings: Settings, instance: dg.DagsterInstance) -> Extended:
    """Convert, judge and build; OrchestrationError over a lake without segments, which only `learn` fills."""
    lake = settings.lake
    if not any(lake.hours(venue) for venue in lake.venues()):
        raise OrchestrationError(
            f"{lake.root}: expected raw segments, found none; record some first: trader record, trader emulate --to"
        )
    result = run_job("extension", instance, {})
    refused = refused_checks(result)
    failed = None if result.success or refused else failure_of(result)
    return Extended(
        exit_code=BAD_DATA if refused else failed.exit_code if failed else DONE,
        counts=_counts(result),
        checks=_checks(result),
        reasons=tuple(refused) or (failed.reasons if failed else ()),
        run_id=result.run_id,
    )


def _counts(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    counts = dict.fromkeys((*CONVERTED, *BOOK_COUNTS, *GRID_COUNTS), 0)
    wanted = {"converted_hours": CONVERTED, "captured_books": BOOK_COUNTS, "grid": GRID_COUNTS}
    for event in result.get_asset_materialization_events():
        materialization = event.materialization
        for name in wanted.get(materialization.asset_key.to_user_string(), ()):
            counts[name] += int(str(materialization.metadata[name].value))
    return counts


def _checks(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    counts = {"passed": 0, "warned": 0, "refused": 0}
    for item in result.get_asset_check_evaluations():
        refused = item.severity == dg.AssetCheckSeverity.ERROR
        counts["passed" if item.passed else "refused" if refused else "warned"] += 1
    return counts
