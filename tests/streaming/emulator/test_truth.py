"""The truth file says what is to be expected: no more, no less, and nothing where nothing is planted."""

import numpy as np
import pytest

from streaming.emulator import parameters as p
from streaming.emulator.market_model import MarketModel
from streaming.emulator.truth import TruthTable, mid_prices

HOURS = 5
# Oracle R2 at 1, 5, 10, 20 steps, by slot: what the trial of this market found.
TRIAL_R2 = np.array([[0.026, 0.053, 0.047, 0.034], [0.098, 0.191, 0.198, 0.158], [0.083, 0.184, 0.193, 0.170]])


def simulate(seed, effect, hours=HOURS):
    """Blocks of a run, its log mids in bps [T, V] and its truth [T, V, horizons]."""
    market, table = MarketModel(seed, effect), TruthTable(effect)
    blocks = [market.advance(6_000) for _ in range(hours * 6)]
    mids = np.concatenate([1e4 * np.log(mid_prices(block)) for block in blocks])
    return blocks, mids, np.concatenate([table.expected_bps(block) for block in blocks])


@pytest.fixture(scope="module")
def full():
    return simulate(1, 1.0)


@pytest.fixture(scope="module")
def none():
    return simulate(1, 0.0)


def outcomes(mids, truth, slot, place):
    horizon = p.HORIZONS[place]
    return mids[horizon:, slot] - mids[:-horizon, slot], truth[:-horizon, slot, place]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_returns_regress_on_the_truth_with_slope_one(full, slot):
    for place in range(len(p.HORIZONS)):
        realised, expected = outcomes(*full[1:], slot, place)

        slope = (realised @ expected) / (expected @ expected)

        assert 0.9 < slope < 1.1


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_the_share_that_can_be_known_is_near_the_trials(full, slot):
    for place in range(len(p.HORIZONS)):
        realised, expected = outcomes(*full[1:], slot, place)

        r2 = 1 - np.sum((realised - expected) ** 2) / np.sum(realised**2)

        assert r2 == pytest.approx(TRIAL_R2[slot, place], rel=0.2, abs=0.005)


def test_most_steps_move_no_mid(full):
    zero_share = (np.diff(full[1], axis=0) == 0).mean(axis=0)

    assert zero_share == pytest.approx([0.92, 0.90, 0.90], abs=0.01)


def test_half_the_effect_is_still_predicted_without_bias():
    _, mids, truth = simulate(2, 0.5)
    realised, expected = outcomes(mids, truth, 1, 1)

    assert (realised @ expected) / (expected @ expected) == pytest.approx(1.0, abs=0.15)


def test_without_effect_the_truth_is_zero_and_the_activity_unchanged(full, none):
    assert not none[2].any()
    moves = [np.mean(np.diff(mids, axis=0) != 0, axis=0) for mids in (full[1], none[1])]
    assert moves[0] == pytest.approx(moves[1], rel=0.06)
    assert np.diff(none[1], axis=0).std(axis=0) == pytest.approx(np.diff(full[1], axis=0).std(axis=0), rel=0.06)


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_without_effect_nothing_known_predicts_the_next_return(none, slot):
    blocks, mids, _ = none
    returns = np.diff(mids, axis=0)
    imbalance, flow = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("imbalance", "flow"))
    basis = mids[:, slot] - mids[:, 0] if slot else mids[:, 0] - mids[:, 1]
    known = np.stack([imbalance[1:-1], flow[1:-1], np.diff(basis)[:-1], *returns[:-1].T], axis=1)

    target = returns[1:, slot]
    t_values = [x @ target / np.sqrt(np.sum((x * target) ** 2)) for x in (known - known.mean(axis=0)).T]

    assert np.abs(t_values).max() < 3.5


def test_without_effect_the_basis_is_a_random_walk(none):
    _, mids, _ = none
    basis = mids[:, 1] - mids[:, 0]

    def variance(steps):
        return np.var(basis[steps:] - basis[:-steps]) / steps

    assert variance(100) == pytest.approx(variance(1), rel=0.25)


def test_with_effect_the_basis_returns(full):
    basis = full[1][:, 1] - full[1][:, 0]

    assert np.var(basis[1000:] - basis[:-1000]) < 30 * np.var(np.diff(basis))


def test_an_effect_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="expected 0 to 1"):
        MarketModel(1, 1.5)
