"""Commands to begin with: demo."""

import argparse
from pathlib import Path

from streaming.cli.grammar import add_command, add_json, print_json


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    parser = add_command(
        commands, "demo", "the whole job on recordings or a generated market, no keys, no network", run_demo
    )
    parser.add_argument("--recordings", type=Path, metavar="FOLDER", help="folder with a recordings.toml")
    parser.add_argument("--hours", type=float, default=2.0, help="hours of generated market (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the generated market (default %(default)s)")
    parser.add_argument("--data-dir", type=Path, help="where it writes (default: demo or demo-recordings in data)")
    add_json(parser)


def run_demo(options: argparse.Namespace) -> int:
    """`trader demo`."""
    from streaming.demo import Demo, DemoRequest
    from streaming.settings import load_settings

    settings = load_settings()
    name = "demo" if options.recordings is None else "demo-recordings"  # two markets in one lake would mix
    folder = options.data_dir or settings.data_dir / name
    request = DemoRequest(
        recordings=options.recordings, hours=options.hours, seed=options.seed, data_dir=folder.resolve()
    )
    demo = Demo(request, is_quiet=options.json)
    code = demo.run()
    if options.json:
        print_json(demo.answer)
    return code
