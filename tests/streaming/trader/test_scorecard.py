"""Live scores, worked out by hand on small markets, and against numpy on a drawn one."""

import math

import numpy as np
import pytest

import native
from streaming.trader.scorecard import KEPT_STEPS, WAITING_MAX, Scoreboard
from streaming.trader.truth import Truth

STEP_NS = 100
HORIZONS = (1, 2)


def grid(number, mids_ticks, *, valid=None):
    """Rows of one step: a book around each mid, in instruments 4 and 7."""
    rows = np.zeros(len(mids_ticks), dtype=native.dtypes["grid"])
    rows["ts_step_ns"] = number * STEP_NS
    rows["instrument"] = (4, 7)[: len(mids_ticks)]
    rows["is_valid"] = 1 if valid is None else valid
    rows["price_ticks"][:, 0] = np.array(mids_ticks) - 1
    rows["price_ticks"][:, 5] = np.array(mids_ticks) + 1
    return rows


def board(slots=(4, None, 7), judged=1):
    made = Scoreboard(Truth(slots, STEP_NS, max(HORIZONS)), HORIZONS, judged)
    made.keep({"m"})
    return made


def forecast(bps, slots=3):
    """A forecast of two steps, the same in every slot."""
    values = np.zeros((2, slots, 20), dtype=np.float32)
    values[:, :, 0] = np.array(bps)[:, None]
    return values.reshape(2, -1)


def measures(scores, steps):
    return next(item for item in scores.card("m").to_json()["horizons"] if item["steps"] == steps)


def move(before, after):
    return 1e4 * math.log(after / before)


def test_a_forecast_is_scored_by_what_the_mid_did_at_each_horizon():
    scores = board(slots=(4,))
    scores.step(grid(10, [1_000]))
    scores.card("m").forecast(10, forecast([5.0, 7.0], slots=1), 1)
    scores.step(grid(11, [1_001]))
    assert measures(scores, 1)["scored"] == 0  # until the longest horizon is over
    scores.step(grid(12, [1_003]))

    one, two = measures(scores, 1), measures(scores, 2)
    assert one["mse"] == pytest.approx((move(1_000, 1_001) - 5.0) ** 2, abs=1e-5)
    assert two["mae"] == pytest.approx(abs(move(1_000, 1_003) - 7.0), abs=1e-5)
    assert one["skill"] == pytest.approx(1 - (move(1_000, 1_001) - 5.0) ** 2 / move(1_000, 1_001) ** 2, abs=1e-5)
    assert one["slope"] is None and one["intercept_bps"] is None  # one forecast has no slope


def test_over_a_hole_and_in_a_masked_slot_nothing_is_scored():
    scores = board()
    for number, valid in ((1, (1, 1)), (2, (0, 1)), (3, (1, 1)), (4, (1, 1))):
        scores.step(grid(number, [1_000 + number, 2_000 + number], valid=valid))
        scores.card("m").forecast(number, forecast([1.0, 1.0]), 1)
    scores.step(grid(6, [1_010, 2_010]))  # step 5 was never closed

    # One step ahead: slot 7 of steps 1 and 2, both slots of step 3. Two ahead: slot 7 of steps 1 and 2.
    assert (measures(scores, 1)["scored"], measures(scores, 2)["scored"]) == (4, 2)
    assert scores.card("m").scored_steps == 3


def test_measures_agree_with_numpy_on_a_drawn_market():
    random = np.random.default_rng(1)
    mids = 10_000 + np.cumsum(random.integers(-3, 4, size=(400, 2)), axis=0)
    scores = board(slots=(4, 7))
    y = 1e4 * np.log(mids[1:] / mids[:-1])
    f = 0.5 * y + random.standard_normal(y.shape)
    for number, row in enumerate(mids):
        scores.step(grid(number, row.tolist()))
        if number < len(f):
            values = np.zeros((1, 2, 20), dtype=np.float32)
            values[0, :, 0] = f[number]
            scores.card("m").forecast(number, values.reshape(1, -1), 1)

    found, n = measures(scores, 1), len(mids) - 2  # the last two have no second step
    f, y = f.astype(np.float32)[:n].astype(np.float64), y[:n]
    units = np.sqrt((y**2).mean(axis=0))
    x, z = f / units - (f / units).mean(axis=0), y / units - (y / units).mean(axis=0)
    slope = (x * z).sum() / (x * x).sum()
    assert found["scored"] == 2 * n and measures(scores, 2)["scored"] == 0
    assert found["mse"] == pytest.approx(((y - f) ** 2).mean(), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(y - f).mean(), rel=1e-5)
    assert found["skill"] == pytest.approx(1 - (((y - f) / units) ** 2).mean(), rel=1e-4)
    assert found["slope"] == pytest.approx(slope, rel=1e-4)
    assert found["intercept_bps"] == pytest.approx(y.mean() - slope * f.mean(), abs=1e-5)


def test_windows_that_gave_nothing_are_counted_and_latency_has_its_percentiles():
    card = board().card("m")
    card.delivery.windows, card.delivery.late, card.delivery.skipped, card.delivery.failed = 10, 1, 2, 1
    for number in range(6):
        card.forecast(number, forecast([0.0, 0.0]), 1_000_000 * (number + 1))

    told = card.to_json()

    assert card.delivery.lost_share == 0.4
    assert (told["windows"], told["forecasts"], told["late"], told["skipped"], told["failed"]) == (10, 6, 1, 2, 1)
    assert told["latency"]["count"] == 6 and 6_000 <= told["latency"]["p99_us"] <= 6_750


def test_the_feature_that_is_most_often_outside_of_its_training_is_named():
    card = board().card("m")
    outside = np.zeros((3, 58), dtype=bool)
    outside[2, 41] = True
    card.features(outside, np.array([1, 0, 1], dtype=np.uint8))
    card.features(outside & False, np.array([1, 0, 1], dtype=np.uint8))

    assert card.clipped() == (0.5, 2, 41, 2)


def test_what_waits_and_what_is_kept_is_bounded():
    scores = board(slots=(4,))
    for number in range(2 * WAITING_MAX):
        scores.card("m").forecast(number, forecast([1.0, 1.0], slots=1), 1)

    assert len(scores.card("m")._waiting) == WAITING_MAX
    assert scores.card("m")._scored.maxlen == KEPT_STEPS


def test_only_the_models_that_forecast_now_have_a_record():
    scores = board()
    scores.card("m").delivery.windows = 7
    scores.keep({"m", "n"})
    assert scores.card("m").delivery.windows == 7 and scores.card("n") is not None

    scores.keep({"n"})

    assert scores.card("m") is None
