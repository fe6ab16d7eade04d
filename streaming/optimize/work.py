"""Keeps the crew busy: each fold is asked for its next batch as soon as the last one is told, then tested."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import native
from streaming.errors import RefusedError, SettingsError
from streaming.optimize.crew import Crew, Passed, result_of
from streaming.optimize.lane_pass import market_text
from streaming.optimize.lanes import lane_text
from streaming.optimize.plan import Plan
from streaming.optimize.results import FoldTest, LaneResult, trial_result
from streaming.optimize.search import FoldSearch, Trial
from streaming.optimize.verdict import best_trial
from streaming.settings import settings_path
from streaming.shell.feed import open_feed
from warehouse.files import replacing
from warehouse.lake import Lake

Progress = Callable[[str, int, int], None]
"""Called with words, sets judged, and sets to judge."""


@dataclass(slots=True)
class _Batch:
    """Trials of one fold that are under way, in parts that may run beside each other."""

    trials: list[Trial]
    results: dict[int, LaneResult] = field(default_factory=dict)


@dataclass(slots=True)
class _Pass:
    """One pass: some `trials` of a fold, or, when there are none, its test of `chosen`."""

    fold: int
    trials: Sequence[Trial] = ()
    chosen: int = -1


class Work:
    """All passes of a search. Hold the folder's lock while `run` runs."""

    def __init__(
        self, plan: Plan, crew: Crew, searches: Sequence[FoldSearch], tests: Sequence[Path], progress: Progress
    ) -> None:
        """Raise SettingsError when the core refuses the settings as they are."""
        self._plan, self._crew, self._searches, self._places = plan, crew, searches, tests
        self._progress = progress
        self._market = _market(plan)
        self._default = lane_text(plan.settings, plan.grid.name, {})
        self._parts = max(1, plan.request.jobs // len(plan.folds))
        self._batches: dict[int, _Batch] = {}
        self._running: dict[Future[Passed], _Pass] = {}
        self._tests: dict[int, FoldTest] = {}
        self._judged = sum(len(search.trials()) for search in searches)
        problem = self._problem([self._default])
        if problem:
            raise SettingsError(str(settings_path()), "native", problem)

    def run(self) -> list[FoldTest]:
        """Work until every fold is searched and tested; return the tests in order of the folds.

        RefusedError when the core takes none of a fold's sets, TraderError when a worker died.
        """
        for fold in range(len(self._plan.folds)):
            self._go_on(fold)
        while self._running:
            done, _ = wait(self._running, return_when=FIRST_COMPLETED)
            for future in done:
                self._take(self._running.pop(future), result_of(future))
        return [self._tests[fold] for fold in range(len(self._plan.folds))]

    def _go_on(self, fold: int) -> None:
        """Start the fold's next passes."""
        search, trials = self._searches[fold], self._plan.config.trials
        while batch := search.next_batch(trials):
            lanes = self._lanes_of(search, batch)
            if lanes:
                self._batches[fold] = _Batch([trial for trial in batch if trial.number in lanes])
                self._start_batch(fold, lanes)
                return
        self._start_test(fold)

    def _lanes_of(self, search: FoldSearch, batch: Sequence[Trial]) -> dict[int, str]:
        """Return the lanes of a batch by trial; tell those that the settings or the core refuse."""
        lanes: dict[int, str] = {}
        for trial in batch:
            try:
                lanes[trial.number] = lane_text(self._plan.settings, self._plan.grid.name, trial.values)
            except SettingsError as error:  # each value is allowed by itself, these together are not
                search.tell(replace(trial, problem=str(error)))
        if self._problem(list(lanes.values())):
            for trial in [trial for trial in batch if trial.number in lanes]:
                problem = self._problem([lanes[trial.number]])
                if problem:
                    del lanes[trial.number]
                    search.tell(replace(trial, problem=problem))
        self._judged += len(batch) - len(lanes)
        return lanes

    def _problem(self, lanes: list[str]) -> str:
        """Return why the core refuses one of `lanes`, empty when it takes them."""
        try:
            native.Backtest(self._market, lanes)
        except ValueError as error:
            return str(error)
        return ""

    def _start_batch(self, fold: int, lanes: Mapping[int, str]) -> None:
        trials = self._batches[fold].trials
        size = -(-len(trials) // self._parts)
        for begin in range(0, len(trials), size):
            part = trials[begin : begin + size]
            future = self._crew.start(self._plan.folds[fold].train, [lanes[trial.number] for trial in part])
            self._running[future] = _Pass(fold, part)

    def _start_test(self, fold: int) -> None:
        """Run the best set and the settings as they are over the test window, unless that stands on disk."""
        best = best_trial(self._searches[fold].trials())
        if best is None:
            problem = next((trial.problem for trial in self._searches[fold].trials()), "")
            raise RefusedError(f"fold {fold + 1}: the core takes none of the sets; narrow the space: {problem}")
        kept = _read_test(self._places[fold], best.number)
        if kept is not None:
            self._tests[fold] = kept
            return
        lanes = [lane_text(self._plan.settings, self._plan.grid.name, best.values), self._default]
        self._running[self._crew.start(self._plan.folds[fold].test, lanes)] = _Pass(fold, chosen=best.number)

    def _take(self, finished: _Pass, results: list[LaneResult]) -> None:
        fold = finished.fold
        if not finished.trials:
            self._tests[fold] = FoldTest(*results)
            _write_test(self._places[fold], finished.chosen, self._tests[fold])
            return
        batch = self._batches[fold]
        batch.results.update(zip((trial.number for trial in finished.trials), results, strict=True))
        self._judged += len(results)
        folds = len(self._plan.folds)
        self._progress(f"fold {fold + 1} of {folds}", self._judged, folds * self._plan.config.trials)
        if len(batch.results) == len(batch.trials):
            for trial in batch.trials:
                result = trial_result(batch.results[trial.number], self._plan.config)
                self._searches[fold].tell(replace(trial, result=result))
            self._go_on(fold)


def _market(plan: Plan) -> str:
    """Return a market's document that a lane can be checked against."""
    span = plan.material.span
    feed = open_feed(Lake(plan.course.lake_dir), plan.grid.instruments, span.from_ns, span.to_ns)
    return market_text(plan.course, feed)


def _write_test(path: Path, chosen: int, test: FoldTest) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            chosen=np.int64(chosen),
            chosen_returns_e8=test.chosen.returns_e8,
            default_returns_e8=test.default.returns_e8,
            counts=np.array([test.chosen.orders, test.chosen.fills, test.default.orders, test.default.fills]),
        )


def _read_test(path: Path, chosen: int) -> FoldTest | None:
    """Return the kept test of the trial `chosen`, None where there is none."""
    if not path.is_file():
        return None
    with np.load(path) as kept:
        if int(kept["chosen"]) != chosen:  # more sets were tried since, and another one is best
            return None
        orders, fills, default_orders, default_fills = kept["counts"].tolist()
        return FoldTest(
            LaneResult(kept["chosen_returns_e8"], orders, fills),
            LaneResult(kept["default_returns_e8"], default_orders, default_fills),
        )
