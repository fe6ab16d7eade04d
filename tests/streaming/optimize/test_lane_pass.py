"""What a lane shows depends on its own values and the window alone."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streaming.errors import UsageError
from streaming.optimize.crew import Crew, Passed, result_of
from streaming.optimize.folds import Window
from streaming.optimize.lane_pass import Course, run_window
from streaming.optimize.lanes import lane_text
from streaming.optimize.plan import Plan, make_plan
from streaming.optimize.request import OptimizeRequest
from streaming.optimize.search import FoldSearch, open_storage
from streaming.optimize.work import Work

S = 1_000_000_000
COST = "native.signal.cost_multiple"


@pytest.fixture
def plan(searching, lake: Path) -> Plan:
    settings, places = searching(lake)
    return make_plan(settings, OptimizeRequest(grid="main", model=None, folds=2), places, lambda words: None)


def lanes(plan: Plan, *multiples: float) -> list[str]:
    return [lane_text(plan.settings, "main", {COST: multiple}) for multiple in multiples]


def window(plan: Plan, from_s: int, to_s: int) -> Window:
    begin = plan.material.ts_from_ns // S * S
    return Window(begin + from_s * S, begin + to_s * S)


def test_a_lane_shows_the_same_alone_and_among_others(plan: Plan) -> None:
    span = window(plan, 30, 60)

    alone = [run_window(plan.course, span, [lane])[0] for lane in lanes(plan, 1.0, 2.0, 3.0)]
    together = run_window(plan.course, span, lanes(plan, 1.0, 2.0, 3.0))

    for one, other in zip(alone, together, strict=True):
        assert (one.orders, one.fills) == (other.orders, other.fills)
        np.testing.assert_array_equal(one.returns_e8, other.returns_e8)
    assert len({lane.fills for lane in together}) > 1


@pytest.mark.parametrize(("from_s", "to_s"), [(0, 40), (30, 60), (70, 130)])
def test_a_window_has_a_return_for_each_of_its_periods(plan: Plan, from_s: int, to_s: int) -> None:
    (found,) = run_window(plan.course, window(plan, from_s, to_s), lanes(plan, 1.0))

    assert len(found.returns_e8) == pytest.approx((to_s - from_s) * S / plan.period_ns, abs=1)


def test_nothing_is_traded_before_the_window(plan: Plan) -> None:
    whole, late = (run_window(plan.course, window(plan, begin, 60), lanes(plan, 1.0))[0] for begin in (0, 59))

    assert 0 < late.orders < whole.orders / 10


def test_a_train_window_knows_nothing_of_what_follows(plan: Plan) -> None:
    """A window that is cut earlier shows the same up to there: the lane has no way to look ahead."""
    whole, cut = (run_window(plan.course, window(plan, 20, end), lanes(plan, 1.0))[0] for end in (60, 40))

    np.testing.assert_array_equal(whole.returns_e8[: len(cut.returns_e8) - 1], cut.returns_e8[:-1])


class CountingCrew(Crew):
    """Counts the passes that it is asked for."""

    passes = 0

    def start(self, window: Window, lanes: Sequence[str]) -> Future[Passed]:
        self.passes += 1
        return super().start(window, lanes)


@pytest.mark.parametrize(("trials", "passes"), [(4, 1 + 1), (12, 3 + 1), (13, 4 + 1)])
def test_the_sets_of_a_batch_share_one_pass_over_the_market(
    plan: Plan, tmp_path: Path, trials: int, passes: int
) -> None:
    """What is decoded once is what makes many sets cheap; the last pass is the test window's."""
    one = replace(plan, folds=plan.folds[:1], config=plan.config.model_copy(update={"trials": trials}))
    storage = open_storage(tmp_path / "trials.log")
    search = FoldSearch(storage, 0, plan.parameters, 1, plan.config.batch_trials)

    with CountingCrew(plan.course, jobs=1) as crew:
        tests = Work(one, crew, [search], [tmp_path / "fold-0.npz"], lambda words, done, total: None).run()

    assert (len(search.trials()), len(tests)) == (trials, 1)
    assert crew.passes == passes


def test_an_error_of_a_worker_is_told_as_it_was(plan: Plan, tmp_path: Path) -> None:
    words = {name: getattr(plan.course, name) for name in Course.__dataclass_fields__}
    nowhere = Course(**words | {"lake_dir": tmp_path / "nowhere"})

    with Crew(nowhere, jobs=2) as crew, pytest.raises(UsageError, match="the lake holds no segment"):
        result_of(crew.start(window(plan, 0, 40), lanes(plan, 1.0)))
