"""What came of forecasts: held against the mid of the very step they spoke of."""

import math

import pytest
from model_pictures import STEP_NS, forecast, history, view

from dashboards.model.fan import fan_lines, shown_s, told_bps
from dashboards.model.truth import Mids, Settled, calibration, settled


def test_a_forecast_is_held_against_the_mid_of_the_step_it_spoke_of() -> None:
    found = settled(history({1: 100.0, 2: 101.0, 3: 99.0}), "a:X", 2)

    assert len(found) == 1 and found[0].ts_step_ns == STEP_NS and found[0].forecast_bps == 2.0
    assert found[0].move_bps == pytest.approx(1e4 * math.log(0.99))
    assert found[0].error_bps == pytest.approx(found[0].move_bps - 2.0)


def test_a_step_that_nobody_forecast_takes_the_nearest_view_within_a_step() -> None:
    heard = history({1: 100.0})
    heard.add(view(3, 102.0, None, after_ns=20_000_000))

    (pair,) = settled(heard, "a:X", 2)

    assert pair.move_bps == pytest.approx(1e4 * math.log(1.02))


def test_over_a_hole_nothing_is_settled() -> None:
    assert settled(history({1: 100.0, 9: 101.0}), "a:X", 2) == []


def test_a_horizon_that_the_model_does_not_reach_settles_nothing() -> None:
    assert settled(history(dict.fromkeys(range(1, 9), 100.0)), "a:X", 5) == []


def test_an_instrument_without_a_book_settles_nothing() -> None:
    heard = history({1: 100.0, 2: 101.0, 3: 99.0}, are_mids_told=False)

    assert settled(heard, "nobody:X", 1) == [] and Mids(heard, "nobody:X").at(STEP_NS, STEP_NS) is None


def test_calibration_sorts_by_size_and_averages_what_followed() -> None:
    pairs = [Settled(number, float(number % 2), float(number)) for number in range(20)]

    low, *_, high = calibration(pairs)

    assert (low.forecast_bps, high.forecast_bps) == (0.0, 1.0)
    assert sum(found.count for found in calibration(pairs)) == 20


def test_too_few_forecasts_make_no_calibration() -> None:
    assert calibration([Settled(number, 1.0, 1.0) for number in range(9)]) == []


def test_the_fan_begins_at_the_steps_mid_and_the_band_is_as_wide_as_the_live_error() -> None:
    heard = history({1: 100.0, 2: 101.0})
    newest = forecast(3, 102.0, (10.0, 20.0), horizons=(1, 2, 5), band_bps=((1.0, None, 9.0), (), (1.0, 1.0, 1.0)))
    heard.add(view(3, 102.0, newest))

    lines = fan_lines(heard, newest, "a:X", 1)

    assert lines["mid"] == [(pytest.approx(-0.2), 100.0), (pytest.approx(-0.1), 101.0), (0.0, 102.0)]
    assert [at for at, _ in lines["forecast"]] == pytest.approx([0.0, 0.1, 0.2])
    assert lines["forecast"][2][1] == pytest.approx(102.0 * math.exp(20e-4))
    assert lines["band"] == [(0.0, 102.0), (pytest.approx(0.1), pytest.approx(102.0 * math.exp(9e-4)))]
    assert lines["band above"][1][1] == pytest.approx(102.0 * math.exp(11e-4))


def test_what_was_said_before_stands_at_the_moment_it_was_said_of() -> None:
    heard = history({1: 100.0, 2: 101.0, 3: 102.0}, (7.0, 9.0))

    lines = fan_lines(heard, heard.forecasts[-1], "a:X", 2)

    assert lines["earlier"] == [
        (pytest.approx(0.0), pytest.approx(100.0 * math.exp(9e-4))),
        (pytest.approx(0.1), pytest.approx(101.0 * math.exp(9e-4))),
        (pytest.approx(0.2), pytest.approx(102.0 * math.exp(9e-4))),
    ]


def test_without_a_forecast_there_are_no_lines_and_no_figure() -> None:
    lines = fan_lines(history({}), None, "a:X", 1)

    assert not any(lines.values()) and told_bps(None, "a:X", 1) is None


@pytest.mark.parametrize(("steps", "expected"), [(5, 4.0), (20, 16.0), (120, 20.0)])
def test_as_much_of_the_past_is_shown_as_the_fan_is_long(steps: int, expected: float) -> None:
    assert shown_s(forecast(1, 100.0, (0.0,) * steps)) == pytest.approx(expected)
