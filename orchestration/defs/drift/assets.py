"""Drift: the newest data held against those that a model learned from, the candidate or the champion.

Of the candidate it is a report and never a gate; of the champion it is a level that running traders act by.
"""

import time
from dataclasses import replace
from typing import Any

import dagster as dg

from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.drift.announce import announce
from orchestration.defs.drift.reference import training_span
from orchestration.defs.drift.report import compare
from orchestration.defs.drift.samples import HOUR_NS, DriftError, Span, newest_span, of_grid
from orchestration.defs.drift.verdict import DriftVerdict, verdict_path, write_verdict
from orchestration.defs.ingest.assets import captured_books, grid, moment
from orchestration.defs.resources import House
from orchestration.defs.validate.assets import validation
from orchestration.progress import say
from orchestration.settings import Settings

REFERENCE_PARTS = 8
"""At most this share of the training span is judged, so that it falls into enough blocks to learn from."""


def report_name(run_id: str) -> str:
    """Return the name of the verdict that a Dagster run writes."""
    return f"learning-{run_id[:8]}"


def compare_newest(settings: Settings, name: str) -> DriftVerdict:
    """Hold the newest span of the grid against the candidate's training span; DriftError when there is nothing to."""
    from ml.dataset import read_manifest

    manifest = read_manifest(dataset_dir(settings))
    return _compared(settings, name, manifest.grid, Span(manifest.first_step_ns, manifest.train_last_step_ns), "")


def watch_champion(settings: Settings, name: str, ts_ns: int) -> DriftVerdict:
    """Hold the newest span of the grid against the champion's training span, and tell running traders the level.

    DriftError when there is nothing to compare, or no champion; BundleError when the champion cannot be opened.
    """
    from ml.bundle import open_bundle
    from ml.registry import read_pointer

    models_dir = settings.folders.models_dir
    pointer = read_pointer(models_dir, "champion")
    if pointer is None:
        raise DriftError(f"{models_dir}: no champion, so no trader acts by a drift; promote a bundle first")
    manifest = open_bundle(models_dir, pointer.hash, None).manifest
    verdict = _compared(settings, name, str(manifest["grid"]), training_span(manifest), pointer.hash)
    announce(settings, verdict, ts_ns)
    return verdict


def _compared(settings: Settings, name: str, grid_name: str, reference: Span, bundle: str) -> DriftVerdict:
    config = settings.orchestration.drift
    length_ns = min(int(config.newest_hours * HOUR_NS), (reference.last_ns - reference.first_ns) // REFERENCE_PARTS)
    newest = newest_span(settings.lake, grid_name, reference, length_ns)
    before, now = (of_grid(settings.lake, grid_name, span) for span in (reference, newest))
    path = verdict_path(settings.folders.reports_dir, name)
    verdict = replace(compare(name, before, now, config, path.with_suffix(".html")), bundle=bundle)
    write_verdict(path, verdict)
    return verdict


def drift_metadata(verdict: DriftVerdict) -> dict[str, dg.MetadataValue[Any]]:
    """Return what people read of a verdict."""
    learned = verdict.thresholds
    blocks = f"{learned.blocks} of {learned.block_steps} steps" if learned else "too few"
    metadata: dict[str, dg.MetadataValue[Any]] = {
        "verdict": dg.MetadataValue.text(verdict.words),
        "flagged": dg.MetadataValue.bool(verdict.flagged),
        "level": dg.MetadataValue.int(verdict.level),
        "beyond_threshold": dg.MetadataValue.json([item.name for item in verdict.beyond]),
        "missing": dg.MetadataValue.json(list(verdict.missing)),
        "effects": dg.MetadataValue.md(verdict.table),
        "learned_from_blocks": dg.MetadataValue.text(blocks),
        "reference": dg.MetadataValue.text(span_text(verdict.reference)),
        "medians": dg.MetadataValue.json({name: list(pair) for name, pair in verdict.medians.items()}),
        "newer": dg.MetadataValue.text(span_text(verdict.newer)),
    }
    if verdict.html is not None:  # a path and no link: browsers do not follow one from a page to a file
        metadata["report_to_open_in_a_browser"] = dg.MetadataValue.path(str(verdict.html))
    return metadata


def span_text(span: Span) -> str:
    """Return a span as people read it."""
    return f"{moment(span.first_ns)} .. {moment(span.last_ns)}"


@dg.asset(group_name="drift", kinds={"evidently"}, deps=[validation])
def drift_report(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """How far the newest span is from the training span, per feature, as an effect size; the HTML is kept."""
    say("drift: newest data against the training span")
    try:
        verdict = compare_newest(house.settings(), report_name(context.run_id))
    except DriftError as error:  # a report that cannot be made must not stop anything
        return dg.MaterializeResult(metadata={"not_compared": str(error)})
    say(verdict.words)
    return dg.MaterializeResult(metadata=drift_metadata(verdict))


# Not behind the candidate: it looks at the model that trades while no other is trained.
@dg.asset(group_name="drift", kinds={"evidently"}, deps=[captured_books, grid])
def drift_watch(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """How far what was recorded last is from the champion's training span; the level is told to running traders."""
    say("drift: newest data against the champion's training span")
    try:
        verdict = watch_champion(house.settings(), f"watch-{context.run_id[:8]}", time.time_ns())
    except DriftError as error:  # no champion yet, or nothing recorded: nobody acts by it
        return dg.MaterializeResult(metadata={"not_compared": str(error)})
    say(verdict.words)
    return dg.MaterializeResult(metadata=drift_metadata(verdict))
