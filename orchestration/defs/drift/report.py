"""The drift report for people: Evidently's page over samples of a fixed size, with the learned thresholds in it."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from orchestration import environment
from orchestration.config import DriftConfig
from orchestration.defs.drift.samples import Sample
from orchestration.defs.drift.verdict import DriftVerdict, judge
from warehouse.files import replacing

THRESHOLD_MIN = 1e-9
"""Evidently flags an effect that equals its threshold, and a constant feature has 0 for both."""


def compare(run: str, reference: Sample, newer: Sample, config: DriftConfig, html: Path) -> DriftVerdict:
    """Judge `newer` against `reference`; a verdict that was reached has its page at `html`."""
    verdict = judge(run, reference, newer, config)
    if verdict.thresholds is None:
        return verdict
    names = list(verdict.thresholds.by_column)
    now = newer.only(names).newest(verdict.judged_steps).frame
    evidently_effects(reference.only(names).frame, now, verdict, config, html)
    return replace(verdict, html=html)


def evidently_effects(
    before: pl.DataFrame, now: pl.DataFrame, verdict: DriftVerdict, config: DriftConfig, html: Path
) -> dict[str, float]:
    """Write the page and return the effects that Evidently shows on it, by column."""
    environment.silence()  # before the import: it reads the variables
    thresholds = {item.name: max(item.threshold, THRESHOLD_MIN) for item in verdict.effects}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Evidently are not ours to act on
        from evidently import Report
        from evidently.presets import DataDriftPreset

        share = config.features_min / len(thresholds)
        preset = DataDriftPreset(num_method="wasserstein", per_column_threshold=thresholds, drift_share=share)
        outcome = Report([preset]).run(
            _thinned(now, config.sample_rows).to_pandas(), _thinned(before, config.sample_rows).to_pandas()
        )
        with replacing(html) as temporary:
            outcome.save_html(str(temporary))
    return {
        metric["config"]["column"]: float(metric["value"])
        for metric in outcome.dict()["metrics"]
        if "column" in metric["config"]
    }


def _thinned(frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    if frame.height <= rows:
        return frame
    kept: pl.DataFrame = frame[np.linspace(0, frame.height - 1, rows).astype(np.int64).tolist()]
    return kept
