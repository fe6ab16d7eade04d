"""What `trader start --mode shadow | live` shows and asks before it begins."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from native.config import GridConfig
    from streaming.record_config import RecordConfig
    from streaming.settings import Settings
    from streaming.shell.clock import Clock
    from streaming.shell.live_access import LiveAccess
    from streaming.trader.modes import Mode


def access_of(
    options: argparse.Namespace,
    settings: "Settings",
    grid: "GridConfig",
    record: "RecordConfig",
    clock: "Clock",
    mode: "Mode",
) -> "LiveAccess":
    """Return access to the accounts; RefusedError when a check, the doctor or the person says no."""
    from streaming.shell.attach import attach_live
    from streaming.shell.live_access import AccessRequest, open_access

    live = settings.streaming.live
    if options.emulator is not None:
        live = attach_live(live, options.emulator)
    _say(f"{mode.upper()}  account {live.account or 'without a name'}")
    request = AccessRequest(
        mode=mode,
        settings=settings,
        grid=grid,
        live=live,
        record=record,
        clock=clock,
        is_watched=not options.no_watchdog,
    )
    return open_access(request, _say, lambda account: _confirmed(options, account))


def _ask_doctor() -> None:
    """Refuse to begin where the doctor finds something that will not work."""
    from streaming.cli.doctor import finding_text
    from streaming.doctor.examine import examine
    from streaming.errors import RefusedError

    failures = [finding for finding in examine() if finding.state == "FAIL"]
    for finding in failures:
        print(finding_text(finding), file=sys.stderr, flush=True)
    if failures:
        names = ", ".join(finding.name for finding in failures)
        raise RefusedError(f"the doctor finds what will not work ({names}); apply the fixes above, then trader doctor")


def _confirmed(options: argparse.Namespace, account: str) -> str:
    """Return what a person typed as the account's name, by `--yes-live` or now; the doctor has its say before."""
    from streaming.errors import RefusedError

    _ask_doctor()
    if options.yes_live is not None:
        return str(options.yes_live)
    if not sys.stdin.isatty():
        raise RefusedError(f"live orders need a person's word: start on a terminal, or say --yes-live {account}")
    _say("LIVE: orders go to the accounts above, with what they hold.")
    print("Type the account's name to begin, anything else to end here: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)
