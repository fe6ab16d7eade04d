"""`trader watchdog`: the process that halts a trader which hangs or dies; `trader start` starts it by itself."""

import argparse
import os

from streaming.cli.grammar import add_command


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    add_command(
        commands, "watchdog", "halt the running trader when its heartbeat stops; start does it by itself", run_watchdog
    )


def run_watchdog(options: argparse.Namespace) -> int:
    """`trader watchdog`: becomes the watchdog, which is small, and ends with the trader."""
    from streaming.settings import load_settings
    from streaming.watchdog.process import VENUES_FILE
    from streaming.watchdog.spawn import command

    settings = load_settings()
    run_dir = settings.warehouse.run_dir
    words = command(run_dir, settings.streaming.watchdog, is_live=(run_dir / VENUES_FILE).exists())
    os.execv(words[0], words)
