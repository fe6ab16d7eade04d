"""When a recorded verdict may be relied on."""

import pytest

from orchestration.defs.promote.evidence import objection
from orchestration.defs.promote.promotion import Decision, crown
from orchestration.defs.quality.verdicts import Recorded
from orchestration.errors import RefusedError
from orchestration.settings import load_settings

CLEAN = Recorded("clean", "bytes", "rules", 10)


@pytest.mark.parametrize("state", ["clean", "warned"])
def test_a_verdict_without_error_on_these_bytes_by_these_rules_stands(state):
    assert objection(Recorded(state, "bytes", "rules", 10), "bytes", "rules") is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (None, "no verdict"),
        (Recorded("refused", "bytes", "rules", 10), "refused"),
        (Recorded("clean", "other bytes", "rules", 10), "data were changed"),
        (Recorded("clean", "bytes", "older rules", 10), "rules were changed"),
    ],
)
def test_any_other_verdict_is_an_objection(record, words):
    assert words in str(objection(record, "bytes", "rules"))


def test_a_reason_overrides_weaknesses_and_nothing_else():
    weak = Decision("hash", 1, (), ("too few steps",), "I looked at it")

    assert weak.is_granted
    assert weak.words == "by hand, against 1 rule(s) of skill or money: I looked at it"
    assert not Decision("hash", 1, (), ("too few steps",), " ").is_granted
    assert not Decision("hash", 1, ("refused",), (), "I looked at it").is_granted
    assert Decision("hash", 1, (), (), "").is_granted


def refusal(decision: Decision) -> str:
    with pytest.raises(RefusedError) as refused:
        crown(load_settings(), decision, "a person")
    assert refused.value.exit_code == 3
    return str(refused.value)


def test_a_refusal_by_the_gate_is_one_line_that_names_the_way_round():
    line = refusal(Decision("a" * 64, 1, (), ("mid_vs_ridge: too low", "test_blocks: 2"), ""))

    assert line == (
        "bundle aaaaaaaaaaaa is not promoted (a person may override with --reason): "
        "mid_vs_ridge: too low; test_blocks: 2"
    )


def test_a_refusal_by_hundreds_of_checks_stays_one_line():
    line = refusal(Decision("a" * 64, 900, tuple(f"grid {i}: no verdict" for i in range(900)), (), "I want it"))

    assert "no reason overrides data checks" in line and "grid 3: no verdict; and 896 more" in line
    assert len(line) < 300
