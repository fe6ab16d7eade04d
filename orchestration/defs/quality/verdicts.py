"""Verdicts in Dagster: how a check's result tells them partition by partition, and how they are asked for later.

Dagster keeps one result a check and run, not one a partition, and a blocking check does not reach a later run. So
each result carries the verdict of every partition that it covers, with the content that was judged; whoever is about
to rely on the data reads them back with `recorded`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import dagster as dg

from orchestration.defs.quality.partition import Verdict

VERDICTS = "verdicts"
FINDINGS_SHOWN = 40
HISTORY_PAGE = 50

State = Literal["clean", "warned", "refused"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """The newest verdict of one check on one partition."""

    state: State
    content: str
    ruling: str
    rows: int


def check_result(asset: str, check: str, verdicts: Sequence[Verdict], kept: dict[str, Recorded]) -> dg.AssetCheckResult:
    """Return the result of `check` over partitions judged now (`verdicts`) and before (`kept`, unchanged since)."""
    states = states_of(check, verdicts, kept)
    findings = [(verdict.key, finding) for verdict in verdicts for finding in verdict.findings[check]]
    refused = sorted(key for key, record in states.items() if record.state == "refused")
    has_warnings = any(record.state == "warned" for record in states.values())
    lines = [f"| {key} | {finding.line} |" for key, finding in findings[:FINDINGS_SHOWN]]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=check,
        passed=not refused and not has_warnings,
        severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
        description=_description(refused, [finding.line for _, finding in findings]),
        metadata={
            "partitions": len(states),
            "partitions_judged_now": len(verdicts),
            "refused": dg.MetadataValue.json(refused),
            "rows": sum(record.rows for record in states.values()),
            "findings": dg.MetadataValue.md("\n".join(["| partition | finding |", "|---|---|", *lines])),
            VERDICTS: dg.MetadataValue.json({key: _as_list(record) for key, record in sorted(states.items())}),
        },
    )


def states_of(check: str, verdicts: Sequence[Verdict], kept: Mapping[str, Recorded]) -> dict[str, Recorded]:
    """Return how each partition stands by `check`: what was judged now in place of what was `kept`."""
    return {**kept, **{verdict.key: _recorded(verdict, check) for verdict in verdicts}}


def recorded(instance: dg.DagsterInstance, asset: str, check: str) -> dict[str, Recorded]:
    """Return the newest recorded verdict of `check` on each partition, by key."""
    found: dict[str, Recorded] = {}
    for evaluation in _evaluations(instance, dg.AssetCheckKey(dg.AssetKey(asset), check)):
        entry = evaluation.metadata.get(VERDICTS)
        if isinstance(entry, dg.JsonMetadataValue) and isinstance(entry.data, dict):
            for key, value in entry.data.items():
                found.setdefault(key, Recorded(*value))
    return found


def _evaluations(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Iterator[dg.AssetCheckEvaluation]:
    cursor: int | None = None
    while True:
        page = instance.event_log_storage.get_asset_check_execution_history(key, limit=HISTORY_PAGE, cursor=cursor)
        for record in page:
            event = record.event.dagster_event if record.event else None
            if event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                yield event.asset_check_evaluation_data
        if len(page) < HISTORY_PAGE:
            return
        cursor = page[-1].id


def _recorded(verdict: Verdict, check: str) -> Recorded:
    findings = verdict.findings[check]
    state: State = "refused" if verdict.is_refused(check) else "warned" if findings else "clean"
    return Recorded(state, verdict.content, verdict.ruling, verdict.rows)


def _as_list(record: Recorded) -> list[str | int]:
    return [record.state, record.content, record.ruling, record.rows]


def _description(refused: Sequence[str], lines: Sequence[str]) -> str:
    if refused:
        return f"{len(refused)} partition(s) refused, first {refused[0]}: {lines[0] if lines else 'as judged before'}"
    return lines[0] if lines else "clean"
