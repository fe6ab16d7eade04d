"""`trader doctor`: what is in order and what is not, each problem with its fix."""

import argparse
import textwrap
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
    add_json(add_command(subparsers, "doctor", "look for what would fail later, each problem with its fix", run_doctor))


def run_doctor(options: argparse.Namespace) -> int:
    """`trader doctor`; exit code 1 when something will not work."""
    from streaming.doctor.examine import examine

    findings = []
    for finding in examine():
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
