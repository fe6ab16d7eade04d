"""Points that wait on the disk: files of lines, compressed, that are sent as they stand.

A file is a chain of gzip members, one an append, which together are one gzip stream (RFC 1952): the server unpacks it
as any other. Whoever dies while appending leaves a torn last member; `whole_members` says what stands before it.

    0000000012.lp.gz.part       grows
    0000000012-4870.lp.gz       whole, 4870 points; the lowest number is the oldest
"""

import gzip
import re
import zlib
from dataclasses import dataclass
from typing import Final

PART_SUFFIX: Final = ".lp.gz.part"
SUFFIX: Final = ".lp.gz"
LEVEL: Final = 5

_SEALED = re.compile(r"(\d{10,})-(\d+)\.lp\.gz")
_PART = re.compile(r"(\d{10,})\.lp\.gz\.part")


@dataclass(frozen=True, slots=True)
class SpillName:
    """A file's number, and its points once it is whole."""

    number: int
    points: int | None = None

    @property
    def text(self) -> str:
        """The file's name."""
        if self.points is None:
            return f"{self.number:010d}{PART_SUFFIX}"
        return f"{self.number:010d}-{self.points}{SUFFIX}"


def parse_name(text: str) -> SpillName | None:
    """Read a file's name; None for one that is not ours."""
    if found := _SEALED.fullmatch(text):
        return SpillName(int(found[1]), int(found[2]))
    found = _PART.fullmatch(text)
    return None if found is None else SpillName(int(found[1]))


def member(lines: bytes) -> bytes:
    """Return lines as one member of a chain, or as the body of a request."""
    return gzip.compress(lines, LEVEL, mtime=0)


def whole_members(data: bytes) -> tuple[int, int]:
    """Return how many bytes at the beginning of `data` are whole members, and the lines in them."""
    end = lines = 0
    while end < len(data):
        reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            unpacked = reader.decompress(data[end:])
        except zlib.error:
            break
        if not reader.eof:
            break
        lines += unpacked.count(b"\n")
        end = len(data) - len(reader.unused_data)
    return end, lines
