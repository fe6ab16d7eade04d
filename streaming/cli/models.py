"""Commands of the models, started where they belong: `python -m ml` and `python -m orchestration`."""

import argparse
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_json

if TYPE_CHECKING:
    from streaming.settings import Settings


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this group's commands."""
    summary = "list, show and compare sealed bundles, promote one, go back to the last"
    parser = commands.add_parser("models", help=summary, description=summary)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    verb = verbs.add_parser("list", help="all bundles, champion and challenger marked")
    add_json(verb)
    verb.set_defaults(run=run_list)
    verb = verbs.add_parser("show", help="manifest, metrics and lineage of one bundle")
    verb.add_argument("hash", metavar="HASH")
    add_json(verb)
    verb.set_defaults(run=run_show)
    verb = verbs.add_parser("compare", help="two bundles side by side, and which is better beyond chance")
    verb.add_argument("first", metavar="A", nargs="?", default="challenger", help="default: the challenger")
    verb.add_argument("second", metavar="B", nargs="?", default="champion", help="default: the champion")
    verb.add_argument("--backtest", action="store_true", help="run the backtests that are missing")
    add_json(verb)
    verb.set_defaults(run=run_compare)
    verb = verbs.add_parser("promote", help="make a bundle the champion; --reason overrides rules of skill and money")
    verb.add_argument("hash", metavar="HASH", nargs="?", help="default: the challenger")
    verb.add_argument("--reason", help="why, recorded in the history; needed where those rules refused")
    add_json(verb)
    verb.set_defaults(run=run_promote)
    verb = verbs.add_parser("rollback", help="return to the champion before this one")
    verb.add_argument("--reason", required=True, help="why, recorded in the history")
    add_json(verb)
    verb.set_defaults(run=run_rollback)


def run_list(options: argparse.Namespace) -> int:
    """`trader models list`."""
    return _start_ml(["list"], options)


def run_show(options: argparse.Namespace) -> int:
    """`trader models show`."""
    return _start_ml(["show", options.hash], options)


def run_compare(options: argparse.Namespace) -> int:
    """`trader models compare`: reads backtests, and runs those that are missing, so it is the conductor's command."""
    from streaming.cli.children import run_module

    words = ["compare", options.first, options.second, *(["--backtest"] if options.backtest else [])]
    return run_module("orchestration", words + (["--json"] if options.json else []))


def run_rollback(options: argparse.Namespace) -> int:
    """`trader models rollback`."""
    from streaming.settings import load_settings

    settings = load_settings()
    tracking = f"sqlite:///{settings.warehouse.mlflow_path}"
    code = _start_ml(["rollback", "--reason", options.reason, "--tracking-uri", tracking], options)
    if code == 0:
        _tell_traders(settings)
    return code


def run_promote(options: argparse.Namespace) -> int:
    """`trader models promote`: asks the checks' recorded state, so it is the conductor's command."""
    from streaming.cli.children import run_module

    words = ["promote", *([options.hash] if options.hash else [])]
    words += ["--reason", options.reason] if options.reason else []
    return run_module("orchestration", words + (["--json"] if options.json else []))


def _tell_traders(settings: "Settings") -> None:
    """Tell them of the champion at once; they look by themselves too, if later."""
    from ml.runtime import read_pointer
    from streaming.shell.bus_client import publish_promotion

    pointer = read_pointer(settings.warehouse.models_dir, "champion")
    if pointer is not None:
        publish_promotion(settings, pointer)


def _start_ml(words: list[str], options: argparse.Namespace) -> int:
    from streaming.cli.children import run_module
    from streaming.settings import load_settings

    folder = str(load_settings().warehouse.models_dir)
    return run_module("ml", ["models", *words, "--models", folder, *(["--json"] if options.json else [])])
