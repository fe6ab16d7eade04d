"""What is tried depends on seed, fold and results alone: not on a kill, and not on who works."""

from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from streaming.optimize.config import OptimizeConfig
from streaming.optimize.results import LaneResult, few_fills_penalty, trial_result
from streaming.optimize.search import FoldSearch, Trial, open_storage
from streaming.optimize.space import Parameter

PARAMETERS = (
    Parameter("a", FloatDistribution(0.0, 1.0)),
    Parameter("b", IntDistribution(1, 9)),
    Parameter("c", CategoricalDistribution(("x", "y"))),
)
CONFIG = OptimizeConfig(fills_min=10)
TRIALS, BATCH = 24, 6


def judged(trial: Trial) -> Trial:
    """Better the nearer `a` is to 0.3, whatever else."""
    a = trial.values["a"]
    assert isinstance(a, float)
    returns = np.array([1, -1, 1, 1] * 20, dtype=np.int64) * 100 - int(1000 * abs(a - 0.3))
    return Trial(trial.number, trial.values, trial_result(LaneResult(returns, 20, 20), CONFIG))


def search(path: Path, fold: int = 0, seed: int = 1) -> FoldSearch:
    return FoldSearch(open_storage(path), fold, PARAMETERS, seed, BATCH)


def run(path: Path, told_max: int = TRIALS, fold: int = 0, seed: int = 1) -> list[Trial]:
    """Search until so many trials were told, then let go of everything, as a kill does."""
    found, told = search(path, fold, seed), 0
    while batch := found.next_batch(TRIALS):
        for trial in batch:
            if told == told_max:
                return found.trials()
            found.tell(judged(trial))
            told += 1
    return found.trials()


def test_equal_seeds_try_the_same_sets(tmp_path: Path) -> None:
    assert run(tmp_path / "one") == run(tmp_path / "two")


def test_other_seeds_and_other_folds_try_others(tmp_path: Path) -> None:
    whole = [trial.values for trial in run(tmp_path / "one")]

    assert whole != [trial.values for trial in run(tmp_path / "two", seed=2)]
    assert whole != [trial.values for trial in run(tmp_path / "one", fold=1)]


@pytest.mark.parametrize("told", [0, 1, 6, 11, 23])
def test_a_search_cut_off_anywhere_goes_on_as_if_nothing_had_happened(tmp_path: Path, told: int) -> None:
    run(tmp_path / "cut", told_max=told)

    assert run(tmp_path / "cut") == run(tmp_path / "whole")


def test_a_file_cut_at_any_byte_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()

    for share in (0.03, 0.51, 0.999):
        path = tmp_path / f"cut-{share}"
        path.write_bytes(data[: int(len(data) * share)])
        assert run(path) == whole


def test_trials_left_open_come_again_and_no_others_with_them(tmp_path: Path) -> None:
    first = search(tmp_path / "log").next_batch(TRIALS)

    assert search(tmp_path / "log").next_batch(TRIALS) == first
    assert len(first) == BATCH


def test_a_refused_set_is_told_with_its_problem_and_never_the_best(tmp_path: Path) -> None:
    found = search(tmp_path / "log")
    for trial in found.next_batch(TRIALS):
        found.tell(Trial(trial.number, trial.values, problem="order_size above max_order_size"))

    assert [trial.problem for trial in found.trials()] == ["order_size above max_order_size"] * BATCH
    assert len(found.next_batch(TRIALS)) == BATCH


def test_later_batches_know_what_earlier_ones_found(tmp_path: Path) -> None:
    distances = [abs(float(trial.values["a"]) - 0.3) for trial in run(tmp_path / "log")]

    assert np.mean(distances[-BATCH:]) < np.mean(distances[:BATCH])


def test_what_matters_is_found_to_matter(tmp_path: Path) -> None:
    run(tmp_path / "log")

    importance = search(tmp_path / "log").importance()

    assert max(importance, key=lambda key: importance[key]) == "a"
    assert sum(importance.values()) == pytest.approx(1.0)


def test_nothing_matters_where_all_sets_are_equal(tmp_path: Path) -> None:
    found = search(tmp_path / "log")
    result = trial_result(LaneResult(np.zeros(80, dtype=np.int64), 0, 0), CONFIG)
    for trial in found.next_batch(TRIALS):
        found.tell(Trial(trial.number, trial.values, result))

    assert found.importance() == {}


@pytest.mark.parametrize(("fills", "penalty"), [(0, 1.0), (5, 0.5), (9, 0.1), (10, 0.0), (11, 0.0)])
def test_few_fills_are_marked_down_in_proportion(fills: int, penalty: float) -> None:
    assert few_fills_penalty(fills, CONFIG) == pytest.approx(penalty)


def test_a_set_that_never_trades_is_marked_down_by_the_whole_penalty() -> None:
    assert trial_result(LaneResult(np.zeros(80, dtype=np.int64), 0, 0), CONFIG).objective == -1.0
