"""Reads the fields of Binance's private messages: strict on what is needed, silent on what is not known.

A message without a needed field is a `FrameError` that names the field and shows the frame, cut short and without
anything secret. Numbers come as text, sometimes as JSON numbers; both are read.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn, cast

import orjson

from streaming.venues.gateway import FrameError

SHOWN_SIGNS: Final = 240
NS_PER_MS: Final = 1_000_000
INT64_MAX: Final = 2**63 - 1
INTEGER_SIGNS_MAX: Final = 20
_SECRETS: Final = re.compile(r'"(listenKey|apiKey|signature)"\s*:\s*"[^"]*"')
_BLANKS: Final = re.compile(r"\s+")
Row = Mapping[str, object]


def shown(data: bytes | str) -> str:
    """Return one bounded line of a message, without keys and signatures."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return _BLANKS.sub(" ", _SECRETS.sub(r'"\1":"(hidden)"', text[: 16 * SHOWN_SIGNS])).strip()[:SHOWN_SIGNS]


class Fields:
    """One JSON object of a message."""

    __slots__ = ("frame", "row")

    def __init__(self, row: object, frame: bytes) -> None:
        self.frame = frame
        if not isinstance(row, dict):
            raise FrameError(f"expected a JSON object, found {type(row).__name__}: {shown(frame)}")
        self.row: Row = row

    def text(self, name: str) -> str:
        """Return a text."""
        found = self.row.get(name)
        return found if isinstance(found, str) else self._fail(name, "a text")

    def text_or(self, name: str, otherwise: str = "") -> str:
        """Return a text that may be missing or null."""
        found = self.row.get(name)
        return found if isinstance(found, str) else otherwise

    def integer(self, name: str) -> int:
        """Return a whole number; `"12"` is one too."""
        found = self.row.get(name)
        if isinstance(found, str) and found.removeprefix("-").isdecimal() and len(found) <= INTEGER_SIGNS_MAX:
            return int(found)
        return found if isinstance(found, int) and not isinstance(found, bool) else self._fail(name, "a whole number")

    def integer_or(self, name: str, otherwise: int = 0) -> int:
        """Return a whole number that may be missing or null."""
        return otherwise if self.row.get(name) in (None, "") else self.integer(name)

    def ns(self, *names: str) -> int:
        """Return the first of these times that is there, told in ms, in ns; 0 without any: no order hangs on it."""
        name = next((name for name in names if self.row.get(name) not in (None, "")), "")
        ts_ns = self.integer(name) * NS_PER_MS if name else 0
        return ts_ns if 0 <= ts_ns <= INT64_MAX else self._fail(name, "a time in ms")

    def decimal(self, name: str) -> str:
        """Return a decimal as text, ready for exact reading."""
        found = self.row.get(name)
        if isinstance(found, int | float) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str):
            self._fail(name, "a decimal")
        try:
            if Decimal(found).is_finite():
                return found
        except InvalidOperation:
            pass
        return self._fail(name, "a decimal")

    def decimal_or(self, name: str, otherwise: str = "0") -> str:
        """Return a decimal that may be missing, null or empty."""
        return otherwise if self.row.get(name) in (None, "") else self.decimal(name)

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        found = self.row.get(name)
        return found if isinstance(found, bool) else self._fail(name, "true or false")

    def fields(self, name: str) -> "Fields":
        """Return the object in a field."""
        found = self.row.get(name)
        return Fields(found, self.frame) if isinstance(found, dict) else self._fail(name, "an object")

    def each(self, name: str) -> "Iterator[Fields]":
        """Return the objects of the list in a field."""
        return each(self.row.get(name), self.frame, name)

    def _fail(self, name: str, expected: str) -> NoReturn:
        found = shown(repr(self.row[name])) if name in self.row else "none"
        raise FrameError(f"expected {expected} in field {name!r}, found {found[:40]}: {shown(self.frame)}")


def each(rows: object, frame: bytes, name: str = "reply") -> Iterator[Fields]:
    """Return the objects of a JSON list."""
    if not isinstance(rows, list):
        raise FrameError(f"expected a list in {name!r}, found {type(rows).__name__}: {shown(frame)}")
    return (Fields(row, frame) for row in cast("list[object]", rows))


def json_of(data: bytes) -> object:
    """Return the JSON document in `data`; FrameError for what is none."""
    try:
        return cast(object, orjson.loads(data))
    except orjson.JSONDecodeError:
        raise FrameError(f"expected JSON, found {shown(data) or 'nothing'}") from None
