"""`trader dashboard`: the web dashboard, in a process of its own, on this machine's loopback.

The token that opens it is made at the first start, in `data/run/dashboard.token`, for its owner's eyes alone.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_command

if TYPE_CHECKING:
    from streaming.dashboard_process import ServedDashboard

START_S = 60.0


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = add_command(commands, "dashboard", "the web dashboard, until Ctrl-C", run_dashboard)
    parser.add_argument("--port", type=int, metavar="N", help="listen there; 0 takes a free one")
    parser.add_argument(
        "--replay", type=Path, metavar="JOURNAL", help="show this journal, or run, instead of a running trader"
    )
    opens = parser.add_mutually_exclusive_group()
    opens.add_argument("--open", action="store_true", help="open the browser (default: when started on a terminal)")
    opens.add_argument("--no-open", action="store_true", help="open no browser")


def run_dashboard(options: argparse.Namespace) -> int:
    """`trader dashboard`."""
    from streaming.dashboard_process import DashboardRequest, running_dashboard
    from streaming.settings import load_settings

    request = DashboardRequest(load_settings(), port=options.port, replay=options.replay)
    with running_dashboard(request) as served:
        try:
            return _show(served, is_opened=options.open or (not options.no_open and sys.stdout.isatty()))
        except KeyboardInterrupt:
            return 0


def _show(served: "ServedDashboard", *, is_opened: bool) -> int:
    """Say where it is, and wait for its end."""
    print(f"dashboard  {served.address}")
    print(f"token      {served.token_path}")
    sys.stdout.flush()
    if is_opened:
        _open(served.ticket_address)
    return served.process.wait()


def _open(address: str) -> None:
    """Open the browser where there is one; the address opens the dashboard once."""
    import webbrowser

    webbrowser.open(address)
