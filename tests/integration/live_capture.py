"""Three venues captured while faults fire: the emulator and `trader record`, each a process, driven to their ends."""

import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from emulator_process import Play
from numpy.typing import NDArray
from whole_job import ROOT, SETTINGS

from native.config import GridConfig
from streaming.convert import convert_grid_hour, convert_hour, grid_hours
from warehouse.lake import Lake

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
GRID = GridConfig(
    name="main", instruments=tuple(f"{venue}:BTCUSDT" for venue in VENUES), reference="binance_usdm:BTCUSDT"
)
IMPATIENT = """
[streaming.record]
flush_ms = 100

[streaming.record.watch]             # the clock runs fast: what is a moment to a venue must be one to the recorder
connect_ms = 5000
first_message_ms = 5000
stale_ms = 10000
backoff_min_ms = 20
backoff_max_ms = 300

[streaming.record.rest]
retry_min_ms = 20
retry_max_ms = 300
check_ms = 300
"""
START_S = 60.0
FRAMES_S_MIN = 500
"""The slowest machine on which the session is waited for."""
RECOVERED_S = 60.0
"""Real seconds until every book is whole once no more faults fire."""


@dataclass(frozen=True)
class Capture:
    """What is left of a session: the lake, what the emulator says of it, what the recorder said at its end."""

    lake: Lake
    play: Play
    sent: dict[int, NDArray[np.uint64]]
    """Digests of the market messages handed to each connection, in order."""
    played: dict[str, Any]
    summary: dict[str, Any]
    wall_s: float

    @property
    def connections(self) -> list[dict[str, Any]]:
        """In the order in which they were opened."""
        return sorted(self.played["connections"], key=lambda row: row["id"])


class Child:
    """A process whose lines are read as they come; it ends when its stdin closes."""

    def __init__(self, script: str, *arguments: str, stream: str, settings: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOB_")}
        environment |= {"LOB_SETTINGS": str(settings), "LOB_STREAMING__REDIS__URL": "off"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / script), *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.said: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._threads = [
            threading.Thread(target=self._listen, args=(name, name == stream), daemon=True) for name in self.said
        ]
        for thread in self._threads:
            thread.start()

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def line(self, within_s: float) -> str:
        """Return the next line; AssertionError with what the process said when none comes."""
        try:
            return self.lines.get(timeout=within_s)
        except queue.Empty:
            raise AssertionError(f"nothing for {within_s:.0f} s; the process said: {self._last()}") from None

    def hear(self, is_wanted: Callable[[str], bool], within_s: float) -> None:
        """Wait until it has said so several times running, in lines that come from now on."""
        while not self.lines.empty():
            self.lines.get()
        deadline_s, heard = time.monotonic() + within_s, 0
        while heard < LINES_IN_A_ROW:
            line = self.line(max(0.1, deadline_s - time.monotonic()))
            heard = heard + 1 if is_wanted(line) else 0
            assert time.monotonic() < deadline_s, f"still not after {within_s:.0f} s: {line}"

    def end(self) -> str:
        """Close stdin, wait for the end, and return all that stdout said."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        code = self._process.wait(60)
        for thread in self._threads:
            thread.join()
        assert code == 0, f"exit code {code}: {self._last()}"
        return "".join(self.said["stdout"])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _listen(self, name: str, is_followed: bool) -> None:
        for line in getattr(self._process, name):
            self.said[name].append(line)
            if is_followed:
                self.lines.put(line)

    def _last(self) -> str:
        return "".join(self.said["stdout"][-3:] + self.said["stderr"][-10:])


@contextmanager
def child(script: str, *arguments: str, stream: str, settings: Path) -> Iterator[Child]:
    """A process that is gone when the block is left."""
    running = Child(script, *arguments, stream=stream, settings=settings)
    try:
        yield running
    finally:
        running.kill()


def settings_in(folder: Path) -> Path:
    """Return a settings file with a data folder beside it, for a fast clock."""
    settings = folder / "settings.toml"
    settings.write_text(SETTINGS + IMPATIENT, encoding="utf-8")
    return settings


@contextmanager
def emulator_of(folder: Path, play: Play, settings: Path) -> Iterator[Child]:
    """The emulator, serving; attach to it by FOLDER/emulator.json."""
    plan, addresses = orjson.dumps(asdict(play)).decode(), folder / "emulator.json"
    with child("emulator_process.py", str(folder), plan, stream="stdout", settings=settings) as emulator:
        _until(addresses.is_file, START_S)
        yield emulator


def capture(folder: Path, play: Play) -> Capture:
    """Record a whole session; what comes back is closed, sealed and not yet converted."""
    began, settings = time.monotonic(), settings_in(folder)
    with emulator_of(folder, play, settings) as emulator:
        options = ("--emulator", str(folder / "emulator.json"), "--json")
        with child("record_process.py", *options, stream="stderr", settings=settings) as recorder:
            assert emulator.line(START_S + play.frames / FRAMES_S_MIN) == "calm\n"
            recorder.hear(lambda line: "NO BOOK" not in line and "lag" in line, RECOVERED_S)
            emulator.tell("end")
            assert emulator.line(RECOVERED_S) == "over\n"
            recorder.hear(lambda line: _RATES.findall(line) == ["0", "0", "0"], RECOVERED_S)
            summary = orjson.loads(recorder.end())
        emulator.end()
    with np.load(folder / "sent.npz") as stored:
        sent = {int(name): stored[name] for name in stored.files}
    played = orjson.loads((folder / "played.json").read_bytes())
    return Capture(Lake(folder / "data" / "lake"), play, sent, played, summary, time.monotonic() - began)


def convert(lake: Lake, venues: tuple[str, ...] = VENUES) -> None:
    """Make tables of everything that was recorded."""
    for venue in venues:
        for hour in lake.hours(venue):
            convert_hour(lake, venue, hour)
    for hour in grid_hours(lake, GRID):
        convert_grid_hour(lake, GRID, hour)


_RATES = re.compile(r"\w+ (\d+)/s lag")
LINES_IN_A_ROW = 3


def _until(is_true: Callable[[], bool], within_s: float) -> None:
    deadline_s = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < deadline_s, f"not true within {within_s:.0f} s"
        time.sleep(0.02)
