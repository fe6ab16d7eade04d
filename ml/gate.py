"""May this candidate trade? Every rule with its value, its threshold and a reason in words.

Rules of kind `data` ask whether the judgement can be believed (finite forecasts, books in order, no more found than was
planted); nobody may override them. Rules of kind `skill` ask whether the model is good enough; a person may override
those with a reason, and the reason is recorded. Rules of kind `money` ask at promotion, not at validation, whether the
challenger earns more than the champion of that moment and risks no more; a person may override those likewise.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
from pydantic import JsonValue

from ml.config import GateConfig, MoneyConfig
from ml.files import JsonObject
from ml.layout import DoubleArray, IntArray
from ml.metrics import BlockBootstrap, Interval

RuleKind = Literal["data", "skill", "money"]
E8: Final = 100_000_000
"""Parts of a quote unit in which money is counted."""


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


@dataclass(frozen=True, slots=True)
class MoneyOutcome:
    """What one bundle made in the simulator after fees and funding, sampled every second. Money in 10^-8 quote."""

    bundle: str
    ts_ns: IntArray
    """Ascending, the same for both of a pair."""
    equity_e8: IntArray
    max_drawdown_e8: int
    gross_exposure_max_e8: int

    @property
    def changes_quote(self) -> DoubleArray:
        """Return the change of equity over each second, in quote units."""
        return np.asarray(np.diff(self.equity_e8) / E8, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class MoneyVerdict:
    """Money on one span; without a champion there is nothing to compare with, and no rule."""

    challenger: MoneyOutcome
    earned: Interval
    """In quote units, as all intervals here."""
    champion: MoneyOutcome | None
    champion_earned: Interval | None
    difference: Interval | None
    """Challenger less champion, paired second by second."""
    blocks: int
    rules: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Return whether every rule passed."""
        return all(rule.passed for rule in self.rules)


def judge_money(config: MoneyConfig, challenger: MoneyOutcome, champion: MoneyOutcome | None) -> MoneyVerdict:
    """Compare what two bundles made on the same seconds; ValueError where the seconds are not the same.

    Changes of equity follow each other, so blocks of neighbouring seconds are resampled (moving-block bootstrap), the
    same blocks for both: what the market did to both alike falls out of the difference.
    """
    changes = challenger.changes_quote
    boot = BlockBootstrap(
        len(changes),
        config.block_s,
        resamples=config.bootstrap_resamples,
        confidence=config.confidence,
        seed=config.bootstrap_seed,
    )
    earned, blocks = boot.total(changes), boot.block_count
    if champion is None:
        return MoneyVerdict(challenger, earned, None, None, None, blocks, ())
    if not np.array_equal(challenger.ts_ns, champion.ts_ns):
        raise ValueError("expected challenger and champion sampled at the same seconds")
    difference = boot.total(changes - champion.changes_quote)
    rules = (
        _span_rule(blocks, config),
        _difference_rule(difference),
        _limit_rule(
            ("money_drawdown", "largest drawdown"),
            (challenger.max_drawdown_e8, champion.max_drawdown_e8),
            config.drawdown_margin,
            is_idle=champion.gross_exposure_max_e8 == 0,
        ),
        _limit_rule(
            ("money_exposure", "largest gross exposure"),
            (challenger.gross_exposure_max_e8, champion.gross_exposure_max_e8),
            config.exposure_margin,
            is_idle=champion.gross_exposure_max_e8 == 0,
        ),
    )
    return MoneyVerdict(challenger, earned, champion, boot.total(champion.changes_quote), difference, blocks, rules)


def not_compared(reason: str) -> RuleResult:
    """Return the rule that fails where there is a champion and its money cannot be compared with."""
    return RuleResult("money_compared", "money", 0.0, 1.0, False, f"not compared with the champion: {reason}")


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


def _span_rule(blocks: int, config: MoneyConfig) -> RuleResult:
    passed = blocks >= config.blocks_min
    ending = "enough" if passed else "too few to tell money from luck; record longer"
    reason = f"{blocks:,} blocks of {config.block_s} s, at least {config.blocks_min:,} are asked for: {ending}"
    return RuleResult("money_blocks", "money", blocks, config.blocks_min, passed, reason)


def _difference_rule(difference: Interval) -> RuleResult:
    # Strictly greater: two models that never trade differ by [0, 0], which is no reason to swap them.
    passed = difference.lower > 0.0
    reason = (
        f"challenger earned {difference.value:+,.4f} quote more than the champion after fees: lower bound "
        f"{difference.lower:+,.4f} {'is above' if passed else 'is not above'} 0"
    )
    return RuleResult("money_difference", "money", difference.lower, 0.0, passed, reason)


def _limit_rule(names: tuple[str, str], found_e8: tuple[int, int], margin: float, *, is_idle: bool) -> RuleResult:
    """Hold the challenger's figure against the champion's; an idle champion lost nothing because it risked nothing."""
    name, words = names
    found, bar = (value / E8 for value in found_e8)
    limit = bar * (1.0 + margin)
    if is_idle:
        reason = f"{words} {found:,.4f} quote; the champion never held a position, so it sets no limit"
        return RuleResult(name, "money", found, limit, True, reason)
    passed = found <= limit
    reason = (
        f"{words} {found:,.4f} quote, champion's {bar:,.4f}: {'within' if passed else 'beyond'} the limit of "
        f"{limit:,.4f} (margin {margin:.0%})"
    )
    return RuleResult(name, "money", found, limit, passed, reason)


def _oracle_rule(oracle: OracleCheck | None) -> tuple[RuleResult, ...]:
    if oracle is None:
        return ()
    # Both ways of asking must agree: a lucky test part can lift the model just over the paired bound.
    leaks = oracle.excess.lower > 0 and oracle.model_r2 > oracle.oracle_r2.upper
    words = "more than was planted: look for a leak of the future" if leaks else "no more than was planted"
    reason = f"model R2 {oracle.model_r2:+.4f}, oracle R2 {oracle.oracle_r2}: {words}"
    return (RuleResult("oracle_bound", "data", oracle.model_r2, oracle.oracle_r2.upper, not leaks, reason),)
