"""`trader kill`: the last word: halt, see that no order is open, end the process, and let the next start be halted.

After a live trader it cancels at the venues, also when that trader is dead.
"""

import argparse

from streaming.cli.grammar import add_command, add_json, print_json

EPILOG = """exit codes: 0 it is halted, no order is open, the process is gone, all of it confirmed; 1 something was not
confirmed, and the lines say what; 4 no trader runs, and none left anything at a venue

After a live trader, running or dead, every order whose client id begins with our prefix is cancelled at its venues over
REST, confirmed by their lists, and positions are told. Orders of others stay, unless --all-orders is said."""


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = add_command(
        commands, "kill", "halt by any path left, see that no order is open, end the process, latch", run_kill
    )
    parser.epilog, parser.formatter_class = EPILOG, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--reason", default="no reason was given", metavar="TEXT", help="why; the latch keeps it")
    parser.add_argument(
        "--all-orders", action="store_true", help="live: every order on our symbols, whoever placed it; each is named"
    )
    add_json(parser)


def run_kill(options: argparse.Namespace) -> int:
    """`trader kill`."""
    from streaming.settings import load_settings
    from streaming.watchdog.kill import kill_trader

    settings = load_settings()
    report = kill_trader(
        settings.warehouse.run_dir,
        settings.streaming.redis,
        options.reason,
        _silent if options.json else _say,
        with_strangers=options.all_orders,
    )
    if options.json:
        print_json(report.to_json())
    else:
        print("KILLED, all confirmed" if report.is_confirmed else "KILLED, NOT ALL CONFIRMED: read the lines above")
    return 0 if report.is_confirmed else 1


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _silent(line: str) -> None:
    """The answer holds every line."""
