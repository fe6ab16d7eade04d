"""Commands of trading: start, report, replay."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, time_ns, time_text

if TYPE_CHECKING:
    from streaming.replay import ReplayVerdict
    from streaming.trading_run import RunSummary


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(commands, "start", "run the trader; --mode replay feeds it the lake's segments", run_start)
    parser.add_argument("--mode", choices=("replay",), required=True, help="replay: recorded frames, simulated venue")
    parser.add_argument(
        "--from", dest="ts_from_ns", type=time_ns, metavar="TIME", help="trade from here (UTC); books warm up before"
    )
    parser.add_argument("--to", dest="ts_to_ns", type=time_ns, metavar="TIME", help="stop here (UTC)")
    parser.add_argument("--grid", help="name of a [[grid]] (default: the one of the settings)")
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--model", metavar="HASH", default="champion", help="bundle to trade with (default: the champion)"
    )
    models.add_argument("--no-model", action="store_true", help="hear the market only; sends no orders")
    add_json(parser)
    parser = add_command(commands, "report", "orders, fills, positions and pnl of a run", run_report)
    parser.add_argument("run_id", nargs="?", metavar="RUN", help="default: the newest run")
    add_json(parser)
    parser = add_command(commands, "replay", "feed a journal again and compare every step's outputs", run_replay)
    parser.add_argument("journal", type=Path, metavar="JOURNAL", help="a file under data/journal")
    add_json(parser)


def run_start(options: argparse.Namespace) -> int:
    """`trader start`."""
    from streaming.settings import load_settings
    from streaming.trading_run import StartRequest, start_replay, summary_document

    settings = load_settings()
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
    report = build_report(Lake(places.lake_dir), read_summary(places.journal_dir, options.run_id))
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
