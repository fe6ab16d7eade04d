"""Whether newer data have drifted from those a model learned from, and the file that says so to people and programs.

The thresholds are learned from the reference itself; see `effects`. The file is `<data>/reports/drift/<name>.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration.config import DriftConfig
from orchestration.defs.drift.effects import (
    BLOCKS_MIN,
    LENGTHS_MIN,
    FeatureEffect,
    Thresholds,
    has_drifted,
    held_against,
    learn,
)
from orchestration.defs.drift.samples import Sample, Span
from warehouse.files import write_atomically

STEPS_MIN = 600
"""Steps that a verdict needs at least: a minute of a grid of 100 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftVerdict:
    """What was found. `not_judged` says why there is no verdict; it is empty when there is one."""

    run: str
    flagged: bool
    not_judged: str
    effects: Sequence[FeatureEffect]
    """Every feature compared, the largest ratio of effect to threshold first."""
    missing: Sequence[str]
    """Features of the reference that the newer data do not have."""
    thresholds: Thresholds | None
    judged_steps: int
    reference: Span
    newer: Span
    medians: Mapping[str, tuple[float, float]]
    """Median basis and age of each instrument's book, before and now: told, not judged."""
    html: Path | None = None

    @property
    def beyond(self) -> list[FeatureEffect]:
        """The features beyond their threshold, the furthest first."""
        return [item for item in self.effects if item.is_beyond]

    @property
    def words(self) -> str:
        """The verdict in one line."""
        if self.not_judged:
            return f"not judged: {self.not_judged}"
        first = self.effects[0]
        found = f"{len(self.beyond)} of {len(self.effects)} features beyond their threshold"
        left_out = f"; {len(self.missing)} more could not be compared" if self.missing else ""
        furthest = f"furthest {first.name} at {first.ratio:.2f} of its"
        return f"{'DRIFT' if self.flagged else 'no drift'}: {found}; {furthest}{left_out}"

    @property
    def table(self) -> str:
        """The features furthest out as a markdown table."""
        lines = [f"| {item.name} | {item.effect:.3f} | {item.threshold:.3f} |" for item in self.effects[:12]]
        return "\n".join(["| feature | effect | threshold |", "|---|---|---|", *lines])

    def to_json(self) -> dict[str, object]:
        """Return the verdict for machines: `features` are those beyond their threshold."""
        learned = self.thresholds
        return {
            "run": self.run,
            "flagged": self.flagged,
            "not_judged": self.not_judged,
            "features": [_feature(item) for item in self.beyond],
            "furthest": _feature(self.effects[0]) if self.effects else None,
            "compared": len(self.effects),
            "missing": list(self.missing),
            "judged_steps": self.judged_steps,
            "blocks": learned.blocks if learned else 0,
            "overlap": learned.overlap if learned else 0,
            "reference": {"first_ns": self.reference.first_ns, "last_ns": self.reference.last_ns},
            "newer": {"first_ns": self.newer.first_ns, "last_ns": self.newer.last_ns},
            "medians": {name: {"before": before, "now": now} for name, (before, now) in self.medians.items()},
            "html": str(self.html) if self.html else None,
        }


def judge(run: str, reference: Sample, newer: Sample, config: DriftConfig) -> DriftVerdict:
    """Return whether `newer` drifted from `reference`.

    Of data longer than a third of the reference the newest stretch is judged: with longer blocks nothing could be
    learned of how much they differ by chance.
    """
    shared = [name for name in reference.names if name in newer.names]
    before = reference.only(shared)
    now = newer.only(shared).newest(before.table.height // LENGTHS_MIN)
    steps = now.table.height
    columns, thresholds = before.values, None
    problem = _problem(shared, steps)
    if not problem:
        thresholds = learn(columns, steps, config.margin, config.sample_rows)
        if thresholds is None:
            problem = f"{before.table.height} steps of reference hold fewer than {BLOCKS_MIN} blocks of {steps}"
    effects = [] if thresholds is None else held_against(columns, now.values, thresholds, config.sample_rows)
    return DriftVerdict(
        run=run,
        flagged=has_drifted(effects, config.features_min, config.ratio_min),
        not_judged=problem,
        effects=effects,
        missing=[name for name in reference.names if name not in shared],
        thresholds=thresholds,
        judged_steps=steps,
        reference=reference.span,
        newer=now.span,
        medians={
            name: (value, newer.medians[name]) for name, value in reference.medians.items() if name in newer.medians
        },
    )


def verdict_path(reports_dir: Path, run: str) -> Path:
    """Return where the verdict on a run stands."""
    return reports_dir / "drift" / f"{run}.json"


def write_verdict(path: Path, verdict: DriftVerdict) -> None:
    """Write the verdict's file."""
    write_atomically(path, json.dumps(verdict.to_json(), indent=2).encode() + b"\n")


def read_flags(reports_dir: Path, prefix: str) -> Mapping[str, bool]:
    """Return, by run, whether the verdicts on runs called `prefix`... flagged a drift; a torn file counts as none."""
    found: dict[str, bool] = {}
    for path in sorted((reports_dir / "drift").glob(f"{prefix}*.json")):
        try:
            found[path.stem] = bool(json.loads(path.read_bytes())["flagged"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _problem(shared: Sequence[str], steps: int) -> str:
    if not shared:
        return "no instrument is valid both in the training span and in the newer data"
    if steps < STEPS_MIN:
        return f"expected at least {STEPS_MIN} steps to judge, found {steps}"
    return ""


def _feature(item: FeatureEffect) -> dict[str, object]:
    return {"name": item.name, "effect": round(item.effect, 6), "threshold": round(item.threshold, 6)}
