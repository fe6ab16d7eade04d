"""Starting the watchdog: a bare interpreter in its own session, which neither Ctrl-C nor the trader's death ends."""

import subprocess
import sys
from pathlib import Path

from streaming.watchdog.config import WatchdogSettings
from streaming.watchdog.process import VENUES

ROOT = Path(__file__).resolve().parents[2]
"""Where the package `streaming` lies; the interpreter is started without site packages, which take time and memory."""
PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from streaming.watchdog.process import main; "


def command(run_dir: Path, settings: WatchdogSettings, pid: int | None = None, *, is_live: bool = False) -> list[str]:
    """Return the command line of a watchdog over the trader in `run_dir` (of process `pid`, when it is known).

    One over a live trader has site packages: it speaks to venues. Keys are never among the words.
    """
    words = [str(run_dir.absolute()), str(settings.limit_ms), str(settings.patience_ms)]
    program = f"{PROGRAM}sys.exit(main(sys.argv[1:]))"
    bare = [] if is_live else ["-S"]
    rest = [*([] if pid is None else [str(pid)]), *([VENUES] if is_live else [])]
    return [sys.executable, "-I", *bare, "-c", program, str(ROOT), *words, *rest]


def spawn(run_dir: Path, settings: WatchdogSettings, pid: int, *, is_live: bool = False) -> "subprocess.Popen[bytes]":
    """Start the watchdog of process `pid`; it says on our stderr what it does, and ends when that process has."""
    return subprocess.Popen(
        command(run_dir, settings, pid, is_live=is_live),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
