"""The whole graph over what the lake holds, in this one process: what `python -m orchestration learn` does.

It is one run of the job `learning`, recorded in the Dagster instance, so the UI shows it like any other.
`extension` and `session_review` run other jobs the same way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from ml.errors import DatasetError
from orchestration.definitions import defs
from orchestration.defs.drift.assets import report_name
from orchestration.defs.drift.verdict import verdict_path
from orchestration.defs.train.assets import candidate_dir
from orchestration.settings import Settings
from streaming.errors import BadDataError
from warehouse.errors import WarehouseError

QUIET_CONSOLE = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
DONE, FAILED, REFUSED, BAD_DATA = 0, 1, 3, 5


def _names(kind: type[Exception]) -> set[str]:
    return {kind.__name__}.union(*(_names(below) for below in kind.__subclasses__()))


BAD_DATA_ERRORS = _names(BadDataError) | _names(DatasetError) | _names(WarehouseError)
"""Names of the errors that mean bad data: of what a step raised, Dagster keeps the name."""


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of it. `reasons` say why nothing was promoted; `skill_table` is markdown, empty when not validated."""

    exit_code: int
    bundle: str
    reasons: tuple[str, ...]
    skill_table: str
    run_id: str
    drift: Mapping[str, object] | None = None
    """The verdict of `drift_report` as its file has it, None when the run did not come so far."""
    money: str = ""
    """What the model would have earned, beside the champion where there was one; empty when that was not asked."""

    def as_json(self) -> Mapping[str, object]:
        """Return the outcome for machines."""
        return {
            "promoted": self.exit_code == DONE,
            "bundle": self.bundle,
            "reasons": list(self.reasons),
            "skill_table": self.skill_table,
            "drift": self.drift,
            "money": self.money,
            "run_id": self.run_id,
        }


def learn(settings: Settings, instance: dg.DagsterInstance) -> Learned:
    """Fill an empty lake, convert what waits, then judge, build, train, validate and promote."""
    table = candidate_dir(settings) / "skill.md"
    table.unlink(missing_ok=True)  # one of an earlier run must not stand for this one
    result = run_job("learning", instance, {})
    verdict = verdict_path(settings.folders.reports_dir, report_name(result.run_id))
    drift = json.loads(verdict.read_bytes()) if verdict.is_file() else None
    return replace(_outcome(result, table), drift=drift)


def run_job(name: str, instance: dg.DagsterInstance, tags: Mapping[str, str]) -> dg.ExecuteInProcessResult:
    """Run a job in this process, its events in the Dagster instance; a failure is in the result."""
    job = defs().resolve_job_def(name)
    # One moment for all steps: Dagster keeps the list of a hundred thousand partitions that it made for the last one.
    with dg.partition_loading_context(effective_dt=datetime.now(UTC)):
        return job.execute_in_process(
            instance=instance, run_config=QUIET_CONSOLE, raise_on_error=False, tags=dict(tags)
        )


def _outcome(result: dg.ExecuteInProcessResult, table: Path) -> Learned:
    skill = table.read_text() if table.is_file() else ""
    refused = refused_checks(result)
    if refused:
        return Learned(BAD_DATA, "", tuple(refused), skill, result.run_id)
    for event in result.all_events:
        if event.step_key == "champion" and event.is_step_materialization:
            metadata = event.step_materialization_data.materialization.metadata
            learned = Learned(DONE, str(metadata["bundle"].value), (), skill, result.run_id)
            return replace(learned, money=_money(metadata))
        if event.step_key == "champion" and event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
            metadata = event.asset_observation_data.asset_observation.metadata
            reasons = tuple(str(reason) for reason in metadata["reasons"].value)  # type: ignore[union-attr]
            learned = Learned(REFUSED, str(metadata["bundle"].value), reasons, skill, result.run_id)
            return replace(learned, money=_money(metadata))
    failed = failure_of(result)
    return Learned(failed.exit_code, "", failed.reasons, skill, result.run_id)


def _money(metadata: Mapping[str, dg.MetadataValue]) -> str:
    return str(metadata["money_in_words"].value) if "money_in_words" in metadata else ""


def refused_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """Return one line for each blocking check that failed in a run."""
    evaluations = result.get_asset_check_evaluations()
    return [
        f"{item.asset_key.to_user_string()}: {item.check_name}: {item.description}"
        for item in evaluations
        if not item.passed and item.blocking and item.severity == dg.AssetCheckSeverity.ERROR
    ]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed: the exit code, and one line a failed step."""

    exit_code: int
    reasons: tuple[str, ...]


def failure_of(result: dg.ExecuteInProcessResult) -> Failure:
    """Return why a run that did not end well failed; bad data by the name of what a step raised."""
    roots = [(event.step_key, _root(event)) for event in result.get_step_failure_events()]
    lines = tuple(f"{step}: {error.message.strip()}" for step, error in roots)
    is_bad_data = any(error.cls_name in BAD_DATA_ERRORS for _, error in roots)
    missing = "the run failed before any step; see the Dagster UI"
    return Failure(BAD_DATA if is_bad_data else FAILED, lines or (missing,))


def _root(event: dg.DagsterEvent) -> SerializableErrorInfo:
    error = event.step_failure_data.error
    assert error is not None, "Dagster tells why a step failed"
    while error.cause is not None:
        error = error.cause
    return error
