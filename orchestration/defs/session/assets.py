"""Session: what the trader saw, forecast, decided and did, landed from its sealed journals; and its drift."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.defs.drift.assets import drift_metadata
from orchestration.defs.ingest.assets import moment
from orchestration.defs.resources import House
from orchestration.defs.session.journals import session_judged, sessions_wanted
from orchestration.progress import say
from orchestration.settings import Settings
from streaming.errors import BadDataError

RUN_TAG = "trader_run"
"""Tag of a Dagster run that names the session; without it whatever waits is landed and the newest is judged."""
REPLAYS = "session_replays_identically"


def run_tag(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> str | None:
    """Return the session that a Dagster run is about."""
    return context.run.tags.get(RUN_TAG)


@dg.multi_asset(
    group_name="session",
    specs=[
        dg.AssetSpec(
            "trader_sessions",
            deps=["trader"],
            skippable=True,
            kinds={"cplusplus", "parquet"},
            description="Features, forecasts, decisions, orders, fills and positions of the trader's sessions, "
            "replayed from their sealed journals: a table is written only when every hash was met again.",
        )
    ],
    check_specs=[
        dg.AssetCheckSpec(
            REPLAYS,
            asset="trader_sessions",
            blocking=True,
            description="The journal's inputs give the outputs of the live session again, byte for byte.",
        )
    ],
)
def trader_sessions(
    context: dg.AssetExecutionContext, house: House
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Land every sealed journal that the lake does not hold, or the one that the run's tag names."""
    wanted = sessions_wanted(house.settings(), run_tag(context))
    if not wanted:
        yield _replays(False, dg.AssetCheckSeverity.WARN, "no sealed journal of a session: nothing was compared")
        return
    try:
        metadata = _land(house.settings(), wanted)
    except BadDataError as error:
        yield _replays(False, dg.AssetCheckSeverity.ERROR, str(error))
        raise
    yield dg.MaterializeResult(asset_key="trader_sessions", metadata=metadata)
    yield _replays(True, dg.AssetCheckSeverity.ERROR, f"identical: {', '.join(wanted)}")


def _replays(passed: bool, severity: dg.AssetCheckSeverity, words: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key="trader_sessions", check_name=REPLAYS, passed=passed, severity=severity, description=words
    )


def _land(settings: Settings, journals: dict[str, Path]) -> dict[str, dg.MetadataValue[Any]]:
    """Land the sessions and return what people read of them."""
    from streaming.session_tables import land_session

    landed = []
    for run, journal in journals.items():
        say(f"session {run}: replaying its journal into the lake")
        landed.append(land_session(settings.lake, journal, say))
    return {
        "sessions": dg.MetadataValue.json([item.run for item in landed]),
        "identical": dg.MetadataValue.bool(all(item.identical for item in landed)),
        "steps": dg.MetadataValue.int(sum(item.steps for item in landed)),
        "frames": dg.MetadataValue.int(sum(item.frames for item in landed)),
        "rows": dg.MetadataValue.json({item.run: dict(item.rows) for item in landed}),
        "newest_span": dg.MetadataValue.text(
            f"{moment(landed[-1].first_step_ns)} .. {moment(landed[-1].last_step_ns)}"
        ),
    }


@dg.asset(group_name="session", kinds={"evidently"}, deps=["trader_sessions"])
def session_drift(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """How far what the trader saw is from the champion's training span; a verdict for people and programs, no gate."""
    from orchestration.defs.session.drift import judge_session

    settings = house.settings()
    run = session_judged(settings, run_tag(context))
    say(f"session {run}: drift against the champion's training span")
    verdict = judge_session(settings, run)
    say(verdict.words)
    return dg.MaterializeResult(metadata={"session": run, **drift_metadata(verdict)})
