"""Commands to begin with: demo."""

import argparse
from pathlib import Path

from streaming.cli.grammar import add_command, add_json, print_json

HOURS, SEED = 2.0, 1
"""Of the generated market."""

EPILOG = """without --recordings: a history is generated and learned from; then three venues are emulated over sockets,
recorded (one frame is lost on purpose) and traded on paper (the market changes on purpose); the end tells what came of
it, and the exit code is 1 when something is not as it was meant to be. At the end dashboard, Dagster and reports are
open: on a terminal until Ctrl-C, while recorder and trader go on; elsewhere they are asked, named and closed again"""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(
        commands, "demo", "the whole job, live and without keys or network, or on recordings", run_demo
    )
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="folder with a recordings.toml: no live part")
    parser.add_argument("--clean", action="store_true", help="lose nothing, change nothing: no gap, no drift")
    parser.add_argument("--record-only", action="store_true", help="emulate, record and convert; no model, no trader")
    parser.add_argument("--keep", action="store_true", help="then go on until Ctrl-C (default: on a terminal)")
    parser.add_argument("--no-windows", action="store_true", help="end without dashboard, Dagster and reports open")
    parser.add_argument("--hours", type=float, default=HOURS, help="hours of generated history (default %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated market (default %(default)s)")
    parser.add_argument("--record-minutes", type=float, metavar="M", help="market minutes recorded (default 20.5)")
    parser.add_argument("--paper-minutes", type=float, metavar="M", help="market minutes traded (default 8)")
    parser.add_argument("--speed", type=float, metavar="X", help="market seconds a second (default 10)")
    parser.add_argument("--data-dir", type=Path, help="where it writes (default: a folder of its own in data)")
    add_json(parser)


LIVE_OPTIONS = ("clean", "record_only", "keep", "record_minutes", "paper_minutes", "speed")


def run_demo(options: argparse.Namespace) -> int:
    """`trader demo`."""
    from streaming.demo.live import LiveDemo
    from streaming.demo.recorded import RecordedDemo
    from streaming.demo.request import DemoRequest
    from streaming.demo.telling import Teller
    from streaming.demo.windows import is_watched
    from streaming.settings import load_settings

    _check(options)
    has_windows = not options.no_windows and not options.record_only
    stays = has_windows and not options.json and is_watched()
    given = {name: getattr(options, name) for name in ("record_minutes", "paper_minutes", "speed")}
    request = DemoRequest(
        data_dir=(options.data_dir or load_settings().data_dir / _folder_name(options)).resolve(),
        recordings=options.recordings,
        hours=options.hours,
        seed=options.seed,
        is_clean=options.clean,
        is_record_only=options.record_only,
        is_kept=options.keep or stays,
        has_windows=has_windows,
        **{name: value for name, value in given.items() if value is not None},
    )
    demo = (LiveDemo if options.recordings is None else RecordedDemo)(request, Teller(is_quiet=options.json))
    code = demo.run()
    if options.json:
        print_json(demo.answer)
    return code


def _check(options: argparse.Namespace) -> None:
    from streaming.errors import UsageError

    if options.recordings is not None and (wrong := [name for name in LIVE_OPTIONS if getattr(options, name)]):
        words = ", ".join(f"--{name.replace('_', '-')}" for name in wrong)
        raise UsageError(f"{words}: recordings are replayed, nothing is live; leave it out")
    for name in ("record_minutes", "paper_minutes", "speed", "hours"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise UsageError(f"--{name.replace('_', '-')}: expected a number above 0, found {value:g}")


def _folder_name(options: argparse.Namespace) -> str:
    """Return a folder of each market's own: two of them in one lake would mix."""
    if options.recordings is not None:
        return "demo-recordings"
    is_usual = (options.hours, options.seed) == (HOURS, SEED)
    name = "demo" if is_usual else f"demo-{options.hours:g}h-seed{options.seed}"
    return f"{name}-clean" if options.clean else name
