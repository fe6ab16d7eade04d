"""The three forms that recordings come in, told from their content, read line by line.

    time_json    `<receive time> <json>`; a REST snapshot stands inline as a plain object
    cryptofeed   {"t": "header" | "http" | "connect" | "recv", "conn", "ts", "data"}, one JSON object a line
    market_raw   {"recv_ts", "market", "raw"}, one JSON object a line

Files may be plain, gzip or zstd (told from the first bytes). Payloads are the venue's bytes, unchanged. Receive times
are read as text: a float has 53 bits, which is too few for nanoseconds since 1970.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import zstandard

from streaming.errors import RecordingError
from streaming.venues.subjects import KIND_CONTROL, KIND_DEPTH, KIND_EXCHANGE_INFO, Subject, subject_of

LINE_BYTES_MAX = 64 << 20
"""A longer line is not a message of any venue."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# Digits left of the point tell the unit; 11 digits of seconds end in the year 5138.
_SHIFT_BY_DIGITS = {**dict.fromkeys((9, 10, 11), 9), **dict.fromkeys((12, 13, 14), 6)}
_SHIFT_BY_DIGITS |= {**dict.fromkeys((15, 16, 17), 3), **dict.fromkeys((18, 19), 0)}
_TIME_JSON = re.compile(rb"^(\d+(?:\.\d+)?)[ \t]+(?=[{\[])")
_RECV_TS = re.compile(rb'"recv_ts"\s*:\s*"?(\d+(?:\.\d+)?)')
_TS = re.compile(rb'"ts"\s*:\s*"?(\d+(?:\.\d+)?)')
_CRYPTOFEED_VENUES = {"BINANCE": "binance_spot", "BINANCE_FUTURES": "binance_usdm", "BYBIT": "bybit_spot"}


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """One message of a recording."""

    line: int
    ts_recv_ns: int
    stream: str
    """The connection inside the file; order is judged within one stream only."""
    market: str
    """Bybit's word for the market, or empty where the form has none."""
    subject: Subject
    payload: bytes


def parse_time_ns(text: str) -> int:
    """Return ns since 1970 of a receive time in s, ms, µs or ns, told by magnitude; ValueError otherwise."""
    whole, _, fraction = text.partition(".")
    shift = _SHIFT_BY_DIGITS.get(len(whole))
    if shift is None or not whole.isdigit():
        raise ValueError(f"expected a time since 1970 in s, ms, µs or ns, found {text!r}")
    digits = fraction[:shift].ljust(shift, "0")
    return int(whole + digits)


def read_frames(path: Path, venue: str) -> Iterator[RecordedFrame]:
    """Yield every message of `path`, which must be of `venue`; RecordingError names file and line."""
    lines = numbered_lines(path)
    first = next(lines, None)
    if first is None:
        raise RecordingError(path, 0, "empty file: expected recorded messages")
    reader = _READERS[form_of(path, first[1])]
    line = first[0]
    try:
        yield from reader(path, venue, *first)
        for line, text in lines:
            yield from reader(path, venue, line, text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = str(error) if isinstance(error, ValueError) else f"no {error}"
        raise RecordingError(
            path,
            line,
            f"expected a whole recorded message, found it truncated or altered ({problem}); repair that line",
        ) from error


def form_of(path: Path, line: bytes) -> str:
    """Return the name of the form that a file's first line shows; RecordingError when it is none of the three."""
    if _TIME_JSON.match(line):
        return "time_json"
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        document = None
    if isinstance(document, dict) and "t" in document:
        return "cryptofeed"
    if isinstance(document, dict) and {"recv_ts", "raw"} <= document.keys():
        return "market_raw"
    raise RecordingError(
        path, 1, f"expected '<time> <json>', cryptofeed or recv_ts/market/raw lines, found {line[:60]!r}"
    )


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end); blank lines are passed over."""
    number = 0
    try:
        with path.open("rb") as file, _opened(file) as stream:
            while line := stream.readline(LINE_BYTES_MAX):
                number += 1
                if number == 1:
                    line = line.removeprefix(BYTE_ORDER_MARK)
                if line.strip():
                    yield number, line.rstrip(b"\r\n")
    except (gzip.BadGzipFile, EOFError, zlib.error, zstandard.ZstdError) as error:
        problem = f"compressed data is damaged or cut off after line {number}: {error}; copy the file anew"
        raise RecordingError(path, 0, problem) from error
    except OSError as error:
        raise RecordingError(path, 0, f"cannot be read: {error.strerror or error}") from error


def _opened(file: BinaryIO) -> io.BufferedReader:
    magic = file.read(4)
    file.seek(0)
    if magic[:2] == b"\x1f\x8b":
        return io.BufferedReader(_GzipBytes(file), 1 << 20)
    if magic == b"\x28\xb5\x2f\xfd":
        return io.BufferedReader(_ZstdBytes(file), 1 << 20)
    return cast(io.BufferedReader, file)


class _GzipBytes(io.RawIOBase):
    """Decompressed bytes of a gzip file, handed on as they come: what stands before a damage is still read."""

    def __init__(self, file: BinaryIO) -> None:
        self._gzip = gzip.GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the begin of `buffer` with what comes next; 0 at the end."""
        view = memoryview(cast(bytearray, buffer))
        data = self._gzip.read1(min(len(view), 1 << 17))
        view[: len(data)] = data
        return len(data)


class _ZstdBytes(io.RawIOBase):
    """Decompressed bytes of a file of zstd frames; unlike zstandard's own reader it notices a cut-off end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._inside = False
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with what comes next; 0 at the end."""
        view = memoryview(cast(bytearray, buffer))
        while not self._ready:
            if not self._decompress_more():
                return 0
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decompress_more(self) -> bool:
        data = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._inside = False
        data = data or self._file.read(1 << 17)
        if not data:
            if self._inside:
                raise EOFError("the last zstd frame has no end")
            return False
        self._inside = True
        self._ready = self._frame.decompress(data)
        return True


def _read_time_json(path: Path, venue: str, line: int, text: bytes) -> Iterator[RecordedFrame]:
    match = _TIME_JSON.match(text)
    if match is None:
        raise RecordingError(path, line, f"expected '<receive time> <json>', found {text[:60]!r}")
    payload = text[match.end() :]
    subject = subject_of(orjson.loads(payload))
    yield RecordedFrame(line, parse_time_ns(match[1].decode()), "", "", subject, payload)


def _read_cryptofeed(path: Path, venue: str, line: int, text: bytes) -> Iterator[RecordedFrame]:
    record = orjson.loads(text)
    kind = record["t"]
    if kind == "header":
        _check_cryptofeed_venue(path, venue, record["exchange"])
        return
    ts_recv_ns = _time_in(text, _TS)
    if kind not in ("http", "recv"):
        yield RecordedFrame(line, ts_recv_ns, record["conn"], "", Subject(KIND_CONTROL), b"")
        return
    payload = record["data"].encode()
    subject = _http_subject(record["url"]) if kind == "http" else subject_of(orjson.loads(payload))
    yield RecordedFrame(line, ts_recv_ns, record["conn"], "", subject, payload)


def _check_cryptofeed_venue(path: Path, venue: str, exchange: str) -> None:
    found = _CRYPTOFEED_VENUES.get(exchange)
    if found != venue:
        raise RecordingError(
            path, 1, f"recorded from {exchange!r} ({found or 'a venue we do not decode'}), not {venue}"
        )


def _http_subject(url: str) -> Subject:
    parts = urlsplit(url)
    if parts.path.endswith("/depth"):
        return Subject(KIND_DEPTH, parse_qs(parts.query)["symbol"][0])
    is_info = parts.path.endswith(("/exchangeInfo", "/instruments-info"))
    return Subject(KIND_EXCHANGE_INFO if is_info else KIND_CONTROL)


def _read_market_raw(path: Path, venue: str, line: int, text: bytes) -> Iterator[RecordedFrame]:
    record = orjson.loads(text)
    payload = record["raw"].encode()
    market = record["market"]
    subject = subject_of(orjson.loads(payload))
    yield RecordedFrame(line, _time_in(text, _RECV_TS), market, market, subject, payload)


def _time_in(text: bytes, pattern: re.Pattern[bytes]) -> int:
    match = pattern.search(text)
    if match is None:
        raise ValueError(f"no receive time as {pattern.pattern.decode()}")
    return parse_time_ns(match[1].decode())


_READERS = {"time_json": _read_time_json, "cryptofeed": _read_cryptofeed, "market_raw": _read_market_raw}
