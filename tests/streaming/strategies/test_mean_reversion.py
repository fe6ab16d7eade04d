"""The example strategy by hand: a basis that alternates by 1 bps has a deviation of 1 bps."""

import math

import pytest

from streaming.strategies.interface import Action, Level, SlotView, StrategyView, Wish
from streaming.strategies.mean_reversion import MeanReversion

REFERENCE = 0


def slot_view(slot: int, mid_ticks: int, position: int = 0, short_max: int = 100, is_usable: bool = True) -> SlotView:
    return SlotView(
        slot=slot,
        instrument=f"bybit_spot:S{slot}",
        tick=0.01,
        size_unit=0.001,
        lot_units=10,
        order_size_units=100,
        max_position_units=300,
        short_max_units=short_max,
        is_usable=is_usable,
        bids=(Level(mid_ticks - 1, 500),),
        asks=(Level(mid_ticks + 1, 500),),
        position_units=position,
    )


def wishes(strategy: MeanReversion, mid_ticks: int, **terms: object) -> list[Wish]:
    slots = (slot_view(REFERENCE, 100_000), slot_view(3, mid_ticks, **terms))
    return strategy.decide(StrategyView(ts_step_ns=1, reference_slot=REFERENCE, slots=slots))


@pytest.fixture
def learned() -> MeanReversion:
    """A window filled with bases of +1 and -1 bps in turn."""
    strategy = MeanReversion(window_steps=4, entry_z=3.0, exit_z=0.5)
    for mid_ticks in (100_010, 99_990, 100_010, 99_990):
        wishes(strategy, mid_ticks)
    return strategy


def test_nothing_is_wished_before_the_window_is_full():
    strategy = MeanReversion(window_steps=4)

    for mid_ticks in (100_010, 99_990, 100_010, 90_000):
        assert wishes(strategy, mid_ticks) == [Wish(3, Action.HOLD, 0)]


def test_a_market_far_below_its_usual_distance_is_bought(learned: MeanReversion):
    (wish,) = wishes(learned, 99_960)

    assert (wish.slot, wish.action, wish.target_units) == (3, Action.ENTER, 100)
    assert wish.expected_bps == pytest.approx(-1e4 * math.log(0.9996), abs=0.01)
    assert wish.cost_bps == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize(("short_max", "target"), [(100, -100), (45, -40), (0, 0)])
def test_a_market_far_above_is_sold_as_far_as_may_be(learned: MeanReversion, short_max: int, target: int):
    (wish,) = wishes(learned, 100_040, short_max=short_max)

    assert wish.target_units == target


def test_inside_the_entry_a_position_is_kept_and_near_the_mean_it_is_closed(learned: MeanReversion):
    assert wishes(learned, 100_020, position=100)[0].action == Action.HOLD
    assert wishes(learned, 100_003, position=100)[0].action == Action.EXIT


def test_a_position_on_the_wrong_side_is_reversed(learned: MeanReversion):
    assert wishes(learned, 99_960, position=-100)[0].action == Action.REVERSE


def test_an_unusable_market_gets_no_wish_and_without_the_reference_nobody_does(learned: MeanReversion):
    assert wishes(learned, 99_960, is_usable=False) == []
    blind = (slot_view(REFERENCE, 100_000, is_usable=False), slot_view(3, 99_960))
    assert learned.decide(StrategyView(ts_step_ns=1, reference_slot=REFERENCE, slots=blind)) == []
    masked = (slot_view(3, 99_960),)
    assert learned.decide(StrategyView(ts_step_ns=1, reference_slot=REFERENCE, slots=masked)) == []


def test_a_market_that_never_moved_against_the_reference_is_left_alone():
    strategy = MeanReversion(window_steps=2)
    for _ in range(3):
        (wish,) = wishes(strategy, 100_000, position=70)

    assert wish == Wish(3, Action.HOLD, 70)


@pytest.mark.parametrize("settings", [{"window_steps": 1}, {"entry_z": 0.5, "exit_z": 0.5}, {"exit_z": -0.1}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float]):
    with pytest.raises(ValueError, match="expected"):
        MeanReversion(**settings)
