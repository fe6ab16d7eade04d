"""Drift of one session: what its trader saw against the span that the champion was trained on."""

import time
from dataclasses import replace
from pathlib import Path

from ml.errors import MlError
from orchestration.config import DriftConfig
from orchestration.defs.drift.announce import announce
from orchestration.defs.drift.reference import training_span
from orchestration.defs.drift.report import compare
from orchestration.defs.drift.samples import DriftError, Span, of_grid, of_session
from orchestration.defs.drift.verdict import DriftVerdict, verdict_path, write_verdict
from orchestration.defs.session.journals import journal_of
from orchestration.settings import Settings
from streaming.segments import read_header

NOTHING = Span(0, 0)


def judge_session(settings: Settings, run: str) -> DriftVerdict:
    """Judge the drift of a landed session, write verdict and page, tell traders its level, and return the verdict."""
    path = verdict_path(settings.folders.reports_dir, run)
    try:
        verdict = _judged(settings, run, path.with_suffix(".html"))
    except (DriftError, MlError) as error:  # no training span to compare with, or a bundle that cannot be opened
        verdict = _not_judged(run, str(error))
    write_verdict(path, verdict)
    announce(settings, verdict, time.time_ns())
    return verdict


def _judged(settings: Settings, run: str, html: Path) -> DriftVerdict:
    from ml.bundle import open_bundle

    config: DriftConfig = settings.orchestration.drift
    bundle = open_bundle(settings.folders.models_dir, _model_of(settings, run), None)
    reference = of_grid(settings.lake, str(bundle.manifest["grid"]), training_span(bundle.manifest))
    return replace(compare(run, reference, of_session(settings.lake, run), config, html), bundle=bundle.hash)


def _model_of(settings: Settings, run: str) -> str:
    """Return the champion's hash, or that of the model the session began with where there is no champion."""
    from ml.registry import read_pointer

    pointer = read_pointer(settings.folders.models_dir, "champion")
    bundle = pointer.hash if pointer else read_header(journal_of(settings, run)).bundle
    if bundle is None:
        raise DriftError(f"session {run}: no champion and no model: there is no training span to compare with")
    return bundle


def _not_judged(run: str, why: str) -> DriftVerdict:
    return DriftVerdict(
        run=run,
        level=0,
        severity=0.0,
        not_judged=why,
        effects=(),
        structure=(),
        missing=(),
        thresholds=None,
        judged_steps=0,
        reference=NOTHING,
        newer=NOTHING,
        medians={},
    )
