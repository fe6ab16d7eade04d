"""`trader record`: sockets to raw segments."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, time_text

if TYPE_CHECKING:
    from streaming.record_config import RecordConfig
    from streaming.settings import Settings
    from streaming.shell.recorder import RecordSummary

PROGRESS_S = 10.0
"""Between two progress lines where stderr is no terminal."""


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    summary = "record the venues' market data into the lake until Ctrl-C"
    parser = add_command(subparsers, "record", summary, run_record)
    parser.add_argument(
        "--instrument",
        action="append",
        metavar="VENUE:SYMBOL",
        help="record this one (may be repeated; default: streaming.record.instruments, else the trader's grid)",
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="end after so much time of the shared clock")
    parser.add_argument(
        "--emulator", type=Path, metavar="FILE", help="take addresses and clock from a running emulator's file"
    )
    add_json(parser)


def run_record(options: argparse.Namespace) -> int:
    """`trader record`; exit code 0 also when ended by a signal."""
    from streaming.settings import load_settings
    from streaming.shell.attach import attach
    from streaming.shell.clock import Clock
    from streaming.shell.recorder import RecordRequest, run_recorder, span_ns_of

    settings = load_settings()
    config, clock = settings.streaming.record, Clock.wall()
    if options.emulator is not None:
        config, clock = attach(config, options.emulator)
    request = RecordRequest(
        lake_root=settings.lake_root,
        run_dir=settings.warehouse.run_dir,
        instruments=_instruments(settings, config, options.instrument),
        config=config,
        engine=settings.native,
        clock=clock,
        span_ns=span_ns_of(options.seconds),
        progress_s=1.0 if sys.stderr.isatty() else PROGRESS_S,
    )
    progress = ProgressLine()
    try:
        summary = run_recorder(request, progress)
    finally:
        progress.close()
    if options.json:
        print_json(summary.to_json())
    else:
        print(_text(summary))
    return 0


def _instruments(settings: "Settings", config: "RecordConfig", named: list[str] | None) -> tuple[str, ...]:
    from native.config import check_instrument_text
    from streaming.errors import UsageError

    for name in named or ():
        try:
            check_instrument_text(name)
        except ValueError as error:
            raise UsageError(f"--instrument: {error}") from error
    return (
        tuple(dict.fromkeys(named or ()))
        or config.instruments
        or settings.grid_named(settings.streaming.grid).instruments
    )


def _text(summary: "RecordSummary") -> str:
    lines = []
    for reading in summary.venues:
        lines.append(
            f"RECORDED  {reading.venue}  {reading.frames} frames, {reading.snapshots} snapshots, "
            f"{reading.gaps_opened} gaps ({reading.gaps_closed} repaired), {reading.written_bytes / 1e6:.1f} MB"
        )
        lines.append(f"  from {time_text(reading.ts_first_ns)} to {time_text(reading.ts_last_ns)}, run {reading.run}")
        if reading.connections_lost or reading.rest_failures or reading.rejects:
            lines.append(
                f"  {reading.connections_lost} connections lost, {reading.rest_failures} REST failures, "
                f"{reading.rejects} frames not understood; last: {reading.last_problem}"
            )
        if not reading.is_synced:
            lines.append(f"  at the end without a whole book: {', '.join(reading.waiting_for)}")
    if summary.pauses:
        lines.append(f"  the disk was behind {summary.pauses} times: sockets waited, nothing was dropped")
    return "\n".join([*lines, "next: trader instruments   |   trader gaps"])
