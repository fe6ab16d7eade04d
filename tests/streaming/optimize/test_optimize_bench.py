"""What 100 parameter sets cost beside one over the same data; printed, never asserted."""

import time
from pathlib import Path

import pytest
import searched_market
from bench_table import Row, show

from streaming.emulator.generator import generate
from streaming.optimize.lane_pass import run_window
from streaming.optimize.lanes import lane_text
from streaming.optimize.plan import Plan, make_plan
from streaming.optimize.request import OptimizeRequest, places_of
from streaming.optimize.run import optimize
from streaming.settings import Settings, load_settings

HOURS = 0.5
SETS = 100
REPEATS = 3
SEARCH = searched_market.SEARCH.replace("batch_trials = 4", "batch_trials = 25").replace(
    "sample_steps = 5", "sample_steps = 10"
)


@pytest.mark.bench
def test_a_hundred_sets_beside_one(settings_file: Path) -> None:
    searched_market.with_search(settings_file, SEARCH)
    settings = load_settings()
    truth = generate(settings.lake_root, HOURS, 1).truth
    searched_market.oracle(places_of(settings, "main").forecasts, truth)
    request = OptimizeRequest(grid="main", model=None, trials=SETS, folds=1)
    plan = make_plan(settings, request, places_of(settings, "main"), lambda words: None)
    one = one_set(settings, plan)
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    report = optimize(settings, request, lambda words, done, total: None)
    hundred: Row = {
        "sets": report.verdict.trials,
        "seconds": round(time.perf_counter() - began_s, 2),
        "cpu_s": round(time.process_time() - began_cpu_s, 2),
        "fills": report.best_sets[0].fills,
    }
    ratio = float(hundred["cpu_s"]) / float(one["cpu_s"])

    show("optimize", f"{SETS} sets of a fold, searched and tested, cost {ratio:.1f} times one set", [one, hundred])
    assert report.verdict.trials == SETS


def one_set(settings: Settings, plan: Plan) -> Row:
    """One set over the same train and test window, as a backtest of it; the fastest of a few."""
    fold, lanes = plan.folds[0], [lane_text(settings, plan.grid.name, {})]
    rows = []
    for _ in range(REPEATS):
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        train, _test = (run_window(plan.course, window, lanes)[0] for window in (fold.train, fold.test))
        wall_s, cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        rows.append({"sets": 1, "seconds": round(wall_s, 2), "cpu_s": round(cpu_s, 3), "fills": train.fills})
    return min(rows, key=lambda row: row["cpu_s"])
