"""One session of the trader looked at: what `python -m orchestration session RUN` does.

One run of the job `sessions`: the journal is landed and its replay proved, then skew and drift are measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from orchestration.conduct import BAD_DATA, DONE, Failure, failure_of, run_job
from orchestration.defs.drift.verdict import verdict_path
from orchestration.defs.session.assets import REPLAYS, RUN_TAG
from orchestration.defs.session.checks import SKEW
from orchestration.defs.session.journals import journal_of, sealed_journals
from orchestration.settings import Settings
from streaming.errors import UsageError

LANDED = ("steps", "frames", "rows")
SKEW_KEYS = {
    "steps": "steps",
    "rows": "rows",
    "valid_rows": "valid_rows",
    "different": "rows_different",
    "bits_different": "bits_different",
    "max_abs_difference": "max_abs_difference",
    "missing": "rows_missing",
}
RECORDER_KEYS = {
    "rows": "recorder_rows",
    "equal_share": "recorder_equal_share",
    "median_abs_difference": "recorder_median_abs_difference",
}

Figures = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What was found. `skew` and `drift` are None where the run did not come so far; `reasons` say why."""

    exit_code: int
    run: str
    identical: bool
    landed: Figures
    skew: Figures | None
    recorder: Figures | None
    """The trader's rows beside the recorder's; None where the lake does not hold the recorder's."""
    drift: Figures | None
    verdict: str
    """Path of the drift verdict's file."""
    reasons: tuple[str, ...]
    run_id: str

    def as_json(self) -> Mapping[str, object]:
        """Return the outcome for machines."""
        return {
            "run": self.run,
            "identical": self.identical,
            **self.landed,
            "skew": self.skew,
            "recorder": self.recorder,
            "drift": self.drift,
            "reports": {"verdict": self.verdict, "html": (self.drift or {}).get("html")},
            "reasons": list(self.reasons),
            "run_id": self.run_id,
        }

    @property
    def lines(self) -> list[str]:
        """The outcome for people."""
        skew, drift = self.skew or {}, self.drift or {}
        features = drift.get("features")
        beyond = len(features) if isinstance(features, list) else 0
        verdict = drift.get("not_judged") or f"{'DRIFT' if drift.get('flagged') else 'none'}, {beyond} beyond threshold"
        return [
            f"session   {self.run}: {'replays identically' if self.identical else 'REPLAYS DIFFERENTLY'}",
            f"skew      {skew.get('different', '-')} of {skew.get('rows', '-')} rows differ",
            f"drift     {verdict}",
            f"reports   {self.verdict}",
        ]


def review(settings: Settings, instance: dg.DagsterInstance, run: str) -> Reviewed:
    """Land and judge a session, the newest for an empty `run`; UsageError when no journal is sealed under that name."""
    run = run or next(reversed(sealed_journals(settings)), "")
    if not run:
        raise UsageError(f"{settings.folders.journal_dir}: expected a sealed journal of a session, found none")
    journal_of(settings, run)
    path = verdict_path(settings.folders.reports_dir, run)
    path.unlink(missing_ok=True)  # one of an earlier review must not stand for this one
    result = run_job("sessions", instance, {RUN_TAG: run})
    checks = {item.check_name: item for item in result.get_asset_check_evaluations()}
    failed = {name: item for name, item in checks.items() if not item.passed}
    reasons = tuple(f"{name}: {item.description}" for name, item in failed.items())
    failure = Failure(DONE, ()) if result.success else failure_of(result)
    skew = _values(checks[SKEW].metadata) if SKEW in checks else {}
    return Reviewed(
        exit_code=BAD_DATA if failed else failure.exit_code,
        run=run,
        identical=REPLAYS in checks and checks[REPLAYS].passed,
        landed=_landed(result, run),
        skew=_named(skew, SKEW_KEYS),
        recorder=_named(skew, RECORDER_KEYS),
        drift=json.loads(path.read_bytes()) if path.is_file() else None,
        verdict=str(path),
        reasons=reasons or failure.reasons,
        run_id=result.run_id,
    )


def _landed(result: dg.ExecuteInProcessResult, run: str) -> Figures:
    for event in result.get_asset_materialization_events():
        if event.materialization.asset_key == dg.AssetKey("trader_sessions"):
            found = _values(event.materialization.metadata)
            rows = found["rows"]
            assert isinstance(rows, Mapping), "written by the asset"
            return {"steps": found["steps"], "frames": found["frames"], "rows": rows[run]}
    return dict.fromkeys(LANDED)


def _named(found: Figures, names: Mapping[str, str]) -> Figures | None:
    return {key: found[name] for key, name in names.items()} if names["rows"] in found else None


def _values(metadata: Mapping[str, dg.MetadataValue]) -> Figures:
    return {name: value.value for name, value in metadata.items()}
