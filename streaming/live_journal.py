"""The journal of a live session: a segment file that grows while the session trades.

Records wait in memory until `flush` hands them to the operating system as one whole zstd frame. The death of the
process costs at most what was not flushed, so flush before an order leaves. What waits is bounded: at `BLOCK_BYTES` it
is flushed by itself. `fsync` is against power cuts and may run in a thread of its own.

A journal has no holes: when one write fails, nothing is taken any more, however the disk fares later. Who goes on after
that would have inputs behind one that nobody heard.
"""

import errno
from pathlib import Path
from typing import Self

from streaming.live_segments import LiveSegment
from streaming.segments import BLOCK_BYTES, SegmentHeader


class LiveJournal:
    """One growing journal. Its methods may raise OSError when the disk is full, and then always; the file is whole."""

    def __init__(self, path: Path, header: SegmentHeader) -> None:
        """Begin a journal that will stand at `path`; FileExistsError when one is growing or sealed there."""
        assert header.engine is not None, "a journal's header holds the engine's document"
        if path.exists():  # sealing this one would replace it
            raise FileExistsError(errno.EEXIST, "a sealed session has this name", str(path))
        self._begin(LiveSegment(path, header))

    def _begin(self, file: LiveSegment) -> None:
        self._file = file
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._end: OSError | None = None
        """Why nothing is taken any more."""

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Go on appending to the growing journal of `path`, which must end with a whole zstd frame."""
        journal = cls.__new__(cls)
        journal._begin(LiveSegment.reopen(path))
        return journal

    @property
    def path(self) -> Path:
        """Where the journal stands once sealed."""
        return self._file.path

    @property
    def size_bytes(self) -> int:
        """Bytes handed to the operating system."""
        return self._file.size

    def append(self, records: bytes) -> None:
        """Take whole encoded records, in order."""
        self._check_open()
        self._waiting.append(records)
        self._waiting_bytes += len(records)
        if self._waiting_bytes >= BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Hand what waits to the operating system."""
        if not self._waiting:
            return
        self._check_open()
        try:
            self._file.append(b"".join(self._waiting))
        except OSError as error:
            self._end = error
            raise
        self._waiting.clear()
        self._waiting_bytes = 0

    def fsync(self) -> None:
        """Force what was flushed to the disk."""
        self._file.sync()

    def seal(self) -> Path:
        """Force everything to the disk, give the file its name and return it."""
        self.flush()
        path = self._file.seal()
        self._end = OSError(errno.EBADF, "the session is sealed", str(path))
        return path

    def abandon(self) -> None:
        """Let go of the growing file, for a later recovery; what waits is dropped."""
        self._waiting.clear()
        self._end = self._end or OSError(errno.EBADF, "the session was let go of", str(self.path))
        self._file.abandon()

    def _check_open(self) -> None:
        if self._end is not None:
            raise OSError(self._end.errno, self._end.strerror, self._end.filename)
