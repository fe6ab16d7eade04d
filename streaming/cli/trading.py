"""Commands of trading: start, report, replay."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, time_ns, time_text

if TYPE_CHECKING:
    from streaming.replay import ReplayVerdict
    from streaming.settings import Settings
    from streaming.trading_run import RunSummary


REPLAY_OPTIONS = {"ts_from_ns": "--from", "ts_to_ns": "--to"}
PAPER_OPTIONS = {
    "emulator": "--emulator",
    "seconds": "--seconds",
    "new_session": "--new-session",
    "no_watchdog": "--no-watchdog",
}
LIVE_OPTIONS = {"yes_live": "--yes-live"}
MODES = ("paper", "shadow", "live", "replay")
PROGRESS_S = 10.0
"""Between two progress lines where stderr is no terminal."""

START_EPILOG = """four modes (default: streaming.mode of the settings, which is paper):
  paper    live frames of the venues, simulated matching; until Ctrl-C, SIGTERM, trader stop or --seconds
  shadow   as paper, with all of live but the sending: keys, accounts and the venues' order rules are the real ones
  live     orders go to the venues, with money; said each time, confirmed by the account's name: docs/live.md
  replay   the lake's segments on a made-up clock, then ends"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    _add_start(commands)
    parser = add_command(commands, "report", "orders, fills, positions and pnl of a run", run_report)
    parser.add_argument("run_id", nargs="?", metavar="RUN", help="default: the newest run")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the session into this PNG as well")
    add_json(parser)
    parser = add_command(commands, "replay", "feed a journal again and compare every step's outputs", run_replay)
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="a file under data/journal")
    add_json(parser)


def _add_start(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        commands, "start", "run the trader: paper, shadow, live, or on the lake's frames (replay)", run_start
    )
    parser.epilog, parser.formatter_class = START_EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--mode", choices=MODES, help="see below")
    parser.add_argument("--grid", help="name of a [[grid]] (default: the one of the settings)")
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--model", metavar="HASH", default="champion", help="bundle to trade with (default: the champion)"
    )
    models.add_argument("--no-model", action="store_true", help="no forecasts; strategies that need none still trade")
    group = parser.add_argument_group("paper, shadow and live")
    group.add_argument(
        "--emulator", type=Path, metavar="FILE", help="take addresses and clock from a running emulator's file"
    )
    group.add_argument("--seconds", type=float, metavar="S", help="end after so much time of the shared clock")
    group.add_argument(
        "--new-session", action="store_true", default=None, help="do not go on with an interrupted session; seal it"
    )
    group.add_argument(
        "--no-watchdog",
        action="store_true",
        default=None,
        help="start no process that halts this one when it hangs or dies",
    )
    group = parser.add_argument_group("live")
    group.add_argument(
        "--yes-live", metavar="ACCOUNT", help="confirm live orders by the account's name, instead of typing it"
    )
    group = parser.add_argument_group("replay")
    group.add_argument(
        "--from", dest="ts_from_ns", type=time_ns, metavar="TIME", help="trade from here (UTC); books warm up before"
    )
    group.add_argument("--to", dest="ts_to_ns", type=time_ns, metavar="TIME", help="stop here (UTC)")
    add_json(parser)


def run_start(options: argparse.Namespace) -> int:
    """`trader start`."""
    from streaming.errors import UsageError
    from streaming.settings import load_settings

    settings = load_settings()
    mode = options.mode or settings.streaming.mode
    foreign = PAPER_OPTIONS | LIVE_OPTIONS if mode == "replay" else REPLAY_OPTIONS
    foreign = foreign if mode in {"live", "replay"} else foreign | LIVE_OPTIONS
    wrong = [name for name in foreign if getattr(options, name) is not None]
    if wrong:
        spelled = ", ".join(foreign[name] for name in wrong)
        raise UsageError(f"{spelled}: makes no sense in mode {mode}; leave it out, or say --mode {_mode_of(wrong[0])}")
    return _start_replay(options, settings) if mode == "replay" else _start_session(options, settings, mode)


def _mode_of(option: str) -> str:
    """Return the mode that an option belongs to."""
    return "live" if option in LIVE_OPTIONS else "replay" if option in REPLAY_OPTIONS else "paper"


def _start_session(options: argparse.Namespace, settings: "Settings", mode_word: str) -> int:
    from streaming.cli.live_start import access_of
    from streaming.cli.paper_text import show_summary
    from streaming.shell.attach import attach
    from streaming.shell.clock import Clock
    from streaming.shell.recorder import span_ns_of
    from streaming.shell.trader import run_paper
    from streaming.shell.trader_model import bundle_loader, first_model
    from streaming.shell.trader_request import PaperRequest
    from streaming.trader.modes import Mode

    mode = Mode(mode_word)
    grid = settings.grid_named(options.grid or settings.streaming.grid)
    config, clock = settings.streaming.record, Clock.wall()
    if options.emulator is not None:
        config, clock = attach(config, options.emulator)
    access = None if mode is Mode.paper else access_of(options, settings, grid, config, clock, mode)
    load = bundle_loader(settings, grid, clock)
    request = PaperRequest(
        settings=settings,
        grid=grid,
        config=config,
        clock=clock,
        model=None if options.no_model else first_model(settings, options.model, load),
        load=load,
        span_ns=span_ns_of(options.seconds),
        is_new_session=bool(options.new_session),
        mode=mode,
        access=access,
        watchdog=None if options.no_watchdog else settings.streaming.watchdog,
        progress_s=1.0 if sys.stderr.isatty() else PROGRESS_S,
    )
    progress = ProgressLine()
    try:
        summary = run_paper(request, progress)
    finally:
        progress.close()
    if summary is None:
        print("ended before a session began: nothing was written")
        return 0
    if options.json:
        print_json(summary.to_json())
    else:
        show_summary(summary)
    return summary.exit_code


def _start_replay(options: argparse.Namespace, settings: "Settings") -> int:
    from streaming.trading_run import StartRequest, start_replay, summary_document

    request = StartRequest(
        grid=options.grid or settings.streaming.grid,
        model=None if options.no_model else options.model,
        ts_from_ns=options.ts_from_ns,
        ts_to_ns=options.ts_to_ns,
    )
    progress = ProgressLine()
    try:
        summary = start_replay(settings, request, progress)
    finally:
        progress.close()
    if options.json:
        print_json(summary_document(summary))
    else:
        print(_start_text(summary))
    return 0


def _start_text(summary: "RunSummary") -> str:
    counts = summary.counts
    lines = [
        f"REPLAY  run {summary.run}  {counts.frames} frames, {counts.steps} steps, {counts.forecasts} forecasts, "
        f"{counts.orders} order requests",
        f"  heard from {time_text(counts.ts_first_ns)}, traded from "
        f"{time_text(max(counts.ts_first_ns, summary.trade_from_ns))} to {time_text(counts.ts_last_ns)}",
        f"  journal {summary.journal}",
    ]
    if summary.masked:
        lines.append(f"  masked (not in the lake in that span): {', '.join(summary.masked)}")
    if summary.left_out:
        lines.append(f"  left out (another run covers the same time): {', '.join(summary.left_out)}")
    if counts.rejects:
        lines.append(f"  {counts.rejects} inputs refused by the engine: see the journal's rejects")
    return "\n".join([*lines, f"next: trader report {summary.run}   |   trader replay {summary.journal}"])


def run_report(options: argparse.Namespace) -> int:
    """`trader report`."""
    from streaming.report import build_report, report_document, show_report
    from streaming.settings import load_settings
    from streaming.trading_run import read_summary
    from warehouse.lake import Lake

    places = load_settings().warehouse
    summary = read_summary(places.journal_dir, options.run_id)
    report = build_report(Lake(places.lake_dir), summary)
    if options.picture is not None:
        from streaming.session_picture import draw_session

        draw_session(Lake(places.lake_dir), summary, options.picture)
    if options.json:
        print_json(report_document(report))
    else:
        show_report(report)
    return 0


def run_replay(options: argparse.Namespace) -> int:
    """`trader replay`; exit code 5 when the outputs differ."""
    from dataclasses import asdict

    from streaming.errors import BadDataError
    from streaming.replay import replay

    if not options.journal.is_file():
        raise BadDataError(
            f"{options.journal}: expected a journal, found no file; they stand in data/journal, trader report names one"
        )
    progress = ProgressLine()
    try:
        verdict = replay(options.journal, progress)
    finally:
        progress.close()
    if options.json:
        print_json(asdict(verdict))
    else:
        print(_verdict_text(verdict))
    return 0 if verdict.identical else BadDataError.exit_code


def _verdict_text(verdict: "ReplayVerdict") -> str:
    if verdict.identical:
        return (
            f"identical: run {verdict.run}, {verdict.inputs} inputs, {verdict.steps} steps, hash {verdict.digest[:16]}"
        )
    return (
        f"DIFFERENT: run {verdict.run}, first at step {verdict.step_index} ({time_text(verdict.step_ts_ns)}); "
        f"{verdict.steps} steps before it are identical"
    )
