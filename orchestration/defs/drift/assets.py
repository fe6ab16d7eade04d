"""Drift: the newest data held against those the candidate learned from. A report, never a gate."""

import dagster as dg

from orchestration.defs.dataset.assets import dataset_dir
from orchestration.defs.drift.report import DriftError, DriftReport, Span, compare, newest_span
from orchestration.defs.ingest.assets import moment
from orchestration.defs.resources import House
from orchestration.defs.validate.assets import validation
from orchestration.progress import say
from orchestration.settings import Settings


def compare_newest(settings: Settings, name: str) -> DriftReport:
    """Hold the newest span of the grid against the candidate's training span; DriftError when there is nothing to."""
    from ml.dataset import read_manifest

    manifest, config = read_manifest(dataset_dir(settings)), settings.orchestration.drift
    reference = Span(manifest.first_step_ns, manifest.train_last_step_ns)
    newest = newest_span(settings.lake, manifest.grid, reference.last_ns, config)
    html = settings.folders.reports_dir / "drift" / f"{moment(newest.last_ns)[:16].replace(':', '')}-{name}.html"
    return compare(settings.lake, manifest.grid, reference, newest, config, html)


@dg.asset(group_name="drift", kinds={"evidently"}, deps=[validation])
def drift_report(context: dg.AssetExecutionContext, house: House) -> dg.MaterializeResult[None]:
    """How far the newest span is from the training span, per feature, as an effect size; the HTML is kept."""
    say("drift: newest data against the training span")
    try:
        report = compare_newest(house.settings(), context.run_id[:8])
    except DriftError as error:  # a report that cannot be made must not stop anything
        return dg.MaterializeResult(metadata={"not_compared": str(error)})
    return dg.MaterializeResult(
        metadata={
            # A path and no link: browsers do not follow one from a page to a file.
            "report_to_open_in_a_browser": dg.MetadataValue.path(str(report.html)),
            "drifted": dg.MetadataValue.json(report.drifted),
            "effects": dg.MetadataValue.md(report.table),
            "reference": f"{moment(report.reference.first_ns)} .. {moment(report.reference.last_ns)}",
            "newest": f"{moment(report.newest.first_ns)} .. {moment(report.newest.last_ns)}",
        }
    )
