"""`trader record`: sockets to raw segments; `trader record status` and `trader record stop` ask the one that runs."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import ProgressLine, add_command, add_json, print_json, time_text

if TYPE_CHECKING:
    from native.config import JsonObject
    from streaming.record_config import RecordConfig
    from streaming.settings import Settings
    from streaming.shell.recorder import RecordSummary

PROGRESS_S = 10.0
"""Between two progress lines where stderr is no terminal."""
END_TIMEOUT_S = 60.0
"""For files to be sealed after `stop`."""
POLL_S = 0.05


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    summary = "record the venues' market data into the lake until Ctrl-C"
    parser = add_command(subparsers, "record", summary, run_record)
    parser.add_argument(
        "action",
        nargs="?",
        choices=("status", "stop"),
        help="ask the running recorder instead: what it does, or to end",
    )
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
    parser.add_argument("--reason", default="", metavar="TEXT", help="with stop: why")
    add_json(parser)


def run_record(options: argparse.Namespace) -> int:
    """`trader record`; exit code 0 also when ended by a signal, 4 when status or stop find no recorder."""
    _check_words(options)
    if options.action == "status":
        return _show_status(options)
    return _stop(options) if options.action == "stop" else _record(options)


def _check_words(options: argparse.Namespace) -> None:
    from streaming.errors import UsageError

    own = {"--instrument": options.instrument, "--seconds": options.seconds, "--emulator": options.emulator}
    given = [word for word, value in own.items() if value is not None]
    if options.action and given:
        raise UsageError(f"{given[0]} begins a recording; trader record {options.action} asks the one that runs")
    if options.reason and options.action != "stop":
        raise UsageError("--reason belongs to trader record stop")


def _record(options: argparse.Namespace) -> int:
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
        redis=settings.streaming.redis,
        metrics=settings.streaming.metrics,
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


def _show_status(options: argparse.Namespace) -> int:
    from streaming.settings import load_settings
    from streaming.shell.recorder_asking import ask_recorder

    status = ask_recorder(load_settings().warehouse.run_dir, {"op": "status"})
    if options.json:
        print_json(status)
    else:
        print(status_text(status))
    return 0


def _stop(options: argparse.Namespace) -> int:
    from streaming.lock import is_held
    from streaming.settings import load_settings
    from streaming.shell.recorder_asking import ask_recorder
    from streaming.shell.recorder_names import LOCK_NAME

    run_dir = load_settings().warehouse.run_dir
    answer = ask_recorder(run_dir, {"op": "stop", "reason": options.reason})
    deadline_s = time.monotonic() + END_TIMEOUT_S
    while is_held(run_dir / LOCK_NAME) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
    answer["has_ended"] = not is_held(run_dir / LOCK_NAME)
    if options.json:
        print_json(answer)
    else:
        print("stopped; next: trader gaps" if answer["has_ended"] else f"stopping still: {answer['will']}")
    return 0


def status_text(status: "JsonObject") -> str:
    """Return a running recorder's status document as lines; also for a page that shows the trader beside it."""
    from streaming.metrics.text import metrics_lines

    lines = [f"RECORD  {status['state']}  pid {status['pid']}  clock {time_text(int(str(status['ts_ns'])))}"]
    venues = status["venues"]
    assert isinstance(venues, list)
    for reading in venues:
        assert isinstance(reading, dict)
        book = "books whole" if reading["is_synced"] else f"NO BOOK: {_joined(reading['waiting_for'])}"
        lag = "-" if reading["lag_ms"] is None else f"{reading['lag_ms']} ms"
        lines.append(
            f"  {reading['venue']}  {reading['frames']} frames, lag {lag}, {reading['gaps_opened']} gaps "
            f"({reading['gaps_closed']} repaired), {reading['connections_lost']} connections lost, {book}"
        )
        if reading["resting"]:
            lines.append(f"    not traded by the venue now: {_joined(reading['resting'])}")
        if reading["last_problem"]:
            lines.append(f"    last problem: {reading['last_problem']}")
    if status["pauses"]:
        lines.append(f"  the disk was behind {status['pauses']} times: sockets waited, nothing was dropped")
    bus = status["bus"]
    if isinstance(bus, dict) and not bus["is_connected"]:
        lines.append(f"  Redis is not there ({bus['last_problem'] or 'not yet'}): recording goes on without it")
    return "\n".join([*lines, *(f"  {line}" for line in metrics_lines(status))])


def _joined(names: object) -> str:
    assert isinstance(names, list)
    return ", ".join(map(str, names))


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
        if reading.resting:
            lines.append(f"  not traded by the venue: {', '.join(reading.resting)}")
        if not reading.is_synced:
            lines.append(f"  at the end without a whole book: {', '.join(reading.waiting_for)}")
    if summary.pauses:
        lines.append(f"  the disk was behind {summary.pauses} times: sockets waited, nothing was dropped")
    lines.append(f"ended: {summary.ended_by}")
    return "\n".join([*lines, "next: trader instruments   |   trader gaps"])
