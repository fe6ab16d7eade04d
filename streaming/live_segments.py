"""Segment files that grow while they are recorded, and what to do with one whose writer died.

A live file is `<name>.seg.zst.part` beside its later place, so no reader takes it for a segment. It is only appended
to: each flush is one whole zstd frame of whole records, the header's first. Flushing hands the bytes to the operating
system, so the death of the process costs at most what was not flushed; `sync` forces them to the disk, against power
cuts. `seal` gives the file its name, at the end of its hour or of the run.

A process that dies while it writes leaves a torn tail. `recover_segments` cuts it at the last whole zstd frame, which
is the last whole record, and seals the rest; call it under the recorder's lock.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import zstandard

import native
from streaming.errors import BadDataError, SegmentError
from streaming.runs import RunManifest, manifest_path, write_manifest
from streaming.segments import (
    KIND_FRAME,
    KIND_HEADER,
    ZSTD_LEVEL,
    SegmentHeader,
    header_of,
    read_block,
    scan,
)
from warehouse.files import sync

PART_SUFFIX = ".part"
RUN_PREFIX = "recorded-"
"""Of the names of the recorder's runs."""
REST_DEPTH = "rest_depth"


class LiveSegment:
    """One growing file. Every method but `seal` may raise OSError when the disk is full; the file stays whole."""

    def __init__(self, path: Path, header: SegmentHeader) -> None:
        self.path = path
        self._part = path.with_name(path.name + PART_SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Appending mode: after a write that was taken back the next one goes to the new end.
        self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self.size = 0
        self.is_synced = False
        try:
            self.append(native.encode_record(KIND_HEADER, 0, 0, 0, header.to_json()))
            self.sync()
        except OSError:  # a file without its header is of no use
            os.close(self._descriptor)
            self._part.unlink()
            raise

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Go on appending to the live file of `path`, which must end with a whole zstd frame."""
        segment = cls.__new__(cls)
        segment.path = path
        segment._part = path.with_name(path.name + PART_SUFFIX)
        segment._descriptor = os.open(segment._part, os.O_WRONLY | os.O_APPEND)
        segment._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        segment.size = os.fstat(segment._descriptor).st_size
        segment.is_synced = False
        return segment

    def append(self, records: bytes) -> None:
        """Append whole records as one zstd frame; a write that fails half-way is taken back."""
        data = self._compressor.compress(records)
        try:
            written = 0
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError as error:
            os.ftruncate(self._descriptor, self.size)
            raise OSError(error.errno, error.strerror, str(self._part)) from error
        self.size += len(data)
        self.is_synced = False

    def sync(self) -> None:
        """Force what was appended to the disk."""
        if self.is_synced:
            return
        self.is_synced = True  # before the call: another thread may append while it runs
        try:
            os.fsync(self._descriptor)
        except OSError:
            self.is_synced = False
            raise

    def seal(self) -> Path:
        """Force everything to the disk, give the file its name and return it."""
        self.sync()
        os.close(self._descriptor)
        self._part.replace(self.path)
        sync(self.path.parent)
        return self.path

    def abandon(self) -> None:
        """Let go of the file as it is."""
        os.close(self._descriptor)


@dataclass(frozen=True, slots=True)
class RecoveredSegment:
    """A file whose writer died."""

    path: Path
    run: str
    records: int
    """Records kept, the header left out."""
    cut_bytes: int


def recover_segments(lake_root: Path) -> list[RecoveredSegment]:
    """Cut and seal every live file under `lake_root`, and write the manifests that a killed recorder left unwritten.

    A file without a whole record is removed. Raises BadDataError when what is left is not records: the disk lost
    bytes in the middle, and a person must look.
    """
    found = []
    for part in sorted((lake_root / "raw").glob(f"venue=*/date=*/hour=*/*.seg.zst{PART_SUFFIX}")):
        try:
            recovered = _recover(part)
        except SegmentError as error:
            raise BadDataError(f"{error}; or move the file away, then record again") from error
        if recovered is not None:
            found.append(recovered)
    for run in sorted({item.run for item in found} | _recorded_runs(lake_root)):
        if not manifest_path(lake_root, run).is_file():
            write_manifest(lake_root, run_manifest(lake_root, run))
    return found


def run_manifest(lake_root: Path, run: str) -> RunManifest:
    """Return the manifest of a recorded run, read from its sealed segments, of which there is at least one."""
    paths = sorted((lake_root / "raw").glob(f"venue=*/date=*/hour=*/{run}-*.seg.zst"))
    frames = snapshots = 0
    times: list[int] = []
    names: dict[str, None] = {}
    for path in paths:
        block = read_block(path)
        header, records = header_of(path, block), scan(path, block)[1:]
        names.update(dict.fromkeys(entry.name for entry in header.instruments))
        depth = [source.id for source in header.sources if source.kind == REST_DEPTH]
        is_frame = records["kind"] == KIND_FRAME
        frames += int(is_frame.sum())
        snapshots += int((is_frame & np.isin(records["source"], depth)).sum())
        times += [int(records["ts_ns"][0]), int(records["ts_ns"][-1])] if len(records) else []
    return RunManifest(
        run=run,
        instruments=tuple(names),
        origin=(),
        files=file_sizes(lake_root, paths),
        frames=frames,
        snapshots=snapshots,
        ts_from_ns=min(times, default=0),
        ts_to_ns=max(times, default=0),
    )


def file_sizes(lake_root: Path, paths: Iterable[Path]) -> dict[str, int]:
    """Return each file's place in the lake and its bytes."""
    return {str(path.relative_to(lake_root)): path.stat().st_size for path in paths}


def whole_frames_bytes(data: bytes) -> int:
    """Return the length of the whole zstd frames at the start of `data`."""
    decompressor = zstandard.ZstdDecompressor()
    position = 0
    while position < len(data):
        frame = decompressor.decompressobj()
        try:
            frame.decompress(memoryview(data)[position:])
        except zstandard.ZstdError:
            break
        if not frame.eof:
            break
        position = len(data) - len(frame.unused_data)
    return position


def _recorded_runs(lake_root: Path) -> set[str]:
    """Return the recorder's runs that have a sealed segment; a kill may have come before the manifest."""
    paths = (lake_root / "raw").glob(f"venue=*/date=*/hour=*/{RUN_PREFIX}*.seg.zst")
    return {path.name.removesuffix(".seg.zst").rsplit("-", 2)[0] for path in paths}


def _recover(part: Path) -> RecoveredSegment | None:
    data = part.read_bytes()
    kept = whole_frames_bytes(data)
    if kept < len(data):
        os.truncate(part, kept)
    block = read_block(part) if kept else b""
    records = len(scan(part, block)) - 1 if kept else 0
    if records < 1:
        part.unlink()
        return None
    run = header_of(part, block).run
    with part.open("rb") as file:
        os.fsync(file.fileno())
    path = part.with_name(part.name.removesuffix(PART_SUFFIX))
    part.replace(path)
    sync(path.parent)
    return RecoveredSegment(path, run, records, len(data) - kept)
