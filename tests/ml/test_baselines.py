"""Ridge-flow finds a planted lead-lag, AR(1)-shrink its own decay; both from the train part alone."""

import numpy as np
import pytest

from ml.baselines import Baselines, fit_baselines, flow_inputs, flow_width, penalty_parts, scale_of
from ml.dataset import Dataset
from ml.layout import AGE_MS, FEATURE_COUNT, MID_RETURN_BPS


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> Baselines:
    return fit_baselines(dataset, dataset.anchors["train"])


def test_flow_inputs_hold_lags_running_means_and_the_present_state(random) -> None:
    x = random.normal(size=(2, 12, 3, FEATURE_COUNT)).astype(np.float32)

    flows = flow_inputs(x)

    assert flows.shape == (2, 3, flow_width(12))
    assert flows[1, 2, 27] == x[1, -1, 2, MID_RETURN_BPS] and flows[1, 2, 0] == x[1, 2, 2, MID_RETURN_BPS]
    assert flows[0, 1, -1] == x[0, -1, 1, AGE_MS]


def test_ridge_flow_finds_the_lead_of_the_perpetual_on_rows_it_never_saw(dataset: Dataset, fitted: Baselines) -> None:
    anchors = dataset.anchors["test"]
    forecast = fitted.ridge.predict(flow_inputs(dataset.windows(anchors)[0]))[:, 1, 0]
    outcome = dataset.labels(anchors).mid_bps_BPH[:, 1, 0]

    r2 = 1 - ((outcome - forecast) ** 2).sum() / (outcome**2).sum()

    assert r2 > 0.1


def test_shrink_factors_lie_between_zero_and_one_and_fade_with_the_horizon(fitted: Baselines) -> None:
    sizes = fitted.ar.beta[:, 9:]

    assert (fitted.ar.beta >= 0).all() and (fitted.ar.beta <= 1).all()
    assert sizes[..., 0].mean() == pytest.approx(0.75, abs=0.05) and (sizes[..., 0] > sizes[..., 4]).all()


def test_shrunk_gaps_never_fall_below_one_tick(dataset: Dataset, fitted: Baselines) -> None:
    forecast = fitted.ar.predict(dataset.last_shape(dataset.anchors["test"]))

    assert (forecast[:, :, :9] >= 0).all()


def test_baselines_do_not_change_with_rows_after_the_train_part(dataset: Dataset, fitted: Baselines) -> None:
    cut = int(dataset.anchors["train"][-1]) + 1 + dataset.manifest.horizon
    normalised, price_ticks = dataset.normalised.copy(), dataset.price_ticks.copy()
    normalised[cut:], price_ticks[cut:] = 7.0, 1
    fields = {name: getattr(dataset, name) for name in Dataset.__dataclass_fields__}
    spoiled = Dataset(**{**fields, "normalised": normalised, "price_ticks": price_ticks})

    again = fit_baselines(spoiled, dataset.anchors["train"])

    assert np.array_equal(again.ridge.weights, fitted.ridge.weights)
    assert np.array_equal(again.ar.beta, fitted.ar.beta)


def test_the_unit_of_the_mid_grows_with_the_root_of_the_horizon() -> None:
    assert scale_of(np.array([2.0]), 4).tolist() == [pytest.approx([2.0, 2 * 2**0.5, 2 * 3**0.5, 4.0])]


def test_the_penalty_is_judged_on_windows_that_share_no_row_with_those_it_was_fitted_on(dataset: Dataset) -> None:
    anchors = dataset.anchors["train"]

    fitted, purged, judging = penalty_parts(dataset, anchors)

    assert judging[0] - 9 > fitted[-1] + 5 and len(judging) > 0.19 * len(anchors)
    assert np.array_equal(np.concatenate([fitted, purged, judging]), anchors)


def test_a_short_train_part_leaves_something_to_judge_the_penalty_on(dataset: Dataset) -> None:
    _fitted, _purged, judging = penalty_parts(dataset, dataset.anchors["train"][:20])

    assert len(judging) == 2
