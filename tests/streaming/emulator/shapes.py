"""Recorded messages, and what a message looks like: its keys in their order, with types."""

import gzip
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import orjson
import zstandard

RECORDED_FRAMES = 4_000


def raw_lines(path: Path, count: int = RECORDED_FRAMES) -> Iterator[dict]:
    with gzip.open(path, "rb") as file:
        for line in islice(file, count):
            yield orjson.loads(line.split(b" ", 1)[1])


def zstd_lines(path: Path) -> Iterator[dict]:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        for line in reader.read().splitlines():
            yield orjson.loads(line)


def shape(value):
    """Keys in their order, types, and for lists the set of their elements' shapes."""
    if isinstance(value, dict):
        return tuple((key, shape(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return ("list", frozenset(shape(inner) for inner in value))
    return type(value).__name__


def shapes(messages: Iterable[dict]) -> set:
    """Shapes of all messages, those with an empty side left out: what an empty list would hold cannot be seen."""
    found = {shape(message) for message in messages}
    whole = {each for each in found if "('list', frozenset())" not in repr(each)}
    assert whole, "expected messages of this kind"
    return whole
