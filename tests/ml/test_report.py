"""How money reads and looks: both models, the difference, every rule; without a champion one model alone."""

from pathlib import Path

import numpy as np
import pytest

from ml.config import MoneyConfig
from ml.gate import MoneyOutcome, MoneyVerdict, judge_money
from ml.plots import draw_money
from ml.report import money_table

SECONDS = 1_201


def outcome(name: str, seed: int, mean: float) -> MoneyOutcome:
    changes = np.random.default_rng(seed).normal(mean, 0.02, SECONDS)
    equity_e8 = np.rint(1e8 * np.cumsum(changes)).astype(np.int64)
    return MoneyOutcome(name * 32, 1_000_000_000 * np.arange(SECONDS), equity_e8, 50_000_000, 200_000_000_000)


@pytest.fixture(params=[True, False], ids=["with champion", "without champion"])
def verdict(request: pytest.FixtureRequest) -> MoneyVerdict:
    champion = outcome("cd", 2, 0.0) if request.param else None
    return judge_money(MoneyConfig(), outcome("ab", 1, 0.01), champion)


def test_the_table_names_both_models_the_difference_and_every_rule(verdict: MoneyVerdict) -> None:
    table = money_table(verdict)

    assert "1,200 s out of sample, 20 blocks" in table and "| challenger abababababab |" in table
    assert "| 0.5000 | 2,000.00 |" in table
    assert all(rule.name in table for rule in verdict.rules)
    assert ("champion cdcdcdcdcdcd" in table) == ("challenger less champion" in table) == bool(verdict.rules)
    assert ("No champion to compare with" in table) == (not verdict.rules)


def test_the_picture_is_a_png_that_stands_alone(verdict: MoneyVerdict, tmp_path: Path) -> None:
    draw_money(verdict, tmp_path / "money.tmp")

    assert (tmp_path / "money.tmp").read_bytes().startswith(b"\x89PNG")
