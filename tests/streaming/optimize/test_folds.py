"""Train windows end before their test windows begin, with the purge between them, and tests follow one another."""

from typing import Literal

import pytest

from streaming.errors import UsageError
from streaming.optimize.folds import Fold, FoldRules, Window, cut_folds

S = 1_000_000_000
STEP_NS = S // 10
HOUR = Window(0, 3600 * S)


def folds_of(
    span: Window = HOUR, folds: int = 3, purge_steps: int = 80, kind: Literal["expanding", "rolling"] = "expanding"
) -> tuple[Fold, ...]:
    rules = FoldRules(folds=folds, step_ns=STEP_NS, purge_steps=purge_steps, sample_steps=10, train_window=kind)
    return cut_folds(span, rules)


def test_an_hour_in_three_folds_tests_its_last_three_quarters() -> None:
    found = [(fold.test.from_ns // S, fold.test.to_ns // S) for fold in folds_of()]

    assert found == [(900, 1800), (1800, 2700), (2700, 3600)]


def test_an_expanding_window_learns_from_all_that_came_before() -> None:
    assert [(fold.train.from_ns // S, fold.train.to_ns // S) for fold in folds_of()] == [(0, 892), (0, 1792), (0, 2692)]


def test_a_rolling_window_learns_from_the_part_before() -> None:
    found = [(fold.train.from_ns // S, fold.train.to_ns // S) for fold in folds_of(kind="rolling")]

    assert found == [(0, 892), (900, 1792), (1800, 2692)]


@pytest.mark.parametrize("purge_steps", [0, 1, 80])
def test_the_purge_lies_between_train_and_test(purge_steps: int) -> None:
    for fold in folds_of(purge_steps=purge_steps):
        assert fold.test.from_ns - fold.train.to_ns == purge_steps * STEP_NS


def test_bounds_lie_on_the_grid_within_the_span() -> None:
    span = Window(17, 3601 * S + 5)

    for fold in folds_of(span, folds=7):
        for moment in (fold.train.from_ns, fold.train.to_ns, fold.test.from_ns, fold.test.to_ns):
            assert moment % STEP_NS == 0 and span.from_ns <= moment <= span.to_ns


def test_a_span_that_is_too_short_is_refused_with_one_that_is_not() -> None:
    with pytest.raises(UsageError, match=r"expected windows of 30 s .* a span of 153 s or more"):
        folds_of(Window(0, 100 * S))

    assert len(folds_of(Window(0, 153 * S))) == 3
