"""`recordings.toml`: a folder of recordings, each entry one instrument's files with tick, size unit and lot."""

import tomllib
from pathlib import Path

from pydantic import Field, ValidationError

from native.config import DecimalText, Section
from streaming.errors import RecordingError
from streaming.importer import ImportRequest

FILE_NAME = "recordings.toml"


class Recording(Section):
    """One `[[recording]]`. Several files are one stream."""

    files: tuple[str, ...] = Field(min_length=1)
    venue: str
    instrument: str
    """The venue's symbol."""
    tick: DecimalText | None = None
    size_unit: DecimalText | None = None
    lot: DecimalText | None = None
    market: str | None = None


class RecordingsFile(Section):
    """The whole file."""

    recording: tuple[Recording, ...] = Field(min_length=1)


def read_recordings(folder: Path) -> list[ImportRequest]:
    """Return one import for each entry of `folder/recordings.toml`; RecordingError names file and key."""
    path = folder / FILE_NAME
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = RecordingsFile.model_validate(document).recording
    except FileNotFoundError:
        raise RecordingError(
            path,
            0,
            "not found; write a [[recording]] a stream (files, venue, instrument, tick, size_unit), or name the files",
        ) from None
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecordingError(path, 0, f"cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecordingError(path, 0, f"{key}: {_problem(first['type'], first['msg'])}") from error
    return [_request(folder, entry) for entry in entries]


def _problem(kind: str, text: str) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; expected one of: {', '.join(Recording.model_fields)}"
    if kind == "missing":
        return "expected a value, found none; add the key"
    return text.removeprefix("Value error, ")


def _request(folder: Path, entry: Recording) -> ImportRequest:
    return ImportRequest(
        files=tuple(folder / name for name in entry.files),
        venue=entry.venue,
        symbol=entry.instrument,
        tick=entry.tick,
        size_unit=entry.size_unit,
        lot=entry.lot,
        market=entry.market,
    )
