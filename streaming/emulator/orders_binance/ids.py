"""Ids that a venue makes up for clients, random to look at, the same in every run; and ids it remembers for a while."""

import hashlib
import string
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
SIGNS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
REMEMBERED_MAX: Final = 100_000


class MadeIds:
    """Ids of letters and digits, each once."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0

    def next(self, length: int = 22) -> str:
        """Return the next id, of at most 64 signs."""
        self._count += 1
        return letters(f"{self._name} {self._count}", length)


class Remembered(Generic[Key]):
    """Texts by key; the oldest are forgotten beyond REMEMBERED_MAX."""

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}

    def put(self, key: Key, text: str) -> None:
        """Remember a text."""
        self._texts[key] = text
        if len(self._texts) > REMEMBERED_MAX:
            del self._texts[next(iter(self._texts))]

    def get(self, key: Key) -> str | None:
        """Return the text of a key."""
        return self._texts.get(key)


def letters(text: str, length: int) -> str:
    """Return `length` letters and digits that follow from `text`."""
    digest = hashlib.sha512(text.encode()).digest()
    assert length <= len(digest)
    return "".join(SIGNS[byte % len(SIGNS)] for byte in digest[:length])
