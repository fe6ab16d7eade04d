"""What came of a search: each fold's chosen set on its test window, and whether it is more than luck."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streaming.backtest.interval import Interval, sharpe_interval, total_interval
from streaming.backtest.kpi import YEAR_NS
from streaming.backtest.kpi import sharpe_ratio as yearly_sharpe
from streaming.optimize.config import Scalar
from streaming.optimize.folds import Fold
from streaming.optimize.results import E8_PER_QUOTE, FoldTest, LaneResult, TrialResult, parts_of
from streaming.optimize.search import Trial
from streaming.optimize.sharpe import (
    deflated_sharpe,
    expected_best_sharpe,
    moments,
    overfitting_probability,
)

PROBABILITY_MIN = 0.95
"""A deflated Sharpe ratio below it is called luck."""
Word = Literal["better", "not shown better", "no better than luck", "seen by the model", "nothing traded"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSet:
    """One set of values and what it showed on its train window."""

    fold: int
    number: int
    values: Mapping[str, Scalar]
    objective: float
    sharpe: float
    """Per return."""
    pnl_quote: float
    orders: int
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One set on a test window, or on all of them together; money in quote currency."""

    pnl_quote: float
    pnl_interval: Interval | None
    """95 %, in quote currency; None where there are too few returns."""
    sharpe: float
    """Per return."""
    sharpe_interval: Interval | None
    """95 %, per return."""
    sharpe_year: float | None
    returns: int
    orders: int
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldVerdict:
    """One fold: what was chosen on its train window, and how it and the settings as they are did on the test window."""

    fold: Fold
    chosen: TriedSet
    trials: int
    refused: int
    """Sets that the core would not take."""
    overfitting: float | None
    """Probability that the best set of one half of the train window is in the worse half in the other."""
    importance: Mapping[str, float]
    test: Judged
    default_test: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All folds' test windows one after another."""

    word: Word
    words: str
    trials: int
    trial_variance: float
    """Of the Sharpe ratios that the trials showed on their train windows, within folds."""
    luck_sharpe: float
    """What the best of so many worthless sets is expected to show, per return."""
    deflated: float
    """Probability that the true Sharpe ratio is above that."""
    skew: float
    kurtosis: float
    test: Judged
    default_test: Judged
    gain_interval: Interval | None
    """95 % of what the chosen sets earned more than the settings as they are, in quote currency, over all tests."""
    folds: tuple[FoldVerdict, ...]

    @property
    def best(self) -> Mapping[str, Scalar]:
        """The set chosen last: on the newest train window."""
        return self.folds[-1].chosen.values


def judged(lane: LaneResult, period_ns: int, seed: int) -> Judged:
    """Return what a test window shows of a set."""
    total = total_interval(lane.returns_e8, seed)
    a_year = math.sqrt(YEAR_NS / period_ns)
    return Judged(
        pnl_quote=lane.pnl_quote,
        pnl_interval=_divided(total, E8_PER_QUOTE),
        sharpe=moments(lane.returns_e8.astype(np.float64)).sharpe,
        sharpe_interval=_divided(sharpe_interval(lane.returns_e8, period_ns, seed), a_year),
        sharpe_year=yearly_sharpe(lane.returns_e8, period_ns),
        returns=len(lane.returns_e8),
        orders=lane.orders,
        fills=lane.fills,
    )


def tried_set(fold: int, trial: Trial) -> TriedSet:
    """Return a judged trial in figures."""
    result = trial.result
    assert result is not None, "only a judged set is told of"
    return TriedSet(
        fold=fold,
        number=trial.number,
        values=trial.values,
        objective=result.objective,
        sharpe=result.sharpe,
        pnl_quote=result.pnl_quote,
        orders=result.orders,
        fills=result.fills,
    )


def best_trial(trials: Sequence[Trial]) -> Trial | None:
    """Return the set with the highest objective, of equals the first; None when the core refused them all."""
    done = [(trial.result.objective, -trial.number, trial) for trial in trials if trial.result is not None]
    return max(done, key=lambda item: item[:2])[2] if done else None


def fold_verdict(
    fold: Fold,
    trials: Sequence[Trial],
    importance: Mapping[str, float],
    test: FoldTest,
    period_ns: int,
    seed: int,
) -> FoldVerdict:
    """Return the verdict on one fold whose sets are all tried."""
    best = best_trial(trials)
    assert best is not None, "a fold without a set that runs is refused before its test"
    results = _results(trials)
    return FoldVerdict(
        fold=fold,
        chosen=tried_set(fold.index, best),
        trials=len(trials),
        refused=len(trials) - len(results),
        overfitting=overfitting_probability(parts_of(results)),
        importance=importance,
        test=judged(test.chosen, period_ns, seed),
        default_test=judged(test.default, period_ns, seed),
    )


def verdict_of(
    folds: Sequence[FoldVerdict],
    trials: Sequence[Sequence[Trial]],
    tests: Sequence[FoldTest],
    period_ns: int,
    seed: int,
    *,
    is_seen: bool,
) -> Verdict:
    """Return the verdict on all folds' test windows together; `trials` and `tests` are by fold.

    `is_seen`: the model learned from a part of the test windows, so what was earned there says nothing.
    """
    whole, whole_default = _joined([test.chosen for test in tests]), _joined([test.default for test in tests])
    count = sum(len(_results(group)) for group in trials)
    variance = within_variance([[result.sharpe for result in _results(group)] for group in trials])
    sample = moments(whole.returns_e8.astype(np.float64))
    deflated = deflated_sharpe(sample, count, variance)
    gain = _divided(total_interval(whole.returns_e8 - whole_default.returns_e8, seed), E8_PER_QUOTE)
    has_traded = any(result.fills for group in trials for result in _results(group))
    word = _word(deflated, gain, is_seen=is_seen, has_traded=has_traded)
    return Verdict(
        word=word,
        words=_words(word, deflated, count, gain),
        trials=count,
        trial_variance=variance,
        luck_sharpe=expected_best_sharpe(count, variance),
        deflated=deflated,
        skew=sample.skew,
        kurtosis=sample.kurtosis,
        test=judged(whole, period_ns, seed),
        default_test=judged(whole_default, period_ns, seed),
        gain_interval=gain,
        folds=tuple(folds),
    )


def within_variance(groups: Sequence[Sequence[float]]) -> float:
    """Return the pooled variance within groups: sum of squares about each group's mean / (number - groups)."""
    centred = [value - float(np.mean(group)) for group in groups for value in group]
    freedom = len(centred) - len([group for group in groups if group])
    return float(np.sum(np.square(centred))) / freedom if freedom > 0 else 0.0


def _word(deflated: float, gain: Interval | None, *, is_seen: bool, has_traded: bool) -> Word:
    if not has_traded:
        return "nothing traded"
    if is_seen:
        return "seen by the model"
    if deflated < PROBABILITY_MIN:
        return "no better than luck"
    return "better" if gain is not None and gain.low > 0.0 else "not shown better"


def _words(word: Word, deflated: float, trials: int, gain: Interval | None) -> str:
    chance = f"deflated Sharpe ratio {deflated:.3f} after {trials} sets"
    if word == "no better than luck":
        return (
            f"no better than luck: {chance}, below {PROBABILITY_MIN}; the best of so many worthless sets may well "
            "show as much. Keep the settings that you have"
        )
    if word == "nothing traded":
        return (
            f"nothing traded: none of {trials} sets filled an order on a train window, so no better than luck can be "
            "shown. Widen the space, or accept that these forecasts do not pay their costs"
        )
    if word == "seen by the model":
        return (
            "seen by the model: it learned from a part of the test windows, so what was earned there says nothing. "
            "Begin behind its training data: leave out --from, or give a later one"
        )
    if gain is None:
        return f"more than luck ({chance}), but too short to say whether it beats the settings that you have"
    words = f"95 % of the difference in pnl {gain.low:+.4f} to {gain.high:+.4f}"
    if word == "better":
        return f"better than the settings that you have: {chance}, {words}"
    return f"more than luck ({chance}), but not shown better than the settings that you have: {words}"


def _results(trials: Sequence[Trial]) -> list[TrialResult]:
    return [trial.result for trial in trials if trial.result is not None]


def _joined(lanes: Sequence[LaneResult]) -> LaneResult:
    returns: NDArray[np.int64] = np.concatenate([lane.returns_e8 for lane in lanes])
    return LaneResult(returns, sum(lane.orders for lane in lanes), sum(lane.fills for lane in lanes))


def _divided(interval: Interval | None, divisor: float) -> Interval | None:
    return None if interval is None else Interval(interval.low / divisor, interval.high / divisor)
