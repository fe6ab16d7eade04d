"""The trader's heartbeat: a few bytes in `data/run/trader.heartbeat` that its own loop rewrites four times a second.

A mapped file, not an answer of the control socket: writing it costs a store into memory, needs no disk, no thread and
no asker, and it tells more than an answer does, as it is still there to be read when the process is stopped or dead.
The touch comes from the loop that trades, so a loop that hangs stops it. Times are the machine's monotonic clock: what
a person sets the clock to, or a laptop's sleep, is no silence.

The watchdog has one of its own, which the trader reads. Standard library alone: the watchdog imports nothing else.
"""

import mmap
import os
import struct
import time
from dataclasses import dataclass
from pathlib import Path

TRADER, WATCHDOG = "trader.heartbeat", "watchdog.heartbeat"
"""Files, by whose heart beats there."""
BEAT_S = 0.25
MAGIC = b"lobbeat1"
RUNNING, ENDED = 1, 2
FORM = struct.Struct("<8sQQq")
"""Magic, process id, life, time of the last beat in ns of the monotonic clock."""
LIFE_AT, BEAT_AT = 16, 24
NUMBER = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Beat:
    """What a heartbeat tells."""

    pid: int
    has_ended: bool
    """The trader ended in order: it sends no order any more, whatever it still writes."""
    beat_ns: int
    """Of the monotonic clock."""


class Heartbeat:
    """The side that beats. Begin it under its own lock, `touch` it from the loop, `end` it when all ended in order."""

    def __init__(self, run_dir: Path, name: str = TRADER) -> None:
        """Begin a new file: who watches the one of an earlier process goes on with that one."""
        path = run_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, FORM.pack(MAGIC, os.getpid(), RUNNING, time.monotonic_ns()))
            self._bytes = mmap.mmap(descriptor, FORM.size)
        finally:
            os.close(descriptor)

    def touch(self) -> None:
        """Say that the loop turns."""
        NUMBER.pack_into(self._bytes, BEAT_AT, time.monotonic_ns())

    def end(self) -> None:
        """Say that trading ended in order."""
        self.touch()
        NUMBER.pack_into(self._bytes, LIFE_AT, ENDED)

    def close(self) -> None:
        """Let go of the file; it stays, for whoever asks how the trader ended."""
        self._bytes.close()


class HeartbeatReader:
    """The side that looks: one file, opened once."""

    def __init__(self, run_dir: Path, name: str = TRADER) -> None:
        """Open the newest heartbeat; FileNotFoundError when no such process ever ran here."""
        self._descriptor = os.open(run_dir / name, os.O_RDONLY)

    def read(self) -> Beat:
        """Return the last beat; ValueError when the file is none."""
        data = os.pread(self._descriptor, FORM.size, 0)
        if len(data) != FORM.size or not data.startswith(MAGIC):
            raise ValueError(f"expected a heartbeat of {FORM.size} bytes, found {data[:8]!r}")
        _, pid, life, beat_ns = FORM.unpack(data)
        return Beat(pid, life == ENDED, beat_ns)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def last_beat(run_dir: Path, name: str = TRADER) -> Beat | None:
    """Return the last beat of the newest heartbeat; None where there is none, or no whole one yet."""
    try:
        heart = HeartbeatReader(run_dir, name)
    except FileNotFoundError:
        return None
    try:
        return heart.read()
    except ValueError:
        return None
    finally:
        heart.close()
