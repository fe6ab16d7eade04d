"""The `trader` command: a flat menu, one module a group, nothing heavy imported before a command runs.

Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety rule, 4 not running, 5 bad data.
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from streaming.cli import (
    alerts,
    backtest,
    dashboard,
    data,
    doctor,
    emulate,
    help_commands,
    kill,
    limits,
    models,
    optimize,
    record,
    trader_control,
    trading,
    watchdog,
    why,
)
from streaming.errors import BadDataError, TraderError
from warehouse.errors import WarehouseError

EPILOG = """exit codes: 0 done, 1 failed, 2 usage, 3 refused by a safety rule, 4 not running, 5 bad data
settings:   settings.toml beside the project, another file by LOB_SETTINGS, one key by LOB_SECTION__KEY"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors become one line on stderr."""
    parsed = build_parser().parse_args(arguments)
    if arguments is None:  # we are the process, not called by one
        signal.signal(signal.SIGTERM, _stop)
    try:
        code = parsed.run(parsed)
    except TraderError as error:
        return _complain(str(error), error.exit_code)
    except WarehouseError as error:
        return _complain(str(error), BadDataError.exit_code)
    except KeyboardInterrupt as stop:
        return _complain(f"stopped by {str(stop) or 'Ctrl-C'}; nothing half-written stays", 1)
    except BrokenPipeError:  # the reader of our output (head, less) went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        return _complain(_disk_text(error), 1)
    assert isinstance(code, int)
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the whole grammar."""
    parser = argparse.ArgumentParser(
        prog="trader",
        description="Capture order books, learn to forecast them, and trade on one deterministic core.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (
        data,
        emulate,
        record,
        models,
        backtest,
        optimize,
        trading,
        why,
        trader_control,
        limits,
        kill,
        watchdog,
        dashboard,
        alerts,
        help_commands,
        doctor,
    ):
        group.add_commands(commands)
    return parser


def _stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that files begun are removed."""
    raise KeyboardInterrupt(signal.Signals(number).name)


def _disk_text(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    advice = "free some space, or name another disk by warehouse.data_dir" if is_full else "check path and permissions"
    return f"{place}{error.strerror or error}; {advice}"


def _complain(message: str, code: int) -> int:
    print(f"trader: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
