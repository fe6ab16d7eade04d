"""How far the newest data are from those a model learned from: an Evidently report for people, never a gate.

Samples have a fixed size and drift is measured as an effect (normed Wasserstein distance), because p-values grow
with the sample.
"""

import warnings
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from orchestration import environment
from orchestration.config import DriftConfig
from warehouse.files import replacing
from warehouse.lake import Lake

FEATURES = (
    "log_gap_spread",
    "bid_log_size_1",
    "ask_log_size_1",
    "mid_return_bps",
    "ofi_l1",
    "imbalance_l1",
    "imbalance_l5",
    "micro_bps",
    "trade_flow",
    "trade_count",
    "basis_bps",
    "age_ms",
)
"""What is compared, per instrument: shape, flow and age; the other features are levels of the same things."""

HOUR_NS = 3_600_000_000_000
SEED = 1


class DriftError(Exception):
    """There is nothing to compare."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of grid time, in ns, both ends included."""

    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was compared and how far apart it is."""

    html: Path
    reference: Span
    newest: Span
    effects: dict[str, float]
    """Normed Wasserstein distance by `venue:SYMBOL feature`."""
    threshold: float

    @property
    def drifted(self) -> list[str]:
        """Columns whose effect exceeds the threshold, largest first."""
        names = [name for name, effect in self.effects.items() if effect > self.threshold]
        return sorted(names, key=lambda name: -self.effects[name])

    @property
    def table(self) -> str:
        """The largest effects as a markdown table."""
        largest = sorted(self.effects.items(), key=lambda item: -item[1])[:12]
        lines = [f"| {name} | {effect:.3f} |" for name, effect in largest]
        return "\n".join(["| feature | effect |", "|---|---|", *lines])


def newest_span(lake: Lake, grid: str, trained_until_ns: int, config: DriftConfig) -> Span:
    """Return the newest stretch of the grid, after the training span where there is any such data."""
    steps = lake.scan("grid").filter(pl.col("grid") == grid).select(pl.col("ts_step_ns").max()).collect()
    last = steps.item()
    if last is None:
        raise DriftError(f"grid {grid!r}: expected rows in the lake, found none; convert data first")
    first = last - int(config.newest_hours * HOUR_NS)
    return Span(max(first, trained_until_ns + 1) if trained_until_ns < last else first, last)


def compare(lake: Lake, grid: str, reference: Span, newest: Span, config: DriftConfig, html: Path) -> DriftReport:
    """Write the report to `html` and return its figures; DriftError when a span holds no valid row."""
    before, now = (_sample(lake, grid, span, config.sample_rows) for span in (reference, newest))
    columns = [name for name in before.columns if name in now.columns]
    if not columns:
        raise DriftError(f"grid {grid!r}: no instrument is valid both in the training span and in the newest one")
    effects = _evidently(before.select(columns), now.select(columns), config.effect_size_warn, html)
    return DriftReport(html, reference, newest, effects, config.effect_size_warn)


def _sample(lake: Lake, grid: str, span: Span, rows: int) -> pl.DataFrame:
    """Return at most `rows` steps at which every instrument that is valid at all is valid, one column a feature."""
    within = (
        (pl.col("grid") == grid) & pl.col("is_valid") & pl.col("ts_step_ns").is_between(span.first_ns, span.last_ns)
    )
    name = pl.concat_str("venue", pl.lit(":"), pl.col("instrument").str.split(":").list.last())
    frame = lake.scan("grid").filter(within).select("ts_step_ns", *FEATURES, name=name).collect()
    if frame.is_empty():
        raise DriftError(f"grid {grid!r}: no valid row between {span.first_ns} and {span.last_ns}; widen the span")
    wide = [
        part.select("ts_step_ns", *(pl.col(feature).alias(f"{key[0]} {feature}") for feature in FEATURES))
        for key, part in sorted(frame.partition_by("name", as_dict=True).items())
    ]
    joined = wide[0]
    for part in wide[1:]:
        joined = joined.join(part, on="ts_step_ns", how="inner")
    return joined.sample(min(rows, joined.height), seed=SEED).drop("ts_step_ns")


def _evidently(before: pl.DataFrame, now: pl.DataFrame, threshold: float, html: Path) -> dict[str, float]:
    environment.silence()  # before the import: it reads the variables
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside Evidently are not ours to act on
        from evidently import Report
        from evidently.presets import DataDriftPreset

        report = Report([DataDriftPreset(num_method="wasserstein", num_threshold=threshold)])
        outcome = report.run(now.to_pandas(), before.to_pandas())
        with replacing(html) as temporary:
            outcome.save_html(str(temporary))
    return {
        metric["config"]["column"]: float(metric["value"])
        for metric in outcome.dict()["metrics"]
        if "column" in metric["config"]
    }
