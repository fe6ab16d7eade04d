"""`trader record` as a process of its own: shows its progress often, and ends when stdin closes."""

import os
import signal
import sys
import threading

from streaming.cli import record
from streaming.cli.main import main

PROGRESS_S = 0.1


def end_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    record.PROGRESS_S = PROGRESS_S
    threading.Thread(target=end_with_stdin, daemon=True).start()
    sys.exit(main(["record", *sys.argv[1:]]))
