"""Sharpe ratios, deflated and plain, against the figures of the papers and sums done by hand."""

import math

import numpy as np
import pytest

from streaming.optimize.sharpe import (
    Moments,
    Parts,
    deflated_sharpe,
    expected_best_sharpe,
    moments,
    overfitting_probability,
    probabilistic_sharpe,
    sharpe_ratio,
)

DAYS_A_YEAR = 250
PAPER = Moments(count=1250, sharpe=2.5 / math.sqrt(DAYS_A_YEAR), skew=-3.0, kurtosis=10.0)
PAPER_VARIANCE = 0.5 / DAYS_A_YEAR


def test_the_papers_numerical_example_is_met() -> None:
    """Bailey and Lopez de Prado 2014, "A numerical example": 0.1132 and 0.9004 after 100 trials."""
    assert expected_best_sharpe(100, PAPER_VARIANCE) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PAPER, 100, PAPER_VARIANCE) == pytest.approx(0.9004, abs=5e-5)


def test_the_paper_would_accept_after_46_trials_and_of_normal_returns_after_88() -> None:
    normal = Moments(count=1250, sharpe=PAPER.sharpe, skew=0.0, kurtosis=3.0)

    assert deflated_sharpe(PAPER, 46, PAPER_VARIANCE) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(normal, 88, PAPER_VARIANCE) == pytest.approx(0.9505, abs=5e-5)


def test_sharpe_ratio_and_moments_of_four_returns() -> None:
    found = moments(np.array([1.0, -1.0, 3.0, 1.0]))  # mean 1, squares 0 4 4 0

    assert found.sharpe == pytest.approx(1.0 / math.sqrt(8.0 / 3.0))
    assert (found.count, found.skew, found.kurtosis) == (4, 0.0, 2.0)  # m2 = 2, m3 = 0, m4 = 8


def test_skew_has_the_sign_of_the_long_tail() -> None:
    assert moments(np.array([0.0, 0.0, 0.0, 4.0])).skew == pytest.approx(6.0 / 3.0**1.5)  # m2 = 3, m3 = 6


def test_what_never_moved_has_no_ratio() -> None:
    assert sharpe_ratio(np.zeros(50)) == 0.0
    assert moments(np.zeros(50)) == Moments(50, 0.0, 0.0, 3.0)


def test_nothing_is_probable_of_one_return() -> None:
    assert probabilistic_sharpe(moments(np.array([1.0])), 0.0) == 0.0


def test_a_ratio_at_the_benchmark_is_even() -> None:
    assert probabilistic_sharpe(Moments(100, 0.2, 0.0, 3.0), 0.2) == 0.5


def test_one_trial_is_no_selection() -> None:
    assert expected_best_sharpe(1, 4.0) == 0.0


def test_more_trials_of_the_same_result_are_believed_less() -> None:
    found = [deflated_sharpe(PAPER, trials, PAPER_VARIANCE) for trials in (2, 10, 100, 1000)]

    assert found == sorted(found, reverse=True)


def parts_of(returns: np.ndarray) -> Parts:
    """Sums of [trials, parts, returns]."""
    return Parts(np.full(returns.shape[:2], float(returns.shape[2])), returns.sum(axis=2), (returns**2).sum(axis=2))


def test_a_set_that_is_best_everywhere_is_not_overfitted() -> None:
    noise = np.random.default_rng(1).normal(size=(20, 6, 50))
    noise[7] += 1.0

    assert overfitting_probability(parts_of(noise)) == 0.0


def test_sets_that_are_good_in_one_half_only_are_overfitted() -> None:
    """Two sets, two parts: each is the best where the other is not, so the chosen one is always the worse."""
    returns = np.array([[[1.0, 2.0], [-1.0, -2.0]], [[-1.0, -2.0], [1.0, 2.0]]])

    assert overfitting_probability(parts_of(returns)) == 1.0


def test_overfitting_of_noise_is_near_a_half() -> None:
    probabilities = [
        overfitting_probability(parts_of(np.random.default_rng(seed).normal(size=(40, 8, 30)))) for seed in range(10)
    ]

    assert 0.3 < float(np.mean([value for value in probabilities if value is not None])) < 0.7


def test_overfitting_of_one_set_is_not_known() -> None:
    assert overfitting_probability(parts_of(np.ones((1, 4, 3)))) is None
