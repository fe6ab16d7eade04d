"""May this candidate trade? Every rule with its value, its threshold and a reason in words.

Rules of kind `data` ask whether the judgement can be believed (finite forecasts, books in order, no more found than was
planted); nobody may override them. Rules of kind `skill` ask whether the model is good enough; a person may override
those with a reason, and the reason is recorded.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import JsonValue

from ml.config import GateConfig
from ml.files import JsonObject
from ml.metrics import Interval

RuleKind = Literal["data", "skill"]


@dataclass(frozen=True, slots=True)
class OracleCheck:
    """The model's R2 beside that of the planted expectation, at the gate's horizon."""

    model_r2: float
    oracle_r2: Interval
    excess: Interval


@dataclass(frozen=True, slots=True)
class GateInputs:
    """What validation measured on the test part."""

    horizon_step: int
    contiguous_test_steps: int
    blocks: int
    mid_vs_persistence: Interval
    mid_vs_ridge: Interval
    volume_vs_ar: Interval
    order_violations: int
    non_finite_forecasts: int
    oracle: OracleCheck | None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's verdict; `threshold` is what `value` was compared with."""

    name: str
    kind: RuleKind
    value: float
    threshold: float
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """All rules; the candidate passes when every one does."""

    rules: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Return whether every rule passed."""
        return all(rule.passed for rule in self.rules)

    @property
    def data_passed(self) -> bool:
        """Return whether every rule that nobody may override passed."""
        return all(rule.passed for rule in self.rules if rule.kind == "data")

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the reasons of the rules that failed; empty when the gate is open."""
        return tuple(rule.reason for rule in self.rules if not rule.passed)

    def as_json(self) -> JsonObject:
        """Return the verdict as it is stored in reports and bundles."""
        rules: list[JsonValue] = [
            {**asdict(rule), "value": rule.value if math.isfinite(rule.value) else None} for rule in self.rules
        ]
        return {"passed": self.passed, "data_passed": self.data_passed, "rules": rules}


def verdict_from_json(document: JsonObject) -> GateVerdict:
    """Read what `GateVerdict.as_json` wrote; KeyError or TypeError when it is something else."""
    rules = document["rules"]
    assert isinstance(rules, Sequence), "a verdict holds a list of rules"
    # JSON has no infinity: a bound that too few blocks left open is stored as null.
    found = [{**rule, "value": -math.inf if rule["value"] is None else rule["value"]} for rule in rules]  # type: ignore[dict-item, call-overload, index]
    return GateVerdict(tuple(RuleResult(**rule) for rule in found))  # type: ignore[arg-type]


def judge(config: GateConfig, inputs: GateInputs) -> GateVerdict:
    """Apply every rule; none is skipped because another failed, so that one run names all that is wrong."""
    at = f"at step {inputs.horizon_step}"
    return GateVerdict(
        (
            _at_most("finite_forecasts", "data", inputs.non_finite_forecasts, 0, "forecast values that are not finite"),
            _at_most(
                "order_violations",
                "data",
                inputs.order_violations,
                config.order_violations_max,
                "forecast books out of price order after rounding to ticks",
            ),
            *_oracle_rule(inputs.oracle),
            _at_least("contiguous_test_steps", inputs.contiguous_test_steps, config.contiguous_test_steps_min),
            _at_least("test_blocks", inputs.blocks, config.blocks_min),
            _above(
                "mid_vs_persistence",
                inputs.mid_vs_persistence,
                config.skill_vs_persistence_min,
                f"mid {at}, persistence",
            ),
            _above("mid_vs_ridge", inputs.mid_vs_ridge, config.skill_vs_ridge_min, f"mid {at}, ridge-flow"),
            _above("volume_vs_ar", inputs.volume_vs_ar, config.volume_skill_min, f"log volume {at}, AR(1)-shrink"),
        )
    )


def _at_most(name: str, kind: RuleKind, value: int, limit: int, words: str) -> RuleResult:
    passed = value <= limit
    return RuleResult(name, kind, value, limit, passed, f"{value:,} {words}; allowed are {limit:,}")


def _at_least(name: str, value: int, limit: int) -> RuleResult:
    passed = value >= limit
    words = name.replace("_", " ")
    ending = "enough" if passed else "too few to tell skill from luck; record longer"
    return RuleResult(
        name, "skill", value, limit, passed, f"{value:,} {words}, at least {limit:,} are asked for: {ending}"
    )


def _above(name: str, skill: Interval, limit: float, words: str) -> RuleResult:
    # Strictly greater: a model shrunk to nothing has the interval [0, 0] and must not pass a limit of 0.
    passed = skill.lower > limit
    sign = "is above" if passed else "is not above"
    reason = (
        f"skill of {words} as the bar: lower bound {skill.lower:+.4f} {sign} {limit:+.4f} (value {skill.value:+.4f})"
    )
    return RuleResult(name, "skill", skill.lower, limit, passed, reason)


def _oracle_rule(oracle: OracleCheck | None) -> tuple[RuleResult, ...]:
    if oracle is None:
        return ()
    # Both ways of asking must agree: a lucky test part can lift the model just over the paired bound.
    leaks = oracle.excess.lower > 0 and oracle.model_r2 > oracle.oracle_r2.upper
    words = "more than was planted: look for a leak of the future" if leaks else "no more than was planted"
    reason = f"model R2 {oracle.model_r2:+.4f}, oracle R2 {oracle.oracle_r2}: {words}"
    return (RuleResult("oracle_bound", "data", oracle.model_r2, oracle.oracle_r2.upper, not leaks, reason),)
