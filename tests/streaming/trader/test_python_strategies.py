"""Strategies in Python in a live session: what they see, what becomes of their wishes, and a journal that replays."""

import math
from pathlib import Path

import numpy as np
import pytest
from paper_market import NAMES, Arrival, Feeder, arrivals, begin, plan_of, settings_of, silent

from native.strategy_settings import ExternalStrategy, ForecastStrategy
from streaming.errors import UsageError
from streaming.journal import Journal
from streaming.replay import replay
from streaming.segments import KIND_WISHES
from streaming.strategies.interface import Action, StrategyView, Wish
from streaming.trader.python_strategies import PythonStrategies, StepVolatility
from streaming.trader.session import TradingSession

PERIOD = 10
REVERSION = "streaming.strategies.mean_reversion:MeanReversion"


class InAndOut:
    """Buys one order of the first slot and sells it again, every `PERIOD` steps; keeps the views that it was shown."""

    def __init__(self) -> None:
        self.views: list[StrategyView] = []

    def decide(self, view: StrategyView) -> list[Wish]:
        self.views.append(view)
        slot = view.slots[0]
        if not slot.is_usable:
            return []
        target = slot.order_size_units if len(self.views) // PERIOD % 2 == 0 else 0
        action = Action.ENTER if target > slot.position_units else Action.EXIT
        return [Wish(0, action if target != slot.position_units else Action.HOLD, target)]


@pytest.fixture(scope="module")
def frames() -> list[Arrival]:
    return arrivals(120)


def external(name: str = "outside", python: str = REVERSION, **settings: float) -> ExternalStrategy:
    return ExternalStrategy(name=name, kind="external", python=python, settings=dict(settings))


def live(session: TradingSession, askers: list, frames: list[Arrival]) -> None:
    """Feed a session as the loop does: after each closed step every strategy is asked."""
    feeder = Feeder(session, is_forecasting=False)
    steps = 0
    for frame in frames:
        feeder.feed([frame])
        if session.counts.steps != steps:
            steps = session.counts.steps
            for ask in askers:
                wishes = ask(session)
                assert wishes is None or session.wishes(frame.ts_ns, wishes)


def test_wishes_become_orders_and_fills_of_the_strategy_and_the_journal_replays(
    tmp_path: Path, frames: list[Arrival]
) -> None:
    changes = {"strategies": (ForecastStrategy(name="forecast", kind="forecast"), external())}
    plan, strategy = plan_of(**changes), InAndOut()
    session = begin(tmp_path, plan)
    world = PythonStrategies(plan, settings_of(**changes).native, [(1, strategy)])

    live(session, world.askers(), frames)

    assert session.counts.fills >= 4 and session.counts.rejects == 0
    entry = plan.header.instruments[0]
    own = session.own(1, entry.id)[0]
    assert session.own(0, entry.id) == (0, 0, 0)
    assert float(str(session.positions()[entry.id]["position"])) == pytest.approx(own * float(entry.size_unit))
    shown = [view.slots[0] for view in strategy.views]
    assert {slot.position_units for slot in shown} == {0, shown[0].order_size_units}
    assert max(slot.buys_in_flight_units for slot in shown) <= shown[0].order_size_units
    path = session.close()
    assert replay(path, silent).identical
    wishes = sum(int((step.records["kind"] == KIND_WISHES).sum()) for step in Journal(path).steps())
    assert wishes == len(strategy.views)


def test_a_view_holds_terms_books_and_the_step_that_closed(tmp_path: Path, frames: list[Arrival]) -> None:
    changes = {"strategies": (external(),)}
    plan, strategy = plan_of(**changes), InAndOut()
    session = begin(tmp_path, plan)
    live(session, PythonStrategies(plan, settings_of(**changes).native, [(0, strategy)]).askers(), frames)

    view, entry = strategy.views[-1], plan.header.instruments[1]
    slot = view.find(1)
    assert slot is not None and [item.instrument for item in view.slots] == list(NAMES)
    assert (view.reference_slot, view.ts_step_ns % 100_000_000) == (0, 0)
    assert (slot.tick, slot.size_unit) == (float(entry.tick), float(entry.size_unit))
    assert slot.order_size_units == round(0.01 / float(entry.size_unit))
    assert slot.short_max_units == 0 < view.slots[0].short_max_units  # spot is not sold short
    assert slot.is_usable and slot.bids[0].price_ticks < slot.asks[0].price_ticks and len(slot.bids) == 5
    assert [item.ts_step_ns for item in strategy.views] == sorted({item.ts_step_ns for item in strategy.views})


def test_the_example_trades_by_its_settings_and_nothing_of_it_is_refused(tmp_path: Path, frames: list[Arrival]) -> None:
    changes = {"strategies": (external(window_steps=10, entry_z=1.0, exit_z=0.2),)}
    plan = plan_of(**changes)
    session = begin(tmp_path, plan)

    live(session, PythonStrategies.of(plan, settings_of(**changes).native).askers(), frames)

    assert session.counts.orders > 0 and session.counts.rejects == 0
    assert replay(session.close(), silent).identical


def test_a_class_that_cannot_be_loaded_is_one_clear_error() -> None:
    changes = {"strategies": (external(python="streaming.strategies.mean_reversion:Nothing"),)}

    with pytest.raises(UsageError, match="expected a class Nothing"):
        PythonStrategies.of(plan_of(**changes), settings_of(**changes).native)


def test_volatility_is_that_of_neighbouring_steps_and_unknown_at_first() -> None:
    mids = np.exp(np.cumsum(np.random.default_rng(1).standard_normal(500) * 1e-4))
    volatility = StepVolatility(50.0, 20)
    for number in range(20):
        volatility.add(number, float(mids[number]))
    assert volatility.bps == 0.0

    for number in range(20, 500):
        volatility.add(number, float(mids[number]))
    known = volatility.bps
    volatility.add(600, 2.0)  # over a hole nothing is compared

    moves = 1e4 * np.diff(np.log(mids))
    weights = 0.5 ** (np.arange(len(moves))[::-1] / 50.0)
    assert known == pytest.approx(math.sqrt((weights * moves**2).sum() / weights.sum()))
    assert volatility.bps == known


def test_coins_that_are_held_may_be_sold(tmp_path: Path, frames: list[Arrival]) -> None:
    spot = settings_of().native.limits[NAMES[1]].model_copy(update={"inventory": "0.02"})
    limits = {**settings_of().native.limits, NAMES[1]: spot}
    changes = {"strategies": (external(),), "limits": limits}
    plan, strategy = plan_of(**changes), InAndOut()
    session = begin(tmp_path, plan)
    live(session, PythonStrategies(plan, settings_of(**changes).native, [(0, strategy)]).askers(), frames[:60])

    slots = strategy.views[-1].slots
    assert [slot.short_max_units for slot in slots] == [
        slots[0].max_position_units,
        round(0.02 / slots[1].size_unit),
        0,
    ]
