"""Commands to begin with: demo."""

import argparse
from pathlib import Path

from streaming.cli.grammar import add_command, add_json, print_json

HOURS, SEED = 2.0, 1
"""Of the generated market."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(
        commands, "demo", "the whole job on recordings or a generated market, no keys, no network", run_demo
    )
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="folder with a recordings.toml")
    parser.add_argument("--hours", type=float, default=HOURS, help="hours of generated market (default %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated market (default %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="where it writes (default: demo or demo-recordings in data)")
    add_json(parser)


def _folder_name(options: argparse.Namespace) -> str:
    """Return a folder of each market's own: two of them in one lake would mix."""
    if options.recordings is not None:
        return "demo-recordings"
    is_usual = (options.hours, options.seed) == (HOURS, SEED)
    return "demo" if is_usual else f"demo-{options.hours:g}h-seed{options.seed}"


def run_demo(options: argparse.Namespace) -> int:
    """`trader demo`."""
    from streaming.demo import Demo, DemoRequest
    from streaming.settings import load_settings

    settings = load_settings()
    folder = options.data_dir or settings.data_dir / _folder_name(options)
    request = DemoRequest(
        recordings=options.recordings, hours=options.hours, seed=options.seed, data_dir=folder.resolve()
    )
    demo = Demo(request, is_quiet=options.json)
    code = demo.run()
    if options.json:
        print_json(demo.answer)
    return code
