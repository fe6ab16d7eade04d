"""`trader optimize` from settings to verdict.

Everything that a run has found stands under `data/optimize/<name>/`: `plan.json` (what decides the search),
`forecasts/`, `trials.log` (Optuna's studies), `fold-N.npz` (a test window's returns). After a kill the same command
goes on from there, and ends as if nothing had happened.
"""

from collections.abc import Sequence

from streaming.lock import held
from streaming.optimize.crew import Crew
from streaming.optimize.plan import Plan, make_plan
from streaming.optimize.report import OptimizeReport, report_of, write_report
from streaming.optimize.request import OptimizeRequest, places_of
from streaming.optimize.results import FoldTest
from streaming.optimize.search import FoldSearch, open_storage
from streaming.optimize.verdict import Verdict, fold_verdict, verdict_of
from streaming.optimize.work import Progress, Work
from streaming.settings import Settings


def optimize(settings: Settings, request: OptimizeRequest, progress: Progress) -> OptimizeReport:
    """Search, judge, and write `report.json` and `best.toml`; what was found before is not looked for again.

    UsageError, SettingsError and RefusedError as `make_plan` and `Work`; RefusedError too when another process runs
    this search, TraderError when a worker died.
    """
    places = places_of(settings, request.name)
    with held(places.lock):
        plan = make_plan(settings, request, places, lambda words: progress(words, 0, 0))
        storage = open_storage(places.trials)
        batch = plan.config.batch_trials
        searches = [FoldSearch(storage, fold.index, plan.parameters, request.seed, batch) for fold in plan.folds]
        paths = [places.test(fold.index) for fold in plan.folds]
        with Crew(plan.course, request.jobs) as crew:
            tests = Work(plan, crew, searches, paths, progress).run()
        report = report_of(plan, _verdict(plan, searches, tests), searches, str(places.best))
        write_report(places, plan, report)
    return report


def _verdict(plan: Plan, searches: Sequence[FoldSearch], tests: Sequence[FoldTest]) -> Verdict:
    period_ns, seed = plan.period_ns, plan.request.seed
    trials = [search.trials() for search in searches]
    folds = [
        fold_verdict(fold, trials[number], searches[number].importance(), tests[number], period_ns, seed)
        for number, fold in enumerate(plan.folds)
    ]
    return verdict_of(folds, trials, tests, period_ns, seed, is_seen=plan.is_seen)
