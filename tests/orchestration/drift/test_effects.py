"""Thresholds learned from the reference itself: what wanders may wander, what never moved may not."""

import numpy as np
import pytest

from orchestration.defs.drift.effects import (
    FeatureEffect,
    Thresholds,
    effect,
    held_against,
    learn,
    level_of,
    severity,
    thinned,
)

ROWS, BLOCK = 20_000, 1_000
MARGIN, SAMPLE_ROWS = 1.6, 5_000


def noise(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(rows)


def wandering(rows: int, seed: int) -> np.ndarray:
    """A level that wanders for thousands of rows, as a basis does."""
    return np.convolve(noise(rows + 5_000, seed), np.ones(5_000) / 70.0, mode="valid")[:rows]


def learned(**columns: np.ndarray) -> Thresholds:
    thresholds = learn(columns, BLOCK, MARGIN, SAMPLE_ROWS)
    assert thresholds is not None
    return thresholds


def test_an_effect_is_a_shift_in_standard_deviations_of_the_reference():
    before = 5.0 * noise(4_000, 1)

    assert effect(before, before) == 0.0
    assert effect(before, before + 10.0) == pytest.approx(10.0 / before.std())


def test_a_feature_that_wanders_gets_a_higher_threshold_than_one_that_does_not():
    thresholds = learned(level=wandering(ROWS, 1), noise=noise(ROWS, 2)).by_column

    assert thresholds["level"] > 5 * thresholds["noise"]


def test_the_same_shift_is_chance_in_one_feature_and_drift_in_another():
    reference = {"level": wandering(ROWS, 1), "noise": noise(ROWS, 2)}
    now = {name: values[-BLOCK:] + 0.5 * values.std() for name, values in reference.items()}

    found = held_against(reference, now, learned(**reference), SAMPLE_ROWS)

    assert [(item.name, item.is_beyond) for item in found] == [("noise", True), ("level", False)]


def test_a_constant_feature_is_no_drift_while_it_stays_and_one_at_once_when_it_moves():
    reference = {"constant": np.zeros(ROWS)}
    thresholds = learned(**reference)

    (same,) = held_against(reference, {"constant": np.zeros(BLOCK)}, thresholds, SAMPLE_ROWS)
    (moved,) = held_against(reference, {"constant": np.full(BLOCK, 0.05)}, thresholds, SAMPLE_ROWS)

    assert not same.is_beyond
    assert severity([moved], (), few=3, far=2.5) > 1.0


def test_one_step_of_a_feature_that_was_constant_is_no_drift():
    reference = {"constant": np.zeros(ROWS)}
    now = np.zeros(BLOCK)
    now[BLOCK // 2] = np.log(2.0)  # a spread of one tick that was two for a moment

    (found,) = held_against(reference, {"constant": now}, learned(**reference), SAMPLE_ROWS)

    assert severity([found], (), few=1, far=2.5) < 1.0


def test_blocks_overlap_where_few_fit_side_by_side_and_nothing_is_learned_from_too_few():
    wide = learn({"a": noise(ROWS, 1)}, BLOCK, MARGIN, SAMPLE_ROWS)
    narrow = learn({"a": noise(ROWS, 1)}, 4 * BLOCK, MARGIN, SAMPLE_ROWS)
    too_long = learn({"a": noise(ROWS, 1)}, ROWS // 2, MARGIN, SAMPLE_ROWS)

    assert wide and (wide.blocks, wide.overlap) == (20, 1)
    assert narrow and (narrow.blocks, narrow.overlap) == (17, 4)
    assert too_long is None


def test_several_features_a_little_beyond_or_one_far_beyond_are_a_drift():
    inside = [FeatureEffect(str(n), 0.9, 1.0) for n in range(30)]
    beyond = [FeatureEffect(f"b{n}", 1.1, 1.0) for n in range(3)]
    far = FeatureEffect("far", 2.6, 1.0)

    found = [severity(items, (), few=3, far=2.5) for items in ([*inside, *beyond[:2]], [*inside, *beyond], [far])]

    assert found == [0.9, 1.1, pytest.approx(1.04)]


def test_one_check_of_the_structure_is_enough():
    inside = [FeatureEffect(str(n), 0.9, 1.0) for n in range(30)]

    assert severity(inside, [FeatureEffect("a venue's presence", 0.5, 0.1)], few=3, far=2.5) == 5.0
    assert severity((), (), few=3, far=2.5) == 0.0


@pytest.mark.parametrize(("found", "level"), [(0.0, 0), (1.0, 0), (1.1, 1), (2.0, 1), (2.1, 2), (4.0, 2), (4.1, 3)])
def test_a_level_begins_beyond_its_multiple_of_the_learned_spread(found: float, level: int):
    assert level_of(found, (1.0, 2.0, 4.0)) == level


def test_thinning_spreads_over_the_whole_and_keeps_what_is_short():
    values = np.arange(10_000.0)

    assert thinned(values, 10_000) is values
    assert (thinned(values, 100)[[0, -1]] == values[[0, -1]]).all()
    assert len(thinned(values, 100)) == 100
