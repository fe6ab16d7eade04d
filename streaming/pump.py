"""Feeding an engine with blocks of records, slice by slice, and draining it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import orjson

import native
from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.segments import RECORD_HEAD_BYTES

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) of the records of the hour."""

SLICE_BYTES = 8 << 20
"""Records fed between two drains: bounds the memory that outputs take."""
Outputs = Mapping[str, Any]


class Meter:
    """Adds up the bytes done and tells `progress`."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total = total
        self._done = 0
        self._progress = progress

    def add(self, count: int) -> None:
        """Count bytes as done."""
        self._done += count
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)


def build_engine(document: JsonObject, place: str) -> native.Engine:
    """Return an engine of `document`; BadDataError names `place` and the key that is wrong."""
    try:
        return native.Engine(orjson.dumps(document).decode())
    except ValueError as error:
        raise BadDataError(f"{place}: {error}") from error


def pump(engine: native.Engine, block: bytes, meter: Meter) -> Iterator[Outputs]:
    """Feed the records of `block` in slices and yield what each drain gives, once at least."""
    starts = native.scan_records(block)["offset"].astype(np.int64) - RECORD_HEAD_BYTES
    view = memoryview(block)
    begin = 0
    while begin < len(view):
        later = starts[np.searchsorted(starts, begin + SLICE_BYTES) :]
        end = int(later[0]) if len(later) else len(view)
        engine.process(view[begin:end])
        yield engine.drain()
        meter.add(end - begin)
        begin = end
    yield engine.drain()
