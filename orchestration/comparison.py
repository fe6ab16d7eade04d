"""Two sealed bundles side by side, and whether one is better beyond chance: what `trader models compare` shows.

Skill is what each bundle was sealed with. Two of them can be held against each other only where both were judged on the
same data; money is compared on one span that neither was fitted on, paired second by second.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml.bundle import Bundle, open_bundle
from ml.errors import BundleError
from ml.gate import RuleResult
from ml.registry import ROLES, read_pointer, resolve
from ml.runtime import Forecaster
from orchestration.defs.drift.samples import Span
from orchestration.defs.ingest.assets import moment
from orchestration.defs.promote.backtests import BacktestReport, MoneyError, run_backtest
from orchestration.defs.promote.money import Money, measured, span_of_test
from orchestration.settings import Settings
from streaming.errors import UsageError

TIMED = 200
"""Forecasts that a latency is measured over."""
Better = Literal["first", "second", "neither", "unknown"]
Numbers = tuple[float, float, float]
"""Value, lower and upper bound; infinite where too few blocks leave a bound open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a sealed bundle says of itself, and what was measured of it here and now."""

    bundle: str
    roles: tuple[str, ...]
    preset: str
    data: Span
    tested: Span | None
    dataset: str
    is_gate_open: bool
    rules: tuple[RuleResult, ...]
    horizon_step: int
    skill: Mapping[str, Numbers]
    parameters: int
    size_bytes: int
    latency_ms: Mapping[str, float]

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        return {
            "bundle": self.bundle,
            "roles": list(self.roles),
            "preset": self.preset,
            "data": _span_json(self.data),
            "tested": None if self.tested is None else _span_json(self.tested),
            "gate_passed": self.is_gate_open,
            "rules": [{"name": r.name, "kind": r.kind, "passed": r.passed, "reason": r.reason} for r in self.rules],
            "horizon_step": self.horizon_step,
            "skill": {name: _numbers_json(numbers) for name, numbers in self.skill.items()},
            "parameters": self.parameters,
            "size_bytes": self.size_bytes,
            "latency_ms": dict(self.latency_ms),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Which of two is better in one respect, and why it is thought so."""

    better: Better
    words: str

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        return {"better": self.better, "words": self.words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models, money on the span of both, and the findings. Of money the challenger is the newer of the two."""

    models: tuple[Model, Model]
    money: Money | None
    money_problem: str
    """Why there is no money to compare, empty where there is."""
    skill: Finding
    earned: Finding

    def as_json(self) -> dict[str, object]:
        """Return it for machines."""
        money = None if self.money is None else dict(self.money.as_json())
        return {
            "models": [model.as_json() for model in self.models],
            "money": money,
            "money_problem": self.money_problem,
            "skill": self.skill.as_json(),
            "earned": self.earned.as_json(),
        }


def compare_models(settings: Settings, first: str, second: str, *, may_run: bool) -> Comparison:
    """Compare two bundles by hash, beginning or role; UsageError where both are one, MlError where one is damaged.

    `may_run`: backtests that are missing are run, else money is compared only where both have theirs.
    """
    models_dir = settings.folders.models_dir
    bundles = [open_bundle(models_dir, resolve(models_dir, name), None) for name in (first, second)]
    if bundles[0].hash == bundles[1].hash:
        raise UsageError(f"{first} and {second} are the same bundle {bundles[0].hash[:12]}; name two that differ")
    models = (described(settings, bundles[0]), described(settings, bundles[1]))
    older, newer = sorted(bundles, key=lambda bundle: bundle.trained_until_ns)
    try:
        money, problem = measured(settings, newer, older.hash, run_backtest if may_run else _not_run), ""
    except (MoneyError, BundleError) as error:
        money, problem = None, str(error)
    earned = Finding(better="unknown", words=problem) if money is None else _earned(money, bundles[0].hash)
    return Comparison(models=models, money=money, money_problem=problem, skill=compared_skill(*models), earned=earned)


def described(settings: Settings, bundle: Bundle) -> Model:
    """Return a bundle's facts; loads and times the model, which imports torch."""
    validation, lineage = bundle.manifest["validation"], bundle.manifest["lineage"]
    assert isinstance(validation, Mapping) and isinstance(lineage, Mapping), "a sealed manifest holds both"
    try:
        tested = span_of_test(bundle)
    except MoneyError:  # sealed before bundles said so
        tested = None
    models_dir = settings.folders.models_dir
    forecaster = Forecaster(bundle, bundle.predictor(), np.array(bundle.present_slots, dtype=np.int64))
    network = forecaster.predictor.network
    return Model(
        bundle=bundle.hash,
        roles=tuple(role for role in ROLES if (at := read_pointer(models_dir, role)) and at.hash == bundle.hash),
        preset=bundle.preset.name,
        data=Span(int(str(lineage["first_step_ns"])), bundle.trained_until_ns),
        tested=tested,
        dataset=str(lineage["dataset"]),
        is_gate_open=bundle.gate.passed,
        rules=bundle.gate.rules,
        horizon_step=int(str(validation["horizon_step"])),
        skill=_skill(validation),
        parameters=sum(int(part.numel()) for part in network.parameters()),
        size_bytes=sum(path.stat().st_size for path in bundle.directory.iterdir()),
        latency_ms=timed(forecaster),
    )


def timed(forecaster: Forecaster) -> Mapping[str, float]:
    """Return p50 and p99 of one forecast on this machine now, in ms, one window at a time as a trader asks."""
    slots, width = len(forecaster.bundle.slot_instruments), len(forecaster.predictor.normaliser.offset[-1])
    features = np.zeros((forecaster.context_steps, slots, width), dtype=np.float32)
    valid = np.ones((forecaster.context_steps, slots), dtype=np.uint8)
    taken_ms = []
    for _ in range(TIMED + TIMED // 10):
        begun = time.perf_counter()
        forecaster.forecast(features, valid)
        taken_ms.append(1e3 * (time.perf_counter() - begun))
    warm = taken_ms[-TIMED:]
    return {"p50": float(np.quantile(warm, 0.5)), "p99": float(np.quantile(warm, 0.99))}


def compared_skill(first: Model, second: Model) -> Finding:
    """Compare what both were sealed with; only judgements at one horizon on one data set speak of the models alone."""
    if (first.dataset, first.horizon_step) != (second.dataset, second.horizon_step):
        words = "judged on different data or horizons: their skill says nothing of which is better"
        return Finding(better="unknown", words=words)
    one, other = first.skill["mid_vs_persistence"], second.skill["mid_vs_persistence"]
    better: Better = "first" if one[1] > other[2] else "second" if other[1] > one[2] else "neither"
    if better == "neither":
        return Finding(better=better, words="the intervals of the mid's skill overlap: no difference beyond chance")
    name = (first if better == "first" else second).bundle[:12]
    return Finding(better=better, words=f"{name} forecasts the mid better: the intervals of its skill do not overlap")


def _earned(money: Money, first: str) -> Finding:
    verdict = money.verdict
    assert verdict is not None and verdict.champion is not None and verdict.difference is not None, "beside a rival"
    difference, names = verdict.difference, (verdict.challenger.bundle, verdict.champion.bundle)
    interval = f"{difference.value:+,.4f} [{difference.lower:+,.4f}, {difference.upper:+,.4f}] quote"
    told = f"{names[0][:12]} less {names[1][:12]} {interval}"
    if difference.lower <= 0.0 <= difference.upper:
        return Finding(better="neither", words=f"no difference beyond chance: {told}")
    winner = names[0] if difference.lower > 0.0 else names[1]
    better: Better = "first" if winner == first else "second"
    return Finding(better=better, words=f"{winner[:12]} earns more beyond chance: {told}")


def _not_run(_settings: Settings, bundle: str, span: Span) -> BacktestReport:
    place = f"{moment(span.first_ns)} .. {moment(span.last_ns)}"
    raise MoneyError(f"{bundle[:12]} was not backtested on {place}; add --backtest to run what is missing")


def _skill(validation: Mapping[str, object]) -> Mapping[str, Numbers]:
    """Return the intervals at the gate's horizon."""
    step = validation["horizon_step"]
    mid = _row(validation["mid"], horizon_step=step)
    volume = _row(validation["shape"], horizon_step=step, target="volume")
    ic = float(str(mid["rank_ic"]))
    return {
        "mid_vs_persistence": _interval(mid["vs_persistence"]),
        "mid_vs_ridge": _interval(mid["vs_ridge"]),
        "volume_vs_ar": _interval(volume["vs_ar"]),
        "rank_ic": (ic, ic, ic),
    }


def _row(rows: object, **wanted: object) -> Mapping[str, object]:
    assert isinstance(rows, Sequence), "a validation holds lists of rows"
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def _interval(found: object) -> Numbers:
    assert isinstance(found, Mapping), "an interval is an object"
    open_ends = {"value": np.nan, "lower": -np.inf, "upper": np.inf}
    value, lower, upper = (end if found[name] is None else float(found[name]) for name, end in open_ends.items())
    return float(value), float(lower), float(upper)


def _numbers_json(numbers: Numbers) -> list[float | None]:
    return [number if np.isfinite(number) else None for number in numbers]


def _span_json(span: Span) -> dict[str, int]:
    return {"first_ns": span.first_ns, "last_ns": span.last_ns}
