"""A forecast that has seen the future is refused where it comes too early, and told where it fits too well."""

import numpy as np
import pytest

from streaming.backtest.forecasts import Delivery
from streaming.backtest.leaks import leak_verdict
from streaming.errors import BadDataError

HORIZON = 5
STEPS = 6_000


def market(seed=3):
    """One-step moves of which a tenth of the variance is known a step before, and moves over the horizon."""
    random = np.random.default_rng(seed)
    signal = random.normal(0.0, 1.0, STEPS)
    moves = np.concatenate([[0.0], 0.33 * signal[:-1]]) + random.normal(0.0, 1.0, STEPS)
    path = np.cumsum(moves)
    ahead = np.full(STEPS, np.nan)
    ahead[:-HORIZON] = path[HORIZON:] - path[:-HORIZON]
    return signal, moves, ahead


def test_an_honest_forecast_is_not_suspected():
    signal, _, ahead = market()

    assert leak_verdict(0.33 * signal, ahead, HORIZON).warning == ""


def test_a_forecast_that_peeks_one_step_ahead_is_caught():
    signal, moves, ahead = market()
    peeking = np.append(moves[1:], 0.0) + 0.33 * np.append(signal[1:], 0.0)

    found = leak_verdict(peeking, ahead, HORIZON)

    assert "look for a step of the future" in found.warning
    assert found.skill - found.skill_one_step_late > found.jump_max


def test_the_true_future_is_caught_by_its_fit():
    _, _, ahead = market()

    assert "no honest forecast does" in leak_verdict(ahead, ahead, HORIZON).warning


def test_forecasts_that_stand_a_step_too_early_are_caught():
    random = np.random.default_rng(4)
    signal = random.normal(0.0, 1.0, STEPS)
    moves = random.normal(0.0, 1.0, STEPS) + np.concatenate([np.zeros(HORIZON), signal[:-HORIZON]])
    path = np.cumsum(moves)
    ahead = np.append(path[1:] - path[:-1], np.nan)
    shifted = np.roll(signal, HORIZON - 2)

    assert "a step too early" in leak_verdict(shifted, ahead, 1).warning


def test_a_few_pairs_say_nothing():
    _, _, ahead = market()

    assert leak_verdict(ahead[:150], ahead[:150], HORIZON).warning == ""


def test_a_forecast_delivered_before_its_step_closed_is_refused():
    steps = np.array([100, 200, 300], dtype=np.int64)

    with pytest.raises(BadDataError, match="forecast of step 200 ns: expected delivery after the step closed"):
        Delivery(np.array([120, 200, 320], dtype=np.int64), steps, np.zeros((3, 5, 20), dtype=np.float32))


def test_forecasts_out_of_order_are_refused():
    steps = np.array([100, 200], dtype=np.int64)

    with pytest.raises(BadDataError, match="delivery times that never go back"):
        Delivery(np.array([260, 250], dtype=np.int64), steps, np.zeros((2, 5, 20), dtype=np.float32))
