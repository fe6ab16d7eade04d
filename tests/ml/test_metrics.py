"""Each measure against a case worked out by hand or a slow reference."""

import math

import numpy as np
import pytest
from scipy import stats

from ml import metrics
from ml.metrics import BlockBootstrap


def bootstrap(count: int, block: int = 20) -> BlockBootstrap:
    return BlockBootstrap(count, block, resamples=500, confidence=0.95, seed=1)


def test_skill_is_one_minus_the_ratio_of_errors_and_its_interval_holds_it(random) -> None:
    bottom = random.exponential(size=2_000)

    skill = bootstrap(2_000).ratio(0.9 * bottom, bottom)

    assert skill.value == pytest.approx(0.1)
    assert skill.lower == pytest.approx(0.1) and skill.upper == pytest.approx(0.1)


def test_equal_forecasts_have_the_interval_zero_to_zero(random) -> None:
    loss = random.exponential(size=500)

    skill = bootstrap(500).ratio(loss, loss)

    assert (skill.value, skill.lower, skill.upper) == (0.0, 0.0, 0.0)


def test_blocks_widen_the_interval_of_a_series_that_remembers(random) -> None:
    noise = random.normal(size=4_000)
    slow = 1 + 0.3 * np.convolve(noise, np.ones(100) / 10, mode="same")
    ones = np.ones(4_000)

    single, blocked = bootstrap(4_000, 1).ratio(slow, ones), bootstrap(4_000, 160).ratio(slow, ones)

    assert blocked.upper - blocked.lower > 3 * (single.upper - single.lower)


def test_a_series_of_less_than_two_blocks_has_no_bounds() -> None:
    skill = bootstrap(30, 20).ratio(np.ones(30), np.ones(30))

    assert math.isinf(skill.lower) and math.isinf(skill.upper)


def test_nothing_to_explain_gives_no_skill() -> None:
    assert bootstrap(100).ratio(np.zeros(100), np.zeros(100)).value == 0.0


def test_being_wrong_where_nothing_moved_is_no_tie() -> None:
    skill = bootstrap(100).ratio(np.ones(100), np.zeros(100))

    assert (skill.value, skill.lower) == (-math.inf, -math.inf)


def test_two_venues_that_move_as_one_count_as_one(random) -> None:
    error, outcome = random.normal(size=(2, 2_000, 1))
    both = np.ones((2_000, 2), dtype=np.bool_)

    alone = bootstrap(2_000).ratio(error[:, 0] ** 2, outcome[:, 0] ** 2)
    pair = bootstrap(2_000).ratio(
        metrics.pooled_squares(np.repeat(error, 2, axis=1), both),
        metrics.pooled_squares(np.repeat(outcome, 2, axis=1), both),
    )

    assert (pair.lower, pair.upper) == pytest.approx((alone.lower, alone.upper))


def test_an_interval_of_a_known_skill_holds_it_about_as_often_as_it_says(random) -> None:
    held = 0
    for _trial in range(60):
        shared = np.convolve(random.normal(size=2_100), np.ones(50) / 50, mode="valid")[:2_000] * 5
        signal, noise = 0.3 * shared, random.normal(size=2_000)
        skill = bootstrap(2_000, 100).ratio(noise**2, (signal + noise) ** 2)
        truth = 1 - 1 / (1 + 0.09 * 0.5)
        held += skill.lower <= truth <= skill.upper

    assert held >= 48


def test_no_skill_over_nothing_is_no_excess_over_the_oracle() -> None:
    zeros = np.zeros(100)

    assert bootstrap(100).ratio_difference(zeros, zeros, zeros).upper == 0.0


def test_rank_ic_is_spearmans_with_ties(random) -> None:
    x, y = random.integers(0, 4, 300).astype(float), random.integers(0, 4, 300).astype(float)

    assert metrics.rank_ic(x, y + x) == pytest.approx(stats.spearmanr(x, y + x).statistic)
    assert metrics.rank_ic(np.ones(5), np.arange(5.0)) == 0.0


def test_direction_looks_at_moves_only_and_counts_no_opinion_as_wrong() -> None:
    found = metrics.direction(np.array([1.0, -1.0, 0.0, 5.0]), np.array([2.0, 1.0, 1.0, 0.0]))

    assert found.accuracy == pytest.approx(1 / 3) and found.move_rate == 0.75 and found.majority_rate == 1.0


def test_diebold_mariano_tells_a_better_forecast_and_not_an_equal_one(random) -> None:
    loss = random.exponential(size=3_000)

    assert metrics.diebold_mariano_p(loss, loss, 5) == 1.0
    assert metrics.diebold_mariano_p(loss, loss + 0.1 + 0.1 * random.normal(size=3_000), 5) < 1e-6
    assert metrics.diebold_mariano_p(loss, random.exponential(size=3_000), 5) > 0.01


def test_order_violations_see_crossed_and_reordered_books() -> None:
    good = [100, 99, 98, 97, 96, 101, 102, 103, 104, 105]
    crossed = [101, 99, 98, 97, 96, 101, 102, 103, 104, 105]
    reordered = [100, 99, 99, 97, 96, 101, 102, 103, 104, 105]

    assert metrics.order_violations(np.array([good, crossed, reordered])) == 2


def test_planted_share_is_one_for_the_truth_and_zero_for_nothing() -> None:
    truth = np.array([1.0, -2.0])

    assert metrics.planted_share(truth, truth) == 1.0 and metrics.planted_share(0 * truth, truth) == 0.0
    assert metrics.planted_share(truth, 0 * truth) is None


def test_pooled_squares_leave_out_slots_that_are_not_scored() -> None:
    error = np.array([[1.0, 2.0], [3.0, np.nan]])

    assert metrics.pooled_squares(error, np.array([[True, True], [True, False]])).tolist() == [5.0, 9.0]
