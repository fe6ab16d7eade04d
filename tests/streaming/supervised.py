"""A supervisor as a process of its own, for tests that end it: arguments are the log folder and what it does then."""

import os
import sys
import time
from pathlib import Path

from streaming.supervisor import Supervisor

GRANDCHILD = "import time; time.sleep(600)"
OWN_SESSION = (
    f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {GRANDCHILD!r}], start_new_session=True)"
)
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)"
CHILD = f"{STUBBORN}; {OWN_SESSION}; print('ready', flush=True); import time; time.sleep(600)"
"""Deaf to SIGTERM, with a child in a session of its own, as a tool that daemonises itself."""


def main(folder: str, ending: str) -> None:
    with Supervisor(Path(folder), patience_s=0.2) as supervisor:
        for name in ("one", "two"):
            child = supervisor.start(name, [sys.executable, "-c", CHILD], os.environ)
            supervisor.await_ready(child, lambda out=child.out: b"ready" in out.read_bytes(), 30, "the word ready")
        print("up", flush=True)
        if ending == "raise":
            raise RuntimeError("something failed")
        time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
