"""A key is searched only where the settings have it, take its values, and a trader hears of it."""

from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from streaming.errors import SettingsError
from streaming.optimize.lanes import check_reach, lane_text
from streaming.optimize.space import Parameter, read_space, with_values
from streaming.settings import Settings, load_settings

COST = "native.signal.cost_multiple"
ORDER_SIZE = "native.limits.binance_usdm:BTCUSDT.order_size"


@pytest.fixture
def space_of(settings_file: Path):
    """Return a function that gives the settings with a search space in their file."""
    text = settings_file.read_text()

    def settings(entries: str) -> Settings:
        settings_file.write_text(f"{text}\n[streaming.optimize.space]\n{entries}\n")
        return load_settings()

    return settings


def parameter(space_of: Any, entry: str) -> Parameter:
    (found,) = read_space(space_of(entry))
    return found


def refusal(space_of: Any, entry: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read_space(space_of(entry))
    return str(caught.value)


def test_a_float_is_drawn_from_its_span(space_of: Any) -> None:
    found = parameter(space_of, f'"{COST}" = {{ low = 0, high = 4, log = false }}')

    assert found.distribution == FloatDistribution(0.0, 4.0)


def test_a_whole_number_is_drawn_as_one(space_of: Any) -> None:
    found = parameter(space_of, '"native.signal.horizon_step" = { low = 1, high = 10, log = true }')

    assert found.distribution == IntDistribution(1, 10, log=True)


def test_true_and_false_are_choices(space_of: Any) -> None:
    found = parameter(space_of, '"native.signal.is_spot_short_allowed" = { choices = [true, false] }')

    assert found.distribution == CategoricalDistribution((True, False))


def test_a_decimal_is_drawn_in_whole_steps_and_stays_exact(space_of: Any) -> None:
    found = parameter(space_of, f'"{ORDER_SIZE}" = {{ low = "0.005", high = "0.050", step = "0.005" }}')

    assert found.distribution == IntDistribution(0, 9)
    assert [found.value_of(drawn) for drawn in (0, 1, 9)] == ["0.005", "0.010", "0.050"]


def test_a_misspelt_key_is_refused_with_the_nearest(space_of: Any) -> None:
    words = refusal(space_of, '"native.signal.cost_multple" = { low = 0.5, high = 4.0 }')

    assert "native.signal.cost_multple" in words and f"the nearest is {COST}" in words


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (f'"{COST}" = {{ low = 4.0, high = 0.5 }}', "expected low below high"),
        (f'"{COST}" = {{ low = 0.5, high = 1000.0 }}', "less than or equal to 100"),
        ('"native.signal.horizon_step" = { low = 0.5, high = 4 }', "counts in whole numbers"),
        ('"native.signal.is_spot_short_allowed" = { low = 0, high = 1 }', "expected choices = [true, false]"),
        (f'"{ORDER_SIZE}" = {{ low = "0.005", high = "0.050" }}', "expected low, high and step in quotes"),
        (f'"{ORDER_SIZE}" = {{ low = "0.005", high = "0.050", step = "0.02" }}', "expected a step that divides"),
        ("", "nothing to search"),
    ],
)
def test_what_cannot_be_searched_is_refused(space_of: Any, entry: str, problem: str) -> None:
    assert problem in refusal(space_of, entry)


@pytest.mark.parametrize("entry", [f'"{COST}" = {{ low = 0.5 }}', f'"{COST}" = {{ choices = [1.0, 2.0], low = 0.5 }}'])
def test_an_entry_of_no_form_is_refused_when_settings_are_read(space_of: Any, entry: str) -> None:
    with pytest.raises(SettingsError, match=r"expected .low = , high = ."):
        space_of(entry)


@pytest.mark.parametrize("key", ["native.stale_ms", "native.book_snapshot_every_steps"])
def test_a_key_of_the_market_that_all_share_is_refused(space_of: Any, key: str) -> None:
    settings = space_of(f'"{key}" = {{ low = 100, high = 900 }}')

    with pytest.raises(SettingsError, match="does not reach a trader"):
        check_reach(settings, "main", read_space(settings))


def test_keys_of_signal_risk_limits_and_latency_reach_the_traders(space_of: Any) -> None:
    settings = space_of(
        f'"{COST}" = {{ low = 0.5, high = 4.0 }}\n'
        f'"{ORDER_SIZE}" = {{ low = "0.005", high = "0.050", step = "0.005" }}\n'
        '"native.risk.price_deviation_bps" = { low = 10.0, high = 50.0 }\n'
        '"native.order_latency_ms" = { low = 1, high = 20 }'
    )

    check_reach(settings, "main", read_space(settings))


def test_values_stand_in_the_lane_and_change_no_settings(space_of: Any) -> None:
    settings = space_of(f'"{COST}" = {{ low = 0.5, high = 4.0 }}')
    before = settings.native

    lane = lane_text(settings, "main", {COST: 2.5, ORDER_SIZE: "0.020"})

    assert '"cost_multiple":2.5' in lane and '"0.020"' in lane
    assert settings.native == before and with_values(before, {}) == before


MAKER = """
[[native.strategies]]
name = "maker"
kind = "market_making"
"""
WIDTH = "native.strategies.0.min_half_width_bps"


def test_a_key_of_a_listed_strategy_is_named_by_its_place_and_reaches_the_trader(space_of: Any) -> None:
    settings = space_of(f'"{WIDTH}" = {{ low = 0.0, high = 1.0 }}\n{MAKER}')
    (found,) = read_space(settings)

    check_reach(settings, "main", [found])

    assert found.distribution == FloatDistribution(0.0, 1.0)
    assert '"min_half_width_bps":0.25' in lane_text(settings, "main", {WIDTH: 0.25})
    assert settings.native.strategies[0].model_dump()["min_half_width_bps"] == 1.0


def test_a_place_beyond_the_list_is_refused_with_the_nearest_key(space_of: Any) -> None:
    settings = space_of(f'"native.strategies.1.min_half_width_bps" = {{ low = 0.0, high = 1.0 }}\n{MAKER}')

    with pytest.raises(SettingsError, match=r"nearest is native\.strategies\.0\.min_half_width_bps"):
        read_space(settings)
