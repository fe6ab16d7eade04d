"""Frames and files of raw segments: where a frame stands, and whether a file is whole and the one it was."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from streaming.errors import BadDataError, SegmentError
from streaming.runs import read_manifest
from streaming.segments import HOUR_NS, KIND_FRAME, read_header, scan, stream_blocks
from streaming.why.links import ALTERED, MISSING, OK, UNCHECKED, FileLink
from warehouse.lake import Lake

APART_NS = 2_000_000_000
"""A recorder beside the trader has a socket of its own: a frame reaches it this much earlier or later at most."""


@dataclass(frozen=True, slots=True)
class RawFrame:
    """A frame that raw segments hold."""

    run: str
    seq: int
    ts_recv_ns: int
    path: Path


def find_frame(lake: Lake, venue: str, ts_recv_ns: int, payload: bytes) -> RawFrame | None:
    """Return the frame of these very bytes received nearest to `ts_recv_ns`, None where no segment holds it."""
    found: list[RawFrame] = []
    for path in _segments_near(lake, venue, ts_recv_ns):
        run = read_header(path).run
        for seq, ts_ns, data in _frames_near(path, ts_recv_ns, len(payload)):
            if data == payload:
                found.append(RawFrame(run, seq, ts_ns, path))
    return min(found, key=lambda frame: (abs(frame.ts_recv_ns - ts_recv_ns), frame.run, frame.seq), default=None)


def file_of(lake: Lake, venue: str, run: str, seq: int, ts_recv_ns: int) -> Path | None:
    """Return the segment file of a run that holds the record `seq`."""
    for path in _segments_near(lake, venue, ts_recv_ns):
        if read_header(path).run == run:
            for _, block in stream_blocks(path):
                if (scan(path, block)["seq"] == seq).any():
                    return path
    return None


@dataclass(slots=True)
class SegmentChecks:
    """Looks at segment files, each once. `known` are the sha256 that were written down when the model was sealed."""

    lake: Lake
    known: Mapping[str, str] = field(default_factory=dict)
    is_quick: bool = False
    """Look at sizes alone."""
    _links: dict[str, FileLink] = field(default_factory=dict)

    def link(self, name: str) -> FileLink:
        """Return a file's link; `name` is its path in the lake."""
        if name not in self._links:
            self._links[name] = self._look(name)
        return self._links[name]

    def _look(self, name: str) -> FileLink:
        path, known = self.lake.root / name, self.known.get(name, "")
        if not path.is_file():
            return FileLink(name, MISSING, "the raw segment is gone: the frames behind it cannot be shown again", known)
        try:
            manifest = read_manifest(self.lake.root, read_header(path).run)
            if manifest is not None and manifest.files.get(name, path.stat().st_size) != path.stat().st_size:
                return FileLink(name, ALTERED, f"{manifest.files[name]} bytes when its run ended", known)
            if self.is_quick:
                return FileLink(name, UNCHECKED, "quick: it stands, its bytes were not read", known)
            return self._verified(name, path, known)
        except BadDataError as error:
            return FileLink(name, ALTERED, str(error), known)

    def _verified(self, name: str, path: Path, known: str) -> FileLink:
        """Check every record's checksum, and the file's own where it is known."""
        for _, block in stream_blocks(path):
            scan(path, block)
        digest = sha256_of(path)
        if known and digest != known:
            return FileLink(name, ALTERED, f"sha256 {known[:12]} when the model was sealed, now {digest[:12]}", known)
        return FileLink(name, OK, "" if known else "its checksums hold; no sha256 was written down", digest)


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _segments_near(lake: Lake, venue: str, ts_ns: int) -> Iterator[Path]:
    hours = sorted({(ts_ns + apart) // HOUR_NS for apart in (-APART_NS, 0, APART_NS)})
    for hour in hours:
        yield from lake.segments(venue, datetime.fromtimestamp(0, tz=UTC) + timedelta(hours=hour))


def _frames_near(path: Path, ts_ns: int, length: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield seq, time and payload of frames of that length; what stands behind a damaged place is not found."""
    try:
        for _, block in stream_blocks(path):
            records = scan(path, block)
            is_near = np.abs(records["ts_ns"] - ts_ns) <= APART_NS
            for row in records[(records["kind"] == KIND_FRAME) & (records["length"] == length) & is_near]:
                begin = int(row["offset"])
                yield int(row["seq"]), int(row["ts_ns"]), block[begin : begin + length]
    except SegmentError:
        return
