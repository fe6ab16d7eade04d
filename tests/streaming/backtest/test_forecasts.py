"""Forecasts in batch keep the rules of a replay, and gaps withhold them."""

import numpy as np
import pytest
from small_lake import ImbalanceModel

from streaming.backtest.forecasts import ForecastMaker, Timing, forecastable, realised_bps
from streaming.backtest.gaps import MaskedSpan
from streaming.backtest.market import GridSteps
from streaming.backtest.request import LatencyModel

STEP_NS = 100
CONTEXT = 5


def steps_at(ts_ns, mids=None):
    ts_ns = np.asarray(ts_ns, dtype=np.int64)
    features = np.random.default_rng(1).normal(size=(len(ts_ns), 2, 58)).astype(np.float32)
    mid_x2 = np.full((len(ts_ns), 2), 2_000) if mids is None else np.asarray(mids)
    return GridSteps(ts_ns, features, np.ones((len(ts_ns), 2), dtype=bool), mid_x2)


def maker(**changes):
    words = {"step_ns": STEP_NS, "delay_ns": 20, "latency": LatencyModel(5), "ts_from_ns": 0, "ts_to_ns": 10**6}
    return ForecastMaker(ImbalanceModel(), Timing(**(words | changes)), 2)


def silent(_done, _total):
    pass


def test_a_step_is_forecast_once_its_context_lies_behind_it_without_a_hole():
    steps = steps_at([0, 100, 200, 300, 400, 500, 700, 800, 900, 1_000, 1_100])

    rows = forecastable(steps, CONTEXT, STEP_NS)

    assert steps.ts_step_ns[rows].tolist() == [400, 500, 1_100]


def test_a_step_without_a_valid_slot_is_not_forecast():
    steps = steps_at(np.arange(8) * STEP_NS)
    steps.valid[6] = False

    assert forecastable(steps, CONTEXT, STEP_NS).tolist() == [4, 5, 7]


def test_stretches_in_turn_give_the_forecasts_of_the_whole():
    whole = steps_at(np.arange(40) * STEP_NS)
    parts = [
        GridSteps(*(getattr(whole, name)[rows] for name in ("ts_step_ns", "features", "valid", "mid_x2_ticks")))
        for rows in (slice(0, 3), slice(3, 17), slice(17, 40))
    ]
    once, inturn = maker(), maker()

    at_once = once.forecasts(whole, [], silent)
    found = [inturn.forecasts(part, [], silent) for part in parts]

    assert np.concatenate([part.ts_step_ns for part in found]).tolist() == at_once.ts_step_ns.tolist()
    assert np.concatenate([part.values for part in found]).tobytes() == at_once.values.tobytes()
    assert (at_once.ts_ns - at_once.ts_step_ns == 20).all()


def test_a_forecast_whose_context_touches_a_gap_is_withheld_and_counted():
    made = maker()
    span = MaskedSpan(1_450, 1_550, "binance_spot:BTCUSDT", "sequence_break")

    found = made.forecasts(steps_at(np.arange(40) * STEP_NS), [span], silent)

    missing = set(range(400, 4_000, 100)) - set(found.ts_step_ns.tolist())
    assert sorted(missing) == [1_500, 1_600, 1_700, 1_800, 1_900]
    assert made.withheld == 5


def test_nothing_is_forecast_before_the_span():
    found = maker(ts_from_ns=2_000, ts_to_ns=2_500).forecasts(steps_at(np.arange(40) * STEP_NS), [], silent)

    assert found.ts_step_ns.tolist() == [2_000, 2_100, 2_200, 2_300, 2_400]


def test_drawn_delays_never_let_a_forecast_overtake_another():
    found = maker(latency=LatencyModel(5, sigma=0.8, seed=3)).forecasts(steps_at(np.arange(400) * STEP_NS), [], silent)

    delays = found.ts_ns - found.ts_step_ns
    assert (np.diff(found.ts_ns) >= 0).all() and (delays > 0).all()
    assert delays.max() > STEP_NS > np.median(delays)


def test_what_came_is_the_log_return_to_the_horizon_and_unknown_where_a_mid_is():
    ts_ns = np.arange(5, dtype=np.int64) * STEP_NS
    mids = np.array([[2_000, 2_000], [0, 2_000], [2_020, 2_000], [2_000, 0], [2_000, 2_000]])

    found = realised_bps(ts_ns, mids, ts_ns, 2 * STEP_NS)

    assert found[0] == pytest.approx([1e4 * np.log(1.01), 0.0])
    assert np.isnan(found[1]).all()
    assert found[2] == pytest.approx([1e4 * np.log(2_000 / 2_020), 0.0])
    assert np.isnan(found[3:]).all()
