"""`trader doctor`: what is in order and what is not, each problem with its fix."""

import argparse
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from streaming.cli.grammar import add_command, add_json, print_json

if TYPE_CHECKING:
    from streaming.doctor.findings import Finding

NAME_WIDTH = 12
STATE_WIDTH = 6
WIDTH = 118
INDENT = " " * (2 + NAME_WIDTH + STATE_WIDTH)


def add_commands(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = add_command(subparsers, "doctor", "look for what would fail later, each problem with its fix", run_doctor)
    parser.add_argument("--live", action="store_true", help="ask the venues, too: may trader start --mode live begin?")
    parser.add_argument("--emulator", type=Path, metavar="FILE", help="with --live: the venues of a running emulator")
    add_json(parser)


def run_doctor(options: argparse.Namespace) -> int:
    """`trader doctor`; exit code 1 when something will not work."""
    from streaming.doctor.examine import examine

    findings = []
    for finding in chain(examine(), _live_findings(options) if options.live else ()):
        findings.append(finding)
        if not options.json:
            print(finding_text(finding), flush=True)
    failures = sum(finding.state == "FAIL" for finding in findings)
    warnings = sum(finding.state == "warn" for finding in findings)
    if options.json:
        print_json({"ok": failures == 0, "checks": [finding.to_json() for finding in findings]})
    else:
        print(closing_text(failures, warnings))
    return 1 if failures else 0


def _live_findings(options: argparse.Namespace) -> "Iterator[Finding]":
    """Ask only when the findings before were shown: the venues may take their time."""
    from streaming.doctor.live import examine_live
    from streaming.settings import load_settings
    from streaming.shell.attach import attach, attach_live
    from streaming.shell.clock import Clock
    from streaming.shell.live_access import AccessRequest
    from streaming.trader.modes import Mode

    settings = load_settings()
    live, record, clock = settings.streaming.live, settings.streaming.record, Clock.wall()
    if options.emulator is not None:
        live = attach_live(live, options.emulator)
        record, clock = attach(record, options.emulator)
    grid = settings.grid_named(settings.streaming.grid)
    yield from examine_live(
        AccessRequest(
            mode=Mode.live, settings=settings, grid=grid, live=live, record=record, clock=clock, is_watched=True
        )
    )


def finding_text(finding: "Finding") -> str:
    """Return a finding's lines: name, state and what was found, and the fix below."""
    head = f"  {finding.name:<{NAME_WIDTH}}{finding.state:<{STATE_WIDTH}}"
    lines = textwrap.wrap(finding.found, WIDTH, initial_indent=head, subsequent_indent=INDENT, break_long_words=False)
    if finding.fix:
        lines += [f"{INDENT}fix: {finding.fix}"]
    return "\n".join(lines)


def closing_text(failures: int, warnings: int) -> str:
    """Return the last line."""
    if not failures and not warnings:
        return "all is well; next: trader demo"
    warned = f"{warnings} warning{'' if warnings == 1 else 's'}"
    if not failures:
        return f"nothing fails, {warned}; next: trader demo"
    return f"{failures} FAIL, {warned}: apply the fixes above, then trader doctor again"
