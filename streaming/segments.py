"""Segment files: frames exactly as received, in the core's record form, in zstd frames of about 1 MiB.

A file is whole or absent: it grows under a temporary name and is renamed once it is on disk. Its first record
(kind 0) is a JSON header with the instrument and source tables, so that a file replays alone. Record bytes are made
and checked by `native` only (length, kind, version, source, seq, ts_ns, payload, crc32c).

    raw/venue=V/date=YYYY-MM-DD/hour=HH/<run>-<connection>-<n>.seg.zst
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

import native
from native.config import JsonObject
from streaming.errors import SegmentError, TornError
from warehouse.files import sync

KIND_HEADER, KIND_FRAME, KIND_TIMER, KIND_FORECAST, KIND_COMMAND, KIND_REQUEST, KIND_OUTPUT_HASH, KIND_WISHES = range(8)

FORMAT = "lob-segment"
VERSION = 1
HOUR_NS = 3_600_000_000_000
BLOCK_BYTES = 1 << 20
"""Records gathered before they are compressed as one zstd frame."""
ZSTD_LEVEL = 3
READ_BYTES = 1 << 16
RECORD_HEAD_BYTES = 24
"""Of a record before its payload."""
BUILD = "0.1.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentEntry:
    """One row of a header's instrument table. Decimals are text; `id` means nothing outside the header."""

    id: int
    venue: str
    symbol: str
    market_type: str
    """`perpetual` or `spot`."""
    tick: str
    size_unit: str
    """The finest decimal that the venue prints for a size."""
    lot: str
    """Step of our own orders' sizes."""
    maker_fee_bps: str
    taker_fee_bps: str
    base: str = ""
    quote: str = ""
    valid_from_ns: int = 0

    @property
    def name(self) -> str:
        """The instrument as settings and commands write it: `venue:SYMBOL`."""
        return f"{self.venue}:{self.symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One row of a header's source table: where frames came from. `instrument` is None for a shared socket."""

    id: int
    venue: str
    instrument: str | None
    kind: str
    """`websocket`, `rest_depth`, `rest_exchange_info` or `sim_private`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginFile:
    """A file that frames were imported from."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentHeader:
    """What the first record of a segment or journal holds."""

    run: str
    instruments: tuple[InstrumentEntry, ...]
    sources: tuple[SourceEntry, ...]
    generated: bool = False
    origin: tuple[OriginFile, ...] = ()
    build: str = BUILD
    engine: JsonObject | None = None
    """The engine's whole document; journals only."""
    bundle: str | None = None
    """Hash of the model's bundle; journals of a trader with a model only."""

    def to_json(self) -> bytes:
        """Return the header's payload; equal headers give equal bytes."""
        document = {"format": FORMAT, "version": VERSION, **asdict(self)}
        document["origin"] = {"files": document["origin"]}
        return orjson.dumps(document)

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """Return the header in `payload`; ValueError, KeyError or TypeError when it is not one."""
        document = orjson.loads(payload)
        if document.pop("format") != FORMAT or document.pop("version") != VERSION:
            raise ValueError(f"expected format {FORMAT!r} version {VERSION}")
        origin = document.pop("origin")["files"]
        return cls(
            instruments=tuple(InstrumentEntry(**entry) for entry in document.pop("instruments")),
            sources=tuple(SourceEntry(**entry) for entry in document.pop("sources")),
            origin=tuple(OriginFile(**entry) for entry in origin),
            **document,
        )

    def instrument_rows(self) -> list[JsonObject]:
        """Return the instrument table as the engine's document takes it."""
        return [asdict(entry) for entry in self.instruments]

    def source_rows(self) -> list[JsonObject]:
        """Return the source table as the engine's document takes it."""
        return [asdict(entry) for entry in self.sources]


class SegmentWriter:
    """Writes one file. `close` makes it appear, `abort` removes what was written; do one of the two.

    Append records with `ts_ns` that never goes back and a `seq` unique to the run (0 is the header's).
    """

    def __init__(self, path: Path, header: SegmentHeader) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._temporary.open("wb")
        self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
        self._parts: list[bytes] = []
        self._size = 0
        self._ts_ns = 0
        self.records = 0
        try:
            self.append(KIND_HEADER, 0, 0, 0, header.to_json())
            self._flush()  # a frame of its own, so that the header is read without the rest
        except BaseException:
            self.abort()
            raise

    @property
    def path(self) -> Path:
        """Where the file will stand once closed."""
        return self._path

    def append(self, kind: int, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        """Append one record; ValueError when time goes back."""
        if ts_ns < self._ts_ns:
            raise ValueError(f"{self._path}: record {seq}: expected ts_ns >= {self._ts_ns}, found {ts_ns}")
        self._ts_ns = ts_ns
        self.extend(native.encode_record(kind, source, seq, ts_ns, payload))
        self.records += 1

    def extend(self, encoded: bytes) -> None:
        """Append records that are encoded already and in order."""
        self._parts.append(encoded)
        self._size += len(encoded)
        if self._size >= BLOCK_BYTES:
            self._flush()

    def finish(self) -> None:
        """Put everything on disk under the temporary name; `publish` then makes it appear."""
        self._flush()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def publish(self) -> None:
        """Rename the finished file to its name."""
        self._temporary.replace(self._path)
        sync(self._path.parent)

    def close(self) -> None:
        """Finish and publish."""
        self.finish()
        self.publish()

    def abort(self) -> None:
        """Remove what was written; a file that was published stays."""
        with suppress(OSError):  # the disk is full: what waits cannot be flushed, and need not be
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _flush(self) -> None:
        if not self._parts:
            return
        try:
            self._file.write(self._compressor.compress(b"".join(self._parts)))
            self._file.flush()
        except OSError as error:  # a full disk says no name by itself
            raise OSError(error.errno, error.strerror, str(self._path)) from error
        self._parts.clear()
        self._size = 0


class HourlySegments:
    """Routes the records of one connection to the file of their hour; all files appear together at `close`."""

    def __init__(self, lake_root: Path, header: SegmentHeader, venue: str, connection: int) -> None:
        self._lake_root = lake_root
        self._header = header
        self._venue = venue
        self._connection = connection
        self._hour = -1
        self._writers: list[SegmentWriter] = []

    def append(self, kind: int, source: int, seq: int, ts_ns: int, payload: bytes) -> None:
        """Append one record; see `SegmentWriter.append`."""
        if ts_ns // HOUR_NS != self._hour:
            self._open_hour(ts_ns)
        self._writers[-1].append(kind, source, seq, ts_ns, payload)

    def close(self) -> list[Path]:
        """Make every file appear and return their paths, by hour."""
        if self._writers:
            self._writers[-1].finish()
        for writer in self._writers:
            writer.publish()
        return [writer.path for writer in self._writers]

    def abort(self) -> None:
        """Remove what was written."""
        for writer in self._writers:
            writer.abort()

    def _open_hour(self, ts_ns: int) -> None:
        if ts_ns // HOUR_NS < self._hour:
            raise ValueError(f"run {self._header.run}: time goes back to {ts_ns} ns, before the open hour")
        if self._writers:
            self._writers[-1].finish()
        self._hour = ts_ns // HOUR_NS
        folder = segment_folder(self._lake_root, self._venue, ts_ns)
        name = f"{self._header.run}-{self._connection}-0.seg.zst"
        self._writers.append(SegmentWriter(folder / name, self._header))


def segment_folder(lake_root: Path, venue: str, ts_ns: int) -> Path:
    """Return the folder of raw segments of `venue` for the hour that holds `ts_ns`."""
    hour = datetime.fromtimestamp(ts_ns // 1_000_000_000, tz=UTC)
    return lake_root / "raw" / f"venue={venue}" / f"date={hour:%Y-%m-%d}" / f"hour={hour:%H}"


def read_block(path: Path) -> bytes:
    """Return all records of a segment or journal, header first; SegmentError names file and byte.

    Checks the compression, not the records: `native.scan_records` and `Engine.process` check those.
    """
    blocks = [block for _, block in stream_blocks(path)]
    if not blocks:
        raise SegmentError(path, 0, "empty file")
    return b"".join(blocks)


def stream_blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each zstd frame's records and the byte of the file at which it ends; whole records, header first.

    Reads as it goes, so that a file of any size takes little memory. Raises TornError when the last frame is cut off
    and SegmentError when one is damaged; both name the byte at which that frame begins.
    """
    decompressor = zstandard.ZstdDecompressor()
    position = 0
    with path.open("rb") as file:
        waiting = file.read(READ_BYTES)
        while waiting:
            frame, parts, begin = decompressor.decompressobj(), [], position
            while not frame.eof:
                if not waiting:
                    raise TornError(path, begin, "the last block is cut off")
                try:
                    parts.append(frame.decompress(waiting))
                except zstandard.ZstdError as error:
                    raise SegmentError(path, begin, f"not whole: {error}") from error
                position += len(waiting)
                waiting = b"" if frame.eof else file.read(READ_BYTES)
            position -= len(frame.unused_data)
            yield position, b"".join(parts)
            waiting = frame.unused_data or file.read(READ_BYTES)


def scan(path: Path, block: bytes) -> NDArray[np.void]:
    """Return the record table of `block` (fields as `native.scan_records`); SegmentError names file and byte."""
    try:
        return native.scan_records(block)
    except ValueError as error:
        raise SegmentError(path, None, str(error)) from error


def read_header(path: Path) -> SegmentHeader:
    """Return the header of a segment or journal; reads the start of the file only."""
    frame = zstandard.ZstdDecompressor().decompressobj()
    try:
        with path.open("rb") as file:
            block = frame.decompress(file.read(BLOCK_BYTES))
    except zstandard.ZstdError as error:
        raise SegmentError(path, 0, f"not whole: {error}") from error
    if not frame.eof:
        raise SegmentError(path, 0, "the first block is cut off")
    return header_of(path, block)


def header_of(path: Path, block: bytes) -> SegmentHeader:
    """Return the header at the start of `block`, which was read from `path`."""
    records = scan(path, block)
    if len(records) == 0 or records[0]["kind"] != KIND_HEADER:
        raise SegmentError(path, 0, "expected a header record first")
    first = records[0]
    start = int(first["offset"])
    try:
        return SegmentHeader.from_json(block[start : start + int(first["length"])])
    except (ValueError, KeyError, TypeError) as error:
        raise SegmentError(path, start, f"header: {error}") from error


def with_engine(header: SegmentHeader, engine: JsonObject, bundle: str | None) -> SegmentHeader:
    """Return `header` for a journal: with the engine's document and the bundle's hash."""
    return replace(header, engine=engine, bundle=bundle)
