"""Intervals hold what blocks of neighbours allow, and say nothing where there are too few."""

import numpy as np
import pytest

from streaming.backtest.interval import block_length, sharpe_interval, total_interval, widening
from streaming.backtest.kpi import NS_PER_S, sharpe_ratio


def noise(count, seed=1, drift=0.0):
    return np.rint(np.random.default_rng(seed).normal(drift, 1_000.0, count)).astype(np.int64)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_interval_of_noise_includes_zero(seed):
    found = total_interval(noise(3_000, seed))

    assert found is not None and found.includes_zero


def test_interval_of_a_steady_gain_leaves_zero_out_and_holds_the_total():
    values = noise(3_000, drift=300.0)

    found = total_interval(values)

    assert found is not None and not found.includes_zero
    assert found.low < values.sum() < found.high


def test_neighbours_that_move_together_widen_the_interval():
    single = noise(6_000)
    together = np.repeat(single[:200], 30)
    shuffled = np.random.default_rng(5).permutation(together)

    wide, narrow = total_interval(together), total_interval(shuffled)

    assert wide is not None and narrow is not None
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_same_seed_gives_the_same_interval():
    assert total_interval(noise(500)) == total_interval(noise(500))


def test_too_few_changes_give_no_interval():
    assert total_interval(noise(7)) is None
    assert sharpe_interval(noise(7), NS_PER_S) is None


def test_standstill_has_no_sharpe_interval():
    assert sharpe_interval(np.zeros(100, dtype=np.int64), NS_PER_S) is None


def test_sharpe_interval_holds_the_ratio():
    values = noise(2_000, drift=50.0)

    found, ratio = sharpe_interval(values, NS_PER_S), sharpe_ratio(values, NS_PER_S)

    assert found is not None and ratio is not None and found.low < ratio < found.high


@pytest.mark.parametrize(("count", "length"), [(8, 2), (100, 25), (600, 60), (1_000_000, 500), (1, 1)])
def test_block_length_grows_with_the_series(count, length):
    assert block_length(count) == length


def test_a_loss_in_the_first_second_is_inside_its_own_interval():
    values = np.zeros(300, dtype=np.int64)
    values[0] = -1_000

    found = total_interval(values)

    assert found is not None and found.low <= -1_000 < found.high


@pytest.mark.parametrize("count", [300, 1_200])
def test_an_interval_of_noise_misses_the_truth_as_seldom_as_it_says(count):
    found = [total_interval(noise(count, seed), seed) for seed in range(200)]

    hits = sum(interval is not None and interval.includes_zero for interval in found)

    assert 0.92 <= hits / 200 < 1.0


@pytest.mark.parametrize(("blocks", "wider"), [(5, 1.118 * 2.776 / 1.960), (10, 1.054 * 2.262 / 1.960), (61, 1.029)])
def test_few_blocks_widen_as_students_t_asks(blocks, wider):
    assert widening(blocks) == pytest.approx(wider, rel=0.02)
