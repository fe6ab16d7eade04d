"""What is asked for in words becomes lanes of one pass."""

import numpy as np
import pytest
from paper_market import settings_of

from native.matching_settings import LatencySettings, MatchingSettings
from streaming.backtest.request import (
    SENSITIVITY_FACTORS,
    BacktestRequest,
    LatencyModel,
    external_strategies,
    lane,
    lanes_of,
    latency_of,
)
from streaming.errors import RefusedError, UsageError
from streaming.trader_document import strategy_names


def test_latency_is_read_as_it_is_written():
    assert latency_of("2.5") == LatencyModel(2_500_000)
    assert latency_of("lognormal:5:0.4:7") == LatencyModel(5_000_000, 0.4, 7)
    assert latency_of("lognormal:5:0.4:7").text == "lognormal, median 5 ms, sigma 0.4, seed 7"


@pytest.mark.parametrize("text", ["", "-1", "fast", "lognormal:5:0.4", "lognormal:5:0:7", "normal:5:1:1", "70000"])
def test_latency_that_makes_no_sense_is_refused_with_its_form(text):
    with pytest.raises(UsageError, match="--latency: expected N"):
        latency_of(text)


def test_drawn_delays_have_their_median_and_repeat_by_seed():
    model = LatencyModel(5_000_000, 0.5, 7)

    first, again = (model.delays_ns(20_000_000, 4_001, np.random.default_rng(model.seed)) for _ in range(2))

    assert np.array_equal(first, again)
    assert np.median(first) == pytest.approx(20_000_000, rel=0.05)
    assert first.std() > 0


def test_one_lane_says_queue_latency_and_that_it_keeps_records():
    settings = settings_of()
    request = BacktestRequest(grid="main", queue="front", latency=LatencyModel(3_000_000))

    (lane,) = lanes_of(settings, settings.grid[0], request)

    matching = lane.document["matching"]
    assert (matching["queue"], matching["order_latency_ns"], matching["latency"]) == (
        "front",
        3_000_000,
        {"kind": "constant"},
    )
    assert (lane.document["record"], lane.document["timers"]) == ("all", True)


def test_sensitivity_adds_every_other_queue_and_latency_once():
    settings = settings_of()
    request = BacktestRequest(grid="main", latency=LatencyModel(5_000_000), is_sensitivity=True)

    first, *others = lanes_of(settings, settings.grid[0], request)

    assert first.queue == "pessimistic" and first.latency == LatencyModel(5_000_000)
    assert len({(lane.queue, lane.latency) for lane in (first, *others)}) == 3 * len(SENSITIVITY_FACTORS)
    assert {lane.document["record"] for lane in others} == {"summary"}


def test_an_unknown_strategy_is_refused_with_the_names_that_exist():
    settings = settings_of()

    with pytest.raises(UsageError, match="no strategy is called 'martingale'; the settings have: forecast"):
        lanes_of(settings, settings.grid[0], BacktestRequest(grid="main", strategies=("martingale",)))


def test_settings_without_limits_are_refused():
    settings = settings_of(risk=None)

    with pytest.raises(RefusedError, match=r"native\.risk"):
        lanes_of(settings, settings.grid[0], BacktestRequest(grid="main"))


LISTED = {
    "strategies": [{"name": "fast", "kind": "forecast"}, {"name": "mine", "kind": "external"}],
    "matching": {"order_latency_ns": 1, "reply_latency": {"kind": "constant"}, "funding": {}},
}


def test_strategies_are_named_and_those_in_python_told_apart():
    assert strategy_names(LISTED) == ("fast", "mine") and external_strategies(LISTED) == ("mine",)
    assert strategy_names({}) == ("forecast",) and external_strategies({}) == ()


def test_a_lanes_latency_is_that_of_replies_too():
    matching = lane(LISTED, "front", LatencyModel(7), is_whole=False).document["matching"]

    assert matching == {"order_latency_ns": 7, "latency": {"kind": "constant"}, "queue": "front", "funding": {}}


def test_without_being_asked_a_backtest_answers_as_the_settings_say():
    settings = settings_of()
    told = MatchingSettings(queue="front", latency=LatencySettings(kind="lognormal", median_ms=3.0, sigma=0.4, seed=2))
    settings = settings.model_copy(update={"native": settings.native.model_copy(update={"matching": told})})
    (only,) = lanes_of(settings, settings.grid[0], BacktestRequest(grid="main"))

    assert (only.queue, only.latency) == ("front", LatencyModel(3_000_000, 0.4, 2))
