"""Every rule opens and closes the gate by itself, and says so in words."""

import dataclasses
import math

import numpy as np
import pytest

from ml.config import GateConfig, MoneyConfig
from ml.gate import GateInputs, MoneyOutcome, OracleCheck, judge, judge_money, not_compared, verdict_from_json
from ml.metrics import Interval

GOOD = GateInputs(
    horizon_step=5,
    contiguous_test_steps=14_000,
    blocks=87,
    mid_vs_persistence=Interval(0.1, 0.09, 0.11),
    mid_vs_ridge=Interval(0.0, -0.003, 0.002),
    volume_vs_ar=Interval(0.0, -0.0004, 0.0004),
    order_violations=0,
    non_finite_forecasts=0,
    oracle=OracleCheck(0.1, Interval(0.12, 0.11, 0.13), Interval(-0.02, -0.03, -0.01)),
)


def test_a_good_candidate_passes_and_no_reason_is_left() -> None:
    verdict = judge(GateConfig(), GOOD)

    assert verdict.passed and verdict.reasons == ()
    assert len(verdict.rules) == 8 and all(rule.reason for rule in verdict.rules)


@pytest.mark.parametrize(
    ("change", "rule", "kind", "words"),
    [
        ({"contiguous_test_steps": 3_448}, "contiguous_test_steps", "skill", "3,448 contiguous test steps"),
        ({"blocks": 21}, "test_blocks", "skill", "21 test blocks"),
        ({"mid_vs_persistence": Interval(0.0, 0.0, 0.0)}, "mid_vs_persistence", "skill", "is not above"),
        ({"mid_vs_persistence": Interval(0.1, 0.002, 0.2)}, "mid_vs_persistence", "skill", "is not above"),
        ({"mid_vs_persistence": Interval(0.1, -math.inf, math.inf)}, "mid_vs_persistence", "skill", "-inf"),
        ({"mid_vs_ridge": Interval(-0.02, -0.03, 0.0)}, "mid_vs_ridge", "skill", "ridge-flow"),
        ({"volume_vs_ar": Interval(-0.03, -0.04, -0.02)}, "volume_vs_ar", "skill", r"AR\(1\)-shrink"),
        ({"order_violations": 1}, "order_violations", "data", "out of price order"),
        ({"non_finite_forecasts": 2}, "finite_forecasts", "data", "not finite"),
        (
            {"oracle": OracleCheck(0.3, Interval(0.12, 0.11, 0.13), Interval(0.18, 0.16, 0.2))},
            "oracle_bound",
            "data",
            "look for a leak",
        ),
    ],
)
def test_one_broken_rule_closes_the_gate_and_names_itself(change, rule: str, kind: str, words: str) -> None:
    verdict = judge(GateConfig(), dataclasses.replace(GOOD, **change))

    failed = [found for found in verdict.rules if not found.passed]
    assert [(found.name, found.kind) for found in failed] == [(rule, kind)]
    assert not verdict.passed and verdict.data_passed == (kind == "skill")
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(verdict.reasons[0])


def test_without_a_truth_file_there_is_no_oracle_rule() -> None:
    verdict = judge(GateConfig(), dataclasses.replace(GOOD, oracle=None))

    assert verdict.passed and "oracle_bound" not in {rule.name for rule in verdict.rules}


def test_a_verdict_reads_back_as_it_was_written() -> None:
    unbounded = Interval(0.1, -math.inf, math.inf)
    verdict = judge(GateConfig(), dataclasses.replace(GOOD, blocks=1, mid_vs_persistence=unbounded))

    assert verdict_from_json(verdict.as_json()) == verdict


def test_thresholds_come_from_settings() -> None:
    strict = GateConfig(contiguous_test_steps_min=20_000)

    assert judge(strict, GOOD).reasons[0].startswith("14,000 contiguous test steps, at least 20,000")


SECOND_NS, SECONDS = 1_000_000_000, 1_801
MONEY = MoneyConfig()


def earning(changes_quote: np.ndarray, name: str, drawdown_e8: int = 100, exposure_e8: int = 1_000) -> MoneyOutcome:
    """One bundle's outcome with these changes of equity, a second each."""
    equity_e8 = np.rint(1e8 * np.concatenate([[0.0], np.cumsum(changes_quote)])).astype(np.int64)
    ts_ns = SECOND_NS * np.arange(len(equity_e8), dtype=np.int64)
    return MoneyOutcome(name * 32, ts_ns, equity_e8, drawdown_e8, exposure_e8)


def noise(seed: int, mean: float = 0.0, sd: float = 0.01) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, sd, SECONDS - 1)


def failed_money(challenger: MoneyOutcome, champion: MoneyOutcome, config: MoneyConfig = MONEY) -> dict[str, str]:
    verdict = judge_money(config, challenger, champion)
    assert {rule.kind for rule in verdict.rules} == {"money"}
    assert verdict.passed == all(rule.passed for rule in verdict.rules)
    return {rule.name: rule.reason for rule in verdict.rules if not rule.passed}


def test_a_challenger_that_surely_earns_more_and_risks_no_more_passes() -> None:
    market = noise(1, sd=0.05)

    assert failed_money(earning(market + noise(2, 0.002), "ab"), earning(market, "cd")) == {}


def test_the_difference_is_paired_so_that_what_the_market_did_to_both_falls_out() -> None:
    market, better = noise(1, sd=0.5), 0.001
    verdict = judge_money(MONEY, earning(market + better, "ab"), earning(market, "cd"))

    assert verdict.difference is not None and verdict.champion_earned is not None
    assert verdict.difference.lower == pytest.approx(better * (SECONDS - 1), rel=1e-3)
    assert verdict.champion_earned.lower < 0 < verdict.champion_earned.upper


@pytest.mark.parametrize(
    ("challenger", "champion", "rule", "words"),
    [
        (earning(noise(1), "ab"), earning(noise(2), "cd"), "money_difference", "is not above 0"),
        (earning(noise(1), "ab"), earning(noise(1), "cd"), "money_difference", "is not above 0"),
        (
            earning(noise(1, 0.01), "ab", drawdown_e8=111),
            earning(noise(2), "cd"),
            "money_drawdown",
            "beyond the limit of",
        ),
        (
            earning(noise(1, 0.01), "ab", exposure_e8=1_101),
            earning(noise(2), "cd"),
            "money_exposure",
            "beyond the limit of",
        ),
        (
            earning(noise(1, 0.01)[:599], "ab"),
            earning(noise(2)[:599], "cd"),
            "money_blocks",
            "9 blocks of 60 s, at least 10 are asked for",
        ),
    ],
)
def test_one_broken_rule_of_money_names_itself(challenger, champion, rule: str, words: str) -> None:
    failed = failed_money(challenger, champion)

    assert list(failed) == [rule] and words in failed[rule]


def test_limits_may_be_met_exactly_and_exceeded_by_the_stated_margin_alone() -> None:
    challenger = earning(noise(1, 0.01), "ab", drawdown_e8=110, exposure_e8=1_100)

    assert failed_money(challenger, earning(noise(2), "cd")) == {}
    strict = MoneyConfig(drawdown_margin=0.0, exposure_margin=0.0)
    assert list(failed_money(challenger, earning(noise(2), "cd"), strict)) == ["money_drawdown", "money_exposure"]


def test_a_champion_that_never_held_a_position_sets_no_limit() -> None:
    idle = earning(0.0 * noise(2), "cd", drawdown_e8=0, exposure_e8=0)

    assert failed_money(earning(noise(1, 0.01), "ab"), idle) == {}


def test_two_models_that_never_trade_are_no_reason_to_swap_them() -> None:
    still = 0.0 * noise(1)

    failed = failed_money(earning(still, "ab"), earning(still, "cd"))

    assert list(failed) == ["money_difference"]


def test_without_a_champion_money_has_no_rule_and_says_what_would_have_been_earned() -> None:
    verdict = judge_money(MONEY, earning(noise(1, 0.01), "ab"), None)

    assert (verdict.rules, verdict.passed, verdict.difference) == ((), True, None)
    assert verdict.earned.lower < verdict.earned.value < verdict.earned.upper
    assert verdict.earned.value == pytest.approx(noise(1, 0.01).sum(), abs=1e-6)


def test_equal_earnings_are_told_apart_by_chance_at_most_as_often_as_the_interval_says() -> None:
    passed = sum(
        judge_money(MONEY, earning(noise(2 * seed), "ab"), earning(noise(2 * seed + 1), "cd")).passed
        for seed in range(100, 300)
    )

    assert passed <= 0.05 * 200  # one tail of a 95 % interval of 30 blocks


def test_unlike_seconds_cannot_be_paired() -> None:
    one, other = earning(noise(1), "ab"), earning(noise(2)[:-1], "cd")

    with pytest.raises(ValueError, match="the same seconds"):
        judge_money(MONEY, one, other)


def test_a_comparison_that_could_not_be_made_is_a_failing_rule() -> None:
    rule = not_compared("the champion is damaged")

    assert (rule.kind, rule.passed) == ("money", False) and "the champion is damaged" in rule.reason
