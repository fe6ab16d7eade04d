"""`trader optimize`: choose strategy and risk parameters on the past, judge them on what came after."""

import argparse
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_command, add_json, print_json, rows_count, time_ns

if TYPE_CHECKING:
    from streaming.optimize.report import OptimizeReport
    from streaming.optimize.request import OptimizeRequest
    from streaming.settings import Settings

DEFAULT_NAME = "main"
NAME_HELP = "of the search and its folder (default %(default)s); auto: another for other data, settings or seed"

EPILOG = """what is searched stands in the settings:
  [streaming.optimize.space]
  "native.signal.cost_multiple" = { low = 0.5, high = 4.0 }
  "native.signal.horizon_step" = { low = 1, high = 10 }                                      whole numbers
  "native.limits.binance_usdm:BTCUSDT.order_size" = { low = "0.005", high = "0.05", step = "0.005" }
  "native.signal.is_spot_short_allowed" = { choices = [true, false] }

a killed search goes on with the same command. The best set is written to data/optimize/NAME/best.toml; trade on it by
  LOB_SETTINGS=data/optimize/NAME/best.toml trader start"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    summary = "search strategy and risk parameters, walk-forward, and say whether the best is more than luck"
    parser = add_command(commands, "optimize", summary, run_optimize)
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--name", default=DEFAULT_NAME, help=NAME_HELP)
    parser.add_argument("--trials", type=rows_count, metavar="N", help="sets a fold (default: the settings')")
    parser.add_argument("--folds", type=rows_count, metavar="N", help="train and test windows (default: the settings')")
    parser.add_argument(
        "--jobs", type=rows_count, metavar="N", help="processes (default: the cores); changes no result"
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same search (default %(default)s)")
    parser.add_argument("--grid", help="name of a [[grid]] (default: the one of the settings)")
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--model", metavar="HASH", default="champion", help="bundle to forecast with (default: champion)"
    )
    models.add_argument("--no-model", action="store_true", help="for strategies that need no forecast")
    begin = "first time, UTC (default: behind the model's training data)"
    parser.add_argument("--from", dest="ts_from_ns", type=time_ns, metavar="TIME", help=begin)
    parser.add_argument("--to", dest="ts_to_ns", type=time_ns, metavar="TIME", help="last time, UTC")
    parser.add_argument("--show", action="store_true", help="show what the search of that name found; searches nothing")
    add_json(parser)


def run_optimize(options: argparse.Namespace) -> int:
    """`trader optimize`."""
    from streaming.optimize.report import read_report, report_document
    from streaming.optimize.request import places_of
    from streaming.optimize.text import show_report
    from streaming.settings import load_settings

    settings = load_settings()
    request = _request(settings, options)
    report = read_report(places_of(settings, request.name)) if options.show else _search(settings, request)
    if options.json:
        print_json(report_document(report))
    else:
        show_report(report)
    return 0


def _search(settings: "Settings", request: "OptimizeRequest") -> "OptimizeReport":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from streaming.optimize.run import optimize

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("optimize", total=None)

        def tell(words: str, done: int, total: int) -> None:
            bar.update(task, description=f"optimize: {words}", completed=done, total=total or None)
            if not console.is_terminal:
                console.print(f"optimize: {words}" + (f", {done} of {total} sets" if total else ""))

        return optimize(settings, request, tell)


def _request(settings: "Settings", options: argparse.Namespace) -> "OptimizeRequest":
    from streaming.optimize.plan import AUTO_NAME, auto_name
    from streaming.optimize.request import OptimizeRequest

    request = OptimizeRequest(
        name=options.name,
        grid=options.grid or settings.streaming.grid,
        model=None if options.no_model else options.model,
        trials=options.trials,
        folds=options.folds,
        jobs=options.jobs or len(os.sched_getaffinity(0)),
        seed=options.seed,
        ts_from_ns=options.ts_from_ns,
        ts_to_ns=options.ts_to_ns,
    )
    return replace(request, name=auto_name(settings, request)) if request.name == AUTO_NAME else request
