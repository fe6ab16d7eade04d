"""Pieces of grammar shared by the command groups. Imports nothing heavy."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

Run = Callable[[argparse.Namespace], int]
Commands = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, run: Run
) -> argparse.ArgumentParser:
    """Add one command whose handler is `run` and return its parser."""
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`: the answer as one JSON document on stdout instead of text."""
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")


def print_json(document: "JsonValue") -> None:
    """Print one JSON document; whole numbers stay exact, however wide."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def time_ns(text: str) -> int:
    """Return ns since 1970 of ISO text (UTC unless it says otherwise) or of a number of ns; for `type=`."""
    if text.isdigit():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a time such as 2024-08-09T00:00:00, found {text!r}") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    whole = int(at.replace(microsecond=0).timestamp())
    return whole * 1_000_000_000 + at.microsecond * 1_000


def rows_count(text: str) -> int:
    """Return a number of rows above zero; for `type=`."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, found {text!r}")
    return int(text)


def time_text(ts_ns: int) -> str:
    """Return UTC ISO text of a time in ns, to the ms."""
    at = datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{ts_ns // 1_000_000 % 1_000:03d}Z"


class ProgressLine:
    """Progress on stderr: one line rewritten on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._is_open = False

    def __call__(self, message: str) -> None:
        """Show `message`."""
        if self._is_terminal:
            sys.stderr.write(f"\r\x1b[K{message}")
            self._is_open = True
        else:
            sys.stderr.write(f"{message}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line, so that what follows begins at its start."""
        if self._is_open:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._is_open = False
