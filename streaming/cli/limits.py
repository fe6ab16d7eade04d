"""`trader limits`: the risk rules with their limits, and what a running trader uses of them."""

import argparse
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_command, add_json, print_json

if TYPE_CHECKING:
    from native.config import JsonObject
    from streaming.settings import Settings

COLUMNS = ("when", "rule", "limit", "unit", "state", "used", "count", "action")


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    add_json(
        add_command(commands, "limits", "every risk rule: limit, on or off, used, how often it objected", run_limits)
    )


def run_limits(options: argparse.Namespace) -> int:
    """`trader limits`; without a running trader limits alone."""
    from native.risk_settings import missing_limits
    from streaming.limits import limit_rows
    from streaming.settings import load_settings
    from streaming.tables import print_table

    settings = load_settings()
    status = _running(settings)
    rows = _told(status) or limit_rows(settings.native, status)
    missing = missing_limits(settings.native)
    run = None if status is None else status.get("run")
    if options.json:
        print_json({"run": run, "rules": [*rows], "missing_for_live": [*missing]})
        return 0
    print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    if run is None:
        print("no trader runs: used and count are not known")
    else:
        print(f"run {run} goes by the limits that it read at its start; counts are of the whole session")
    if missing:
        print(f"off or without a limit, which live trading would refuse: {', '.join(missing)}")
    print("next: docs/risk.md says what each rule asks   |   trader status")
    return 0


def _told(status: "JsonObject | None") -> "list[JsonObject]":
    """Return the rows that a running trader tells itself: its settings may not be today's."""
    found = [] if status is None else status.get("limits", [])
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _running(settings: "Settings") -> "JsonObject | None":
    """Return the status of the trader that runs here; None where none does."""
    from streaming.errors import NotRunningError
    from streaming.shell.control import ask
    from streaming.shell.trader_names import SOCKET_NAME

    try:
        return ask(settings.warehouse.run_dir / SOCKET_NAME, {"op": "status"})
    except NotRunningError:
        return None
