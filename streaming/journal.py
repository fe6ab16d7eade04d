"""The trader's journal: every input of the engine in order, and after each step the hash of what came out.

A journal is a segment file. Its header holds the engine's whole document and the bundle's hash, so it replays alone.
After each closed step stands a record of kind `output_hash`: 32 bytes of a SHA-256 chain

    chain(n) = sha256(chain(n-1) + sha256 of each kind's records so far, kinds by name, + sha256 of the texts so far)

Each kind has its own running digest, so the chain does not depend on how often the outputs were drained in between.
Offsets into the arena do depend on it and count as zero; the texts themselves are in the chain.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streaming.errors import SegmentError, TornError
from streaming.live_segments import PART_SUFFIX
from streaming.segments import (
    KIND_OUTPUT_HASH,
    READ_BYTES,
    RECORD_HEAD_BYTES,
    SegmentHeader,
    SegmentWriter,
    header_of,
    scan,
    stream_blocks,
)

ARENA = "arena"
DIGEST_BYTES = 32

Outputs = Mapping[str, Any]
"""What `native.Engine.drain` returns: a structured array a kind, and the arena's bytes."""


class OutputChain:
    """The running hash over everything that an engine put out."""

    def __init__(self) -> None:
        self._kinds: dict[str, Any] = {}
        self._texts = hashlib.sha256()
        self._chain = bytes(DIGEST_BYTES)

    def add(self, outputs: Outputs) -> None:
        """Take in one drain."""
        for kind, records in outputs.items():
            if kind == ARENA:
                self._texts.update(records)
            elif len(records):
                digest = self._kinds.setdefault(kind, hashlib.sha256())
                digest.update(_plain_bytes(records))

    def close_step(self) -> bytes:
        """Return the chain after the step that just closed."""
        digests = b"".join(kind.encode() + self._kinds[kind].digest() for kind in sorted(self._kinds))
        self._chain = hashlib.sha256(self._chain + digests + self._texts.digest()).digest()
        return self._chain


def _plain_bytes(records: NDArray[np.void]) -> NDArray[np.uint8]:
    """Return the records' bytes, offsets into the arena as zero; padding keeps the core's zeros."""
    plain = np.ascontiguousarray(records).view(np.uint8)
    if "text_offset" in (records.dtype.names or ()):
        plain = plain.copy()  # of bytes: a copy of records would leave the padding to chance
        plain.view(records.dtype)["text_offset"] = 0
    return plain


class JournalWriter:
    """Writes one journal; see `SegmentWriter` for `close` and `abort`."""

    def __init__(self, path: Path, header: SegmentHeader) -> None:
        assert header.engine is not None, "a journal's header holds the engine's document"
        self._segment = SegmentWriter(path, header)
        self._chain = OutputChain()

    @property
    def path(self) -> Path:
        """Where the journal stands once closed."""
        return self._segment.path

    def write(self, encoded: bytes) -> None:
        """Journal inputs, encoded and in order, before or after the engine took them."""
        self._segment.extend(encoded)

    def add(self, outputs: Outputs) -> None:
        """Take the outputs of one drain into the chain."""
        self._chain.add(outputs)

    def close_step(self, seq: int, ts_ns: int) -> None:
        """Write the hash record of the step that just closed."""
        self._segment.append(KIND_OUTPUT_HASH, 0, seq, ts_ns, self._chain.close_step())

    def close(self) -> None:
        """Make the journal appear."""
        self._segment.close()

    def abort(self) -> None:
        """Remove what was written."""
        self._segment.abort()


@dataclass(frozen=True, slots=True)
class JournalStep:
    """Inputs in order, and the hash record that follows them; `digest` is empty where none does yet."""

    inputs: memoryview
    block: bytes
    records: NDArray[np.void]
    """Of the inputs, as `native.scan_records` gives them; offsets count in `block`."""
    digest: bytes
    seq: int
    ts_ns: int


class Journal:
    """A journal on disk, read once from its beginning to its end; takes the memory of one block, whatever its size.

    A live journal (`.part`) may be read too: a last block that is cut off, or zeros that a power cut left, end it.
    SegmentError when the file is damaged or a plain segment.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_live = path.name.endswith(PART_SUFFIX)
        self._blocks = stream_blocks(path)
        self.whole_bytes = 0
        """How far the file has been read, in whole blocks."""
        self._first = self._next_block()
        self.header = header_of(path, self._first)

    def steps(self) -> Iterator[JournalStep]:
        """Yield the inputs in order, cut where a hash stands and where a block ends. Call it once."""
        block, records = self._first, scan(self.path, self._first)[1:]
        while block:
            yield from _steps_of(block, records)
            block = self._next_block()
            records = scan(self.path, block)

    def _next_block(self) -> bytes:
        """Return the next block, nothing at the end."""
        try:
            self.whole_bytes, block = next(self._blocks)
        except StopIteration:
            if self.whole_bytes == 0:
                raise SegmentError(self.path, 0, "empty file") from None
            return b""
        except SegmentError as error:
            is_torn = isinstance(error, TornError) or is_zeroed(self.path, self.whole_bytes)
            if not self._is_live or not is_torn or self.whole_bytes == 0:
                raise
            return b""
        return block


def is_zeroed(path: Path, begin: int) -> bool:
    """Tell whether nothing but zeros stands in a file from `begin` on: what a power cut leaves of a write."""
    with path.open("rb") as file:
        file.seek(begin)
        return not any(any(data) for data in iter(lambda: file.read(READ_BYTES), b""))


def _steps_of(block: bytes, records: NDArray[np.void]) -> Iterator[JournalStep]:
    """Yield the steps of one block."""
    begins = record_begins(records, len(block))
    view, start = memoryview(block), 0
    for index in [*np.flatnonzero(records["kind"] == KIND_OUTPUT_HASH).tolist(), len(records)]:
        inputs = view[int(begins[start]) : int(begins[index])]
        if index == len(records):
            if len(inputs):
                yield JournalStep(inputs, block, records[start:], b"", 0, 0)
            return
        row = records[index]
        digest = block[int(row["offset"]) : int(row["offset"]) + int(row["length"])]
        yield JournalStep(inputs, block, records[start:index], digest, int(row["seq"]), int(row["ts_ns"]))
        start = index + 1


def record_begins(records: NDArray[np.void], block_bytes: int) -> NDArray[np.int64]:
    """Return the byte at which each record of a block begins, and last the block's length.

    A payload begins at the same distance from its record's begin in all of them.
    """
    begins = np.empty(len(records) + 1, dtype=np.int64)
    begins[:-1] = records["offset"].astype(np.int64) - RECORD_HEAD_BYTES
    begins[-1] = block_bytes
    return begins
