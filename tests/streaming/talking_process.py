"""A process of the tests that is given a house's settings; what it says is collected by a thread."""

import os
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).parent


class TalkingProcess:
    """Runs one of the scripts beside this file; `lines` holds what it said so far, errors among it."""

    def __init__(self, script, house):
        paths = [str(HERE), str(HERE.parents[1])]
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(house.settings_file)],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(paths),
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(
            target=lambda: self.lines.extend(iter(self.process.stdout.readline, "")), daemon=True
        )
        self._reader.start()
