"""Every rule opens and closes the gate by itself, and says so in words."""

import dataclasses
import math

import pytest

from ml.config import GateConfig
from ml.gate import GateInputs, OracleCheck, judge, verdict_from_json
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
