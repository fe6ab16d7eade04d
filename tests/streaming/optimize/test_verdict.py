"""When a set is called better, and when it is not: luck, too little shown, or forecasts that saw the answer."""

import numpy as np
import pytest

from streaming.optimize.config import OptimizeConfig
from streaming.optimize.folds import Fold, Window
from streaming.optimize.results import FoldTest, LaneResult, trial_result
from streaming.optimize.search import Trial
from streaming.optimize.verdict import Verdict, best_trial, fold_verdict, verdict_of, within_variance

S = 1_000_000_000
FOLD = Fold(0, Window(0, 500 * S), Window(510 * S, 1010 * S))
CONFIG = OptimizeConfig(fills_min=0)


def lane(mean: float, seed: int, count: int = 500) -> LaneResult:
    """Returns of deviation 1 about `mean`, in quote currency."""
    returns = np.random.default_rng(seed).normal(loc=mean, size=count)
    return LaneResult(np.rint(returns * 1e8).astype(np.int64), 10, 10)


def trials(count: int = 20) -> list[Trial]:
    return [Trial(number, {"a": number}, trial_result(lane(0.0, number), CONFIG)) for number in range(count)]


def judge(chosen: LaneResult, default: LaneResult, *, is_seen: bool = False) -> Verdict:
    test = FoldTest(chosen, default)
    fold = fold_verdict(FOLD, trials(), {}, test, S, 1)
    return verdict_of([fold], [trials()], [test], S, 1, is_seen=is_seen)


def test_what_luck_may_show_is_called_luck() -> None:
    verdict = judge(lane(0.05, 100), lane(0.0, 101))

    assert verdict.word == "no better than luck"
    assert verdict.words.startswith("no better than luck: deflated Sharpe ratio 0.")


def test_a_clear_gain_over_the_settings_is_called_better() -> None:
    assert judge(lane(0.5, 100), lane(0.0, 101)).word == "better"


def test_a_good_set_that_earns_what_the_settings_earn_is_not_called_better() -> None:
    verdict = judge(lane(0.5, 100), lane(0.5, 101))

    assert verdict.deflated > 0.95
    assert verdict.word == "not shown better"


def test_what_the_model_has_seen_is_judged_neither_way() -> None:
    verdict = judge(lane(0.5, 100), lane(0.0, 101), is_seen=True)

    assert verdict.word == "seen by the model" and "says nothing" in verdict.words


def test_sets_that_never_traded_are_not_judged_at_all() -> None:
    still = LaneResult(np.zeros(500, dtype=np.int64), 0, 0)
    sets = [Trial(number, {"a": number}, trial_result(still, CONFIG)) for number in range(5)]
    test = FoldTest(still, still)
    fold = fold_verdict(FOLD, sets, {}, test, S, 1)

    verdict = verdict_of([fold], [sets], [test], S, 1, is_seen=False)

    assert verdict.word == "nothing traded" and "no better than luck" in verdict.words
    assert fold.overfitting is None


def test_luck_is_counted_in_all_sets_that_ran() -> None:
    test = FoldTest(lane(0.1, 100), lane(0.0, 101))
    refused = [Trial(20, {"a": 20}, problem="refused")]
    fold = fold_verdict(FOLD, [*trials(), *refused], {}, test, S, 1)

    verdict = verdict_of([fold, fold], [trials(), [*trials(), *refused]], [test, test], S, 1, is_seen=False)

    assert (verdict.trials, fold.refused) == (40, 1)


def test_variance_is_taken_within_folds() -> None:
    """Two folds at 0 and 10, each with deviations of -1, 0 and 1: 4 over 6 - 2."""
    assert within_variance([[-1.0, 0.0, 1.0], [9.0, 10.0, 11.0]]) == pytest.approx(1.0)


def test_of_equal_sets_the_first_is_chosen() -> None:
    result = trial_result(lane(0.1, 1), CONFIG)

    found = best_trial([Trial(3, {}, problem="refused"), Trial(4, {}, result), Trial(5, {}, result)])

    assert found is not None and found.number == 4


def test_without_a_set_that_ran_none_is_best() -> None:
    assert best_trial([Trial(0, {}, problem="refused")]) is None
