"""The folder of points that wait for InfluxDB, oldest first; bounded, and found again by the next process.

Nothing is forced to the disk: a killed process loses nothing that was appended, a power cut may cost the last seconds.
The folder belongs to one process at a time, by that process's own lock.
"""

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streaming.metrics.spill_format import PART_SUFFIX, SpillName, member, parse_name, whole_members

FILE_POINTS: Final = 5_000
"""Points after which a file is whole: what is then sent in one request."""


@dataclass(frozen=True, slots=True)
class SpillFile:
    """A whole file."""

    path: Path
    number: int
    points: int
    size: int


@dataclass(slots=True)
class _Part:
    """The file that grows."""

    number: int
    path: Path
    descriptor: int
    points: int = 0
    size: int = 0


class Spill:
    """Use it from one thread. OSError only from `append` and `oldest`: what cannot be written is the caller's loss."""

    def __init__(self, folder: Path, bytes_max: int, file_points: int = FILE_POINTS) -> None:
        """Find what an earlier process left; the torn end of its last file is cut off."""
        self._folder = folder
        self._bytes_max = bytes_max
        self._file_points = file_points
        self._files: deque[SpillFile] = deque()
        self._part: _Part | None = None
        self._next = 1
        with suppress(OSError):  # a folder that cannot be read holds nothing for us
            self._recover()

    @property
    def points(self) -> int:
        """How many points wait."""
        return sum(file.points for file in self._files) + (0 if self._part is None else self._part.points)

    @property
    def size(self) -> int:
        """How many bytes they take."""
        return sum(file.size for file in self._files) + (0 if self._part is None else self._part.size)

    def append(self, lines: bytes, points: int) -> int:
        """Add lines; return how many older points had to go for them. OSError when the disk does not take them."""
        data = member(lines)
        part = self._part = self._part or self._begin()
        try:
            _write_all(part.descriptor, data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(part.descriptor, part.size)
            raise
        part.size += len(data)
        part.points += points
        if part.points >= self._file_points:
            self._seal(part)
        return self._make_room()

    def oldest(self) -> SpillFile | None:
        """Return the file to send next, None when none waits; the growing one is closed when it is the oldest."""
        if not self._files and self._part is not None:
            self._seal(self._part)
        return self._files[0] if self._files else None

    def remove(self, file: SpillFile) -> None:
        """Forget a file that was sent, or never will be."""
        self._files.remove(file)
        with suppress(OSError):  # it is sent again by the next process: that writes the same points
            file.path.unlink()

    def close(self) -> None:
        """Close the growing file; what waits stays."""
        if self._part is not None:
            with suppress(OSError):
                self._seal(self._part)

    def _begin(self) -> _Part:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / SpillName(self._next).text
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._next += 1
        return _Part(self._next - 1, path, descriptor)

    def _seal(self, part: _Part) -> None:
        self._part = None
        os.close(part.descriptor)
        if not part.points:
            part.path.unlink()
            return
        path = part.path.with_name(SpillName(part.number, part.points).text)
        part.path.rename(path)
        self._files.append(SpillFile(path, part.number, part.points, part.size))

    def _make_room(self) -> int:
        dropped = 0
        while self.size > self._bytes_max and (file := self.oldest()) is not None:
            dropped += file.points
            self.remove(file)
        return dropped

    def _recover(self) -> None:
        for path in sorted(self._folder.glob(f"*{PART_SUFFIX}")):
            _mend(path)
        found = [(name, path) for path in self._folder.iterdir() if (name := parse_name(path.name)) is not None]
        for name, path in sorted(found, key=lambda item: item[0].number):
            self._next = name.number + 1
            if name.points is not None:
                self._files.append(SpillFile(path, name.number, name.points, path.stat().st_size))


def _mend(path: Path) -> None:
    """Cut off a member that was never finished, and give the file its name."""
    name = parse_name(path.name)
    if name is None:
        return
    data = path.read_bytes()
    size, points = whole_members(data)
    if not points:
        path.unlink()
        return
    os.truncate(path, size)
    path.rename(path.with_name(SpillName(name.number, points).text))


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
