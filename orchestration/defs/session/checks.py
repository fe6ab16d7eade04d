"""The check that training and trading saw the same: on the trader's own frames, expected to differ in no bit."""

from typing import Any

import dagster as dg

from orchestration.defs.resources import House
from orchestration.defs.session.assets import run_tag
from orchestration.defs.session.journals import journal_of, session_judged
from orchestration.defs.session.skew import Agreement, Skew, agreement_with_recorder, skew_of
from orchestration.progress import say
from orchestration.settings import Settings

SKEW = "no_training_serving_skew"


@dg.asset_check(
    asset="trader_sessions",
    name=SKEW,
    description="The conversion makes of the session's frames, bit for bit, the features that its trader saw.",
)
def no_training_serving_skew(context: dg.AssetCheckExecutionContext, house: House) -> dg.AssetCheckResult:
    """Convert the session's frames as training data are, and compare every step."""
    settings = house.settings()
    run = session_judged(settings, run_tag(context))
    say(f"session {run}: training-serving skew on its own frames")
    skew, agreement = measure(settings, run)
    say(skew.words)
    return dg.AssetCheckResult(
        passed=skew.is_none,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"session {run}: {skew.words}",
        metadata={"session": run, **_metadata(skew, agreement)},
    )


def measure(settings: Settings, run: str) -> tuple[Skew, Agreement | None]:
    """Return the skew of a landed session, and its agreement with the recorder's grid where the lake has it."""
    from streaming.trading_run import read_summary

    journal = journal_of(settings, run)
    grid = settings.grid_named(read_summary(settings.folders.journal_dir, run).grid)
    skew = skew_of(settings.lake, run, journal, grid, settings.native, settings.folders.run_dir)
    return skew, agreement_with_recorder(settings.lake, run, grid)


def _metadata(skew: Skew, agreement: Agreement | None) -> dict[str, dg.MetadataValue[Any]]:
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "steps": dg.MetadataValue.int(skew.steps),
        "rows": dg.MetadataValue.int(skew.rows),
        "valid_rows": dg.MetadataValue.int(skew.valid_rows),
        "rows_different": dg.MetadataValue.int(skew.rows_different),
        "bits_different": dg.MetadataValue.int(skew.bits_different),
        "max_abs_difference": dg.MetadataValue.float(skew.max_abs_difference),
        "rows_missing": dg.MetadataValue.int(skew.rows_missing),
        "rows_after_last_frame": dg.MetadataValue.int(skew.rows_after_last_frame),
        "rows_of_silence": dg.MetadataValue.int(skew.rows_of_silence),
        "examples": dg.MetadataValue.json(list(skew.examples)),
    }
    if agreement is not None:
        metadata |= {
            "recorder_rows": dg.MetadataValue.int(agreement.rows),
            "recorder_equal_share": dg.MetadataValue.float(agreement.equal_share),
            "recorder_median_abs_difference": dg.MetadataValue.float(agreement.median_abs_difference),
        }
    return metadata
