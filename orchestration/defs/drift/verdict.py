"""Whether newer data have drifted from those a model learned from, and the file that says so to people and programs.

The thresholds are learned from the reference itself; see `effects` and `structure`. A verdict has a level: how far the
severity goes in multiples of them, and so what a running trader is to do. The file is
`<data>/reports/drift/<name>.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orchestration.config import DriftConfig
from orchestration.defs.drift.effects import (
    BLOCKS_MIN,
    LENGTHS_MIN,
    FeatureEffect,
    Thresholds,
    held_against,
    learn,
    level_of,
    severity,
)
from orchestration.defs.drift.samples import Sample, Span
from orchestration.defs.drift.structure import structure_effects
from warehouse.files import write_atomically

STEPS_MIN = 600
"""Steps that a verdict needs at least: a minute of a grid of 100 ms."""
SEVERITY_MAX: Final = 1e6
"""Of a measure that never moved and now does: JSON has no infinity."""
LEVELS: Final = ("none", "halve the size", "reduce only", "halt")
"""What a trader does at each level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftVerdict:
    """What was found. `not_judged` says why there is no verdict; it is empty when there is one."""

    run: str
    level: int
    """0 to 3, an index into `LEVELS`."""
    severity: float
    """How far the span is, in multiples of the learned thresholds."""
    not_judged: str
    effects: Sequence[FeatureEffect]
    """Every feature compared, the largest ratio of effect to threshold first."""
    structure: Sequence[FeatureEffect]
    """Correlations, presence and price increments, likewise."""
    missing: Sequence[str]
    """Features of the reference that the newer data do not have."""
    thresholds: Thresholds | None
    judged_steps: int
    reference: Span
    newer: Span
    medians: Mapping[str, tuple[float, float]]
    """Median basis and age of each instrument's book, before and now: told, not judged."""
    html: Path | None = None
    bundle: str = ""
    """Hash of the model that the reference belongs to; empty for one not sealed yet."""

    @property
    def flagged(self) -> bool:
        """Tell whether there is a drift of any level."""
        return self.level > 0

    @property
    def beyond(self) -> list[FeatureEffect]:
        """What is beyond its threshold: of the structure, then features, the furthest of each first."""
        return [item for item in (*self.structure, *self.effects) if item.is_beyond]

    @property
    def words(self) -> str:
        """The verdict in one line."""
        if self.not_judged:
            return f"not judged: {self.not_judged}"
        every = (*self.effects, *self.structure)
        furthest = max(every, key=lambda item: item.ratio)
        found = f"{len(self.beyond)} of {len(every)} measures beyond their threshold"
        left_out = f"; {len(self.missing)} more could not be compared" if self.missing else ""
        head = f"DRIFT, level {self.level} ({LEVELS[self.level]})" if self.flagged else "no drift"
        return f"{head}: {found}; furthest {furthest.name} at {furthest.ratio:.2f} of its{left_out}"

    @property
    def table(self) -> str:
        """The structure and the features furthest out as a markdown table."""
        shown = (*self.structure, *self.effects[:12])
        lines = [f"| {item.name} | {item.effect:.3f} | {item.threshold:.3f} | {item.ratio:.2f} |" for item in shown]
        return "\n".join(["| measure | effect | threshold | ratio |", "|---|---|---|---|", *lines])

    def to_json(self) -> dict[str, object]:
        """Return the verdict for machines: `features` are what is beyond its threshold, `structure` is told whole."""
        learned = self.thresholds
        return {
            "run": self.run,
            "bundle": self.bundle,
            "level": self.level,
            "action": LEVELS[self.level],
            "severity": round(self.severity, 6),
            "flagged": self.flagged,
            "not_judged": self.not_judged,
            "features": [_feature(item) for item in self.beyond],
            "furthest": _feature(self.effects[0]) if self.effects else None,
            "structure": [_feature(item) for item in self.structure],
            "compared": len(self.effects) + len(self.structure),
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
    effects: list[FeatureEffect] = []
    structure: list[FeatureEffect] = []
    if thresholds is not None:
        effects = held_against(columns, now.values, thresholds, config.sample_rows)
        judged = replace(now, books=now.books.since(now.span.first_ns))
        structure = structure_effects(reference, judged, steps, config.margin)
    found = min(SEVERITY_MAX, severity(effects, structure, config.features_min, config.ratio_min))
    return DriftVerdict(
        run=run,
        level=level_of(found, config.level_ratios),
        severity=found,
        not_judged=problem,
        effects=effects,
        structure=structure,
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
