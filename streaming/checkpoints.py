"""Checkpoints of converted hours: the engine's state behind the settings that it belongs to, in one file.

First line: JSON. Then the bytes of `Engine.checkpoint`. A checkpoint continues only an engine with the same
instruments, grid and feed limits; its sources may differ.
"""

from dataclasses import dataclass
from pathlib import Path

import orjson

import native
from native.config import JsonObject
from streaming.errors import BadDataError
from warehouse.files import write_atomically

FORMAT = "lob-checkpoint"
VERSION = 2
_BINDING = ("instruments", "grid", "feed")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state and the part of the engine's document that it is bound to."""

    path: Path
    engine: JsonObject
    state: bytes

    def difference(self, document: JsonObject) -> str | None:
        """Return the first section in which `document` differs from the settings of this state."""
        bound = binding(document)
        return next((key for key in _BINDING if self.engine[key] != bound[key]), None)

    def restore_into(self, engine: native.Engine) -> None:
        """Give the state to an engine of the same settings; BadDataError when its bytes are damaged."""
        try:
            engine.restore(self.state)
        except ValueError as error:
            raise BadDataError(f"{self.path}: {error}; remove it and convert that hour again") from error


def binding(document: JsonObject) -> JsonObject:
    """Return the part of an engine's document that a checkpoint is bound to, as JSON would give it back."""
    found: JsonObject = orjson.loads(orjson.dumps({key: document.get(key) for key in _BINDING}))
    return found


def write_checkpoint(path: Path, document: JsonObject, state: bytes) -> None:
    """Write the state of an engine made from `document`."""
    first = orjson.dumps({"format": FORMAT, "version": VERSION, "engine": binding(document)})
    write_atomically(path, first + b"\n" + state)


def read_checkpoint(path: Path) -> Checkpoint | None:
    """Return a checkpoint, None when there is none; BadDataError when it is damaged."""
    if not path.is_file():
        return None
    first, _, state = path.read_bytes().partition(b"\n")
    try:
        words = orjson.loads(first)
        if (words["format"], words["version"]) != (FORMAT, VERSION):
            raise ValueError(f"expected format {FORMAT!r} version {VERSION}")
        return Checkpoint(path, words["engine"], state)
    except (ValueError, KeyError, TypeError) as error:
        raise BadDataError(f"{path}: not a checkpoint ({error}); remove it and convert that hour again") from error
