"""Writes shadow forecasts to the file beside the journal (see `trader.shadow`). A full disk ends nothing."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import native
from streaming.trader.shadow import encode_shadow, whole_bytes

WAITING_MAX = 4_096
"""Records that wait for `flush`; the oldest beyond them are dropped and counted."""


class ShadowFile:
    """Appends to one file, made with its first record. Call `flush` about once a second, and `close`."""

    def __init__(self, path: Path) -> None:
        """Go on with the file where it stands: a torn last record is cut off."""
        self._path = path
        self._waiting: list[bytes] = []
        self._seq = 0
        self._descriptor: int | None = None
        self._is_new = True
        self.written = 0
        self.dropped = 0
        self.last_problem = ""

    def add(self, ts_ns: int, ts_step_ns: int, model_id: int, values: NDArray[np.float32]) -> None:
        """Take a forecast [H, V * 20]."""
        try:
            if self._is_new:
                self._find_end()
        except (OSError, ValueError) as error:
            self._fail(error)
            return
        self._seq += 1
        self._waiting.append(encode_shadow(self._seq, ts_ns, ts_step_ns, model_id, values))
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[0]
            self.dropped += 1

    def flush(self) -> None:
        """Hand what waits to the operating system; what cannot be written is dropped and counted."""
        if not self._waiting:
            return
        data, count = b"".join(self._waiting), len(self._waiting)
        self._waiting.clear()
        begin = 0
        try:
            descriptor = self._open()
            begin = os.fstat(descriptor).st_size
            written = 0
            while written < len(data):
                written += os.write(descriptor, data[written:])
            self.written += count
        except OSError as error:
            self._take_back(begin)
            self._fail(error, count)

    def close(self) -> None:
        """Write what waits and let go of the file."""
        self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self._descriptor

    def _find_end(self) -> None:
        """Cut off what the process before left torn, and count on from its last record."""
        self._is_new = False
        if not self._path.exists():
            return
        data = self._path.read_bytes()
        whole = whole_bytes(data)
        records = native.scan_records(data[:whole])
        self._seq = int(records["seq"][-1]) if len(records) else 0
        if whole < len(data):
            os.truncate(self._path, whole)

    def _take_back(self, begin: int) -> None:
        """Cut off a record that was written half."""
        try:
            if self._descriptor is not None:
                os.ftruncate(self._descriptor, begin)
        except OSError as error:
            self.last_problem = str(error)

    def _fail(self, error: Exception, count: int = 1) -> None:
        self.dropped += count
        self.last_problem = f"{self._path}: {error}"
