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

from streaming.segments import KIND_HEADER, KIND_OUTPUT_HASH, SegmentHeader, SegmentWriter, header_of, read_block, scan

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
    """The inputs up to one hash record, and that record. `digest` is empty after the last one."""

    inputs: memoryview
    digest: bytes
    seq: int
    ts_ns: int


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal in memory."""

    path: Path
    header: SegmentHeader
    block: bytes
    records: NDArray[np.void]

    def steps(self) -> Iterator[JournalStep]:
        """Yield the journal's steps in order."""
        begins = self._record_begins()
        view = memoryview(self.block)
        start = int(begins[1]) if len(begins) > 1 else len(self.block)
        for index in np.flatnonzero(self.records["kind"] == KIND_OUTPUT_HASH):
            record = self.records[index]
            offset = int(record["offset"])
            digest = self.block[offset : offset + int(record["length"])]
            yield JournalStep(view[start : int(begins[index])], digest, int(record["seq"]), int(record["ts_ns"]))
            start = int(begins[index + 1])
        if start < len(self.block):
            yield JournalStep(view[start:], b"", 0, 0)

    def _record_begins(self) -> NDArray[np.int64]:
        """Return the byte at which each record begins, and the block's length."""
        return record_begins(self.records, len(self.block))


def record_begins(records: NDArray[np.void], block_bytes: int) -> NDArray[np.int64]:
    """Return the byte at which each record of a block begins, and last the block's length.

    Records stand back to back and a payload begins at the same distance from its record's begin in all of them.
    """
    begins = np.empty(len(records) + 1, dtype=np.int64)
    if len(records):
        begins[:-1] = records["offset"].astype(np.int64) - int(records["offset"][0])
    begins[-1] = block_bytes
    return begins


def read_journal(path: Path) -> Journal:
    """Return the journal at `path`; SegmentError when it is damaged or a plain segment."""
    block = read_block(path)
    records = scan(path, block)
    assert KIND_HEADER == 0
    return Journal(path, header_of(path, block), block, records)
