"""A whole search on a small generated lake: its verdict, and that neither jobs nor a kill change anything."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import orjson
import psutil
import pytest
import searched_market

from native.config import JsonObject
from native.strategy_settings import ExternalStrategy
from streaming.cli.children import environment
from streaming.errors import RefusedError, SettingsError, UsageError
from streaming.lock import held
from streaming.optimize.report import OptimizeReport, read_report, report_document
from streaming.optimize.request import OptimizeRequest
from streaming.optimize.run import optimize
from streaming.settings import Settings, load_settings

TRIALS, FOLDS = 8, 2
WAIT_S = 60.0


def run(settings: Settings, **words) -> OptimizeReport:
    numbers = {"grid": "main", "model": None, "trials": TRIALS, "folds": FOLDS}
    return optimize(settings, OptimizeRequest(**numbers | words), lambda text, done, total: None)


def figures(report: OptimizeReport) -> JsonObject:
    """Everything but where it stands."""
    return report_document(replace(report, overlay="", name=""))


def test_a_market_without_effect_is_told_to_be_no_better_than_luck(searching, barren_lake: Path) -> None:
    settings, _ = searching(barren_lake, searched_market.noise)

    verdict = run(settings).verdict

    assert verdict.word == "no better than luck" and "Keep the settings that you have" in verdict.words
    assert verdict.deflated < 0.95


def test_a_strategy_in_python_is_refused_instead_of_never_asked(searching, lake: Path) -> None:
    settings, _ = searching(lake)
    mine = ExternalStrategy(name="mine", kind="external", python="streaming.strategies.mean_reversion:MeanReversion")
    engine = settings.native.model_copy(update={"strategies": (mine,)})

    with pytest.raises(SettingsError, match=r"native\.strategies.* mine: written in Python"):
        run(settings.model_copy(update={"native": engine}))


def test_the_markets_own_expectation_earns_and_is_reported_whole(searching, lake: Path) -> None:
    settings, places = searching(lake)

    report = run(settings)

    verdict = report.verdict
    assert verdict.trials == TRIALS * FOLDS and len(verdict.folds) == FOLDS
    assert verdict.test.fills == sum(fold.test.fills for fold in verdict.folds) > 0
    assert verdict.test.pnl_quote == pytest.approx(sum(fold.test.pnl_quote for fold in verdict.folds))
    assert report.best_sets[0].objective == max(fold.chosen.objective for fold in verdict.folds)
    assert set(report.default_values.values()) == {1.0, 0.0}
    assert figures(read_report(places)) == figures(report)


def test_jobs_change_no_figure(searching, lake: Path) -> None:
    settings, _ = searching(lake, name="one")
    searching(lake, name="two")

    one, two = run(settings, name="one", jobs=1), run(settings, name="two", jobs=2)

    assert figures(one) == figures(two)


def test_another_seed_tries_other_sets(searching, lake: Path) -> None:
    settings, _ = searching(lake, name="one")
    searching(lake, name="two")

    one, two = run(settings, name="one"), run(settings, name="two", seed=2)

    assert one.best_sets[0].values != two.best_sets[0].values


def test_a_search_that_is_done_is_not_done_again(searching, lake: Path) -> None:
    settings, places = searching(lake)
    first = run(settings)
    size = places.trials.stat().st_size

    assert figures(run(settings)) == figures(first)
    assert places.trials.stat().st_size == size


def test_more_trials_go_on_from_those_that_were_tried(searching, lake: Path) -> None:
    settings, _ = searching(lake)
    run(settings)

    assert run(settings, trials=TRIALS + 4).verdict.trials == (TRIALS + 4) * FOLDS


@pytest.mark.parametrize("words", [{"seed": 2}, {"folds": 3}, {"ts_to_ns": 2**60}])
def test_another_search_under_the_same_name_is_refused(searching, lake: Path, words) -> None:
    settings, _ = searching(lake)
    run(settings)

    with pytest.raises(UsageError, match="give this one another --name"):
        run(settings, **words)


def test_a_search_that_runs_is_not_run_twice(searching, lake: Path) -> None:
    settings, places = searching(lake)

    with held(places.lock), pytest.raises(RefusedError, match="is doing the same"):
        run(settings)


def test_the_best_set_stands_in_a_settings_file_that_can_be_traded_on(searching, lake: Path) -> None:
    settings, places = searching(lake)
    report = run(settings)

    best = load_settings(places.best)

    values = report.verdict.best
    assert best.native.signal.cost_multiple == values["native.signal.cost_multiple"]
    assert best.native.signal.edge_bps == values["native.signal.edge_bps"]
    assert best.native.limits == settings.native.limits and best.data_dir == settings.data_dir
    head = places.best.read_text().partition("\n\n")[0]
    for word in ("verdict", "16 sets in 2 folds", "Sharpe", "deflated", "2026-01-05T00:00:00", "bundle    none"):
        assert word in head


def test_a_killed_search_goes_on_with_the_same_command_as_if_nothing_had_happened(searching, lake: Path) -> None:
    settings, places = searching(lake, name="killed")
    searching(lake, name="whole")
    words = [
        "optimize",
        "--no-model",
        "--trials",
        str(TRIALS),
        "--folds",
        str(FOLDS),
        "--name",
        "killed",
        "--jobs",
        "2",
    ]
    command = [sys.executable, "-m", "streaming", *words, "--json"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _wait(lambda: places.trials.exists() and b'"state":1' in places.trials.read_bytes())
        workers = psutil.Process(child.pid).children(recursive=True)
        child.kill()
    _, alive = psutil.wait_procs(workers, timeout=WAIT_S)
    assert workers and not alive, "workers end with their parent"
    assert not places.report.exists()

    done = subprocess.run(command, env=environment(), capture_output=True, check=True)

    assert orjson.loads(done.stdout)["verdict"] == figures(run(settings, name="whole"))["verdict"]


def _wait(is_so) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_an_interrupted_search_leaves_no_worker_and_says_so_in_one_line(searching, lake: Path) -> None:
    _, places = searching(lake)
    command = [sys.executable, "-m", "streaming", "optimize", "--no-model", "--trials", "400", "--jobs", "2"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        _wait(lambda: places.trials.exists() and b'"state":1' in places.trials.read_bytes())
        workers = psutil.Process(child.pid).children(recursive=True)
        os.kill(child.pid, signal.SIGTERM)
        assert child.stderr is not None
        said = child.stderr.read().decode()

    assert child.returncode == 1 and said.splitlines()[-1].startswith("trader: stopped by SIGTERM")
    assert "Traceback" not in said
    assert not psutil.wait_procs(workers, timeout=WAIT_S)[1]
