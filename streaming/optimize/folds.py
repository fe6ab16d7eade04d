"""Walk-forward: the span cut in time, each fold chosen on what came before its test window.

expanding   |--- train 1 ---|x test 1 |
            |-------- train 2 --------|x test 2 |
rolling     |--- train 1 ---|x test 1 |
                      |--- train 2 ---|x test 2 |          x: purged, the end of the train window
"""

from dataclasses import dataclass
from typing import Literal

from streaming.errors import UsageError

RETURNS_MIN = 30
"""Returns that a window must hold to be worth a Sharpe ratio."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time: from `from_ns` up to but not including `to_ns`."""

    from_ns: int
    to_ns: int

    @property
    def length_ns(self) -> int:
        """Length in ns."""
        return self.to_ns - self.from_ns


@dataclass(frozen=True, slots=True)
class Fold:
    """One choice: on `train`, judged on `test`. What lies between them is purged."""

    index: int
    train: Window
    test: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldRules:
    """How a span is cut."""

    folds: int
    step_ns: int
    purge_steps: int
    sample_steps: int
    train_window: Literal["expanding", "rolling"]


def cut_folds(span: Window, rules: FoldRules) -> tuple[Fold, ...]:
    """Cut `span` into `folds` + 1 equal parts; part k + 1 tests what was chosen on the parts before it.

    Bounds lie on the grid's steps. UsageError when a window would be too short to judge anything.
    """
    step_ns = rules.step_ns
    first = -(-span.from_ns // step_ns)
    steps = span.to_ns // step_ns - first
    bounds = [(first + steps * part // (rules.folds + 1)) * step_ns for part in range(rules.folds + 2)]
    purge_ns = rules.purge_steps * step_ns
    folds = []
    for index in range(rules.folds):
        begin = bounds[0] if rules.train_window == "expanding" else bounds[index]
        train = Window(begin, bounds[index + 1] - purge_ns)
        folds.append(Fold(index, train, Window(bounds[index + 1], bounds[index + 2])))
    _check_lengths(folds, rules)
    return tuple(folds)


def _check_lengths(folds: list[Fold], rules: FoldRules) -> None:
    needed_ns = RETURNS_MIN * rules.sample_steps * rules.step_ns
    shortest_ns = min(min(fold.train.length_ns, fold.test.length_ns) for fold in folds)
    if shortest_ns < needed_ns:
        whole_s = (needed_ns + rules.purge_steps * rules.step_ns) * (len(folds) + 1) // 1_000_000_000 + 1
        raise UsageError(
            f"--folds {len(folds)}: expected windows of {needed_ns / 1e9:g} s ({RETURNS_MIN} returns), found "
            f"{max(shortest_ns, 0) / 1e9:g} s after purging {rules.purge_steps} steps; take fewer folds, or a span of "
            f"{whole_s} s or more by --from and --to"
        )
