"""Bounds of means of dependent series: wide where neighbours are alike, and right as often as they say."""

import math

import numpy as np
import pytest

from streaming.trader.block_bounds import mean_bounds, ratio_bounds


def dependent(random, count, reach):
    """A series of mean 0 whose neighbours within `reach` share their noise, as overlapping moves do."""
    noise = random.standard_normal(count + reach)
    return np.convolve(noise, np.ones(reach), "valid")[:count]


def test_the_bounds_of_independent_values_are_those_of_the_textbook():
    values = np.random.default_rng(1).standard_normal(20_000)

    found = mean_bounds(values, 1, 0.95)

    assert found.upper - found.value == pytest.approx(1.96 * values.std() / math.sqrt(len(values)), rel=1e-3)
    assert found.value == pytest.approx(values.mean())


def test_dependent_values_are_covered_as_often_as_is_asked_and_not_where_blocks_are_ignored():
    random = np.random.default_rng(2)
    series = [dependent(random, 600, 5) for _ in range(400)]

    def covered(block):
        bounds = [mean_bounds(values, block, 0.95) for values in series]
        return np.mean([found.lower <= 0.0 <= found.upper for found in bounds])

    assert 0.91 <= covered(20) <= 0.98
    assert covered(1) < 0.75


def test_a_ratio_is_bounded_where_it_lies():
    random = np.random.default_rng(3)
    hits = []
    for _ in range(300):
        x = dependent(random, 600, 5)
        y = 0.5 * x + 5 * dependent(random, 600, 5)
        found = ratio_bounds(x * y, x * x, 20, 0.95)
        hits.append(found.lower <= 0.5 <= found.upper)

    assert 0.9 <= np.mean(hits) <= 0.985


def test_too_few_blocks_and_an_empty_bottom_bound_nothing():
    assert mean_bounds(np.ones(39), 20, 0.95).upper == math.inf
    assert mean_bounds(np.zeros(0), 20, 0.95).lower == -math.inf
    assert ratio_bounds(np.ones(100), np.zeros(100), 5, 0.95).lower == -math.inf
