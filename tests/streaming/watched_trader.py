"""A trader and its watchdog as processes, and what runs of them: for tests that stop and kill."""

import os
import signal
from contextlib import contextmanager, suppress
from pathlib import Path

from paper_house import WAIT_S
from talking_process import TalkingProcess
from waiting import until


class Watched(TalkingProcess):
    """A running trader; what it and its watchdog say is collected by a thread."""

    def __init__(self, house):
        self.house = house
        super().__init__("watched_process.py", house)

    def said(self, words):
        """Tell whether a line holds these words."""
        return any(words in line for line in list(self.lines))

    def until_said(self, words):
        """Wait until a line holds these words."""
        until(lambda: self.said(words) or self.process.poll() is not None, f"{words!r} in {self.lines}")
        assert self.said(words), self.lines

    def until_trades(self):
        """Wait until orders were filled."""
        self.house.until(lambda status: status["counts"]["fills"] > 0)

    def send(self, number):
        self.process.send_signal(number)

    def code(self):
        """Wait for the trader's end, and its watchdog's, which holds the same output; return the exit code."""
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        assert not self._reader.is_alive(), self.lines
        return code

    def end(self):
        """Leave nothing behind."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(WAIT_S)
        for pid in watchdogs_of(self.house.run_dir):
            os.kill(pid, signal.SIGKILL)
        self._reader.join(WAIT_S)
        self.process.stdout.close()


@contextmanager
def watched(house):
    """Run one; nothing of it is left at the end."""
    trader = Watched(house)
    try:
        yield trader
    finally:
        trader.end()


def watchdogs_of(run_dir):
    """Return the process ids of watchdogs over a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if b"streaming.watchdog.process" in command and str(run_dir).encode() in command:
                found.append(int(folder.name))
    return found
