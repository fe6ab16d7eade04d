"""The whole graph over what the lake holds, in this one process: what `python -m orchestration learn` does.

Partitioned assets run one stretch of hours at a time; then one run without partitions holds the gates and everything
that consumes them. All of it is recorded in the Dagster instance, so the UI shows it like any other run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from orchestration.definitions import defs
from orchestration.defs.ingest.due import grid_hours_due, venue_hours_due
from orchestration.defs.partitions import VENUE_NAMES, KeyRange, hour_ranges, venue_hour_ranges
from orchestration.defs.train.assets import candidate_dir
from orchestration.progress import say
from orchestration.settings import Settings

QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DONE, FAILED, REFUSED, BAD_DATA = 0, 1, 3, 5


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it. `reasons` say why nothing was promoted; `skill_table` is markdown, empty when not validated."""

    exit_code: int
    bundle: str
    reasons: tuple[str, ...]
    skill_table: str
    run_id: str

    def as_json(self) -> Mapping[str, object]:
        """Return the outcome for machines."""
        return {
            "promoted": self.exit_code == DONE,
            "bundle": self.bundle,
            "reasons": list(self.reasons),
            "skill_table": self.skill_table,
            "run_id": self.run_id,
        }


def learn(settings: Settings, instance: dg.DagsterInstance) -> Learned:
    """Fill an empty lake, convert what waits, then judge, build, train, validate and promote."""
    definitions = defs()
    say("learn 1/4: raw segments")
    whole = definitions.resolve_implicit_global_asset_job_def()
    segments = _execute(whole, instance, assets=["market_segments"])
    if not segments.success:
        return _failed(segments)
    lake, grid = settings.lake, settings.learning_grid
    waiting = venue_hours_due(lake, VENUE_NAMES)
    say(f"learn 2/4: books, {len(waiting)} venue-hours to convert")
    broken = _convert(definitions.resolve_job_def("capture"), instance, venue_hour_ranges(waiting))
    hours = grid_hours_due(lake, grid, [])
    say(f"learn 3/4: grid {grid.name}, {len(hours)} hours to convert")
    broken = broken or _convert(definitions.resolve_job_def("sample"), instance, hour_ranges(hours))
    if broken is not None:
        return _failed(broken)
    say("learn 4/4: checks, marts, dataset, training, validation, drift, promotion")
    table = candidate_dir(settings) / "skill.md"
    table.unlink(missing_ok=True)  # one of an earlier run must not stand for this one
    return _outcome(_execute(definitions.resolve_job_def("learning"), instance), table)


def _convert(
    job: dg.JobDefinition, instance: dg.DagsterInstance, ranges: Iterable[KeyRange]
) -> dg.ExecuteInProcessResult | None:
    """Run each range; return the first result in which more than a check failed (checks are asked for again later)."""
    for keys in ranges:
        result = _execute(job, instance, tags=keys.tags)
        if not result.success and not refused_checks(result):
            return result
    return None


def _execute(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    assets: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    selection = [dg.AssetKey(name) for name in assets] or None
    return job.execute_in_process(
        instance=instance,
        run_config=QUIET_CONSOLE,
        asset_selection=selection,
        tags=dict(tags or {}),
        raise_on_error=False,
    )


def _outcome(result: dg.ExecuteInProcessResult, table: Path) -> Learned:
    skill = table.read_text() if table.is_file() else ""
    refused = refused_checks(result)
    if refused:
        return Learned(BAD_DATA, "", tuple(refused), skill, result.run_id)
    for event in result.all_events:
        if event.step_key == "champion" and event.is_step_materialization:
            metadata = event.step_materialization_data.materialization.metadata
            return Learned(DONE, str(metadata["bundle"].value), (), skill, result.run_id)
        if event.step_key == "champion" and event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
            metadata = event.asset_observation_data.asset_observation.metadata
            reasons = tuple(str(reason) for reason in metadata["reasons"].value)  # type: ignore[union-attr]
            return Learned(REFUSED, str(metadata["bundle"].value), reasons, skill, result.run_id)
    failed = _failed(result)
    return Learned(failed.exit_code, "", failed.reasons, skill, result.run_id)


def refused_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return one line for each blocking check that failed in a run."""
    evaluations = result.get_asset_check_evaluations()
    return [
        f"{item.asset_key.to_user_string()}: {item.check_name}: {item.description}"
        for item in evaluations
        if not item.passed and item.blocking and item.severity == dg.AssetCheckSeverity.ERROR
    ]


def _failed(result: dg.ExecuteInProcessResult) -> Learned:
    lines = tuple(f"{event.step_key}: {_root_message(event)}" for event in result.get_step_failure_events())
    return Learned(FAILED, "", lines or ("the run failed before any step; see the Dagster UI",), "", result.run_id)


def _root_message(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "failed without a message"
