"""What windows stand on, as processes that a test stops, hangs and starts again: a Redis of ours, a dashboard."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from paper_house import House, make_house
from waiting import STEP_S

from streaming.redis_server import answers, packaged_binary

ROOT = Path(__file__).parents[2]
START_S = 60.0


class Service:
    """One process, and how it is known to be ready."""

    def __init__(
        self, command: Sequence[str], folder: Path, is_ready: Callable[[str], bool], environment: dict[str, str]
    ) -> None:
        """`is_ready` is asked with what it has printed so far."""
        self._command = command
        self._folder = folder
        self._is_ready = is_ready
        self._environment = environment
        self._out = folder / "service.out"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The running process."""
        assert self._process is not None, "started"
        return self._process

    @property
    def said(self) -> str:
        """What it printed since it was started."""
        return self._out.read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.launch()
        end_s = time.monotonic() + START_S
        while not self._is_ready(self.said):
            assert self.process.poll() is None and time.monotonic() < end_s, f"{self._command}: {self.said}"
            time.sleep(STEP_S)

    def launch(self) -> None:
        """Start it and wait for nothing."""
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [*self._command],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it and all below it, at once."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def hang(self) -> None:
        """Let it, and all below it, do nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a hang."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """End it and start it again."""
        self.stop()
        self.start()

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and all below it, which may be of other sessions."""
        for pid in _tree(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _tree(pid: int) -> list[int]:
    """Return a process and all below it. Cheap: it is asked beside what is measured."""
    found = [pid]
    for number in found:
        for place in Path(f"/proc/{number}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, place.read_bytes().split())
    return found


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Start it; it is gone when the block is left."""
    service.start()
    try:
        yield service
    finally:
        service.stop()


def own_redis(folder: Path) -> tuple[Service, str]:
    """Return a Redis that is ours to stop, unlike the embedded one, which is started again; and its address."""
    folder.mkdir(parents=True)
    socket = folder / "own.sock"
    words = {"--port": "0", "--unixsocket": socket.name, "--unixsocketperm": "600", "--save": "", "--appendonly": "no"}
    command = [str(packaged_binary().absolute()), *(word for pair in words.items() for word in pair)]
    return Service(command, folder, lambda _: answers(socket), {**os.environ}), f"unix://{socket}"


def dashboard(folder: Path, settings_file: Path) -> Service:
    """Return the dashboard of these settings."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "streaming", "dashboard", "--port", "0", "--no-open"]
    environment = {**os.environ, "LOB_SETTINGS": str(settings_file), "PYTHONPATH": str(ROOT)}
    return Service(command, folder, lambda said: "token" in said, environment)


def house_in(folder: Path, redis: str, influx: str = "") -> House:
    """A house with this Redis and InfluxDB, which tells its status five times a second."""
    text = (ROOT / "settings.toml").read_text(encoding="utf-8")
    for old, new in (
        ('(\\[streaming.metrics\\].*\nurl = )""', f'\\g<1>"{influx}"\ntimeout_ms = 500\nretry_max_ms = 200\n#'),
        ("telemetry_ms = 1000", "telemetry_ms = 200"),
    ):
        text, count = re.subn(old, new, text)
        assert count == 1, f"settings.toml no longer holds {old} once"
    (folder / "settings.toml").write_text(text, encoding="utf-8")
    return make_house(folder / "settings.toml", redis)
