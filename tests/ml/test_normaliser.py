"""Constants are fitted on what they are given and applied by the core."""

import numpy as np

from ml.layout import FEATURE_COUNT, OFI_L1, PRICE_PCT
from ml.normaliser import fit_normaliser


def test_scores_have_mean_zero_and_spread_one_and_percent_changes_lie_between_zero_and_one(random) -> None:
    features = random.normal(3.0, 2.0, (500, 2, FEATURE_COUNT)).astype(np.float32)
    valid = np.ones((500, 2), dtype=np.bool_)

    normalised = fit_normaliser(features, valid).apply(features, valid)

    assert abs(normalised[:, 0, OFI_L1].mean()) < 1e-4 and abs(normalised[:, 0, OFI_L1].std() - 1) < 1e-3
    assert normalised[..., PRICE_PCT].min() == 0.0 and abs(normalised[..., PRICE_PCT].max() - 1.0) < 1e-6


def test_an_absent_slot_and_an_invalid_row_become_zero(random) -> None:
    features = random.normal(size=(50, 2, FEATURE_COUNT)).astype(np.float32)
    valid = np.ones((50, 2), dtype=np.bool_)
    valid[:, 1] = False
    valid[7, 0] = False

    normalised = fit_normaliser(features, valid).apply(features, valid)

    assert not normalised[:, 1].any() and not normalised[7].any()


def test_a_feature_that_never_moves_becomes_zero_and_outliers_are_clipped(random) -> None:
    features = random.normal(size=(500, 1, FEATURE_COUNT)).astype(np.float32)
    features[:, 0, 56] = 4.0
    valid = np.ones((500, 1), dtype=np.bool_)
    fitted = fit_normaliser(features, valid)
    features[0, 0, OFI_L1] = 1e9

    normalised = fitted.apply(features, valid)

    assert not normalised[:, 0, 56].any() and normalised[0, 0, OFI_L1] == 10.0
