"""`trader backtest`: a span of the lake, or a session's journal, through the simulated market."""

import argparse
import shlex
import sys
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, time_ns

if TYPE_CHECKING:
    from streaming.backtest.job import Backtested
    from streaming.backtest.request import BacktestRequest
    from streaming.settings import Settings

LAKE_OPTIONS = {
    "grid": "--grid",
    "ts_from_ns": "--from",
    "ts_to_ns": "--to",
    "model": "--model",
    "strategy": "--strategy",
    "queue": "--queue",
    "latency_ms": "--latency-ms",
    "latency": "--latency",
    "on_gap": "--on-gap",
    "sensitivity": "--sensitivity",
    "open": "--open",
    "no_tracking": "--no-tracking",
}
QUEUES = ("pessimistic", "proportional", "front")
EPILOG = """two ways:
  over the lake      recorded frames at the time they were received, forecasts made ahead and given when they would
                     have come, orders that need their time to the venue; writes a page under data/reports/backtest,
                     a row of lake table backtests, and an MLflow run
  --journal RUN      a session heard again: with the journal's forecasts its orders and fills must be identical, byte
                     for byte (exit code 1 when they are not); --recompute makes the forecasts anew and says what that
                     changes

queue models, what is before our order at its price:
  pessimistic        what is cancelled stood behind us: only trades move us up (default)
  proportional       what is cancelled stood evenly before and behind us
  front              nothing: the most fills that could be hoped for

figures and their formulas: docs/kpis.md"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    summary = "trade a span of the lake in the simulated market, and say what came of it"
    parser = add_command(commands, "backtest", summary, run)
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    _add_what(parser.add_argument_group("what"))
    _add_how(parser.add_argument_group("how the market answers"))
    _add_session(parser.add_argument_group("a session instead of the lake"))
    group = parser.add_argument_group("the answer")
    group.add_argument("--sensitivity", action="store_true", help="beside it every queue model at four latencies")
    group.add_argument("--open", choices=("yes", "no"), help="show the page in the browser (default: no)")
    group.add_argument("--no-tracking", action="store_true", help="write no MLflow run")
    add_json(parser)


Group = argparse._ArgumentGroup


def _add_what(group: Group) -> None:
    group.add_argument("--grid", help="name of a [[grid]] (default: the one of the settings)")
    group.add_argument(
        "--from", dest="ts_from_ns", type=time_ns, metavar="TIME", help="trade from here (UTC); books warm up before"
    )
    group.add_argument("--to", dest="ts_to_ns", type=time_ns, metavar="TIME", help="stop here (UTC)")
    group.add_argument("--model", metavar="HASH", help="champion (default), a bundle's hash, or none")
    group.add_argument(
        "--strategy", nargs="+", metavar="NAME", help="of the settings' strategies only these (default: all)"
    )


def _add_how(group: Group) -> None:
    group.add_argument("--queue", choices=QUEUES, help="queue model, see below")
    latency = group.add_mutually_exclusive_group()
    latency.add_argument("--latency-ms", metavar="N", help="an order's way, and its reply's (default: the settings')")
    latency.add_argument("--latency", metavar="lognormal:MEDIAN_MS:SIGMA:SEED", help="drawn, from a seed")
    group.add_argument(
        "--on-gap",
        choices=("mask", "refuse"),
        help="ledgered gaps: give no forecast whose context touches one (default), or refuse the span",
    )


def _add_session(group: Group) -> None:
    group.add_argument("--journal", metavar="RUN", help="a sealed session, such as paper-20260105T120000.000")
    group.add_argument("--recompute", action="store_true", help="make its forecasts anew as well")


def run(options: argparse.Namespace) -> int:
    """`trader backtest`; exit code 1 when a session did not come out the same."""
    from streaming.errors import UsageError
    from streaming.settings import load_settings

    settings = load_settings()
    if options.journal is not None:
        wrong = [spelled for name, spelled in LAKE_OPTIONS.items() if getattr(options, name)]
        if wrong:
            raise UsageError(f"{', '.join(wrong)}: a session's journal says all of it; leave it out with --journal")
        return _run_session(options, settings)
    if options.recompute:
        raise UsageError("--recompute: makes a session's forecasts anew; name the session by --journal RUN")
    return _run_lake(options, settings)


def _run_session(options: argparse.Namespace, settings: "Settings") -> int:
    from dataclasses import asdict

    from streaming.backtest.parity import compare_session
    from streaming.backtest.text import show_parity

    progress = ProgressLine()
    try:
        verdict = compare_session(settings, options.journal, is_recomputed=options.recompute, progress=progress)
    finally:
        progress.close()
    if options.json:
        print_json({"identical": verdict.is_identical, **asdict(verdict)})
    else:
        show_parity(verdict)
    return 0 if verdict.is_identical else 1


def _run_lake(options: argparse.Namespace, settings: "Settings") -> int:
    from streaming.backtest.job import backtest
    from streaming.backtest.text import show

    progress = ProgressLine()
    try:
        done = backtest(settings, _request(options, settings), _command(), progress)
        if not options.no_tracking:
            progress("backtest: MLflow")
            _track(settings, done)
    finally:
        progress.close()
    if options.json:
        print_json({**done.document, "page": str(done.page), "document": str(done.document_path)})
    else:
        show(done)
    if options.open == "yes":
        _open(done)
    return 0


def _request(options: argparse.Namespace, settings: "Settings") -> "BacktestRequest":
    from streaming.backtest.request import BacktestRequest, latency_of

    text = options.latency or options.latency_ms
    return BacktestRequest(
        grid=options.grid or settings.streaming.grid,
        model=None if options.model == "none" else options.model or "champion",
        ts_from_ns=options.ts_from_ns,
        ts_to_ns=options.ts_to_ns,
        strategies=tuple(options.strategy or ()),
        queue=options.queue,
        latency=None if text is None else latency_of(text),
        on_gap=options.on_gap or "mask",
        is_sensitivity=options.sensitivity,
    )


def _command() -> str:
    words = sys.argv[1:] if sys.argv[1:2] == ["backtest"] else ["backtest"]
    return shlex.join(["trader", *words])


def _track(settings: "Settings", done: "Backtested") -> None:
    """Write the run to MLflow, which is the models' business: a process of theirs."""
    from streaming.cli.children import read_module

    address = f"sqlite:///{settings.warehouse.mlflow_path}"
    code, _ = read_module("ml", ["backtest", "log", str(done.document_path), "--tracking-uri", address])
    if code != 0:
        print(f"trader: MLflow took no run (exit code {code}); the report stands", file=sys.stderr)


def _open(done: "Backtested") -> None:
    import webbrowser

    if not webbrowser.open(done.page.as_uri()):
        print("trader: no browser found; open the report yourself", file=sys.stderr)
